//! The errors of progressive uploads, as callers see them.

use http::StatusCode;

use crate::error::ApiError;
use crate::progressive::ranges::Refusal;
use crate::progressive::spool::SpoolError;

impl From<SpoolError> for ApiError {
    fn from(error: SpoolError) -> Self {
        let (status, code, detail) = match error {
            SpoolError::Unknown => (
                StatusCode::NOT_FOUND,
                "unknown_upload",
                "there is no such upload: its URL is wrong, or it has expired or was deleted".to_owned(),
            ),
            SpoolError::Refused(refusal) => return refusal.into(),
            SpoolError::Conflict => (
                StatusCode::CONFLICT,
                "part_conflict",
                "the part differs from bytes that were received before; these were kept".to_owned(),
            ),
            SpoolError::Full => {
                let detail = "the service has no space for the part now; try again later";
                return Self::new(StatusCode::INSUFFICIENT_STORAGE, "spool_full", detail).retry_after(60);
            }
            SpoolError::PartTooLarge { max_bytes } => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "part_too_large",
                format!("a part can have at most {max_bytes} bytes; send smaller parts"),
            ),
            SpoolError::TooManyParts => {
                let detail = "the upload receives too many parts at once; send fewer at a time";
                return Self::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_parts", detail).retry_after(1);
            }
            SpoolError::Complete => (
                StatusCode::CONFLICT,
                "upload_complete",
                "the file is complete and is being sent to Vimeo; delete the video instead".to_owned(),
            ),
            SpoolError::Io(error) => return Self::internal(&error),
        };
        Self::new(status, code, detail)
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let conflict = |code, detail| Self::new(StatusCode::CONFLICT, code, detail);
        match refusal {
            Refusal::TooLarge { max_bytes } => {
                let detail =
                    format!("the file would be too large; this upload takes at most {max_bytes} bytes");
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "file_too_large", detail)
            }
            Refusal::TotalConflict { total } => {
                conflict("total_conflict", format!("another part told that the file has {total} bytes"))
            }
            Refusal::BeyondTotal { total } => {
                conflict("beyond_total", format!("the part ends after the last of the file's {total} bytes"))
            }
            Refusal::TotalTooSmall { received_end } => {
                let last = received_end.saturating_sub(1);
                conflict("total_too_small", format!("byte {last} of the file was received before"))
            }
            Refusal::TooManyRanges { max } => conflict(
                "too_many_gaps",
                format!("the parts would leave {max} gaps or more; fill some first"),
            ),
        }
    }
}
