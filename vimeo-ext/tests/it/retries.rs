//! Retries: which calls, when, and with which body.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use vimeo_api::{Delivery, Error, Request, TransportFuture};
use vimeo_ext::{Middleware, Next, RetryPolicy};

use crate::fake::{Fake, broken, respond};

#[tokio::test(start_paused = true)]
async fn reads_are_retried_with_growing_delays() {
    let fake = Fake::new(|_, number| match number {
        0 => respond(502).body("<html><title>502</title></html>"),
        1 => broken(Delivery::Unknown),
        2 => respond(503),
        _ => respond(200).json(json!({"name": "x"})),
    });
    let began = Instant::now();
    let me = fake.vimeo().get("/me").send().await.unwrap();
    assert_eq!(me["name"], "x");
    assert_eq!(began.elapsed(), Duration::from_millis(500 + 1_000 + 2_000));
}

#[tokio::test(start_paused = true)]
async fn retries_end_with_the_last_error() {
    let fake = Fake::new(|_, _| respond(500).json(json!({"error": "Something broke."})));
    let began = Instant::now();
    let error = fake.vimeo().get("/me").send().await.unwrap_err();
    assert!(error.is_server_error());
    assert_eq!(fake.count(), 4);
    assert_eq!(began.elapsed(), Duration::from_millis(3_500));

    let policy = RetryPolicy::default().attempts(1_000).max_elapsed(Duration::from_secs(60)).jitter(|| 1.0);
    let began = Instant::now();
    fake.vimeo().get("/me").extension(policy).send().await.unwrap_err();
    assert!(began.elapsed() <= Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn creates_are_retried_only_if_they_had_no_effect() {
    // (the first response, whether a POST is retried)
    type First = fn() -> crate::fake::FakeResponse;
    let table: [(First, bool); 5] = [
        (|| respond(503), false),
        (|| respond(502), false),
        (|| broken(Delivery::Unknown), false),
        (|| broken(Delivery::NotSent), true),
        (|| respond(429), true),
    ];
    for (first, retried) in table {
        let fake =
            Fake::new(move |_, number| if number == 0 { first() } else { respond(201).json(json!({})) });
        let result = fake.vimeo().post("/me/albums").json(&json!({"name": "a"})).send().await;
        assert_eq!(result.is_ok(), retried);
        assert_eq!(fake.count(), if retried { 2 } else { 1 });
        for seen in fake.log() {
            assert_eq!(&seen.body[..], br#"{"name":"a"}"#, "every attempt sends the whole body");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_overrides_the_retry_policy() {
    let fake = Fake::new(|_, number| respond(if number == 1 { 200 } else { 503 }).json(json!({})));
    fake.vimeo().get("/me").extension(RetryPolicy::never()).send().await.unwrap_err();
    assert_eq!(fake.count(), 1);
    let sure = RetryPolicy::default().idempotent(true);
    let fake = Fake::new(|_, number| respond(if number == 1 { 200 } else { 503 }).json(json!({})));
    fake.vimeo().patch("/videos/1").extension(sure).json(&json!({})).send().await.unwrap();
    assert_eq!(fake.count(), 2);
}

/// BEHAVIOUR.md: E08.
#[tokio::test(start_paused = true)]
async fn picture_calls_are_retried_on_error_7001() {
    let error =
        || respond(503).json(json!({"error": "x", "developer_message": "Please retry.", "error_code": 7001}));
    // (method, path, whether it is retried)
    let table = [
        ("POST", "/videos/1/pictures", true),
        ("POST", "/me/pictures", true),
        ("POST", "/videos/1/animated_thumbsets", true),
        ("PATCH", "/videos/1/pictures/2", true),
        ("POST", "/me/videos", false),
        ("POST", "/videos/1/comments", false),
    ];
    for (method, path, retried) in table {
        let fake = Fake::new(
            move |_, number| if number < 2 { error() } else { respond(201).json(json!({"uri": "/x"})) },
        );
        let call = fake.vimeo().api().call(method.parse().unwrap(), path).json(&json!({}));
        assert_eq!(call.send().await.is_ok(), retried, "{method} {path}");
        assert_eq!(fake.count(), if retried { 3 } else { 1 }, "{method} {path}");
    }
}

/// Middleware that records its name for each request.
struct Recorder(&'static str, std::sync::Arc<std::sync::Mutex<Vec<&'static str>>>);

impl Middleware for Recorder {
    fn send<'a>(&'a self, request: &'a mut Request, next: Next<'a>) -> TransportFuture<'a> {
        assert!(!request.headers.contains_key("authorization"), "middleware does not see the token");
        self.1.lock().unwrap().push(self.0);
        request.headers.insert("x-middleware", self.0.parse().unwrap());
        Box::pin(async move {
            let answer = next.send(request).await;
            assert!(!request.headers.contains_key("authorization"), "nor afterwards");
            answer
        })
    }
}

#[tokio::test(start_paused = true)]
async fn middleware_runs_per_call_and_per_attempt() {
    let fake = Fake::new(|seen, number| {
        assert_eq!(seen.header("x-middleware"), Some("attempt"));
        assert_eq!(seen.token(), Some("t0ken"));
        respond(if number < 2 { 503 } else { 200 }).json(json!({}))
    });
    let log = std::sync::Arc::default();
    let recorder = |name| Recorder(name, std::sync::Arc::clone(&log));
    let vimeo = fake
        .builder()
        .per_call_middleware(recorder("first"))
        .per_call_middleware(recorder("second"))
        .per_attempt_middleware(recorder("attempt"))
        .build()
        .unwrap();
    vimeo.get("/me").send().await.unwrap();
    assert_eq!(*log.lock().unwrap(), ["first", "second", "attempt", "attempt", "attempt"]);
}

/// Middleware that refuses every request.
struct Closed;

#[derive(Debug, thiserror::Error)]
#[error("closed on Sundays")]
struct Sunday;

impl Middleware for Closed {
    fn send<'a>(&'a self, _: &'a mut Request, _: Next<'a>) -> TransportFuture<'a> {
        Box::pin(async { Err(Error::Middleware(Box::new(Sunday))) })
    }
}

#[tokio::test]
async fn middleware_errors_are_returned_and_not_retried() {
    let fake = Fake::new(|_, _| respond(200));
    let vimeo = fake.builder().per_attempt_middleware(Closed).build().unwrap();
    let Err(Error::Middleware(error)) = vimeo.get("/me").send().await else { panic!() };
    assert!(error.is::<Sunday>());
    assert_eq!(fake.count(), 0);
}
