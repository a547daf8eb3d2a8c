//! Which web pages may call, and what their browsers have to be told.
//!
//! A page of any site can make a browser on this machine send requests here. So pages are refused unless they are the
//! server's own or were named: also those of other servers on this machine, which anyone may have written.

use std::net::SocketAddr;

use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use url::{Origin, Url};

use super::HttpOptions;

/// What a page may send, and what it may read of an answer's head.
const SENDS: &str = "accept, authorization, content-type, last-event-id, mcp-method, mcp-name, mcp-protocol-version, \
                     mcp-session-id";
const READS: &str = "mcp-session-id, www-authenticate";

/// The origins of the pages that may call.
pub(super) struct Origins(Vec<Origin>);

/// A page that may not call.
pub(super) struct Foreign;

impl Origins {
    /// The server's own, and those that are named; the error is what is no origin.
    pub(super) fn new(options: &HttpOptions, address: SocketAddr) -> Result<Self, String> {
        let own = ["localhost", "127.0.0.1", "[::1]"].map(|host| format!("http://{host}:{}", address.port()));
        // The server may be below a path of its site.
        let site = options.public_url.iter().map(|text| (text, address_of(text).map(|url| url.origin())));
        own.iter()
            .chain(&options.allowed_origins)
            .map(|text| (text, origin(text)))
            .chain(site)
            .map(|(text, origin)| origin.ok_or_else(|| text.clone()))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// All of them, each with its port.
    pub(super) fn with_ports(&self) -> Vec<String> {
        let text = |origin: &Origin| match origin {
            Origin::Tuple(scheme, host, port) => format!("{scheme}://{host}:{port}"),
            Origin::Opaque(_) => origin.ascii_serialization(),
        };
        self.0.iter().map(text).collect()
    }

    /// The page that calls, if one does.
    pub(super) fn page(&self, headers: &HeaderMap) -> Result<Option<HeaderValue>, Foreign> {
        let mut given = headers.get_all(header::ORIGIN).iter();
        match (given.next(), given.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => {
                let known = value.to_str().ok().and_then(origin).filter(|origin| self.0.contains(origin));
                known.map(|_| Some(value.clone())).ok_or(Foreign)
            }
            _ => Err(Foreign),
        }
    }
}

/// An origin as browsers send it, and nothing with a path.
fn origin(text: &str) -> Option<Origin> {
    address_of(text).filter(|url| matches!(url.path(), "" | "/")).map(|url| url.origin())
}

/// An address on the web, with nothing after its path and nobody's name before it.
fn address_of(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let web =
        matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    (web && url.query().is_none() && url.fragment().is_none()).then_some(url)
}

/// What a browser hears that asks whether a page may call.
pub(super) fn preflight() -> Response {
    let head = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, DELETE"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, SENDS),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    (StatusCode::NO_CONTENT, head).into_response()
}

/// Lets a page read an answer.
pub(super) fn show(answer: &mut Response, page: HeaderValue) {
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, page);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(READS));
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
    fn pages_of_the_server_itself_and_named_ones_may_call_and_no_others() {
        let origins = origins(&["https://app.example.com", "http://localhost:6274/"]).unwrap();
        for (page, may) in [
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
            assert_eq!(origins.page(&headers).is_ok(), may, "{page}");
        }
        assert!(matches!(origins.page(&HeaderMap::new()), Ok(None)), "what is no page sends none");
        let mut two = HeaderMap::new();
        two.append(header::ORIGIN, HeaderValue::from_static("http://localhost:8848"));
        two.append(header::ORIGIN, HeaderValue::from_static("https://evil.example"));
        assert!(origins.page(&two).is_err());
    }

    #[test]
    fn what_is_no_origin_is_refused_at_the_start() {
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
