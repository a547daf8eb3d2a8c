//! The channel from worlds to the webhook dispatcher.

use tokio::sync::{mpsc, oneshot};

/// A command for the webhook dispatcher.
#[derive(Debug)]
pub(crate) enum DispatcherCommand {
    /// Deliver these events of a world.
    Events { world: u64, events: Vec<u64> },
    /// Something was scheduled on a world's clock, or the clock was changed.
    ScheduleChanged,
    /// Responds once all earlier commands are done.
    Barrier(oneshot::Sender<()>),
}

pub(crate) type Outbox = mpsc::UnboundedSender<DispatcherCommand>;

/// Waits until all events so far are delivered, or their delivery has failed.
pub(crate) async fn flush_deliveries(outbox: &Outbox) {
    let (sender, reached) = oneshot::channel();
    if outbox.send(DispatcherCommand::Barrier(sender)).is_ok() {
        // The dispatcher ends only with the sandbox.
        let _ = reached.await;
    }
}
