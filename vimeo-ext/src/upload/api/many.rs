//! Many files, each a video of its own.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::upload::{Bandwidth, Progress, QueueHandle, QueueResult, UploadQueue};
use crate::{Error, UploadVideo, Vimeo};

type Each = Box<dyn FnMut(UploadVideo, &Path) -> UploadVideo + Send>;
type OnProgress = Box<dyn FnMut(&Progress) + Send>;

/// Uploads of many files; from [`Vimeo::upload_many`].
#[must_use = "nothing is uploaded until send() is awaited"]
pub struct UploadMany {
    vimeo: Vimeo,
    paths: Vec<PathBuf>,
    at_once: usize,
    bandwidth: Option<Bandwidth>,
    each: Option<Each>,
    on_progress: Option<OnProgress>,
}

/// How many files are under way at a time, unless told otherwise.
const DEFAULT_CONCURRENCY: usize = 3;

impl UploadMany {
    pub(crate) fn new(vimeo: Vimeo, paths: Vec<PathBuf>) -> Self {
        Self { vimeo, paths, at_once: DEFAULT_CONCURRENCY, bandwidth: None, each: None, on_progress: None }
    }

    /// How many files are under way at a time; at least one. Default: 3. A video is created when its file's turn comes.
    pub fn concurrency(mut self, files: usize) -> Self {
        self.at_once = files;
        self
    }

    /// The bytes a second of all together. Default: no limit.
    pub fn bandwidth(mut self, bandwidth: impl Into<Option<Bandwidth>>) -> Self {
        self.bandwidth = bandwidth.into();
        self
    }

    /// Sets up each upload: settings, progress of its own, options. Its title is the file's name without the ending, unless
    /// this gives it another.
    pub fn each(mut self, set_up: impl FnMut(UploadVideo, &Path) -> UploadVideo + Send + 'static) -> Self {
        self.each = Some(Box::new(set_up));
        self
    }

    /// Calls `callback` whenever there is progress; the numbers are the sums of all files. Keep it short.
    pub fn on_progress(mut self, callback: impl FnMut(&Progress) + Send + 'static) -> Self {
        self.on_progress = Some(Box::new(callback));
        self
    }

    /// Uploads all; one that fails does not stop the others. The results are in the order of the files, each under its path.
    ///
    /// # Errors
    ///
    /// Only when there is no HTTP client to upload with; what goes wrong with a file is in its result.
    pub async fn send(self) -> Result<Vec<QueueResult<Error>>, Error> {
        Ok(self.queue().await?.run().await?)
    }

    /// Gives the uploads before they run, and a handle that watches, pauses, resumes and cancels them.
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
            UploadQueue::new(self.at_once).bandwidth(self.bandwidth).client(self.vimeo.link_client()?);
        if let Some(callback) = self.on_progress {
            queue = queue.on_progress(callback);
        }
        for path in self.paths {
            // For the sum alone: what is not there says so when its turn comes.
            let size = tokio::fs::metadata(&path).await.map_or(0, |metadata| metadata.len());
            let mut upload = self.vimeo.upload(&path);
            if let Some(stem) = path.file_stem() {
                upload = upload.name(stem.to_string_lossy());
            }
            if let Some(set_up) = &mut self.each {
                upload = set_up(upload, &path);
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
            .field("at_once", &self.at_once)
            .field("bandwidth", &self.bandwidth)
            .finish_non_exhaustive()
    }
}
