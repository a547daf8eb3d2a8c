//! Responses of intermediaries between the client and Vimeo: portals, firewalls, gateways, redirects.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use vimeo_api::{Delivery, Error, ResponseOrigin};
use vimeo_ext::auth::{BoxFuture, RefreshError, Refresher};
use vimeo_ext::retry::{Effect, effect_of_error};
use vimeo_ext::{AccessToken, RetryPolicy, Vimeo};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::fake::{Fake, FakeResponse, respond};

fn portal(status: u16) -> FakeResponse {
    respond(status)
        .header("content-type", "text/html")
        .body("<html><head><title>Airport WiFi: sign in</title></head><body><form/></body></html>")
}

#[tokio::test(start_paused = true)]
async fn a_portal_page_is_an_error_for_every_call() {
    let fake = Fake::new(|_, _| portal(200));
    let vimeo = fake.vimeo();
    let videos = vimeo.api().videos();
    let errors = [
        vimeo.get("/me").send().await.map(drop).unwrap_err(),
        videos.get_video(1).send().await.map(drop).unwrap_err(),
        videos.list_my_videos().send().await.map(drop).unwrap_err(),
        // Calls that expect nothing in return.
        videos.delete_video(1).send().await.map(drop).unwrap_err(),
        vimeo.put("/me/likes/1").send().await.map(drop).unwrap_err(),
        vimeo.patch("/videos/1").json(&json!({})).send().await.map(drop).unwrap_err(),
    ];
    for error in errors {
        assert!(error.is_intermediary(), "{error:?}");
        assert_eq!(
            (error.origin(), error.delivery()),
            (Some(ResponseOrigin::Intermediary), Delivery::Unknown)
        );
        let text = error.to_string();
        assert!(
            text.contains("(200 OK) is an HTML page, not the API's JSON: \"Airport WiFi: sign in\""),
            "{text}"
        );
        assert_eq!(effect_of_error(&error), Effect::Unknown);
    }
}

/// BEHAVIOUR.md: E03.
#[tokio::test(start_paused = true)]
async fn an_error_page_is_not_attributed_to_the_api() {
    for status in [400, 401, 403, 404, 410, 451] {
        let fake = Fake::new(move |_, _| portal(status));
        let error = fake.vimeo().api().videos().delete_video(1).send().await.unwrap_err();
        assert!(matches!(error, Error::Api(_)) && error.is_intermediary(), "{error:?}");
        assert_eq!(error.status().unwrap(), status);
        assert!(!error.is_not_found() && !error.is_unauthorized() && !error.is_forbidden(), "{error:?}");
        assert!(error.to_string().contains("Airport WiFi"), "{error}");
        assert_eq!(fake.count(), 1, "{status}");
    }
}

/// A refresher that counts its calls.
#[derive(Clone, Default)]
struct CountingRefresher(Arc<AtomicUsize>);

impl Refresher for CountingRefresher {
    fn refresh<'a>(&'a self, _: Option<&'a AccessToken>) -> BoxFuture<'a, Result<AccessToken, RefreshError>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(AccessToken::from("new")) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_proxys_401_keeps_the_token() {
    let fake = Fake::new(|_, number| if number == 0 { portal(401) } else { respond(200).json(json!({})) });
    let refresher = CountingRefresher::default();
    let vimeo = fake.builder().refresher(refresher.clone()).build().unwrap();
    assert!(vimeo.get("/me").send().await.unwrap_err().is_intermediary());
    vimeo.get("/me").send().await.unwrap();
    assert_eq!(refresher.0.load(Ordering::SeqCst), 0);
    assert_eq!(fake.log().pop().unwrap().token(), Some("t0ken"));

    // Vimeo rejects the call, but the check of the token gets its response from the proxy or an unknown sender: that proves nothing.
    for check in [|| portal(401), || respond(401)] {
        let fake = Fake::new(move |seen, _| match seen.path.as_str() {
            "/oauth/verify" => check(),
            _ => respond(401).json(json!({"error": "No."})),
        });
        let vimeo = fake.vimeo();
        for _ in 0..2 {
            assert!(matches!(vimeo.get("/me").send().await, Err(Error::Api(_))));
        }
        assert_eq!(fake.count(), 4, "the token stays valid");
    }
}

#[tokio::test(start_paused = true)]
async fn creates_are_not_retried_after_a_gateways_429() {
    for (first, sent) in [
        (portal as fn(u16) -> FakeResponse, 1),
        (|status| respond(status).json(json!({"error": "Too many."})), 2),
    ] {
        let fake =
            Fake::new(move |_, number| if number == 0 { first(429) } else { respond(201).json(json!({})) });
        let result = fake.vimeo().post("/me/albums").json(&json!({"name": "a"})).send().await;
        assert_eq!((result.is_ok(), fake.count()), (sent == 2, sent));
    }
}

#[tokio::test(start_paused = true)]
async fn a_portal_page_does_not_change_the_rate_limit() {
    let fake = Fake::new(|_, number| match number {
        0 => respond(200).json(json!({})).limit(9, 8, "2026-03-01T12:00:30Z"),
        _ => portal(403).limit(9, 0, "2026-03-01T12:00:30Z"),
    });
    let vimeo = fake.vimeo();
    vimeo.get("/me").send().await.unwrap();
    vimeo.get("/me").send().await.unwrap_err();
    assert_eq!(vimeo.rate_limiter().status().windows[0].remaining, 8);
}

#[tokio::test(start_paused = true)]
async fn unreadable_bodies_are_described_without_secrets() {
    let secret = "0123456789abcdef0123456789abcdef";
    // (body, expected text)
    let table: [(Vec<u8>, &str); 6] = [
        (b"\x1f\x8b\x08\x00".to_vec(), "is compressed data (gzip), not the API's JSON"),
        (b"{\"name\": \"caf\xe9\"}".to_vec(), "invalid UTF-8 at byte 13"),
        (b"{\"size\": 1e400}".to_vec(), "invalid JSON (number out of range at line 1 column 14)"),
        (format!("{{\"token\": \"{secret}").into_bytes(), "invalid JSON (EOF while parsing a string"),
        (format!("token {secret}").into_bytes(), "is text, not the API's JSON: \"token …\""),
        (b"no healthy upstream".to_vec(), "is text, not the API's JSON: \"no healthy upstream\""),
    ];
    for (body, expected) in table {
        let sent = body.clone();
        let fake = Fake::new(move |_, _| respond(200).body(sent.clone()));
        let error = fake.vimeo().get("/me").send().await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(expected) && !text.contains(secret), "{text}");
    }
    let fake = Fake::new(|_, _| respond(200).body("\u{feff}{\"name\": \"a\"}"));
    assert_eq!(fake.vimeo().get("/me").send().await.unwrap()["name"], "a", "a byte order mark is ignored");
}

#[tokio::test(start_paused = true)]
async fn a_response_with_too_many_values_is_an_error() {
    let body = format!(r#"{{"data": [{}{{}}]}}"#, "{},".repeat(1 << 20));
    let fake = Fake::new(move |_, _| respond(200).body(body.clone()));
    let vimeo = fake.vimeo();
    for error in [
        vimeo.api().videos().list_my_videos().send().await.map(drop).unwrap_err(),
        vimeo.get("/me/videos").send().await.map(drop).unwrap_err(),
    ] {
        assert!(error.to_string().contains("too many values"), "{error}");
    }
}

async fn client(server: &MockServer) -> Vimeo {
    Vimeo::builder().access_token("t0ken").base_url(server.uri()).retry(RetryPolicy::never()).build().unwrap()
}

fn redirect(status: u16, location: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).insert_header("location", location)
}

async fn mount(server: &MockServer, verb: &str, at: &str, response: ResponseTemplate) {
    Mock::given(method(verb)).and(path(at)).respond_with(response).mount(server).await;
}

#[tokio::test]
async fn redirects_keep_the_method_and_the_host() {
    let server = MockServer::start().await;
    let done = || ResponseTemplate::new(200).set_body_json(json!({"at": "the end"}));
    for verb in ["GET", "POST", "PATCH", "PUT", "DELETE"] {
        mount(&server, verb, "/moved", redirect(302, "/end?token=SECRET")).await;
        mount(&server, verb, "/moved307", redirect(307, "/end")).await;
        mount(&server, verb, "/end", done()).await;
    }
    mount(&server, "GET", "/away", redirect(302, "https://portal.example/?token=SECRET")).await;
    mount(&server, "GET", "/loop", redirect(302, "/loop")).await;
    let vimeo = client(&server).await;
    assert_eq!(vimeo.get("/moved").send().await.unwrap()["at"], "the end");
    assert_eq!(vimeo.post("/moved307").json(&json!({"a": 1})).send().await.unwrap()["at"], "the end");
    let body = |verb: &'static str, seen: &[wiremock::Request]| {
        seen.iter()
            .rev()
            .find(|seen| seen.method.as_str() == verb && seen.url.path() == "/end")
            .map(|seen| seen.body.clone())
    };
    assert_eq!(body("POST", &server.received_requests().await.unwrap()).unwrap(), br#"{"a":1}"#);

    let before = server.received_requests().await.unwrap().len();
    for call in [vimeo.post("/moved"), vimeo.patch("/moved"), vimeo.put("/moved"), vimeo.delete("/moved")] {
        let error = call.json(&json!({})).send().await.unwrap_err();
        assert_eq!((error.status().unwrap().as_u16(), error.is_intermediary()), (302, true), "{error}");
        assert_eq!((error.delivery(), effect_of_error(&error)), (Delivery::Unknown, Effect::Unknown));
        let text = error.to_string();
        assert!(
            text.contains("is a redirect to another path (302 Found)") && !text.contains("SECRET"),
            "{text}"
        );
    }
    assert_eq!(server.received_requests().await.unwrap().len(), before + 4, "none of them is redirected");

    let text = vimeo.get("/away").send().await.unwrap_err().to_string();
    assert!(
        text.contains("is a redirect to portal.example (302 Found)") && !text.contains("SECRET"),
        "{text}"
    );
    let before = server.received_requests().await.unwrap().len();
    let text = vimeo.get("/loop").send().await.unwrap_err().to_string();
    assert!(text.contains("too many redirects: after 5, "), "{text}");
    assert_eq!(server.received_requests().await.unwrap().len(), before + 6);
}

#[tokio::test]
async fn paging_links_may_repeat_the_base_path() {
    let server = MockServer::start().await;
    let page = |next: Option<&str>| {
        ResponseTemplate::new(200)
            .set_body_json(json!({"data": [{"uri": "/videos/1"}], "paging": {"next": next}}))
    };
    mount(&server, "GET", "/vimeo/me/videos", page(Some("/vimeo/me/likes"))).await;
    mount(&server, "GET", "/vimeo/me/likes", page(Some(&format!("{}/vimeo/vimeos", server.uri())))).await;
    mount(&server, "GET", "/vimeo/vimeos", page(None)).await;
    let vimeo =
        Vimeo::builder().access_token("t").base_url(format!("{}/vimeo/", server.uri())).build().unwrap();
    let list = vimeo.api().videos().list_my_videos().fields("uri");
    assert_eq!(list.items().collect().await.unwrap().len(), 3);
}
