//! Timeouts, and sums of times that cannot overflow.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::time::Duration;

#[cfg(any(feature = "accounts", feature = "webhooks", test))]
use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

/// The longest timeout. It is practically unlimited, and every clock can add it.
pub(crate) const MAX_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Returns the instant after this time from now, or after [`MAX_TIMEOUT`] if that is shorter.
#[cfg(any(feature = "accounts", feature = "shared-limits", feature = "upload"))]
pub(crate) fn after(time: Duration) -> Instant {
    later(Instant::now(), time)
}

/// Adds a time to an instant, or [`MAX_TIMEOUT`] if that is shorter.
pub(crate) fn later(instant: Instant, time: Duration) -> Instant {
    // The fallback is for clocks whose range ends within a year.
    instant.checked_add(time.min(MAX_TIMEOUT)).unwrap_or(instant)
}

/// Adds a time to a date, up to the latest date.
#[cfg(any(feature = "accounts", feature = "webhooks", test))]
pub(crate) fn later_date(date: DateTime<Utc>, time: Duration) -> DateTime<Utc> {
    let later = TimeDelta::from_std(time).ok().and_then(|time| date.checked_add_signed(time));
    later.unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Scales a time by a random number `chance` in `0.0..=1.0`. If `chance` is not finite, returns the whole time.
pub(crate) fn jittered(time: Duration, chance: f64) -> Duration {
    let chance = if chance.is_finite() { chance.clamp(0.0, 1.0) } else { 1.0 };
    // The longest times do not survive the conversion to floating point.
    Duration::try_from_secs_f64(time.as_secs_f64() * chance).map_or(time, |scaled| scaled.min(time))
}

/// The timeouts of a client. None of the defaults ends a transfer that makes progress, however slow it is.
///
/// ```
/// use std::time::Duration;
/// use vimeo_ext::Timeouts;
/// let timeouts = Timeouts::default().stall(Duration::from_secs(120)).total(Duration::from_secs(600));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// The timeout to connect. Not used with an HTTP client of your own. Default: 10 s.
    pub connect: Duration,
    /// The time without progress: no byte of the request sent, no byte of the response received. Default: 60 s.
    pub stall: Duration,
    /// The timeout of one attempt, even if it makes progress. Default: none.
    pub attempt: Option<Duration>,
    /// The timeout of a call with all its attempts and delays, even if it makes progress. Default: none.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_any_time_without_overflow() {
        let table = [
            (Duration::from_secs(8), 0.25, Duration::from_secs(2)),
            (Duration::from_secs(8), -1.0, Duration::ZERO),
            (Duration::from_secs(8), f64::NAN, Duration::from_secs(8)),
            (Duration::MAX, 1.0, Duration::MAX),
            (Duration::MAX, 0.0, Duration::ZERO),
        ];
        for (time, chance, expected) in table {
            assert_eq!(jittered(time, chance), expected, "{chance} of {time:?}");
        }
    }

    #[test]
    fn long_times_are_added_without_overflow() {
        let now = Instant::now();
        assert_eq!(later(now, Duration::MAX), now + MAX_TIMEOUT);
        assert_eq!(later(now, Duration::from_secs(5)), now + Duration::from_secs(5));
        let date = DateTime::UNIX_EPOCH;
        assert_eq!(later_date(date, Duration::from_secs(5)).timestamp(), 5);
        for (date, time) in [(date, Duration::MAX), (DateTime::<Utc>::MAX_UTC, Duration::from_secs(1))] {
            assert_eq!(later_date(date, time), DateTime::<Utc>::MAX_UTC);
        }
    }
}
