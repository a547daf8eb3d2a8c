//! The clocks of worlds.
//!
//! Everything that depends on time (creation times, the expiry of links and tokens, rate-limit windows, transcoding)
//! reads the world's clock, so tests advance the clock instead of sleeping.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// The clock of a world: real by default; it can be frozen, set and advanced.
///
/// Clones share the same time.
///
/// ```
/// use std::time::Duration;
/// use vimeo_sandbox::Clock;
///
/// let clock = Clock::real();
/// clock.freeze();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!((clock.now() - before).num_seconds(), 60);
/// ```
#[derive(Debug, Clone)]
pub struct Clock {
    mode: Arc<Mutex<Mode>>,
}

/// Whether a clock runs or is frozen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// Follows the system clock, shifted by this offset.
    Real(#[serde(with = "milliseconds")] TimeDelta),
    Frozen(DateTime<Utc>),
}

impl Default for Mode {
    fn default() -> Self {
        Self::Real(TimeDelta::zero())
    }
}

/// Serializes durations as a number of seconds.
pub(crate) mod seconds {
    use std::time::Duration;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(time.as_secs_f64())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Serializes time differences as whole milliseconds.
mod milliseconds {
    use chrono::TimeDelta;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(delta: &TimeDelta, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(delta.num_milliseconds())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TimeDelta, D::Error> {
        let milliseconds = i64::deserialize(deserializer)?;
        TimeDelta::try_milliseconds(milliseconds)
            .ok_or_else(|| D::Error::custom("the time difference is out of range"))
    }
}

/// The earliest time that a clock shows.
pub(crate) const EARLIEST: DateTime<Utc> = DateTime::UNIX_EPOCH;

/// The latest time that a clock shows. Later years have five digits, and adding to such a date can overflow.
pub(crate) const LATEST: DateTime<Utc> = match DateTime::from_timestamp(253_402_300_799, 0) {
    Some(at) => at,
    None => DateTime::UNIX_EPOCH,
};

impl Mode {
    fn now(self) -> DateTime<Utc> {
        match self {
            Self::Real(offset) => Utc::now().checked_add_signed(offset).unwrap_or(LATEST),
            Self::Frozen(at) => at,
        }
        .clamp(EARLIEST, LATEST)
    }

    fn moved_to(self, at: DateTime<Utc>) -> Self {
        match self {
            Self::Real(_) => Self::Real(at - Utc::now()),
            Self::Frozen(_) => Self::Frozen(at),
        }
    }
}

impl Clock {
    /// Returns a clock that follows the system clock.
    #[must_use]
    pub fn real() -> Self {
        Self::of(Mode::Real(TimeDelta::zero()))
    }

    /// Returns a clock that is frozen at `at` until it is advanced, set or resumed.
    #[must_use]
    pub fn frozen(at: DateTime<Utc>) -> Self {
        Self::of(Mode::Frozen(at))
    }

    /// Returns a clock in this mode.
    pub(crate) fn of(mode: Mode) -> Self {
        Self { mode: Arc::new(Mutex::new(mode)) }
    }

    pub(crate) fn mode(&self) -> Mode {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the clock to an earlier mode.
    pub(crate) fn restore(&self, mode: Mode) {
        self.change(|_| mode);
    }

    /// Returns whether the clock is frozen.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        matches!(self.mode(), Mode::Frozen(_))
    }

    fn change(&self, to: impl FnOnce(Mode) -> Mode) {
        let mut mode = self.mode.lock().unwrap_or_else(PoisonError::into_inner);
        *mode = to(*mode);
    }

    /// Returns the current time of this clock.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.mode.lock().unwrap_or_else(PoisonError::into_inner).now()
    }

    /// Freezes the clock at its current time.
    pub fn freeze(&self) {
        self.change(|mode| Mode::Frozen(mode.now()));
    }

    /// Resumes a frozen clock from its current time.
    pub fn resume(&self) {
        self.change(|mode| Mode::Real(mode.now() - Utc::now()));
    }

    /// Sets the clock to `at`. A frozen clock stays frozen; a running clock continues from there. Times outside the
    /// years 1970 to 9999 are clamped.
    pub fn set(&self, at: DateTime<Utc>) {
        self.change(|mode| mode.moved_to(at));
    }

    /// Advances the clock by `by`. Whatever falls due in between happens in order, before the next response. A step
    /// beyond the range of dates is ignored.
    pub fn advance(&self, by: Duration) {
        let step = TimeDelta::from_std(by).unwrap_or(TimeDelta::zero());
        self.change(|mode| mode.now().checked_add_signed(step).map_or(mode, |at| mode.moved_to(at)));
    }
}

/// Formats a time like Vimeo: whole seconds, with the zone as an offset.
pub(crate) fn iso(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, false)
}

/// Formats a time for `Last-Modified` and `If-Modified-Since`.
pub(crate) fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Parses the output of [`http_date`], to the second.
pub(crate) fn parse_http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text).ok().map(|at| at.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_times_like_vimeo() {
        let at = DateTime::from_timestamp(1_680_991_930, 999_000_000).unwrap();
        assert_eq!(iso(at), "2023-04-08T22:12:10+00:00");
        assert_eq!(http_date(at), "Sat, 08 Apr 2023 22:12:10 GMT");
        assert_eq!(parse_http_date(&http_date(at)).unwrap().timestamp(), at.timestamp());
        assert_eq!(parse_http_date("yesterday"), None);
    }

    #[test]
    fn frozen_clock_moves_only_explicitly() {
        let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let clock = Clock::frozen(start);
        assert_eq!(clock.now(), start);
        clock.advance(Duration::from_secs(90));
        assert_eq!((clock.now() - start).num_seconds(), 90);
        clock.set(start);
        assert_eq!(clock.now(), start);
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), start);
        for (at, expected) in [
            (DateTime::<Utc>::MAX_UTC, "9999-12-31T23:59:59+00:00"),
            (DateTime::<Utc>::MIN_UTC, "1970-01-01T00:00:00+00:00"),
        ] {
            clock.set(at);
            assert_eq!(iso(clock.now()), expected);
        }
        let ahead = Clock::of(Mode::Real(TimeDelta::MAX));
        assert_eq!(ahead.now(), LATEST);
        clock.set(start);
        clock.resume();
        assert!(clock.now() >= start);
    }
}
