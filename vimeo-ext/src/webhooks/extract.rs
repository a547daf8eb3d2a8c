//! The extractor for axum.

use axum::extract::{FromRef, FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::{Event, Receiver, WebhookError};

/// An axum extractor for webhook events. The router's state, or a part of it ([`FromRef`]), is the [`Receiver`].
///
/// ```
/// use axum::{Router, routing::post};
/// use vimeo_ext::webhooks::{Receiver, Verifier, Webhook, WebhookError, WebhookType};
///
/// async fn transcoded(Webhook(event): Webhook) -> Result<(), WebhookError> {
///     tracing::info!(video = event.video_id(), "video is ready");
///     event.done().await
/// }
///
/// let receiver = Receiver::builder()
///     .verifier(Verifier::secret_at("/secret", "s3cret"))
///     .kind(WebhookType::VideoTranscodeComplete)
///     .build()?;
/// let service: Router = Router::new().route("/vimeo", post(transcoded)).with_state(receiver);
/// # Ok::<(), vimeo_ext::webhooks::WebhookError>(())
/// ```
///
/// The handler calls [`Event::done`] after its work, and returns success only then. If it drops the event instead, Vimeo's
/// next delivery is handled. A delivery that was already handled gets 200, and one that is being handled gets 503; the handler
/// is not called for either.
#[derive(Debug, Clone)]
pub struct Webhook(pub Event);

/// Why a request was rejected before the handler ran. The response does not state the reason, to reveal nothing to forgers;
/// the log does.
#[derive(Debug)]
pub enum Rejection {
    /// The receiver rejected the request.
    Refused(WebhookError),
    /// The request's body could not be read.
    Unreadable(axum::extract::rejection::BytesRejection),
}

impl<S> FromRequest<S> for Webhook
where
    Receiver: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Rejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, Rejection> {
        let headers = request.headers().clone();
        let body = Bytes::from_request(request, state).await.map_err(Rejection::Unreadable)?;
        let event = Receiver::from_ref(state).receive(&headers, body).await.map_err(Rejection::Refused)?;
        Ok(Self(event))
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(error) => error.into_response(),
            Self::Unreadable(error) => error.into_response(),
        }
    }
}

impl IntoResponse for WebhookError {
    fn into_response(self) -> Response {
        match &self {
            Self::Duplicate { delivery_id } | Self::InProgress { delivery_id } => {
                tracing::debug!(delivery_id, "webhook delivery is a duplicate");
            }
            error => tracing::warn!(%error, "webhook request rejected"),
        }
        self.status().into_response()
    }
}
