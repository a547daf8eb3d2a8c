//! Rate limits of tokens.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// The rate limit of a token. Requests with `fields` are counted separately from requests without, each against its
/// own limit, because Vimeo grants more requests to clients that request fewer fields.
///
/// Vimeo publishes no limits that apply to everyone, so tests choose their own.
///
/// ```
/// use std::time::Duration;
/// use vimeo_sandbox::RateLimit;
///
/// let limit = RateLimit::new(10, 20).window(Duration::from_secs(60));
/// assert_eq!((limit.plain, limit.with_fields), (10, 20));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RateLimit {
    /// Requests without `fields` per window.
    pub plain: u64,
    /// Requests with `fields` per window.
    pub with_fields: u64,
    /// The length of a window, which starts with its first request. Default: 60 seconds.
    #[serde(with = "crate::clock::seconds")]
    pub window: Duration,
    /// The format of the `X-RateLimit-*` headers. Default: [`RateLimitHeaders::Iso`].
    pub headers: RateLimitHeaders,
}

/// The format of the `X-RateLimit-*` headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RateLimitHeaders {
    /// `X-RateLimit-Reset` as a date and time, as Vimeo sends it today.
    #[default]
    Iso,
    /// `X-RateLimit-Reset` in seconds since 1970, as Vimeo sent it in the past.
    Unix,
    /// No such headers, as users have reported during a ban.
    Absent,
}

impl Default for RateLimit {
    /// Returns a limit that is too high to be reached by accident: 1,000,000 requests per minute, or 4,000,000 with
    /// `fields`.
    fn default() -> Self {
        Self::new(1_000_000, 4_000_000)
    }
}

impl RateLimit {
    /// Returns a limit per minute, for requests without and with `fields`.
    #[must_use]
    pub fn new(plain: u64, with_fields: u64) -> Self {
        Self { plain, with_fields, window: Duration::from_secs(60), headers: RateLimitHeaders::default() }
    }

    /// Sets the length of a window.
    #[must_use]
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Sets the format of the headers.
    #[must_use]
    pub fn headers(mut self, headers: RateLimitHeaders) -> Self {
        self.headers = headers;
        self
    }

    /// When a window ends that started then.
    fn window_end(&self, started: DateTime<Utc>) -> DateTime<Utc> {
        let length = TimeDelta::from_std(self.window).unwrap_or(TimeDelta::MAX);
        started.checked_add_signed(length).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

/// The requests of one token in its current windows, without and with `fields`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Usage {
    plain: Window,
    with_fields: Window,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Window {
    started: Option<DateTime<Utc>>,
    used: u64,
}

/// The status of a rate limit after a request was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateLimitStatus {
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    pub(crate) reset: DateTime<Utc>,
    pub(crate) exceeded: bool,
}

impl Usage {
    /// How many requests the current window has counted and when it ends, without counting one.
    pub(crate) fn current(
        &self,
        rate: &RateLimit,
        fields: bool,
        now: DateTime<Utc>,
    ) -> (u64, Option<DateTime<Utc>>) {
        let window = if fields { &self.with_fields } else { &self.plain };
        match window.started.map(|started| rate.window_end(started)) {
            Some(end) if now < end => (window.used, Some(end)),
            _ => (0, None),
        }
    }

    pub(crate) fn count(&mut self, rate: &RateLimit, fields: bool, now: DateTime<Utc>) -> RateLimitStatus {
        let (window, limit) = match fields {
            true => (&mut self.with_fields, rate.with_fields),
            false => (&mut self.plain, rate.plain),
        };
        let started = match window.started {
            Some(started) if now < rate.window_end(started) => started,
            _ => {
                *window = Window { started: Some(now), used: 0 };
                now
            }
        };
        let exceeded = window.used >= limit;
        if !exceeded {
            window.used += 1;
        }
        let (remaining, reset) = (limit.saturating_sub(window.used), rate.window_end(started));
        RateLimitStatus { limit, remaining, reset, exceeded }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_starts_with_its_first_request() {
        let at = |seconds: i64| DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap();
        let rate = RateLimit::new(2, 3);
        let mut usage = Usage::default();
        for (seconds, fields, remaining, reset, exceeded) in [
            (0, false, 1, 60, false),
            (10, false, 0, 60, false),
            (59, false, 0, 60, true),
            (59, true, 2, 119, false),
            (60, false, 1, 120, false),
        ] {
            let status = usage.count(&rate, fields, at(seconds));
            assert_eq!(
                (status.remaining, status.reset, status.exceeded),
                (remaining, at(reset), exceeded),
                "at {seconds}"
            );
        }
    }
}
