//! The handle that pauses, resumes and cancels a running upload.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use super::progress::Progress;

/// What the owner of an upload wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ControlSignal {
    Run,
    Pause,
    Cancel,
}

/// Watches and steers a running upload. Cheap to clone; dropping it changes nothing.
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

    /// A receiver that always holds the latest progress.
    ///
    /// It closes when the upload's future has ended or was dropped.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Stops sending; takes effect within one buffer. The connection is kept open, and when the
    /// server ends it meanwhile, the upload goes on from the server's offset once resumed. The
    /// stall timeout and the deadline stand still.
    pub fn pause(&self) {
        self.apply_control(ControlSignal::Pause);
    }

    /// Goes on after [`pause`](Self::pause).
    pub fn resume(&self) {
        self.apply_control(ControlSignal::Run);
    }

    /// Ends the upload with [`UploadError::Cancelled`](crate::upload::UploadError::Cancelled), at once; it
    /// can be resumed later with its ticket. There is no way back from it in this run.
    pub fn cancel(&self) {
        self.apply_control(ControlSignal::Cancel);
    }

    /// Gives the upload up: ends it as [`cancel`](Self::cancel) does, and then deletes what waits for the file at Vimeo, and
    /// the journal's entry.
    ///
    /// That is for uploads whose client is at hand, begun with `controlled()` on `Vimeo::upload` or `Vimeo::replace`; one
    /// that has nothing but a ticket is cancelled. Needs the scope `delete`.
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

/// Changes the signal, if it is another one; nothing takes back a cancel.
pub(crate) fn apply_control(current: &watch::Sender<ControlSignal>, signal: ControlSignal) {
    current.send_if_modified(|current| {
        let changes = *current != signal && *current != ControlSignal::Cancel;
        if changes {
            *current = signal;
        }
        changes
    });
}
