//! Running uploads, by the IDs that agents have of them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::error::{BoxedError, ErrorKind, ToolError, invalid};
use super::random;
use super::upload_folders::{self, AllowedFile};

/// How long a call waits for an upload before it returns while the upload continues.
pub(crate) const FOREGROUND_WAIT: Duration = Duration::from_secs(20);

/// The maximum number of running uploads per account and caller.
const MAX_RUNNING: usize = 20;

/// The maximum number of uploads per account and caller, running and ended, whose state is retained.
const MAX_RETAINED: usize = 100;

/// The folders whose files may be uploaded, and the uploads themselves; for [`Tools::uploads`](super::Tools::uploads).
/// Clones share the uploads.
///
/// An agent must not be able to publish any file of the machine, so no file may be uploaded until a folder is allowed.
#[derive(Clone, Default)]
pub struct Uploads {
    folders: Arc<Vec<PathBuf>>,
    uploads: Arc<Mutex<Vec<(String, UploadHandle)>>>,
}

/// An upload, running or ended.
#[derive(Debug, Clone)]
pub(crate) struct UploadHandle {
    /// The account and caller.
    pub(crate) account: String,
    /// The current state.
    pub(crate) state: watch::Receiver<State>,
    task: AbortHandle,
}

/// The state of an upload.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum State {
    /// The upload is running.
    Running { sent: u64, total: u64 },
    /// The upload is complete: the video's URI, and the version's if it replaced the file of a video.
    Done { video: String, version: Option<String>, bytes: u64 },
    /// The upload failed.
    Failed(BoxedError),
}

impl Uploads {
    /// Allows uploads of files below these folders.
    pub fn from_folders(folders: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        let folders = folders.into_iter().map(Into::into).collect();
        Self { folders: Arc::new(folders), uploads: Arc::default() }
    }

    /// Opens the file at this path if it may be uploaded.
    pub(crate) async fn open(&self, path: &str) -> Result<AllowedFile, BoxedError> {
        if self.folders.is_empty() {
            let error = ToolError::new(
                ErrorKind::Plan,
                "No folder is allowed for uploads; nothing was sent.",
                "Ask the person to allow a folder when starting the tools.",
            );
            return Err(Box::new(ToolError { field: Some("path".to_owned()), ..error }));
        }
        let path = PathBuf::from(path);
        if !path.is_absolute() {
            return invalid("path", "path is not absolute.", "Give the absolute path.");
        }
        let folders = Arc::clone(&self.folders);
        let opened = tokio::task::spawn_blocking(move || upload_folders::open(&folders, &path)).await;
        // The same error for a file outside and a missing file, so that nothing is revealed about other files.
        match opened.ok().flatten() {
            Some(file) => Ok(file),
            None => invalid("path", "No such file in the folders for uploads.", "Check the path."),
        }
    }

    /// Starts an upload unless too many are running; returns its ID and handle.
    pub(crate) fn start(
        &self,
        account: String,
        start: impl FnOnce() -> (watch::Receiver<State>, AbortHandle),
    ) -> Result<(String, UploadHandle), BoxedError> {
        let mut uploads = self.lock();
        let own = |(_, upload): &&(String, UploadHandle)| upload.account == account;
        let running = uploads.iter().filter(own).filter(|(_, upload)| !upload.task.is_finished()).count();
        if running >= MAX_RUNNING {
            let message = format!("{running} uploads of this account are running; nothing was sent.");
            let next = "Wait until vimeo_upload_get says that one has ended, or stop one.";
            let error = ToolError::new(ErrorKind::Conflict, message, next);
            return Err(Box::new(ToolError { retryable: true, ..error }));
        }
        if uploads.iter().filter(own).count() >= MAX_RETAINED {
            let oldest =
                uploads.iter().position(|(_, upload)| upload.account == account && upload.task.is_finished());
            if let Some(index) = oldest {
                uploads.remove(index);
            }
        }
        let id = format!("upload-{}", random::token(12));
        let (state, task) = start();
        let upload = UploadHandle { account, state, task };
        uploads.push((id.clone(), upload.clone()));
        Ok((id, upload))
    }

    /// Returns the account's upload with this ID.
    pub(crate) fn find(&self, account: &str, id: &str) -> Option<UploadHandle> {
        let uploads = self.lock();
        let found = uploads.iter().find(|(known, upload)| known == id && upload.account == account);
        found.map(|(_, upload)| upload.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(String, UploadHandle)>> {
        // A panic cannot leave it inconsistent: each change is one push or removal.
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UploadHandle {
    /// Stops the upload. The journal has its offset.
    pub(crate) fn stop(&self) {
        self.task.abort();
    }
}

impl std::fmt::Debug for Uploads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Uploads")
            .field("folders", &self.folders)
            .field("uploads", &self.lock().len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts an upload that never ends, or one that has ended.
    fn upload_task(ended: bool) -> (watch::Receiver<State>, AbortHandle) {
        let (sender, state) = watch::channel(State::Running { sent: 0, total: 0 });
        let task = tokio::spawn(async move {
            if !ended {
                std::future::pending::<()>().await;
            }
            drop(sender);
        });
        (state, task.abort_handle())
    }

    #[tokio::test]
    async fn running_uploads_are_limited_per_account() {
        let uploads = Uploads::from_folders(["/films"]);
        for number in 0..MAX_RUNNING {
            assert!(uploads.start("a".to_owned(), || upload_task(false)).is_ok(), "{number}");
        }
        let refused = uploads.start("a".to_owned(), || panic!("it does not start")).unwrap_err();
        assert_eq!((refused.kind, refused.retryable), (ErrorKind::Conflict, true), "{refused}");
        let (first, running) = uploads.start("b".to_owned(), || upload_task(false)).unwrap();
        assert!(uploads.find("b", &first).is_some() && uploads.find("a", &first).is_none());
        running.stop();
        assert_eq!(uploads.lock().len(), MAX_RUNNING + 1);
    }

    #[tokio::test]
    async fn oldest_ended_uploads_are_dropped_but_never_running_ones() {
        let uploads = Uploads::from_folders(["/films"]);
        let (running, _) = uploads.start("a".to_owned(), || upload_task(false)).unwrap();
        let mut ended = Vec::new();
        for _ in 0..2 * MAX_RETAINED {
            let (id, upload) = uploads.start("a".to_owned(), || upload_task(true)).unwrap();
            while !upload.task.is_finished() {
                tokio::task::yield_now().await;
            }
            ended.push(id);
        }
        assert_eq!(uploads.lock().len(), MAX_RETAINED);
        assert!(uploads.find("a", &running).is_some());
        assert!(uploads.find("a", &ended[0]).is_none());
        assert!(uploads.find("a", ended.last().unwrap()).is_some());
    }
}
