//! The stored deliveries: an event stays here until a receiver has accepted it or its last attempt has failed.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use vimeo_agent::tools::PolledEvent;
use vimeo_ext::accounts::{Document, ServiceStore, StoreError};

use super::backoff::{MAX_ATTEMPTS, delay_after};

/// The collection of the deliveries.
const DELIVERIES: &str = "event-deliveries";

/// How many deliveries are read at a time.
const PAGE: u32 = 500;

/// How long the last attempt of a process that died counts as running.
const LAST_ATTEMPT_TTL: TimeDelta = TimeDelta::minutes(2);

/// A delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    subscription: String,
    event: PolledEvent,
    body: String,
    /// The attempts that were started.
    attempts: u32,
    next_attempt: DateTime<Utc>,
}

/// A delivery with its ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredDelivery {
    id: String,
    version: u64,
    record: Record,
}

impl StoredDelivery {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn subscription(&self) -> &str {
        &self.record.subscription
    }

    pub(super) fn event(&self) -> PolledEvent {
        self.record.event
    }

    pub(super) fn body(&self) -> &str {
        &self.record.body
    }

    pub(super) fn attempts(&self) -> u32 {
        self.record.attempts
    }

    pub(super) fn next_attempt(&self) -> DateTime<Utc> {
        self.record.next_attempt
    }

    /// Whether no attempt is left.
    pub(super) fn is_dead(&self) -> bool {
        self.record.attempts >= MAX_ATTEMPTS
    }

    fn to_document(&self) -> Document {
        let content = serde_json::to_vec(&self.record).unwrap_or_default();
        Document { version: self.version, ..Document::new(&*self.id, content) }
    }
}

fn parse(document: &Document) -> Result<StoredDelivery, StoreError> {
    let record = serde_json::from_slice(&document.content)
        .map_err(|error| StoreError::Damaged(format!("event delivery {}: {error}", document.id)))?;
    Ok(StoredDelivery { id: document.id.clone(), version: document.version, record })
}

/// Adds an event for a subscription; returns whether it is new. An event that already waits is not added again.
pub(super) async fn add(
    store: &dyn ServiceStore,
    subscription: &str,
    event_id: &str,
    event: PolledEvent,
    body: String,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let record =
        Record { subscription: subscription.to_owned(), event, body, attempts: 0, next_attempt: now };
    let delivery = StoredDelivery { id: format!("{subscription}-{event_id}"), version: 1, record };
    match store.insert_document(DELIVERIES, &delivery.to_document(), now).await {
        Ok(()) => Ok(true),
        Err(StoreError::DuplicateName) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns a page of the deliveries, and where the next one starts.
pub(super) async fn page(
    store: &dyn ServiceStore,
    after: &str,
    now: DateTime<Utc>,
) -> Result<(Vec<StoredDelivery>, Option<String>), StoreError> {
    let found = store.documents(DELIVERIES, after, PAGE, now).await?;
    let is_full = u32::try_from(found.len()).is_ok_and(|found| found >= PAGE);
    let next = found.last().filter(|_| is_full).map(|last| last.id.clone());
    let deliveries = found.iter().filter_map(|document| {
        parse(document).inspect_err(|error| tracing::error!(%error, "a delivery cannot be parsed")).ok()
    });
    Ok((deliveries.collect(), next))
}

/// Starts an attempt: from here on the delivery is due again only after the delay of a failed attempt. `None` if another
/// process has started one, or the delivery is gone.
pub(super) async fn start_attempt(
    store: &dyn ServiceStore,
    delivery: &StoredDelivery,
    now: DateTime<Utc>,
    chance: f64,
) -> Result<Option<StoredDelivery>, StoreError> {
    let mut started = delivery.clone();
    started.version = started.version.saturating_add(1);
    started.record.attempts = started.record.attempts.saturating_add(1);
    let delay = delay_after(started.record.attempts, chance).unwrap_or(LAST_ATTEMPT_TTL);
    started.record.next_attempt = now.checked_add_signed(delay).unwrap_or(now);
    match store.replace_document(DELIVERIES, &started.to_document()).await {
        Ok(()) => Ok(Some(started)),
        Err(StoreError::Stale { .. } | StoreError::Missing) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes a delivery.
pub(super) async fn remove(store: &dyn ServiceStore, id: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
    store.take_document(DELIVERIES, id, now).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use vimeo_ext::accounts::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn attempts_start_once_and_survive_a_kill() {
        let store = MemoryStore::default();
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let event = PolledEvent::CommentAdd;
        assert!(add(&store, "poll-1", "evt", event, "{}".to_owned(), now).await.unwrap());
        assert!(!add(&store, "poll-1", "evt", event, "{}".to_owned(), now).await.unwrap());
        let (found, next) = page(&store, "", now).await.unwrap();
        let [delivery] = &found[..] else { panic!("{found:?}") };
        assert_eq!((next, delivery.next_attempt(), delivery.attempts()), (None, now, 0));
        let started = start_attempt(&store, delivery, now, 0.0).await.unwrap().unwrap();
        assert_eq!(start_attempt(&store, delivery, now, 0.0).await.unwrap(), None, "another process");
        // The process is killed here: the delivery is due again after the delay of a failed attempt.
        let (found, _) = page(&store, "", now).await.unwrap();
        assert_eq!(found.as_slice(), std::slice::from_ref(&started));
        assert_eq!(started.next_attempt() - now, TimeDelta::seconds(30));
        let mut last = started;
        while !last.is_dead() {
            last = start_attempt(&store, &last, now, 0.0).await.unwrap().unwrap();
        }
        assert_eq!((last.attempts(), last.next_attempt() - now), (MAX_ATTEMPTS, LAST_ATTEMPT_TTL));
        remove(&store, last.id(), now).await.unwrap();
        assert_eq!(page(&store, "", now).await.unwrap().0, []);
    }
}
