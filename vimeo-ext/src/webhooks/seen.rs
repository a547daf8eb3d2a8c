//! Which deliveries were taken before.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use crate::auth::BoxFuture;

/// Why it cannot be seen what was taken before.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Remembers deliveries, so that one that comes twice is taken once.
///
/// [`SeenHere`] remembers those of one process. With the feature `accounts` every
/// [`AccountStore`](crate::accounts::AccountStore) behind an `Arc` remembers those of all that share it.
pub trait Seen: Send + Sync + 'static {
    /// A receipt when the delivery is new; it is remembered until `until`. Of many who ask at once one gets the receipt.
    fn is_new<'a>(
        &'a self,
        delivery: &'a str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<Option<String>, Failure>>;

    /// Forgets a delivery that this receipt was given for, so that it is taken when it comes again.
    fn forget<'a>(&'a self, delivery: &'a str, receipt: &'a str) -> BoxFuture<'a, Result<(), Failure>>;
}

/// Remembers the deliveries of this process.
#[derive(Debug, Default)]
pub struct SeenHere {
    until: Mutex<HashMap<String, DateTime<Utc>>>,
}

/// Beyond so many those that have ended are dropped.
const MANY: usize = 1_024;

impl SeenHere {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, DateTime<Utc>>> {
        // One statement changes it.
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen for SeenHere {
    fn is_new<'a>(
        &'a self,
        delivery: &'a str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<Option<String>, Failure>> {
        Box::pin(async move {
            let mut seen = self.lock();
            if seen.len() >= MANY && seen.len().is_power_of_two() {
                seen.retain(|_, until| *until > now);
            }
            if seen.get(delivery).is_some_and(|until| *until > now) {
                return Ok(None);
            }
            seen.insert(delivery.to_owned(), until);
            Ok(Some(String::new()))
        })
    }

    fn forget<'a>(&'a self, delivery: &'a str, _: &'a str) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            self.lock().remove(delivery);
            Ok(())
        })
    }
}

/// A delivery is a lease, which is given back only to take the delivery again.
#[cfg(feature = "accounts")]
impl Seen for std::sync::Arc<dyn crate::accounts::AccountStore> {
    fn is_new<'a>(
        &'a self,
        delivery: &'a str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<Option<String>, Failure>> {
        Box::pin(async move {
            // A holder that nobody else is, since a holder may prolong its own lease.
            let holder = format!("{:032x}", fastrand::u128(..));
            let first = self.acquire_lease(&lease(delivery), &holder, now, until).await?;
            Ok(first.then_some(holder))
        })
    }

    fn forget<'a>(&'a self, delivery: &'a str, receipt: &'a str) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move { Ok(self.release_lease(&lease(delivery), receipt).await?) })
    }
}

#[cfg(feature = "accounts")]
fn lease(delivery: &str) -> String {
    format!("delivery {delivery}")
}
