//! The response to a creation: what the upload needs of it, and the ticket that it contains.

use serde::Deserialize;
use serde_json::Value;
use vimeo_api::{Secret, is_loopback};

use super::Warning;
use super::video_fields::PrivacyFields;
use crate::signed_link::link_problem;
use crate::upload::{UploadError, UploadTicket};
use crate::{Error, Vimeo};

/// The part of a creation response that the upload needs. A type of its own, so that the link is never held as plain text.
#[derive(Deserialize)]
pub(crate) struct Created {
    #[serde(default)]
    pub(crate) uri: Option<String>,
    #[serde(default)]
    pub(crate) link: Option<String>,
    #[serde(default)]
    pub(crate) upload: Option<CreatedUpload>,
    #[serde(default)]
    privacy: Option<PrivacyFields>,
}

#[derive(Deserialize)]
pub(crate) struct CreatedUpload {
    #[serde(default)]
    pub(crate) approach: Option<String>,
    #[serde(default)]
    pub(crate) upload_link: Option<Secret>,
    #[serde(default)]
    pub(crate) size: Option<u64>,
}

impl Created {
    /// Returns the ticket of the tus upload that Vimeo opened for `video_uri`.
    pub(crate) fn ticket(
        &self,
        vimeo: &Vimeo,
        video_uri: String,
        size: u64,
    ) -> Result<UploadTicket, UploadError> {
        let upload = self.upload.as_ref();
        // tus was requested, so a response that does not name the approach means tus.
        let approach = upload.and_then(|upload| upload.approach.as_deref()).unwrap_or(TUS);
        if !approach.eq_ignore_ascii_case(TUS) {
            let approach = sanitize_value(approach);
            return Err(UploadError::UnexpectedApproach { video_uri, approach });
        }
        let Some(link) = upload.and_then(|upload| upload.upload_link.as_ref()) else {
            return Err(UploadError::MissingUploadLink { video_uri });
        };
        if let Some(problem) = link_problem(link.expose(), is_loopback(vimeo.api().base_url())) {
            return Err(UploadError::InvalidUploadLink { video_uri, reason: format!("it {problem}") });
        }
        Ok(UploadTicket::new(video_uri, link.expose(), size)?)
    }
}

/// Returns a warning if Vimeo set another privacy than the one requested.
pub(super) fn privacy_warning(created: &Created, settings: &Value) -> Option<Warning> {
    let requested = settings.pointer("/privacy/view").and_then(Value::as_str)?;
    let found = created.privacy.as_ref()?.view.as_ref()?.as_str()?;
    let warning =
        || Warning::PrivacyMismatch { requested: requested.to_owned(), found: sanitize_value(found) };
    (requested != found).then(warning)
}

/// The approach of resumable uploads.
const TUS: &str = "tus";

/// Makes a value that a server sent short and plain enough for a message.
fn sanitize_value(value: &str) -> String {
    value.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')).take(40).collect()
}

/// The error for a creation response without the URI of a video.
pub(crate) fn missing_video_uri() -> Error {
    let reason = "Vimeo's response has no video URI; look for the video in the account's list".to_owned();
    UploadError::InvalidTicket { reason }.into()
}
