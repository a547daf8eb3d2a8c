//! Tracks the progress of all files of a command.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use vimeo_ext::upload::Progress;

use crate::exit::ExitCode;

/// The state of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileState {
    Waiting,
    Uploading,
    /// All bytes are uploaded; post-upload steps are running.
    Finishing,
    Transcoding,
    Done,
    Failed(ExitCode),
}

impl FileState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Uploading => "uploading",
            Self::Finishing => "finishing",
            Self::Transcoding => "transcoding",
            Self::Done => "done",
            Self::Failed(_) => "failed",
        }
    }
}

/// The progress of one file.
#[derive(Debug, Clone)]
pub(crate) struct FileProgress {
    pub(crate) name: String,
    pub(crate) total: u64,
    /// Bytes that the server has acknowledged; never decreases.
    pub(crate) acknowledged: u64,
    /// Bytes sent, including the acknowledged ones.
    pub(crate) sent: u64,
    pub(crate) rate: u64,
    pub(crate) eta: Option<Duration>,
    pub(crate) state: FileState,
}

/// The progress of all files, shared by the uploads and the display.
pub(crate) struct ProgressTracker(Mutex<Vec<FileProgress>>);

impl ProgressTracker {
    /// Creates a tracker for files with these names and sizes, in order.
    pub(crate) fn new(files: impl IntoIterator<Item = (String, u64)>) -> Self {
        let rows = files.into_iter().map(|(name, total)| FileProgress {
            name,
            total,
            acknowledged: 0,
            sent: 0,
            rate: 0,
            eta: None,
            state: FileState::Waiting,
        });
        Self(Mutex::new(rows.collect()))
    }

    fn rows(&self) -> MutexGuard<'_, Vec<FileProgress>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn len(&self) -> usize {
        self.rows().len()
    }

    pub(crate) fn snapshot(&self) -> Vec<FileProgress> {
        self.rows().clone()
    }

    pub(crate) fn progress(&self, index: usize, progress: &Progress) {
        if let Some(row) = self.rows().get_mut(index) {
            row.state = FileState::Uploading;
            row.total = progress.total;
            row.acknowledged = row.acknowledged.max(progress.acknowledged);
            row.sent = progress.sent.max(row.acknowledged);
            row.rate = progress.rate;
            row.eta = progress.eta;
        }
    }

    pub(crate) fn set_state(&self, index: usize, state: FileState) {
        if let Some(row) = self.rows().get_mut(index) {
            row.state = state;
            (row.rate, row.eta) = (0, None);
            if matches!(state, FileState::Finishing | FileState::Transcoding | FileState::Done) {
                (row.acknowledged, row.sent) = (row.total, row.total);
            }
        }
    }
}

/// Sums up all files. Failed files count with their acknowledged bytes.
pub(crate) fn total(rows: &[FileProgress]) -> FileProgress {
    let add = |of: fn(&FileProgress) -> u64| rows.iter().map(of).fold(0, u64::saturating_add);
    let (total, acknowledged, sent, rate) =
        (add(|row| row.total), add(|row| row.acknowledged), add(|row| row.sent), add(|row| row.rate));
    let done = rows.iter().filter(|row| row.state == FileState::Done).count();
    let remaining = rows
        .iter()
        .filter(|row| matches!(row.state, FileState::Waiting | FileState::Uploading))
        .map(|row| row.total.saturating_sub(row.sent))
        .fold(0, u64::saturating_add);
    FileProgress {
        name: format!("{done} of {} files", rows.len()),
        total,
        acknowledged,
        sent,
        rate,
        eta: (rate > 0).then(|| Duration::from_secs_f64(remaining as f64 / rate as f64)),
        state: FileState::Uploading,
    }
}
