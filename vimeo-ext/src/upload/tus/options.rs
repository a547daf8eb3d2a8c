//! How an upload is done: patience, chunks, limits.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::bandwidth::Bandwidth;
use super::machine::RetryLimits;
use super::plan::Chunking;
use crate::retry::Backoff;

/// How an upload is done. The defaults suit most lines.
///
/// ```
/// use std::time::Duration;
/// use vimeo_ext::upload::{Chunking, SUGGESTED_CHUNK, UploadOptions};
/// let options = UploadOptions::new()
///     .chunking(Chunking::Fixed(SUGGESTED_CHUNK))
///     .stall_timeout(Duration::from_secs(120))
///     .deadline(Duration::from_secs(6 * 3600));
/// # let _ = options;
/// ```
#[derive(Clone)]
pub struct UploadOptions {
    pub(crate) chunking: Chunking,
    pub(crate) stall_timeout: Duration,
    pub(crate) response_timeout: Duration,
    pub(crate) deadline: Option<Duration>,
    pub(crate) attempts: u32,
    pub(crate) backoff: Backoff,
    pub(crate) bandwidth: Option<Bandwidth>,
    pub(crate) jitter: Jitter,
}

type Jitter = Arc<dyn Fn() -> f64 + Send + Sync>;

impl Default for UploadOptions {
    fn default() -> Self {
        Self {
            chunking: Chunking::default(),
            stall_timeout: Duration::from_secs(60),
            response_timeout: Duration::from_secs(180),
            deadline: None,
            attempts: 15,
            backoff: Backoff::default(),
            bandwidth: None,
            jitter: Arc::new(fastrand::f64),
        }
    }
}

impl fmt::Debug for UploadOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadOptions")
            .field("chunking", &self.chunking)
            .field("stall_timeout", &self.stall_timeout)
            .field("response_timeout", &self.response_timeout)
            .field("deadline", &self.deadline)
            .field("attempts", &self.attempts)
            .field("backoff", &self.backoff)
            .field("bandwidth", &self.bandwidth)
            .finish_non_exhaustive()
    }
}

impl UploadOptions {
    /// The defaults, to change from there.
    pub fn new() -> Self {
        Self::default()
    }

    /// How the bytes are spread over requests. Default: [`Chunking::Whole`].
    #[must_use]
    pub fn chunking(mut self, chunking: Chunking) -> Self {
        self.chunking = chunking;
        self
    }

    /// Time without any movement after which a request is given up and tried again. Default: 60 s.
    ///
    /// A transfer that moves is never ended, however slow it is. Time in which the source has
    /// nothing to give, in which a bandwidth limit holds the bytes back, or in which the upload is
    /// paused does not count.
    #[must_use]
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.stall_timeout = timeout;
        self
    }

    /// Time the server may take to answer once the last byte of a request went out. Default: 180 s.
    #[must_use]
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// Time for the whole upload, pauses not counted. Default: no limit.
    #[must_use]
    pub fn deadline(mut self, deadline: impl Into<Option<Duration>>) -> Self {
        self.deadline = deadline.into();
        self
    }

    /// Tries in a row without progress before it is given up; at least 1. Default: 15, which with
    /// the default waits is about four and a half minutes at most.
    ///
    /// Whenever the server got further than it ever was, the count starts again.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// How long to wait between tries.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Limits the bytes a second; clones of one [`Bandwidth`] share it. Default: no limit.
    #[must_use]
    pub fn bandwidth(mut self, bandwidth: impl Into<Option<Bandwidth>>) -> Self {
        self.bandwidth = bandwidth.into();
        self
    }

    /// Where the random numbers in `0.0..=1.0` come from that scale the waits; for tests. Default:
    /// a fast generator, seeded by the system.
    #[must_use]
    pub fn jitter(mut self, jitter: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        self.jitter = Arc::new(jitter);
        self
    }

    pub(crate) fn patience(&self) -> RetryLimits {
        RetryLimits { attempts: self.attempts, backoff: self.backoff, deadline: self.deadline }
    }
}
