//! In a service of axum.

use axum::extract::{FromRef, FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::{Event, Receiver, WebhookError};

/// An event as an argument of a handler. The state, or a part of it, is the [`Receiver`].
///
/// ```
/// use axum::{Router, routing::post};
/// use vimeo_ext::webhooks::{Verifier, Receiver, Webhook, WebhookError, WebhookType};
///
/// async fn ready(Webhook(event): Webhook) -> Result<(), WebhookError> {
///     tracing::info!(video = event.video_id(), "can be watched");
///     event.done().await
/// }
///
/// let receiver = Receiver::builder()
///     .check(Verifier::secret_at("/secret", "s3cret"))
///     .kind(WebhookType::VideoTranscodeComplete)
///     .build()?;
/// let service: Router = Router::new().route("/vimeo", post(ready)).with_state(receiver);
/// # Ok::<(), vimeo_ext::webhooks::WebhookError>(())
/// ```
///
/// The handler calls [`Event::done`] once its work is done, and answers success only then: an event that it drops is handled
/// again when it comes again. A delivery that was handled before is answered with 200, and one that is being handled with 503,
/// without the handler being called.
#[derive(Debug, Clone)]
pub struct Webhook(pub Event);

/// What a request is answered that is not taken. It does not say why: who forges need not know.
#[derive(Debug)]
pub enum Rejection {
    /// The receiver does not take it.
    Refused(WebhookError),
    /// Its body could not be read.
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
            Self::Repeated { delivery } | Self::InProgress { delivery } => {
                tracing::debug!(delivery, "came again");
            }
            error => tracing::warn!(%error, "a webhook's request was not taken"),
        }
        self.status().into_response()
    }
}
