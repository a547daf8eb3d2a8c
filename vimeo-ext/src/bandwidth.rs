//! A limit on bytes per second that several transfers can share.

use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::timeouts::MAX_TIMEOUT;

/// A limit on bytes per second. Clones share it: pass one limit to several uploads to limit them together.
///
/// ```
/// use std::num::NonZeroU64;
/// use vimeo_ext::upload::Bandwidth;
/// let two_mib = Bandwidth::new(NonZeroU64::new(2 * 1024 * 1024).unwrap());
/// let same_two_mib = two_mib.clone();
/// // No limit at night, even for uploads that are already running.
/// two_mib.change(None);
/// assert_eq!(same_two_mib.rate(), None);
/// ```
#[derive(Debug, Clone)]
pub struct Bandwidth(Arc<Mutex<BandwidthLimiter>>);

#[derive(Debug)]
struct BandwidthLimiter {
    bytes_per_second: Option<NonZeroU64>,
    free_at: Option<Instant>,
}

impl Bandwidth {
    /// Creates a limit, averaged over tenths of a second.
    pub fn new(bytes_per_second: NonZeroU64) -> Self {
        let bandwidth = Self::unlimited();
        bandwidth.change(bytes_per_second);
        bandwidth
    }

    /// Creates a value without a limit, until [`change`](Self::change) sets one.
    pub fn unlimited() -> Self {
        Self(Arc::new(Mutex::new(BandwidthLimiter { bytes_per_second: None, free_at: None })))
    }

    /// Changes the limit for all clones, even while they upload; `None` removes it.
    ///
    /// What each upload has reserved already, up to a tenth of a second, is still sent at the old rate.
    pub fn change(&self, bytes_per_second: impl Into<Option<NonZeroU64>>) {
        self.limiter().bytes_per_second = bytes_per_second.into();
    }

    /// Returns the current limit in bytes per second; `None` if there is none.
    pub fn rate(&self) -> Option<NonZeroU64> {
        self.limiter().bytes_per_second
    }

    /// Returns the maximum length of a frame: a tenth of a second's worth.
    #[cfg(feature = "upload")]
    pub(crate) fn max_frame_len(&self) -> usize {
        self.rate().map_or(usize::MAX, |rate| usize::try_from(rate.get() / 10).unwrap_or(usize::MAX).max(1))
    }

    /// Reserves `bytes` and returns when they may be sent.
    ///
    /// Each reservation starts where the one before ends, so uploads that share the limit take turns without knowing
    /// of each other.
    pub(crate) fn reserve(&self, bytes: usize, now: Instant) -> Instant {
        let mut limiter = self.limiter();
        let Some(rate) = limiter.bytes_per_second else { return now };
        let seconds = bytes as f64 / rate.get() as f64;
        let start = limiter.free_at.map_or(now, |free| free.max(now));
        limiter.free_at =
            start.checked_add(Duration::try_from_secs_f64(seconds).unwrap_or(MAX_TIMEOUT).min(MAX_TIMEOUT));
        start
    }

    fn limiter(&self) -> MutexGuard<'_, BandwidthLimiter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn reservations_are_spaced_by_the_rate() {
        let limiter = Bandwidth::new(NonZeroU64::new(1000).unwrap());
        let other = limiter.clone();
        let now = Instant::now();
        #[cfg(feature = "upload")]
        assert_eq!(limiter.max_frame_len(), 100);
        assert_eq!(limiter.reserve(100, now), now);
        assert_eq!(other.reserve(500, now), now + Duration::from_millis(100));
        assert_eq!(limiter.reserve(100, now), now + Duration::from_millis(600));
        // An idle limiter saves nothing up.
        let later = now + Duration::from_secs(60);
        assert_eq!(limiter.reserve(100, later), later);
        assert_eq!(limiter.reserve(100, later), later + Duration::from_millis(100));
        // From here on five times the rate, then no limit.
        other.change(NonZeroU64::new(5000));
        #[cfg(feature = "upload")]
        assert_eq!(limiter.max_frame_len(), 500);
        assert_eq!(limiter.reserve(500, later), later + Duration::from_millis(200));
        assert_eq!(limiter.reserve(500, later), later + Duration::from_millis(300));
        limiter.change(None);
        assert_eq!((other.reserve(500, later), other.rate()), (later, None));
    }
}
