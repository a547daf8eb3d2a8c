//! Events and their delivery to webhooks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::DateTime;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use vimeo_sandbox::{Clock, Sandbox, SandboxBuilder, Transcode, WebhookSignature};

use crate::client::{Client, id_of};

/// A webhook receiver, which responds with the given statuses and then with 200.
struct Receiver {
    url: url::Url,
    received: Arc<Mutex<Vec<(http::HeaderMap, String)>>>,
}

impl Receiver {
    async fn start(statuses: Vec<u16>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?a=b", listener.local_addr().unwrap()).parse().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let statuses = Arc::new(Mutex::new(statuses.into_iter()));
        let log = Arc::clone(&received);
        let router = axum::Router::new().fallback(move |request: http::Request<axum::body::Body>| {
            let (log, statuses) = (Arc::clone(&log), Arc::clone(&statuses));
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                log.lock().unwrap().push((parts.headers, String::from_utf8(body.to_vec()).unwrap()));
                http::StatusCode::from_u16(statuses.lock().unwrap().next().unwrap_or(200)).unwrap()
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, received }
    }

    fn bodies(&self) -> Vec<Value> {
        self.received.lock().unwrap().iter().map(|(_, body)| serde_json::from_str(body).unwrap()).collect()
    }

    fn kinds(&self) -> Vec<String> {
        self.bodies().iter().map(|body| body["webhook_type"].as_str().unwrap().to_owned()).collect()
    }
}

fn frozen() -> SandboxBuilder {
    let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    Sandbox::builder().clock(Clock::frozen(start)).transcode(Transcode::After(Duration::from_secs(60)))
}

async fn create_webhook(sandbox: &Sandbox, client: &Client, kind: &str, url: &url::Url) -> u64 {
    let app = sandbox.describe(sandbox.world())["app_id"].as_u64().unwrap();
    let body = json!({"webhook_type": kind, "webhook_url": url.as_str(), "secret": "hush"});
    let made = client.send("POST", &format!("/apps/{app}/webhooks"), body).await;
    assert_eq!(made.status, 200, "{made:?}");
    id_of(&made.body)
}

#[tokio::test]
async fn delivers_signed_webhook_after_clock_advance() {
    let receiver = Receiver::start(vec![]).await;
    let signature = WebhookSignature::new("x-test-signature").prefix("sha256=");
    let sandbox = frozen().webhook_signature(signature.clone()).start().await.unwrap();
    let client = Client::new(&sandbox);
    create_webhook(&sandbox, &client, "video-transcode-complete", &receiver.url).await;
    let id = client.upload("One", b"1").await;
    sandbox.flush_webhooks().await;
    assert!(receiver.bodies().is_empty());
    client.send("POST", "/_sandbox/clock?wait=true", json!({"advance": 60})).await;
    let received = receiver.received.lock().unwrap().clone();
    let (headers, body) = &received[0];
    assert_eq!(received.len(), 1);
    assert_eq!(headers["x-test-signature"].to_str().unwrap(), signature.sign("hush", body.as_bytes()));
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!((&body["resource_uri"], &body["secret"]), (&json!(format!("/videos/{id}")), &json!("hush")));
    assert_eq!(body["created_on"], "2023-11-14T22:14:20+00:00");
    let event = sandbox.world().events().into_iter().find(|event| event.kind == "video-transcode-complete");
    assert!(event.unwrap().deliveries[0].is_accepted());
}

#[tokio::test]
async fn forwards_events_in_order() {
    let receiver = Receiver::start(vec![]).await;
    let sandbox = frozen().forward_to(receiver.url.clone()).start().await.unwrap();
    let client = Client::new(&sandbox);
    let id = client.upload("One", b"1").await;
    sandbox.clock().advance(Duration::from_secs(60));
    client.send("PATCH", &format!("/videos/{id}"), json!({"name": "Two"})).await;
    client.call("DELETE", &format!("/videos/{id}")).await;
    sandbox.flush_webhooks().await;
    let expected = [
        "video-created",
        "video-transcode-playable",
        "video-transcode-fully-playable",
        "video-transcode-complete",
        "automatic-thumbnail-available",
        "video-updated",
        "video-deleted",
    ];
    assert_eq!(receiver.kinds(), expected);
}

#[tokio::test]
async fn retries_triggers_and_resends_events() {
    let receiver = Receiver::start(vec![500, 200, 200]).await;
    let sandbox = frozen().forward_to(receiver.url.clone()).webhook_retries(1).start().await.unwrap();
    let client = Client::new(&sandbox);
    let trigger = |body: Value| client.send("POST", "/_sandbox/trigger?wait=true", body);
    let refused = trigger(json!({"event": "video-exploded"})).await;
    assert!(refused.body["error"].as_str().unwrap().contains("video-updated"), "{refused:?}");
    assert_eq!(trigger(json!({"event": "video-updated"})).await.status, 400);
    let made = trigger(
        json!({"event": "live-event-started", "resource": "/live_events/5", "payload": {"extra": 1}}),
    );
    assert_eq!(made.await.body["event"], 1);
    assert_eq!(receiver.bodies()[0]["extra"], 1);
    assert_eq!(client.call("POST", "/_sandbox/events/1/resend?wait=true").await.status, 204);
    assert_eq!(client.call("POST", "/_sandbox/events/9/resend").await.status, 404);
    let listed = client.get("/_sandbox/events").await.body;
    let statuses: Vec<Option<u64>> = listed["events"][0]["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["status"].as_u64())
        .collect();
    assert_eq!(statuses, [Some(500), Some(200), Some(200)]);
}

#[tokio::test]
async fn delivers_only_to_loopback() {
    let sandbox = frozen().start().await.unwrap();
    let client = Client::new(&sandbox);
    let elsewhere = "https://example.com/hook".parse().unwrap();
    create_webhook(&sandbox, &client, "video-created", &elsewhere).await;
    client.create("One", 1).await;
    sandbox.flush_webhooks().await;
    let event = &sandbox.world().events()[0];
    let error = event.deliveries[0].error.as_deref().unwrap();
    assert!(event.deliveries[0].status.is_none() && error.contains("only http to this machine"), "{error}");
}

#[tokio::test]
async fn running_clock_delivers_events() {
    let receiver = Receiver::start(vec![]).await;
    let rule = Transcode::After(Duration::from_millis(20));
    let sandbox = Sandbox::builder().transcode(rule).forward_to(receiver.url.clone()).start().await.unwrap();
    Client::new(&sandbox).upload("One", b"1").await;
    while !receiver.kinds().iter().any(|kind| kind == "video-transcode-complete") {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn restart_delivers_pending_events_once() {
    let folder = crate::test_folder();
    let (first, last) = (Receiver::start(vec![]).await, Receiver::start(vec![]).await);
    // Accepts connections and never responds.
    let stuck = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stuck_url: url::Url = format!("http://{}/", stuck.local_addr().unwrap()).parse().unwrap();
    let begin = |second: &url::Url| {
        frozen().state(folder.path()).forward_to(first.url.clone()).forward_to(second.clone()).start()
    };
    let sandbox = begin(&stuck_url).await.unwrap();
    let trigger = |kind: &str| sandbox.world().trigger(kind, Some("/videos/1"), serde_json::Map::new());
    trigger("video-created").unwrap();
    trigger("video-updated").unwrap();
    let waiting = stuck.accept().await.unwrap();
    assert_eq!(first.kinds(), ["video-created"]);
    sandbox.stop().await;
    drop(waiting);

    let sandbox = begin(&last.url).await.unwrap();
    sandbox.flush_webhooks().await;
    assert_eq!(first.kinds(), ["video-created", "video-updated"]);
    assert_eq!(last.kinds(), ["video-created", "video-updated"]);
    sandbox.stop().await;

    let sandbox = begin(&last.url).await.unwrap();
    sandbox.flush_webhooks().await;
    assert_eq!((first.kinds().len(), last.kinds().len()), (2, 2));
    // Resending twice delivers twice, to every receiver.
    assert!(sandbox.world().resend(1) && sandbox.world().resend(1));
    sandbox.flush_webhooks().await;
    assert_eq!((first.kinds().len(), last.kinds().len()), (4, 4));
}

#[tokio::test]
async fn keeps_newest_10000_events() {
    let sandbox = frozen().start().await.unwrap();
    for _ in 0..10_050 {
        sandbox.world().trigger("video-updated", Some("/videos/1"), serde_json::Map::new()).unwrap();
    }
    sandbox.flush_webhooks().await;
    sandbox.world().trigger("video-updated", Some("/videos/1"), serde_json::Map::new()).unwrap();
    let events = sandbox.world().events();
    assert_eq!((events.len(), events[9_999].id), (10_000, 10_051));
}

/// Any client with a token can create a webhook, whose requests come from this machine.
#[tokio::test]
async fn webhooks_cannot_reach_control_api() {
    let named = Receiver::start(Vec::new()).await;
    let other = Receiver::start(Vec::new()).await;
    let anywhere = std::net::IpAddr::from([0, 0, 0, 0]);
    for (builder, delivered) in [
        (frozen(), vec![true, true, false]),
        (frozen().listen(anywhere), vec![false, false, false]),
        (frozen().listen(anywhere).webhook_receiver(named.url.clone()), vec![true, false, false]),
    ] {
        let sandbox = builder.start().await.unwrap();
        let base = format!("http://127.0.0.1:{}", sandbox.url().port().unwrap());
        let client = Client::at(&base, sandbox.token());
        let control = format!("{base}/_sandbox/reset").parse().unwrap();
        for url in [&named.url, &other.url, &control] {
            create_webhook(&sandbox, &client, "video-created", url).await;
        }
        client.create("One", 1).await;
        sandbox.flush_webhooks().await;
        let events = sandbox.world().events();
        let deliveries = &events.iter().find(|event| event.kind == "video-created").unwrap().deliveries;
        let taken: Vec<bool> = deliveries.iter().map(|delivery| delivery.is_accepted()).collect();
        assert_eq!(taken, delivered, "{deliveries:?}");
    }
}
