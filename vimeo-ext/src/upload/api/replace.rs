//! Another file for a video that is there.

use std::fmt;
use std::path::Path;

use serde_json::Value;
use vimeo_api::types;

use super::begin::{Created, StartedUpload, UploadIntent, UploadJob, begin, end};
use super::{VideoRef, Warning};
use crate::upload::{
    IntoSource, Journal, Progress, Purpose, Upload, UploadHandle, UploadOptions, UploadTicket, Uploaded,
};
use crate::{Error, Vimeo};

/// An upload of a new file for a video; from [`Vimeo::replace`].
#[must_use = "nothing is replaced until send() is awaited"]
pub struct Replace {
    vimeo: Vimeo,
    video: VideoRef,
    file_name: Option<String>,
    transfer: UploadJob,
}

/// A video whose new file has arrived. Vimeo has yet to transcode it; the old one plays until then.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReplacedVersion {
    /// The video, as it was named by the caller: Vimeo's answer names the version only.
    pub video: VideoRef,
    /// The version that the file became, as `/videos/123/versions/456`, where Vimeo's answer named it.
    pub version_uri: Option<String>,
    /// How the upload went.
    pub uploaded: Uploaded,
    /// Whether an earlier run had begun it, and this one went on with it.
    pub continued: bool,
    /// What may be a mistake about the file.
    pub warnings: Vec<Warning>,
}

impl Replace {
    pub(crate) fn new(vimeo: Vimeo, video: VideoRef, source: impl IntoSource) -> Self {
        Self { vimeo, video, file_name: None, transfer: UploadJob::new(source) }
    }

    /// The name of the version. Default: the file's name.
    pub fn file_name(mut self, name: impl Into<String>) -> Self {
        self.file_name = Some(name.into());
        self
    }

    /// How the bytes are sent: chunks, timeouts, tries, bandwidth.
    pub fn options(mut self, options: UploadOptions) -> Self {
        self.transfer.options = options;
        self
    }

    /// Sends the bytes in requests of at most so many; [`SUGGESTED_CHUNK`](crate::upload::SUGGESTED_CHUNK) is a good value.
    /// Default: one request for all of them. Zero is refused when it is sent.
    ///
    /// ```no_run
    /// # fn demo(vimeo: vimeo_ext::Vimeo) {
    /// let upload = vimeo.replace(76979871, "film.mp4").chunk_size(1 << 20).bandwidth(4 << 20);
    /// # }
    /// ```
    pub fn chunk_size(mut self, bytes: u64) -> Self {
        self.transfer.chunk_size = Some(bytes);
        self
    }

    /// Limits the bytes per second. Default: no limit. Zero is refused when it is sent. For a limit that several uploads
    /// share, or that changes, give a [`Bandwidth`](crate::upload::Bandwidth) with [`options`](Self::options).
    pub fn bandwidth(mut self, bytes_per_second: u64) -> Self {
        self.transfer.bandwidth = Some(bytes_per_second);
        self
    }

    /// Whether an upload of the same file that an earlier run began is given up first, whatever its settings: what waits
    /// for the file is deleted, and its journal entry forgotten. Default: no, the earlier upload goes on. Needs the scope
    /// `delete`.
    ///
    /// An earlier upload of which it is not known whether its video was created is still an error.
    pub fn start_over(mut self, start_over: bool) -> Self {
        self.transfer.start_over = start_over;
        self
    }

    /// Where it is written down until it is finished; as for [`upload`](super::CreateVideo::journal).
    pub fn journal(mut self, journal: impl Into<Option<Journal>>) -> Self {
        self.transfer.journal = Some(journal.into().into());
        self
    }

    /// Calls `callback` whenever there is progress. It runs between two writes: keep it short.
    pub fn on_progress(mut self, callback: impl FnMut(&Progress) + Send + 'static) -> Self {
        self.transfer.on_progress = Some(Box::new(callback));
        self
    }

    /// Calls `callback` once there is a place for the bytes: whoever stores the ticket can finish the upload elsewhere. It
    /// holds a secret link; keep it as you keep passwords.
    pub fn on_ticket(mut self, callback: impl FnOnce(&UploadTicket) + Send + 'static) -> Self {
        self.transfer.on_ticket = Some(Box::new(callback));
        self
    }

    /// Uploads the file; or goes on with what an earlier run began.
    ///
    /// # Errors
    ///
    /// As for an [upload](super::CreateVideo::send); [`Error::Call`] also when what was given names no video, before
    /// anything is sent.
    pub async fn send(self) -> Result<ReplacedVersion, Error> {
        let video = self.video.clone();
        let StartedUpload { upload, ticket, version_uri, continued, warnings, .. } = self.prepare().await?;
        match upload.run().await {
            Ok(uploaded) => Ok(ReplacedVersion { video, version_uri, uploaded, continued, warnings }),
            Err(source) => Err(Error::Upload { source: Box::new(source), ticket: Some(Box::new(ticket)) }),
        }
    }

    /// Gives the future that uploads and a handle that watches, pauses, resumes, cancels and abandons it.
    ///
    /// # Errors
    ///
    /// As [`begin`](Self::begin); the future's as [`send`](Self::send).
    pub async fn controlled(
        self,
    ) -> Result<(impl Future<Output = Result<ReplacedVersion, Error>> + Send + 'static, UploadHandle), Error>
    {
        let (vimeo, video) = (self.vimeo.clone(), self.video.clone());
        let StartedUpload { upload, ticket, version_uri, continued, warnings, entry, .. } =
            self.prepare().await?;
        let (running, handle) = upload.controlled();
        let control = handle.clone();
        let upload = async move {
            let waiting = (version_uri.clone(), true);
            let uploaded = end(&vimeo, &control, running.await, ticket, waiting, entry).await?;
            Ok(ReplacedVersion { video, version_uri, uploaded, continued, warnings })
        };
        Ok((upload, handle))
    }

    /// Gives the upload before it runs, which then needs no token.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), without [`Error::Upload`] for the bytes.
    pub async fn begin(self) -> Result<Upload, Error> {
        Ok(self.prepare().await?.upload)
    }

    async fn prepare(self) -> Result<StartedUpload, Error> {
        let Self { vimeo, video, file_name, transfer } = self;
        let id = video.id_for("create_video_version")?.clone();
        let number = id.number();
        let intent = UploadIntent {
            purpose: Purpose::NewVersion { video: number },
            what: format!("a version of /videos/{number}"),
            settings: Value::Null,
            video_uri: Some(video.uri().to_owned()),
        };
        let api = vimeo.api().clone();
        begin(&vimeo, transfer, intent, move |source| {
            let upload = types::UploadInput::new(types::UploadApproach::Tus).size(source.size());
            let name = file_name.unwrap_or_else(|| name_of(source.name()));
            let body = types::CreateVideoVersionBody::new(name, upload);
            let call =
                api.videos().create_video_version(&id, body).fields("uri,upload.approach,upload.upload_link");
            call.into_call().with_response_type::<Created>()
        })
        .await
    }
}

/// The last part of a path, or all of a name that is none.
fn name_of(source: &str) -> String {
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
