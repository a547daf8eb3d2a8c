//! Receiving webhooks: verification, deduplication and the axum extractor.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::{Router, routing::post};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use serde_json::{Value, json};
use sha2::Sha256;
use vimeo_api::OpenEnum;
use vimeo_api::types::AppWebhookBody;
use vimeo_ext::accounts::{AccountStore, MemoryStore, SqliteStore};
use vimeo_ext::webhooks::{
    Encoding, Hash, Receiver, ReceiverBuilder, Signature, Verifier, Webhook, WebhookError, WebhookType,
};
use vimeo_ext::{Clock, Vimeo};
use vimeo_sandbox::Sandbox;

use crate::fake::start;

fn builder() -> ReceiverBuilder {
    Receiver::builder()
        .verifier(Verifier::signature(
            Signature::new("x-sig", Hash::Sha256, Encoding::Hex).prefix("sha256="),
            "key",
        ))
        .kind_at("/webhook_type")
        .delivery_id_at("/event_id")
        .sent_at("/created_on")
        .clock(Clock::new(start))
}

fn signed(body: &str) -> HeaderMap {
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(b"key").unwrap().chain_update(body);
    let digits: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    HeaderMap::from_iter([("x-sig".parse().unwrap(), format!("sha256={digits}").parse().unwrap())])
}

fn payload(id: u64, kind: &str, sent: &str) -> String {
    json!({"event_id": id, "webhook_type": kind, "created_on": sent, "resource_uri": format!("/videos/{id}")})
        .to_string()
}

const NOW: &str = "2026-03-01T12:00:00+00:00";

async fn receive(receiver: &Receiver, body: &str) -> Result<vimeo_ext::webhooks::Event, WebhookError> {
    receiver.receive(&signed(body), Bytes::copy_from_slice(body.as_bytes())).await
}

#[tokio::test]
async fn parses_known_and_unknown_event_types() {
    let receiver = builder().build().unwrap();
    assert_eq!(WebhookType::VALUES.len(), 17);
    for (number, value) in WebhookType::VALUES.iter().chain(&["video-from-the-future"]).enumerate() {
        let body = payload(number as u64, value, NOW);
        let event = receive(&receiver, &body).await.unwrap();
        assert_eq!(event.kind, WebhookType::other(value));
        assert_eq!(matches!(event.kind, WebhookType::Other(_)), number == 17);
        assert_eq!(event.body, body, "byte for byte");
        assert_eq!((event.video_id(), event.sent_at), (Some(number as u64), Some(start())));
    }
}

#[tokio::test]
async fn rejects_forged_stale_and_malformed_requests() {
    let receiver = builder().build().unwrap();
    let good = payload(1, "video-created", NOW);
    let send = |headers: HeaderMap, body: &str| {
        let (receiver, body) = (receiver.clone(), Bytes::copy_from_slice(body.as_bytes()));
        async move { receiver.receive(&headers, body).await.unwrap_err() }
    };
    assert!(matches!(send(HeaderMap::new(), &good).await, WebhookError::Forged));
    assert!(matches!(send(signed("other"), &good).await, WebhookError::Forged));
    // A forged request is not parsed.
    assert!(matches!(send(HeaderMap::new(), "{").await, WebhookError::Forged));
    assert!(matches!(send(signed("{"), "{").await, WebhookError::Malformed(_)));
    assert!(matches!(send(signed("{}"), "{}").await, WebhookError::Malformed(_)));
    for (sent, accepted) in [
        ("2026-03-01T11:55:00+00:00", true),
        ("2026-03-01T11:54:59+00:00", false),
        ("2026-03-01T12:05:01+00:00", false),
    ] {
        let body = payload(sent.len() as u64 * 100 + u64::from(accepted), "video-created", sent);
        match receive(&receiver, &body).await {
            Ok(_) => assert!(accepted, "{sent}"),
            Err(WebhookError::Stale { .. }) => assert!(!accepted, "{sent}"),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(matches!(Receiver::builder().kind_at("/a").build(), Err(WebhookError::Setup(_))));
    assert!(matches!(Receiver::builder().verifier(Verifier::none()).build(), Err(WebhookError::Setup(_))));
}

/// Even with a short retention, a replay is rejected for as long as its send time is within the tolerance.
#[tokio::test]
async fn rejects_replays_within_the_tolerance() {
    use std::sync::atomic::{AtomicI64, Ordering};
    let offset = Arc::new(AtomicI64::new(0));
    let seconds = Arc::clone(&offset);
    let clock = Clock::new(move || start() + chrono::TimeDelta::seconds(seconds.load(Ordering::SeqCst)));
    let dedup = vimeo_ext::webhooks::InMemoryDedup::default();
    let receiver = builder().clock(clock).dedup(dedup, Duration::from_secs(1)).build().unwrap();
    // Sent by a clock that is ahead: the request stays within the tolerance for almost ten minutes.
    let body = payload(1, "video-created", "2026-03-01T12:04:59+00:00");
    receive(&receiver, &body).await.unwrap().done().await.unwrap();
    for seconds in [0, 2, 299, 599] {
        offset.store(seconds, Ordering::SeqCst);
        let error = receive(&receiver, &body).await.unwrap_err();
        assert!(matches!(error, WebhookError::Duplicate { .. }), "{seconds}: {error:?}");
    }
    offset.store(600, Ordering::SeqCst);
    assert!(matches!(receive(&receiver, &body).await, Err(WebhookError::Stale { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_deliveries_are_claimed_once() {
    let folder = tempfile::tempdir().unwrap();
    let open = async || SqliteStore::open(folder.path().join("accounts.db")).await.unwrap();
    let mut processes = processes();
    processes.push(("one database", with_store(Arc::new(open().await)), with_store(Arc::new(open().await))));
    for (name, here, there) in processes {
        let body = payload(1, "video-created", NOW);
        let tasks = (0..8).map(|number| {
            let receiver = if number % 2 == 0 { here.clone() } else { there.clone() };
            let body = body.clone();
            tokio::spawn(async move { receive(&receiver, &body).await })
        });
        let all: Vec<_> =
            futures_util::future::join_all(tasks).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(all.iter().filter(|result| result.is_ok()).count(), 1, "{name}");
        for error in all.iter().filter_map(|result| result.as_ref().err()) {
            assert!(
                matches!(error, WebhookError::InProgress { delivery_id } if delivery_id == "1"),
                "{name}: {error:?}"
            );
            assert_eq!(error.status(), 503, "handling can still fail, so Vimeo has to send it again");
        }
        let event = all.into_iter().find_map(Result::ok).unwrap();
        event.done().await.unwrap();
        for receiver in [&here, &there] {
            let error = receive(receiver, &body).await.unwrap_err();
            assert!(
                matches!(&error, WebhookError::Duplicate { delivery_id } if delivery_id == "1"),
                "{name}: {error:?}"
            );
            assert_eq!(error.status(), 200);
        }
        drop(event);
        for receiver in [&here, &there] {
            let released = receive(receiver, &body).await;
            assert!(released.is_err(), "{name}: dropping a done event releases nothing");
        }
        // Another delivery is another event.
        let other = payload(2, "video-created", NOW);
        receive(&there, &other).await.unwrap().done().await.unwrap();
        assert!(matches!(receive(&here, &other).await, Err(WebhookError::Duplicate { .. })), "{name}");
    }
}

/// A receiver whose deliveries are remembered in a store.
fn with_store(store: Arc<dyn AccountStore>) -> Receiver {
    builder().dedup(store, Duration::from_secs(60)).build().unwrap()
}

/// One receiver with an in-memory dedup, and two receivers that share a store.
fn processes() -> Vec<(&'static str, Receiver, Receiver)> {
    let one = builder().build().unwrap();
    let store: Arc<dyn AccountStore> = Arc::new(MemoryStore::default());
    let process = || with_store(Arc::clone(&store));
    vec![("one process", one.clone(), one), ("two processes", process(), process())]
}

#[tokio::test]
async fn dropped_event_is_handled_again() {
    for (name, here, there) in processes() {
        let body = payload(1, "video-created", NOW);
        // The handler returns an error, or panics.
        drop(receive(&here, &body).await.unwrap());
        let panics = {
            let (here, body) = (here.clone(), body.clone());
            tokio::spawn(async move {
                let _event = receive(&here, &body).await.unwrap();
                panic!("a handler that panics");
            })
        };
        assert!(panics.await.unwrap_err().is_panic(), "{name}");
        // The delivery stays claimed while a clone of the event exists.
        let event = receive(&there, &body).await.unwrap();
        let clone = event.clone();
        drop(event);
        assert!(matches!(receive(&here, &body).await, Err(WebhookError::InProgress { .. })), "{name}");
        clone.done().await.unwrap();
        drop(clone);
        assert!(matches!(receive(&here, &body).await, Err(WebhookError::Duplicate { .. })), "{name}");
        assert!(matches!(receive(&there, &body).await, Err(WebhookError::Duplicate { .. })), "{name}");
    }
}

/// A claim that is never released, because the process died.
#[tokio::test]
async fn claim_of_a_hung_handler_expires() {
    use std::sync::atomic::{AtomicI64, Ordering};
    for shared in [false, true] {
        let offset = Arc::new(AtomicI64::new(0));
        let seconds = Arc::clone(&offset);
        let clock = Clock::new(move || start() + chrono::TimeDelta::seconds(seconds.load(Ordering::SeqCst)));
        let receiver = builder().clock(clock).lease(Duration::from_secs(30));
        let store: Arc<dyn vimeo_ext::accounts::AccountStore> =
            Arc::new(vimeo_ext::accounts::MemoryStore::default());
        let receiver = if shared { receiver.dedup(store, Duration::from_secs(3_600)) } else { receiver };
        let receiver = receiver.build().unwrap();
        let body = payload(1, "video-created", NOW);
        let hung = receive(&receiver, &body).await.unwrap();
        offset.store(29, Ordering::SeqCst);
        assert!(matches!(receive(&receiver, &body).await, Err(WebhookError::InProgress { .. })));
        offset.store(30, Ordering::SeqCst);
        let again = receive(&receiver, &body).await.unwrap();
        // Dropping the first event does not release the second one's claim.
        drop(hung);
        assert!(matches!(receive(&receiver, &body).await, Err(WebhookError::InProgress { .. })));
        again.done().await.unwrap();
        offset.store(200, Ordering::SeqCst);
        assert!(matches!(receive(&receiver, &body).await, Err(WebhookError::Duplicate { .. })));
        receiver.forget(&again).await.unwrap();
        receive(&receiver, &body).await.unwrap().done().await.unwrap();
    }
}

/// The dedup fails to claim a delivery, or to mark it as done.
#[tokio::test]
async fn dedup_failure_returns_503() {
    use vimeo_ext::auth::BoxFuture;
    use vimeo_ext::webhooks::{Claim, DeliveryDedup, InMemoryDedup};

    type DedupError = Box<dyn std::error::Error + Send + Sync>;
    struct FailingDedup {
        inner: InMemoryDedup,
        can_claim: bool,
    }
    impl DeliveryDedup for FailingDedup {
        fn claim<'a>(
            &'a self,
            delivery: &'a str,
            now: chrono::DateTime<chrono::Utc>,
            until: chrono::DateTime<chrono::Utc>,
        ) -> BoxFuture<'a, Result<Claim, DedupError>> {
            if self.can_claim {
                self.inner.claim(delivery, now, until)
            } else {
                Box::pin(async { Err("unavailable".into()) })
            }
        }

        fn mark_done<'a>(
            &'a self,
            _: &'a str,
            _: &'a str,
            _: chrono::DateTime<chrono::Utc>,
            _: chrono::DateTime<chrono::Utc>,
        ) -> BoxFuture<'a, Result<(), DedupError>> {
            Box::pin(async { Err("unavailable".into()) })
        }

        fn forget<'a>(
            &'a self,
            delivery: &'a str,
            receipt: &'a str,
        ) -> BoxFuture<'a, Result<(), DedupError>> {
            self.inner.forget(delivery, receipt)
        }
    }

    let receiver = |can_claim| {
        let dedup = FailingDedup { inner: InMemoryDedup::default(), can_claim };
        builder().dedup(dedup, Duration::ZERO).build().unwrap()
    };
    let body = payload(1, "video-created", NOW);
    let error = receive(&receiver(false), &body).await.unwrap_err();
    assert_eq!(error.status(), 503);
    let receiver = receiver(true);
    let event = receive(&receiver, &body).await.unwrap();
    assert_eq!(event.done().await.unwrap_err().status(), 503);
    drop(event);
    assert!(receive(&receiver, &body).await.is_ok(), "the next delivery is handled");
}

#[tokio::test]
async fn axum_service_handles_deliveries() {
    let handled: Arc<Mutex<Vec<u64>>> = Arc::default();
    let log = Arc::clone(&handled);
    // The first two attempts at event 8 fail.
    let handler = async move |Webhook(event): Webhook| {
        let id = event.video_id().unwrap();
        let attempts = {
            let mut log = log.lock().unwrap();
            log.push(id);
            log.iter().filter(|handled| **handled == id).count()
        };
        match (id, attempts) {
            (8, 1) => panic!("a handler that panics"),
            (8, 2) => Err(WebhookError::Unavailable("the handler's work failed".into())),
            _ => event.done().await,
        }
    };
    let receiver = builder().build().unwrap();
    let service: Router = Router::new().route("/vimeo", post(handler)).with_state(receiver);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/vimeo", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, service).await });
    let http = crate::http::client();
    let send = async |headers: HeaderMap, body: &str| {
        let response = http.post(&url).headers(headers).body(body.to_owned()).send().await;
        response.map(|response| response.status().as_u16()).ok()
    };
    let body = payload(7, "video-transcode-complete", NOW);
    assert_eq!(send(signed(&body), &body).await, Some(200));
    assert_eq!(send(signed(&body), &body).await, Some(200), "so that Vimeo does not send it again");
    assert_eq!(send(HeaderMap::new(), &body).await, Some(401));
    assert_eq!(send(signed("{"), "{").await, Some(400));
    assert_eq!(*handled.lock().unwrap(), [7]);
    let body = payload(8, "video-transcode-complete", NOW);
    assert_eq!(send(signed(&body), &body).await, None, "a panic closes the connection");
    assert_eq!(send(signed(&body), &body).await, Some(503));
    for _ in 0..2 {
        assert_eq!(send(signed(&body), &body).await, Some(200));
    }
    assert_eq!(*handled.lock().unwrap(), [7, 8, 8, 8], "handled again until it was done");
    server.abort();
}

#[tokio::test]
async fn creates_lists_edits_and_deletes_webhooks() {
    let sandbox = Sandbox::start().await.unwrap();
    let vimeo =
        Vimeo::builder().access_token(sandbox.token()).base_url(sandbox.url().as_str()).build().unwrap();
    let app = vimeo.auth().verify().await.unwrap().app.unwrap().uri.unwrap();
    let app: u64 = app.trim_start_matches("/apps/").parse().unwrap();
    let body = AppWebhookBody::default()
        .webhook_type(WebhookType::VideoTranscodeComplete)
        .webhook_url("https://example.com/vimeo")
        .secret("s3cret")
        .is_enabled(true);
    let apps = vimeo.api().api_apps();
    let made = apps.create_app_webhook(app).body(body).send().await.unwrap();
    assert_eq!(made.webhook_type, Some(WebhookType::VideoTranscodeComplete));
    assert!(!format!("{made:?}").contains("s3cret"));
    let id: u64 = made.uri.as_deref().unwrap().rsplit('/').next().unwrap().parse().unwrap();
    assert_eq!(apps.list_app_webhooks(app).send().await.unwrap().data.as_ref().map(Vec::len), Some(1));
    let edit = AppWebhookBody::default().is_enabled(false);
    let changed = apps.edit_app_webhook(app, id).body(edit).send().await.unwrap();
    assert_eq!(changed.is_enabled, Some(false));
    apps.delete_app_webhook(app, id).send().await.unwrap();
    let listed = vimeo.get(&format!("/apps/{app}/webhooks")).send().await.unwrap();
    assert_eq!(listed["data"], Value::Array(Vec::new()));
}
