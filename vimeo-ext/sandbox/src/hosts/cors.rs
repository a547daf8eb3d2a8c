//! CORS: web pages may call both hosts and read the headers that a client needs, as at Vimeo.
//!
//! The control API rejects web pages; its requests do not get here.

use axum::body::Body;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};

/// The response headers that a page may read in addition to the CORS-safelisted ones.
const EXPOSED: &str = "date, last-modified, location, retry-after, tus-resumable, tus-version, upload-length, \
                       upload-offset, www-authenticate, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset";
const METHODS: &str = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT";
/// For how many seconds a browser may cache the response to a preflight request.
const MAX_AGE: &str = "600";

/// Responds to a preflight request; returns `None` for any other request. Preflights are not logged and not hit by faults,
/// since the page itself does not send them.
pub(super) fn preflight(parts: &Parts) -> Option<Response<Body>> {
    if parts.method != Method::OPTIONS
        || !parts.headers.contains_key(header::ORIGIN)
        || !parts.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
    {
        return None;
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
    // `*` would not include `Authorization`.
    if let Some(requested) = parts.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, requested.clone());
    }
    headers.insert(
        header::VARY,
        HeaderValue::from_static("access-control-request-headers, access-control-request-method, origin"),
    );
    Some(response)
}

/// Whether a page of another origin sent the request.
pub(super) fn is_from_page(parts: &Parts) -> bool {
    parts.headers.contains_key(header::ORIGIN)
}

/// Lets the page read the response.
pub(super) fn expose(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    response
}
