//! Progress of long calls, by the client's own token.

use std::time::Duration;

use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RoleServer};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::tools::Report;

/// How often a client is told.
const INTERVAL: Duration = Duration::from_millis(250);

/// Takes what a tool tells.
pub(crate) struct Reports(watch::Sender<(u64, u64)>);

impl Report for Reports {
    fn report(&self, done: u64, total: u64) {
        self.0.send_replace((done, total));
    }
}

/// Where a tool tells, and what the client is told from.
pub(crate) fn pair() -> (Reports, watch::Receiver<(u64, u64)>) {
    let (sender, receiver) = watch::channel((0, 0));
    (Reports(sender), receiver)
}

/// Tells the client of each step that is a step forward, not too often, until it is dropped.
pub(crate) async fn tell(
    peer: Peer<RoleServer>,
    token: ProgressToken,
    mut steps: watch::Receiver<(u64, u64)>,
) {
    let mut told = 0;
    while steps.changed().await.is_ok() {
        let (done, total) = *steps.borrow_and_update();
        if done <= told {
            continue;
        }
        told = done;
        let mut step = ProgressNotificationParam::new(token.clone(), done as f64);
        step.total = Some(total as f64);
        if peer.notify_progress(step).await.is_err() {
            break;
        }
        sleep_until(Instant::now() + INTERVAL).await;
    }
    // The call goes on without.
    std::future::pending::<()>().await;
}
