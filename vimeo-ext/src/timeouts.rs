//! How long to wait for what.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::time::Duration;

#[cfg(any(feature = "accounts", feature = "webhooks", test))]
use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

/// A time beyond it is as good as none, and within what every clock can add.
pub(crate) const A_YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// When a time that begins now is over, however long it is.
#[cfg(any(feature = "accounts", feature = "shared-limits", feature = "upload"))]
pub(crate) fn after(time: Duration) -> Instant {
    later(Instant::now(), time)
}

/// The instant that lies this long after another, or a year after it where that is longer.
pub(crate) fn later(instant: Instant, time: Duration) -> Instant {
    // A clock that cannot tell a year from now has nothing later to tell either.
    instant.checked_add(time.min(A_YEAR)).unwrap_or(instant)
}

/// The time that lies this long after another, or the last there is.
#[cfg(any(feature = "accounts", feature = "webhooks", test))]
pub(crate) fn later_date(date: DateTime<Utc>, time: Duration) -> DateTime<Utc> {
    let later = TimeDelta::from_std(time).ok().and_then(|time| date.checked_add_signed(time));
    later.unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// A random share of a time, for one draw of `chance` in `0.0..=1.0`; all of it where that is no such number.
pub(crate) fn share(time: Duration, chance: f64) -> Duration {
    let chance = if chance.is_finite() { chance.clamp(0.0, 1.0) } else { 1.0 };
    // The longest times do not come out of floating point as they went in.
    Duration::try_from_secs_f64(time.as_secs_f64() * chance).map_or(time, |share| share.min(time))
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_any_time_is_one() {
        let table = [
            (Duration::from_secs(8), 0.25, Duration::from_secs(2)),
            (Duration::from_secs(8), -1.0, Duration::ZERO),
            (Duration::from_secs(8), f64::NAN, Duration::from_secs(8)),
            (Duration::MAX, 1.0, Duration::MAX),
            (Duration::MAX, 0.0, Duration::ZERO),
        ];
        for (time, chance, expected) in table {
            assert_eq!(share(time, chance), expected, "{chance} of {time:?}");
        }
    }

    #[test]
    fn no_time_is_too_long_to_be_added() {
        let now = Instant::now();
        assert_eq!(later(now, Duration::MAX), now + A_YEAR);
        assert_eq!(later(now, Duration::from_secs(5)), now + Duration::from_secs(5));
        let date = DateTime::UNIX_EPOCH;
        assert_eq!(later_date(date, Duration::from_secs(5)).timestamp(), 5);
        for (date, time) in [(date, Duration::MAX), (DateTime::<Utc>::MAX_UTC, Duration::from_secs(1))] {
            assert_eq!(later_date(date, time), DateTime::<Utc>::MAX_UTC);
        }
    }
}
