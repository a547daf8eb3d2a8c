//! How long to wait for what.

use std::time::Duration;

/// Four times, each for another kind of trouble. None of the defaults ends a transfer that moves, however slow it is.
///
/// ```
/// use std::time::Duration;
/// use vimeo_ext::Timeouts;
/// let patient = Timeouts::default().stall(Duration::from_secs(120)).total(Duration::from_secs(600));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// To make a connection. Not used with a client of your own. Default: 10 s.
    pub connect: Duration,
    /// In which nothing at all moved: no byte of the body went out, no byte of the answer came in. Default: 60 s.
    pub stall: Duration,
    /// For one attempt, moving or not. Default: none.
    pub attempt: Option<Duration>,
    /// For a call with all its attempts and waits, moving or not. Default: none.
    pub total: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), stall: Duration::from_secs(60), attempt: None, total: None }
    }
}

impl Timeouts {
    /// Sets [`connect`](Self::connect).
    #[must_use]
    pub fn connect(mut self, time: Duration) -> Self {
        self.connect = time;
        self
    }

    /// Sets [`stall`](Self::stall).
    #[must_use]
    pub fn stall(mut self, time: Duration) -> Self {
        self.stall = time;
        self
    }

    /// Sets [`attempt`](Self::attempt).
    #[must_use]
    pub fn attempt(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.attempt = time.into();
        self
    }

    /// Sets [`total`](Self::total).
    #[must_use]
    pub fn total(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.total = time.into();
        self
    }
}
