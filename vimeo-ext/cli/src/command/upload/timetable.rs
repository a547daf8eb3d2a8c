//! Bandwidth limits by the time of day.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::time::Duration;

use chrono::{Datelike, Local, NaiveDateTime, NaiveTime, Timelike, Weekday};
use vimeo_ext::upload::Bandwidth;

use crate::output::parse_bytes;

const DAY: u32 = 24 * 60;
const WEEK: u32 = 7 * DAY;

/// Maximum time between two checks of the clock, which can be changed, or stop while the machine sleeps.
const MAX_CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// Bytes per second; `None` means unlimited.
type Rate = Option<NonZeroU64>;

/// The rates of a week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Timetable {
    /// The rate from each minute of the week until the next entry. Never empty. The last rate also applies from the
    /// start of Monday until the first entry.
    changes: BTreeMap<u32, Rate>,
}

impl Timetable {
    /// Parses one rate, or times with rates: `10M`, `off`, `08:00,512k 19:00,10M 23:00,off`, `Sat-08:00,off`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if !text.contains(',') {
            return Ok(Self { changes: BTreeMap::from([(0, rate(text.trim())?)]) });
        }
        let (mut daily, mut weekdays) = (BTreeMap::new(), BTreeMap::new());
        for entry in text.split_whitespace() {
            let (at, limit) = entry.split_once(',').ok_or_else(|| {
                format!(
                    "invalid entry `{entry}`; use TIME,RATE separated by spaces, e.g. 08:00,512k 19:00,10M"
                )
            })?;
            let limit = rate(limit)?;
            let previous = match at.split_once('-') {
                Some((name, time)) => weekdays.insert(day(name)? * DAY + minute(time)?, limit),
                None => daily.insert(minute(at)?, limit),
            };
            if previous.is_some() {
                return Err(format!("{at} is given twice"));
            }
        }
        let each_day = |(minute, limit): (u32, Rate)| (0..7).map(move |day| (day * DAY + minute, limit));
        let mut changes: BTreeMap<u32, Rate> = daily.into_iter().flat_map(each_day).collect();
        // An entry with a weekday overrides the daily entry at the same time.
        changes.extend(weekdays);
        Ok(Self { changes })
    }

    /// Returns the rate at a point in time.
    fn rate(&self, now: NaiveDateTime) -> Rate {
        let before = self.changes.range(..=minute_of_week(now)).next_back();
        before.or_else(|| self.changes.last_key_value()).and_then(|(_, rate)| *rate)
    }

    /// Returns the time until the next change.
    fn next_change(&self, now: NaiveDateTime) -> Duration {
        let minute = minute_of_week(now);
        let next = self.changes.range(minute + 1..).next().map(|(next, _)| *next);
        let next = next.or_else(|| self.changes.first_key_value().map(|(first, _)| first + WEEK));
        let seconds = u64::from(next.map_or(WEEK, |next| next - minute)) * 60;
        // In a leap second, the nanoseconds exceed one second.
        let elapsed = Duration::new(u64::from(now.second()), now.nanosecond());
        Duration::from_secs(seconds).saturating_sub(elapsed)
    }

    /// Starts a bandwidth limiter that follows this timetable in local time until the runtime ends.
    pub(super) fn start(self) -> Bandwidth {
        let now = || Local::now().naive_local();
        let bandwidth = Bandwidth::unlimited();
        bandwidth.change(self.rate(now()));
        if self.changes.len() > 1 {
            let limiter = bandwidth.clone();
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(self.apply(&limiter, now())).await;
                }
            });
        }
        bandwidth
    }

    /// Sets the current rate and returns the time until the next check.
    fn apply(&self, bandwidth: &Bandwidth, now: NaiveDateTime) -> Duration {
        bandwidth.change(self.rate(now));
        self.next_change(now).clamp(Duration::from_millis(1), MAX_CHECK_INTERVAL)
    }
}

fn rate(text: &str) -> Result<Rate, String> {
    match text {
        "off" => Ok(None),
        text => Ok(NonZeroU64::new(parse_bytes(text)?)),
    }
}

fn day(name: &str) -> Result<u32, String> {
    let day: Weekday = name.parse().map_err(|_| format!("invalid weekday `{name}`; use e.g. Mon or Sat"))?;
    Ok(day.num_days_from_monday())
}

fn minute(text: &str) -> Result<u32, String> {
    let time = NaiveTime::parse_from_str(text, "%H:%M")
        .map_err(|_| format!("invalid time of day `{text}`; use e.g. 08:00"))?;
    Ok(time.hour() * 60 + time.minute())
}

fn minute_of_week(now: NaiveDateTime) -> u32 {
    now.weekday().num_days_from_monday() * DAY + now.hour() * 60 + now.minute()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A time in the week from Monday, 6 July 2026.
    fn at(day: u32, time: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(&format!("2026-07-{:02} {time}", 6 + day), "%Y-%m-%d %H:%M:%S").unwrap()
    }

    fn bytes(text: &str) -> Rate {
        NonZeroU64::new(parse_bytes(text).unwrap())
    }

    #[test]
    fn uses_the_rate_of_the_latest_entry() {
        let working_days = "08:00,512k 19:00,10M 23:00,off";
        let week = "08:00,512k 19:00,10M Sat-08:00,off Sun-12:30,1M";
        let cases = [
            ("10M", at(3, "12:00:00"), bytes("10M"), None),
            ("off", at(3, "12:00:00"), None, None),
            (working_days, at(0, "00:00:00"), None, Some(8 * 3600)),
            (working_days, at(0, "07:59:59"), None, Some(1)),
            (working_days, at(0, "08:00:00"), bytes("512k"), Some(11 * 3600)),
            (working_days, at(4, "18:59:30"), bytes("512k"), Some(30)),
            (working_days, at(4, "19:00:01"), bytes("10M"), Some(4 * 3600 - 1)),
            (working_days, at(6, "23:59:59"), None, Some(8 * 3600 + 1)),
            (week, at(4, "08:00:00"), bytes("512k"), Some(11 * 3600)),
            (week, at(5, "07:00:00"), bytes("10M"), Some(3600)),
            (week, at(5, "08:00:00"), None, Some(11 * 3600)),
            (week, at(6, "12:30:00"), bytes("1M"), Some(6 * 3600 + 1800)),
            ("Tue-09:00,1M", at(0, "00:00:00"), bytes("1M"), Some(33 * 3600)),
            ("Tue-09:00,1M", at(1, "09:00:00"), bytes("1M"), Some(7 * 86_400)),
        ];
        for (text, now, rate, next) in cases {
            let table = Timetable::parse(text).unwrap();
            assert_eq!(table.rate(now), rate, "{text} at {now}");
            if let Some(seconds) = next {
                assert_eq!(table.next_change(now), Duration::from_secs(seconds), "{text} at {now}");
            }
        }
    }

    #[test]
    fn rejects_invalid_timetables() {
        for (text, problem) in [
            ("fast", "unknown unit `fast`"),
            ("", "invalid size"),
            ("10M 20M", "invalid size `10M 20M`"),
            ("8 o'clock,1M", "invalid entry `8`"),
            ("25:00,1M", "invalid time of day `25:00`"),
            ("08:00,quick", "unknown unit `quick`"),
            ("Someday-08:00,1M", "invalid weekday `Someday`"),
            ("08:00,1M 08:00,2M", "08:00 is given twice"),
            ("Sat-08:00,1M Sat-08:00,2M", "Sat-08:00 is given twice"),
            ("08:00,0", "`0` is out of range"),
        ] {
            let error = Timetable::parse(text).unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }

    #[test]
    fn applies_each_rate_at_its_time() {
        let table = Timetable::parse("08:00,512k 19:00,10M 23:00,off").unwrap();
        let (bandwidth, mut now) = (Bandwidth::unlimited(), at(0, "07:58:30"));
        let mut seen = Vec::new();
        while now < at(1, "12:00:00") {
            let wait = table.apply(&bandwidth, now);
            assert!(wait <= MAX_CHECK_INTERVAL);
            if seen.last().is_none_or(|(_, rate)| *rate != bandwidth.rate()) {
                seen.push((now, bandwidth.rate()));
            }
            now += wait;
        }
        let expected = [
            (at(0, "07:58:30"), None),
            (at(0, "08:00:00"), bytes("512k")),
            (at(0, "19:00:00"), bytes("10M")),
            (at(0, "23:00:00"), None),
            (at(1, "08:00:00"), bytes("512k")),
        ];
        assert_eq!(seen, expected);
        // A changed clock or a suspended machine is noticed at the next check.
        table.apply(&bandwidth, at(3, "22:59:59"));
        assert_eq!(bandwidth.rate(), bytes("10M"));
    }
}
