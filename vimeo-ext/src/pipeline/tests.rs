//! Each step alone, before one that does as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use tokio::time::{Instant, sleep};
use vimeo_api::{CallTimeout, Delivery, Error, RawResponse, Request, operation};

use super::{
    Authenticate, Deadline, HttpSend, MiddlewareStage, RateLimitStage, Retry, ScopeCheck, Stage,
    TimerKeepAlive, Trace,
};
use crate::auth::Session;
use crate::pipeline::HttpBackend;
use crate::rate_limit::{RateLimitPolicy, RateLimiters};
use crate::{AccessToken, Clock, RetryPolicy};

/// What came by, and what to answer: the last answer again and again. Each takes a second.
#[derive(Clone, Default)]
struct Told {
    answers: Arc<Mutex<VecDeque<(u16, HeaderMap)>>>,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Told {
    fn answering(statuses: &[u16]) -> Self {
        let answers = statuses.iter().map(|status| (*status, HeaderMap::new())).collect();
        Self { answers: Arc::new(Mutex::new(answers)), ..Self::default() }
    }

    fn tokens(&self) -> Vec<Option<String>> {
        let token = |request: &Request| {
            let value = request.headers.get(header::AUTHORIZATION)?;
            Some(value.to_str().unwrap().trim_start_matches("Bearer ").to_owned())
        };
        self.seen.lock().unwrap().iter().map(token).collect()
    }

    fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

impl Stage for Told {
    async fn send(&self, request: &mut Request) -> Result<RawResponse, Error> {
        self.seen.lock().unwrap().push(request.clone());
        sleep(Duration::from_secs(1)).await;
        let mut answers = self.answers.lock().unwrap();
        let (status, headers) = match answers.len() {
            1 => answers[0].clone(),
            _ => answers.pop_front().unwrap(),
        };
        Ok(RawResponse::new(StatusCode::from_u16(status).unwrap(), headers, Bytes::from_static(b"{}")))
    }
}

fn request(method: Method, id: &str) -> Request {
    let url = "https://api.vimeo.com/videos/1".parse().unwrap();
    Request::new(operation(id), method, url)
}

fn session(token: AccessToken) -> Arc<Session> {
    Session::new(None, Some(token), None, Clock::default()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn trace_hands_on_what_it_is_given() {
    let next = Told::answering(&[503]);
    let answer = Trace { next: next.clone() }.send(&mut request(Method::GET, "get_video")).await;
    assert_eq!((answer.unwrap().status.as_u16(), next.count()), (503, 1));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_what_takes_longer_and_nothing_else() {
    for (total, in_time) in [(None, true), (Some(2), true), (Some(0), false)] {
        let total = total.map(|seconds| Duration::from_secs(seconds) + Duration::from_millis(500));
        let step = Deadline { total, next: Told::answering(&[200]) };
        let result = step.send(&mut request(Method::GET, "get_video")).await;
        assert_eq!(result.is_ok(), in_time, "{total:?}");
        // The stage below stands in for the waits before a request leaves.
        assert!(in_time || matches!(result, Err(Error::TimedOut { delivery: Delivery::NotSent, .. })));
    }
    let mut call = request(Method::GET, "get_video");
    call.extensions.insert(CallTimeout(Duration::from_millis(500)));
    let step = Deadline { total: Some(Duration::from_secs(2)), next: Told::answering(&[200]) };
    assert!(step.send(&mut call).await.unwrap_err().is_timeout(), "a call's own time comes first");
}

#[tokio::test(start_paused = true)]
async fn no_layers_are_no_step() {
    let next = Told::answering(&[200]);
    MiddlewareStage { layers: Arc::new([]), next: next.clone() }
        .send(&mut request(Method::GET, "get_video"))
        .await
        .unwrap();
    assert_eq!(next.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_preflight_stops_what_the_token_may_not_and_reads_refusals() {
    // (the token's scopes, whether calls are stopped, what is answered, requests, whether a scope is named)
    let table = [
        (Some("private"), true, 204, 0, true),
        (Some("private"), false, 204, 1, false),
        (Some("private"), false, 403, 1, true),
        (Some("delete"), true, 204, 1, false),
        (Some("delete"), true, 403, 1, false),
        (None, true, 204, 1, false),
        (None, true, 403, 1, false),
    ];
    for (scopes, stops, status, count, named) in table {
        let token = AccessToken::from("t0ken");
        let token = match scopes {
            Some(scopes) => token.with_scopes(scopes),
            None => token,
        };
        let next = Told::answering(&[status]);
        let step = ScopeCheck { session: session(token), stops, next: next.clone() };
        let result = step.send(&mut request(Method::DELETE, "delete_video")).await;
        assert_eq!(next.count(), count, "{scopes:?} {stops} {status}");
        assert_eq!(matches!(result, Err(Error::MissingScope(_))), named, "{scopes:?} {stops} {status}");
    }
}

#[tokio::test(start_paused = true)]
async fn retry_does_as_the_decision_says() {
    // (method, statuses, requests, seconds in all: one an attempt and the waits between)
    let table = [
        (Method::GET, &[200][..], 1, 1.0),
        (Method::GET, &[503, 200], 2, 2.5),
        (Method::GET, &[502], 4, 7.5),
        (Method::POST, &[502, 200], 1, 1.0),
        (Method::GET, &[404], 1, 1.0),
    ];
    for (method, statuses, count, seconds) in table {
        let next = Told::answering(statuses);
        let policy = Arc::new(RetryPolicy::default().jitter(|| 1.0));
        let step = Retry { policy, clock: Clock::default(), next: next.clone() };
        let began = Instant::now();
        step.send(&mut request(method.clone(), "get_video")).await.unwrap();
        assert_eq!(next.count(), count, "{method} {statuses:?}");
        assert_eq!(began.elapsed().as_secs_f64(), seconds, "{method} {statuses:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_limit_holds_back_what_would_be_refused() {
    let start = "2026-03-01T12:00:00Z".parse().unwrap();
    let clock = Clock::with_runtime(start);
    let next = Told::default();
    let headers =
        [("x-ratelimit-limit", "9"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1772366430")];
    let headers = headers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    next.answers.lock().unwrap().push_back((200, headers.into_iter().collect()));
    let rate_limiter = RateLimiters::default().of("a", &clock);
    for (policy, waits, goes) in [
        (RateLimitPolicy::ReportOnly, 0, true),
        (RateLimitPolicy::FailFast, 0, false),
        (RateLimitPolicy::Wait { at_most: Duration::from_secs(5) }, 0, false),
        // Without end, which is no reason to end the program.
        (RateLimitPolicy::Wait { at_most: Duration::MAX }, 29, true),
    ] {
        let step = RateLimitStage { rate_limiter: Arc::clone(&rate_limiter), policy, next: next.clone() };
        let began = Instant::now();
        let sent = next.count();
        let result = step.send(&mut request(Method::GET, "get_video")).await;
        assert_eq!(result.is_ok(), goes, "{policy:?}");
        assert_eq!(next.count() - sent, usize::from(goes), "{policy:?}");
        let waited = began.elapsed().as_secs() - u64::from(goes);
        assert!((waits..=waits + 1).contains(&waited), "{policy:?} waited {waited} s");
    }
}

#[tokio::test(start_paused = true)]
async fn the_token_is_put_on_and_taken_off() {
    let verify = Arc::new("https://api.vimeo.com/oauth/verify".parse().unwrap());
    let next = Told::answering(&[200]);
    let step = Authenticate { session: session("t0ken".into()), verify, next: next.clone() };
    for (url, token) in [
        ("https://api.vimeo.com/me", Some("t0ken")),
        ("https://api.vimeo.com:443/me", Some("t0ken")),
        ("https://API.vimeo.com/me", Some("t0ken")),
        ("http://api.vimeo.com/me", None),
        ("https://api.vimeo.com:444/me", None),
        ("https://api.vimeo.com.example/me", None),
        ("https://user@api.vimeo.com/me", None),
        ("https://example.com/api.vimeo.com", None),
    ] {
        let mut request = Request::new(None, Method::GET, url.parse().unwrap());
        step.send(&mut request).await.unwrap();
        assert_eq!(next.tokens().pop().unwrap().as_deref(), token, "{url}");
        assert!(!request.headers.contains_key(header::AUTHORIZATION), "{url}");
    }
}

/// Finds no address, ever.
struct NoAnswer;

impl reqwest::dns::Resolve for NoAnswer {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn a_connect_timeout_means_that_nothing_was_sent() {
    let client = crate::tls::client_builder(crate::tls::HttpVersions::Any)
        .unwrap()
        .connect_timeout(Duration::from_secs(7))
        .dns_resolver(Arc::new(NoAnswer))
        .no_proxy()
        .build()
        .unwrap();
    let keep_alive = TimerKeepAlive::default();
    let stall = Duration::from_secs(60);
    let step = HttpSend {
        backend: HttpBackend::Http(client),
        keep_alive,
        stall,
        attempt: None,
        max_response_size: 1,
    };
    let began = Instant::now();
    let error = step.send(&mut request(Method::POST, "get_video")).await.unwrap_err();
    assert!(error.is_timeout() && error.delivery() == Delivery::NotSent, "{error:?}");
    assert_eq!(began.elapsed().as_secs(), 7);
}
