//! The settings of retries.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

#[cfg(any(feature = "download", feature = "upload"))]
use super::backoff::Backoff;

/// When and how often calls are retried.
///
/// Set it for a client with [`VimeoBuilder::retry`](crate::VimeoBuilder::retry), and for one call as an extension:
///
/// ```no_run
/// use vimeo_ext::RetryPolicy;
/// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
/// let me = vimeo.get("/me").extension(RetryPolicy::never()).send().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// The maximum number of attempts, including the first. Default: 4.
    pub attempts: u32,
    /// The maximum delay before the first retry; it doubles with each attempt. Default: 500 ms.
    pub initial_backoff: Duration,
    /// The maximum delay, unless the server names one. Default: 20 s.
    pub max_backoff: Duration,
    /// The maximum delay that the server can ask for. If it asks for more, the call fails at once. Default: 90 s.
    pub max_retry_after: Duration,
    /// The time after which no further attempt begins. An attempt in flight is not cancelled. Default: 120 s.
    pub max_elapsed: Duration,
    /// Whether the call can be executed twice, regardless of its method. Default: false, so that `POST` and `PATCH` are retried only if
    /// they had no effect.
    pub idempotent: bool,
    jitter: Option<Arc<dyn Fn() -> f64 + Send + Sync>>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 4,
            initial_backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(20),
            max_retry_after: Duration::from_secs(90),
            max_elapsed: Duration::from_secs(120),
            idempotent: false,
            jitter: None,
        }
    }
}

impl vimeo_api::RetryOption for RetryPolicy {}

impl RetryPolicy {
    /// Makes a policy with a single attempt.
    pub fn never() -> Self {
        Self::default().attempts(1)
    }

    /// Sets [`attempts`](Self::attempts); at least 1.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Sets [`initial_backoff`](Self::initial_backoff) and [`max_backoff`](Self::max_backoff).
    #[must_use]
    pub fn backoff(mut self, initial_backoff: Duration, max_backoff: Duration) -> Self {
        self.initial_backoff = initial_backoff;
        self.max_backoff = max_backoff;
        self
    }

    /// Sets [`max_retry_after`](Self::max_retry_after).
    #[must_use]
    pub fn max_retry_after(mut self, max_retry_after: Duration) -> Self {
        self.max_retry_after = max_retry_after;
        self
    }

    /// Sets [`max_elapsed`](Self::max_elapsed).
    #[must_use]
    pub fn max_elapsed(mut self, max_elapsed: Duration) -> Self {
        self.max_elapsed = max_elapsed;
        self
    }

    /// Sets [`idempotent`](Self::idempotent).
    #[must_use]
    pub fn idempotent(mut self, idempotent: bool) -> Self {
        self.idempotent = idempotent;
        self
    }

    /// Sets the source of the random numbers in `0.0..=1.0` that scale the delays; for tests. Default: a fast generator.
    #[must_use]
    pub fn jitter(mut self, jitter: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        self.jitter = Some(Arc::new(jitter));
        self
    }

    /// Returns the wait of a transfer after `failures` earlier failures in a row without progress, for one draw of `random` in
    /// `0.0..=1.0`. A transfer obeys a `Retry-After` up to `max_retry_after`.
    #[cfg(any(feature = "download", feature = "upload"))]
    pub(crate) fn transfer_delay(
        &self,
        failures: u32,
        random: f64,
        retry_after: Option<Duration>,
    ) -> Duration {
        let delay = Backoff::new(self.initial_backoff, self.max_backoff).delay(failures, random);
        // A server that names a wait would refuse an earlier request, but a mistaken header must not suspend a transfer for a day.
        retry_after.map_or(delay, |retry_after| delay.max(retry_after.min(self.max_retry_after)))
    }

    pub(crate) fn random(&self) -> f64 {
        self.jitter.as_ref().map_or_else(fastrand::f64, |jitter| jitter().clamp(0.0, 1.0))
    }
}

impl fmt::Debug for RetryPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryPolicy")
            .field("attempts", &self.attempts)
            .field("initial_backoff", &self.initial_backoff)
            .field("max_backoff", &self.max_backoff)
            .field("max_retry_after", &self.max_retry_after)
            .field("max_elapsed", &self.max_elapsed)
            .field("idempotent", &self.idempotent)
            .finish_non_exhaustive()
    }
}
