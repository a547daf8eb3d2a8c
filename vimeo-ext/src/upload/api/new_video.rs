//! A new video out of a file.

use serde::Serialize;
use vimeo_api::{ResourceUri, types};

use super::begin::{Created, StartedUpload, UploadIntent, UploadJob, begin, end};
use super::{CreateVideo, Warning, kept_settings};
use crate::upload::{
    IntoSource, Journal, Progress, Purpose, Upload, UploadHandle, UploadOptions, UploadTicket, Uploaded,
};
use crate::{Error, Vimeo};

/// What of the answer to a creation is read.
const CREATED: &str = "uri,link,upload.approach,upload.upload_link,privacy.view";

/// The bytes come from here, over tus.
pub struct SourceBacked(UploadJob);

/// An upload of a new video; from [`Vimeo::upload`].
pub type UploadVideo = CreateVideo<SourceBacked>;

/// A video whose bytes have all arrived. Vimeo has yet to transcode it.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct NewVideo {
    /// Its URI, as `/videos/123`.
    pub uri: String,
    /// Its page.
    pub link: Option<String>,
    /// How the upload went.
    pub uploaded: Uploaded,
    /// Whether an earlier run had created it, and this one went on with it.
    pub continued: bool,
    /// What may be a mistake about the file.
    pub warnings: Vec<Warning>,
}

impl NewVideo {
    /// Its number, for the typed calls.
    pub fn id(&self) -> Option<u64> {
        self.uri.parse::<ResourceUri>().ok()?.id_of("videos")
    }
}

impl CreateVideo<SourceBacked> {
    pub(crate) fn from_source(vimeo: Vimeo, source: impl IntoSource) -> Self {
        Self::by(vimeo, types::UploadApproach::Tus, SourceBacked(UploadJob::new(source)))
    }

    /// How the bytes are sent: chunks, timeouts, tries, bandwidth.
    pub fn options(mut self, options: UploadOptions) -> Self {
        self.way.0.options = options;
        self
    }

    /// Sends the bytes in requests of at most so many; [`SUGGESTED_CHUNK`](crate::upload::SUGGESTED_CHUNK) is a good value.
    /// Default: one request for all of them. Zero is refused when it is sent.
    ///
    /// ```no_run
    /// # fn demo(vimeo: vimeo_ext::Vimeo) {
    /// let upload = vimeo.upload("film.mp4").chunk_size(1 << 20).bandwidth(4 << 20);
    /// # }
    /// ```
    pub fn chunk_size(mut self, bytes: u64) -> Self {
        self.way.0.chunk_size = Some(bytes);
        self
    }

    /// Limits the bytes per second. Default: no limit. Zero is refused when it is sent. For a limit that several uploads
    /// share, or that changes, give a [`Bandwidth`](crate::upload::Bandwidth) with [`options`](Self::options).
    pub fn bandwidth(mut self, bytes_per_second: u64) -> Self {
        self.way.0.bandwidth = Some(bytes_per_second);
        self
    }

    /// Whether an upload of the same file that an earlier run began is given up first, whatever its settings: what waits
    /// for the file is deleted, and its journal entry forgotten. Default: no, the earlier upload goes on. Needs the scope
    /// `delete`.
    ///
    /// An earlier upload of which it is not known whether its video was created is still an error.
    pub fn start_over(mut self, start_over: bool) -> Self {
        self.way.0.start_over = start_over;
        self
    }

    /// Where the upload is written down until it is finished, so that the same call goes on with the same video after the
    /// process was killed; `None` for nowhere. Default: what [`VimeoBuilder::journal`](crate::VimeoBuilder::journal) says,
    /// which is the platform's state folder unless told otherwise.
    ///
    /// Only files named by their path are written down. The same upload is the same file, account and API address; one
    /// that was begun with other settings is not taken up silently but refused, with both ways out named.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// use vimeo_ext::upload::Journal;
    /// let journal = Journal::in_folder("uploads").sha256(true); // compares whole files before it resumes
    /// let video = vimeo.upload("film.mp4").journal(journal).send().await?;
    /// if video.continued {
    ///     tracing::info!(from = video.uploaded.resumed_from, "an earlier run had begun it");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn journal(mut self, journal: impl Into<Option<Journal>>) -> Self {
        self.way.0.journal = Some(journal.into().into());
        self
    }

    /// Calls `callback` whenever there is progress. It runs between two writes: keep it short.
    pub fn on_progress(mut self, callback: impl FnMut(&Progress) + Send + 'static) -> Self {
        self.way.0.on_progress = Some(Box::new(callback));
        self
    }

    /// Calls `callback` once the video is created, or found in the journal: whoever stores the ticket can finish the upload
    /// elsewhere. It holds a secret link; keep it as you keep passwords.
    pub fn on_ticket(mut self, callback: impl FnOnce(&UploadTicket) + Send + 'static) -> Self {
        self.way.0.on_ticket = Some(Box::new(callback));
        self
    }

    /// Creates the video and uploads all bytes; or goes on with what an earlier run began.
    ///
    /// # Errors
    ///
    /// [`Error::Call`] when the video cannot be created, with variants of their own for a missing scope, missing upload
    /// access and a full quota; [`Error::Upload`] when the file cannot be uploaded, or its bytes did not all get there, then
    /// with the ticket to resume with. When Vimeo's answer to the creation is lost, that is
    /// [`UploadError::OutcomeUnknown`](crate::upload::UploadError::OutcomeUnknown): a video may be there that nobody knows of.
    pub async fn send(self) -> Result<NewVideo, Error> {
        let StartedUpload { upload, ticket, page, continued, warnings, .. } = self.prepare().await?;
        match upload.run().await {
            Ok(uploaded) => {
                let uri = ticket.video_uri().to_owned();
                Ok(NewVideo { uri, link: page, uploaded, continued, warnings })
            }
            Err(source) => Err(Error::Upload { source: Box::new(source), ticket: Some(Box::new(ticket)) }),
        }
    }

    /// Creates the video and stops there: the ticket is what another process, or a browser, needs to send the bytes, without
    /// the access token. The source has to be there nonetheless, for its size. Nothing is written to a journal: the upload
    /// is the other's from here on.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), without [`Error::Upload`] for the bytes.
    pub async fn ticket(self) -> Result<UploadTicket, Error> {
        Ok(self.journal(None).prepare().await?.ticket)
    }

    /// Creates the video, and gives the future that uploads and a handle that watches, pauses, resumes, cancels and abandons
    /// it.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), Box<dyn std::error::Error>> {
    /// let (upload, handle) = vimeo.upload("film.mp4").controlled().await?;
    /// let upload = tokio::spawn(upload);
    /// handle.pause();
    /// handle.resume();
    /// let video = upload.await??;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`ticket`](Self::ticket); the future's as [`send`](Self::send).
    pub async fn controlled(
        self,
    ) -> Result<(impl Future<Output = Result<NewVideo, Error>> + Send + 'static, UploadHandle), Error> {
        let vimeo = self.vimeo.clone();
        let StartedUpload { upload, ticket, page, continued, warnings, entry, .. } = self.prepare().await?;
        let (running, handle) = upload.controlled();
        let control = handle.clone();
        let upload = async move {
            let uri = ticket.video_uri().to_owned();
            let uploaded = end(&vimeo, &control, running.await, ticket, (None, false), entry).await?;
            Ok(NewVideo { uri, link: page, uploaded, continued, warnings })
        };
        Ok((upload, handle))
    }

    /// Creates the video and gives the upload before it runs, which then needs no token; [`controlled`](Self::controlled)
    /// ends in the [`NewVideo`].
    ///
    /// # Errors
    ///
    /// As [`ticket`](Self::ticket).
    pub async fn begin(self) -> Result<Upload, Error> {
        Ok(self.prepare().await?.upload)
    }

    async fn prepare(self) -> Result<StartedUpload, Error> {
        let Self { vimeo, mut body, way: SourceBacked(transfer) } = self;
        body = super::create::checked(body)?;
        let intent = UploadIntent {
            purpose: Purpose::NewVideo,
            what: "a video".to_owned(),
            settings: kept_settings::kept(&body),
            video_uri: None,
        };
        let api = vimeo.api().clone();
        begin(&vimeo, transfer, intent, move |source| {
            body.upload.size = Some(source.size());
            let call = api.videos().create_my_video(body).fields(CREATED);
            call.into_call().with_response_type::<Created>()
        })
        .await
    }
}
