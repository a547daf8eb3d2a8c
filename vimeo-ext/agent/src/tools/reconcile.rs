//! Uploads whose creation was never answered: what became of them is found out before anything is created again.

use vimeo_ext::upload::UploadError;
use vimeo_ext::{Error, UnclaimedVideo};

use super::error::{ErrorKind, ToolError};
use super::outputs::last_segment;

/// The journal's entry of an upload that an earlier call asked to be created, if the error says that it was not answered.
pub(super) fn unknown_outcome(error: &Error) -> Option<&str> {
    match error {
        Error::Upload { source, .. } => match &**source {
            UploadError::OutcomeUnknown { entry: Some(entry), source: None, .. } => Some(entry),
            _ => None,
        },
        _ => None,
    }
}

/// What an agent is told of several that may be it.
pub(super) fn ambiguous(candidates: &[UnclaimedVideo]) -> ToolError {
    let ids: Vec<String> = candidates.iter().filter_map(|one| last_segment(Some(&one.uri))).collect();
    let message = format!(
        "An earlier call asked for this upload and got no answer; {} wait for a file of that size.",
        ids.join(", ")
    );
    let next = "Ask the person which of them may be deleted, delete those, and call again.";
    ToolError::new(ErrorKind::UnknownOutcome, message, next)
}
