//! A `tower::Service` instead of the HTTP client.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use http_body::Body;
use tower_service::Service;
use vimeo_api::{ConnectionError, Delivery, Error, RawResponse, Request, Transport, TransportFuture};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The default maximum size of a response body.
const MAX_RESPONSE_SIZE: u64 = 64 * 1024 * 1024;

/// A [`Transport`] made of a `tower` service: for a program whose HTTP requests all go through one stack of middleware.
///
/// The service receives each attempt as an [`http::Request`], below the client's own stages: the scope check, the rate limiter and the
/// retries come first. The service must not follow redirects, and it sees the access token. The timeouts of a call and of an
/// attempt apply. The stall timeout does not, because it belongs to the client's own HTTP client. Requests to upload links use
/// [`upload_client`](crate::VimeoBuilder::upload_client) instead.
///
/// The service is cloned for each attempt, so limits of a stack must be shared between clones, as those of `tower` are. The request
/// has the extensions of the call.
///
/// ```no_run
/// use tower::ServiceBuilder;
/// use vimeo_ext::{TowerTransport, Vimeo};
///
/// let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
/// let service = ServiceBuilder::new()
///     .concurrency_limit(8)
///     .map_request(|request: http::Request<reqwest::Body>| reqwest::Request::try_from(request))
///     .service_fn(move |request: Result<reqwest::Request, reqwest::Error>| {
///         let client = client.clone();
///         async move { client.execute(request?).await.map(http::Response::<reqwest::Body>::from) }
///     });
/// let vimeo = Vimeo::builder().access_token("token").transport(TowerTransport::new(service)).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TowerTransport<S> {
    /// Behind a lock because a service need not be `Sync`. It is locked only to clone it.
    service: Mutex<S>,
    max_response_size: u64,
}

impl<S> TowerTransport<S> {
    /// Creates a transport from a service.
    pub fn new(service: S) -> Self {
        Self { service: Mutex::new(service), max_response_size: MAX_RESPONSE_SIZE }
    }

    /// Sets the maximum size of a response body, in bytes. A larger body is [`Error::ResponseTooLarge`]. Default: 64 MiB.
    #[must_use]
    pub fn max_response_size(mut self, bytes: u64) -> Self {
        self.max_response_size = bytes;
        self
    }
}

impl<S, B> Transport for TowerTransport<S>
where
    S: Service<http::Request<reqwest::Body>, Response = http::Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send,
    B::Error: Into<BoxError>,
{
    fn send(&self, request: Request) -> TransportFuture<'_> {
        let mut service = self.service.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let limit = self.max_response_size;
        Box::pin(async move {
            let operation = request.name();
            let failed =
                |sent, error: BoxError| Error::from(ConnectionError::from_source(&operation, sent, error));
            let outgoing = outgoing(request)?;
            poll_fn(|context| service.poll_ready(context))
                .await
                .map_err(|error| failed(Delivery::NotSent, error.into()))?;
            let response =
                service.call(outgoing).await.map_err(|error| failed(Delivery::Unknown, error.into()))?;
            let (parts, body) = response.into_parts();
            let mut body = pin!(body);
            let mut bytes = BytesMut::new();
            let mut left = limit;
            while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
                let frame = frame.map_err(|error| failed(Delivery::Unknown, error.into()))?;
                // Trailers are ignored.
                let Ok(data) = frame.into_data() else { continue };
                left = left.checked_sub(data.len() as u64).ok_or_else(|| Error::ResponseTooLarge {
                    operation: operation.clone(),
                    status: parts.status,
                    limit,
                })?;
                bytes.extend_from_slice(&data);
            }
            Ok(RawResponse::new(parts.status, parts.headers, bytes.freeze()))
        })
    }
}

/// Converts the request.
fn outgoing(request: Request) -> Result<http::Request<reqwest::Body>, Error> {
    let invalid = |error: http::Error| Error::invalid(request.name(), error.to_string());
    let mut outgoing = http::Request::builder()
        .method(request.method.clone())
        .uri(request.url.as_str())
        .body(reqwest::Body::from(request.body.clone()))
        .map_err(invalid)?;
    *outgoing.headers_mut() = request.headers;
    *outgoing.extensions_mut() = request.extensions;
    Ok(outgoing)
}

impl<S> std::fmt::Debug for TowerTransport<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TowerTransport")
            .field("max_response_size", &self.max_response_size)
            .finish_non_exhaustive()
    }
}
