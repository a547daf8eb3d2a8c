//! The wall clock.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use chrono::{DateTime, Utc};

/// The wall clock for expiry dates and rate limits. Default: the system's.
///
/// Delays use tokio's clock, so a test with a paused runtime needs [`Clock::with_runtime`].
///
/// ```
/// let clock = vimeo_ext::Clock::default();
/// assert!(clock.now().timestamp() > 1_600_000_000);
/// ```
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>>);

impl Clock {
    /// Creates a clock from a function.
    pub fn new(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(now)))
    }

    /// Creates a clock that shows `start` now and advances with tokio's clock: it stands still while that is paused.
    pub fn with_runtime(start: DateTime<Utc>) -> Self {
        let started = tokio::time::Instant::now();
        Self::new(move || start + started.elapsed())
    }

    /// Returns the current time.
    pub fn now(&self) -> DateTime<Utc> {
        self.0.as_ref().map_or_else(|| SystemTime::now().into(), |now| now())
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Clock(own)" } else { "Clock(system)" })
    }
}
