//! Collections of videos: showcases, folders and channels.

use schemars::JsonSchema;
use serde::Serialize;
use vimeo_api::types;

use super::Detail;
use super::outputs::{ApiObject, last_segment, link, output, prose, time, title, uri, value};

output! {
    /// A showcase, a folder or a channel.
    pub struct Collection {
        /// The ID: what other tools take as `showcase_id`, `folder_id` or `channel_id`.
        pub id: String,
        optional {
            /// The URI, which other tools also take.
            pub uri: Option<String>,
            /// The URL of its page.
            pub link: Option<String>,
            /// How many videos are in it.
            pub videos: Option<u64>,
            /// Who may see it.
            pub privacy: CollectionPrivacy,
            /// When it was created, in ISO 8601.
            pub created_time: Option<String>,
            /// When it was last changed, in ISO 8601.
            pub modified_time: Option<String>,
            /// The parent folder.
            pub parent_id: Option<String>,
            /// How many users follow it.
            pub followers: Option<u64>,
        }
        untrusted CollectionText {
            /// The title.
            pub name: Option<String>,
            /// The description.
            pub description: Option<String>,
            /// The owner's name.
            pub user: Option<String>,
        }
    }
}

/// Who may see a showcase, a folder or a channel, under Vimeo's name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct CollectionPrivacy {
    /// Who may see it, such as `anybody` or `nobody`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
}

impl CollectionPrivacy {
    fn new(view: Option<String>) -> Self {
        Self { view }
    }
}

impl ApiObject for types::Showcase {
    type Output = Collection;

    fn fields(detail: Detail) -> &'static str {
        match detail {
            Detail::Brief => "uri,name,link,created_time,privacy.view,metadata.connections.videos.total",
            Detail::Full => {
                "uri,name,link,created_time,privacy.view,metadata.connections.videos.total,\
                 description,modified_time"
            }
        }
    }
}

impl ApiObject for types::Folder {
    type Output = Collection;

    fn fields(detail: Detail) -> &'static str {
        match detail {
            Detail::Brief => "uri,name,link,created_time,metadata.connections.videos.total",
            Detail::Full => {
                "uri,name,link,created_time,metadata.connections.videos.total,\
                 modified_time,privacy.view,metadata.connections.parent_folder.uri"
            }
        }
    }
}

impl ApiObject for types::Channel {
    type Output = Collection;

    fn fields(detail: Detail) -> &'static str {
        match detail {
            Detail::Brief => {
                "uri,name,link,metadata.connections.videos.total,metadata.connections.users.total"
            }
            Detail::Full => {
                "uri,name,link,metadata.connections.videos.total,metadata.connections.users.total,\
                 description,created_time,modified_time,privacy.view,user.name"
            }
        }
    }
}

impl From<types::Showcase> for Collection {
    fn from(showcase: types::Showcase) -> Self {
        let connections = showcase.metadata.and_then(|metadata| metadata.connections).unwrap_or_default();
        Self {
            id: last_segment(showcase.uri.as_deref()).unwrap_or_default(),
            uri: uri(showcase.uri),
            link: link(showcase.link),
            videos: connections.videos.and_then(|videos| videos.total),
            privacy: CollectionPrivacy::new(
                showcase.privacy.and_then(|privacy| privacy.view).as_ref().map(value),
            ),
            created_time: showcase.created_time.map(time),
            modified_time: showcase.modified_time.map(time),
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
            uri: uri(folder.uri),
            link: link(folder.link),
            videos: connections.videos.and_then(|videos| videos.total),
            privacy: CollectionPrivacy::new(
                folder.privacy.and_then(|privacy| privacy.view).as_ref().map(value),
            ),
            created_time: folder.created_time.map(time),
            modified_time: folder.modified_time.map(time),
            parent_id: last_segment(connections.parent_folder.and_then(|parent| parent.uri).as_deref()),
            followers: None,
            untrusted: CollectionText { name: title(folder.name), ..CollectionText::default() },
        }
    }
}

impl From<types::Channel> for Collection {
    fn from(channel: types::Channel) -> Self {
        let connections = channel.metadata.and_then(|metadata| metadata.connections).unwrap_or_default();
        Self {
            id: last_segment(channel.uri.as_deref()).unwrap_or_default(),
            uri: uri(channel.uri),
            link: link(channel.link),
            videos: connections.videos.and_then(|videos| videos.total),
            privacy: CollectionPrivacy::new(
                channel.privacy.and_then(|privacy| privacy.view).as_ref().map(value),
            ),
            created_time: channel.created_time.map(time),
            modified_time: channel.modified_time.map(time),
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
