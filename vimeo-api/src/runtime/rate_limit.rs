//! What an answer says about the rate limit.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, header};

/// The rate limit as one answer reports it, in `X-RateLimit-Limit`, `-Remaining` and `-Reset`.
///
/// The limit differs by account, by endpoint and by whether `fields` was given, so no number holds for every call.
///
/// ```
/// use vimeo_api::RateLimit;
///
/// let mut headers = http::HeaderMap::new();
/// headers.insert("x-ratelimit-limit", "100".parse()?);
/// headers.insert("x-ratelimit-remaining", "7".parse()?);
/// headers.insert("x-ratelimit-reset", "2023-04-08T09:21:35+00:00".parse()?);
/// let limit = RateLimit::read(&headers).expect("the answer has the headers");
/// assert_eq!(limit.remaining, Some(7));
/// assert_eq!(limit.reset.map(|at| at.timestamp()), Some(1_680_945_695));
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimit {
    /// Calls that a window allows.
    pub limit: Option<u64>,
    /// Calls that are left in this window.
    pub remaining: Option<u64>,
    /// When the window ends by Vimeo's clock. Reports say that it cannot always be trusted.
    pub reset: Option<DateTime<Utc>>,
}

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

impl RateLimit {
    /// Reads the headers of an answer; `None` when it has none of them.
    ///
    /// The reset is taken as ISO 8601, which Vimeo sends today, and as Unix seconds, which it once sent.
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let limit = number(headers, &LIMIT);
        let remaining = number(headers, &REMAINING);
        let reset = text(headers, &RESET).and_then(instant);
        (limit.is_some() || remaining.is_some() || reset.is_some()).then_some(Self {
            limit,
            remaining,
            reset,
        })
    }
}

/// The longest that a limit of Vimeo's lasts, by all that is known: its help pages tell of windows of a minute, older
/// reports of fifteen minutes and of refusals for an hour. A reset or a wait beyond it is a mistake of whoever sent it.
pub const MAX_WINDOW: Duration = Duration::from_secs(60 * 60);

/// Beyond this a time is as good as without end, and below it sums of times stay within what clocks can tell.
const MAX_WAIT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A number of seconds beyond this (31 years) is a date: seconds since 1970.
const MIN_UNIX_TIMESTAMP: u64 = 1_000_000_000;

/// How long the server asks to wait: `Retry-After`, as seconds or as a date, at the most a year.
///
/// A date is compared with the `Date` of the same answer where it has one, so a wrong clock here does no harm;
/// else with `now`. Servers that send seconds since 1970 there are understood.
pub fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let value = text(headers, &header::RETRY_AFTER)?;
    let at = match value.parse::<u64>() {
        Ok(seconds) if seconds < MIN_UNIX_TIMESTAMP => {
            return Some(Duration::from_secs(seconds).min(MAX_WAIT));
        }
        Ok(seconds) => i64::try_from(seconds).ok().and_then(|at| DateTime::from_timestamp(at, 0)),
        Err(_) => Some(DateTime::parse_from_rfc2822(value).ok()?.with_timezone(&Utc)),
    };
    Some(at.map_or(MAX_WAIT, |at| time_until(at, headers, now)))
}

/// How long until `reset`, by the server's own clock where the answer tells it; at the most a year.
pub fn time_until(reset: DateTime<Utc>, headers: &HeaderMap, now: DateTime<Utc>) -> Duration {
    let left = reset.signed_duration_since(server_time(headers).unwrap_or(now));
    left.to_std().unwrap_or_default().min(MAX_WAIT)
}

fn server_time(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text(headers, &header::DATE)?).ok().map(|at| at.with_timezone(&Utc))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    text(headers, name)?.parse().ok()
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    match text.parse::<i64>() {
        Ok(seconds) => DateTime::from_timestamp(seconds, 0),
        Err(_) => DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_reset_is_read_in_both_forms_and_rubbish_is_passed_over() {
        let cases = [
            ("2023-04-08T09:21:35+00:00", Some(1_680_945_695)),
            ("2023-04-08T11:21:35+02:00", Some(1_680_945_695)),
            ("1680945695", Some(1_680_945_695)),
            ("soon", None),
            ("", None),
        ];
        for (text, at) in cases {
            let read = RateLimit::read(&headers(&[("x-ratelimit-limit", "5"), ("x-ratelimit-reset", text)]))
                .unwrap();
            assert_eq!(read.reset.map(|reset| reset.timestamp()), at, "{text}");
        }
        assert_eq!(RateLimit::read(&HeaderMap::new()), None);
        assert_eq!(RateLimit::read(&headers(&[("x-ratelimit-remaining", "many")])), None);
    }

    #[test]
    fn waiting_times_follow_the_servers_clock() {
        let now = DateTime::from_timestamp(1_000, 0).unwrap();
        let date = "Wed, 21 Oct 2015 07:28:00 GMT";
        let cases = [
            (vec![("retry-after", "17")], Some(17)),
            (vec![("retry-after", "Wed, 21 Oct 2015 07:28:30 GMT"), ("date", date)], Some(30)),
            (vec![("retry-after", "Thu, 01 Jan 1970 00:16:45 GMT")], Some(5)),
            (vec![("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT")], Some(0)),
            (vec![("retry-after", "later")], None),
            (vec![("retry-after", "-5")], None),
            // Seconds since 1970, by the clock here and by the server's.
            (vec![("retry-after", "1445412510"), ("date", date)], Some(30)),
            (vec![("retry-after", "1445412400"), ("date", date)], Some(0)),
            // Beyond all measure.
            (vec![("retry-after", "1445412510")], Some(MAX_WAIT.as_secs())),
            (vec![("retry-after", "900000000")], Some(MAX_WAIT.as_secs())),
            (vec![("retry-after", "9223372036854775807")], Some(MAX_WAIT.as_secs())),
            (vec![("retry-after", "18446744073709551615")], Some(MAX_WAIT.as_secs())),
            (vec![("retry-after", "18446744073709551616")], None),
            (vec![], None),
        ];
        for (pairs, seconds) in cases {
            assert_eq!(retry_after(&headers(&pairs), now), seconds.map(Duration::from_secs), "{pairs:?}");
        }
    }

    #[test]
    fn a_reset_at_either_end_of_time_is_a_time() {
        let now = DateTime::from_timestamp(1_000, 0).unwrap();
        let date = headers(&[("date", "Wed, 21 Oct 2015 07:28:00 GMT")]);
        for (reset, wait) in [
            (DateTime::<Utc>::MAX_UTC, MAX_WAIT),
            (DateTime::<Utc>::MIN_UTC, Duration::ZERO),
            (now, Duration::ZERO),
        ] {
            assert_eq!(time_until(reset, &HeaderMap::new(), now), wait);
            assert_eq!(time_until(reset, &date, DateTime::<Utc>::MIN_UTC), wait);
        }
        for text in ["8210266876799", "-8334601228800", "9223372036854775807", "+262142-12-31T23:59:59Z"] {
            let headers = headers(&[("x-ratelimit-limit", "5"), ("x-ratelimit-reset", text)]);
            let read = RateLimit::read(&headers).unwrap();
            if let Some(reset) = read.reset {
                assert!(time_until(reset, &headers, now) <= MAX_WAIT, "{text}");
            }
        }
    }
}
