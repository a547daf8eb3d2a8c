//! Users, apps and tokens.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::video::Picture;
use crate::config::rate_limit::{RateLimit, Usage};
use crate::config::scopes::Scopes;
use crate::config::{Plan, Quota};
use crate::protocol::ids;
use crate::protocol::vimeo_link::vimeo_link;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) id: u64,
    pub(crate) name: String,
    /// The profile name in the URL, if one was chosen.
    pub(crate) link_name: Option<String>,
    pub(crate) bio: Option<String>,
    pub(crate) location: String,
    pub(crate) gender: String,
    pub(crate) created: DateTime<Utc>,
    pub(crate) plan: Plan,
    pub(crate) quota: Quota,
    pub(crate) pictures: Vec<Picture>,
    pub(crate) resource_key: String,
    /// When a video was last added or removed; a removal leaves no other trace for `If-Modified-Since`.
    pub(crate) videos_changed: DateTime<Utc>,
}

impl User {
    pub(crate) fn uri(&self) -> String {
        format!("/users/{}", self.id)
    }

    pub(crate) fn link(&self) -> String {
        match &self.link_name {
            Some(name) => vimeo_link(&format!("/{name}")),
            None => vimeo_link(&format!("/user{}", self.id)),
        }
    }

    /// Returns whether `name` in a path identifies this user: the ID or the profile name.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        name.parse() == Ok(self.id) || self.link_name.as_deref() == Some(name)
    }
}

/// The app that tokens belong to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct App {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
}

/// The key of a token or a client ID: its SHA-256 in hexadecimal digits. An accepted unknown token can be a real one,
/// so the text itself is never stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct TokenKey(String);

/// Rejects a text that is not a SHA-256, because it could be a token.
impl TryFrom<String> for TokenKey {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_hash = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if is_hash { Ok(Self(text)) } else { Err("the token is not hashed") }
    }
}

impl TokenKey {
    pub(crate) fn of(text: &str) -> Self {
        Self(ids::sha256(text))
    }

    /// Returns a short form of the key for people to read.
    pub(crate) fn fingerprint(&self) -> String {
        self.0.chars().take(8).collect()
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Token {
    /// `None` for a token of the app without a user.
    pub(crate) user: Option<u64>,
    pub(crate) scopes: Scopes,
    pub(crate) expires: Option<DateTime<Utc>>,
    pub(crate) rate: RateLimit,
    /// The requests in the current window; not stored.
    #[serde(skip)]
    pub(crate) usage: Usage,
}
