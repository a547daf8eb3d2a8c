//! Uploads that are under way, by the handles that agents have of them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::error::{Category, Failed, ToolError};
use super::random;

/// How long a call waits for an upload before it answers that it goes on.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How many ended uploads are remembered, so that their end can be asked for.
const REMEMBERED: usize = 100;

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
#[derive(Clone)]
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

    /// The file at this path, when it may be uploaded. Links are followed before it is judged.
    pub(crate) async fn allowed(&self, path: &str) -> Result<PathBuf, Failed> {
        let refuse = |message: String, next: &str| Err(Box::new(ToolError::input("path", message, next)));
        if self.folders.is_empty() {
            let failed = ToolError::new(
                Category::Plan,
                "No folder is allowed for uploads here; nothing was sent.",
                "Ask the person to allow a folder where the tools are started.",
            );
            return Err(Box::new(ToolError { field: Some("path".to_owned()), ..failed }));
        }
        if !Path::new(path).is_absolute() {
            return refuse("path is not absolute.".to_owned(), "Give the whole path.");
        }
        // One answer for what is outside and what is not there: nothing is told of other files.
        let outside =
            || refuse("There is no such file in the folders for uploads.".to_owned(), "Check the path.");
        let Ok(file) = tokio::fs::canonicalize(path).await else { return outside() };
        for folder in self.folders.iter() {
            if let Ok(folder) = tokio::fs::canonicalize(folder).await
                && file.starts_with(&folder)
            {
                return Ok(file);
            }
        }
        outside()
    }

    /// Keeps an upload; answers its handle.
    pub(crate) fn keep(&self, account: String, state: watch::Receiver<State>, task: AbortHandle) -> String {
        let id = format!("upload-{}", random::word(12));
        let mut running = self.lock();
        while running.len() >= REMEMBERED {
            let ended = running.iter().position(|(_, kept)| kept.task.is_finished());
            match ended {
                Some(place) => drop(running.remove(place)),
                None => break,
            }
        }
        running.push((id.clone(), Running { account, state, task }));
        id
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
