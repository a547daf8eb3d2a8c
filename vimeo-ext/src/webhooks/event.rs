//! What a webhook reported.

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

/// What a webhook reported. Call [`done`](Self::done) once it is handled.
///
/// When the last clone is dropped without that, because its handler failed, panicked or was cancelled, the delivery is
/// handled again when it comes again.
#[derive(Clone)]
#[must_use = "an event that is dropped without done() is handled again when it comes again"]
#[non_exhaustive]
pub struct Event {
    /// What happened; a word that is not known is [`WebhookType::Other`].
    pub kind: WebhookType,
    /// What this delivery is told apart by: what the payload says, else a digest of its bytes.
    pub delivery: String,
    /// When it was sent, where the receiver knows where that stands.
    pub sent_at: Option<DateTime<Utc>>,
    /// The payload as it came, byte for byte.
    pub body: Bytes,
    /// The payload, read.
    pub json: Value,
    pub(super) claim: Arc<DeliveryClaim>,
}

/// The right to handle a delivery, given back when it is dropped before the work is done.
pub(super) struct DeliveryClaim {
    pub(super) seen: Arc<dyn DeliveryDedup>,
    pub(super) clock: Clock,
    pub(super) delivery: String,
    pub(super) receipt: String,
    /// Until when it is remembered once it is handled.
    pub(super) until: DateTime<Utc>,
    pub(super) is_settled: AtomicBool,
}

impl DeliveryClaim {
    pub(super) async fn forget(&self) -> Result<(), WebhookError> {
        self.seen.forget(&self.delivery, &self.receipt).await.map_err(WebhookError::Unavailable)?;
        self.is_settled.store(true, Ordering::Release);
        Ok(())
    }
}

impl Drop for DeliveryClaim {
    fn drop(&mut self) {
        if self.is_settled.load(Ordering::Acquire) {
            return;
        }
        tracing::warn!(delivery = self.delivery, "an event was dropped before its work was done");
        let (seen, delivery) = (Arc::clone(&self.seen), std::mem::take(&mut self.delivery));
        let receipt = std::mem::take(&mut self.receipt);
        let mut forgotten = Box::pin(async move {
            if let Err(error) = seen.forget(&delivery, &receipt).await {
                tracing::warn!(delivery, error, "it is taken again only when its claim has lapsed");
            }
        });
        // What is in memory needs no task; and outside a runtime the claim lapses by itself.
        if (&mut forgotten).now_or_never().is_none()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(forgotten);
        }
    }
}

impl Event {
    /// Notes that the event was handled: deliveries of it that come later are answered and not handled.
    ///
    /// # Errors
    ///
    /// [`WebhookError::Unavailable`] when that cannot be noted: answer an error then, and the event comes once more.
    pub async fn done(&self) -> Result<(), WebhookError> {
        let claim = &*self.claim;
        let now = claim.clock.now();
        let kept = claim.seen.keep(&claim.delivery, &claim.receipt, now, claim.until).await;
        kept.map_err(WebhookError::Unavailable)?;
        claim.is_settled.store(true, Ordering::Release);
        Ok(())
    }

    /// The number in the first `/videos/…` that is the whole of a text in the payload.
    ///
    /// Vimeo does not document in which member it stands, so all of them are looked through.
    pub fn video_id(&self) -> Option<u64> {
        self.number_in("/videos/")
    }

    /// The number in the first `/live_events/…`, also within `/users/…` or `/me`, that is the whole of a text in the payload.
    pub fn live_event_id(&self) -> Option<u64> {
        self.number_in("/live_events/")
    }

    fn number_in(&self, path: &str) -> Option<u64> {
        fn walk(value: &Value, path: &str) -> Option<u64> {
            match value {
                Value::String(text) if text.starts_with('/') => {
                    // Of a video's own text track or picture the video is meant as well.
                    let (_, rest) = text.split_once(path)?;
                    rest.split(['/', ':']).next()?.parse().ok()
                }
                Value::Array(items) => items.iter().find_map(|item| walk(item, path)),
                Value::Object(members) => members.values().find_map(|member| walk(member, path)),
                _ => None,
            }
        }
        walk(&self.json, path)
    }

    /// The payload as a type of your own.
    ///
    /// # Errors
    ///
    /// When it does not fit.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }
}

/// Without the payload, which may hold the webhook's secret.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("kind", &self.kind)
            .field("delivery", &self.delivery)
            .field("sent_at", &self.sent_at)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
