//! The request that a transport sends.

use std::fmt;

use bytes::Bytes;
use http::{Extensions, HeaderMap, Method};
use url::Url;

use super::Operation;

/// An HTTP request for a [`Transport`](crate::Transport).
///
/// The body is in memory and cheap to clone, so middleware can send the same request again. Middleware passes values on
/// through `extensions`.
#[derive(Clone)]
#[non_exhaustive]
pub struct Request {
    /// The operation; `None` for an untyped call to an unknown path.
    pub operation: Option<&'static Operation>,
    /// The HTTP method.
    pub method: Method,
    /// The absolute URL with the query.
    pub url: Url,
    /// The headers: `Accept`, `Content-Type` if there is a body, and headers that the caller or a middleware added.
    pub headers: HeaderMap,
    /// The body; empty if there is none.
    pub body: Bytes,
    /// Values for the middleware of a transport, such as options of this call.
    pub extensions: Extensions,
}

impl Request {
    /// Creates a request without headers and body.
    pub fn new(operation: Option<&'static Operation>, method: Method, url: Url) -> Self {
        Self {
            operation,
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            extensions: Extensions::new(),
        }
    }

    /// Returns the name for messages: the operation's name, or method and path.
    pub fn name(&self) -> String {
        match self.operation {
            Some(operation) => operation.id.to_owned(),
            None => format!("{} {}", self.method, self.url.path()),
        }
    }
}

/// Omits the body and the query, which can hold passwords and secrets of middleware.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("operation", &self.operation.map(|operation| operation.id))
            .field("method", &self.method)
            .field("host", &self.url.host_str())
            .field("path", &self.url.path())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
