//! Waiting until a video can be watched.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;
use vimeo_api::types::{self, TranscodeStatus, UploadStatus, VideoStatus};

use super::poll::{Pace, poll};
use crate::error::MediaError;
use crate::upload::VideoRef;
use crate::{Error, Vimeo};

/// A wait for Vimeo to transcode a video; from [`Vimeo::wait_transcoded`].
#[must_use = "nobody waits until send() is awaited"]
pub struct WaitTranscoded {
    vimeo: Vimeo,
    video: VideoRef,
    pace: Pace,
    on_state: Option<OnState>,
}

type OnState = Box<dyn FnMut(&TranscodeState) + Send>;

/// What Vimeo says of a video on its way; anything may be absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TranscodeState {
    /// Whether its file has arrived.
    pub upload: Option<UploadStatus>,
    /// Why its file has not, when it will not.
    pub upload_error: Option<types::UploadError>,
    /// Whether it is transcoded.
    pub transcode: Option<TranscodeStatus>,
    /// Vimeo's older, single word for all of it.
    pub status: Option<VideoStatus>,
}

/// A video that can be watched.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transcoded {
    /// The video.
    pub video: VideoRef,
    /// The last that Vimeo said.
    pub state: TranscodeState,
    /// How long it took from the first question.
    pub waited: Duration,
}

impl WaitTranscoded {
    pub(crate) fn new(vimeo: Vimeo, video: VideoRef) -> Self {
        let pace = Pace {
            first: Duration::from_secs(2),
            longest: Duration::from_secs(60),
            timeout: Duration::from_secs(6 * 3600),
        };
        Self { vimeo, video, pace, on_state: None }
    }

    /// The time to wait. Default: six hours.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.pace.timeout = timeout;
        self
    }

    /// The first and the longest time between two questions; each is half as long again as the one before. Default: 2 s
    /// and 60 s. Every question counts for the account's rate limit, and waits for its turn there.
    pub fn poll_interval(mut self, first: Duration, longest: Duration) -> Self {
        self.pace.first = first;
        self.pace.longest = longest;
        self
    }

    /// Calls `callback` with each answer.
    pub fn on_state(mut self, callback: impl FnMut(&TranscodeState) + Send + 'static) -> Self {
        self.on_state = Some(Box::new(callback));
        self
    }

    /// Waits.
    ///
    /// # Errors
    ///
    /// [`MediaError::TranscodeFailed`] and [`MediaError::UploadFailed`] when it will never be watched,
    /// [`MediaError::Timeout`] when the time is over; [`Error::Call`] when it is not there, or not for this token.
    pub async fn send(mut self) -> Result<Transcoded, Error> {
        let id = self.video.id_for("get_video")?;
        let begun = Instant::now();
        let fields = "upload.status,upload.error,transcode.status,status";
        let question = self.vimeo.api().videos().get_video(id).fields(fields).into_call();
        let mut last = None;
        let done = poll(self.pace, question, |video| {
            let state = TranscodeState::of(video);
            if let Some(callback) = &mut self.on_state {
                callback(&state);
            }
            tracing::debug!(video = id.number(), ?state, "waiting for transcoding");
            let verdict = state.verdict();
            last = state.word();
            match verdict {
                Verdict::Done => Ok(Some(state)),
                Verdict::NotYet => Ok(None),
                Verdict::Failed(status) => {
                    Err(MediaError::TranscodeFailed { video_uri: self.video.uri().to_owned(), status }.into())
                }
                Verdict::NoFile(status) => {
                    let (video_uri, error) = (self.video.uri().to_owned(), state.upload_error);
                    Err(Error::from(MediaError::UploadFailed { video_uri, status, error }))
                }
            }
        })
        .await?;
        match done {
            Some(state) => Ok(Transcoded { video: self.video, state, waited: begun.elapsed() }),
            None => {
                let (uri, after) = (self.video.uri().to_owned(), self.pace.timeout);
                Err(MediaError::Timeout { uri, after, last }.into())
            }
        }
    }
}

impl fmt::Debug for WaitTranscoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitTranscoded")
            .field("video", &self.video)
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Done,
    NotYet,
    Failed(String),
    NoFile(UploadStatus),
}

impl TranscodeState {
    #[allow(deprecated, reason = "the older word alone says that a quota was exceeded")]
    fn of(video: types::Video) -> Self {
        let upload = video.upload;
        Self {
            upload: upload.as_ref().and_then(|upload| upload.status.clone()),
            upload_error: upload.and_then(|upload| upload.error),
            transcode: video.transcode.and_then(|transcode| transcode.status),
            status: video.status,
        }
    }

    /// What it comes to. `transcode` has the word; the older `status` is asked where it says nothing.
    fn verdict(&self) -> Verdict {
        if let Some(status @ (UploadStatus::Error | UploadStatus::Canceled)) = &self.upload {
            return Verdict::NoFile(status.clone());
        }
        match &self.transcode {
            Some(TranscodeStatus::Complete) => return Verdict::Done,
            Some(status @ TranscodeStatus::Error) => return Verdict::Failed(status.to_string()),
            Some(TranscodeStatus::InProgress) => return Verdict::NotYet,
            _ => {}
        }
        match &self.status {
            Some(VideoStatus::Available) => Verdict::Done,
            Some(
                status @ (VideoStatus::Failed
                | VideoStatus::TranscodingError
                | VideoStatus::UploadingError
                | VideoStatus::QuotaExceeded
                | VideoStatus::TotalCapExceeded),
            ) => Verdict::Failed(status.to_string()),
            _ => Verdict::NotYet,
        }
    }

    /// The most telling word.
    fn word(&self) -> Option<String> {
        let transcode = self.transcode.as_ref().map(ToString::to_string);
        transcode.or_else(|| self.status.as_ref().map(ToString::to_string))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_comes_to_something() {
        let failed = |word: &str| Verdict::Failed(word.to_owned());
        // (upload, transcode, status, verdict); empty for absent
        let table = [
            ("complete", "complete", "", Verdict::Done),
            ("", "complete", "", Verdict::Done),
            ("complete", "in_progress", "transcoding", Verdict::NotYet),
            // A new file for a video that can still be watched with its old one.
            ("complete", "in_progress", "available", Verdict::NotYet),
            ("in_progress", "", "uploading", Verdict::NotYet),
            ("", "", "", Verdict::NotYet),
            ("", "a new word", "", Verdict::NotYet),
            ("", "a new word", "available", Verdict::Done),
            ("", "", "available", Verdict::Done),
            ("", "", "unavailable", Verdict::NotYet),
            ("complete", "error", "available", failed("error")),
            ("", "", "transcoding_error", failed("transcoding_error")),
            ("", "", "quota_exceeded", failed("quota_exceeded")),
            ("error", "in_progress", "", Verdict::NoFile(UploadStatus::Error)),
            ("canceled", "", "", Verdict::NoFile(UploadStatus::Canceled)),
        ];
        fn word<T: vimeo_api::OpenEnum>(text: &str) -> Option<T> {
            (!text.is_empty()).then(|| T::from_value(text))
        }
        for (upload, transcode, status, verdict) in table {
            let state = TranscodeState {
                upload: word(upload),
                upload_error: None,
                transcode: word(transcode),
                status: word(status),
            };
            assert_eq!(state.verdict(), verdict, "{state:?}");
        }
    }
}
