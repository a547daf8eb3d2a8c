//! Finds the page of a running sandbox, so that other commands can print its address.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::control::access;
use crate::server::outbound::{self, ResponseLimits};

/// The limits of the request that finds out whether an API is a sandbox.
const LOOKUP: ResponseLimits = ResponseLimits { max_bytes: 64 << 10, timeout: Duration::from_secs(10) };

/// The page of a running sandbox, with the world that an access token selects.
///
/// # Examples
///
/// ```no_run
/// # async fn demo(base_url: url::Url, token: secrecy::SecretString) {
/// use vimeo_sandbox::cli::Page;
///
/// if let Some(page) = Page::find(&base_url, Some(&token), None).await {
///     println!("{}", page.video(76979871)); // http://127.0.0.1:8080/#videos/76979871
/// }
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Page {
    url: Url,
    /// The number of the world; `None` if it is unknown.
    world: Option<u64>,
}

/// What the description of a world tells; no other API has these members.
#[derive(Deserialize)]
struct World {
    world: u64,
    #[serde(rename = "upload_url")]
    _upload_url: Url,
}

impl Page {
    /// Returns the page of the sandbox at `base_url`, or `None` if there is no sandbox.
    ///
    /// Sends one request to the control API, with both tokens; the sandbox does not log it. Only http URLs of this
    /// machine are asked; for any other URL, nothing is sent. The wait is limited to ten seconds.
    pub async fn find(
        base_url: &Url,
        access_token: Option<&SecretString>,
        control_token: Option<&SecretString>,
    ) -> Option<Self> {
        outbound::local_addresses(base_url)?;
        let url = base_url.join("/").ok()?;
        let mut headers = HeaderMap::new();
        if let Some(token) = access_token {
            let token = format!("bearer {}", token.expose_secret());
            headers.insert(header::AUTHORIZATION, sensitive(&token)?);
        }
        if let Some(token) = control_token {
            headers.insert(access::TOKEN, sensitive(token.expose_secret())?);
        }
        let lookup = url.join("_sandbox/worlds/this").ok()?;
        let (status, body) =
            outbound::send(Method::GET, &lookup, headers, Bytes::new(), LOOKUP).await.ok()?;
        match status {
            200 => {
                let World { world, .. } = serde_json::from_slice(&body).ok()?;
                // Without a token, the response is about the first world, whatever the caller uses.
                Some(Self { url, world: access_token.map(|_| world) })
            }
            // The page opens without the control token, and asks for it.
            401 if requires_control_token(&body) => Some(Self { url, world: None }),
            _ => None,
        }
    }

    /// Returns the address of the page.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the address at which the page shows the video with this ID; the address of the page if the world is
    /// unknown.
    #[must_use]
    pub fn video(&self, id: u64) -> Url {
        let mut url = self.url.clone();
        match self.world {
            None => {}
            Some(1) => url.set_fragment(Some(&format!("videos/{id}"))),
            Some(world) => url.set_fragment(Some(&format!("worlds/{world}/videos/{id}"))),
        }
        url
    }
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Whether a sandbox rejected the request because it has a control token.
fn requires_control_token(body: &[u8]) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = body.get("error").and_then(Value::as_str);
    error.is_some_and(|error| error.contains(access::TOKEN.as_str()))
}

#[cfg(test)]
mod tests {
    use axum::routing::get;

    use super::*;
    use crate::sandbox::Sandbox;

    async fn find(sandbox: &Sandbox, token: &str, control_token: Option<&str>) -> Option<Page> {
        let control_token = control_token.map(SecretString::from);
        Page::find(sandbox.url(), Some(&token.into()), control_token.as_ref()).await
    }

    #[tokio::test]
    async fn links_lead_to_the_world_of_the_token() {
        let sandbox = Sandbox::start().await.unwrap();
        let world = sandbox.add_world(7);
        for (token, fragment) in [(sandbox.token(), "videos/5"), (world.token(), "worlds/2/videos/5")] {
            let page = find(&sandbox, token, None).await.unwrap();
            assert_eq!(page.video(5).as_str(), format!("{}#{fragment}", sandbox.url()));
        }
        let page = Page::find(sandbox.url(), None, None).await.unwrap();
        assert_eq!(&page.video(5), sandbox.url(), "without a token, the world is unknown");
        assert!(find(&sandbox, "of-no-world", None).await.is_none());
        assert!(sandbox.request_log().is_empty());
    }

    #[tokio::test]
    async fn locked_page_is_found_without_a_world() {
        let sandbox = Sandbox::builder().control_token("open-sesame").start().await.unwrap();
        for (control_token, fragment) in
            [(None, None), (Some("wrong"), None), (Some("open-sesame"), Some("videos/5"))]
        {
            let page = find(&sandbox, sandbox.token(), control_token).await.unwrap();
            assert_eq!(page.url(), sandbox.url());
            assert_eq!(page.video(5).fragment(), fragment, "{control_token:?}");
        }
    }

    #[tokio::test]
    async fn other_servers_are_no_sandbox() {
        let everything = axum::Router::new().fallback(get(|| async { r#"{"world": 1, "error": "no"}"# }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, everything).await });
        let local = format!("http://{address}/");
        for url in [&local, "https://127.0.0.1:1/", "http://127.0.0.1:1/", "http://192.0.2.1/", "data:text"] {
            let url = Url::parse(url).unwrap();
            assert!(Page::find(&url, Some(&"token".into()), None).await.is_none(), "{url}");
        }
    }
}
