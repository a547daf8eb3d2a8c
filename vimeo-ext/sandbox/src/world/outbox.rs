//! How worlds hand over what is to be told.

use tokio::sync::{mpsc, oneshot};

/// What the dispatcher of webhooks is told.
#[derive(Debug)]
pub(crate) enum DispatcherCommand {
    /// Events of a world that are to be told.
    Events { world: u64, events: Vec<u64> },
    /// Something was planned on a world's clock, or the clock was turned.
    Planned,
    /// Answers when all notices before it are dealt with.
    Barrier(oneshot::Sender<()>),
}

pub(crate) type Outbox = mpsc::UnboundedSender<DispatcherCommand>;

/// Waits until all that happened so far has been told.
pub(crate) async fn flush_deliveries(outbox: &Outbox) {
    let (sender, reached) = oneshot::channel();
    if outbox.send(DispatcherCommand::Barrier(sender)).is_ok() {
        // The task only goes with the sandbox.
        let _ = reached.await;
    }
}
