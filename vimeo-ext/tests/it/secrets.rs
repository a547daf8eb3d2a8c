//! Secrets: the token is sent to the API's host only, and nothing prints it.

use std::cell::RefCell;
use std::fmt;

use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use vimeo_api::{Request, TransportFuture};
use vimeo_ext::auth::AppCredentials;
use vimeo_ext::{AccessToken, Middleware, Next, RetryPolicy, Vimeo};
use vimeo_sandbox::{Host, Sandbox};
use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::fake::{Fake, respond};

/// Middleware that sends every request to another host.
struct Detour(url::Url);

impl Middleware for Detour {
    fn send<'a>(&'a self, request: &'a mut Request, next: Next<'a>) -> TransportFuture<'a> {
        request.url = self.0.clone();
        request.headers.insert("authorization", "Bearer sneaky".parse().unwrap());
        request.headers.insert("cookie", "session".parse().unwrap());
        next.send(request)
    }
}

/// BEHAVIOUR.md: U03.
#[tokio::test]
async fn middleware_cannot_send_the_token_to_another_host() {
    let fake = Fake::new(|_, _| respond(200).json(json!({})));
    for foreign in [
        "https://evil.example/me",
        "https://api.vimeo.com.evil.example/me",
        "https://api.vimeo.com:444/me",
        "http://api.vimeo.com/me",
        "https://files.tus.vimeo.com/files/1?sig=x",
    ] {
        let vimeo = fake.builder().per_attempt_middleware(Detour(foreign.parse().unwrap())).build().unwrap();
        vimeo.get("/me").send().await.unwrap();
        let seen = fake.log().pop().unwrap();
        assert_eq!(seen.url, foreign);
        assert_eq!((seen.header("authorization"), seen.header("cookie")), (None, None), "{foreign}");
    }
    for foreign in ["https://evil.example/me", "//evil.example/me", "http://api.vimeo.com/me"] {
        let error = fake.vimeo().get(foreign).send().await.unwrap_err();
        assert!(matches!(error, vimeo_api::Error::Invalid { .. }), "{foreign}: {error}");
    }
    assert_eq!(fake.count(), 5);
}

#[tokio::test]
async fn redirects_are_followed_within_the_host_only() {
    let (api, elsewhere) = (MockServer::start().await, MockServer::start().await);
    let away = ResponseTemplate::new(302).insert_header("location", format!("{}/me", elsewhere.uri()));
    Mock::given(path("/away")).respond_with(away).mount(&api).await;
    let within = ResponseTemplate::new(307).insert_header("location", "/me");
    Mock::given(path("/within")).respond_with(within).mount(&api).await;
    let circle = ResponseTemplate::new(302).insert_header("location", "/circle");
    Mock::given(path("/circle")).respond_with(circle).mount(&api).await;
    Mock::given(path("/me"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"name": "x"})))
        .mount(&api)
        .await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({})))
        .mount(&elsewhere)
        .await;

    let vimeo = Vimeo::builder().access_token("t0ken").base_url(api.uri()).build().unwrap();
    let error = vimeo.get("/away").send().await.unwrap_err();
    assert_eq!(error.status().unwrap(), 302);
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
    assert_eq!(vimeo.get("/within").send().await.unwrap()["name"], "x");
    assert_eq!(vimeo.get("/circle").send().await.unwrap_err().status().unwrap(), 302);

    // The program's own HTTP client follows its own redirect policy, without the token.
    let own = Vimeo::builder().access_token("t0ken").base_url(api.uri()).http_client(crate::http::client());
    own.build().unwrap().get("/away").send().await.unwrap();
    let foreign = elsewhere.received_requests().await.unwrap();
    assert_eq!(foreign.len(), 1);
    assert!(!foreign[0].headers.contains_key("authorization"));
}

/// BEHAVIOUR.md: U03.
#[tokio::test]
async fn upload_requests_do_not_carry_the_token() {
    let sandbox = Sandbox::builder().refuse_upload_authorization(true).start().await.unwrap();
    let vimeo =
        Vimeo::builder().access_token(sandbox.token()).base_url(sandbox.url().as_str()).build().unwrap();
    vimeo.upload(vec![7; 100_000]).name("Surf").send().await.unwrap();
    let request_log = sandbox.request_log();
    assert!(request_log.iter().any(|entry| entry.host == Host::Upload));
    for entry in request_log {
        assert_eq!(entry.has_authorization, entry.host == Host::Api, "{entry:?}");
    }
}

thread_local! {
    /// The log of this thread, while a test records it.
    pub(crate) static LOGGED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Records spans and events with all their fields. It is the subscriber of the whole process, because callsites that another thread
/// registered first would otherwise stay disabled.
pub(crate) struct Log;

impl Subscriber for Log {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        LOGGED.with_borrow(Option::is_some)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Fields);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Fields);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut Fields);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Starts to record the log of this thread.
pub(crate) fn logged_from_here() {
    let _ = tracing::subscriber::set_global_default(Log);
    LOGGED.set(Some(String::new()));
}

/// Returns the recorded log.
pub(crate) fn take_log() -> String {
    LOGGED.take().unwrap()
}

struct Fields;

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        LOGGED.with_borrow_mut(|logged| {
            if let Some(logged) = logged {
                *logged += &format!("{}={value:?}\n", field.name());
            }
        });
    }
}

const SECRETS: [&str; 6] = ["t0ken-s3cret", "app-s3cret", "sig=", "passw0rd", "qu3ry", "dDBrZW4"];

#[tokio::test(start_paused = true)]
async fn debug_output_and_logs_contain_no_secret() {
    logged_from_here();
    let fake = Fake::new(|seen, number| match (seen.path.as_str(), number) {
        (_, 0) => respond(503),
        ("/me/videos", _) => respond(201).json(json!({
            "uri": "/videos/1",
            "upload": {"upload_link": "https://files.tus.vimeo.com/files/1?expires=1&sig=s1gnature"},
        })),
        ("/broken", _) => respond(200).body("{"),
        _ => respond(401).json(json!({"error": "No."})),
    });
    let builder = || {
        fake.builder()
            .access_token(AccessToken::from("t0ken-s3cret").with_scopes("upload private"))
            .app("app", "app-s3cret")
    };
    let mut printed = format!("{:?}", builder());
    let vimeo = builder().build().unwrap();
    let call = vimeo.get("/me/videos?password=passw0rd&q=qu3ry");
    printed += &format!("{vimeo:?} {:?} {:?} {call:?}", vimeo.api(), vimeo.auth());
    printed +=
        &format!("{:?} {:?}", AccessToken::from("t0ken-s3cret"), AppCredentials::new("app", "app-s3cret"));
    call.send().await.unwrap();
    let upload = vimeo.upload(vec![1]).begin().await.unwrap();
    printed += &format!("{upload:?}");
    let ticket = vimeo.upload(vec![1]).ticket().await.unwrap();
    printed += &format!("{ticket:?}");
    let list = vimeo.get("/me/videos?password=passw0rd");
    printed += &format!("{:?}", list.pages::<serde_json::Value>());
    for path in
        ["/broken?q=qu3ry", "/videos/1?q=qu3ry", "https://evil.example/?sig=qu3ry", "relative?sig=qu3ry"]
    {
        let error = vimeo.get(path).send().await.unwrap_err();
        printed += &format!("{error} {error:?}");
        printed += &format!("{:?}", vimeo_ext::Error::from(error));
    }
    let unreachable = builder().base_url("http://127.0.0.1:9").retry(RetryPolicy::never());
    let unreachable = unreachable.http_client(crate::http::client()).build().unwrap();
    let error = unreachable.get("/me?q=qu3ry").send().await.unwrap_err();
    printed += &format!("{error} {error:?}");
    let logged = take_log();
    assert!(logged.contains("call completed") && logged.contains("retrying"), "{logged}");
    for secret in SECRETS {
        assert!(!printed.contains(secret), "{secret} in {printed}");
        assert!(!logged.contains(secret), "{secret} in {logged}");
    }
}

#[tokio::test]
async fn reading_a_whole_list_logs_one_hint() {
    let fake = Fake::new(|seen, number| {
        let next = (number % 4 < 3).then(|| {
            format!("{}?page={}&fields={}", seen.path, number % 4 + 2, seen.query("fields").unwrap_or(""))
        });
        respond(200).json(json!({"data": [{}], "paging": {"next": next}}))
    });
    for (fields, hints) in [(None, 1), (Some("uri"), 0)] {
        let mut list = fake.vimeo().api().videos().list_my_videos();
        if let Some(fields) = fields {
            list = list.fields(fields);
        }
        logged_from_here();
        assert_eq!(list.items().collect().await.unwrap().len(), 4);
        let logged = take_log();
        assert_eq!(logged.matches("without `fields`").count(), hints, "{logged}");
    }
}
