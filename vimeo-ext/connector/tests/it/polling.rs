//! Events that the service finds by polling, from the change at the sandbox to the receiver.

use std::sync::atomic::{AtomicI64, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use vimeo_agent::tools::Disclosure;
use vimeo_connector::{Connector, ConnectorBuilder, KeyPolicy};
use vimeo_ext::Clock;
use vimeo_ext::accounts::{Key, MemoryStore, ServiceStore, SqliteStore};
use vimeo_ext::hex::hex;
use vimeo_sandbox::RateLimit;

use crate::harness::{Service, connector, private_folder};

const SUBSCRIPTIONS: &str = "/v1/accounts/a/event-subscriptions";
const SECRET: &str = "a secret of the receiver";

/// A server that records what it receives.
struct Receiver {
    url: String,
    state: Arc<ReceiverState>,
}

#[derive(Default)]
struct ReceiverState {
    status: AtomicU16,
    received: Mutex<Vec<(HeaderMap, String)>>,
}

impl Receiver {
    async fn start() -> Self {
        async fn receive(
            State(state): State<Arc<ReceiverState>>,
            headers: HeaderMap,
            body: String,
        ) -> impl IntoResponse {
            state.received.lock().unwrap().push((headers, body));
            let status = StatusCode::from_u16(state.status.load(Ordering::SeqCst)).unwrap();
            (status, [("location", "/elsewhere")])
        }
        let state = Arc::new(ReceiverState { status: AtomicU16::new(200), ..ReceiverState::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new().fallback(receive).with_state(Arc::clone(&state));
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { url, state }
    }

    fn answer(&self, status: u16) {
        self.state.status.store(status, Ordering::SeqCst);
    }

    /// Returns the bodies since the last call, after checking their signatures.
    fn take(&self, secret: &str, now: DateTime<Utc>) -> Vec<Value> {
        let received = std::mem::take(&mut *self.state.received.lock().unwrap());
        let check = |(headers, body): (HeaderMap, String)| {
            let signature = headers["vimeo-connector-signature"].to_str().unwrap();
            let time = now.timestamp();
            assert_eq!(signature, format!("t={time},v1={}", hmac(secret, &format!("{time}.{body}"))));
            assert_eq!(headers["content-type"], "application/json");
            assert!(headers.get("authorization").is_none());
            serde_json::from_str(&body).unwrap()
        };
        received.into_iter().map(check).collect()
    }
}

/// HMAC-SHA-256, as RFC 2104 defines it.
fn hmac(key: &str, text: &str) -> String {
    let pad = |byte: u8| (0..64).map(move |index| key.as_bytes().get(index).unwrap_or(&0) ^ byte);
    let inner = Sha256::digest(pad(0x36).chain(text.bytes()).collect::<Vec<u8>>());
    hex(&Sha256::digest(pad(0x5c).chain(inner).collect::<Vec<u8>>()))
}

/// A service that polls only when a test asks for it, at a time that the test sets.
struct World {
    service: Service,
    receiver: Receiver,
    store: Arc<dyn ServiceStore>,
    key: Key,
    time: Arc<AtomicI64>,
    videos: Vec<u64>,
}

fn configured(builder: ConnectorBuilder, time: &Arc<AtomicI64>) -> ConnectorBuilder {
    let time = Arc::clone(time);
    let clock = Clock::new(move || DateTime::from_timestamp(time.load(Ordering::SeqCst), 0).unwrap());
    builder.poll_interval(Duration::from_secs(600)).deliver_to_private_addresses(true).clock(clock)
}

impl World {
    async fn start(store: Arc<dyn ServiceStore>) -> Self {
        let (key, time) = (Key::generate(), Arc::new(AtomicI64::new(Utc::now().timestamp())));
        let configure = |builder| configured(builder, &time);
        let service = Service::start_routes(Arc::clone(&store), key.clone(), configure).await;
        service.connect("a").await;
        let videos = service.sandbox.world().add_videos(3);
        Self { service, receiver: Receiver::start().await, store, key, time, videos }
    }

    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.time.load(Ordering::SeqCst), 0).unwrap()
    }

    fn advance(&self, by: TimeDelta) {
        self.time.fetch_add(by.num_seconds(), Ordering::SeqCst);
    }

    /// Creates a subscription to everything; returns its body.
    async fn subscribe(&self) -> Value {
        let body = json!({
            "event_types": ["video.privacy.change", "video_comment_add"], "url": self.receiver.url, "secret": SECRET,
        });
        let created = self.service.call(Method::POST, SUBSCRIPTIONS, Some(body)).await;
        assert_eq!(created.status, 201, "{created:?}");
        created.body
    }

    async fn poll(&self) {
        self.service.connector.poll_events().await.unwrap();
    }

    async fn tool(&self, name: &str, input: Value) -> Value {
        let path = format!("/v1/accounts/a/tools/{name}");
        let called = self.service.call(Method::POST, &path, Some(input)).await;
        assert_eq!(called.status, 200, "{called:?}");
        called.body["result"].clone()
    }

    async fn set_privacy(&self, video: u64, privacy: &str) {
        self.tool("vimeo_video_edit", json!({"video_id": video, "privacy_view": privacy})).await;
    }

    fn received(&self) -> Vec<Value> {
        self.receiver.take(SECRET, self.now())
    }

    /// Another process with the same store.
    async fn restarted(&self) -> Connector {
        let configure = |builder| configured(builder, &self.time);
        let (store, address) = (Arc::clone(&self.store), self.service.address);
        connector(&self.service.sandbox, store, self.key.clone(), address, configure).await
    }

    async fn outbox(&self) -> usize {
        self.store.documents("event-deliveries", "", 100, self.now()).await.unwrap().len()
    }

    async fn metric(&self, line: &str) -> bool {
        let url = format!("http://{}/metrics", self.service.address);
        let text = reqwest::Client::new().get(url).bearer_auth(&self.service.key).send().await.unwrap();
        text.text().await.unwrap().lines().any(|found| found == line)
    }
}

fn memory() -> Arc<dyn ServiceStore> {
    Arc::new(MemoryStore::default())
}

#[tokio::test]
async fn changes_of_privacy_arrive_signed_with_both_values() {
    let world = World::start(memory()).await;
    let video = world.videos[1];
    world.set_privacy(video, "nobody").await;
    let subscription = world.subscribe().await;
    world.poll().await;
    assert_eq!(world.received(), Vec::<Value>::new(), "the first poll sends nothing");
    world.set_privacy(video, "anybody").await;
    world.poll().await;
    let received = world.received();
    let [event] = &received[..] else { panic!("{received:?}") };
    assert_eq!(event["webhook_type"], "video.privacy.change");
    assert_eq!(event["resource_uri"], format!("/videos/{video}"));
    assert_eq!((&event["identifier"], &event["subscription_id"]), (&json!("a"), &subscription["id"]));
    let view = |which: &str| &event["privacy"][which]["view"];
    assert_eq!((view("old"), view("new")), (&json!("nobody"), &json!("anybody")));
    world.poll().await;
    assert_eq!(world.received(), Vec::<Value>::new());
    assert!(world.metric("vimeo_connector_polled_events_total{event=\"video.privacy.change\"} 1").await);
    assert!(world.metric("vimeo_connector_event_deliveries_total{outcome=\"delivered\"} 1").await);
}

#[tokio::test]
async fn each_comment_is_an_event() {
    let world = World::start(memory()).await;
    let video = world.videos[0];
    world.subscribe().await;
    world.poll().await;
    for text in ["first", "second"] {
        world.tool("vimeo_video_comment_add", json!({"video_id": video, "text": text})).await;
    }
    world.poll().await;
    let mut received = world.received();
    received.sort_by_key(|event| event["comment"]["text"].as_str().unwrap().to_owned());
    let texts: Vec<_> = received.iter().map(|event| &event["comment"]["text"]).collect();
    assert_eq!(texts, ["first", "second"]);
    assert_eq!(received[0]["webhook_type"], "video.comment.add");
    let uri = received[0]["comment"]["uri"].as_str().unwrap();
    assert!(uri.starts_with(&format!("/videos/{video}/comments/")), "{uri}");
    world.tool("vimeo_video_comment_add", json!({"video_id": video, "text": "third"})).await;
    world.poll().await;
    let received = world.received();
    assert_eq!(received.len(), 1, "{received:?}");
    assert_eq!(received[0]["comment"]["text"], "third");
    // All comments on a video that is newer than the first poll.
    world.service.sandbox.clock().advance(Duration::from_secs(5));
    let upload = json!({"upload": {"approach": "tus", "size": 1}}).to_string();
    let url = world.service.sandbox.url().join("/me/videos").unwrap();
    let request = reqwest::Client::new().post(url).bearer_auth(world.service.sandbox.token());
    let created = request.header("content-type", "application/json").body(upload).send().await.unwrap();
    let created: Value = serde_json::from_str(&created.text().await.unwrap()).unwrap();
    world
        .tool("vimeo_video_comment_add", json!({"video_id": created["uri"], "text": "on a new video"}))
        .await;
    world.poll().await;
    let received = world.received();
    assert_eq!(received.len(), 1, "{received:?}");
    assert_eq!(
        (&received[0]["comment"]["text"], &received[0]["resource_uri"]),
        (&json!("on a new video"), &created["uri"])
    );
}

#[tokio::test]
async fn a_killed_process_loses_and_repeats_no_event() {
    let folder = private_folder();
    let store = SqliteStore::open(folder.path().join("connector.db")).await.unwrap();
    let world = World::start(Arc::new(store)).await;
    world.subscribe().await;
    world.poll().await;
    world.receiver.answer(500);
    world.set_privacy(world.videos[0], "nobody").await;
    world.poll().await;
    let first = world.received();
    assert_eq!((first.len(), world.outbox().await), (1, 1));
    // Another process takes over, with what is in the file.
    let file = SqliteStore::open(folder.path().join("connector.db")).await.unwrap();
    let world = World { store: Arc::new(file), ..world };
    let restarted = world.restarted().await;
    restarted.poll_events().await.unwrap();
    assert_eq!(world.received(), Vec::<Value>::new(), "the delay is not over");
    world.receiver.answer(204);
    world.advance(TimeDelta::seconds(33));
    restarted.poll_events().await.unwrap();
    assert_eq!(world.received(), first, "the same event with the same ID");
    restarted.poll_events().await.unwrap();
    assert_eq!((world.received().len(), world.outbox().await), (0, 0));
}

#[tokio::test]
async fn a_delivery_is_given_up_after_eight_attempts() {
    let world = World::start(memory()).await;
    world.subscribe().await;
    world.poll().await;
    // A redirect counts as a failure, and leads nowhere.
    world.receiver.answer(307);
    world.set_privacy(world.videos[0], "nobody").await;
    world.poll().await;
    for minutes in [1, 3, 11, 33, 66, 198, 396] {
        assert_eq!((world.received().len(), world.outbox().await), (1, 1), "{minutes}");
        world.advance(TimeDelta::minutes(minutes));
        world.poll().await;
    }
    assert_eq!((world.received().len(), world.outbox().await), (1, 0));
    assert!(world.metric("vimeo_connector_event_deliveries_total{outcome=\"failed\"} 7").await);
    assert!(world.metric("vimeo_connector_event_deliveries_total{outcome=\"dead\"} 1").await);
}

#[tokio::test]
async fn subscriptions_are_listed_without_secrets_and_deleted() {
    let world = World::start(memory()).await;
    let body = json!({"event_types": ["video.privacy.changed"], "url": world.receiver.url});
    let created = world.service.call(Method::POST, SUBSCRIPTIONS, Some(body)).await;
    assert_eq!((created.status.as_u16(), &created.body["poll_interval_s"]), (201, &json!(600)));
    let secret = created.body["secret"].as_str().unwrap();
    assert_eq!(secret.len(), 64);
    let listed = world.service.call(Method::GET, SUBSCRIPTIONS, None).await;
    let [one] = &listed.body["event_subscriptions"].as_array().unwrap()[..] else { panic!("{listed:?}") };
    assert_eq!((&one["id"], &one["event_types"]), (&created.body["id"], &json!(["video.privacy.change"])));
    assert!(one.get("secret").is_none());
    let stored = world.store.documents("event-subscriptions", "", 10, world.now()).await.unwrap();
    assert!(!String::from_utf8_lossy(&stored[0].content).contains(secret), "the secret is encrypted");
    world.poll().await;
    world.set_privacy(world.videos[0], "nobody").await;
    world.poll().await;
    assert_eq!(world.receiver.take(secret, world.now()).len(), 1);
    let path = format!("{SUBSCRIPTIONS}/{}", created.body["id"].as_str().unwrap());
    world.service.call(Method::PUT, "/v1/accounts/b", None).await;
    let foreign = path.replace("/a/", "/b/");
    assert_eq!(world.service.call(Method::DELETE, &foreign, None).await.body["code"], "unknown_subscription");
    assert_eq!(world.service.call(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(world.service.call(Method::DELETE, &path, None).await.status, 404);
    world.set_privacy(world.videos[0], "anybody").await;
    world.poll().await;
    assert_eq!(world.receiver.take(secret, world.now()).len(), 0);
    for collection in ["event-subscriptions", "event-checkpoints", "polled-accounts"] {
        assert_eq!(world.store.documents(collection, "", 10, world.now()).await.unwrap(), [], "{collection}");
    }
}

#[tokio::test]
async fn disconnected_accounts_lose_their_subscriptions() {
    let world = World::start(memory()).await;
    world.subscribe().await;
    world.poll().await;
    assert_eq!(world.service.call(Method::DELETE, "/v1/accounts/a", None).await.status, 204);
    for collection in ["event-subscriptions", "event-checkpoints", "polled-accounts"] {
        assert_eq!(world.store.documents(collection, "", 10, world.now()).await.unwrap(), [], "{collection}");
    }
}

#[tokio::test]
async fn invalid_subscriptions_are_refused() {
    let world = World::start(memory()).await;
    let url = "https://example.com/hook";
    for (body, code, field) in [
        (json!({"event_types": ["video.created"], "url": url}), "invalid_field", "event_types[0]"),
        (json!({"event_types": [], "url": url}), "invalid_field", "event_types"),
        (json!({"event_types": ["video.comment.add"], "url": "example"}), "invalid_field", "url"),
        (json!({"event_types": ["video.comment.add"], "url": "http://1.1.1.1/"}), "invalid_field", "url"),
        (
            json!({"event_types": ["video.comment.add"], "url": "https://a:b@1.1.1.1/"}),
            "invalid_field",
            "url",
        ),
        (
            json!({"event_types": ["video.comment.add"], "url": url, "secret": "short"}),
            "invalid_field",
            "secret",
        ),
    ] {
        let refused = world.service.call(Method::POST, SUBSCRIPTIONS, Some(body.clone())).await;
        assert_eq!((&refused.body["code"], &refused.body["field"]), (&json!(code), &json!(field)), "{body}");
    }
    let body = json!({"event_types": ["video.comment.add"], "url": url});
    for (policy, code) in [
        (KeyPolicy::new("asks"), "approval_required"),
        (KeyPolicy::new("reads").allow([Disclosure::Webhooks]).read_only(), "approval_required"),
        (KeyPolicy::new("public").allow([Disclosure::Webhooks]).scopes("public"), "missing_scope"),
    ] {
        let key = world.service.key(policy).await;
        let refused = world.service.call_with(&key, Method::POST, SUBSCRIPTIONS, Some(body.clone())).await;
        assert_eq!((refused.status.as_u16(), &refused.body["code"]), (403, &json!(code)));
    }
    for _ in 0..20 {
        world.subscribe().await;
    }
    let refused = world.service.call(Method::POST, SUBSCRIPTIONS, Some(body)).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (409, &json!("too_many_subscriptions")));
}

#[tokio::test]
async fn a_service_that_does_not_poll_says_so() {
    let service = Service::start().await;
    service.connect("a").await;
    let body = json!({"event_types": ["video.comment.add"], "url": "https://example.com/hook"});
    let refused = service.call(Method::POST, SUBSCRIPTIONS, Some(body)).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (501, &json!("no_polling")));
    let listed = service.call(Method::GET, SUBSCRIPTIONS, None).await;
    assert_eq!(listed.body, json!({"event_subscriptions": []}));
}

#[tokio::test]
async fn private_addresses_need_permission() {
    let configure = |builder: ConnectorBuilder| builder.poll_interval(Duration::from_secs(60));
    let service = Service::start_routes(memory(), Key::generate(), configure).await;
    service.connect("a").await;
    for url in [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/",
        "https://10.0.0.1/",
    ] {
        let body = json!({"event_types": ["video.comment.add"], "url": url});
        let refused = service.call(Method::POST, SUBSCRIPTIONS, Some(body)).await;
        assert_eq!((refused.status.as_u16(), &refused.body["field"]), (400, &json!("url")), "{url}");
    }
}

#[tokio::test]
async fn polls_yield_to_the_account_and_to_other_processes() {
    let world = World::start(memory()).await;
    world.subscribe().await;
    world.poll().await;
    let lists = || {
        let log = world.service.sandbox.request_log();
        log.iter().filter(|entry| entry.path.starts_with("/me/videos")).count()
    };
    assert_eq!(lists(), 1, "one request for a page");
    let lease = format!("event poll {}", hex(&Sha256::digest("a")));
    let until = world.now() + TimeDelta::minutes(3);
    assert!(world.store.acquire_lease(&lease, "another process", world.now(), until).await.unwrap());
    world.poll().await;
    assert_eq!(lists(), 1, "another process polls");
    world.store.release_lease(&lease, "another process").await.unwrap();
    let token = world.service.sandbox.token().to_owned();
    world.service.sandbox.world().set_rate_limit(&token, RateLimit::new(10, 10));
    // The poll that learns of the limit, and the calls that use it up.
    world.poll().await;
    for _ in 0..7 {
        world.tool("vimeo_me_get", json!({})).await;
    }
    assert_eq!(lists(), 2);
    world.poll().await;
    assert_eq!(lists(), 2, "the rest of the limit is for the account's own calls");
    assert!(world.metric("vimeo_connector_polls_total{outcome=\"yielded\"} 1").await);
    assert!(world.metric("vimeo_connector_polls_total{outcome=\"elsewhere\"} 1").await);
}

#[tokio::test]
async fn the_tool_subscribes_to_what_vimeo_lacks() {
    let world = World::start(memory()).await;
    let events = ["video.upload.complete", "video.transcode.complete", "video.privacy.change"];
    let input = json!({"url": "https://example.com/hook", "event_types": events});
    let created = world.tool("vimeo_webhook_create", input).await;
    let types: Vec<_> =
        created["webhooks"].as_array().unwrap().iter().map(|hook| &hook["webhook_type"]).collect();
    assert_eq!(types, ["video-created", "video-transcode-complete"]);
    let polled = &created["polled"];
    assert_eq!((&polled["events"], &polled["delay_s"]), (&json!(["video.privacy.change"]), &json!(600)));
    assert_eq!(polled["secret"].as_str().unwrap().len(), 64);
    assert!(created["notes"].to_string().contains("every 600 s"), "{created}");
    assert!(created.get("not_registered").is_none());
    // Only what is polled, to an address of this machine, with a secret of the caller's.
    let url = world.receiver.url.replace("127.0.0.1", "localhost");
    let input = json!({"url": url, "event_types": ["video.comment.add"], "secret": SECRET});
    let own = world.tool("vimeo_webhook_create", input).await;
    assert!(own["polled"].get("secret").is_none(), "{own}");
    let listed = world.tool("vimeo_webhooks_list", json!({})).await;
    let sources: Vec<_> = listed["items"].as_array().unwrap().iter().map(|hook| &hook["source"]).collect();
    assert_eq!(sources, [&Value::Null, &Value::Null, &json!("service"), &json!("service")]);
    assert_eq!(listed["total"], 4);
    world.poll().await;
    world.tool("vimeo_video_comment_add", json!({"video_id": world.videos[0], "text": "hello"})).await;
    world.poll().await;
    assert_eq!(world.received()[0]["comment"]["text"], "hello");
    let id = &own["polled"]["id"];
    let path = "/v1/accounts/a/tools/vimeo_webhook_delete";
    let wrong = json!({"webhook_id": id, "confirm": "https://example.com/"});
    assert_eq!(world.service.call(Method::POST, path, Some(wrong)).await.body["code"], "conflict");
    world.tool("vimeo_webhook_delete", json!({"webhook_id": id, "confirm": url})).await;
    let again = json!({"webhook_id": id, "confirm": url});
    assert_eq!(world.service.call(Method::POST, path, Some(again)).await.body["code"], "not_found");
    let listed = world.service.call(Method::GET, SUBSCRIPTIONS, None).await;
    assert_eq!(listed.body["event_subscriptions"].as_array().unwrap().len(), 1);
}
