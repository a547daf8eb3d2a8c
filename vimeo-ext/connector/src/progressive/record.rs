//! What is stored about a progressive upload.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::ranges::Received;
use crate::upload_tokens::VideoSettings;

/// How long an incomplete upload lives after its last part.
const IDLE_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// How long an upload lives at most before it is complete, and for how long a complete one is sent.
const MAX_LIFETIME: TimeDelta = TimeDelta::days(7);

/// How long the result of an upload can be read.
const RESULT_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// The record of an upload, as its file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The account that receives the video.
    pub(crate) account: String,
    /// The upload token that the upload was started with.
    pub(crate) token: String,
    pub(crate) secret_sha256: String,
    pub(crate) video: VideoSettings,
    pub(crate) file_name: Option<String>,
    /// The maximum size of the file.
    pub(crate) max_bytes: u64,
    pub(crate) created_at: DateTime<Utc>,
    /// When the last part was received.
    pub(crate) changed_at: DateTime<Utc>,
    pub(crate) received: Received,
    pub(crate) completed_at: Option<DateTime<Utc>>,
    /// The video at Vimeo, once it was created. It waits for its bytes until the upload is finished.
    pub(crate) video_uri: Option<String>,
    pub(crate) finished_at: Option<DateTime<Utc>>,
    /// Why the upload failed, or why the last attempt to send it did.
    pub(crate) error: Option<StoredError>,
}

/// The error of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredError {
    pub(crate) code: String,
    pub(crate) detail: String,
}

/// The state of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Parts are missing, or the size is unknown.
    Receiving,
    /// The file is complete. The service sends it to Vimeo.
    Sending,
    /// Vimeo has the file.
    Done,
    /// The service has given up.
    Failed,
}

impl Record {
    pub(crate) fn state(&self) -> State {
        match (self.finished_at, self.completed_at) {
            (Some(_), _) if self.error.is_some() => State::Failed,
            (Some(_), _) => State::Done,
            (None, Some(_)) => State::Sending,
            (None, None) => State::Receiving,
        }
    }

    /// Returns when the upload expires: then it is removed, or fails if the service was sending it.
    pub(crate) fn expires_at(&self) -> DateTime<Utc> {
        let after = |time: DateTime<Utc>, lifetime| time.checked_add_signed(lifetime).unwrap_or(time);
        match (self.finished_at, self.completed_at) {
            (Some(finished), _) => after(finished, RESULT_LIFETIME),
            (None, Some(completed)) => after(completed, MAX_LIFETIME),
            (None, None) => after(self.changed_at, IDLE_LIFETIME).min(after(self.created_at, MAX_LIFETIME)),
        }
    }

    /// Ends the upload; with an error if it failed.
    pub(crate) fn finish(&mut self, now: DateTime<Utc>, error: Option<StoredError>) {
        self.finished_at = Some(now);
        self.error = error;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_follow_the_state() {
        let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let hours = |hours| start + TimeDelta::hours(hours);
        let record = Record {
            account: "a".to_owned(),
            token: String::new(),
            secret_sha256: String::new(),
            video: VideoSettings::default(),
            file_name: None,
            max_bytes: 1,
            created_at: start,
            changed_at: start,
            received: Received::default(),
            completed_at: None,
            video_uri: None,
            finished_at: None,
            error: None,
        };
        let error = Some(StoredError { code: "vimeo_failed".to_owned(), detail: String::new() });
        let completed = Some(hours(2));
        // (record, state, hours until it expires)
        let table = [
            (record.clone(), State::Receiving, 24),
            (Record { changed_at: hours(3), ..record.clone() }, State::Receiving, 27),
            (Record { changed_at: hours(160), ..record.clone() }, State::Receiving, 168),
            (Record { completed_at: completed, ..record.clone() }, State::Sending, 170),
            (Record { completed_at: completed, error: error.clone(), ..record.clone() }, State::Sending, 170),
            (
                Record { finished_at: Some(hours(5)), completed_at: completed, ..record.clone() },
                State::Done,
                29,
            ),
            (Record { finished_at: Some(hours(5)), error, ..record }, State::Failed, 29),
        ];
        for (record, state, expires) in table {
            assert_eq!((record.state(), record.expires_at()), (state, hours(expires)), "{record:?}");
        }
    }
}
