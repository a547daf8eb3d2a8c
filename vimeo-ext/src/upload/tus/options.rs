//! The options of an upload: retries, timeouts, chunks, bandwidth.

use std::fmt;
use std::time::Duration;

use super::plan::Chunking;
use crate::bandwidth::Bandwidth;
use crate::retry::{Backoff, RetryPolicy};

/// The options of an upload. The defaults suit most connections.
///
/// ```
/// use std::time::Duration;
/// use vimeo_ext::upload::{Chunking, SUGGESTED_CHUNK, UploadOptions};
/// let options = UploadOptions::new()
///     .chunking(Chunking::Fixed(SUGGESTED_CHUNK))
///     .stall_timeout(Duration::from_secs(120))
///     .attempts(30)
///     .deadline(Duration::from_secs(6 * 3600));
/// # let _ = options;
/// ```
#[derive(Clone)]
pub struct UploadOptions {
    pub(crate) retry: RetryPolicy,
    pub(crate) chunking: Chunking,
    pub(crate) stall_timeout: Duration,
    pub(crate) response_timeout: Duration,
    pub(crate) deadline: Option<Duration>,
    pub(crate) bandwidth: Option<Bandwidth>,
}

impl Default for UploadOptions {
    fn default() -> Self {
        Self {
            retry: Self::default_retry(),
            chunking: Chunking::default(),
            stall_timeout: Duration::from_secs(60),
            response_timeout: Duration::from_secs(180),
            deadline: None,
            bandwidth: None,
        }
    }
}

impl fmt::Debug for UploadOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadOptions")
            .field("retry", &self.retry)
            .field("chunking", &self.chunking)
            .field("stall_timeout", &self.stall_timeout)
            .field("response_timeout", &self.response_timeout)
            .field("deadline", &self.deadline)
            .field("bandwidth", &self.bandwidth)
            .finish()
    }
}

impl UploadOptions {
    /// Returns the default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the default retry policy of uploads: 15 attempts, waits of at most 30 s, no limit on the elapsed time. With
    /// these, a server that fails every request is given up after about four and a half minutes at most.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vimeo_ext::upload::UploadOptions;
    /// let retry = UploadOptions::default_retry().max_elapsed(Duration::from_secs(3600));
    /// let options = UploadOptions::new().retry(retry);
    /// ```
    pub fn default_retry() -> RetryPolicy {
        let cap = Duration::from_secs(30);
        RetryPolicy::default()
            .attempts(15)
            .backoff(Duration::from_millis(500), cap)
            .max_retry_after(cap)
            .max_elapsed(Duration::MAX)
    }

    /// Sets when a failed request is retried; the type is the one that calls use. Default:
    /// [`default_retry`](Self::default_retry).
    ///
    /// This replaces what [`attempts`](Self::attempts), [`backoff`](Self::backoff) and [`jitter`](Self::jitter) set before.
    ///
    /// For an upload the policy counts from the last progress: whenever the server gets further than before, the attempts
    /// start again, and the elapsed time starts with the next failure. A `Retry-After` longer than
    /// [`max_retry_after`](RetryPolicy::max_retry_after) is shortened to it. [`idempotent`](RetryPolicy::idempotent) has no
    /// effect, because the server's offset makes every request safe to repeat.
    #[must_use]
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Sets the [`attempts`](RetryPolicy::attempts) of the retry policy: attempts in a row without progress; at least 1.
    /// Default: 15.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.retry = self.retry.attempts(attempts);
        self
    }

    /// Sets the waits of the retry policy. A `Retry-After` is obeyed up to the longest of them.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        let Backoff { base, cap } = backoff;
        self.retry = self.retry.backoff(base, cap).max_retry_after(cap.max(base));
        self
    }

    /// Sets the source of the random numbers in `0.0..=1.0` that scale the waits; for tests. Default: a fast generator,
    /// seeded by the system.
    #[must_use]
    pub fn jitter(mut self, jitter: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        self.retry = self.retry.jitter(jitter);
        self
    }

    /// Sets how the bytes are split into requests. Default: [`Chunking::Whole`].
    #[must_use]
    pub fn chunking(mut self, chunking: Chunking) -> Self {
        self.chunking = chunking;
        self
    }

    /// Sets how long a request may make no progress before it is aborted and retried. Default: 60 s.
    ///
    /// A transfer that makes progress is never aborted, however slow it is. Time during which the source has no data, a
    /// bandwidth limit holds the bytes back, or the upload is paused does not count.
    #[must_use]
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.stall_timeout = timeout;
        self
    }

    /// Sets how long the server may take to respond after the last byte of a request. Default: 180 s.
    #[must_use]
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// Limits the time of the whole upload, not counting pauses. A request in flight is aborted when it is over. Default: no
    /// limit.
    #[must_use]
    pub fn deadline(mut self, deadline: impl Into<Option<Duration>>) -> Self {
        self.deadline = deadline.into();
        self
    }

    /// Limits the bytes per second; clones of one [`Bandwidth`] share its limit. Default: no limit.
    #[must_use]
    pub fn bandwidth(mut self, bandwidth: impl Into<Option<Bandwidth>>) -> Self {
        self.bandwidth = bandwidth.into();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_stable() {
        let UploadOptions { retry, stall_timeout, response_timeout, deadline, .. } = UploadOptions::new();
        assert_eq!((retry.attempts, retry.initial_backoff, retry.max_backoff), (15, ms(500), ms(30_000)));
        assert_eq!((retry.max_retry_after, retry.max_elapsed), (ms(30_000), Duration::MAX));
        assert_eq!((stall_timeout, response_timeout, deadline), (ms(60_000), ms(180_000), None));
    }

    #[test]
    fn retry_after_extends_the_wait_up_to_its_maximum() {
        let backoff = |base, cap| UploadOptions::new().backoff(Backoff::new(ms(base), ms(cap))).retry;
        // (policy, failures, random, Retry-After, wait)
        let table = [
            (UploadOptions::default_retry(), 0, 0.0, Some(ms(3_000)), ms(3_000)),
            (UploadOptions::default_retry(), 3, 1.0, Some(ms(3_000)), ms(4_000)),
            (UploadOptions::default_retry(), 0, 0.0, Some(ms(86_400_000)), ms(30_000)),
            (UploadOptions::default_retry(), 2, 0.5, None, ms(1_000)),
            (RetryPolicy::default(), 0, 0.0, Some(ms(60_000)), ms(60_000)),
            (backoff(0, 0), 5, 1.0, Some(ms(60_000)), ms(0)),
            (backoff(1_000, 2_000), 9, 1.0, Some(ms(60_000)), ms(2_000)),
        ];
        for (policy, failures, random, retry_after, wait) in table {
            let found = policy.transfer_delay(failures, random, retry_after);
            assert_eq!(found, wait, "{policy:?}, {failures} failures, Retry-After {retry_after:?}");
        }
    }

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }
}
