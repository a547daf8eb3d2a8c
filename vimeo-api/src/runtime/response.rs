//! Answers: raw as a transport gives them, and decoded.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::{RateLimit, ResponseOrigin, SchemaMismatch};

/// So many redirects are followed, one after the other, before the last one counts as the answer.
pub const MAX_REDIRECTS: u32 = 5;

/// An answer as it came: status, headers, bytes.
#[derive(Clone)]
#[non_exhaustive]
pub struct RawResponse {
    /// The HTTP status.
    pub status: StatusCode,
    /// All headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// How many redirects were followed before it came.
    pub redirects: u32,
}

impl RawResponse {
    /// An answer out of its parts; for transports.
    pub fn new(status: StatusCode, headers: HeaderMap, body: Bytes) -> Self {
        Self { status, headers, body, redirects: 0 }
    }

    /// Whether the API sent it, or something before it, as far as its form tells.
    pub fn origin(&self) -> ResponseOrigin {
        ResponseOrigin::of(self.status, &self.headers, &self.body)
    }
}

/// Shows the size of the body, not its text: answers can hold tokens and signed links.
impl fmt::Debug for RawResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawResponse")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A decoded answer, with all that came along: status, headers, raw bytes and what did not fit.
///
/// It derefs to the value, so fields can be read straight from it.
#[derive(Clone)]
pub struct Response<T> {
    value: T,
    /// Behind a pointer, so that results which hold an answer stay small.
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

    /// The value alone.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.rest.raw.status
    }

    /// All headers of the answer.
    pub fn headers(&self) -> &HeaderMap {
        &self.rest.raw.headers
    }

    /// What the answer says about the rate limit.
    pub fn rate_limit(&self) -> Option<RateLimit> {
        RateLimit::read(&self.rest.raw.headers)
    }

    /// The id of the request, from a header of that name.
    ///
    /// No header of Vimeo's for it is on record; name the one that your answers carry.
    pub fn request_id(&self, header: &str) -> Option<&str> {
        self.rest.raw.headers.get(header)?.to_str().ok()
    }

    /// The body as Vimeo sent it.
    pub fn bytes(&self) -> &Bytes {
        &self.rest.raw.body
    }

    /// What the answer held that its type has no place for: empty on all but surprising answers.
    ///
    /// Each entry is left out of the value and kept here whole.
    pub fn mismatches(&self) -> &[SchemaMismatch] {
        &self.rest.mismatches
    }

    /// The same answer with another value.
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
