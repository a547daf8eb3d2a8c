//! Recordings: a recorder between a client and another sandbox, and a sandbox that plays the recording.

#![cfg(feature = "record")]

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::any;
use base64::Engine as _;
use http::StatusCode;
use serde_json::{Value, json};
use url::Url;
use vimeo_sandbox::{Fixture, Host, Recorder, Recording, Sandbox, Transcode};

use crate::client::{Client, id_of, offset, read};

const NAME: &str = "Zoë's secret film";

async fn recorder(target: &Sandbox) -> Recorder {
    Recorder::builder(target.url().clone()).start().await.unwrap()
}

async fn playing(recording: &Recording) -> Sandbox {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.fill(sandbox.world(), &Fixture::Recording(recording.fixture.clone())).unwrap();
    sandbox
}

/// The names and types of a JSON document.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::String(_) => "string".into(),
        Value::Number(_) => "number".into(),
        other => other.clone(),
    }
}

/// Uploads a film, lists the videos page by page, and renames and deletes the film.
async fn session(client: &Client, name: &str) -> Vec<Value> {
    let body = json!({"name": name, "upload": {"approach": "tus", "size": 4000}});
    let created = client.send("POST", "/me/videos", body).await;
    assert_eq!(created.status, 200, "{created:?}");
    let link = created.body["upload"]["upload_link"].as_str().unwrap().to_owned();
    assert_eq!(client.offset(&link).await, 0);
    let sent = client.patch(&link, 0, vec![7; 4000]).bearer_auth("not-for-uploads").send().await.unwrap();
    assert_eq!((sent.status().as_u16(), offset(&sent)), (204, 4000));
    let uri = created.body["uri"].as_str().unwrap().to_owned();
    let mut bodies = vec![created.body, client.get(&uri).await.body];
    let mut next = Some("/me/videos?per_page=2&fields=uri,name,link,user.name,privacy.view".to_owned());
    while let Some(path) = next {
        let page = client.get(&path).await.body;
        next = page["paging"]["next"].as_str().map(str::to_owned);
        bodies.push(page);
    }
    bodies.push(client.send("PATCH", &uri, json!({"name": format!("{name} 2")})).await.body);
    assert_eq!(client.call("DELETE", &uri).await.status, 204);
    let gone = client.get(&uri).await;
    assert_eq!(gone.status, 404);
    bodies.push(gone.body);
    bodies
}

#[tokio::test]
async fn plays_what_another_sandbox_responded() {
    let target = Sandbox::builder().transcode(Transcode::Immediate).seed(3).start().await.unwrap();
    target.add_videos(3);
    let recorder = recorder(&target).await;
    let upload_url = recorder.upload_url().clone();
    let recorded = session(&Client::at(recorder.url().as_str(), target.token()), NAME).await;
    let link = recorded[0]["upload"]["upload_link"].as_str().unwrap();
    assert!(link.starts_with(upload_url.as_str()), "{link}");
    // The token goes to the API only, and everything else as it was sent.
    for entry in target.request_log() {
        assert_eq!(entry.has_authorization, entry.host == Host::Api, "{entry:?}");
    }
    let id = id_of(&recorded[0]);
    let recording = recorder.stop().await;
    assert_eq!((recording.failed, recording.left_out), (0, 0));
    assert_eq!(recording.exchanges, target.request_log().len());

    let text = &recording.fixture;
    for private in
        [target.token(), NAME, "secret film", "Sandbox User", "not-for-uploads", "sig=", "127.0.0.1"]
    {
        assert!(!text.contains(private), "{private} is in {text}");
    }
    for private in [id, target.user_id()] {
        assert!(!text.contains(&private.to_string()), "{private} is in {text}");
    }
    // The size and the hash of the upload: `head -c 4000 /dev/zero | tr '\0' '\7' | sha256sum`.
    assert!(text.contains(r#""body":{"bytes":4000,"sha256":""#), "{text}");

    let sandbox = playing(&recording).await;
    let client = Client::new(&sandbox);
    let played = session(&client, "Another name").await;
    assert_eq!(played.iter().map(shape).collect::<Vec<_>>(), recorded.iter().map(shape).collect::<Vec<_>>());
    let link = played[0]["upload"]["upload_link"].as_str().unwrap();
    assert!(link.starts_with(sandbox.upload_url().as_str()), "{link}");
    assert!(sandbox.request_log().iter().all(|entry| entry.recorded), "{:?}", sandbox.request_log());
    let put = &sandbox.request_log()[2];
    assert_eq!((put.host, put.body_length), (Host::Upload, 4000));
    // The same names in all responses have the same replacement, and IDs fit URIs.
    assert_eq!(played[0]["user"]["name"], played[2]["data"][1]["user"]["name"]);
    assert_eq!(played[0]["uri"], played[1]["uri"]);

    // Everything else is the sandbox's own.
    assert_eq!(client.get("/me").await.body["name"], "Sandbox User");
    assert_eq!(client.get("/me/videos").await.body["total"], 0);
    assert!(!sandbox.request_log().last().unwrap().recorded);
    assert_eq!(Client::with_token(&sandbox, "unknown").get("/me/videos?per_page=2").await.status, 401);
    let log: Value = serde_json::from_str(&sandbox.request_log()[0].to_json()).unwrap();
    assert_eq!((&log["recorded"], &log["operation"]), (&json!(true), &json!("upload_video_alt1")));
}

#[tokio::test]
async fn played_responses_decode_with_the_typed_client() {
    let target = Sandbox::builder().transcode(Transcode::Immediate).start().await.unwrap();
    target.add_videos(3);
    target.fill(target.world(), &Fixture::Small).unwrap();
    let paths =
        ["/me", "/me/videos", "/me/projects", "/me/albums", "/me/channels", "/categories", "/tutorial"];
    let recorder = recorder(&target).await;
    let client = Client::at(recorder.url().as_str(), target.token());
    for path in paths {
        assert_eq!(client.get(path).await.status, 200, "{path}");
    }
    let sandbox = playing(&recorder.stop().await).await;
    let mut headers = http::HeaderMap::new();
    headers.insert("authorization", format!("bearer {}", sandbox.token()).parse().unwrap());
    let http = crate::http::builder().no_proxy().default_headers(headers).build().unwrap();
    let transport = vimeo_api::ReqwestTransport::new(http);
    let builder = vimeo_api::Client::builder().base_url(sandbox.url().as_str());
    let api = builder.transport(transport).build().unwrap();
    let me = api.users().get_me().send().await.unwrap();
    assert_eq!(me.mismatches(), []);
    assert!(me.name.as_deref().unwrap().starts_with("name-"), "{:?}", me.name);
    let videos = api.videos().list_my_videos().send().await.unwrap();
    assert_eq!(videos.mismatches(), []);
    assert_eq!(videos.data.as_ref().map(Vec::len), Some(6));
    assert!(sandbox.request_log().iter().all(|entry| entry.recorded));
}

#[tokio::test]
async fn logins_are_recorded_without_their_secrets() {
    let target = Sandbox::start().await.unwrap();
    let recorder = recorder(&target).await;
    let log_in = async |base: &Url, id: &str, secret: &str| {
        let request = crate::http::builder()
            .no_proxy()
            .build()
            .unwrap()
            .post(base.join("oauth/authorize/client").unwrap());
        let form = [("grant_type", "client_credentials"), ("scope", "public private")];
        read(request.basic_auth(id, Some(secret)).form(&form)).await
    };
    let (id, secret) = (target.client_id(), target.client_secret());
    let granted = log_in(recorder.url(), &id, &secret).await;
    assert_eq!(granted.status, 200, "{granted:?}");
    let token = granted.body["access_token"].as_str().unwrap();
    let recording = recorder.stop().await;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
    for private in [id.as_str(), &secret, token, &basic] {
        assert!(!recording.fixture.contains(private), "{private} is in {}", recording.fixture);
    }
    let sandbox = playing(&recording).await;
    let played = log_in(sandbox.url(), "any", "any").await;
    assert_eq!((played.status, &played.body["scope"]), (200, &granted.body["scope"]));
    assert!(played.body["access_token"].as_str().unwrap().starts_with("secret-"), "{played:?}");
}

#[tokio::test]
async fn responses_play_in_order_through_faults_and_worlds() {
    let lines = |count: u16| {
        let entry = |status| {
            json!({
                "request": {"host": "api", "method": "GET", "path": "/me", "authorization": "bearer"},
                "response": {"status": status, "body": {"name": format!("name-{status}")}},
            })
            .to_string()
        };
        let entries: Vec<String> = (0..count).map(|number| entry(201 + number)).collect();
        format!("{}\n{}\n", r#"{"vimeo_sandbox_recording":1}"#, entries.join("\n"))
    };
    let sandbox = Sandbox::start().await.unwrap();
    let other = sandbox.add_world(1);
    sandbox.fill(&other, &Fixture::Recording(lines(2))).unwrap();
    let client = Client::in_world(&sandbox, &other);
    sandbox.add_fault(vimeo_sandbox::Fault::new(vimeo_sandbox::Effect::Status(503)).times(1));
    for status in [503, 201, 202, 202] {
        assert_eq!(client.get("/me").await.status, status);
    }
    assert_eq!(Client::new(&sandbox).get("/me").await.status, 200);
    // The same script gets the same responses after a reset.
    other.reset(vimeo_sandbox::ResetScope::All);
    for status in [201, 202, 202] {
        assert_eq!(client.get("/me").await.status, status);
    }
    let port = sandbox.add_world_on_port(2, 0).await.unwrap();
    sandbox.fill(&port, &Fixture::Recording(lines(1))).unwrap();
    let client = Client::at(sandbox.world_url(&port).as_str(), sandbox.token());
    assert_eq!(client.get("/me").await.status, 201);
    let invalid = Fixture::Recording(lines(1) + "{}");
    let error = sandbox.fill(&other, &invalid).unwrap_err().to_string();
    assert!(error.starts_with("line 3: missing field"), "{error}");
}

/// A server with one response to everything.
async fn server(respond: impl Fn() -> Response + Clone + Send + Sync + 'static) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let router = Router::new().fallback(any(move || std::future::ready(respond())));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

async fn through(recorder: &Recorder, path: &str) -> (StatusCode, http::HeaderMap, String) {
    let client = Client::at(recorder.url().as_str(), "fake-token-of-this-test");
    let response = client.request("GET", path).send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    (status, headers, response.text().await.unwrap())
}

#[tokio::test]
async fn invalid_json_passes_and_is_not_stored() {
    let url = server(|| {
        Response::builder()
            .header("content-type", "application/json")
            .header("set-cookie", "session=fake-session")
            .header("x-request-id", "fake-request")
            .body(Body::from("{\"name\": \"Zoë"))
            .unwrap()
    })
    .await;
    let recorder = Recorder::builder(url).start().await.unwrap();
    let (status, headers, body) = through(&recorder, "/me?access_token=fake-query-token").await;
    assert_eq!((status.as_u16(), body.as_str()), (200, "{\"name\": \"Zoë"));
    assert_eq!(headers["set-cookie"], "session=fake-session");
    assert_eq!(headers["x-request-id"], "fake-request");
    let recording = recorder.stop().await;
    assert!(recording.fixture.contains(r#""omitted_bytes":14"#), "{}", recording.fixture);
    assert!(
        !recording.fixture.contains("fake") && !recording.fixture.contains("Zo"),
        "{}",
        recording.fixture
    );
    let sandbox = playing(&recording).await;
    let played = Client::new(&sandbox).request("GET", "/me?access_token=other").send().await.unwrap();
    assert_eq!(played.headers()["content-type"], "text/plain; charset=utf-8");
}

#[tokio::test]
async fn redirects_are_passed_on_and_not_followed() {
    let url = server(|| {
        Response::builder()
            .status(302)
            .header("location", "https://elsewhere.example/zq7?code=fake")
            .body(Body::empty())
            .unwrap()
    })
    .await;
    let recorder = Recorder::builder(url).start().await.unwrap();
    let (status, headers, _) = through(&recorder, "/me").await;
    assert_eq!(status, 302);
    assert_eq!(headers["location"], "https://elsewhere.example/zq7?code=fake");
    let recording = recorder.stop().await;
    for private in ["elsewhere", "zq7", "fake"] {
        assert!(!recording.fixture.contains(private), "{}", recording.fixture);
    }
}

#[tokio::test]
async fn hostile_targets_end_in_plain_errors() {
    let huge = server(|| {
        let chunk = bytes_of(1 << 20);
        let chunks = std::iter::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone())).take(64);
        Response::new(Body::from_stream(futures_util::stream::iter(chunks)))
    })
    .await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_url = Url::parse(&format!("http://{}/", silent.local_addr().unwrap())).unwrap();
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap()
    };
    for (url, timeout, expected, text) in [
        (huge, 60_000, 502, "larger than 16777216 bytes"),
        (silent_url, 20, 504, "did not respond within 0.02 seconds"),
        (closed, 60_000, 502, "cannot reach 127.0.0.1"),
    ] {
        let recorder = Recorder::builder(url).timeout(Duration::from_millis(timeout)).start().await.unwrap();
        let (status, _, body) = through(&recorder, "/me?access_token=fake-query-token").await;
        assert_eq!(status.as_u16(), expected, "{body}");
        assert!(body.contains(text) && !body.contains("fake"), "{body}");
        let recording = recorder.stop().await;
        assert_eq!((recording.exchanges, recording.failed), (0, 1));
    }
    drop(silent);
}

fn bytes_of(length: usize) -> Vec<u8> {
    vec![b'x'; length]
}

#[tokio::test]
async fn uploads_go_only_to_hosts_that_responses_named() {
    let target = Sandbox::start().await.unwrap();
    let recorder = recorder(&target).await;
    let client = Client::at(recorder.url().as_str(), target.token());
    for path in ["0/files/1/a", "files/1/a", "9/x"] {
        let response =
            client.bare("PATCH", recorder.upload_url().join(path).unwrap().as_str()).send().await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
    }
    for base in ["http://api.vimeo.com/", "https://user:password@api.vimeo.com/", "ftp://127.0.0.1/"] {
        let refused = Recorder::builder(Url::parse(base).unwrap()).start().await.unwrap_err();
        assert!(!refused.to_string().contains("user:"), "{refused}");
    }
    assert!(target.request_log().is_empty());
}

#[tokio::test]
async fn proxy_records_requests_to_vimeo_host_names() {
    let target = Sandbox::start().await.unwrap();
    let recorder = Recorder::builder(target.url().clone()).proxy(0).start().await.unwrap();
    let pem = std::fs::read(recorder.ca_file().unwrap()).unwrap();
    let client = crate::http::builder()
        .proxy(reqwest::Proxy::https(recorder.proxy_url().unwrap().as_str()).unwrap())
        .tls_certs_only([reqwest::Certificate::from_pem(&pem).unwrap()])
        .build()
        .unwrap();
    let me = read(client.get("https://api.vimeo.com/me").bearer_auth(target.token())).await;
    assert_eq!(me.body["name"], "Sandbox User");
    assert!(client.get("https://example.com/").send().await.is_err());
    assert!(recorder.https_url().is_some());
    assert_eq!(recorder.stop().await.exchanges, 1);
}

#[tokio::test]
async fn host_headers_cannot_lead_to_other_hosts() {
    let target = Sandbox::start().await.unwrap();
    let recorder = Recorder::builder(target.url().clone()).https(0).start().await.unwrap();
    let pem = std::fs::read(recorder.ca_file().unwrap()).unwrap();
    let authority = reqwest::Certificate::from_pem(&pem).unwrap();
    let client = crate::http::builder().no_proxy().tls_certs_only([authority]).build().unwrap();
    let mut url = recorder.https_url().unwrap().clone();
    url.set_host(Some("localhost")).unwrap();
    // 127.0.0.1 as a number, which has no dot.
    let sent = client.patch(url).header("host", "2130706433/a.tus.vimeo.com").send().await.unwrap();
    assert_eq!(sent.status(), 404);
}
