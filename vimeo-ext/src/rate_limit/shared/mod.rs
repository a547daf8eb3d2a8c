//! What processes that serve the same accounts share of each limit: leases of calls, through a store.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod lease_batcher;
mod local_leases;
mod pool;
mod share;

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};
use vimeo_api::{Error, Request};

pub(super) use self::lease_batcher::LeaseBatcher;
use self::local_leases::{Admission, ClockPair, LeaseDemand, LimitSnapshot};
pub(super) use self::local_leases::{InFlightGuard, LocalLeases};
pub use self::pool::QuotaPool;
pub use self::share::{LeaseRequest, QuotaLease, QuotaStore, UsageReport};
use super::tracker::CallClass;
use super::{Permit, RateLimitPolicy, RateLimiter, RateLimiters, Registry, class, lock};
use crate::timeouts::later;

impl RateLimiters {
    /// Makes rate limiters that share each limit with other processes through a store.
    ///
    /// Each process leases a part of the calls that remain, with about one request to the store in ten calls or fewer. While the
    /// store is unavailable, the process uses its own limits. Every `accounts::AccountStore` is such a store, and so is an `Arc`
    /// of one.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use vimeo_ext::accounts::MemoryStore;
    /// use vimeo_ext::{RateLimiters, Vimeo};
    /// let store = Arc::new(MemoryStore::default()); // or a SqliteStore or PostgresStore
    /// let vimeo = Vimeo::builder()
    ///     .app("client id", "client secret")
    ///     .rate_limiters(RateLimiters::shared(store.clone()))
    ///     .build()?;
    /// // let accounts = Accounts::builder(vimeo, store, keys).build().await?;
    /// # Ok::<(), vimeo_ext::Error>(())
    /// ```
    pub fn shared(store: impl QuotaStore) -> Self {
        let batcher = LeaseBatcher::new(Arc::new(store));
        Self(Arc::new(Registry { batcher: Some(Arc::new(batcher)), ..Registry::default() }))
    }
}

impl RateLimiter {
    pub(super) async fn admit_shared<'a>(
        self: &'a Arc<Self>,
        leases: &'a LocalLeases,
        request: &Request,
        policy: RateLimitPolicy,
    ) -> Result<Permit<'a>, Error> {
        let began = Instant::now();
        let class = class(request);
        let in_flight = leases.in_flight(class.with_fields);
        if let Some(known) = self.known_limit(class).filter(|known| known.limit > 0 && known.remaining == 0) {
            leases.report_exhausted(self, class.with_fields, known, in_flight);
        }
        loop {
            let mut permit = self.admit_local(request, policy).await?;
            let until = loop {
                let told = self.changed.notified();
                tokio::pin!(told);
                told.as_mut().enable();
                // Before what is known: a response that comes in between is counted twice then, and not left out.
                let in_flight = leases.in_flight(permit.class.with_fields);
                let Some(known) = self.known_limit(permit.class) else { return Ok(permit) };
                match leases.take(self, permit.class.with_fields, known, in_flight) {
                    Admission::Granted(guard) => {
                        permit.in_flight = Some(guard);
                        return Ok(permit);
                    }
                    Admission::RetryAt(until) => break until,
                    Admission::Pending => told.await,
                }
            };
            // Whoever waits holds no place.
            drop(permit);
            let deadline = match policy {
                RateLimitPolicy::Wait { at_most } => later(began, at_most),
                _ => began,
            };
            if until > deadline {
                return Err(self.deferred(request, until));
            }
            sleep_until(until).await;
        }
    }

    /// What the store is asked for this account.
    fn question(&self, holder: &str, want: LeaseDemand, times: ClockPair) -> LeaseRequest {
        let name =
            if want.with_fields { format!("{} with fields", self.name) } else { self.name.to_string() };
        LeaseRequest::new(name, want.report(holder, times).max_window(self.longest))
    }

    /// Takes the slice that was asked for, or none when it cannot be had, and tells those who wait for it.
    fn put(&self, want: LeaseDemand, lease: Option<QuotaLease>, times: ClockPair) {
        if let Some(leases) = &self.leases {
            leases.put(want.with_fields, lease, times);
        }
        self.changed.notify_waiters();
    }

    /// What is known of the limit of a class; `None` when it has none.
    fn known_limit(&self, class: CallClass) -> Option<LimitSnapshot> {
        match lock(&self.shared).tracker.window(class, Instant::now()) {
            None => Some(LimitSnapshot::default()),
            Some(window) => window.map(|window| LimitSnapshot {
                limit: window.id.limit,
                remaining: window.remaining,
                told: window.told,
                resets: window.resets,
                began: window.began,
                heard: Some(window.heard),
            }),
        }
    }
}
