//! Webhook events.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use vimeo_api::types::WebhookType;

use super::{DeliveryDedup, WebhookError};
use crate::Clock;

/// An event that Vimeo reported to a webhook. Call [`done`](Self::done) after handling it.
///
/// If the last clone is dropped without `done`, because its handler failed, panicked or was cancelled, the delivery is
/// released, and Vimeo's next delivery of the event is handled. `Debug` output does not contain the payload.
#[derive(Clone)]
#[must_use = "an event that is dropped without done() is handled again when Vimeo sends it again"]
#[non_exhaustive]
pub struct Event {
    /// The type of the event; [`WebhookType::Other`] if the value is unknown.
    pub kind: WebhookType,
    /// The ID by which duplicates of this delivery are recognized: the one in the payload
    /// ([`delivery_id_at`](super::ReceiverBuilder::delivery_id_at)), or the SHA-256 hash of the payload.
    pub delivery_id: String,
    /// When Vimeo sent the request, if the receiver is configured with [`sent_at`](super::ReceiverBuilder::sent_at).
    pub sent_at: Option<DateTime<Utc>>,
    /// The payload, byte for byte as received.
    pub body: Bytes,
    /// The payload as JSON.
    pub json: Value,
    pub(super) claim: Arc<DeliveryClaim>,
}

/// The claim on a delivery. It is released on drop unless the delivery was marked as done.
pub(super) struct DeliveryClaim {
    pub(super) dedup: Arc<dyn DeliveryDedup>,
    pub(super) clock: Clock,
    pub(super) delivery: String,
    pub(super) receipt: String,
    /// Until when the delivery is remembered after it was handled.
    pub(super) until: DateTime<Utc>,
    pub(super) is_settled: AtomicBool,
}

impl DeliveryClaim {
    pub(super) async fn forget(&self) -> Result<(), WebhookError> {
        self.dedup.forget(&self.delivery, &self.receipt).await.map_err(WebhookError::Unavailable)?;
        self.is_settled.store(true, Ordering::Release);
        Ok(())
    }
}

impl Drop for DeliveryClaim {
    fn drop(&mut self) {
        if self.is_settled.load(Ordering::Acquire) {
            return;
        }
        tracing::warn!(
            delivery = self.delivery,
            "webhook event dropped before done(); releasing its delivery"
        );
        let (dedup, delivery) = (Arc::clone(&self.dedup), std::mem::take(&mut self.delivery));
        let receipt = std::mem::take(&mut self.receipt);
        let mut release = Box::pin(async move {
            if let Err(error) = dedup.forget(&delivery, &receipt).await {
                tracing::warn!(
                    delivery,
                    error,
                    "could not release the delivery; it is accepted again when its claim expires"
                );
            }
        });
        // An in-memory release finishes at once and needs no task. Outside a runtime, the claim expires.
        if (&mut release).now_or_never().is_none()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(release);
        }
    }
}

impl Event {
    /// Marks the event as handled: later deliveries of it get 200 and are not handled.
    ///
    /// Respond with success only after this returns `Ok`.
    ///
    /// # Errors
    ///
    /// [`WebhookError::Unavailable`] if the mark could not be stored. Respond with an error, so that Vimeo sends the event
    /// again.
    pub async fn done(&self) -> Result<(), WebhookError> {
        let claim = &*self.claim;
        let now = claim.clock.now();
        let marked = claim.dedup.mark_done(&claim.delivery, &claim.receipt, now, claim.until).await;
        marked.map_err(WebhookError::Unavailable)?;
        claim.is_settled.store(true, Ordering::Release);
        Ok(())
    }

    /// Returns the ID of the video that the event is about: the number in the first string of the payload that is a URI with
    /// `/videos/…`.
    ///
    /// Vimeo does not document which member contains the URI, so all members are searched.
    pub fn video_id(&self) -> Option<u64> {
        self.find_id("/videos/")
    }

    /// Returns the ID of the live event that the event is about: the number in the first string of the payload that is a URI
    /// with `/live_events/…`, including `/users/…/live_events/…` and `/me/live_events/…`.
    pub fn live_event_id(&self) -> Option<u64> {
        self.find_id("/live_events/")
    }

    fn find_id(&self, path: &str) -> Option<u64> {
        fn search(value: &Value, path: &str) -> Option<u64> {
            match value {
                Value::String(text) if text.starts_with('/') => {
                    // The URI of a video's text track or picture also identifies the video.
                    let (_, rest) = text.split_once(path)?;
                    rest.split(['/', ':']).next()?.parse().ok()
                }
                Value::Array(items) => items.iter().find_map(|item| search(item, path)),
                Value::Object(members) => members.values().find_map(|member| search(member, path)),
                _ => None,
            }
        }
        search(&self.json, path)
    }

    /// Deserializes the payload into `T`.
    ///
    /// # Errors
    ///
    /// If the payload does not match `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }
}

/// Omits the payload, which can contain the webhook's secret.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("kind", &self.kind)
            .field("delivery_id", &self.delivery_id)
            .field("sent_at", &self.sent_at)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
