//! Uploads whose creation got no response: their outcome is determined before anything is created again.

use vimeo_ext::upload::UploadError;
use vimeo_ext::{Error, UnclaimedVideo};

use super::error::{ErrorKind, ToolError};
use super::outputs::last_segment;

/// Returns the journal entry of an upload whose creation an earlier call requested without getting a response.
pub(super) fn unknown_outcome(error: &Error) -> Option<&str> {
    match error {
        Error::Upload { source, .. } => match &**source {
            UploadError::OutcomeUnknown { entry: Some(entry), source: None, .. } => Some(entry),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the error for several videos that may be the upload.
pub(super) fn ambiguous(candidates: &[UnclaimedVideo]) -> ToolError {
    let ids: Vec<String> =
        candidates.iter().filter_map(|candidate| last_segment(Some(&candidate.uri))).collect();
    let message = format!(
        "An earlier call requested this upload and got no response. The videos {} wait for a file of that size.",
        ids.join(", ")
    );
    let next = "Ask the person which of them may be deleted, delete those, and call again.";
    ToolError::new(ErrorKind::UnknownOutcome, message, next)
}
