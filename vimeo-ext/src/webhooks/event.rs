//! What a webhook reported.

use std::fmt;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::Value;
use vimeo_api::types::WebhookType;

/// What a webhook reported.
#[derive(Clone)]
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
    pub(super) receipt: String,
}

impl Event {
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
