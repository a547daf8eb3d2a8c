//! The fields of a video or version in Vimeo's responses that several steps of an upload read.

use serde::Deserialize;
use serde_json::Value;
use vimeo_api::types::UploadStatus;

/// The field `upload`.
#[derive(Deserialize)]
pub(super) struct UploadFields {
    #[serde(default)]
    pub(super) status: Option<UploadStatus>,
    /// The size of the file that the video or version waits for, in bytes.
    #[serde(default)]
    pub(super) size: Option<u64>,
}

/// The field `privacy`.
#[derive(Deserialize)]
pub(super) struct PrivacyFields {
    #[serde(default)]
    pub(super) view: Option<Value>,
}
