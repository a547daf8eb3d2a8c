//! When a creation request was sent, although Vimeo's clock and the local one differ and either may have been set since.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, header};

use crate::upload::PendingUpload;

/// The tolerance between Vimeo's clock and the local clock if their difference was measured.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(15);

/// The tolerance if it was not measured: clocks with the wrong time zone, or yesterday's date, are not rare.
const UNMEASURED_CLOCK_SKEW: TimeDelta = TimeDelta::hours(26);

/// The local clock, in the form that the journal stores.
pub(super) fn wall_clock() -> DateTime<Utc> {
    SystemTime::now().into()
}

/// Returns how far the responding server's clock is ahead of `now`, if its `Date` header tells.
pub(super) fn server_clock_ahead(headers: &HeaderMap, now: DateTime<Utc>) -> Option<TimeDelta> {
    let date = headers.get(header::DATE)?.to_str().ok()?;
    let date = DateTime::parse_from_rfc2822(date.trim()).ok()?.with_timezone(&Utc);
    Some(date.signed_duration_since(now))
}

/// Returns the earliest possible time of the creation request, by Vimeo's clock.
///
/// The local clock may have been wrong then, may be wrong now, or may have been set in between.
pub(super) fn earliest_request_time(
    entry: &PendingUpload,
    now: DateTime<Utc>,
    server_now: Option<DateTime<Utc>>,
) -> Option<DateTime<Utc>> {
    let measured = entry.server_clock_ahead.and_then(TimeDelta::try_seconds);
    let ahead = measured.or_else(|| server_now.map(|server| server.signed_duration_since(now)));
    let requested_at = entry.requested_at.unwrap_or(entry.started_at);
    let by_server = requested_at.checked_add_signed(ahead.unwrap_or_default()).unwrap_or(requested_at);
    // The request was not sent in the future.
    let by_server = by_server.min(server_now.unwrap_or(now));
    by_server.checked_sub_signed(if measured.is_some() { CLOCK_SKEW } else { UNMEASURED_CLOCK_SKEW })
}

/// Returns the time since the creation request on which both clocks agree; zero if either clock puts it in the future.
pub(super) fn time_since_request(
    entry: &PendingUpload,
    now: DateTime<Utc>,
    server_now: Option<DateTime<Utc>>,
) -> Duration {
    let requested_at = entry.requested_at.unwrap_or(entry.started_at);
    let local = now.signed_duration_since(requested_at);
    let measured = entry.server_clock_ahead.and_then(TimeDelta::try_seconds);
    let server = measured.zip(server_now).and_then(|(ahead, server_now)| {
        Some(server_now.signed_duration_since(requested_at.checked_add_signed(ahead)?))
    });
    server.map_or(local, |server| server.min(local)).to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn entry(asked: &str, ahead: Option<i64>) -> PendingUpload {
        let mut entry = json!({
        "version": 1, "path": "/film.mp4", "purpose": "new video", "ticket": null,
        "fingerprint": {"size": 1000, "sample": ""}, "begun": asked, "asked": asked,
                });
        if let Some(ahead) = ahead {
            entry["server_clock_ahead"] = ahead.into();
        }
        serde_json::from_value(entry).unwrap()
    }

    #[test]
    fn wrong_local_clock_is_corrected() {
        let (noon, one, eleven) = ("2026-03-01T12:00:00Z", "2026-03-01T13:00:00Z", "2026-03-01T11:00:00Z");
        // (name, requested at by the local clock, measured difference, local clock now, Vimeo's clock now, earliest time)
        let table = [
            (
                "correct clock",
                noon,
                None,
                "2026-03-01T12:00:05Z",
                Some("2026-03-01T12:00:05Z"),
                "2026-02-28T10:00:00Z",
            ),
            (
                "correct clock, measured",
                noon,
                Some(0),
                "2026-03-01T12:00:05Z",
                Some("2026-03-01T12:00:05Z"),
                "2026-03-01T11:45:00Z",
            ),
            ("an hour ahead", one, Some(-3600), one, Some(noon), "2026-03-01T11:45:00Z"),
            ("an hour ahead, not measured", one, None, one, Some(noon), "2026-02-28T10:00:00Z"),
            ("an hour behind", eleven, Some(3600), eleven, Some(noon), "2026-03-01T11:45:00Z"),
            (
                "a day ahead, corrected since",
                "2026-03-02T12:00:00Z",
                None,
                noon,
                Some(noon),
                "2026-02-28T10:00:00Z",
            ),
            ("no server time", one, None, noon, None, "2026-02-28T10:00:00Z"),
        ];
        for (name, asked, ahead, now, server, since) in table {
            let found = earliest_request_time(&entry(asked, ahead), at(now), server.map(at));
            assert_eq!(found, Some(at(since)), "{name}");
        }
    }

    #[test]
    fn elapsed_time_is_the_shorter_of_both_clocks() {
        // (requested at, measured difference, local clock now, Vimeo's clock now, seconds)
        let table = [
            ("2026-03-01T12:00:00Z", None, "2026-03-01T12:00:07Z", None, 7),
            // The local clock was set back since: the elapsed time is unknown.
            ("2026-03-02T12:00:00Z", None, "2026-03-01T12:00:07Z", None, 0),
            // The local clock was set ahead since; Vimeo's was not.
            ("2026-03-01T12:00:00Z", Some(0), "2026-03-02T12:00:00Z", Some("2026-03-01T12:00:03Z"), 3),
            ("2026-03-01T13:00:00Z", Some(-3600), "2026-03-01T13:00:04Z", Some("2026-03-01T12:00:04Z"), 4),
        ];
        for (asked, ahead, now, server, seconds) in table {
            let since = time_since_request(&entry(asked, ahead), at(now), server.map(at));
            assert_eq!(since, Duration::from_secs(seconds), "{asked} {now}");
        }
    }

    #[test]
    fn extreme_times_do_not_overflow() {
        let ends = [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC];
        for asked in ends {
            for now in ends {
                for server in [None, Some(ends[0]), Some(ends[1])] {
                    for ahead in [None, Some(i64::MAX), Some(i64::MIN)] {
                        let mut entry = entry("2026-03-01T12:00:00Z", ahead);
                        entry.requested_at = Some(asked);
                        let earliest = earliest_request_time(&entry, now, server);
                        assert!(earliest.is_none_or(|earliest| earliest <= now.max(server.unwrap_or(now))));
                        time_since_request(&entry, now, server);
                    }
                }
            }
        }
    }
}
