//! The handle that pauses, resumes and cancels a running upload.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use super::progress::Progress;

/// What the owner of an upload requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ControlSignal {
    Run,
    Pause,
    Cancel,
}

/// Reports the progress of a running upload and controls it. Cheap to clone; dropping it changes nothing.
#[derive(Debug, Clone)]
pub struct UploadHandle {
    signal: Arc<watch::Sender<ControlSignal>>,
    progress: watch::Receiver<Progress>,
    abandoned: Arc<AtomicBool>,
}

impl UploadHandle {
    pub(crate) fn new(
        signal: Arc<watch::Sender<ControlSignal>>,
        progress: watch::Receiver<Progress>,
    ) -> Self {
        Self { signal, progress, abandoned: Arc::default() }
    }

    /// Returns a receiver that always holds the latest progress.
    ///
    /// It closes when the upload's future has ended or was dropped.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Stops sending, within one buffer. The connection stays open; if the server closes it meanwhile, the upload
    /// continues from the server's offset after [`resume`](Self::resume). The stall timeout and the deadline are
    /// suspended.
    pub fn pause(&self) {
        self.apply_control(ControlSignal::Pause);
    }

    /// Continues after [`pause`](Self::pause).
    pub fn resume(&self) {
        self.apply_control(ControlSignal::Run);
    }

    /// Ends the upload immediately with [`UploadError::Cancelled`](crate::upload::UploadError::Cancelled). It cannot
    /// be continued in this run, but its ticket can resume it later.
    pub fn cancel(&self) {
        self.apply_control(ControlSignal::Cancel);
    }

    /// Cancels the upload like [`cancel`](Self::cancel), then deletes its incomplete video or version, and its
    /// journal entry.
    ///
    /// This needs a client: it works for uploads started with `controlled()` on `Vimeo::upload` or `Vimeo::replace`.
    /// An upload that has only a ticket is just cancelled. Requires the `delete` scope.
    ///
    /// The upload ends with [`Error::Upload`](crate::Error::Upload). The error has the ticket if the video or version was not
    /// deleted; the journal entry then stays as well.
    pub fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
        self.cancel();
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
    }

    pub(crate) fn apply_control(&self, signal: ControlSignal) {
        apply_control(&self.signal, signal);
    }
}

/// Sends a signal if it differs from the current one. A cancel is final.
pub(crate) fn apply_control(current: &watch::Sender<ControlSignal>, signal: ControlSignal) {
    current.send_if_modified(|current| {
        let changes = *current != signal && *current != ControlSignal::Cancel;
        if changes {
            *current = signal;
        }
        changes
    });
}
