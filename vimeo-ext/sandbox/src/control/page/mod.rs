//! The page for people, at `/` in a browser: three static files, which read everything else from the control API.

use axum::body::Body;
use http::request::Parts;
use http::{HeaderValue, Method, Response, header};

const INDEX: (&str, &str) = ("text/html; charset=utf-8", include_str!("index.html"));
const STYLE: (&str, &str) = ("text/css; charset=utf-8", include_str!("page.css"));
const SCRIPT: (&str, &str) = ("text/javascript; charset=utf-8", include_str!("page.js"));

/// The page loads nothing from elsewhere, runs no other script, and stands in no frame.
const SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                               media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Whether a browser asks for the page. API clients get the API's own `/`: they accept other media types, or send a token.
pub(crate) fn is_requested(parts: &Parts) -> bool {
    let accepts_html = || {
        let accepted = parts.headers.get_all(header::ACCEPT).iter();
        accepted.filter_map(|accept| accept.to_str().ok()).any(|accept| accept.contains("text/html"))
    };
    parts.method == Method::GET
        && parts.uri.path() == "/"
        && !parts.headers.contains_key(header::AUTHORIZATION)
        && accepts_html()
}

/// A file of the page, by the path below `/_sandbox`.
pub(super) fn file(path: &[&str]) -> Option<Response<Body>> {
    match path {
        ["page", "page.css"] => Some(response(STYLE)),
        ["page", "page.js"] => Some(response(SCRIPT)),
        _ => None,
    }
}

pub(super) fn index() -> Response<Body> {
    response(INDEX)
}

fn response((media_type, text): (&'static str, &'static str)) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    for (name, value) in [
        (header::CONTENT_TYPE, media_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_browsers_get_the_page() {
        const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (method, path, accept, authorization, is_page) in [
            ("GET", "/", BROWSER, None, true),
            ("GET", "/", "*/*", None, false),
            ("GET", "/", "application/vnd.vimeo.*+json;version=3.4", None, false),
            ("GET", "/", "application/json", None, false),
            ("GET", "/", BROWSER, Some("bearer x"), false),
            ("POST", "/", BROWSER, None, false),
            ("GET", "/me", BROWSER, None, false),
        ] {
            let mut request = http::Request::builder().method(method).uri(path).header("accept", accept);
            if let Some(authorization) = authorization {
                request = request.header("authorization", authorization);
            }
            let (parts, ()) = request.body(()).unwrap().into_parts();
            assert_eq!(is_requested(&parts), is_page, "{method} {path} {accept} {authorization:?}");
        }
    }

    #[test]
    fn no_text_becomes_markup() {
        for name in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!SCRIPT.1.contains(name), "{name}");
        }
        for address in ["http://", "https://"] {
            assert!(
                !INDEX.1.contains(address) && !STYLE.1.contains(address) && !SCRIPT.1.contains(address),
                "{address}"
            );
        }
    }
}
