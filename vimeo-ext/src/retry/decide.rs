//! The decision itself: pure, all it goes by comes in.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{HeaderMap, Method, StatusCode};
use vimeo_api::{Error, RateLimit, Sent, retry_after, time_until};

use super::RetryPolicy;
use crate::timeouts::share;

/// How an attempt ended.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// Vimeo, or a proxy before it, answered.
    Answer(StatusCode, &'a HeaderMap),
    /// No answer came.
    NoAnswer(Sent),
    /// A layer refused to send; asking again changes nothing.
    Refused,
}

impl<'a> Outcome<'a> {
    /// What an error of a transport means here.
    pub fn of(error: &'a Error) -> Self {
        match error {
            Error::Connection(error) => Self::NoAnswer(error.sent()),
            Error::TimedOut { sent, .. } => Self::NoAnswer(*sent),
            _ => Self::Refused,
        }
    }
}

/// All that the decision goes by, besides the policy.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// The method of the call.
    pub method: &'a Method,
    /// How it ended.
    pub outcome: Outcome<'a>,
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
pub enum Decision {
    /// It is over, for good or ill.
    Stop,
    /// Send it again after this time.
    Again(Duration),
}

/// Whether, and after which wait, a call is sent again.
///
/// - The server's word comes first: `Retry-After`, or for `429` the reset when nothing remains. A wait beyond
///   [`server_cap`](RetryPolicy::server_cap) ends the call instead.
/// - Else the wait is random between nothing and `base · 2^(attempt - 1)`, at most [`cap`](RetryPolicy::cap).
/// - `408`, `500`, `502`, `503` and `504`, and no answer, are tried again for `GET`, `HEAD`, `OPTIONS`, `PUT` and
///   `DELETE`; for other methods only when the request surely did not go out.
/// - `429` says that the call was not carried out, so it is tried again for every method.
///
/// ```
/// use std::time::Duration;
/// use http::{HeaderMap, Method, StatusCode};
/// use vimeo_ext::retry::{Attempt, Decision, Outcome, decide};
/// use vimeo_ext::RetryPolicy;
///
/// let headers = HeaderMap::new();
/// let mut attempt = Attempt {
///     method: &Method::GET,
///     outcome: Outcome::Answer(StatusCode::BAD_GATEWAY, &headers),
///     number: 1,
///     elapsed: Duration::ZERO,
///     now: Default::default(),
///     random: 1.0,
/// };
/// assert_eq!(decide(&RetryPolicy::default(), &attempt), Decision::Again(Duration::from_millis(500)));
/// attempt.method = &Method::POST;
/// assert_eq!(decide(&RetryPolicy::default(), &attempt), Decision::Stop);
/// ```
pub fn decide(policy: &RetryPolicy, attempt: &Attempt<'_>) -> Decision {
    if attempt.number >= policy.attempts {
        return Decision::Stop;
    }
    let repeatable = policy.repeatable
        || matches!(
            *attempt.method,
            Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE
        );
    let servers_word = match attempt.outcome {
        Outcome::Refused => return Decision::Stop,
        Outcome::NoAnswer(Sent::No) => None,
        Outcome::NoAnswer(_) if repeatable => None,
        Outcome::Answer(StatusCode::TOO_MANY_REQUESTS, headers) => {
            retry_after(headers, attempt.now).or_else(|| reset(headers, attempt.now))
        }
        Outcome::Answer(
            StatusCode::REQUEST_TIMEOUT
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT,
            headers,
        ) if repeatable => retry_after(headers, attempt.now),
        Outcome::NoAnswer(_) | Outcome::Answer(..) => return Decision::Stop,
    };
    let wait = match servers_word {
        Some(wait) if wait > policy.server_cap => return Decision::Stop,
        Some(wait) => wait,
        None => backoff(policy.base, policy.cap, attempt.number, attempt.random),
    };
    match attempt.elapsed.checked_add(wait) {
        Some(time) if time <= policy.budget => Decision::Again(wait),
        _ => Decision::Stop,
    }
}

/// The reset is believed only when nothing remains, and only when it lies ahead.
fn reset(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let limit = RateLimit::read(headers).filter(|limit| limit.remaining == Some(0))?;
    Some(time_until(limit.reset?, headers, now)).filter(|wait| !wait.is_zero())
}

/// Full jitter: anything from nothing to the exponential.
pub(crate) fn backoff(base: Duration, cap: Duration, number: u32, random: f64) -> Duration {
    let doublings = number.saturating_sub(1).min(31);
    share(base.saturating_mul(1 << doublings).min(cap), random)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: Method = Method::GET;
    const POST: Method = Method::POST;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn stop() -> Decision {
        Decision::Stop
    }

    fn again(millis: u64) -> Decision {
        Decision::Again(Duration::from_millis(millis))
    }

    fn ask(method: &Method, outcome: Outcome<'_>, number: u32, elapsed: u64) -> Decision {
        let now = DateTime::from_timestamp(1_000, 0).unwrap();
        let elapsed = Duration::from_secs(elapsed);
        decide(&RetryPolicy::default(), &Attempt { method, outcome, number, elapsed, now, random: 1.0 })
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
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(ask(&method, Outcome::Answer(status, &none), 1, 0), decision, "{method} {status}");
        }
    }

    #[test]
    fn the_table_of_missing_answers() {
        let table = [
            (GET, Sent::No, again(500)),
            (GET, Sent::Maybe, again(500)),
            (POST, Sent::No, again(500)),
            (POST, Sent::Maybe, stop()),
            (Method::PATCH, Sent::Maybe, stop()),
        ];
        for (method, sent, decision) in table {
            assert_eq!(ask(&method, Outcome::NoAnswer(sent), 1, 0), decision, "{method} {sent:?}");
        }
        assert_eq!(ask(&GET, Outcome::Refused, 1, 0), stop());
    }

    #[test]
    fn the_servers_word_comes_first_within_bounds() {
        let reset = "1970-01-01T00:16:50+00:00";
        let table = [
            (503, headers(&[("retry-after", "7")]), again(7_000)),
            (503, headers(&[("retry-after", "91")]), stop()),
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
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(ask(&GET, Outcome::Answer(status, &headers), 1, 0), decision, "{headers:?}");
        }
    }

    #[test]
    fn attempts_waits_and_the_whole_are_bounded() {
        let none = HeaderMap::new();
        let outcome = Outcome::Answer(StatusCode::BAD_GATEWAY, &none);
        let table = [(1, 0, again(500)), (2, 0, again(1_000)), (3, 0, again(2_000)), (4, 0, stop())];
        for (number, elapsed, decision) in table {
            assert_eq!(ask(&GET, outcome, number, elapsed), decision, "{number}");
        }
        assert_eq!(ask(&GET, outcome, 1, 119), again(500));
        assert_eq!(ask(&GET, outcome, 1, 120), stop());
        for number in [1, 7, 40, u32::MAX] {
            assert!(
                backoff(Duration::from_millis(500), Duration::from_secs(20), number, 1.0)
                    <= Duration::from_secs(20)
            );
        }
        assert_eq!(
            backoff(Duration::from_millis(500), Duration::from_secs(20), 3, 0.25),
            Duration::from_millis(500)
        );
    }
}
