//! The JSON bodies of the routes.

use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::progressive::ranges::Received;
use crate::progressive::record::{Record, State as UploadState};

/// What is known of the file.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewProgressiveUploadBody {
    /// The name of the file: the title of the video, unless the upload token has one.
    #[schema(max_length = 1000)]
    pub(super) file_name: Option<String>,
}

/// A progressive upload.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProgressiveUploadBody {
    id: String,
    state: ProgressiveState,
    /// The received bytes, sorted, without overlaps.
    received: Vec<ReceivedRange>,
    received_bytes: u64,
    /// The size of the file; null until a part has told it.
    total_bytes: Option<u64>,
    /// How many bytes Vimeo has.
    sent_bytes: u64,
    /// The maximum size of the file.
    max_bytes: u64,
    /// The video, once it was created. It has its file when the state is `done`.
    #[schema(example = "/videos/12345")]
    video_uri: Option<String>,
    /// Why the upload failed. While the state is `sending`: why the last attempt did; the service tries again.
    error: Option<UploadErrorBody>,
    /// When the upload is removed. Every part extends the time.
    expires_at: DateTime<Utc>,
}

/// The state of a progressive upload.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ProgressiveState {
    /// Parts are missing.
    Receiving,
    /// The file is complete. The service sends it to Vimeo.
    Sending,
    /// Vimeo has the file.
    Done,
    /// The service has given up.
    Failed,
}

/// Bytes that were received, with the numbers of a `Content-Range`.
#[derive(Debug, Serialize, ToSchema)]
struct ReceivedRange {
    first: u64,
    last: u64,
}

/// Why an upload failed.
#[derive(Debug, Serialize, ToSchema)]
struct UploadErrorBody {
    #[schema(example = "quota_exceeded")]
    code: String,
    detail: String,
}

/// A new progressive upload, with its URL, which is shown only once.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CreatedProgressiveUploadBody {
    #[serde(flatten)]
    pub(super) upload: ProgressiveUploadBody,
    /// The URL for the parts and the state. It contains the secret of this upload.
    #[schema(format = "uri")]
    pub(super) upload_url: String,
}

impl ProgressiveUploadBody {
    pub(super) fn new(id: String, record: Record, sent_bytes: u64) -> Self {
        let received_bytes = record.received.size();
        let expires_at = record.expires_at().trunc_subsecs(3);
        let state = match record.state() {
            UploadState::Receiving => ProgressiveState::Receiving,
            UploadState::Sending => ProgressiveState::Sending,
            UploadState::Done => ProgressiveState::Done,
            UploadState::Failed => ProgressiveState::Failed,
        };
        let sent_bytes = match state {
            ProgressiveState::Done => received_bytes,
            _ => sent_bytes.min(received_bytes),
        };
        let Received { ranges, total } = record.received;
        let received = ranges
            .into_iter()
            .map(|range| ReceivedRange { first: range.start, last: range.end.saturating_sub(1) });
        Self {
            id,
            state,
            received: received.collect(),
            received_bytes,
            total_bytes: total,
            sent_bytes,
            max_bytes: record.max_bytes,
            video_uri: record.video_uri,
            error: record.error.map(|error| UploadErrorBody { code: error.code, detail: error.detail }),
            expires_at,
        }
    }
}
