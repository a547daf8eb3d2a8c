//! What an answer says about the rate limit.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
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

/// How long the server asks to wait: `Retry-After`, as seconds or as a date.
///
/// A date is compared with the `Date` of the same answer where it has one, so a wrong clock here does no harm;
/// else with `now`.
pub fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let value = text(headers, &header::RETRY_AFTER)?;
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = DateTime::parse_from_rfc2822(value).ok()?.with_timezone(&Utc);
    Some((at - server_time(headers).unwrap_or(now)).to_std().unwrap_or_default())
}

/// How long until `reset`, by the server's own clock where the answer tells it.
pub fn time_until(reset: DateTime<Utc>, headers: &HeaderMap, now: DateTime<Utc>) -> Duration {
    let left: TimeDelta = reset - server_time(headers).unwrap_or(now);
    left.to_std().unwrap_or_default()
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
            (vec![], None),
        ];
        for (pairs, seconds) in cases {
            assert_eq!(retry_after(&headers(&pairs), now), seconds.map(Duration::from_secs), "{pairs:?}");
        }
    }
}
