//! Uploads that are under way, by the handles that agents have of them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::error::{ErrorKind, Failed, ToolError};
use super::random;
use super::upload_folders::{self, AllowedFile};

/// How long a call waits for an upload before it answers that it goes on.
pub(crate) const FOREGROUND_WAIT: Duration = Duration::from_secs(20);

/// The most uploads of one account and caller that may be under way at once.
const MAX_IN_FLIGHT: usize = 20;

/// How many uploads of one account and caller are remembered, those under way included, so that their end can be asked for.
const MAX_FINISHED: usize = 100;

/// Which files may be uploaded, and what is under way; for [`Tools::uploads`](super::Tools::uploads). Clones share it.
///
/// An agent must not be able to send any file of the machine to the world, so no file may be uploaded until a folder is
/// allowed.
#[derive(Clone, Default)]
pub struct Uploads {
    folders: Arc<Vec<PathBuf>>,
    running: Arc<Mutex<Vec<(String, Running)>>>,
}

/// An upload, while it runs and after.
#[derive(Debug, Clone)]
pub(crate) struct Running {
    /// Whose it is.
    pub(crate) account: String,
    /// How far it is.
    pub(crate) state: watch::Receiver<State>,
    task: AbortHandle,
}

/// How far an upload is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum State {
    /// The bytes are on their way.
    Running { sent: u64, total: u64 },
    /// All are there; the video's URI, and the version's where it is a new file of a video.
    Done { video: String, version: Option<String>, bytes: u64 },
    /// It broke off.
    Failed(Box<ToolError>),
}

impl Uploads {
    /// Files below these folders may be uploaded.
    pub fn from_folders(folders: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        let folders = folders.into_iter().map(Into::into).collect();
        Self { folders: Arc::new(folders), running: Arc::default() }
    }

    /// Opens the file at this path, when it may be uploaded.
    pub(crate) async fn open(&self, path: &str) -> Result<AllowedFile, Failed> {
        let refuse = |message: String, next: &str| Err(Box::new(ToolError::input("path", message, next)));
        if self.folders.is_empty() {
            let failed = ToolError::new(
                ErrorKind::Plan,
                "No folder is allowed for uploads here; nothing was sent.",
                "Ask the person to allow a folder where the tools are started.",
            );
            return Err(Box::new(ToolError { field: Some("path".to_owned()), ..failed }));
        }
        let path = PathBuf::from(path);
        if !path.is_absolute() {
            return refuse("path is not absolute.".to_owned(), "Give the whole path.");
        }
        let folders = Arc::clone(&self.folders);
        let opened = tokio::task::spawn_blocking(move || upload_folders::open(&folders, &path)).await;
        // One answer for what is outside and what is not there: nothing is told of other files.
        match opened.ok().flatten() {
            Some(file) => Ok(file),
            None => refuse("There is no such file in the folders for uploads.".to_owned(), "Check the path."),
        }
    }

    /// Begins an upload and keeps it, unless too many are under way; answers its handle.
    pub(crate) fn begin(
        &self,
        account: String,
        begin: impl FnOnce() -> (watch::Receiver<State>, AbortHandle),
    ) -> Result<(String, Running), Failed> {
        let mut kept = self.lock();
        let own = |(_, kept): &&(String, Running)| kept.account == account;
        let under_way = kept.iter().filter(own).filter(|(_, kept)| !kept.task.is_finished()).count();
        if under_way >= MAX_IN_FLIGHT {
            let message = format!("{under_way} uploads of this account are under way; nothing was sent.");
            let next = "Wait until one of them has ended, as vimeo_upload_get tells, or stop one.";
            let failed = ToolError::new(ErrorKind::Conflict, message, next);
            return Err(Box::new(ToolError { retryable: true, ..failed }));
        }
        if kept.iter().filter(own).count() >= MAX_FINISHED {
            let oldest = kept.iter().position(|(_, kept)| kept.account == account && kept.task.is_finished());
            if let Some(place) = oldest {
                kept.remove(place);
            }
        }
        let id = format!("upload-{}", random::word(12));
        let (state, task) = begin();
        let running = Running { account, state, task };
        kept.push((id.clone(), running.clone()));
        Ok((id, running))
    }

    /// The account's upload of this handle.
    pub(crate) fn find(&self, account: &str, id: &str) -> Option<Running> {
        let running = self.lock();
        running
            .iter()
            .find(|(known, kept)| known == id && kept.account == account)
            .map(|(_, kept)| kept.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(String, Running)>> {
        // Each change is one push or removal.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// Stops it; the journal knows how far it got.
    pub(crate) fn stop(&self) {
        self.task.abort();
    }
}

impl std::fmt::Debug for Uploads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Uploads")
            .field("folders", &self.folders)
            .field("running", &self.lock().len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An upload that never ends, or has ended.
    fn upload(ended: bool) -> (watch::Receiver<State>, AbortHandle) {
        let (tell, state) = watch::channel(State::Running { sent: 0, total: 0 });
        let task = tokio::spawn(async move {
            if !ended {
                std::future::pending::<()>().await;
            }
            drop(tell);
        });
        (state, task.abort_handle())
    }

    #[tokio::test]
    async fn an_account_has_so_many_uploads_under_way_and_takes_none_of_anothers_places() {
        let uploads = Uploads::from_folders(["/films"]);
        for place in 0..MAX_IN_FLIGHT {
            assert!(uploads.begin("a".to_owned(), || upload(false)).is_ok(), "{place}");
        }
        let refused = uploads.begin("a".to_owned(), || panic!("it is not begun")).unwrap_err();
        assert_eq!((refused.kind, refused.retryable), (ErrorKind::Conflict, true), "{refused}");
        let (first, running) = uploads.begin("b".to_owned(), || upload(false)).unwrap();
        assert!(uploads.find("b", &first).is_some() && uploads.find("a", &first).is_none());
        running.stop();
        assert_eq!(uploads.lock().len(), MAX_IN_FLIGHT + 1);
    }

    #[tokio::test]
    async fn the_end_of_the_oldest_is_forgotten_and_what_runs_never() {
        let uploads = Uploads::from_folders(["/films"]);
        let (running, _) = uploads.begin("a".to_owned(), || upload(false)).unwrap();
        let mut ended = Vec::new();
        for _ in 0..2 * MAX_FINISHED {
            let (id, begun) = uploads.begin("a".to_owned(), || upload(true)).unwrap();
            while !begun.task.is_finished() {
                tokio::task::yield_now().await;
            }
            ended.push(id);
        }
        assert_eq!(uploads.lock().len(), MAX_FINISHED);
        assert!(uploads.find("a", &running).is_some());
        assert!(uploads.find("a", &ended[0]).is_none());
        assert!(uploads.find("a", ended.last().unwrap()).is_some());
    }
}
