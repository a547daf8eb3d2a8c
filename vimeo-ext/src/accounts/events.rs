//! Changes of status, as they come.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_core::Stream;
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::core::Core;
use super::manager::Inner;
use super::{Status, StatusEvent};
use crate::auth::RefreshError;

/// So many changes are read at once.
const BATCH: u32 = 500;

struct Reader {
    core: Arc<Core>,
    news: watch::Receiver<u64>,
    seen: u64,
    waiting: std::vec::IntoIter<StatusEvent>,
    interval: Duration,
}

pub(super) fn stream(
    core: Arc<Core>,
    seen: u64,
    interval: Duration,
) -> impl Stream<Item = StatusEvent> + Send + Unpin + 'static {
    let news = core.news.subscribe();
    let reader = Reader { core, news, seen, waiting: Vec::new().into_iter(), interval };
    Box::pin(stream::unfold(reader, async |mut reader| {
        loop {
            if let Some(event) = reader.waiting.next() {
                reader.seen = event.number;
                return Some((event, reader));
            }
            reader.news.mark_unchanged();
            match reader.core.store.events(reader.seen, BATCH).await {
                Ok(events) if events.is_empty() => {
                    // The sender lives in `core`, so only a change or the time ends this.
                    let _ = timeout(reader.interval, reader.news.changed()).await;
                }
                Ok(events) => reader.waiting = events.into_iter(),
                Err(error) => {
                    tracing::warn!(%error, "status changes cannot be read, trying again");
                    sleep(reader.interval).await;
                }
            }
        }
    }))
}

/// Applies to the clients kept here what other processes have changed. Ends with the accounts.
pub(super) async fn follow(inner: Weak<Inner>, mut seen: u64, interval: Duration) {
    loop {
        sleep(interval).await;
        let Some(inner) = inner.upgrade() else { return };
        loop {
            match inner.core.store.events(seen, BATCH).await {
                Ok(events) => {
                    let last = events.len() < BATCH as usize;
                    if !events.is_empty() {
                        inner.core.announce();
                    }
                    for event in events {
                        apply(&inner, &event).await;
                        seen = event.number;
                    }
                    if last {
                        break;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "changes of other processes cannot be seen, trying again");
                    break;
                }
            }
        }
    }
}

async fn apply(inner: &Inner, event: &StatusEvent) {
    if !inner.warm.knows(&event.account) {
        return;
    }
    // What it is now counts, not what it became then.
    match inner.core.store.account(&event.account).await {
        Ok(None) => {
            inner.warm.stop(&event.account, || RefreshError::login_required("the account was disconnected"));
        }
        Ok(Some(record)) if record.account.status == Status::Active => match inner.core.latest(&record) {
            Ok(Some(tokens)) => inner.warm.resume(&event.account, &tokens.access),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(account = %event.account, %error, "its new token is out of reach")
            }
        },
        Ok(Some(record)) => inner.settle(&record),
        Err(error) => tracing::warn!(account = %event.account, %error, "its change is applied later"),
    }
}
