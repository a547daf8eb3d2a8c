//! Uploads many files, each to a video of its own.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::upload::{Bandwidth, Progress, QueueHandle, QueueResult, UploadQueue};
use crate::{Error, UploadVideo, Vimeo};

type Configure = Box<dyn FnMut(UploadVideo, &Path) -> UploadVideo + Send>;
type OnProgress = Box<dyn FnMut(&Progress) + Send>;

/// Uploads of many files; from [`Vimeo::upload_many`].
#[must_use = "nothing is uploaded until send() is awaited"]
pub struct UploadMany {
    vimeo: Vimeo,
    paths: Vec<PathBuf>,
    concurrency: usize,
    bandwidth: Option<Bandwidth>,
    configure: Option<Configure>,
    on_progress: Option<OnProgress>,
}

const DEFAULT_CONCURRENCY: usize = 3;

/// Uploads of many files.
impl Vimeo {
    /// Uploads many files, a few at a time, each to a video of its own.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// use vimeo_ext::api::types::VideoViewPrivacy;
    /// let uploads = vimeo.upload_many(["a.mp4", "b.mp4"]);
    /// let uploads = uploads.each(|upload, _| upload.privacy(VideoViewPrivacy::Nobody));
    /// for result in uploads.send().await? {
    ///     match result.outcome {
    ///         Ok(uploaded) => tracing::info!(file = result.name, video = uploaded.video_uri, "uploaded"),
    ///         Err(error) => tracing::error!(file = result.name, %error, "not uploaded"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn upload_many(&self, paths: impl IntoIterator<Item = impl Into<PathBuf>>) -> UploadMany {
        UploadMany {
            vimeo: self.clone(),
            paths: paths.into_iter().map(Into::into).collect(),
            concurrency: DEFAULT_CONCURRENCY,
            bandwidth: None,
            configure: None,
            on_progress: None,
        }
    }
}

impl UploadMany {
    /// Sets how many files are uploaded at the same time; at least one. Default: 3. A video is created when the upload of its
    /// file starts.
    pub fn concurrency(mut self, files: usize) -> Self {
        self.concurrency = files;
        self
    }

    /// Limits the bytes per second of all uploads together. Default: no limit.
    pub fn bandwidth(mut self, bandwidth: impl Into<Option<Bandwidth>>) -> Self {
        self.bandwidth = bandwidth.into();
        self
    }

    /// Configures each upload: settings, options, its own progress. The default title is the file's name without its
    /// extension.
    pub fn each(mut self, configure: impl FnMut(UploadVideo, &Path) -> UploadVideo + Send + 'static) -> Self {
        self.configure = Some(Box::new(configure));
        self
    }

    /// Calls `callback` on every progress, with the totals of all files. Keep it short.
    pub fn on_progress(mut self, callback: impl FnMut(&Progress) + Send + 'static) -> Self {
        self.on_progress = Some(Box::new(callback));
        self
    }

    /// Uploads all files. A failure does not stop the other uploads. The results are in the order of the files, each with
    /// its path.
    ///
    /// # Errors
    ///
    /// Only if no HTTP client can be built. The error of a file is in its result.
    pub async fn send(self) -> Result<Vec<QueueResult<Error>>, Error> {
        Ok(self.queue().await?.run().await?)
    }

    /// Returns the future that uploads all files, and a handle that reports progress, pauses, resumes and cancels them.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn controlled(
        self,
    ) -> Result<
        (impl Future<Output = Result<Vec<QueueResult<Error>>, Error>> + Send + 'static, QueueHandle),
        Error,
    > {
        let (running, handle) = self.queue().await?.controlled();
        Ok((async move { Ok(running.await?) }, handle))
    }

    async fn queue(mut self) -> Result<UploadQueue<Error>, Error> {
        let mut queue =
            UploadQueue::new(self.concurrency).bandwidth(self.bandwidth).client(self.vimeo.link_client()?);
        if let Some(callback) = self.on_progress {
            queue = queue.on_progress(callback);
        }
        for path in self.paths {
            // For the total only: a missing file is reported when its upload starts.
            let size = tokio::fs::metadata(&path).await.map_or(0, |metadata| metadata.len());
            let mut upload = self.vimeo.upload(&path);
            if let Some(stem) = path.file_stem() {
                upload = upload.name(stem.to_string_lossy());
            }
            if let Some(configure) = &mut self.configure {
                upload = configure(upload, &path);
            }
            queue.add(path.display().to_string(), size, upload.begin());
        }
        Ok(queue)
    }
}

impl fmt::Debug for UploadMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadMany")
            .field("paths", &self.paths)
            .field("concurrency", &self.concurrency)
            .field("bandwidth", &self.bandwidth)
            .finish_non_exhaustive()
    }
}
