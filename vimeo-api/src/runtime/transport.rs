//! The seam between generated calls and the network.

use std::pin::Pin;
use std::time::Duration;

use bytes::BytesMut;

use super::{CallTimeout, ConnectionError, Error, RawResponse, Request};

/// What a [`Transport`] gives back while it works.
pub type TransportFuture<'a> = Pin<Box<dyn Future<Output = Result<RawResponse, Error>> + Send + 'a>>;

/// Carries requests to Vimeo: plain ([`ReqwestTransport`]), or with layers for tokens, limits and retries on top.
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

/// The most bytes of a response that [`ReqwestTransport`] takes into memory.
const MAX_RESPONSE_SIZE: u64 = 64 * 1024 * 1024;

/// The plain transport: one attempt with a [`reqwest::Client`], nothing added.
///
/// A response of more than 64 MiB is [`Error::ResponseTooLarge`]. This crate chooses no TLS library: the program's own dependency on
/// reqwest does, or the crate `vimeo-ext`.
#[derive(Debug, Clone)]
pub struct ReqwestTransport {
    client: reqwest::Client,
}

impl ReqwestTransport {
    /// Sends through a new client, made of this builder: it follows no redirect, waits 10 seconds for a connection and 60
    /// seconds for the next piece of a response.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the system has no certificates or no resolver.
    pub fn from_builder(builder: reqwest::ClientBuilder) -> Result<Self, Error> {
        builder
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(Duration::from_secs(60))
            .build()
            .map(Self::new)
            .map_err(|error| Error::invalid("client", format!("the HTTP client cannot be set up: {error}")))
    }

    /// Sends through a client that was set up elsewhere, with its timeouts and redirects; clones share its connection pool.
    pub fn new(client: reqwest::Client) -> Self {
        Self { client }
    }
}

impl From<reqwest::Client> for ReqwestTransport {
    fn from(client: reqwest::Client) -> Self {
        Self::new(client)
    }
}

impl Transport for ReqwestTransport {
    fn send(&self, request: Request) -> TransportFuture<'_> {
        Box::pin(async move {
            let name = request.name();
            let broken = |error| ConnectionError::new(&name, error);
            let mut outgoing = self.client.request(request.method, request.url).headers(request.headers);
            if let Some(CallTimeout(total)) = request.extensions.get() {
                outgoing = outgoing.timeout(*total);
            }
            if !request.body.is_empty() {
                outgoing = outgoing.body(request.body);
            }
            let mut response = outgoing.send().await.map_err(broken)?;
            let status = response.status();
            let headers = std::mem::take(response.headers_mut());
            let mut body = BytesMut::new();
            let mut left = MAX_RESPONSE_SIZE;
            while let Some(piece) = response.chunk().await.map_err(broken)? {
                left = left.checked_sub(piece.len() as u64).ok_or_else(|| Error::ResponseTooLarge {
                    operation: name.clone(),
                    status,
                    limit: MAX_RESPONSE_SIZE,
                })?;
                body.extend_from_slice(&piece);
            }
            Ok(RawResponse::new(status, headers, body.freeze()))
        })
    }
}
