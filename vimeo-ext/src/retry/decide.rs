//! The decision itself: pure, all it goes by comes in.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{HeaderMap, Method, StatusCode};
use vimeo_api::rate_limit::{retry_after, time_until};
use vimeo_api::{Delivery, Error, Operation, RateLimit};

use super::{Backoff, Effect, ResponseSummary, RetryPolicy, effect};

/// How an attempt ended.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum AttemptResult<'a> {
    /// Vimeo, or a proxy before it, answered.
    Response(ResponseSummary<'a>),
    /// No answer came.
    NoResponse(Delivery),
    /// A layer refused to send; asking again changes nothing.
    Refused,
}

impl<'a> AttemptResult<'a> {
    /// What an error of a transport means here.
    pub fn of(error: &'a Error) -> Self {
        match error {
            Error::Connection(error) => Self::NoResponse(error.delivery()),
            Error::TimedOut { delivery, .. } => Self::NoResponse(*delivery),
            _ => Self::Refused,
        }
    }
}

/// All that the decision goes by, besides the policy.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// The method of the call.
    pub method: &'a Method,
    /// What is called, where that is known.
    pub operation: Option<&'static Operation>,
    /// How it ended.
    pub outcome: AttemptResult<'a>,
    /// Which attempt it was, from 1.
    pub number: u32,
    /// The time since the first attempt began.
    pub elapsed: Duration,
    /// The wall clock.
    pub now: DateTime<Utc>,
    /// A random number in `0.0..=1.0` that scales a wait of one's own choosing.
    pub random: f64,
}

/// What to do after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryDecision {
    /// It is over, for good or ill.
    Stop,
    /// Send it again after this time.
    Retry(Duration),
}

/// Whether, and after which wait, a call is sent again.
///
/// - The server's word comes first: `Retry-After`, or for `429` the reset when nothing remains. A wait beyond
///   [`max_retry_after`](RetryPolicy::max_retry_after) ends the call instead.
/// - Else the wait is random between nothing and `initial_backoff · 2^(attempt - 1)`, at most [`max_backoff`](RetryPolicy::max_backoff).
/// - What is tried again:
///
/// | how it ended | `GET`, `HEAD`, `OPTIONS`, `PUT`, `DELETE` | `PATCH` | `POST` |
/// |---|---|---|---|
/// | surely not sent | again | again | again |
/// | no answer | again | stop | stop |
/// | `429`: the call was not carried out | again | again | again |
/// | `429` of something before the API, which does not say so | again | stop | stop |
/// | `503` of the API with code 7001: nothing was done, and it asks for the call again | again | again | again where nothing is made twice: pictures and thumbnails, of which at worst one more stays unused |
/// | `408`, any other `5xx` but `501` and `511` | again | stop | stop |
/// | anything else | stop | stop | stop |
///
/// A policy that says [`idempotent`](RetryPolicy::idempotent) makes of every method one of the first column.
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
    let servers_word = match attempt.outcome {
        AttemptResult::Refused => return RetryDecision::Stop,
        AttemptResult::NoResponse(Delivery::NotSent) => None,
        AttemptResult::NoResponse(_) if idempotent => None,
        AttemptResult::Response(ResponseSummary {
            status: StatusCode::TOO_MANY_REQUESTS, headers, ..
        }) if idempotent || effect(&attempt.outcome) == Effect::Nothing => {
            retry_after(headers, attempt.now).or_else(|| reset(headers, attempt.now))
        }
        AttemptResult::Response(response)
            if idempotent && may_pass(response.status)
                || response.requests_retry() && makes_nothing_twice(attempt) =>
        {
            retry_after(response.headers, attempt.now)
        }
        AttemptResult::NoResponse(_) | AttemptResult::Response(..) => return RetryDecision::Stop,
    };
    let wait = match servers_word {
        Some(wait) if wait > policy.max_retry_after => return RetryDecision::Stop,
        Some(wait) => wait,
        None => {
            let backoff = Backoff::new(policy.initial_backoff, policy.max_backoff);
            backoff.wait(attempt.number.saturating_sub(1), attempt.random)
        }
    };
    match attempt.elapsed.checked_add(wait) {
        Some(time) if time <= policy.max_elapsed => RetryDecision::Retry(wait),
        _ => RetryDecision::Stop,
    }
}

/// Whether a status may be another the next time.
fn may_pass(status: StatusCode) -> bool {
    let is_final =
        matches!(status, StatusCode::NOT_IMPLEMENTED | StatusCode::NETWORK_AUTHENTICATION_REQUIRED);
    status == StatusCode::REQUEST_TIMEOUT || status.is_server_error() && !is_final
}

/// How the paths end at which a picture, or a place to send one to, is made.
const PICTURES: [&str; 6] = [
    "/pictures",
    "/animated_thumbsets",
    "/custom_thumbnails",
    "/timelinethumbnails",
    "/logos",
    "/backgrounds",
];

/// Whether a call that surely did nothing may be sent again without a thought for what it makes: a `PATCH` sets what it
/// names to what it says, and of pictures at worst one more stays unused.
fn makes_nothing_twice(attempt: &Attempt<'_>) -> bool {
    match *attempt.method {
        Method::PATCH => true,
        Method::POST => attempt
            .operation
            .is_some_and(|operation| PICTURES.iter().any(|ending| operation.path.ends_with(ending))),
        _ => false,
    }
}

/// The reset is believed only when nothing remains, and only when it lies ahead.
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

    fn again(millis: u64) -> RetryDecision {
        RetryDecision::Retry(Duration::from_millis(millis))
    }

    fn ask(method: &Method, outcome: AttemptResult<'_>, number: u32, elapsed: u64) -> RetryDecision {
        let now = DateTime::from_timestamp(1_000, 0).unwrap();
        let elapsed = Duration::from_secs(elapsed);
        let operation = None;
        decide(
            &RetryPolicy::default(),
            &Attempt { method, operation, outcome, number, elapsed, now, random: 1.0 },
        )
    }

    fn answer(status: u16, headers: &HeaderMap) -> AttemptResult<'_> {
        AttemptResult::Response(ResponseSummary::new(StatusCode::from_u16(status).unwrap(), headers))
    }

    #[test]
    fn the_table_of_answers() {
        let none = HeaderMap::new();
        // (method, status, decision after the first attempt)
        let table = [
            (GET, 200, stop()),
            (GET, 304, stop()),
            (GET, 400, stop()),
            (GET, 401, stop()),
            (GET, 403, stop()),
            (GET, 404, stop()),
            (GET, 408, again(500)),
            (GET, 429, again(500)),
            (GET, 500, again(500)),
            (GET, 501, stop()),
            (GET, 502, again(500)),
            (GET, 503, again(500)),
            (GET, 504, again(500)),
            (GET, 505, again(500)),
            (GET, 507, again(500)),
            (GET, 511, stop()),
            (GET, 520, again(500)),
            (GET, 524, again(500)),
            (POST, 524, stop()),
            (Method::HEAD, 503, again(500)),
            (Method::PUT, 503, again(500)),
            (Method::DELETE, 503, again(500)),
            (POST, 500, stop()),
            (POST, 502, stop()),
            (POST, 503, stop()),
            (POST, 429, again(500)),
            (Method::PATCH, 503, stop()),
            (Method::PATCH, 429, again(500)),
        ];
        for (method, status, decision) in table {
            assert_eq!(ask(&method, answer(status, &none), 1, 0), decision, "{method} {status}");
        }
    }

    #[test]
    fn the_table_of_missing_answers() {
        let table = [
            (GET, Delivery::NotSent, again(500)),
            (GET, Delivery::Unknown, again(500)),
            (POST, Delivery::NotSent, again(500)),
            (POST, Delivery::Unknown, stop()),
            (Method::PATCH, Delivery::Unknown, stop()),
        ];
        for (method, sent, decision) in table {
            assert_eq!(ask(&method, AttemptResult::NoResponse(sent), 1, 0), decision, "{method} {sent:?}");
        }
        assert_eq!(ask(&GET, AttemptResult::Refused, 1, 0), stop());
    }

    #[test]
    fn the_table_of_senders_and_of_what_asks_for_the_call_again() {
        let none = HeaderMap::new();
        let operation = |id: &str| Some(vimeo_api::operation(id).unwrap());
        let pictures = operation("create_video_thumbnail");
        let animated = operation("create_video_animated_thumbnails");
        let create = operation("create_my_video");
        // (method, operation, status, origin, code, decision after the first attempt)
        let table = [
            (GET, None, 429, ResponseOrigin::Intermediary, None, again(500)),
            (POST, create, 429, ResponseOrigin::Api, None, again(500)),
            (POST, create, 429, ResponseOrigin::Intermediary, None, stop()),
            (Method::PATCH, None, 429, ResponseOrigin::Intermediary, None, stop()),
            (POST, pictures, 503, ResponseOrigin::Api, Some(7001), again(500)),
            (POST, animated, 503, ResponseOrigin::Api, Some(7001), again(500)),
            (POST, create, 503, ResponseOrigin::Api, Some(7001), stop()),
            (POST, None, 503, ResponseOrigin::Api, Some(7001), stop()),
            (POST, pictures, 503, ResponseOrigin::Api, None, stop()),
            (POST, pictures, 503, ResponseOrigin::Intermediary, None, stop()),
            (POST, pictures, 500, ResponseOrigin::Api, Some(7001), stop()),
            (Method::PATCH, None, 503, ResponseOrigin::Api, Some(7001), again(500)),
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
    fn the_servers_word_comes_first_within_bounds() {
        let reset = "1970-01-01T00:16:50+00:00";
        let table = [
            (503, headers(&[("retry-after", "7")]), again(7_000)),
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
                again(7_000),
            ),
            (429, headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", reset)]), again(10_000)),
            (429, headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1010")]), again(10_000)),
            // A reset that lies behind, that stands alone, or beside calls that remain, is not believed.
            (429, headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "900")]), again(500)),
            (429, headers(&[("x-ratelimit-reset", reset)]), again(500)),
            (429, headers(&[("x-ratelimit-remaining", "5"), ("x-ratelimit-reset", reset)]), again(500)),
            (429, headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "5000")]), stop()),
        ];
        for (status, headers, decision) in table {
            assert_eq!(ask(&GET, answer(status, &headers), 1, 0), decision, "{headers:?}");
        }
    }

    #[test]
    fn attempts_waits_and_the_whole_are_bounded() {
        let none = HeaderMap::new();
        let outcome = answer(502, &none);
        let table = [(1, 0, again(500)), (2, 0, again(1_000)), (3, 0, again(2_000)), (4, 0, stop())];
        for (number, elapsed, decision) in table {
            assert_eq!(ask(&GET, outcome, number, elapsed), decision, "{number}");
        }
        assert_eq!(ask(&GET, outcome, 1, 119), again(500));
        assert_eq!(ask(&GET, outcome, 1, 120), stop());
        let backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(20));
        for number in [1, 7, 40, u32::MAX] {
            assert!(backoff.wait(number - 1, 1.0) <= Duration::from_secs(20));
        }
        assert_eq!(backoff.wait(2, 0.25), Duration::from_millis(500));
    }
}
