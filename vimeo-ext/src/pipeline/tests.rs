//! Each stage alone, in front of a scripted stage.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use tokio::time::{Instant, sleep};
use vimeo_api::{CallTimeout, Delivery, Error, RawResponse, Request, operation};

use super::{
    Authenticate, Deadline, HttpSend, MiddlewareStage, RateLimitStage, Retry, ScopeCheck, Stage, Trace,
};
use crate::auth::Session;
use crate::pipeline::HttpBackend;
use crate::rate_limit::{RateLimitPolicy, RateLimiters};
use crate::{AccessToken, Clock, RetryPolicy};

/// Records requests and returns scripted responses, of which the last is repeated. Each takes a second.
#[derive(Clone, Default)]
struct ScriptedStage {
    responses: Arc<Mutex<VecDeque<(u16, HeaderMap)>>>,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl ScriptedStage {
    fn with_statuses(statuses: &[u16]) -> Self {
        let responses = statuses.iter().map(|status| (*status, HeaderMap::new())).collect();
        Self { responses: Arc::new(Mutex::new(responses)), ..Self::default() }
    }

    fn tokens(&self) -> Vec<Option<String>> {
        let token = |request: &Request| {
            let value = request.headers.get(header::AUTHORIZATION)?;
            Some(value.to_str().unwrap().trim_start_matches("Bearer ").to_owned())
        };
        self.requests.lock().unwrap().iter().map(token).collect()
    }

    fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

impl Stage for ScriptedStage {
    async fn send(&self, request: &mut Request) -> Result<RawResponse, Error> {
        self.requests.lock().unwrap().push(request.clone());
        sleep(Duration::from_secs(1)).await;
        let mut responses = self.responses.lock().unwrap();
        let (status, headers) = match responses.len() {
            1 => responses[0].clone(),
            _ => responses.pop_front().unwrap(),
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
async fn trace_passes_the_response_through() {
    let next = ScriptedStage::with_statuses(&[503]);
    let response = Trace { next: next.clone() }.send(&mut request(Method::GET, "get_video")).await;
    assert_eq!((response.unwrap().status.as_u16(), next.count()), (503, 1));
}

#[tokio::test(start_paused = true)]
async fn deadline_ends_calls_that_exceed_the_timeout() {
    for (total, in_time) in [(None, true), (Some(2), true), (Some(0), false)] {
        let total = total.map(|seconds| Duration::from_secs(seconds) + Duration::from_millis(500));
        let stage = Deadline { total, next: ScriptedStage::with_statuses(&[200]) };
        let result = stage.send(&mut request(Method::GET, "get_video")).await;
        assert_eq!(result.is_ok(), in_time, "{total:?}");
        // The stage below stands in for the waits before a request leaves.
        assert!(in_time || matches!(result, Err(Error::TimedOut { delivery: Delivery::NotSent, .. })));
    }
    let mut call = request(Method::GET, "get_video");
    call.extensions.insert(CallTimeout(Duration::from_millis(500)));
    let stage = Deadline { total: Some(Duration::from_secs(2)), next: ScriptedStage::with_statuses(&[200]) };
    assert!(stage.send(&mut call).await.unwrap_err().is_timeout(), "a call's own timeout takes precedence");
}

#[tokio::test(start_paused = true)]
async fn an_empty_middleware_stage_passes_through() {
    let next = ScriptedStage::with_statuses(&[200]);
    MiddlewareStage { middleware: Arc::new([]), next: next.clone() }
        .send(&mut request(Method::GET, "get_video"))
        .await
        .unwrap();
    assert_eq!(next.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn scope_check_stops_calls_and_explains_403s() {
    // (the token's scopes, whether calls are stopped, response status, requests, whether a scope is missing)
    let table = [
        (Some("private"), true, 204, 0, true),
        (Some("private"), false, 204, 1, false),
        (Some("private"), false, 403, 1, true),
        (Some("delete"), true, 204, 1, false),
        (Some("delete"), true, 403, 1, false),
        (None, true, 204, 1, false),
        (None, true, 403, 1, false),
    ];
    for (scopes, enforce, status, count, missing) in table {
        let token = AccessToken::from("t0ken");
        let token = match scopes {
            Some(scopes) => token.with_scopes(scopes),
            None => token,
        };
        let next = ScriptedStage::with_statuses(&[status]);
        let stage = ScopeCheck { session: session(token), enforce, next: next.clone() };
        let result = stage.send(&mut request(Method::DELETE, "delete_video")).await;
        assert_eq!(next.count(), count, "{scopes:?} {enforce} {status}");
        assert_eq!(matches!(result, Err(Error::MissingScope(_))), missing, "{scopes:?} {enforce} {status}");
    }
}

#[tokio::test(start_paused = true)]
async fn retry_repeats_attempts_after_the_backoff() {
    // (method, statuses, requests, seconds in all: one per attempt plus the delays)
    let table = [
        (Method::GET, &[200][..], 1, 1.0),
        (Method::GET, &[503, 200], 2, 2.5),
        (Method::GET, &[502], 4, 7.5),
        (Method::POST, &[502, 200], 1, 1.0),
        (Method::GET, &[404], 1, 1.0),
    ];
    for (method, statuses, count, seconds) in table {
        let next = ScriptedStage::with_statuses(statuses);
        let policy = Arc::new(RetryPolicy::default().jitter(|| 1.0));
        let stage = Retry { policy, clock: Clock::default(), next: next.clone() };
        let started = Instant::now();
        stage.send(&mut request(method.clone(), "get_video")).await.unwrap();
        assert_eq!(next.count(), count, "{method} {statuses:?}");
        assert_eq!(started.elapsed().as_secs_f64(), seconds, "{method} {statuses:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn rate_limit_stage_delays_calls_beyond_the_limit() {
    let start = "2026-03-01T12:00:00Z".parse().unwrap();
    let clock = Clock::with_runtime(start);
    let next = ScriptedStage::default();
    let headers =
        [("x-ratelimit-limit", "9"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1772366430")];
    let headers = headers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    next.responses.lock().unwrap().push_back((200, headers.into_iter().collect()));
    let rate_limiter = RateLimiters::default().of("a", &clock);
    for (policy, waits, is_sent) in [
        (RateLimitPolicy::ReportOnly, 0, true),
        (RateLimitPolicy::FailFast, 0, false),
        (RateLimitPolicy::Wait { at_most: Duration::from_secs(5) }, 0, false),
        // Without an end, which must not overflow.
        (RateLimitPolicy::Wait { at_most: Duration::MAX }, 29, true),
    ] {
        let stage = RateLimitStage { rate_limiter: Arc::clone(&rate_limiter), policy, next: next.clone() };
        let started = Instant::now();
        let sent = next.count();
        let result = stage.send(&mut request(Method::GET, "get_video")).await;
        assert_eq!(result.is_ok(), is_sent, "{policy:?}");
        assert_eq!(next.count() - sent, usize::from(is_sent), "{policy:?}");
        let waited = started.elapsed().as_secs() - u64::from(is_sent);
        assert!((waits..=waits + 1).contains(&waited), "{policy:?} waited {waited} s");
    }
}

#[tokio::test(start_paused = true)]
async fn adds_the_token_for_the_api_only() {
    let verify = Arc::new("https://api.vimeo.com/oauth/verify".parse().unwrap());
    let next = ScriptedStage::with_statuses(&[200]);
    let stage = Authenticate { session: session("t0ken".into()), verify, next: next.clone() };
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
        stage.send(&mut request).await.unwrap();
        assert_eq!(next.tokens().pop().unwrap().as_deref(), token, "{url}");
        assert!(!request.headers.contains_key(header::AUTHORIZATION), "{url}");
    }
}

/// A resolver that never responds.
struct HangingResolver;

impl reqwest::dns::Resolve for HangingResolver {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn a_connect_timeout_reports_that_nothing_was_sent() {
    let client = crate::tls::client_builder(crate::tls::HttpVersions::Any)
        .unwrap()
        .connect_timeout(Duration::from_secs(7))
        .dns_resolver(Arc::new(HangingResolver))
        .no_proxy()
        .build()
        .unwrap();
    let stall = Duration::from_secs(60);
    let stage = HttpSend { backend: HttpBackend::Http(client), stall, attempt: None, max_response_size: 1 };
    let started = Instant::now();
    let error = stage.send(&mut request(Method::POST, "get_video")).await.unwrap_err();
    assert!(error.is_timeout() && error.delivery() == Delivery::NotSent, "{error:?}");
    assert_eq!(started.elapsed().as_secs(), 7);
}
