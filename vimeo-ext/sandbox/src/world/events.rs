//! What happened in a world that webhooks tell of.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::State;

/// The words that Vimeo has for what happens.
pub const EVENT_KINDS: [&str; 17] = [
    "automatic-thumbnail-available",
    "content-scan-completed",
    "live-event-archive-available",
    "live-event-clip-created",
    "live-event-deleted",
    "live-event-ended",
    "live-event-started",
    "live-event-updated",
    "transcript-status-complete",
    "transcript-status-updated",
    "video-created",
    "video-deleted",
    "video-transcode-complete",
    "video-transcode-fully-playable",
    "video-transcode-playable",
    "video-updated",
    "video-upload-failed",
];

/// How many events a world remembers; older ones are forgotten.
const MAX_EVENTS: usize = 10_000;

/// How many attempts to tell an event are remembered when it is told again.
const MAX_DELIVERIES: usize = 100;

/// Something that happened, and whom it was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// Counts from 1 in its world.
    pub id: u64,
    /// One of [`EVENT_KINDS`].
    pub kind: String,
    /// The path of what it happened to, such as `/videos/123`.
    pub resource: String,
    /// When, by the world's clock.
    pub at: DateTime<Utc>,
    /// Members that were given by hand, to lay over what is sent.
    #[serde(rename = "given")]
    pub payload: Map<String, Value>,
    /// Every attempt to tell it, in their order.
    pub deliveries: Vec<Delivery>,
}

/// One attempt to tell an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Delivery {
    /// Where it was sent.
    pub url: String,
    /// The status that was answered; `None` when nothing was.
    pub status: Option<u16>,
    /// Why nothing was answered.
    pub error: Option<String>,
}

impl Delivery {
    /// Whether the receiver took it.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

impl Event {
    /// What is sent. Vimeo documents no more of it than that a webhook's secret is passed on; the other members are the
    /// sandbox's own.
    pub(crate) fn body(&self, secret: Option<&str>) -> Value {
        let mut body = json!({
            "event_id": self.id,
            "webhook_type": self.kind,
            "resource_uri": self.resource,
            "created_on": crate::clock::iso(self.at),
            "secret": secret,
        });
        if let Some(members) = body.as_object_mut() {
            members.extend(self.payload.clone());
        }
        body
    }
}

impl State {
    /// Takes note of something that happened, to be told; answers its number.
    pub(crate) fn emit(
        &mut self,
        kind: &str,
        resource: String,
        payload: Map<String, Value>,
        at: DateTime<Utc>,
    ) -> u64 {
        let id = self.events.keys().next_back().copied().unwrap_or(0).saturating_add(1);
        let event = Event { id, kind: kind.to_owned(), resource, at, payload, deliveries: Vec::new() };
        self.events.insert(id, event);
        // Those on their way are spared: whoever waits for one is still to be told.
        while self.events.len() > MAX_EVENTS
            && let Some(oldest) = self.events.keys().next().copied()
            && !self.undelivered.iter().any(|(id, _)| *id == oldest)
        {
            self.events.remove(&oldest);
        }
        self.send(id);
        id
    }

    /// Lets an event be told again; `false` when there is none of this number.
    pub(crate) fn resend(&mut self, id: u64) -> bool {
        let Some(event) = self.events.get_mut(&id) else { return false };
        let spare = event.deliveries.len().saturating_sub(MAX_DELIVERIES);
        // Only while it is not being told: then its attempts are counted from their beginning.
        if !self.undelivered.iter().any(|(one, _)| *one == id) {
            event.deliveries.drain(..spare);
        }
        self.send(id);
        true
    }

    fn send(&mut self, id: u64) {
        self.undelivered.push_back((id, None));
        self.outbox.push(id);
    }

    /// Begins to tell an event, or goes on; answers how often it had been sent before. `None` when it is not on its way.
    pub(crate) fn start_delivery(&mut self, id: u64) -> Option<usize> {
        let sent = self.events.get(&id)?.deliveries.len();
        let (_, before) = self.undelivered.iter_mut().find(|(one, _)| *one == id)?;
        Some(*before.get_or_insert(sent))
    }

    /// Takes note that everyone who is to know of an event was told, well or in vain.
    pub(crate) fn mark_delivered(&mut self, id: u64) {
        if let Some(place) = self.undelivered.iter().position(|(one, _)| *one == id) {
            self.undelivered.remove(place);
        }
    }

    /// Sends all events that were on their way when the world was written down.
    pub(super) fn requeue_undelivered(&mut self) {
        self.outbox = self.undelivered.iter().map(|(id, _)| *id).collect();
    }

    pub(crate) fn emit_video(&mut self, kind: &str, video: u64, at: DateTime<Utc>) {
        self.emit(kind, format!("/videos/{video}"), Map::new(), at);
    }

    /// Ends transcoding well, and tells of it.
    pub(super) fn transcoded(&mut self, video: u64, version: u64, now: DateTime<Utc>) {
        let had_still = self.videos.get(&video).is_some_and(|video| !video.pictures.is_empty());
        if !self.becomes_playable(video, version, now) {
            return;
        }
        for kind in ["video-transcode-playable", "video-transcode-fully-playable", "video-transcode-complete"]
        {
            self.emit_video(kind, video, now);
        }
        if !had_still {
            self.emit_video("automatic-thumbnail-available", video, now);
        }
    }
}
