//! Events that Vimeo does not have, and that a service can find by polling.

use std::fmt;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use vimeo_ext::auth::BoxFuture;

/// An event that Vimeo has no webhook for, and that polling finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum PolledEvent {
    /// The privacy of a video changed; `video.privacy.change`.
    #[serde(rename = "video.privacy.change")]
    PrivacyChange,
    /// Somebody commented on a video; `video.comment.add`.
    #[serde(rename = "video.comment.add")]
    CommentAdd,
}

/// Other names of the events, with hyphens.
const SYNONYMS: [(&str, PolledEvent); 13] = [
    ("video-privacy", PolledEvent::PrivacyChange),
    ("video-privacy-changed", PolledEvent::PrivacyChange),
    ("video-privacy-update", PolledEvent::PrivacyChange),
    ("video-privacy-updated", PolledEvent::PrivacyChange),
    ("video-comment", PolledEvent::CommentAdd),
    ("video-comments", PolledEvent::CommentAdd),
    ("video-comment-added", PolledEvent::CommentAdd),
    ("video-comment-create", PolledEvent::CommentAdd),
    ("video-comment-created", PolledEvent::CommentAdd),
    ("video-comment-new", PolledEvent::CommentAdd),
    ("video-comments-add", PolledEvent::CommentAdd),
    ("comment-add", PolledEvent::CommentAdd),
    ("comment-created", PolledEvent::CommentAdd),
];

impl PolledEvent {
    /// All events, in order.
    pub const ALL: [Self; 2] = [Self::PrivacyChange, Self::CommentAdd];

    /// Returns the event's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PrivacyChange => "video.privacy.change",
            Self::CommentAdd => "video.comment.add",
        }
    }

    /// Returns the event with this name, which can be written with dots, hyphens or underscores.
    ///
    /// ```
    /// use vimeo_agent::tools::PolledEvent;
    /// assert_eq!(PolledEvent::from_name("video-privacy-change"), Some(PolledEvent::PrivacyChange));
    /// assert_eq!(PolledEvent::from_name("video.comment.delete"), None);
    /// ```
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase().replace(['.', '_'], "-");
        let known = Self::ALL.into_iter().find(|event| event.as_str().replace('.', "-") == name);
        known.or_else(|| SYNONYMS.iter().find(|(synonym, _)| *synonym == name).map(|(_, event)| *event))
    }
}

impl fmt::Display for PolledEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A new subscription to events that are found by polling.
#[derive(Debug)]
#[non_exhaustive]
pub struct NewEventSubscription {
    /// The events.
    pub events: Vec<PolledEvent>,
    /// The URL that receives them.
    pub url: String,
    /// The secret that signs deliveries. `None` for a random one.
    pub secret: Option<SecretString>,
}

/// A subscription to events that are found by polling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSubscription {
    /// The ID, which starts with [`SUBSCRIPTION_ID_PREFIX`].
    pub id: String,
    /// The events.
    pub events: Vec<PolledEvent>,
    /// The URL that receives them.
    pub url: String,
    /// When it was created.
    pub created_at: chrono::DateTime<chrono::Utc>,
}

/// What the IDs of [event subscriptions](EventSubscription) start with; Vimeo's webhooks have numbers.
pub const SUBSCRIPTION_ID_PREFIX: &str = "poll-";

/// A subscription that was just created.
#[derive(Debug)]
pub struct CreatedEventSubscription {
    /// The subscription.
    pub subscription: EventSubscription,
    /// The random secret that signs deliveries, which is shown only now; `None` if the caller chose the secret.
    pub secret: Option<SecretString>,
}

/// Why an operation on event subscriptions failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// The URL cannot receive events.
    #[error("the URL {0}")]
    InvalidUrl(&'static str),
    /// The secret cannot sign.
    #[error("the secret {0}")]
    InvalidSecret(&'static str),
    /// The account has too many subscriptions.
    #[error("the account has {0} event subscriptions, the maximum; delete one first")]
    TooMany(usize),
    /// The service failed; the cause is in its log.
    #[error("the service cannot store event subscriptions now")]
    Unavailable,
}

/// The event subscriptions of one account, in a service that polls.
pub trait EventSubscriptions: Send + Sync + 'static {
    /// Returns the time between two polls, which is how late events are.
    fn interval(&self) -> std::time::Duration;

    /// Creates a subscription.
    fn subscribe(
        &self,
        new: NewEventSubscription,
    ) -> BoxFuture<'_, Result<CreatedEventSubscription, SubscriptionError>>;

    /// Returns the account's subscriptions.
    fn list(&self) -> BoxFuture<'_, Result<Vec<EventSubscription>, SubscriptionError>>;

    /// Deletes the subscription with this ID; returns whether it existed.
    fn delete<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<bool, SubscriptionError>>;
}

impl NewEventSubscription {
    /// Creates a subscription with a random secret.
    pub fn new(events: impl IntoIterator<Item = PolledEvent>, url: impl Into<String>) -> Self {
        Self { events: events.into_iter().collect(), url: url.into(), secret: None }
    }

    /// Sets the secret.
    #[must_use]
    pub fn secret(mut self, secret: impl Into<Option<SecretString>>) -> Self {
        self.secret = secret.into();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_in_several_spellings() {
        for (name, event) in [
            ("video.privacy.change", Some(PolledEvent::PrivacyChange)),
            ("Video_Privacy_Changed ", Some(PolledEvent::PrivacyChange)),
            ("video-comment-add", Some(PolledEvent::CommentAdd)),
            ("video.comments", Some(PolledEvent::CommentAdd)),
            ("video.comment.delete", None),
            ("video.transcode.complete", None),
            ("", None),
        ] {
            assert_eq!(PolledEvent::from_name(name), event, "{name}");
        }
        for event in PolledEvent::ALL {
            assert_eq!(serde_json::to_value(event).unwrap(), event.as_str());
        }
    }
}
