//! Progress notifications of long calls, with the client's progress token.

use std::convert::Infallible;
use std::time::Duration;

use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RoleServer};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::tools::ProgressSink;

/// The minimum time between two notifications.
const NOTIFY_INTERVAL: Duration = Duration::from_millis(250);

/// Passes a tool's progress to a [`ProgressReporter`].
pub(crate) struct ProgressChannel(watch::Sender<(u64, u64)>);

impl ProgressSink for ProgressChannel {
    fn report(&self, done: u64, total: u64) {
        self.0.send_replace((done, total));
    }
}

/// Creates a channel from a tool to [`with_progress`].
pub(crate) fn channel() -> (ProgressChannel, watch::Receiver<(u64, u64)>) {
    let (sender, receiver) = watch::channel((0, 0));
    (ProgressChannel(sender), receiver)
}

/// Runs a call and notifies the client of its progress, at most once per [`NOTIFY_INTERVAL`], and of the last step. Sends
/// no notification after the result.
pub(crate) async fn with_progress<T>(
    peer: Peer<RoleServer>,
    token: ProgressToken,
    steps: watch::Receiver<(u64, u64)>,
    call: impl Future<Output = T>,
) -> T {
    let mut reporter = ProgressReporter { peer, token, steps, reported: 0 };
    let result = tokio::select! {
        result = call => result,
        never = reporter.run() => match never {},
    };
    reporter.report().await;
    result
}

struct ProgressReporter {
    peer: Peer<RoleServer>,
    token: ProgressToken,
    steps: watch::Receiver<(u64, u64)>,
    reported: u64,
}

impl ProgressReporter {
    async fn run(&mut self) -> Infallible {
        while self.steps.changed().await.is_ok() {
            if self.report().await {
                sleep(NOTIFY_INTERVAL).await;
            }
        }
        // The tool reports nothing more, but the call is still running.
        std::future::pending().await
    }

    /// Notifies the client if the progress has increased; returns whether it has. A failed notification is ignored.
    async fn report(&mut self) -> bool {
        let (done, total) = *self.steps.borrow_and_update();
        if done <= self.reported {
            return false;
        }
        self.reported = done;
        let mut step = ProgressNotificationParam::new(self.token.clone(), done as f64);
        step.total = Some(total as f64);
        if let Err(error) = self.peer.notify_progress(step).await {
            tracing::debug!(%error, "cannot notify the client of progress");
        }
        true
    }
}
