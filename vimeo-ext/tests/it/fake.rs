//! An in-memory Vimeo below the whole pipeline. It has no sockets, so a paused clock stays exact.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, Method, StatusCode};
use tokio::time::sleep;
use vimeo_api::{Delivery, Error, RawResponse, Request, Transport, TransportFuture};
use vimeo_ext::{Clock, RetryPolicy, Vimeo, VimeoBuilder};

/// A request as received.
#[derive(Debug, Clone)]
pub(crate) struct RecordedRequest {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl RecordedRequest {
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }
}

/// The fake's reaction to a request.
pub(crate) struct FakeResponse {
    after: Duration,
    result: Result<RawResponse, Error>,
}

pub(crate) fn respond(status: u16) -> FakeResponse {
    let status = StatusCode::from_u16(status).unwrap();
    FakeResponse {
        after: Duration::ZERO,
        result: Ok(RawResponse::new(status, HeaderMap::new(), Bytes::new())),
    }
}

/// A connection that broke before a response arrived.
pub(crate) fn broken(sent: Delivery) -> FakeResponse {
    let result = Err(Error::TimedOut { operation: "fake".into(), after: Duration::ZERO, delivery: sent });
    FakeResponse { after: Duration::ZERO, result }
}

impl FakeResponse {
    pub(crate) fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        let answer = self.result.as_mut().unwrap();
        answer.headers.insert(name, value.to_string().parse().unwrap());
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.result.as_mut().unwrap().body = body.into();
        self
    }

    pub(crate) fn json(self, json: serde_json::Value) -> Self {
        self.body(json.to_string())
    }

    pub(crate) fn limit(self, limit: u64, remaining: u64, reset: impl ToString) -> Self {
        self.header("x-ratelimit-limit", limit)
            .header("x-ratelimit-remaining", remaining)
            .header("x-ratelimit-reset", reset)
    }

    pub(crate) fn after(mut self, time: Duration) -> Self {
        self.after = time;
        self
    }
}

type Handler = dyn Fn(&RecordedRequest, usize) -> FakeResponse + Send + Sync;

/// Responds to each request with the result of the handler, which gets the request and its number, from 0.
#[derive(Clone)]
pub(crate) struct Fake {
    handler: Arc<Handler>,
    log: Arc<Mutex<Vec<RecordedRequest>>>,
}

impl Fake {
    pub(crate) fn new(
        handler: impl Fn(&RecordedRequest, usize) -> FakeResponse + Send + Sync + 'static,
    ) -> Self {
        Self { handler: Arc::new(handler), log: Arc::default() }
    }

    pub(crate) fn log(&self) -> Vec<RecordedRequest> {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.log.lock().unwrap().len()
    }

    /// A builder with this transport, a clock that follows tokio's, and maximum retry delays.
    pub(crate) fn builder(&self) -> VimeoBuilder {
        Vimeo::builder()
            .access_token("t0ken")
            .transport(self.clone())
            .clock(Clock::with_runtime(start()))
            .retry(RetryPolicy::default().jitter(|| 1.0))
    }

    pub(crate) fn vimeo(&self) -> Vimeo {
        self.builder().build().unwrap()
    }
}

/// The start time of the tests' clocks.
pub(crate) fn start() -> DateTime<Utc> {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

impl Transport for Fake {
    fn send(&self, request: Request) -> TransportFuture<'_> {
        let seen = RecordedRequest {
            method: request.method,
            url: request.url.to_string(),
            path: request.url.path().to_owned(),
            query: request.url.query_pairs().into_owned().collect(),
            headers: request.headers,
            body: request.body,
        };
        let number = {
            let mut log = self.log.lock().unwrap();
            log.push(seen.clone());
            log.len() - 1
        };
        let answer = (self.handler)(&seen, number);
        Box::pin(async move {
            if !answer.after.is_zero() {
                sleep(answer.after).await;
            }
            answer.result
        })
    }
}
