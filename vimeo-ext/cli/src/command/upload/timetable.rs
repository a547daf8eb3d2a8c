//! How fast bytes may go, by the time of day.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::time::Duration;

use chrono::{Datelike, Local, NaiveDateTime, NaiveTime, Timelike, Weekday};
use vimeo_ext::upload::Bandwidth;

use crate::output::parse_bytes;

const DAY: u32 = 24 * 60;
const WEEK: u32 = 7 * DAY;

/// A clock may be set, or its machine may sleep: it is looked at again at least this often.
const LOOK: Duration = Duration::from_secs(60);

/// Bytes a second; `None` is no limit.
type Rate = Option<NonZeroU64>;

/// The rates of a week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Timetable {
    /// What holds from a minute of the week on, until the next of them. Never empty, and the last of them also holds from
    /// Monday's first minute to the first of them.
    changes: BTreeMap<u32, Rate>,
}

impl Timetable {
    /// One rate, or times with a rate each: `10M`, `off`, `08:00,512k 19:00,10M 23:00,off`, `Sat-08:00,off`.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        if !text.contains(',') {
            return Ok(Self { changes: BTreeMap::from([(0, rate(text.trim())?)]) });
        }
        let (mut daily, mut of_days) = (BTreeMap::new(), BTreeMap::new());
        for entry in text.split_whitespace() {
            let (at, limit) = entry.split_once(',').ok_or_else(|| {
                format!(
                    "`{entry}` is no time with a rate; write it as 08:00,512k, with spaces between several"
                )
            })?;
            let limit = rate(limit)?;
            let known = match at.split_once('-') {
                Some((name, time)) => of_days.insert(day(name)? * DAY + minute(time)?, limit),
                None => daily.insert(minute(at)?, limit),
            };
            if known.is_some() {
                return Err(format!("{at} is there twice"));
            }
        }
        let each_day = |(minute, limit): (u32, Rate)| (0..7).map(move |day| (day * DAY + minute, limit));
        let mut changes: BTreeMap<u32, Rate> = daily.into_iter().flat_map(each_day).collect();
        // A time of one day says it better than the same time of every day.
        changes.extend(of_days);
        Ok(Self { changes })
    }

    /// The limit at a moment.
    fn rate(&self, now: NaiveDateTime) -> Rate {
        let before = self.changes.range(..=minute_of_week(now)).next_back();
        before.or_else(|| self.changes.last_key_value()).and_then(|(_, rate)| *rate)
    }

    /// How long until the next change.
    fn next_change(&self, now: NaiveDateTime) -> Duration {
        let minute = minute_of_week(now);
        let next = self.changes.range(minute + 1..).next().map(|(next, _)| *next);
        let next = next.or_else(|| self.changes.first_key_value().map(|(first, _)| first + WEEK));
        let seconds = u64::from(next.map_or(WEEK, |next| next - minute)) * 60;
        // A leap second counts more than a thousand milliseconds.
        let begun = Duration::new(u64::from(now.second()), now.nanosecond());
        Duration::from_secs(seconds).saturating_sub(begun)
    }

    /// A bandwidth that keeps to this table by the machine's clock for as long as the runtime runs.
    pub(super) fn start(self) -> Bandwidth {
        let now = || Local::now().naive_local();
        let bandwidth = Bandwidth::unlimited();
        bandwidth.change(self.rate(now()));
        if self.changes.len() > 1 {
            let kept = bandwidth.clone();
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(self.keep(&kept, now())).await;
                }
            });
        }
        bandwidth
    }

    /// Sets the rate of a moment; gives how long to let it be.
    fn keep(&self, bandwidth: &Bandwidth, now: NaiveDateTime) -> Duration {
        bandwidth.change(self.rate(now));
        self.next_change(now).clamp(Duration::from_millis(1), LOOK)
    }
}

fn rate(text: &str) -> Result<Rate, String> {
    match text {
        "off" => Ok(None),
        text => Ok(NonZeroU64::new(parse_bytes(text)?)),
    }
}

fn day(name: &str) -> Result<u32, String> {
    let day: Weekday =
        name.parse().map_err(|_| format!("`{name}` is no day of the week; write it as Mon or Sat"))?;
    Ok(day.num_days_from_monday())
}

fn minute(text: &str) -> Result<u32, String> {
    let time = NaiveTime::parse_from_str(text, "%H:%M")
        .map_err(|_| format!("`{text}` is no time of the day; write it as 08:00"))?;
    Ok(time.hour() * 60 + time.minute())
}

fn minute_of_week(now: NaiveDateTime) -> u32 {
    now.weekday().num_days_from_monday() * DAY + now.hour() * 60 + now.minute()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A moment of the week that began on Monday, 6 July 2026.
    fn at(day: u32, time: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(&format!("2026-07-{:02} {time}", 6 + day), "%Y-%m-%d %H:%M:%S").unwrap()
    }

    fn bytes(text: &str) -> Rate {
        NonZeroU64::new(parse_bytes(text).unwrap())
    }

    #[test]
    fn the_rate_is_that_of_the_last_time_that_has_come() {
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
            let table = Timetable::read(text).unwrap();
            assert_eq!(table.rate(now), rate, "{text} at {now}");
            if let Some(seconds) = next {
                assert_eq!(table.next_change(now), Duration::from_secs(seconds), "{text} at {now}");
            }
        }
    }

    #[test]
    fn what_is_no_timetable_is_said_so() {
        for (text, problem) in [
            ("fast", "`fast` is no unit"),
            ("", "is no size"),
            ("10M 20M", "`10M 20M` is no size"),
            ("8 o'clock,1M", "`8` is no time with a rate"),
            ("25:00,1M", "`25:00` is no time of the day"),
            ("08:00,quick", "`quick` is no unit"),
            ("Someday-08:00,1M", "`Someday` is no day"),
            ("08:00,1M 08:00,2M", "08:00 is there twice"),
            ("Sat-08:00,1M Sat-08:00,2M", "Sat-08:00 is there twice"),
            ("08:00,0", "`0` is out of range"),
        ] {
            let said = Timetable::read(text).unwrap_err();
            assert!(said.contains(problem), "{text}: {said}");
        }
    }

    #[test]
    fn the_rate_changes_when_its_time_comes() {
        let table = Timetable::read("08:00,512k 19:00,10M 23:00,off").unwrap();
        let (bandwidth, mut now) = (Bandwidth::unlimited(), at(0, "07:58:30"));
        let mut seen = Vec::new();
        while now < at(1, "12:00:00") {
            let wait = table.keep(&bandwidth, now);
            assert!(wait <= LOOK);
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
        // A clock that was set, or a machine that slept, is noticed at the next look.
        table.keep(&bandwidth, at(3, "22:59:59"));
        assert_eq!(bandwidth.rate(), bytes("10M"));
    }
}
