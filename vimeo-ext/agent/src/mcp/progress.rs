//! Progress of long calls, by the client's own token.

use std::convert::Infallible;
use std::time::Duration;

use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RoleServer};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::tools::ProgressSink;

/// How often a client is told.
const INTERVAL: Duration = Duration::from_millis(250);

/// Takes what a tool tells.
pub(crate) struct Reports(watch::Sender<(u64, u64)>);

impl ProgressSink for Reports {
    fn report(&self, done: u64, total: u64) {
        self.0.send_replace((done, total));
    }
}

/// Where a tool tells, and what the client is told from.
pub(crate) fn pair() -> (Reports, watch::Receiver<(u64, u64)>) {
    let (sender, receiver) = watch::channel((0, 0));
    (Reports(sender), receiver)
}

/// Runs a call and tells the client of each step that is a step forward, not too often, and of the last one. Nothing is
/// told after the answer.
pub(crate) async fn telling<T>(
    peer: Peer<RoleServer>,
    token: ProgressToken,
    steps: watch::Receiver<(u64, u64)>,
    call: impl Future<Output = T>,
) -> T {
    let mut teller = ProgressReporter { peer, token, steps, told: 0 };
    let ended = tokio::select! {
        ended = call => ended,
        never = teller.keep_on() => match never {},
    };
    teller.tell().await;
    ended
}

struct ProgressReporter {
    peer: Peer<RoleServer>,
    token: ProgressToken,
    steps: watch::Receiver<(u64, u64)>,
    told: u64,
}

impl ProgressReporter {
    async fn keep_on(&mut self) -> Infallible {
        while self.steps.changed().await.is_ok() {
            if self.tell().await {
                sleep(INTERVAL).await;
            }
        }
        // The call goes on without.
        std::future::pending().await
    }

    /// Tells how far the call is now; answers whether that was news. A client that cannot be told misses no more than that.
    async fn tell(&mut self) -> bool {
        let (done, total) = *self.steps.borrow_and_update();
        if done <= self.told {
            return false;
        }
        self.told = done;
        let mut step = ProgressNotificationParam::new(self.token.clone(), done as f64);
        step.total = Some(total as f64);
        if let Err(error) = self.peer.notify_progress(step).await {
            tracing::debug!(%error, "the client was not told of progress");
        }
        true
    }
}
