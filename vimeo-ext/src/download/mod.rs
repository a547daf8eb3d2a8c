//! Downloads of video files.
//!
//! [`Vimeo::download`](crate::Vimeo::download) requests the links of a video's files, chooses one by its [`Quality`], and writes
//! the file. The links are signed: they get no token, and no message contains them.
//!
//! ```no_run
//! # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
//! use vimeo_ext::download::Quality;
//! let file = vimeo.download(76979871).quality(Quality::UpTo(1080)).to("film.mp4").send().await?;
//! tracing::info!(size = file.size, sha256 = file.sha256);
//! # Ok(())
//! # }
//! ```
//!
//! - **Resuming:** the bytes go to a file next to the destination, whose name ends in `.part`. If the process is killed, the same
//!   download continues with what was on the disk, at most 32 MiB before the end. It starts over if the file on the server has
//!   changed, which its entity tag or its time of change shows.
//! - **Retries:** after a failure the download continues from the last byte. Attempts without progress are limited, so that a
//!   download always ends. An expired link is requested anew.
//! - **Completeness:** the file gets its name when all its bytes are on the disk. [`DownloadedFile`] has their SHA-256.
//! - **Memory:** about 3 MiB, whatever the size.
//!
//! `quality` chooses the file, `offer` requests its link, `response` decides what a response means, `partial` is the file on the
//! disk, `transfer` moves the bytes.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod offer;
mod partial;
mod quality;
mod response;
mod transfer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use vimeo_api::{InvalidId, VideoId, is_loopback};

use self::offer::Offer;
use self::partial::PartialFile;
pub use self::quality::{InvalidQuality, Quality};
use self::transfer::{Transfer, blocking, client};
pub use crate::bandwidth::Bandwidth;
pub use crate::error::{DownloadError, TransferFailure};
use crate::{Error, RetryPolicy, Vimeo};

/// A download of a video's file; from [`Vimeo::download`].
#[must_use = "the download starts when it is awaited"]
pub struct DownloadVideo {
    vimeo: Vimeo,
    video: Result<VideoId, InvalidId>,
    quality: Quality,
    destination: Option<PathBuf>,
    options: DownloadOptions,
    on_progress: Option<OnProgress>,
}

type OnProgress = Box<dyn FnMut(&DownloadProgress) + Send>;

/// The settings of a transfer.
#[derive(Debug, Clone)]
struct DownloadOptions {
    retry: RetryPolicy,
    stall_timeout: Duration,
    bandwidth: Option<Bandwidth>,
    overwrite: bool,
}

/// How far a download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DownloadProgress {
    /// How many bytes there are, including those of earlier runs.
    pub received: u64,
    /// The size of the file in bytes, if the server tells it.
    pub total: Option<u64>,
}

/// A downloaded file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DownloadedFile {
    /// The path.
    pub path: PathBuf,
    /// The size in bytes.
    pub size: u64,
    /// The SHA-256 of the bytes, in lower-case hexadecimal digits.
    pub sha256: String,
    /// Which of the video's files it is, such as `source` or `1080p`.
    pub rendition: String,
}

/// Downloads.
impl Vimeo {
    /// Downloads the file of a video. Needs the scope `private`, and for files of other people's videos their permission.
    ///
    /// Whether Vimeo offers files depends on the owner's plan and the video's settings.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// let file = vimeo.download(76979871).to("film.mp4").send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn download(&self, video: impl TryInto<VideoId, Error: Into<InvalidId>>) -> DownloadVideo {
        DownloadVideo {
            vimeo: self.clone(),
            video: video.try_into().map_err(Into::into),
            quality: Quality::default(),
            destination: None,
            options: DownloadOptions {
                retry: RetryPolicy::default()
                    .attempts(15)
                    .backoff(Duration::from_millis(500), Duration::from_secs(30))
                    .max_retry_after(Duration::from_secs(30))
                    .max_elapsed(Duration::MAX),
                stall_timeout: Duration::from_secs(60),
                bandwidth: None,
                overwrite: false,
            },
            on_progress: None,
        }
    }
}

impl DownloadVideo {
    /// Sets which file of the video is downloaded. Default: [`Quality::Best`].
    pub fn quality(mut self, quality: Quality) -> Self {
        self.quality = quality;
        self
    }

    /// Sets the path of the file. Its folder must exist. Default: the number of the video and `.mp4`, in the current folder.
    pub fn to(mut self, path: impl Into<PathBuf>) -> Self {
        self.destination = Some(path.into());
        self
    }

    /// Replaces an existing file. Default: an existing file is an error.
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.options.overwrite = overwrite;
        self
    }

    /// Sets when a failed request is retried. Default: 15 attempts in a row without progress, with waits of at most 30 s.
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.options.retry = retry;
        self
    }

    /// Sets how long no byte may arrive before a request is aborted and retried. Default: 60 s.
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.options.stall_timeout = timeout;
        self
    }

    /// Limits the bytes per second; clones of one [`Bandwidth`] share its limit. Default: no limit.
    pub fn bandwidth(mut self, bandwidth: impl Into<Option<Bandwidth>>) -> Self {
        self.options.bandwidth = bandwidth.into();
        self
    }

    /// Calls `callback` whenever bytes have arrived.
    pub fn on_progress(mut self, callback: impl FnMut(&DownloadProgress) + Send + 'static) -> Self {
        self.on_progress = Some(Box::new(callback));
        self
    }

    /// Downloads the file. If the future is dropped, the next download resumes.
    ///
    /// # Errors
    ///
    /// - [`DownloadError`] if Vimeo does not offer the file, or it cannot be received or written.
    /// - [`Error::Call`] if the video does not exist or is not visible to the token.
    pub async fn send(self) -> Result<DownloadedFile, Error> {
        let id = self.video.map_err(|error| vimeo_api::Error::invalid("get_video", error.to_string()))?;
        let destination = self.destination.unwrap_or_else(|| format!("{}.mp4", id.number()).into());
        if !self.options.overwrite && exists(&destination).await? {
            return Err(DownloadError::Exists { path: destination }.into());
        }
        let client = self.vimeo.file_client()?;
        let uri = id.uri();
        let offer = Offer { vimeo: self.vimeo, id, quality: self.quality };
        let (rendition, link) = offer.request(None).await?;
        let (path, name) = (destination.clone(), format!("{uri} {rendition}"));
        let partial = blocking(move || PartialFile::open(&path, &name)).await?;
        let (options, on_progress) = (self.options, self.on_progress);
        let transfer = Transfer { client, uri, offer, rendition: rendition.clone(), options, on_progress };
        let finished = transfer.run(partial, link, destination.clone()).await?;
        Ok(DownloadedFile { path: destination, size: finished.size, sha256: finished.sha256, rendition })
    }
}

/// Stored in the client as an extension, so that the client does not depend on downloads.
#[derive(Clone, Default)]
struct DownloadSettings {
    /// Built when the first download needs it.
    files: Arc<OnceLock<reqwest::Client>>,
}

impl Vimeo {
    /// Returns the HTTP client for links of files, which all downloads share. It sends no token.
    fn file_client(&self) -> Result<reqwest::Client, DownloadError> {
        let files = self.extension::<DownloadSettings>().files;
        if let Some(client) = files.get() {
            return Ok(client.clone());
        }
        let client = client(is_loopback(self.api().base_url()))?;
        Ok(files.get_or_init(|| client).clone())
    }
}

async fn exists(path: &Path) -> Result<bool, Error> {
    let path = path.to_owned();
    Ok(blocking(move || Ok(path.symlink_metadata().is_ok())).await?)
}

impl fmt::Debug for DownloadVideo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownloadVideo")
            .field("video", &self.video)
            .field("quality", &self.quality)
            .field("destination", &self.destination)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Awaiting the builder is the same as `send()`.
impl IntoFuture for DownloadVideo {
    type Output = Result<DownloadedFile, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
