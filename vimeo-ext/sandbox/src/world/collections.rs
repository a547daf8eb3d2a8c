//! Folders, showcases, channels, comments and webhooks.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A folder. A video is in at most one folder; the video stores which.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Folder {
    pub(crate) id: u64,
    pub(crate) owner: u64,
    pub(crate) name: String,
    pub(crate) parent: Option<u64>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) modified: DateTime<Utc>,
    pub(crate) resource_key: String,
}

/// A showcase; Vimeo's paths call it an album.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Showcase {
    pub(crate) id: u64,
    pub(crate) owner: u64,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) privacy: String,
    pub(crate) password: Option<String>,
    pub(crate) brand_color: Option<String>,
    pub(crate) layout: String,
    pub(crate) theme: String,
    pub(crate) sort: String,
    pub(crate) hide_nav: bool,
    pub(crate) hide_upcoming: bool,
    pub(crate) hide_from_vimeo: bool,
    pub(crate) review_mode: bool,
    /// In the order in which they were added.
    pub(crate) videos: Vec<u64>,
    /// The video whose thumbnail the showcase uses.
    #[serde(default)]
    pub(crate) thumbnail: Option<u64>,
    /// The video that is shown first.
    #[serde(default)]
    pub(crate) featured: Option<u64>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) modified: DateTime<Utc>,
    pub(crate) resource_key: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Channel {
    pub(crate) id: u64,
    pub(crate) owner: u64,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    /// The name in the channel's URL, which also identifies it in paths.
    pub(crate) link_name: Option<String>,
    pub(crate) privacy: String,
    pub(crate) videos: Vec<u64>,
    pub(crate) moderators: BTreeSet<u64>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) modified: DateTime<Utc>,
    pub(crate) resource_key: String,
}

/// A comment on a video, or a reply to a comment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) author: u64,
    pub(crate) text: String,
    pub(crate) reply_to: Option<u64>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) edited: Option<DateTime<Utc>>,
    pub(crate) resource_key: String,
}

/// A webhook of the world's app.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Webhook {
    pub(crate) id: u64,
    pub(crate) kind: String,
    pub(crate) url: String,
    pub(crate) secret: Option<String>,
    pub(crate) enabled: bool,
    pub(crate) created: DateTime<Utc>,
    pub(crate) modified: DateTime<Utc>,
    pub(crate) switched: DateTime<Utc>,
}
