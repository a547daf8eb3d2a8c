//! A limit on bytes a second that several uploads can share.

use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A limit on bytes a second. Clones share it: give one to several uploads to limit them together.
///
/// ```
/// use std::num::NonZeroU64;
/// use vimeo_ext::upload::Bandwidth;
/// let two_mib = Bandwidth::new(NonZeroU64::new(2 * 1024 * 1024).unwrap());
/// let same_two_mib = two_mib.clone();
/// # let _ = same_two_mib;
/// ```
#[derive(Debug, Clone)]
pub struct Bandwidth {
    bytes_per_second: NonZeroU64,
    free_at: Arc<Mutex<Option<Instant>>>,
}

impl Bandwidth {
    /// At most so many bytes a second, evened out over tenths of a second.
    pub fn new(bytes_per_second: NonZeroU64) -> Self {
        Self { bytes_per_second, free_at: Arc::default() }
    }

    /// The most to send at once: a tenth of a second's worth.
    pub(crate) fn slice(&self) -> usize {
        usize::try_from(self.bytes_per_second.get() / 10).unwrap_or(usize::MAX).max(1)
    }

    /// Books `bytes` on the line and says when they may go.
    ///
    /// Each booking starts where the one before ends, so uploads that share the limit take turns
    /// without knowing of one another.
    pub(crate) fn book(&self, bytes: usize, now: Instant) -> Instant {
        let seconds = bytes as f64 / self.bytes_per_second.get() as f64;
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let start = free_at.map_or(now, |free| free.max(now));
        *free_at = Some(start + Duration::from_secs_f64(seconds));
        start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bookings_follow_one_another_at_the_rate() {
        let line = Bandwidth::new(NonZeroU64::new(1000).unwrap());
        let other = line.clone();
        let now = Instant::now();
        assert_eq!(line.slice(), 100);
        assert_eq!(line.book(100, now), now);
        assert_eq!(other.book(500, now), now + Duration::from_millis(100));
        assert_eq!(line.book(100, now), now + Duration::from_millis(600));
        // An idle line saves nothing up.
        let later = now + Duration::from_secs(60);
        assert_eq!(line.book(100, later), later);
        assert_eq!(line.book(100, later), later + Duration::from_millis(100));
    }
}
