//! Replaces the file of a video that exists.

use std::fmt;
use std::path::Path;

use serde_json::Value;
use vimeo_api::{InvalidId, VideoId, types};

use super::Warning;
use super::abandon::finish_or_abandon;
use super::creation_response::Created;
use super::start::{StartedUpload, UploadIntent, UploadJob, start};
use crate::upload::{
    IntoSource, Journal, Progress, Purpose, Upload, UploadHandle, UploadOptions, UploadTicket, Uploaded,
    valid_id,
};
use crate::{Error, Vimeo};

/// An upload of a new file for a video; from [`Vimeo::replace`].
#[must_use = "nothing is replaced until send() is awaited"]
pub struct Replace {
    vimeo: Vimeo,
    video: Result<VideoId, InvalidId>,
    file_name: Option<String>,
    job: UploadJob,
}

/// A video whose new file was uploaded completely. The old file plays until Vimeo has transcoded the new one.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReplacedVersion {
    /// The video, as the caller named it; Vimeo's response names the version only.
    pub video: VideoId,
    /// The version that was created, such as `/videos/123/versions/456`, if Vimeo's response names it.
    pub version_uri: Option<String>,
    /// Figures about the upload.
    pub uploaded: Uploaded,
    /// Whether this call resumed an upload that an earlier run started.
    pub continued: bool,
    /// Possible mistakes about the file.
    pub warnings: Vec<Warning>,
}

/// Replacing the file of a video.
impl Vimeo {
    /// Replaces the file of a video. The URI stays the same.
    ///
    /// The video is given by a number, a URI, a link or a [`VideoId`]. Requires the `upload` scope. Resumes as
    /// [`upload`](Self::upload) does.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// let replaced = vimeo.replace("/videos/76979871", "second-cut.mp4").send().await?;
    /// tracing::info!(video = replaced.video.uri(), version = replaced.version_uri, "replaced");
    /// # Ok(())
    /// # }
    /// ```
    pub fn replace(
        &self,
        video: impl TryInto<VideoId, Error: Into<InvalidId>>,
        source: impl IntoSource,
    ) -> Replace {
        let video = video.try_into().map_err(Into::into);
        Replace { vimeo: self.clone(), video, file_name: None, job: UploadJob::new(source) }
    }
}

impl Replace {
    /// Sets the file name of the version. Default: the name of the file.
    pub fn file_name(mut self, name: impl Into<String>) -> Self {
        self.file_name = Some(name.into());
        self
    }

    /// Sets how the bytes are sent: chunks, timeouts, retries, bandwidth.
    pub fn options(mut self, options: UploadOptions) -> Self {
        self.job.options = options;
        self
    }

    /// Sets the maximum number of bytes per request; [`SUGGESTED_CHUNK`](crate::upload::SUGGESTED_CHUNK) is a good value.
    /// Default: all bytes in one request. 0 is an error from `send()`.
    ///
    /// ```no_run
    /// # fn demo(vimeo: vimeo_ext::Vimeo) {
    /// let upload = vimeo.replace(76979871, "film.mp4").chunk_size(1 << 20).bandwidth(4 << 20);
    /// # }
    /// ```
    pub fn chunk_size(mut self, bytes: u64) -> Self {
        self.job.chunk_size = Some(bytes);
        self
    }

    /// Limits the bytes per second. Default: no limit. 0 is an error from `send()`. For a limit that several uploads share,
    /// or that changes, set a [`Bandwidth`](crate::upload::Bandwidth) with [`options`](Self::options).
    pub fn bandwidth(mut self, bytes_per_second: u64) -> Self {
        self.job.bandwidth = Some(bytes_per_second);
        self
    }

    /// Sets whether to abandon an earlier upload of the same file, whatever its settings: its incomplete version and its
    /// journal entry are deleted first. Default: no, the earlier upload is resumed. Requires the `delete` scope.
    ///
    /// If it is unknown whether the earlier upload created a version, or whether that version has its file, the call still fails.
    pub fn start_over(mut self, start_over: bool) -> Self {
        self.job.start_over = start_over;
        self
    }

    /// Sets the journal that keeps the upload until it is finished; see [`CreateVideo::journal`](super::CreateVideo::journal).
    pub fn journal(mut self, journal: impl Into<Option<Journal>>) -> Self {
        self.job.journal = Some(journal.into().into());
        self
    }

    /// Calls `callback` on every progress. It runs between two writes: keep it short.
    pub fn on_progress(mut self, callback: impl FnMut(&Progress) + Send + 'static) -> Self {
        self.job.on_progress = Some(Box::new(callback));
        self
    }

    /// Calls `callback` once the version is created, or found in the journal. With the ticket, another process can finish
    /// the upload. The ticket holds a secret link: store it like a password.
    pub fn on_ticket(mut self, callback: impl FnOnce(&UploadTicket) + Send + 'static) -> Self {
        self.job.on_ticket = Some(Box::new(callback));
        self
    }

    /// Creates the version and uploads the whole file, or resumes an earlier upload of it.
    ///
    /// # Errors
    ///
    /// As for [an upload](super::CreateVideo::send). Also [`Error::Call`], before anything is sent, if the value given is not
    /// a video.
    pub async fn send(self) -> Result<ReplacedVersion, Error> {
        let (video, StartedUpload { upload, target, continued, warnings, .. }) = self.start().await?;
        match upload.run().await {
            Ok(uploaded) => {
                let version_uri = target.version_uri;
                Ok(ReplacedVersion { video, version_uri, uploaded, continued, warnings })
            }
            Err(source) => {
                Err(Error::Upload { source: Box::new(source), ticket: Some(Box::new(target.ticket)) })
            }
        }
    }

    /// Creates the version, and returns the future that uploads the file with a handle that reports progress, pauses,
    /// resumes, cancels and abandons it.
    ///
    /// # Errors
    ///
    /// As [`begin`](Self::begin); those of the future are as [`send`](Self::send).
    pub async fn controlled(
        self,
    ) -> Result<(impl Future<Output = Result<ReplacedVersion, Error>> + Send + 'static, UploadHandle), Error>
    {
        let vimeo = self.vimeo.clone();
        let (video, StartedUpload { upload, target, continued, warnings, entry }) = self.start().await?;
        let (running, handle) = upload.controlled();
        let control = handle.clone();
        let upload = async move {
            let version_uri = target.version_uri.clone();
            let uploaded = finish_or_abandon(&vimeo, &control, running.await, target, true, entry).await?;
            Ok(ReplacedVersion { video, version_uri, uploaded, continued, warnings })
        };
        Ok((upload, handle))
    }

    /// Creates the version and returns the upload before it runs. Running it takes no token.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), except errors of the transfer.
    pub async fn begin(self) -> Result<Upload, Error> {
        Ok(self.start().await?.1.upload)
    }

    async fn start(self) -> Result<(VideoId, StartedUpload), Error> {
        let Self { vimeo, video, file_name, job } = self;
        let video = valid_id("create_video_version", video)?;
        let intent = UploadIntent {
            purpose: Purpose::NewVersion { video: video.number() },
            what: format!("a version of /videos/{}", video.number()),
            settings: Value::Null,
            video_uri: Some(video.uri()),
        };
        let (api, id) = (vimeo.api().clone(), video.clone());
        let started = start(&vimeo, job, intent, move |source| {
            let upload = types::UploadInput::new(types::UploadApproach::Tus).size(source.size());
            let name = file_name.unwrap_or_else(|| base_name(source.name()));
            let body = types::CreateVideoVersionBody::new(name, upload);
            let call =
                api.videos().create_video_version(&id, body).fields("uri,upload.approach,upload.upload_link");
            call.into_call().with_response_type::<Created>()
        });
        Ok((video, started.await?))
    }
}

/// Returns the last part of a path, or the whole name if it is not a path.
fn base_name(source: &str) -> String {
    let last = Path::new(source).file_name();
    last.map_or_else(|| source.to_owned(), |name| name.to_string_lossy().into_owned())
}

impl fmt::Debug for Replace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replace")
            .field("video", &self.video)
            .field("file_name", &self.file_name)
            .finish_non_exhaustive()
    }
}
