//! A plain HTTP client.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use vimeo_sandbox::{Sandbox, World};

/// An HTTP client with an access token.
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
}

/// A response with its JSON body.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Client {
    pub(crate) fn new(sandbox: &Sandbox) -> Self {
        Self::with_token(sandbox, sandbox.token())
    }

    pub(crate) fn with_token(sandbox: &Sandbox, token: &str) -> Self {
        Self::at(sandbox.url().as_str(), token)
    }

    pub(crate) fn at(base: &str, token: &str) -> Self {
        Self {
            http: crate::http::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            base: base.trim_end_matches('/').to_owned(),
            token: token.to_owned(),
        }
    }

    pub(crate) fn in_world(sandbox: &Sandbox, world: &World) -> Self {
        Self::with_token(sandbox, world.token())
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method: Method = method.parse().unwrap();
        let builder = self.http.request(method, format!("{}{path}", self.base));
        if self.token.is_empty() { builder } else { builder.bearer_auth(&self.token) }
    }

    /// A request to any URL, without a token.
    pub(crate) fn bare(&self, method: &str, link: &str) -> RequestBuilder {
        self.http.request(method.parse().unwrap(), link)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        read(self.request("GET", path)).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: Value) -> Response {
        read(self.request(method, path).json(&body)).await
    }

    pub(crate) async fn call(&self, method: &str, path: &str) -> Response {
        read(self.request(method, path)).await
    }

    /// Creates a video for a tus upload; returns its ID and upload link.
    pub(crate) async fn create(&self, name: &str, size: u64) -> (u64, String) {
        let body = serde_json::json!({"name": name, "upload": {"approach": "tus", "size": size}});
        let created = self.send("POST", "/me/videos", body).await;
        assert_eq!(created.status, 200, "{created:?}");
        (id_of(&created.body), created.body["upload"]["upload_link"].as_str().unwrap().to_owned())
    }

    pub(crate) fn patch(&self, link: &str, offset: u64, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.bare("PATCH", link)
            .header("tus-resumable", "1.0.0")
            .header("content-type", "application/offset+octet-stream")
            .header("upload-offset", offset)
            .body(body)
    }

    pub(crate) fn head(&self, link: &str) -> RequestBuilder {
        self.bare("HEAD", link).header("tus-resumable", "1.0.0")
    }

    /// The offset of an upload, from a HEAD request.
    pub(crate) async fn offset(&self, link: &str) -> u64 {
        let response = self.head(link).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        offset(&response)
    }

    /// The names of all videos of the user, from all pages.
    #[cfg(feature = "cli")]
    pub(crate) async fn all_names(&self) -> std::collections::BTreeSet<String> {
        let mut names = std::collections::BTreeSet::new();
        let mut next = Some("/me/videos?per_page=100&fields=name".to_owned());
        while let Some(path) = next {
            let page = self.get(&path).await;
            names.extend(page.names().into_iter().map(str::to_owned));
            next = page.body["paging"]["next"].as_str().map(str::to_owned);
        }
        names
    }

    /// Creates a video and uploads `body`; returns the video's ID.
    pub(crate) async fn upload(&self, name: &str, body: &[u8]) -> u64 {
        let (id, link) = self.create(name, body.len() as u64).await;
        let response = self.patch(&link, 0, body.to_vec()).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        id
    }
}

pub(crate) async fn read(builder: RequestBuilder) -> Response {
    let response = builder.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.bytes().await.unwrap();
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
    Response { status, headers, body }
}

pub(crate) fn offset(response: &reqwest::Response) -> u64 {
    response.headers()["upload-offset"].to_str().unwrap().parse().unwrap()
}

pub(crate) fn id_of(resource: &Value) -> u64 {
    resource["uri"].as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap()
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The names of a page's items.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.body["data"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
    }
}
