//! Upload tokens.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::future::join_all;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

use crate::harness::{Checked, Service};

const FILE: &[u8] = b"not really a film";

impl Service {
    async fn token(&self, body: Value) -> Checked {
        self.call(Method::POST, "/v1/accounts/a/upload-tokens", Some(body)).await
    }

    /// Starts an upload as a browser's tus client does.
    async fn begin(&self, url: &str, size: usize, name: &str) -> Response {
        Client::new()
            .post(url)
            .header("origin", "https://anywhere.example")
            .header("tus-resumable", "1.0.0")
            .header("upload-length", size)
            .header("upload-metadata", format!("filename {}", BASE64.encode(name)))
            .send()
            .await
            .unwrap()
    }
}

async fn code(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    (status, body["code"].clone())
}

#[tokio::test]
async fn a_browser_uploads_with_the_token_alone() {
    let service = Service::start().await;
    service.connect("a").await;
    let body =
        json!({"max_bytes": 1000, "video": {"description": "from a browser", "privacy_view": "nobody"}});
    let token = service.token(body).await;
    assert_eq!(token.status, 201, "{token:?}");
    let url = token.body["upload_url"].as_str().unwrap();
    let options = Client::new().request(Method::OPTIONS, url).send().await.unwrap();
    assert_eq!(
        (options.status().as_u16(), &options.headers()["tus-extension"]),
        (204, &"creation".parse().unwrap())
    );
    let begun = service.begin(url, FILE.len(), "folder/Surf.mp4").await;
    assert_eq!(begun.status(), 201);
    assert_eq!(begun.headers()["access-control-allow-origin"], "*");
    let link = begun.headers()["location"].to_str().unwrap().to_owned();
    assert!(link.starts_with(service.sandbox.upload_url().as_str()), "{link}");
    let video: Value = serde_json::from_str(&begun.text().await.unwrap()).unwrap();
    let sent = Client::new()
        .patch(link)
        .header("tus-resumable", "1.0.0")
        .header("upload-offset", 0)
        .header("content-type", "application/offset+octet-stream")
        .body(FILE)
        .send()
        .await
        .unwrap();
    assert_eq!(sent.headers()["upload-offset"], FILE.len().to_string().as_str());
    let input = json!({"video_id": video["video_uri"]});
    let found = service.call(Method::POST, "/v1/accounts/a/tools/vimeo_video_get", Some(input)).await;
    let found = &found.body["result"];
    assert_eq!((&found["name"], &found["description"]), (&json!("Surf.mp4"), &json!("from a browser")));
    let id: u64 = video["video_uri"].as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap();
    assert_eq!(service.sandbox.upload_bytes(id).unwrap(), FILE);
    let used_up = service.begin(url, FILE.len(), "a").await;
    assert_eq!(code(used_up).await, (403, json!("upload_token_used_up")));
}

#[tokio::test]
async fn concurrent_uploads_start_as_often_as_the_token_allows() {
    let service = Service::start().await;
    service.connect("a").await;
    let token = service.token(json!({"max_uploads": 3})).await;
    let url = token.body["upload_url"].as_str().unwrap();
    let begun = join_all((0..8).map(|_| service.begin(url, 10, "a"))).await;
    let mut statuses: Vec<_> = begun.iter().map(|response| response.status().as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 201, 201, 403, 403, 403, 403, 403]);
    let path = format!("/v1/accounts/a/upload-tokens/{}", token.body["id"].as_str().unwrap());
    assert_eq!(service.call(Method::GET, &path, None).await.body["uploads_left"], 0);
}

#[tokio::test]
async fn a_refused_creation_gives_the_upload_back() {
    let service = Service::start().await;
    service.connect("a").await;
    let token = service.token(json!({"video": {"folder": "/users/1/projects/404404"}})).await;
    let url = token.body["upload_url"].as_str().unwrap();
    let refused = service.begin(url, 10, "a").await;
    assert_eq!(refused.status(), 422, "{}", refused.text().await.unwrap());
    let path = format!("/v1/accounts/a/upload-tokens/{}", token.body["id"].as_str().unwrap());
    assert_eq!(service.call(Method::GET, &path, None).await.body["uploads_left"], 1);
}

#[tokio::test]
async fn invalid_starts_are_refused_before_anything_is_created() {
    let service = Service::start().await;
    service.connect("a").await;
    let token = service.token(json!({"max_bytes": 10})).await;
    let url = token.body["upload_url"].as_str().unwrap();
    assert_eq!(code(service.begin(url, 11, "a").await).await, (413, json!("file_too_large")));
    assert_eq!(code(service.begin(url, 0, "a").await).await, (400, json!("invalid_field")));
    assert_eq!(
        code(service.begin(&format!("{url}0"), 5, "a").await).await,
        (401, json!("unknown_upload_token"))
    );
    let without_token = url.split('?').next().unwrap();
    assert_eq!(code(service.begin(without_token, 5, "a").await).await.0, 401);
    let without_tus = Client::new().post(url).header("upload-length", 5).send().await.unwrap();
    assert_eq!(code(without_tus).await, (412, json!("tus_version")));
    for body in [
        json!({"lifetime_s": 0}),
        json!({"lifetime_s": 604_801}),
        json!({"max_uploads": 0}),
        json!({"max_bytes": 0}),
        json!({"video": {"privacy_view": "everyone"}}),
        json!({"video": {"privacy_view": "password"}}),
        json!({"video": {"name": "x".repeat(129)}}),
        json!({"video": {"title": "a"}}),
    ] {
        let refused = service.token(body.clone()).await;
        assert_eq!(refused.status, 400, "{body}");
    }
    let other = service.call(Method::POST, "/v1/accounts/b/upload-tokens", Some(json!({}))).await;
    assert_eq!(other.body["code"], "unknown_account");
}

#[tokio::test]
async fn a_revoked_token_starts_nothing() {
    let service = Service::start().await;
    service.connect("a").await;
    service.connect("b").await;
    let token = service.token(json!({"max_uploads": 5, "lifetime_s": 60})).await;
    let more = service.token(json!({})).await;
    let list = service.call(Method::GET, "/v1/accounts/a/upload-tokens", None).await;
    let mut listed: Vec<_> =
        list.body["upload_tokens"].as_array().unwrap().iter().map(|token| &token["id"]).collect();
    listed.sort_by_key(|id| id.as_str());
    let mut created = [&token.body["id"], &more.body["id"]];
    created.sort_by_key(|id| id.as_str());
    assert_eq!(listed, created);
    assert!(!list.body.to_string().contains("vimeo_upload_"), "{list:?}");
    let others = service.call(Method::GET, "/v1/accounts/b/upload-tokens", None).await;
    assert_eq!(others.body["upload_tokens"], json!([]));
    let id = token.body["id"].as_str().unwrap();
    let foreign = service.call(Method::DELETE, &format!("/v1/accounts/b/upload-tokens/{id}"), None).await;
    assert_eq!(foreign.status, 404);
    let path = format!("/v1/accounts/a/upload-tokens/{id}");
    assert_eq!(service.call(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(service.call(Method::GET, &path, None).await.status, 404);
    let url = token.body["upload_url"].as_str().unwrap();
    assert_eq!(code(service.begin(url, 5, "a").await).await.0, 401);
}
