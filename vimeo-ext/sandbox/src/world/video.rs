//! Videos and their versions, pictures and text tracks.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::collections::Comment;
use super::upload::Upload;

/// A video of a world.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Video {
    pub(crate) id: u64,
    pub(crate) owner: u64,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) modified: DateTime<Utc>,
    pub(crate) privacy: Privacy,
    pub(crate) license: Option<String>,
    pub(crate) locale: Option<String>,
    pub(crate) content_rating: Vec<String>,
    /// The `embed` members that were set, merged over the defaults.
    pub(crate) embed: Map<String, Value>,
    pub(crate) embed_domains: BTreeSet<String>,
    pub(crate) hide_from_vimeo: bool,
    pub(crate) review_active: bool,
    pub(crate) spatial: Option<Value>,
    pub(crate) custom_url: Option<String>,
    pub(crate) tags: Vec<Tag>,
    /// The folder that contains it, if any.
    pub(crate) folder: Option<u64>,
    /// Oldest first, including replies.
    pub(crate) comments: Vec<Comment>,
    pub(crate) plays: u64,
    pub(crate) duration: u64,
    pub(crate) width: u64,
    pub(crate) height: u64,
    /// The hash in the links of an unlisted video and its player.
    pub(crate) hash: String,
    pub(crate) resource_key: String,
    /// Oldest first; there is always one.
    pub(crate) versions: Vec<Version>,
    pub(crate) pictures: Vec<Picture>,
    pub(crate) text_tracks: Vec<TextTrack>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Privacy {
    pub(crate) view: String,
    pub(crate) embed: String,
    pub(crate) download: bool,
    pub(crate) add: bool,
    pub(crate) comments: String,
    pub(crate) password: Option<String>,
}

impl Default for Privacy {
    fn default() -> Self {
        Self {
            view: "anybody".to_owned(),
            embed: "public".to_owned(),
            download: false,
            add: true,
            comments: "anybody".to_owned(),
            password: None,
        }
    }
}

/// A tag as written and in its canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tag {
    pub(crate) name: String,
    pub(crate) canonical: String,
}

impl Tag {
    /// Returns `None` if the canonical form is empty.
    pub(crate) fn new(name: &str) -> Option<Self> {
        let name = name.trim();
        let canonical: String = name.to_lowercase().split_whitespace().collect();
        (!canonical.is_empty()).then(|| Self { name: name.to_owned(), canonical })
    }
}

/// One version of the file of a video.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) id: u64,
    pub(crate) file_name: String,
    pub(crate) description: Option<String>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) modified: DateTime<Utc>,
    /// When the upload was completed.
    pub(crate) uploaded: Option<DateTime<Utc>>,
    pub(crate) active: bool,
    pub(crate) source: Source,
    pub(crate) upload: Stage,
    pub(crate) transcode: Stage,
    /// How many more reads of the video complete transcoding, for
    /// [`Transcode::AfterReads`](crate::Transcode::AfterReads).
    pub(crate) reads_left: Option<u32>,
}

/// How a version is uploaded.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Source {
    /// It was not uploaded.
    Seeded,
    Tus(#[serde(with = "super::upload::record")] Arc<Upload>),
    /// A browser sends it with a form and is then redirected to this URL.
    Form(#[serde(with = "super::upload::record")] Arc<Upload>, Option<String>),
    /// Vimeo fetches it from this URL.
    Pull(String),
}

impl Source {
    /// Returns the upload to this sandbox, if any.
    pub(crate) fn upload(&self) -> Option<&Arc<Upload>> {
        match self {
            Self::Tus(upload) | Self::Form(upload, _) => Some(upload),
            Self::Seeded | Self::Pull(_) => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stage {
    InProgress,
    Complete,
    /// Failed, with Vimeo's error value if there is one.
    Error(Option<String>),
}

impl Stage {
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Complete => "complete",
            Self::Error(_) => "error",
        }
    }
}

/// A thumbnail or a portrait.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Picture {
    pub(crate) id: u64,
    pub(crate) active: bool,
    /// Whether the image exists: it was uploaded or is a frame of the video.
    pub(crate) ready: bool,
    pub(crate) key: String,
    pub(crate) resource_key: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TextTrack {
    pub(crate) id: u64,
    pub(crate) active: bool,
    pub(crate) kind: String,
    pub(crate) language: String,
    pub(crate) name: String,
    /// The file, once it was uploaded.
    #[serde(with = "super::serde_helpers::base64")]
    pub(crate) file: Option<bytes::Bytes>,
}

impl Video {
    /// Returns the newest version, whose upload and transcoding the video shows.
    pub(crate) fn latest(&self) -> Option<&Version> {
        self.versions.last()
    }

    pub(crate) fn version(&self, id: u64) -> Option<&Version> {
        self.versions.iter().find(|version| version.id == id)
    }

    pub(crate) fn version_mut(&mut self, id: u64) -> Option<&mut Version> {
        self.versions.iter_mut().find(|version| version.id == id)
    }

    /// Returns the version that plays.
    pub(crate) fn current(&self) -> Option<&Version> {
        self.versions.iter().find(|version| version.active)
    }

    pub(crate) fn is_playable(&self) -> bool {
        self.versions.iter().any(|version| version.transcode == Stage::Complete)
    }

    /// Returns Vimeo's older, single `status` value.
    pub(crate) fn status(&self) -> &'static str {
        let Some(version) = self.latest() else { return "unavailable" };
        match (&version.upload, &version.transcode) {
            (Stage::InProgress, _) => "uploading",
            (Stage::Error(_), _) => "uploading_error",
            (_, Stage::InProgress) => "transcoding",
            (_, Stage::Error(_)) => "transcoding_error",
            (_, Stage::Complete) => "available",
        }
    }

    /// Returns whether `viewer` may see the video.
    pub(crate) fn visible_to(&self, viewer: Option<u64>) -> bool {
        viewer == Some(self.owner)
            || matches!(self.privacy.view.as_str(), "anybody" | "unlisted" | "password")
    }

    /// Returns whether the video appears in lists and searches of `viewer`.
    pub(crate) fn listed_for(&self, viewer: Option<u64>) -> bool {
        viewer == Some(self.owner) || (self.privacy.view == "anybody" && !self.hide_from_vimeo)
    }

    pub(crate) fn has_tag(&self, canonical: &str) -> bool {
        self.tags.iter().any(|tag| tag.canonical == canonical)
    }

    pub(crate) fn active_picture(&self) -> Option<&Picture> {
        self.pictures.iter().find(|picture| picture.active)
    }

    pub(crate) fn touch(&mut self, now: DateTime<Utc>) {
        self.modified = self.modified.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_tags_ignore_case_and_spaces() {
        for (name, canonical) in [
            ("Shoppable film", Some("shoppablefilm")),
            ("SS17", Some("ss17")),
            ("test-tag", Some("test-tag")),
            (" 360° ", Some("360°")),
            ("  ", None),
        ] {
            assert_eq!(Tag::new(name).map(|tag| tag.canonical).as_deref(), canonical);
        }
    }
}
