//! Responses: raw, and decoded.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::{RateLimit, ResponseOrigin, SchemaMismatch};

/// The maximum number of redirects that are followed. A further redirect is returned as the response.
pub const MAX_REDIRECTS: u32 = 5;

/// A response that is not decoded: status, headers and body.
#[derive(Clone)]
#[non_exhaustive]
pub struct RawResponse {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The number of redirects that were followed.
    pub redirects: u32,
}

impl RawResponse {
    /// Creates a response from its parts.
    pub fn new(status: StatusCode, headers: HeaderMap, body: Bytes) -> Self {
        Self { status, headers, body, redirects: 0 }
    }

    /// Returns whether the API or an intermediary sent the response, judged by its content.
    pub fn origin(&self) -> ResponseOrigin {
        ResponseOrigin::of(self.status, &self.headers, &self.body)
    }
}

/// Prints the size of the body only; responses can hold tokens and signed links.
impl fmt::Debug for RawResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawResponse")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A decoded response, with its status, headers, raw body and schema mismatches.
///
/// Derefs to the value, so its fields can be read directly.
#[derive(Clone)]
pub struct Response<T> {
    value: T,
    /// Boxed, so that results that hold a response stay small.
    rest: Box<Rest>,
}

#[derive(Clone)]
struct Rest {
    raw: RawResponse,
    mismatches: Vec<SchemaMismatch>,
}

impl<T> Response<T> {
    pub(crate) fn new(value: T, raw: RawResponse, mismatches: Vec<SchemaMismatch>) -> Self {
        Self { value, rest: Box::new(Rest { raw, mismatches }) }
    }

    /// Returns the value.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> StatusCode {
        self.rest.raw.status
    }

    /// Returns the headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.rest.raw.headers
    }

    /// Returns the rate limit that the response reports.
    pub fn rate_limit(&self) -> Option<RateLimit> {
        RateLimit::read(&self.rest.raw.headers)
    }

    /// Returns the request ID from the named header.
    ///
    /// Vimeo documents no such header; pass the name of the one that your responses have.
    pub fn request_id(&self, header: &str) -> Option<&str> {
        self.rest.raw.headers.get(header)?.to_str().ok()
    }

    /// Returns the raw body.
    pub fn bytes(&self) -> &Bytes {
        &self.rest.raw.body
    }

    /// Returns the parts of the response that did not match the type; usually empty.
    ///
    /// Each part is missing from the value and retained here.
    pub fn mismatches(&self) -> &[SchemaMismatch] {
        &self.rest.mismatches
    }

    /// Maps the value and retains the rest of the response.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Response<U> {
        Response { value: f(self.value), rest: self.rest }
    }
}

impl<T> Deref for Response<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Response<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("value", &self.value)
            .field("status", &self.rest.raw.status)
            .field("mismatches", &self.rest.mismatches)
            .finish_non_exhaustive()
    }
}
