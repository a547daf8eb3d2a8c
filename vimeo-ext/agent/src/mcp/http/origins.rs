//! The web pages that may call, by their origin, and CORS headers for their browsers.
//!
//! Any web page can make a browser on this machine send requests to the server. Pages are therefore refused unless their
//! origin is the server's own or was allowed. That includes pages of other servers on this machine, which anyone may have
//! written.

use std::net::SocketAddr;

use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use url::{Origin, Url};

use super::HttpOptions;

/// The request headers that a page may send.
const ALLOWED_HEADERS: &str = "accept, authorization, content-type, last-event-id, mcp-method, mcp-name, mcp-protocol-version, \
                     mcp-session-id";

/// The response headers that a page may read.
const EXPOSED_HEADERS: &str = "mcp-session-id, www-authenticate";

/// The origins of the pages that may call.
pub(super) struct Origins(Vec<Origin>);

/// The page may not call.
pub(super) struct ForbiddenOrigin;

impl Origins {
    /// Collects the server's own origins and the allowed ones; the error is the first invalid one.
    pub(super) fn new(options: &HttpOptions, address: SocketAddr) -> Result<Self, String> {
        let own = ["localhost", "127.0.0.1", "[::1]"].map(|host| format!("http://{host}:{}", address.port()));
        // The public URL may have a path.
        let site = options.public_url.iter().map(|text| (text, web_url(text).map(|url| url.origin())));
        own.iter()
            .chain(&options.allowed_origins)
            .map(|text| (text, origin(text)))
            .chain(site)
            .map(|(text, origin)| origin.ok_or_else(|| text.clone()))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Returns all origins with their ports.
    pub(super) fn with_ports(&self) -> Vec<String> {
        let text = |origin: &Origin| match origin {
            Origin::Tuple(scheme, host, port) => format!("{scheme}://{host}:{port}"),
            Origin::Opaque(_) => origin.ascii_serialization(),
        };
        self.0.iter().map(text).collect()
    }

    /// Returns the origin of the page that sends a request; `None` if no page does.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<Option<HeaderValue>, ForbiddenOrigin> {
        let mut sent = headers.get_all(header::ORIGIN).iter();
        match (sent.next(), sent.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => {
                let known = value.to_str().ok().and_then(origin).filter(|origin| self.0.contains(origin));
                known.map(|_| Some(value.clone())).ok_or(ForbiddenOrigin)
            }
            _ => Err(ForbiddenOrigin),
        }
    }
}

/// Parses an origin as browsers send it, without a path.
fn origin(text: &str) -> Option<Origin> {
    web_url(text).filter(|url| matches!(url.path(), "" | "/")).map(|url| url.origin())
}

/// Parses an http or https URL without user, query and fragment.
fn web_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let web =
        matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    (web && url.query().is_none() && url.fragment().is_none()).then_some(url)
}

/// Returns the response to a CORS preflight request.
pub(super) fn preflight() -> Response {
    let head = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, DELETE"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    (StatusCode::NO_CONTENT, head).into_response()
}

/// Adds the CORS headers that let a page read a response.
pub(super) fn add_cors_headers(response: &mut Response, page: HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, page);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
    headers.append(header::VARY, HeaderValue::from_static("origin"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(named: &[&str]) -> Result<Origins, String> {
        let address = SocketAddr::from(([127, 0, 0, 1], 8848));
        Origins::new(&HttpOptions::new(address).allowed_origins(named.iter().copied()), address)
    }

    #[test]
    fn only_own_and_allowed_origins_may_call() {
        let origins = origins(&["https://app.example.com", "http://localhost:6274/"]).unwrap();
        for (page, is_allowed) in [
            ("http://127.0.0.1:8848", true),
            ("http://localhost:8848", true),
            ("http://[::1]:8848", true),
            ("https://app.example.com", true),
            ("https://APP.example.com:443", true),
            ("http://localhost:6274", true),
            ("http://localhost", false),
            ("http://localhost:3000", false),
            ("https://localhost:8848", false),
            ("http://app.example.com", false),
            ("https://app.example.com.evil.example", false),
            ("https://app.example.com@evil.example", false),
            ("https://evil.example", false),
            ("null", false),
            ("file://", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_static(page))]);
            assert_eq!(origins.check(&headers).is_ok(), is_allowed, "{page}");
        }
        assert!(
            matches!(origins.check(&HeaderMap::new()), Ok(None)),
            "clients that are not pages send no origin"
        );
        let mut two = HeaderMap::new();
        two.append(header::ORIGIN, HeaderValue::from_static("http://localhost:8848"));
        two.append(header::ORIGIN, HeaderValue::from_static("https://evil.example"));
        assert!(origins.check(&two).is_err());
    }

    #[test]
    fn invalid_origins_are_refused_at_startup() {
        for text in ["*", "app.example.com", "https://app.example.com/path", "ftp://app.example.com", "null"]
        {
            assert_eq!(origins(&[text]).err().as_deref(), Some(text));
        }
        let address = SocketAddr::from(([127, 0, 0, 1], 8848));
        let site = |url: &str| Origins::new(&HttpOptions::new(address).public_url(url), address).is_ok();
        for (url, good) in [
            ("https://example.com", true),
            ("https://example.com/agents", true),
            ("https://example.com/agents?a=b", false),
            ("https://me@example.com", false),
            ("ftp://example.com", false),
            ("example.com", false),
        ] {
            assert_eq!(site(url), good, "{url}");
        }
    }
}
