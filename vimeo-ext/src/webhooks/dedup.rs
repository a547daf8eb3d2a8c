//! Deduplication of deliveries.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use crate::auth::BoxFuture;
use crate::random_id::random_id;

/// The error of a [`DeliveryDedup`].
pub(super) type DedupError = Box<dyn std::error::Error + Send + Sync>;

/// The result of claiming a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The caller has to handle the delivery. The receipt identifies its claim.
    New(String),
    /// Another caller is handling the delivery.
    InProgress,
    /// The delivery was handled.
    Done,
}

/// Remembers deliveries, so that a delivery that arrives twice is handled once.
///
/// A delivery is claimed for a short time while it is handled, and remembered for a long time only after it was handled. If
/// the handler fails or its process dies in between, the delivery is not lost.
///
/// [`InMemoryDedup`] covers the deliveries of one process. With the feature `accounts`, an
/// `Arc<dyn AccountStore>` covers those of all processes that share the store.
pub trait DeliveryDedup: Send + Sync + 'static {
    /// Claims a delivery until `until`. Of many concurrent callers, one gets [`Claim::New`].
    ///
    /// # Errors
    ///
    /// If the claim could not be read or written. The receiver then responds with 503.
    fn claim<'a>(
        &'a self,
        delivery: &'a str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<Claim, DedupError>>;

    /// Records until `until` that the delivery was handled under this receipt.
    ///
    /// # Errors
    ///
    /// If the record could not be written.
    fn mark_done<'a>(
        &'a self,
        delivery: &'a str,
        receipt: &'a str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<(), DedupError>>;

    /// Releases the delivery if this receipt holds it, so that the next delivery is handled.
    ///
    /// # Errors
    ///
    /// If the claim could not be released. It then expires.
    fn forget<'a>(&'a self, delivery: &'a str, receipt: &'a str) -> BoxFuture<'a, Result<(), DedupError>>;
}

/// Deduplicates the deliveries of one process, in memory.
#[derive(Debug, Default)]
pub struct InMemoryDedup {
    deliveries: Mutex<HashMap<String, Delivery>>,
}

#[derive(Debug)]
struct Delivery {
    receipt: String,
    until: DateTime<Utc>,
    is_done: bool,
}

/// The number of deliveries from which expired ones are removed.
const SWEEP_THRESHOLD: usize = 1_024;

impl InMemoryDedup {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Delivery>> {
        // A single statement changes the map, so a panic cannot leave it inconsistent.
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DeliveryDedup for InMemoryDedup {
    fn claim<'a>(
        &'a self,
        delivery: &'a str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<Claim, DedupError>> {
        Box::pin(async move {
            let mut deliveries = self.lock();
            if deliveries.len() >= SWEEP_THRESHOLD && deliveries.len().is_power_of_two() {
                deliveries.retain(|_, delivery| delivery.until > now);
            }
            if let Some(present) = deliveries.get(delivery).filter(|present| present.until > now) {
                return Ok(if present.is_done { Claim::Done } else { Claim::InProgress });
            }
            let receipt = random_id();
            deliveries
                .insert(delivery.to_owned(), Delivery { receipt: receipt.clone(), until, is_done: false });
            Ok(Claim::New(receipt))
        })
    }

    fn mark_done<'a>(
        &'a self,
        delivery: &'a str,
        receipt: &'a str,
        _: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<(), DedupError>> {
        Box::pin(async move {
            let done = Delivery { receipt: receipt.to_owned(), until, is_done: true };
            self.lock().insert(delivery.to_owned(), done);
            Ok(())
        })
    }

    fn forget<'a>(&'a self, delivery: &'a str, receipt: &'a str) -> BoxFuture<'a, Result<(), DedupError>> {
        Box::pin(async move {
            let mut deliveries = self.lock();
            if deliveries.get(delivery).is_some_and(|present| present.receipt == receipt) {
                deliveries.remove(delivery);
            }
            Ok(())
        })
    }
}

/// Uses two leases per delivery: a short one while it is handled, and a long one that records that it was handled.
#[cfg(feature = "accounts")]
impl DeliveryDedup for std::sync::Arc<dyn crate::accounts::AccountStore> {
    fn claim<'a>(
        &'a self,
        delivery: &'a str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<Claim, DedupError>> {
        Box::pin(async move {
            let receipt = random_id();
            // This lease only tests whether the delivery is marked as done. It expired long ago, because `mark_done` of a process
            // whose clock is a little behind must be able to acquire it.
            if !self.acquire_lease(&done_lease(delivery), &receipt, now, DateTime::<Utc>::UNIX_EPOCH).await? {
                return Ok(Claim::Done);
            }
            if !self.acquire_lease(&in_progress_lease(delivery), &receipt, now, until).await? {
                return Ok(Claim::InProgress);
            }
            // Another process may have handled the delivery between the two calls.
            if !self.acquire_lease(&done_lease(delivery), &receipt, now, DateTime::<Utc>::UNIX_EPOCH).await? {
                self.release_lease(&in_progress_lease(delivery), &receipt).await?;
                return Ok(Claim::Done);
            }
            Ok(Claim::New(receipt))
        })
    }

    fn mark_done<'a>(
        &'a self,
        delivery: &'a str,
        receipt: &'a str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<(), DedupError>> {
        Box::pin(async move {
            // If the claim had expired and another process handled the delivery too, that process holds the lease. Either way
            // the delivery is marked as done.
            self.acquire_lease(&done_lease(delivery), receipt, now, until).await?;
            Ok(self.release_lease(&in_progress_lease(delivery), receipt).await?)
        })
    }

    fn forget<'a>(&'a self, delivery: &'a str, receipt: &'a str) -> BoxFuture<'a, Result<(), DedupError>> {
        Box::pin(async move {
            self.release_lease(&done_lease(delivery), receipt).await?;
            Ok(self.release_lease(&in_progress_lease(delivery), receipt).await?)
        })
    }
}

/// Returns the name of the lease that records that a delivery was handled. Earlier versions acquired it as soon as a delivery
/// arrived.
#[cfg(feature = "accounts")]
fn done_lease(delivery: &str) -> String {
    format!("delivery {delivery}")
}

#[cfg(feature = "accounts")]
fn in_progress_lease(delivery: &str) -> String {
    format!("delivery in progress {delivery}")
}
