//! A request as a transport receives it.

use std::fmt;

use bytes::Bytes;
use http::{Extensions, HeaderMap, Method};
use url::Url;

use super::Operation;

/// A request on its way to a [`Transport`](crate::Transport).
///
/// Inert data: the body is held in memory and cheap to clone, so a layer can send the same request again
/// without ever sending an emptied body. Layers pass values to one another through `extensions`.
#[derive(Clone)]
#[non_exhaustive]
pub struct Request {
    /// The operation that is called; `None` for an untyped call to a path that the description does not know.
    pub operation: Option<&'static Operation>,
    /// The HTTP method.
    pub method: Method,
    /// The absolute URL, query included.
    pub url: Url,
    /// The headers: `Accept`, `Content-Type` for a body, and what the caller or a layer added.
    pub headers: HeaderMap,
    /// The body, empty when there is none.
    pub body: Bytes,
    /// Values for the layers of a transport, such as options of this one call.
    pub extensions: Extensions,
}

impl Request {
    /// A request without headers or body.
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

    /// What to call this request in a message: the operation's id, else method and path.
    pub fn name(&self) -> String {
        match self.operation {
            Some(operation) => operation.id.to_owned(),
            None => format!("{} {}", self.method, self.url.path()),
        }
    }
}

/// Shows no body and no query: both can hold passwords, and layers may add secrets to them.
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
