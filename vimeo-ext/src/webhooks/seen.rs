//! Which deliveries were handled before.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use crate::auth::BoxFuture;

/// Why it cannot be seen what was handled before.
pub(super) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What becomes of a delivery that has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is to be handled by whoever asked, under this receipt.
    New(String),
    /// Somebody else is about to handle it.
    InProgress,
    /// It was handled.
    Done,
}

/// Remembers deliveries, so that one that comes twice is handled once.
///
/// A delivery is claimed for a while, and remembered for long only once it was handled: whoever fails or dies in between
/// does not lose it.
///
/// [`InMemoryDedup`] remembers those of one process. With the feature `accounts` every
/// [`AccountStore`](crate::accounts::AccountStore) behind an `Arc` remembers those of all that share it.
pub trait DeliveryDedup: Send + Sync + 'static {
    /// Claims a delivery until `until`. Of many who ask at once one gets it.
    fn claim<'a>(
        &'a self,
        delivery: &'a str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<Claim, Failure>>;

    /// Remembers until `until` that a delivery was handled under this receipt.
    fn keep<'a>(
        &'a self,
        delivery: &'a str,
        receipt: &'a str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<(), Failure>>;

    /// Forgets what is known of a delivery under this receipt, so that it is handled when it comes again.
    fn forget<'a>(&'a self, delivery: &'a str, receipt: &'a str) -> BoxFuture<'a, Result<(), Failure>>;
}

/// Remembers the deliveries of this process.
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

/// Beyond so many those that have ended are dropped.
const SWEEP_AT: usize = 1_024;

impl InMemoryDedup {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Delivery>> {
        // One statement changes it.
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DeliveryDedup for InMemoryDedup {
    fn claim<'a>(
        &'a self,
        delivery: &'a str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<Claim, Failure>> {
        Box::pin(async move {
            let mut seen = self.lock();
            if seen.len() >= SWEEP_AT && seen.len().is_power_of_two() {
                seen.retain(|_, delivery| delivery.until > now);
            }
            if let Some(present) = seen.get(delivery).filter(|present| present.until > now) {
                return Ok(if present.is_done { Claim::Done } else { Claim::InProgress });
            }
            let receipt = receipt();
            seen.insert(delivery.to_owned(), Delivery { receipt: receipt.clone(), until, is_done: false });
            Ok(Claim::New(receipt))
        })
    }

    fn keep<'a>(
        &'a self,
        delivery: &'a str,
        receipt: &'a str,
        _: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let done = Delivery { receipt: receipt.to_owned(), until, is_done: true };
            self.lock().insert(delivery.to_owned(), done);
            Ok(())
        })
    }

    fn forget<'a>(&'a self, delivery: &'a str, receipt: &'a str) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let mut seen = self.lock();
            if seen.get(delivery).is_some_and(|present| present.receipt == receipt) {
                seen.remove(delivery);
            }
            Ok(())
        })
    }
}

/// A receipt that nobody else has.
fn receipt() -> String {
    format!("{:032x}", fastrand::u128(..))
}

/// A delivery is two leases: one while it is handled, which lapses soon, and one that says for long that it was.
#[cfg(feature = "accounts")]
impl DeliveryDedup for std::sync::Arc<dyn crate::accounts::AccountStore> {
    fn claim<'a>(
        &'a self,
        delivery: &'a str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<Claim, Failure>> {
        Box::pin(async move {
            let receipt = receipt();
            // A lease that ends at once tells whether another has it, and keeps nobody away.
            if !self.acquire_lease(&done(delivery), &receipt, now, now).await? {
                return Ok(Claim::Done);
            }
            if !self.acquire_lease(&in_progress(delivery), &receipt, now, until).await? {
                return Ok(Claim::InProgress);
            }
            // It may have been handled in between.
            if !self.acquire_lease(&done(delivery), &receipt, now, now).await? {
                self.release_lease(&in_progress(delivery), &receipt).await?;
                return Ok(Claim::Done);
            }
            Ok(Claim::New(receipt))
        })
    }

    fn keep<'a>(
        &'a self,
        delivery: &'a str,
        receipt: &'a str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            // Another has it where the claim had lapsed and the delivery was handled twice: that says the same.
            self.acquire_lease(&done(delivery), receipt, now, until).await?;
            Ok(self.release_lease(&in_progress(delivery), receipt).await?)
        })
    }

    fn forget<'a>(&'a self, delivery: &'a str, receipt: &'a str) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            self.release_lease(&done(delivery), receipt).await?;
            Ok(self.release_lease(&in_progress(delivery), receipt).await?)
        })
    }
}

/// The lease of a delivery that was handled. Earlier versions took it when a delivery came.
#[cfg(feature = "accounts")]
fn done(delivery: &str) -> String {
    format!("delivery {delivery}")
}

#[cfg(feature = "accounts")]
fn in_progress(delivery: &str) -> String {
    format!("delivery in progress {delivery}")
}
