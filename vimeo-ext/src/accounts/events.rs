//! The stream of status events, and applying the changes of other processes.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_core::Stream;
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::manager::Inner;
use super::service::AccountService;
use super::{Status, StatusEvent};
use crate::auth::RefreshError;

/// How many events are read at once.
const BATCH_SIZE: u32 = 500;

/// The state of an event stream.
struct EventReader {
    service: Arc<AccountService>,
    status_changes: watch::Receiver<u64>,
    last_seen: u64,
    buffered: std::vec::IntoIter<StatusEvent>,
    poll_interval: Duration,
}

pub(super) fn stream(
    service: Arc<AccountService>,
    last_seen: u64,
    poll_interval: Duration,
) -> impl Stream<Item = StatusEvent> + Send + Unpin + 'static {
    let status_changes = service.status_changes.subscribe();
    let buffered = Vec::new().into_iter();
    let reader = EventReader { service, status_changes, last_seen, buffered, poll_interval };
    Box::pin(stream::unfold(reader, async |mut reader| {
        loop {
            if let Some(event) = reader.buffered.next() {
                reader.last_seen = event.number;
                return Some((event, reader));
            }
            reader.status_changes.mark_unchanged();
            match reader.service.store.events(reader.last_seen, BATCH_SIZE).await {
                Ok(events) if events.is_empty() => {
                    // `service` owns the sender, so this ends only with a change or the timeout.
                    let _ = timeout(reader.poll_interval, reader.status_changes.changed()).await;
                }
                Ok(events) => reader.buffered = events.into_iter(),
                Err(error) => {
                    tracing::warn!(%error, "could not read status events; retrying");
                    sleep(reader.poll_interval).await;
                }
            }
        }
    }))
}

/// Polls the store for status changes that other processes made, and applies them to this process's clients. Ends when the
/// accounts are dropped.
pub(super) async fn poll_remote_changes(inner: Weak<Inner>, mut last_seen: u64, poll_interval: Duration) {
    loop {
        sleep(poll_interval).await;
        let Some(inner) = inner.upgrade() else { return };
        loop {
            match inner.service.store.events(last_seen, BATCH_SIZE).await {
                Ok(events) => {
                    let is_last_batch = events.len() < BATCH_SIZE as usize;
                    if !events.is_empty() {
                        inner.service.announce();
                    }
                    for event in events {
                        apply(&inner, &event).await;
                        last_seen = event.number;
                    }
                    if is_last_batch {
                        break;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "could not poll for status changes of other processes; retrying");
                    break;
                }
            }
        }
    }
}

async fn apply(inner: &Inner, event: &StatusEvent) {
    if !inner.clients.contains(&event.account) {
        return;
    }
    // The current record decides, not the status in the event, which may be outdated.
    match inner.service.store.account(&event.account).await {
        Ok(None) => {
            inner
                .clients
                .stop(&event.account, || RefreshError::login_required("the account was disconnected"));
        }
        Ok(Some(record)) if record.account.status == Status::Active => match inner.service.latest(&record) {
            Ok(Some(tokens)) => inner.clients.resume(&event.account, &tokens.access),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(account = %event.account, %error, "could not decrypt the account's new token")
            }
        },
        Ok(Some(record)) => inner.evict_if_unusable(&record),
        Err(error) => {
            tracing::warn!(account = %event.account, %error, "could not apply a status change of another process")
        }
    }
}
