//! The seam between generated calls and the network.

use std::pin::Pin;

use super::{ConnectionError, Error, RawResponse, Request};

/// What a [`Transport`] gives back while it works.
pub type TransportFuture<'a> = Pin<Box<dyn Future<Output = Result<RawResponse, Error>> + Send + 'a>>;

/// Carries requests to Vimeo: plain ([`Reqwest`]), or with layers for tokens, limits and retries on top.
///
/// A transport gives back every answer that has a status, also `404` or `500`: turning these into errors is the
/// caller's side. It fails only when there is no answer, or when a layer refuses to send.
///
/// ```
/// use vimeo_api::{RawResponse, Request, Transport, TransportFuture};
///
/// /// Answers every call with an empty object.
/// struct Canned;
///
/// impl Transport for Canned {
///     fn send(&self, _request: Request) -> TransportFuture<'_> {
///         Box::pin(async {
///             Ok(RawResponse::new(http::StatusCode::OK, http::HeaderMap::new(), "{}".into()))
///         })
///     }
/// }
/// ```
pub trait Transport: Send + Sync + 'static {
    /// Sends one request and waits for the whole answer.
    fn send(&self, request: Request) -> TransportFuture<'_>;
}

impl<T: Transport + ?Sized> Transport for std::sync::Arc<T> {
    fn send(&self, request: Request) -> TransportFuture<'_> {
        (**self).send(request)
    }
}

/// The plain transport: one attempt with a [`reqwest::Client`], nothing added.
#[derive(Debug, Clone, Default)]
pub struct Reqwest {
    client: reqwest::Client,
}

impl Reqwest {
    /// Sends through a client that was set up elsewhere; clones share its connection pool.
    pub fn new(client: reqwest::Client) -> Self {
        Self { client }
    }
}

impl From<reqwest::Client> for Reqwest {
    fn from(client: reqwest::Client) -> Self {
        Self::new(client)
    }
}

impl Transport for Reqwest {
    fn send(&self, request: Request) -> TransportFuture<'_> {
        Box::pin(async move {
            let name = request.name();
            let mut outgoing = self.client.request(request.method, request.url).headers(request.headers);
            if !request.body.is_empty() {
                outgoing = outgoing.body(request.body);
            }
            let mut answer = outgoing.send().await.map_err(|error| ConnectionError::new(&name, error))?;
            let status = answer.status();
            let headers = std::mem::take(answer.headers_mut());
            let body = answer.bytes().await.map_err(|error| ConnectionError::new(&name, error))?;
            Ok(RawResponse::new(status, headers, body))
        })
    }
}
