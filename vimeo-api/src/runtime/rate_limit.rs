//! The rate-limit headers of responses.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, header};

/// The rate limit that a response reports in `X-RateLimit-Limit`, `-Remaining` and `-Reset`.
///
/// The limit depends on the account, on the endpoint and on whether the call sets `fields`.
///
/// ```
/// use vimeo_api::RateLimit;
///
/// let mut headers = http::HeaderMap::new();
/// headers.insert("x-ratelimit-limit", "100".parse()?);
/// headers.insert("x-ratelimit-remaining", "7".parse()?);
/// headers.insert("x-ratelimit-reset", "2023-04-08T09:21:35+00:00".parse()?);
/// let limit = RateLimit::read(&headers).expect("the headers are present");
/// assert_eq!(limit.remaining, Some(7));
/// assert_eq!(limit.reset.map(|at| at.timestamp()), Some(1_680_945_695));
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimit {
    /// The number of calls per window.
    pub limit: Option<u64>,
    /// The number of calls that are left in this window.
    pub remaining: Option<u64>,
    /// When the window ends, by Vimeo's clock. According to reports, this is not always reliable.
    pub reset: Option<DateTime<Utc>>,
}

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

impl RateLimit {
    /// Reads the headers of a response; `None` if none of them is present.
    ///
    /// Accepts the reset as ISO 8601, which Vimeo sends today, and as Unix seconds, which it sent in the past.
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

/// The longest known rate-limit window of Vimeo. Its help pages mention windows of one minute, older reports fifteen minutes
/// and refusals for an hour. A longer reset or wait is an error of the sender.
pub const MAX_WINDOW: Duration = Duration::from_secs(60 * 60);

/// Longer waits are capped, so that sums of times do not overflow.
const MAX_WAIT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A larger number of seconds (31 years) is a Unix timestamp.
const MIN_UNIX_TIMESTAMP: u64 = 1_000_000_000;

/// Returns the wait that `Retry-After` requests, in seconds or as a date; at most a year.
///
/// A date is compared with the `Date` header of the response, so that a wrong local clock has no effect, or with `now` if
/// there is none. A Unix timestamp is accepted too.
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

/// Returns the time until `reset`, by the server's clock if the response has a `Date` header; at most a year.
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
    fn reads_both_reset_formats_and_ignores_garbage() {
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
    fn retry_after_uses_the_server_clock() {
        let now = DateTime::from_timestamp(1_000, 0).unwrap();
        let date = "Wed, 21 Oct 2015 07:28:00 GMT";
        let cases = [
            (vec![("retry-after", "17")], Some(17)),
            (vec![("retry-after", "Wed, 21 Oct 2015 07:28:30 GMT"), ("date", date)], Some(30)),
            (vec![("retry-after", "Thu, 01 Jan 1970 00:16:45 GMT")], Some(5)),
            (vec![("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT")], Some(0)),
            (vec![("retry-after", "later")], None),
            (vec![("retry-after", "-5")], None),
            // A Unix timestamp, by the server's clock.
            (vec![("retry-after", "1445412510"), ("date", date)], Some(30)),
            (vec![("retry-after", "1445412400"), ("date", date)], Some(0)),
            // Capped or out of range.
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
    fn extreme_resets_do_not_overflow() {
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
