//! Events of a world, which webhooks report.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::State;

/// Vimeo's event types.
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

/// How many events a world retains; older ones are removed.
const MAX_EVENTS: usize = 10_000;

/// How many deliveries of an event are retained when it is sent again.
const MAX_DELIVERIES: usize = 100;

/// An event and its deliveries to webhooks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// The number of the event in its world, starting at 1.
    pub id: u64,
    /// The event type, one of [`EVENT_KINDS`].
    pub kind: String,
    /// The URI of the resource, such as `/videos/123`.
    pub resource: String,
    /// The time of the event, by the world's clock.
    pub at: DateTime<Utc>,
    /// Members to merge into the webhook body, set when the event was triggered manually. `given` in JSON.
    #[serde(rename = "given")]
    pub payload: Map<String, Value>,
    /// Every attempt to deliver the event, in order.
    pub deliveries: Vec<Delivery>,
}

/// One attempt to deliver an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Delivery {
    /// The URL of the receiver.
    pub url: String,
    /// The status of the receiver's response; `None` if there was none.
    pub status: Option<u16>,
    /// Why there was no response.
    pub error: Option<String>,
}

impl Delivery {
    /// Returns whether the receiver accepted the event with a 2xx status.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

impl Event {
    /// Returns the webhook body. Vimeo documents only that it contains the webhook's secret; the other members are
    /// the sandbox's own.
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
    /// Records an event and queues it for delivery; returns its number.
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
        // Events in delivery are retained.
        while self.events.len() > MAX_EVENTS
            && let Some(oldest) = self.events.keys().next().copied()
            && !self.undelivered.iter().any(|(id, _)| *id == oldest)
        {
            self.events.remove(&oldest);
        }
        self.send(id);
        id
    }

    /// Queues an event for delivery again; returns `false` if it does not exist.
    pub(crate) fn resend(&mut self, id: u64) -> bool {
        let Some(event) = self.events.get_mut(&id) else { return false };
        let excess = event.deliveries.len().saturating_sub(MAX_DELIVERIES);
        // During a delivery, the start of its attempts must not move.
        if !self.undelivered.iter().any(|(one, _)| *one == id) {
            event.deliveries.drain(..excess);
        }
        self.send(id);
        true
    }

    fn send(&mut self, id: u64) {
        self.undelivered.push_back((id, None));
        self.outbox.push(id);
    }

    /// Starts or continues the delivery of an event; returns the number of its earlier deliveries. `None` if it is
    /// not in delivery.
    pub(crate) fn start_delivery(&mut self, id: u64) -> Option<usize> {
        let sent = self.events.get(&id)?.deliveries.len();
        let (_, before) = self.undelivered.iter_mut().find(|(one, _)| *one == id)?;
        Some(*before.get_or_insert(sent))
    }

    /// Records that the delivery of an event has ended, successfully or not.
    pub(crate) fn mark_delivered(&mut self, id: u64) {
        if let Some(place) = self.undelivered.iter().position(|(one, _)| *one == id) {
            self.undelivered.remove(place);
        }
    }

    /// Queues all events that were in delivery when the world was stored.
    pub(super) fn requeue_undelivered(&mut self) {
        self.outbox = self.undelivered.iter().map(|(id, _)| *id).collect();
    }

    pub(crate) fn emit_video(&mut self, kind: &str, video: u64, at: DateTime<Utc>) {
        self.emit(kind, format!("/videos/{video}"), Map::new(), at);
    }

    /// Completes transcoding and emits its events.
    pub(super) fn finish_transcode(&mut self, video: u64, version: u64, now: DateTime<Utc>) {
        let had_thumbnail = self.videos.get(&video).is_some_and(|video| !video.pictures.is_empty());
        if !self.activate_version(video, version, now) {
            return;
        }
        for kind in ["video-transcode-playable", "video-transcode-fully-playable", "video-transcode-complete"]
        {
            self.emit_video(kind, video, now);
        }
        if !had_thumbnail {
            self.emit_video("automatic-thumbnail-available", video, now);
        }
    }
}
