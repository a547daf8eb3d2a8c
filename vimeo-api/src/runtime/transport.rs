//! The interface between calls and the network.

use std::pin::Pin;
use std::time::Duration;

use bytes::BytesMut;

use super::{CallTimeout, ConnectionError, Error, RawResponse, Request};

/// The future that a [`Transport`] returns.
pub type TransportFuture<'a> = Pin<Box<dyn Future<Output = Result<RawResponse, Error>> + Send + 'a>>;

/// Sends requests to Vimeo, either directly ([`ReqwestTransport`]) or through middleware for tokens, rate limits and retries.
///
/// A transport returns every response, even `404` or `500`; the caller turns these into errors. A transport fails only if
/// there is no response or if a middleware refuses to send.
///
/// ```
/// use vimeo_api::{RawResponse, Request, Transport, TransportFuture};
///
/// /// Responds to every call with an empty object.
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
    /// Sends a request and waits for the whole response.
    fn send(&self, request: Request) -> TransportFuture<'_>;
}

impl<T: Transport + ?Sized> Transport for std::sync::Arc<T> {
    fn send(&self, request: Request) -> TransportFuture<'_> {
        (**self).send(request)
    }
}

/// The maximum size of a response for [`ReqwestTransport`].
const MAX_RESPONSE_SIZE: u64 = 64 * 1024 * 1024;

/// A transport that makes one attempt with a [`reqwest::Client`] and adds nothing.
///
/// A response of more than 64 MiB is an [`Error::ResponseTooLarge`]. This crate selects no TLS library: the program's own
/// dependency on reqwest does, or the crate `vimeo-ext`.
#[derive(Debug, Clone)]
pub struct ReqwestTransport {
    client: reqwest::Client,
}

impl ReqwestTransport {
    /// Builds the client with these settings: no redirects, a connect timeout of 10 seconds and a read timeout of 60 seconds.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the client cannot be built, for example because the system has no certificates.
    pub fn from_builder(builder: reqwest::ClientBuilder) -> Result<Self, Error> {
        builder
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(Duration::from_secs(60))
            .build()
            .map(Self::new)
            .map_err(|error| Error::invalid("client", format!("the HTTP client cannot be built: {error}")))
    }

    /// Uses an existing client with its timeouts and redirect policy; clones share its connection pool.
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
