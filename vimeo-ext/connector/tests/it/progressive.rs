//! Progressive uploads: parts of a file whose size is not known yet.

use futures_util::future::join_all;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vimeo_sandbox::{Effect, Fault};

use crate::harness::{Checked, Service};

/// A progressive upload, as a client with the upload token alone sees it.
struct Upload<'a> {
    service: &'a Service,
    id: String,
    /// The path with the secret.
    path: String,
    created: Value,
}

impl Service {
    /// Creates an upload token for the account `a`; returns its ID and its text.
    async fn upload_token(&self, body: Value) -> (String, String) {
        let created = self.call(Method::POST, "/v1/accounts/a/upload-tokens", Some(body)).await;
        let text = created.body["upload_url"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned();
        (created.body["id"].as_str().unwrap().to_owned(), text)
    }

    async fn start_upload(&self, token: &str, body: Value) -> Checked {
        let path = "/v1/progressive-uploads";
        let request = Client::new().post(format!("http://{}{path}", self.address)).bearer_auth(token);
        self.send(request.body(body.to_string()), &Method::POST, path).await
    }

    /// Connects the account `a`, and starts an upload with a new token.
    async fn upload(&self, token: Value) -> Upload<'_> {
        self.connect("a").await;
        let (_, token) = self.upload_token(token).await;
        let created = self.start_upload(&token, json!({"file_name": "films/Surf.mp4"})).await;
        assert_eq!(created.status, 201, "{created:?}");
        Upload::of(self, created.body)
    }

    async fn videos(&self) -> Vec<Value> {
        let input = json!({});
        let list = self.call(Method::POST, "/v1/accounts/a/tools/vimeo_my_videos_list", Some(input)).await;
        list.body["result"]["items"].as_array().unwrap().clone()
    }

    fn files(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut folders = vec![self.spool.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                match entry.file_type().unwrap().is_dir() {
                    true => folders.push(entry.path()),
                    false => names.push(entry.file_name().into_string().unwrap()),
                }
            }
        }
        names
    }
}

impl<'a> Upload<'a> {
    fn of(service: &'a Service, created: Value) -> Self {
        let url = created["upload_url"].as_str().unwrap();
        let path = url.strip_prefix(&format!("http://{}", service.address)).unwrap().to_owned();
        Self { service, id: created["id"].as_str().unwrap().to_owned(), path, created }
    }

    async fn call(&self, method: Method, range: Option<&str>, body: impl Into<reqwest::Body>) -> Checked {
        let url = format!("http://{}{}", self.service.address, self.path);
        let mut request = Client::new().request(method.clone(), url).body(body);
        if let Some(range) = range {
            request = request.header("content-range", range);
        }
        self.service.send(request, &method, &self.path).await
    }

    async fn part(&self, range: &str, body: impl Into<reqwest::Body>) -> Checked {
        self.call(Method::PUT, Some(range), body).await
    }

    async fn get(&self) -> Value {
        self.call(Method::GET, None, "").await.body
    }

    /// Waits until the service has sent the file, or has given up.
    async fn finished(&self) -> Value {
        loop {
            let upload = self.get().await;
            match upload["state"].as_str().unwrap() {
                "sending" => tokio::task::yield_now().await,
                _ => return upload,
            }
        }
    }

    fn sent_bytes(&self, upload: &Value) -> Vec<u8> {
        let uri = upload["video_uri"].as_str().unwrap();
        let id = uri.rsplit('/').next().unwrap().parse().unwrap();
        self.service.sandbox.upload_bytes(id).unwrap().to_vec()
    }
}

fn film(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

#[tokio::test]
async fn parts_in_any_order_become_one_video() {
    let service = Service::start().await;
    let upload = service.upload(json!({"video": {"description": "in parts"}})).await;
    assert_eq!(upload.created["state"], "receiving");
    let film = film(3_000_000);
    let last = upload.part("bytes 2000000-2999999/3000000", film[2_000_000..].to_vec()).await;
    assert_eq!((last.status.as_u16(), &last.body["total_bytes"]), (200, &json!(3_000_000)));
    // The first part twice, and one that overlaps it.
    for _ in 0..2 {
        let first = upload.part("bytes 0-999999/*", film[..1_000_000].to_vec()).await;
        let received = json!([{"first": 0, "last": 999_999}, {"first": 2_000_000, "last": 2_999_999}]);
        assert_eq!((&first.body["received"], &first.body["state"]), (&received, &json!("receiving")));
    }
    let middle = upload.part("bytes 500000-1999999/*", film[500_000..2_000_000].to_vec()).await;
    assert_eq!(
        (&middle.body["received_bytes"], &middle.body["state"]),
        (&json!(3_000_000), &json!("sending"))
    );
    // A part that is sent again after the last one.
    let again = upload.part("bytes 0-999999/*", film[..1_000_000].to_vec()).await;
    assert_eq!(again.status, 200, "{again:?}");
    let done = upload.finished().await;
    assert_eq!(
        (&done["state"], &done["sent_bytes"], &done["error"]),
        (&json!("done"), &json!(3_000_000), &Value::Null)
    );
    assert!(upload.sent_bytes(&done) == film);
    let videos = service.videos().await;
    let found: Vec<_> =
        videos.iter().map(|video| (&video["uri"], &video["name"], &video["description"])).collect();
    assert_eq!(found, [(&done["video_uri"], &json!("Surf.mp4"), &json!("in parts"))]);
    assert!(!service.files().contains(&"data".to_owned()), "{:?}", service.files());
    let metrics = Client::new().get(format!("http://{}/metrics", service.address)).bearer_auth(&service.key);
    let metrics = metrics.send().await.unwrap().text().await.unwrap();
    for line in [
        "vimeo_connector_upload_parts_total{result=\"stored\"} 5",
        "vimeo_connector_upload_part_bytes_total 5500000",
        "vimeo_connector_progressive_uploads_total{outcome=\"done\"} 1",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn concurrent_parts_and_a_total_alone_complete_the_file() {
    let service = Service::start().await;
    let upload = service.upload(json!({})).await;
    let film = film(800_000);
    let parts = film.chunks(100_000).enumerate().map(|(number, bytes)| {
        let range = format!("bytes {}-{}/*", number * 100_000, number * 100_000 + 99_999);
        let upload = &upload;
        async move { upload.part(&range, bytes.to_vec()).await.status.as_u16() }
    });
    assert_eq!(join_all(parts).await, [200; 8]);
    assert_eq!(upload.get().await["state"], "receiving");
    let total = upload.part("bytes */800000", "").await;
    assert_eq!(total.body["state"], "sending", "{total:?}");
    let done = upload.finished().await;
    assert!(upload.sent_bytes(&done) == film, "{done}");
}

#[tokio::test]
async fn invalid_parts_change_nothing() {
    let service = Service::start().await;
    let upload = service.upload(json!({"max_bytes": 100})).await;
    assert_eq!(upload.part("bytes 10-19/*", "0123456789").await.status, 200);
    assert_eq!(upload.part("bytes 30-39/50", "0123456789").await.status, 200);
    let before = upload.get().await;
    // (Content-Range, body, status, code)
    let table = [
        ("bytes 0-9", "0123456789", 400, "invalid_field"),
        ("bytes 9-0/*", "0123456789", 400, "invalid_field"),
        ("part 1/*", "0123456789", 400, "invalid_field"),
        ("bytes 0-9/*", "012345678", 400, "wrong_length"),
        ("bytes 0-9/*", "01234567890", 400, "wrong_length"),
        ("bytes 0-9/*", "", 400, "wrong_length"),
        ("bytes */50", "0", 400, "wrong_length"),
        ("bytes 95-104/*", "0123456789", 413, "file_too_large"),
        ("bytes 0-9/101", "0123456789", 413, "file_too_large"),
        ("bytes 0-9/40", "0123456789", 409, "total_conflict"),
        ("bytes 50-59/60", "0123456789", 409, "total_conflict"),
        ("bytes */40", "", 409, "total_conflict"),
        ("bytes 45-54/*", "0123456789", 409, "beyond_total"),
        ("bytes 10-19/*", "012345678X", 409, "part_conflict"),
        ("bytes 5-14/*", "0123456789", 409, "part_conflict"),
    ];
    for (range, body, status, code) in table {
        let refused = upload.part(range, body).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.body["code"]),
            (status, &json!(code)),
            "{range} {refused:?}"
        );
        assert_eq!(upload.get().await, before, "{range}");
    }
    assert_eq!(upload.call(Method::PUT, None, "0").await.body["field"], "Content-Range");
    assert!(!service.files().iter().any(|name| name.ends_with(".part")), "{:?}", service.files());
}

#[tokio::test]
async fn only_the_secret_of_an_upload_opens_it() {
    let service = Service::start().await;
    let upload = service.upload(json!({})).await;
    let path = format!("/v1/progressive-uploads/{}", upload.id);
    let wrong = "0".repeat(64);
    for (path, status) in [
        (path.clone(), 401),
        (format!("{path}?secret={wrong}"), 404),
        (format!("/v1/progressive-uploads/{}?secret={wrong}", "0".repeat(32)), 404),
        (format!("/v1/progressive-uploads/..%2F..%2Fetc?secret={wrong}"), 404),
    ] {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let url = format!("http://{}{path}", service.address);
            let request = Client::new().request(method.clone(), url).header("content-range", "bytes 0-0/*");
            let refused = service.send(request.body("0"), &method, "/v1/progressive-uploads/x").await;
            assert_eq!(refused.status.as_u16(), status, "{method} {path}");
        }
    }
    let secret = upload.path.split("secret=").nth(1).unwrap();
    let request = Client::new().get(format!("http://{}{path}", service.address)).bearer_auth(secret);
    assert_eq!(service.send(request, &Method::GET, &path).await.status, 200);
    let stored = std::fs::read_to_string(service.spool.path().join(&upload.id).join("upload.json")).unwrap();
    assert!(!stored.contains(secret), "{stored}");
    #[cfg(unix)]
    for name in ["upload.json", "data"] {
        use std::os::unix::fs::MetadataExt;
        let file = service.spool.path().join(&upload.id).join(name);
        assert_eq!(std::fs::metadata(file).unwrap().mode() & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn tokens_count_uploads_and_get_deleted_ones_back() {
    let service = Service::start().await;
    service.connect("a").await;
    let (id, token) = service.upload_token(json!({})).await;
    let first = service.start_upload(&token, json!({})).await;
    let second = service.start_upload(&token, json!({})).await;
    assert_eq!((second.status.as_u16(), &second.body["code"]), (403, &json!("upload_token_used_up")));
    let unknown = service.start_upload(&format!("{token}0"), json!({})).await;
    assert_eq!((unknown.status.as_u16(), &unknown.body["code"]), (401, &json!("unknown_upload_token")));
    let first = Upload::of(&service, first.body);
    assert_eq!(first.part("bytes 0-3/*", "film").await.status, 200);
    assert_eq!(first.call(Method::DELETE, None, "").await.status, 204);
    assert_eq!(first.part("bytes 0-3/*", "film").await.status, 404);
    let again = service.start_upload(&token, json!({})).await;
    assert_eq!(again.status, 201, "{again:?}");
    // What a token has started can be finished without it.
    let revoked = service.call(Method::DELETE, &format!("/v1/accounts/a/upload-tokens/{id}"), None).await;
    assert_eq!(revoked.status, 204);
    assert_eq!(service.start_upload(&token, json!({})).await.status, 401);
    let again = Upload::of(&service, again.body);
    assert_eq!(again.part("bytes 0-3/4", "film").await.status, 200);
    assert_eq!(again.finished().await["state"], "done");
    assert_eq!(again.call(Method::DELETE, None, "").await.status, 204);
}

#[tokio::test]
async fn disabled_accounts_accept_no_parts() {
    let service = Service::start().await;
    let upload = service.upload(json!({})).await;
    assert_eq!(upload.part("bytes 0-3/*", "film").await.status, 200);
    service.call(Method::POST, "/v1/accounts/a/disable", None).await;
    let refused = upload.part("bytes 4-7/8", "film").await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (409, &json!("account_unavailable")));
    assert_eq!(upload.get().await["received_bytes"], 4);
    service.call(Method::POST, "/v1/accounts/a/enable", None).await;
    upload.part("bytes 4-7/8", "film").await;
    assert_eq!(upload.sent_bytes(&upload.finished().await), b"filmfilm");
}

#[tokio::test]
async fn a_refused_creation_is_shown_and_tried_again() {
    let service = Service::start().await;
    let upload = service.upload(json!({})).await;
    let fault = Fault::new(Effect::Status(403)).method(Method::POST).path("/me/videos");
    service.sandbox.add_fault(fault);
    upload.part("bytes 0-3/4", "film").await;
    let shown = loop {
        let shown = upload.get().await;
        if !shown["error"].is_null() {
            break shown;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((&shown["state"], &shown["video_uri"]), (&json!("sending"), &Value::Null));
    let refused = upload.call(Method::DELETE, None, "").await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (409, &json!("upload_complete")));
    let done = upload.finished().await;
    assert_eq!((&done["state"], &done["error"]), (&json!("done"), &Value::Null));
    assert_eq!(service.videos().await.len(), 1);
}

#[tokio::test]
async fn a_full_spool_refuses_parts_until_it_has_space() {
    let service = Service::start_with_spool(Some(400_000)).await;
    let upload = service.upload(json!({"max_uploads": 2})).await;
    assert_eq!(upload.created["max_bytes"], 400_000);
    let film = film(200_000);
    let too_large = upload.part("bytes 0-299999/*", vec![0; 300_000]).await;
    assert_eq!((too_large.status.as_u16(), &too_large.body["code"]), (413, &json!("part_too_large")));
    assert_eq!(upload.part("bytes 0-149999/*", film[..150_000].to_vec()).await.status, 200);
    let full = upload.part("bytes 150000-299999/*", vec![0; 150_000]).await;
    assert_eq!((full.status.as_u16(), &full.body["code"]), (507, &json!("spool_full")));
    assert_eq!(full.body["retry_after_s"], 60);
    assert_eq!(upload.part("bytes 150000-199999/200000", film[150_000..].to_vec()).await.status, 200);
    assert!(upload.sent_bytes(&upload.finished().await) == film);
    let next = service.upload(json!({})).await;
    assert_eq!(next.part("bytes 0-149999/*", film[..150_000].to_vec()).await.status, 200);
}

#[tokio::test]
async fn a_part_whose_connection_breaks_is_not_stored() {
    let service = Service::start().await;
    let upload = service.upload(json!({})).await;
    let mut connection = TcpStream::connect(service.address).await.unwrap();
    let head = format!(
        "PUT {} HTTP/1.1\r\nhost: a\r\ncontent-range: bytes 0-7/8\r\ncontent-length: 8\r\n\r\nfilm",
        upload.path
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    // The space is reserved as soon as the head has arrived.
    while !service.files().iter().any(|name| name.ends_with(".part")) {
        tokio::task::yield_now().await;
    }
    connection.shutdown().await.unwrap();
    let mut rest = Vec::new();
    let _ = connection.read_to_end(&mut rest).await;
    while service.files().iter().any(|name| name.ends_with(".part")) {
        tokio::task::yield_now().await;
    }
    assert_eq!(upload.get().await["received_bytes"], 0);
    upload.part("bytes 0-7/8", "filmfilm").await;
    assert_eq!(upload.sent_bytes(&upload.finished().await), b"filmfilm");
}

#[tokio::test]
async fn browsers_of_every_origin_can_send_parts() {
    let service = Service::start().await;
    let upload = service.upload(json!({})).await;
    for path in ["/v1/progressive-uploads", &upload.path] {
        let url = format!("http://{}{path}", service.address);
        let options = Client::new().request(Method::OPTIONS, &url).send().await.unwrap();
        assert_eq!(options.status(), 204);
        assert_eq!(options.headers()["access-control-allow-origin"], "*");
        let allowed = options.headers()["access-control-allow-headers"].to_str().unwrap();
        assert!(allowed.contains("content-range"), "{allowed}");
        let refused = Client::new().post(url).body("{").send().await.unwrap();
        assert!(refused.status().is_client_error());
        if path == "/v1/progressive-uploads" {
            assert_eq!(refused.headers()["access-control-allow-origin"], "*");
        }
    }
}

#[tokio::test]
async fn a_service_without_a_spool_says_so() {
    let service = Service::start_with_spool(None).await;
    service.connect("a").await;
    let (_, token) = service.upload_token(json!({})).await;
    let refused = service.start_upload(&token, json!({})).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (501, &json!("no_spool")));
}
