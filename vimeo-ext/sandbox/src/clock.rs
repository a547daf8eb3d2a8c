//! The time a world lives in.
//!
//! Everything that depends on time (creation times, link and token expiry, rate windows, transcoding) asks the
//! world's clock, so a test turns the clock instead of sleeping.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A world's clock: real by default, or frozen, set and advanced by hand.
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

/// How a clock goes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// The machine's time plus what was advanced or set.
    Real(#[serde(with = "milliseconds")] TimeDelta),
    Frozen(DateTime<Utc>),
}

impl Default for Mode {
    fn default() -> Self {
        Self::Real(TimeDelta::zero())
    }
}

/// Durations as a number of seconds.
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

/// Differences of time, as whole milliseconds.
mod milliseconds {
    use chrono::TimeDelta;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(delta: &TimeDelta, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(delta.num_milliseconds())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TimeDelta, D::Error> {
        let milliseconds = i64::deserialize(deserializer)?;
        TimeDelta::try_milliseconds(milliseconds).ok_or_else(|| D::Error::custom("a time too long"))
    }
}

/// The first time that a clock shows.
pub(crate) const EARLIEST: DateTime<Utc> = DateTime::UNIX_EPOCH;

/// The last time that a clock shows: dates after it have years of five digits, and what is added to them can be too large.
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
    /// A clock that goes with the machine's.
    #[must_use]
    pub fn real() -> Self {
        Self::of(Mode::Real(TimeDelta::zero()))
    }

    /// A clock that stands still at `at` until it is advanced or set.
    #[must_use]
    pub fn frozen(at: DateTime<Utc>) -> Self {
        Self::of(Mode::Frozen(at))
    }

    /// A clock that goes as `mode` says.
    pub(crate) fn of(mode: Mode) -> Self {
        Self { mode: Arc::new(Mutex::new(mode)) }
    }

    pub(crate) fn mode(&self) -> Mode {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the clock go as it once did.
    pub(crate) fn restore(&self, mode: Mode) {
        self.change(|_| mode);
    }

    /// Whether the clock stands still.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        matches!(self.mode(), Mode::Frozen(_))
    }

    fn change(&self, to: impl FnOnce(Mode) -> Mode) {
        let mut mode = self.mode.lock().unwrap_or_else(PoisonError::into_inner);
        *mode = to(*mode);
    }

    /// The world's time now.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.mode.lock().unwrap_or_else(PoisonError::into_inner).now()
    }

    /// Stops the clock where it stands.
    pub fn freeze(&self) {
        self.change(|mode| Mode::Frozen(mode.now()));
    }

    /// Lets a frozen clock go on from where it stands.
    pub fn resume(&self) {
        self.change(|mode| Mode::Real(mode.now() - Utc::now()));
    }

    /// Moves the clock to `at`; a frozen clock stays frozen there, a real one goes on from there.
    pub fn set(&self, at: DateTime<Utc>) {
        self.change(|mode| mode.moved_to(at));
    }

    /// Moves the clock forward by `by`. What falls due in between happens, in order, before the next answer.
    pub fn advance(&self, by: Duration) {
        // A step beyond what a date can hold stays where it is rather than wrapping round.
        let step = TimeDelta::from_std(by).unwrap_or(TimeDelta::zero());
        self.change(|mode| mode.now().checked_add_signed(step).map_or(mode, |at| mode.moved_to(at)));
    }
}

/// Vimeo's spelling of a time: seconds, and the zone as an offset.
pub(crate) fn iso(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, false)
}

/// The form of `Last-Modified` and `If-Modified-Since`.
pub(crate) fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Reads a header that [`http_date`] wrote, to the second.
pub(crate) fn parse_http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text).ok().map(|at| at.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_vimeo_writes_them() {
        let at = DateTime::from_timestamp(1_680_991_930, 999_000_000).unwrap();
        assert_eq!(iso(at), "2023-04-08T22:12:10+00:00");
        assert_eq!(http_date(at), "Sat, 08 Apr 2023 22:12:10 GMT");
        assert_eq!(parse_http_date(&http_date(at)).unwrap().timestamp(), at.timestamp());
        assert_eq!(parse_http_date("yesterday"), None);
    }

    #[test]
    fn a_frozen_clock_moves_only_by_hand() {
        let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let clock = Clock::frozen(start);
        assert_eq!(clock.now(), start);
        clock.advance(Duration::from_secs(90));
        assert_eq!((clock.now() - start).num_seconds(), 90);
        clock.set(start);
        assert_eq!(clock.now(), start);
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), start);
        for (at, shown) in [
            (DateTime::<Utc>::MAX_UTC, "9999-12-31T23:59:59+00:00"),
            (DateTime::<Utc>::MIN_UTC, "1970-01-01T00:00:00+00:00"),
        ] {
            clock.set(at);
            assert_eq!(iso(clock.now()), shown);
        }
        let ahead = Clock::of(Mode::Real(TimeDelta::MAX));
        assert_eq!(ahead.now(), LATEST);
        clock.set(start);
        clock.resume();
        assert!(clock.now() >= start);
    }
}
