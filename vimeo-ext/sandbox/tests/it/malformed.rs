//! Malformed requests: each is rejected with an error in Vimeo's format, and changes nothing.

use reqwest::Body;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use vimeo_sandbox::Sandbox;

use crate::client::{Client, Response};

/// A sandbox whose contents must stay the same during a test.
struct UnchangedSandbox {
    sandbox: Sandbox,
    client: Client,
    video: u64,
    before: Vec<Value>,
}

impl UnchangedSandbox {
    async fn new() -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let client = Client::new(&sandbox);
        let video = sandbox.add_videos(3)[0];
        client.send("POST", "/me/live_events", json!({"title": "Event"})).await;
        client.send("POST", "/me/albums", json!({"name": "Showcase"})).await;
        let before = Self::contents(&client).await;
        Self { sandbox, client, video, before }
    }

    async fn contents(client: &Client) -> Vec<Value> {
        let mut contents = Vec::new();
        for path in
            ["/me", "/me/videos", "/me/albums", "/me/live_events", "/me/presets", "/channels", "/groups"]
        {
            let answer = client.get(path).await;
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            contents.push(answer.body);
        }
        contents
    }

    /// Sends a request that must be rejected with one of `statuses`.
    async fn assert_rejected(&self, what: &str, statuses: &[u16], request: reqwest::RequestBuilder) {
        let response = request.send().await.unwrap_or_else(|error| panic!("{what}: {error}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        assert!(statuses.contains(&status), "{what}: {status} {text}");
        let body: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{what}: {error}: {text}"));
        let answer = Response { status, headers, body };
        assert_eq!(answer.header("content-type"), "application/vnd.vimeo.error+json", "{what}");
        assert!(answer.body["error"].is_string(), "{what}: {text}");
        if answer.body.get("error_description").is_none() {
            assert_eq!(answer.body["link"], Value::Null, "{what}");
            assert!(
                answer.body["developer_message"].as_str().is_some_and(|message| !message.is_empty()),
                "{what}: {text}"
            );
        }
    }

    async fn assert_unchanged(self) {
        assert_eq!(Self::contents(&self.client).await, self.before);
        drop(self.sandbox);
    }
}

#[tokio::test]
async fn rejects_unknown_paths_and_methods() {
    let sandbox = UnchangedSandbox::new().await;
    let long = format!("/videos/{}", "9".repeat(5000));
    let deep = format!("/videos{}", "/a".repeat(2000));
    for path in [
        "/videos/-1",
        "/videos/0",
        "/videos/1.5",
        "/videos/1e9",
        "/videos/18446744073709551616",
        "/videos/%00",
        "/videos/%ff%fe",
        "/videos/%E2%80%AE1",
        "/videos/1%2F2",
        "/videos/..%2f..%2fetc%2fpasswd",
        "/videos/%",
        "/videos/1'%20OR%20'1'='1",
        "/users/nobody/videos",
        "/me/albums/x/videos",
        "/live_events/x",
        "/videos/1/chapters/..",
        "/%F0%9F%8E%AC",
        "/oauth/nothing",
        "/me/videos/../..%2e",
        &long,
        &deep,
    ] {
        for method in ["GET", "PUT", "PATCH", "DELETE", "POST"] {
            sandbox
                .assert_rejected(
                    &format!("{method} {path:.60}"),
                    &[400, 404, 405],
                    sandbox.client.request(method, path),
                )
                .await;
        }
    }
    for method in ["BREW", "TRACE", "PROPFIND", "get", "QUERY"] {
        sandbox.assert_rejected(method, &[404, 405], sandbox.client.request(method, "/me/videos")).await;
    }
    sandbox.assert_unchanged().await;
}

#[tokio::test]
async fn rejects_invalid_queries() {
    let sandbox = UnchangedSandbox::new().await;
    let long = "9".repeat(4000);
    for (query, field) in [
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=1.0", "page"),
        ("page=NaN", "page"),
        (&format!("page={long}"), "page"),
        ("per_page=0", "per_page"),
        ("per_page=101", "per_page"),
        ("per_page=ten", "per_page"),
        ("per_page=%00", "per_page"),
        ("per_page=%ff", "per_page"),
        ("sort=sideways", "sort"),
        ("direction=up", "direction"),
        ("filter_playable=perhaps", "filter_playable"),
        ("sort=date&sort=sideways", "sort"),
    ] {
        let path = format!("/me/videos?{query}");
        sandbox.assert_rejected(query, &[400], sandbox.client.request("GET", &path)).await;
        let error_body = sandbox.client.get(&path).await.body;
        assert_eq!(
            (&error_body["error_code"], &error_body["invalid_parameters"][0]["field"]),
            (&json!(2204), &json!(field)),
            "{query}"
        );
    }
    for per_page in ["0", "101", "ten", "-1", &long] {
        let error_body = sandbox.client.get(&format!("/me/videos?per_page={per_page}")).await.body;
        let what = &error_body["invalid_parameters"][0]["error"];
        assert_eq!(what, "must be an integer from 1 to 100", "{per_page}");
    }
    sandbox
        .assert_rejected("page past the end", &[400], sandbox.client.request("GET", "/me/videos?page=9"))
        .await;
    sandbox.assert_rejected("required", &[400], sandbox.client.request("GET", "/me/analytics")).await;
    // Unusual but valid.
    let deep = format!("fields={}", "a.".repeat(15_000));
    let wide = format!("fields={}", "uri,".repeat(10_000));
    for query in [
        "",
        "&&&==&",
        "fields=",
        "fields=,,,",
        "fields=%ff",
        "fields=.",
        "sort=",
        "per_page=100",
        &deep,
        &wide,
    ] {
        let answer = sandbox.client.get(&format!("/me/videos?{query}")).await;
        assert_eq!((answer.status, &answer.body["total"]), (200, &json!(3)), "{query:.40}");
    }
    sandbox.assert_unchanged().await;
}

#[tokio::test]
async fn handles_malformed_headers() {
    let sandbox = UnchangedSandbox::new().await;
    let nobody = Client::with_token(&sandbox.sandbox, "");
    for authorization in [
        "",
        "bearer",
        "bearer ",
        "Basic",
        "basic ====",
        "bearer a b",
        "token x",
        "bearer \u{ff}",
        "Bearer null",
    ] {
        let request = nobody.request("GET", "/me").header("authorization", authorization.as_bytes());
        sandbox.assert_rejected(authorization, &[401], request).await;
    }
    for authorization in ["basic !!!!", "basic Og==", "bearer x", "basic /////w=="] {
        let form = [("grant_type", "client_credentials")];
        let request = nobody
            .request("POST", "/oauth/authorize/client")
            .header("authorization", authorization)
            .form(&form);
        sandbox.assert_rejected(authorization, &[400, 401], request).await;
    }
    for (name, value) in [
        ("accept", "application/vnd.vimeo.*+json;version=9999999999"),
        ("accept", "\u{0}".trim_matches('\0')),
        ("accept", "*/*;q=banana"),
        ("if-modified-since", "the day before yesterday"),
        ("if-modified-since", "Sun, 99 Foo 99999 99:99:99 GMT"),
        ("if-none-match", "\"\"\"\""),
        ("range", "bytes=9-1"),
        ("x-sandbox-unknown", "1"),
        ("content-type", "///"),
    ] {
        let response = sandbox.client.request("GET", "/me/videos").header(name, value).send().await.unwrap();
        assert_eq!(response.status(), 200, "{name}: {value}");
    }
    sandbox.assert_unchanged().await;
}

/// Bodies that are invalid for every operation.
fn malformed_bodies() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let json = "application/json";
    let form = "application/x-www-form-urlencoded";
    vec![
        ("truncated", json, br#"{"name": "a"#.to_vec()),
        ("truncated in a sign", json, b"{\"name\": \"\xe2\x82".to_vec()),
        ("trailing", json, b"{} {}".to_vec()),
        ("comma", json, b"{\"name\": 1,}".to_vec()),
        ("no UTF-8", json, b"{\"name\": \"\xff\xfe\"}".to_vec()),
        ("lone surrogate", json, br#"{"name": "\ud800"}"#.to_vec()),
        ("deep list", json, "[".repeat(100_000).into_bytes()),
        ("deep closed list", json, [("[".repeat(5000)), "]".repeat(5000)].concat().into_bytes()),
        ("deep object", json, r#"{"name":"#.repeat(100_000).into_bytes()),
        ("too large a number", json, b"{\"name\": 1e999}".to_vec()),
        ("text", json, b"hello".to_vec()),
        ("zeros", json, vec![0; 1000]),
        ("byte order mark", json, b"\xef\xbb\xbf{".to_vec()),
        ("deep form", form, [vec![b'a'], b"[a]".repeat(100_000), b"=1".to_vec()].concat()),
        ("dotted form", form, ["a.".repeat(100_000), "a=1".to_owned()].concat().into_bytes()),
        ("multipart", "multipart/form-data; boundary=x", b"--x\r\n".to_vec()),
        ("xml", "application/xml", b"<a/>".to_vec()),
        ("plain", "text/plain", b"{}".to_vec()),
        ("no media type", "////", b"{}".to_vec()),
    ]
}

#[tokio::test]
async fn rejects_malformed_bodies() {
    let sandbox = UnchangedSandbox::new().await;
    let video = format!("/videos/{}", sandbox.video);
    for (method, path) in [
        ("POST", "/me/videos".to_owned()),
        ("PATCH", video.clone()),
        ("POST", "/me/albums".to_owned()),
        ("POST", "/me/live_events".to_owned()),
        ("POST", "/channels".to_owned()),
        ("PUT", format!("{video}/tags")),
        ("POST", format!("{video}/credits")),
        ("POST", "/me/presets".to_owned()),
        ("PATCH", "/me".to_owned()),
        ("POST", "/me/following".to_owned()),
    ] {
        for (what, media, body) in malformed_bodies() {
            let request = sandbox.client.request(method, &path).header("content-type", media).body(body);
            sandbox.assert_rejected(&format!("{method} {path}: {what}"), &[400], request).await;
        }
    }
    let endless = sandbox.client.request("POST", "/me/videos").header("content-type", "application/json");
    sandbox.assert_rejected("too large", &[413], endless.body(Body::from(vec![b' '; 17 << 20]))).await;
    sandbox.assert_unchanged().await;
}

#[tokio::test]
async fn invalid_bodies_name_fields() {
    let sandbox = UnchangedSandbox::new().await;
    let video = format!("/videos/{}", sandbox.video);
    for (method, path, body, field) in [
        ("POST", "/me/videos", json!([]), "body"),
        ("POST", "/me/videos", json!("upload"), "body"),
        ("POST", "/me/videos", json!(null), "body"),
        ("POST", "/me/videos", json!({"upload": 5}), "upload"),
        ("POST", "/me/videos", json!({"upload": {"approach": "pigeon"}}), "upload.approach"),
        ("POST", "/me/videos", json!({"upload": {"approach": "tus", "size": -1}}), "upload.size"),
        ("POST", "/me/videos", json!({"upload": {"approach": "tus", "size": 1.5}}), "upload.size"),
        ("POST", "/me/videos", json!({"upload": {"approach": "tus", "size": "many"}}), "upload.size"),
        (
            "POST",
            "/me/videos",
            json!({"upload": {"approach": "tus", "size": 99_999_999_999_999_999_999_999.0}}),
            "upload.size",
        ),
        ("PATCH", &video, json!({"name": {"text": "a"}}), "name"),
        ("PATCH", &video, json!({"privacy": "nobody"}), "privacy"),
        ("PATCH", &video, json!({"privacy": {"view": "martians"}}), "privacy.view"),
        ("PATCH", &video, json!({"privacy": {"download": "maybe"}}), "privacy.download"),
        ("PATCH", &video, json!({"content_rating": "safe"}), "content_rating"),
        ("PATCH", &video, json!({"embed_domains": [1]}), "embed_domains.0"),
        ("PATCH", &video, json!({"license": "mine"}), "license"),
        ("POST", "/me/live_events", json!({}), "title"),
        ("POST", "/me/live_events", json!({"title": "a", "dvr": 3}), "dvr"),
        ("POST", "/me/live_events", json!({"title": "a", "schedule": "soon"}), "schedule"),
        ("POST", "/groups", json!({"description": "a"}), "name"),
        ("POST", "/channels", json!({"name": "a", "privacy": "maybe"}), "privacy"),
    ] {
        sandbox
            .assert_rejected(&body.to_string(), &[400], sandbox.client.request(method, path).json(&body))
            .await;
        let error_body = sandbox.client.send(method, path, body.clone()).await.body;
        let fields = error_body["invalid_parameters"].as_array().unwrap();
        assert_eq!(error_body["error_code"], 2204, "{body}");
        assert!(fields.iter().any(|invalid| invalid["field"] == field), "{body}: {error_body}");
    }
    // Vimeo ignores unknown members.
    for body in [json!({"chunk_size": 5, "nobody_knows": {"a": []}}), json!({"name": null}), json!({})] {
        assert_eq!(sandbox.client.send("PATCH", "/me", body.clone()).await.status, 200, "{body}");
    }
    sandbox.assert_unchanged().await;
}

/// Invalid HTTP gets an error or a reset, and the next client is served.
#[tokio::test]
async fn survives_malformed_http() {
    let sandbox = UnchangedSandbox::new().await;
    let address =
        format!("{}:{}", sandbox.sandbox.url().host_str().unwrap(), sandbox.sandbox.url().port().unwrap());
    for bytes in [
        &b"\r\n\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET /me HTTP/9.9\r\n\r\n",
        b"GET /me HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST /me/videos HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n",
        b"POST /me/videos HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"POST /me/videos HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"POST /me/videos HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &[0; 4096],
    ] {
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        // The stream may end or be reset.
        let _ = stream.read_to_end(&mut answer).await;
        let text = String::from_utf8_lossy(&answer);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 4"), "{}: {text}", bytes.escape_ascii());
    }
    sandbox.assert_unchanged().await;
}
