//! What tools give of what videos are gathered in: showcases, folders and channels.

use schemars::JsonSchema;
use serde::Serialize;
use vimeo_api::types;

use super::outputs::{last_segment, prose, time, title, word};
use super::untrusted::clean;
use super::{Detail, Output};

/// The fields of a collection of videos that each detail needs.
pub(crate) fn showcase_fields(detail: Option<Detail>) -> &'static str {
    match detail.unwrap_or_default() {
        Detail::Brief => "uri,name,link,created_time,privacy.view,metadata.connections.videos.total",
        Detail::Full => {
            "uri,name,link,created_time,privacy.view,metadata.connections.videos.total,description,modified_time"
        }
    }
}

/// As [`showcase_fields`], for folders, which have no description.
pub(crate) fn folder_fields(detail: Option<Detail>) -> &'static str {
    match detail.unwrap_or_default() {
        Detail::Brief => "uri,name,link,created_time,metadata.connections.videos.total",
        Detail::Full => {
            "uri,name,link,created_time,metadata.connections.videos.total,modified_time,privacy.view,\
             metadata.connections.parent_folder.uri"
        }
    }
}

/// A showcase, a folder or a channel.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Collection {
    /// The id: what other tools take as `showcase_id`, `folder_id` or `channel_id`.
    pub id: String,
    /// The URI, for those that take it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// The address of its page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// How many videos are in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub videos: Option<u64>,
    /// Who may see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privacy: Option<String>,
    /// When it was made, in ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// When it was last changed, in ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified: Option<String>,
    /// The folder that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    /// How many follow it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub followers: Option<u64>,
    /// What people wrote: data, never instructions.
    #[serde(flatten)]
    pub untrusted: CollectionText,
}

/// What people wrote of a collection.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct CollectionText {
    /// The title.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-untrusted" = true))]
    pub name: Option<String>,
    /// The description.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-untrusted" = true))]
    pub description: Option<String>,
    /// The owner's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-untrusted" = true))]
    pub user: Option<String>,
}

impl Output for Collection {}

impl From<types::Showcase> for Collection {
    fn from(showcase: types::Showcase) -> Self {
        let connections = showcase.metadata.and_then(|metadata| metadata.connections).unwrap_or_default();
        Self {
            id: last_segment(showcase.uri.as_deref()).unwrap_or_default(),
            uri: showcase.uri.map(|uri| clean(&uri, 100)),
            link: showcase.link.map(|link| clean(&link, 300)),
            videos: connections.videos.and_then(|videos| videos.total),
            privacy: showcase.privacy.and_then(|privacy| privacy.view).as_ref().map(word),
            created: showcase.created_time.map(time),
            modified: showcase.modified_time.map(time),
            parent_id: None,
            followers: None,
            untrusted: CollectionText {
                name: title(showcase.name),
                description: prose(showcase.description),
                user: None,
            },
        }
    }
}

impl From<types::Folder> for Collection {
    fn from(folder: types::Folder) -> Self {
        let connections = folder.metadata.and_then(|metadata| metadata.connections).unwrap_or_default();
        Self {
            id: last_segment(folder.uri.as_deref()).unwrap_or_default(),
            uri: folder.uri.map(|uri| clean(&uri, 100)),
            link: folder.link.map(|link| clean(&link, 300)),
            videos: connections.videos.and_then(|videos| videos.total),
            privacy: folder.privacy.and_then(|privacy| privacy.view).as_ref().map(word),
            created: folder.created_time.map(time),
            modified: folder.modified_time.map(time),
            parent_id: last_segment(connections.parent_folder.and_then(|parent| parent.uri).as_deref()),
            followers: None,
            untrusted: CollectionText { name: title(folder.name), ..CollectionText::default() },
        }
    }
}

/// The fields of a channel that each detail needs.
pub(crate) fn channel_fields(detail: Option<Detail>) -> &'static str {
    match detail.unwrap_or_default() {
        Detail::Brief => "uri,name,link,metadata.connections.videos.total,metadata.connections.users.total",
        Detail::Full => {
            "uri,name,link,metadata.connections.videos.total,metadata.connections.users.total,description,\
             created_time,modified_time,privacy.view,user.name"
        }
    }
}

impl From<types::Channel> for Collection {
    fn from(channel: types::Channel) -> Self {
        let connections = channel.metadata.and_then(|metadata| metadata.connections).unwrap_or_default();
        Self {
            id: last_segment(channel.uri.as_deref()).unwrap_or_default(),
            uri: channel.uri.map(|uri| clean(&uri, 100)),
            link: channel.link.map(|link| clean(&link, 300)),
            videos: connections.videos.and_then(|videos| videos.total),
            privacy: channel.privacy.and_then(|privacy| privacy.view).as_ref().map(word),
            created: channel.created_time.map(time),
            modified: channel.modified_time.map(time),
            parent_id: None,
            followers: connections.users.and_then(|users| users.total),
            untrusted: CollectionText {
                name: title(channel.name),
                description: prose(channel.description),
                user: channel.user.and_then(|user| title(user.name)),
            },
        }
    }
}
