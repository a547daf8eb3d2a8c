//! Waits until a video is transcoded.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;
use vimeo_api::types::{self, TranscodeStatus, UploadStatus, VideoStatus};
use vimeo_api::{InvalidId, VideoId};

use super::poll::{PollSchedule, poll};
use crate::error::MediaError;
use crate::upload::valid_id;
use crate::{Error, Vimeo};

/// A wait for the transcoding of a video; from [`Vimeo::wait_transcoded`].
#[must_use = "the wait starts when send() is awaited"]
pub struct WaitTranscoded {
    vimeo: Vimeo,
    video: Result<VideoId, InvalidId>,
    schedule: PollSchedule,
    on_state: Option<OnState>,
}

type OnState = Box<dyn FnMut(&TranscodeState) + Send>;

/// The state of a video in Vimeo's response. Each member can be absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TranscodeState {
    /// The status of the upload.
    pub upload: Option<UploadStatus>,
    /// Why the upload failed.
    pub upload_error: Option<types::UploadError>,
    /// The status of the transcoding.
    pub transcode: Option<TranscodeStatus>,
    /// The older status that covers both.
    pub status: Option<VideoStatus>,
}

/// A video that can be played.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transcoded {
    /// The video.
    pub video: VideoId,
    /// The last state that Vimeo returned.
    pub state: TranscodeState,
    /// The time since the first call.
    pub waited: Duration,
}

/// Waiting for transcoding.
impl Vimeo {
    /// Waits until Vimeo has transcoded a video, or fails to.
    ///
    /// Vimeo does not announce the end, so this polls the video with growing intervals.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// use std::time::Duration;
    /// let video = vimeo.upload("film.mp4").send().await?;
    /// vimeo.wait_transcoded(&video).timeout(Duration::from_secs(3600)).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait_transcoded(&self, video: impl TryInto<VideoId, Error: Into<InvalidId>>) -> WaitTranscoded {
        let schedule = PollSchedule {
            initial: Duration::from_secs(2),
            max: Duration::from_secs(60),
            timeout: Duration::from_secs(6 * 3600),
        };
        let video = video.try_into().map_err(Into::into);
        WaitTranscoded { vimeo: self.clone(), video, schedule, on_state: None }
    }
}

impl WaitTranscoded {
    /// Sets how long to wait. Default: six hours.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.schedule.timeout = timeout;
        self
    }

    /// Sets the first and the longest interval between two calls; each interval is 1.5 times as long as the one before.
    /// Default: 2 s and 60 s. Each call counts against the account's rate limit, and waits for it.
    pub fn poll_interval(mut self, initial: Duration, max: Duration) -> Self {
        self.schedule.initial = initial;
        self.schedule.max = max;
        self
    }

    /// Calls `callback` with the state in each response.
    pub fn on_state(mut self, callback: impl FnMut(&TranscodeState) + Send + 'static) -> Self {
        self.on_state = Some(Box::new(callback));
        self
    }

    /// Waits for the transcoding.
    ///
    /// # Errors
    ///
    /// - [`MediaError::TranscodeFailed`] and [`MediaError::UploadFailed`] if the video will never be playable.
    /// - [`MediaError::Timeout`] at the timeout.
    /// - [`Error::Call`] if the video does not exist or is not visible to the token.
    pub async fn send(mut self) -> Result<Transcoded, Error> {
        let id = valid_id("get_video", self.video)?;
        let started = Instant::now();
        let fields = "upload.status,upload.error,transcode.status,status";
        let call = self.vimeo.api().videos().get_video(&id).fields(fields).into_call();
        let mut last = None;
        let done = poll(self.schedule, call, |video| {
            let state = TranscodeState::of(video);
            if let Some(callback) = &mut self.on_state {
                callback(&state);
            }
            tracing::debug!(video = id.number(), ?state, "waiting for transcoding");
            let outcome = state.outcome();
            last = state.status_text();
            match outcome {
                TranscodeOutcome::Done => Ok(Some(state)),
                TranscodeOutcome::Pending => Ok(None),
                TranscodeOutcome::Failed(status) => {
                    Err(MediaError::TranscodeFailed { video_uri: id.uri(), status }.into())
                }
                TranscodeOutcome::UploadFailed(status) => {
                    let (video_uri, error) = (id.uri(), state.upload_error);
                    Err(Error::from(MediaError::UploadFailed { video_uri, status, error }))
                }
            }
        })
        .await?;
        match done {
            Some(state) => Ok(Transcoded { video: id, state, waited: started.elapsed() }),
            None => {
                let (uri, after) = (id.uri(), self.schedule.timeout);
                Err(MediaError::Timeout { uri, after, last }.into())
            }
        }
    }
}

impl fmt::Debug for WaitTranscoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitTranscoded")
            .field("video", &self.video)
            .field("schedule", &self.schedule)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, PartialEq, Eq)]
enum TranscodeOutcome {
    Done,
    Pending,
    Failed(String),
    UploadFailed(UploadStatus),
}

impl TranscodeState {
    #[allow(deprecated, reason = "only the older status says that a quota was exceeded")]
    fn of(video: types::Video) -> Self {
        let upload = video.upload;
        Self {
            upload: upload.as_ref().and_then(|upload| upload.status.clone()),
            upload_error: upload.and_then(|upload| upload.error),
            transcode: video.transcode.and_then(|transcode| transcode.status),
            status: video.status,
        }
    }

    /// Returns what the state amounts to. `transcode` takes precedence over the older `status`.
    fn outcome(&self) -> TranscodeOutcome {
        if let Some(status @ (UploadStatus::Error | UploadStatus::Canceled)) = &self.upload {
            return TranscodeOutcome::UploadFailed(status.clone());
        }
        match &self.transcode {
            Some(TranscodeStatus::Complete) => return TranscodeOutcome::Done,
            Some(status @ TranscodeStatus::Error) => return TranscodeOutcome::Failed(status.to_string()),
            Some(TranscodeStatus::InProgress) => return TranscodeOutcome::Pending,
            _ => {}
        }
        match &self.status {
            Some(VideoStatus::Available) => TranscodeOutcome::Done,
            Some(
                status @ (VideoStatus::Failed
                | VideoStatus::TranscodingError
                | VideoStatus::UploadingError
                | VideoStatus::QuotaExceeded
                | VideoStatus::TotalCapExceeded),
            ) => TranscodeOutcome::Failed(status.to_string()),
            _ => TranscodeOutcome::Pending,
        }
    }

    /// Returns the more specific status.
    fn status_text(&self) -> Option<String> {
        let transcode = self.transcode.as_ref().map(ToString::to_string);
        transcode.or_else(|| self.status.as_ref().map(ToString::to_string))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_an_outcome() {
        let failed = |status: &str| TranscodeOutcome::Failed(status.to_owned());
        // (upload, transcode, status, outcome); empty if absent
        let table = [
            ("complete", "complete", "", TranscodeOutcome::Done),
            ("", "complete", "", TranscodeOutcome::Done),
            ("complete", "in_progress", "transcoding", TranscodeOutcome::Pending),
            // A new file for a video whose old file can still be played.
            ("complete", "in_progress", "available", TranscodeOutcome::Pending),
            ("in_progress", "", "uploading", TranscodeOutcome::Pending),
            ("", "", "", TranscodeOutcome::Pending),
            ("", "a new value", "", TranscodeOutcome::Pending),
            ("", "a new value", "available", TranscodeOutcome::Done),
            ("", "", "available", TranscodeOutcome::Done),
            ("", "", "unavailable", TranscodeOutcome::Pending),
            ("complete", "error", "available", failed("error")),
            ("", "", "transcoding_error", failed("transcoding_error")),
            ("", "", "quota_exceeded", failed("quota_exceeded")),
            ("error", "in_progress", "", TranscodeOutcome::UploadFailed(UploadStatus::Error)),
            ("canceled", "", "", TranscodeOutcome::UploadFailed(UploadStatus::Canceled)),
        ];
        fn value<T: vimeo_api::OpenEnum>(text: &str) -> Option<T> {
            (!text.is_empty()).then(|| T::from_value(text))
        }
        for (upload, transcode, status, outcome) in table {
            let state = TranscodeState {
                upload: value(upload),
                upload_error: None,
                transcode: value(transcode),
                status: value(status),
            };
            assert_eq!(state.outcome(), outcome, "{state:?}");
        }
    }
}
