//! The decision whether to retry: a pure function of its parameters.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{HeaderMap, Method, StatusCode};
use vimeo_api::rate_limit::{retry_after, time_until};
use vimeo_api::{Delivery, Error, Operation, RateLimit};

use super::{Backoff, Effect, ResponseSummary, RetryPolicy, effect};

/// The result of an attempt.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum AttemptResult<'a> {
    /// A response arrived, from Vimeo or from a proxy in front of it.
    Response(ResponseSummary<'a>),
    /// No response arrived.
    NoResponse(Delivery),
    /// Middleware refused to send the request; a retry would change nothing.
    Refused,
}

impl<'a> AttemptResult<'a> {
    /// Classifies an error of a transport.
    pub fn of(error: &'a Error) -> Self {
        match error {
            Error::Connection(error) => Self::NoResponse(error.delivery()),
            Error::TimedOut { delivery, .. } => Self::NoResponse(*delivery),
            _ => Self::Refused,
        }
    }
}

/// The parameters of the decision, besides the policy.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// The method of the call.
    pub method: &'a Method,
    /// The operation, if it is known.
    pub operation: Option<&'static Operation>,
    /// The result of the attempt.
    pub outcome: AttemptResult<'a>,
    /// The number of the attempt, from 1.
    pub number: u32,
    /// The time since the first attempt began.
    pub elapsed: Duration,
    /// The wall clock.
    pub now: DateTime<Utc>,
    /// A random number in `0.0..=1.0` that scales the delay, unless the server named one.
    pub random: f64,
}

/// What to do after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryDecision {
    /// Do not retry.
    Stop,
    /// Retry after this delay.
    Retry(Duration),
}

/// Decides whether to retry a call, and after which delay.
///
/// - The server's delay takes precedence: `Retry-After`, or for a `429` with no calls remaining, the reset. A delay beyond
///   [`max_retry_after`](RetryPolicy::max_retry_after) ends the call instead.
/// - Otherwise the delay is random between zero and `initial_backoff · 2^(attempt - 1)`, at most
///   [`max_backoff`](RetryPolicy::max_backoff).
/// - These calls are retried:
///
/// | result | `GET`, `HEAD`, `OPTIONS`, `PUT`, `DELETE` | `PATCH` | `POST` |
/// |---|---|---|---|
/// | not sent | retry | retry | retry |
/// | no response | retry | stop | stop |
/// | `429`: the call was not executed | retry | retry | retry |
/// | `429` of an intermediary: the call may have been executed | retry | stop | stop |
/// | `503` of the API with code 7001: the call was not executed, and the API asks for a retry | retry | retry | retry for pictures and thumbnails, of which at worst one stays unused |
/// | `408`, any other `5xx` except `501` and `511` | retry | stop | stop |
/// | anything else | stop | stop | stop |
///
/// A policy with [`idempotent`](RetryPolicy::idempotent) treats every method like those of the first column.
///
/// ```
/// use std::time::Duration;
/// use http::{HeaderMap, Method, StatusCode};
/// use vimeo_ext::retry::{ResponseSummary, Attempt, RetryDecision, AttemptResult, decide};
/// use vimeo_ext::RetryPolicy;
///
/// let headers = HeaderMap::new();
/// let mut attempt = Attempt {
///     method: &Method::GET,
///     operation: None,
///     outcome: AttemptResult::Response(ResponseSummary::new(StatusCode::BAD_GATEWAY, &headers)),
///     number: 1,
///     elapsed: Duration::ZERO,
///     now: Default::default(),
///     random: 1.0,
/// };
/// assert_eq!(decide(&RetryPolicy::default(), &attempt), RetryDecision::Retry(Duration::from_millis(500)));
/// attempt.method = &Method::POST;
/// assert_eq!(decide(&RetryPolicy::default(), &attempt), RetryDecision::Stop);
/// ```
pub fn decide(policy: &RetryPolicy, attempt: &Attempt<'_>) -> RetryDecision {
    if attempt.number >= policy.attempts {
        return RetryDecision::Stop;
    }
    let idempotent = policy.idempotent
        || matches!(
            *attempt.method,
            Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE
        );
    let server_delay = match attempt.outcome {
        AttemptResult::Refused => return RetryDecision::Stop,
        AttemptResult::NoResponse(Delivery::NotSent) => None,
        AttemptResult::NoResponse(_) if idempotent => None,
        AttemptResult::Response(ResponseSummary {
            status: StatusCode::TOO_MANY_REQUESTS, headers, ..
        }) if idempotent || effect(&attempt.outcome) == Effect::Nothing => {
            retry_after(headers, attempt.now).or_else(|| reset(headers, attempt.now))
        }
        AttemptResult::Response(response)
            if idempotent && is_transient(response.status)
                || response.requests_retry() && creates_no_duplicate(attempt) =>
        {
            retry_after(response.headers, attempt.now)
        }
        AttemptResult::NoResponse(_) | AttemptResult::Response(..) => return RetryDecision::Stop,
    };
    let wait = match server_delay {
        Some(wait) if wait > policy.max_retry_after => return RetryDecision::Stop,
        Some(wait) => wait,
        None => {
            let backoff = Backoff::new(policy.initial_backoff, policy.max_backoff);
            backoff.delay(attempt.number.saturating_sub(1), attempt.random)
        }
    };
    match attempt.elapsed.checked_add(wait) {
        Some(time) if time <= policy.max_elapsed => RetryDecision::Retry(wait),
        _ => RetryDecision::Stop,
    }
}

/// Whether a retry may get another status.
fn is_transient(status: StatusCode) -> bool {
    let is_final =
        matches!(status, StatusCode::NOT_IMPLEMENTED | StatusCode::NETWORK_AUTHENTICATION_REQUIRED);
    status == StatusCode::REQUEST_TIMEOUT || status.is_server_error() && !is_final
}

/// The path suffixes of operations that create a picture or an upload link for one.
const PICTURE_PATHS: [&str; 6] = [
    "/pictures",
    "/animated_thumbsets",
    "/custom_thumbnails",
    "/timelinethumbnails",
    "/logos",
    "/backgrounds",
];

/// Whether a call that had no effect can be retried without risk of duplicates. A `PATCH` sets the same values again, and of pictures
/// at worst one stays unused.
fn creates_no_duplicate(attempt: &Attempt<'_>) -> bool {
    match *attempt.method {
        Method::PATCH => true,
        Method::POST => attempt
            .operation
            .is_some_and(|operation| PICTURE_PATHS.iter().any(|suffix| operation.path.ends_with(suffix))),
        _ => false,
    }
}

/// The time until the reset. It is believed only if no calls remain and it lies ahead.
fn reset(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let limit = RateLimit::read(headers).filter(|limit| limit.remaining == Some(0))?;
    Some(time_until(limit.reset?, headers, now)).filter(|wait| !wait.is_zero())
}

#[cfg(test)]
mod tests {
    use vimeo_api::ResponseOrigin;

    use super::*;

    const GET: Method = Method::GET;
    const POST: Method = Method::POST;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn stop() -> RetryDecision {
        RetryDecision::Stop
    }

    fn retry(millis: u64) -> RetryDecision {
        RetryDecision::Retry(Duration::from_millis(millis))
    }

    fn decide_default(
        method: &Method,
        outcome: AttemptResult<'_>,
        number: u32,
        elapsed: u64,
    ) -> RetryDecision {
        let now = DateTime::from_timestamp(1_000, 0).unwrap();
        let elapsed = Duration::from_secs(elapsed);
        let operation = None;
        decide(
            &RetryPolicy::default(),
            &Attempt { method, operation, outcome, number, elapsed, now, random: 1.0 },
        )
    }

    fn response(status: u16, headers: &HeaderMap) -> AttemptResult<'_> {
        AttemptResult::Response(ResponseSummary::new(StatusCode::from_u16(status).unwrap(), headers))
    }

    #[test]
    fn decides_by_method_and_status() {
        let none = HeaderMap::new();
        // (method, status, decision after the first attempt)
        let table = [
            (GET, 200, stop()),
            (GET, 304, stop()),
            (GET, 400, stop()),
            (GET, 401, stop()),
            (GET, 403, stop()),
            (GET, 404, stop()),
            (GET, 408, retry(500)),
            (GET, 429, retry(500)),
            (GET, 500, retry(500)),
            (GET, 501, stop()),
            (GET, 502, retry(500)),
            (GET, 503, retry(500)),
            (GET, 504, retry(500)),
            (GET, 505, retry(500)),
            (GET, 507, retry(500)),
            (GET, 511, stop()),
            (GET, 520, retry(500)),
            (GET, 524, retry(500)),
            (POST, 524, stop()),
            (Method::HEAD, 503, retry(500)),
            (Method::PUT, 503, retry(500)),
            (Method::DELETE, 503, retry(500)),
            (POST, 500, stop()),
            (POST, 502, stop()),
            (POST, 503, stop()),
            (POST, 429, retry(500)),
            (Method::PATCH, 503, stop()),
            (Method::PATCH, 429, retry(500)),
        ];
        for (method, status, decision) in table {
            assert_eq!(decide_default(&method, response(status, &none), 1, 0), decision, "{method} {status}");
        }
    }

    #[test]
    fn decides_by_delivery_without_a_response() {
        let table = [
            (GET, Delivery::NotSent, retry(500)),
            (GET, Delivery::Unknown, retry(500)),
            (POST, Delivery::NotSent, retry(500)),
            (POST, Delivery::Unknown, stop()),
            (Method::PATCH, Delivery::Unknown, stop()),
        ];
        for (method, sent, decision) in table {
            assert_eq!(
                decide_default(&method, AttemptResult::NoResponse(sent), 1, 0),
                decision,
                "{method} {sent:?}"
            );
        }
        assert_eq!(decide_default(&GET, AttemptResult::Refused, 1, 0), stop());
    }

    #[test]
    fn decides_by_origin_and_error_code() {
        let none = HeaderMap::new();
        let operation = |id: &str| Some(vimeo_api::operation(id).unwrap());
        let pictures = operation("create_video_thumbnail");
        let animated = operation("create_video_animated_thumbnails");
        let create = operation("create_my_video");
        // (method, operation, status, origin, code, decision after the first attempt)
        let table = [
            (GET, None, 429, ResponseOrigin::Intermediary, None, retry(500)),
            (POST, create, 429, ResponseOrigin::Api, None, retry(500)),
            (POST, create, 429, ResponseOrigin::Intermediary, None, stop()),
            (Method::PATCH, None, 429, ResponseOrigin::Intermediary, None, stop()),
            (POST, pictures, 503, ResponseOrigin::Api, Some(7001), retry(500)),
            (POST, animated, 503, ResponseOrigin::Api, Some(7001), retry(500)),
            (POST, create, 503, ResponseOrigin::Api, Some(7001), stop()),
            (POST, None, 503, ResponseOrigin::Api, Some(7001), stop()),
            (POST, pictures, 503, ResponseOrigin::Api, None, stop()),
            (POST, pictures, 503, ResponseOrigin::Intermediary, None, stop()),
            (POST, pictures, 500, ResponseOrigin::Api, Some(7001), stop()),
            (Method::PATCH, None, 503, ResponseOrigin::Api, Some(7001), retry(500)),
            (Method::PATCH, None, 503, ResponseOrigin::Intermediary, None, stop()),
            (GET, None, 403, ResponseOrigin::Intermediary, None, stop()),
            (GET, None, 302, ResponseOrigin::Intermediary, None, stop()),
        ];
        for (method, operation, status, origin, code, decision) in table {
            let outcome = AttemptResult::Response(
                ResponseSummary::new(StatusCode::from_u16(status).unwrap(), &none).sent_by(origin, code),
            );
            let attempt = Attempt {
                method: &method,
                operation,
                outcome,
                number: 1,
                elapsed: Duration::ZERO,
                now: DateTime::default(),
                random: 1.0,
            };
            let decided = decide(&RetryPolicy::default(), &attempt);
            assert_eq!(decided, decision, "{method} {operation:?} {status} {origin:?} {code:?}");
        }
    }

    #[test]
    fn server_delays_take_precedence_within_bounds() {
        let reset = "1970-01-01T00:16:50+00:00";
        let table = [
            (503, headers(&[("retry-after", "7")]), retry(7_000)),
            (503, headers(&[("retry-after", "91")]), stop()),
            (503, headers(&[("retry-after", "18446744073709551615")]), stop()),
            (503, headers(&[("retry-after", "8210266876799")]), stop()),
            (429, headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "8210266876799")]), stop()),
            (
                429,
                headers(&[
                    ("retry-after", "7"),
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", reset),
                ]),
                retry(7_000),
            ),
            (429, headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", reset)]), retry(10_000)),
            (429, headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1010")]), retry(10_000)),
            // A reset in the past, without the remaining calls, or with some remaining, is ignored.
            (429, headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "900")]), retry(500)),
            (429, headers(&[("x-ratelimit-reset", reset)]), retry(500)),
            (429, headers(&[("x-ratelimit-remaining", "5"), ("x-ratelimit-reset", reset)]), retry(500)),
            (429, headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "5000")]), stop()),
        ];
        for (status, headers, decision) in table {
            assert_eq!(decide_default(&GET, response(status, &headers), 1, 0), decision, "{headers:?}");
        }
    }

    #[test]
    fn attempts_delays_and_elapsed_time_are_bounded() {
        let none = HeaderMap::new();
        let outcome = response(502, &none);
        let table = [(1, 0, retry(500)), (2, 0, retry(1_000)), (3, 0, retry(2_000)), (4, 0, stop())];
        for (number, elapsed, decision) in table {
            assert_eq!(decide_default(&GET, outcome, number, elapsed), decision, "{number}");
        }
        assert_eq!(decide_default(&GET, outcome, 1, 119), retry(500));
        assert_eq!(decide_default(&GET, outcome, 1, 120), stop());
        let backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(20));
        for number in [1, 7, 40, u32::MAX] {
            assert!(backoff.delay(number - 1, 1.0) <= Duration::from_secs(20));
        }
        assert_eq!(backoff.delay(2, 0.25), Duration::from_millis(500));
    }
}
