//! The bodies and IDs of events.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use vimeo_agent::tools::PolledEvent;
use vimeo_ext::api::types::VideoComment;
use vimeo_ext::hex::hex;

use super::checkpoint::PrivacyChange;

/// The maximum number of characters of a comment in an event.
const MAX_TEXT: usize = 10_000;

/// The length of an ID after its prefix, in hexadecimal digits.
const ID_LENGTH: usize = 32;

/// An event that a poll found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FoundEvent {
    /// The same for the same event, even if it is found again after a restart.
    pub(super) id: String,
    pub(super) event: PolledEvent,
    resource_uri: String,
    found_at: DateTime<Utc>,
    member: (&'static str, Value),
}

/// The body of a delivery.
#[derive(Serialize)]
struct Body<'a> {
    event_id: &'a str,
    webhook_type: PolledEvent,
    resource_uri: &'a str,
    created_on: String,
    identifier: &'a str,
    subscription_id: &'a str,
    #[serde(flatten)]
    member: serde_json::Map<String, Value>,
}

impl FoundEvent {
    pub(super) fn of_privacy(account: &str, video: u64, change: &PrivacyChange, now: DateTime<Utc>) -> Self {
        let uri = format!("/videos/{video}");
        let privacy = json!({"old": change.old, "new": change.new});
        let event = PolledEvent::PrivacyChange;
        let id = id(&[account, event.as_str(), &uri, &change.number.to_string(), &privacy.to_string()]);
        Self { id, event, resource_uri: uri, found_at: now, member: ("privacy", privacy) }
    }

    pub(super) fn of_comment(
        account: &str,
        video: u64,
        comment: &VideoComment,
        uri: &str,
        now: DateTime<Utc>,
    ) -> Self {
        let event = PolledEvent::CommentAdd;
        let user = comment.user.as_deref();
        let text = comment.text.as_deref().map(|text| text.chars().take(MAX_TEXT).collect::<String>());
        let member = json!({
            "uri": uri,
            "text": text,
            "created_on": comment.created_on.map(iso),
            "user": {
                "uri": user.and_then(|user| user.uri.as_deref()),
                "name": user.and_then(|user| user.name.as_deref()),
            },
        });
        Self {
            id: id(&[account, event.as_str(), uri]),
            event,
            resource_uri: format!("/videos/{video}"),
            found_at: now,
            member: ("comment", member),
        }
    }

    /// Returns the body for a subscription.
    pub(super) fn body(&self, account: &str, subscription: &str) -> String {
        let (name, value) = self.member.clone();
        let body = Body {
            event_id: &self.id,
            webhook_type: self.event,
            resource_uri: &self.resource_uri,
            created_on: iso(self.found_at),
            identifier: account,
            subscription_id: subscription,
            member: [(name.to_owned(), value)].into_iter().collect(),
        };
        serde_json::to_string(&body).unwrap_or_default()
    }
}

fn iso(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

fn id(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    "evt-".chars().chain(hex(&hash.finalize()).chars().take(ID_LENGTH)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polling::checkpoint::Privacy;

    fn change(number: u64, view: &str) -> PrivacyChange {
        let new = Privacy { view: Some(view.to_owned()), ..Privacy::default() };
        PrivacyChange { old: Privacy::default(), new, number }
    }

    #[test]
    fn ids_are_stable_and_different() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let later = DateTime::from_timestamp(1_700_000_900, 0).unwrap();
        let first = FoundEvent::of_privacy("a", 1, &change(1, "anybody"), now);
        assert_eq!(first.id, FoundEvent::of_privacy("a", 1, &change(1, "anybody"), later).id);
        for other in [
            FoundEvent::of_privacy("b", 1, &change(1, "anybody"), now),
            FoundEvent::of_privacy("a", 2, &change(1, "anybody"), now),
            FoundEvent::of_privacy("a", 1, &change(2, "anybody"), now),
            FoundEvent::of_privacy("a", 1, &change(1, "nobody"), now),
            FoundEvent::of_comment("a", 1, &VideoComment::default(), "/videos/1/comments/1", now),
        ] {
            assert_ne!(first.id, other.id, "{other:?}");
        }
        let body: Value = serde_json::from_str(&first.body("a", "poll-1")).unwrap();
        let expected = json!({
            "event_id": first.id,
            "webhook_type": "video.privacy.change",
            "resource_uri": "/videos/1",
            "created_on": "2023-11-14T22:13:20Z",
            "identifier": "a",
            "subscription_id": "poll-1",
            "privacy": {"old": {}, "new": {"view": "anybody"}},
        });
        assert_eq!(body, expected);
    }
}
