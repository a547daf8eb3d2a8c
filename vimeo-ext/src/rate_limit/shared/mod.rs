//! Rate limits that processes share: each leases calls from a store.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod lease_batcher;
mod local_leases;
mod pool;
mod store;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use vimeo_api::{Error, Request};

pub(super) use self::lease_batcher::LeaseBatcher;
use self::local_leases::{Admission, ClockPair, LeaseDemand, LimitSnapshot};
pub(super) use self::local_leases::{InFlightGuard, LocalLeases};
pub use self::pool::QuotaPool;
pub use self::store::{LeaseRequest, QuotaLease, QuotaStore, UsageReport};
use super::tracker::CallClass;
use super::{Permit, RateLimitPolicy, RateLimiter, RateLimiters, Registry, call_class, lock};
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

/// How long a call that must not wait for a limit waits for the response that shows it.
const PROBE_WAIT: Duration = Duration::from_secs(60);

impl RateLimiter {
    pub(super) async fn admit_shared<'a>(
        self: &'a Arc<Self>,
        leases: &'a LocalLeases,
        request: &Request,
        policy: RateLimitPolicy,
    ) -> Result<Permit<'a>, Error> {
        let started = Instant::now();
        let class = call_class(request);
        let in_flight = leases.in_flight(class.with_fields);
        if let Some(known) = self.known_limit(class).filter(|known| known.limit > 0 && known.remaining == 0) {
            leases.report_exhausted(self, class.with_fields, known, in_flight);
        }
        loop {
            let mut permit = self.admit_local(request, policy).await?;
            let (until, held_by_others, is_unknown) = loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                // Read before the known limit: a response that arrives in between then counts twice instead of not at all.
                let in_flight = leases.in_flight(permit.class.with_fields);
                let Some(known) = self.known_limit(permit.class) else { return Ok(permit) };
                match leases.take(self, permit.class.with_fields, known, in_flight) {
                    Admission::Granted(guard) => {
                        permit.in_flight = Some(guard);
                        permit.probe_of = (known.limit == 0).then_some(self);
                        return Ok(permit);
                    }
                    Admission::RetryAt { at, held_by_others } => {
                        break (at, held_by_others, known.limit == 0);
                    }
                    Admission::Pending => changed.await,
                }
            };
            // A call that waits holds no permit.
            drop(permit);
            let deadline = match policy {
                RateLimitPolicy::Wait { at_most } => later(started, at_most),
                // As in one process: the limit is not used up, but another process is about to learn it.
                RateLimitPolicy::FailFast if is_unknown => later(started, PROBE_WAIT),
                _ => started,
            };
            if until > deadline {
                return Err(self.deferred(request, until, held_by_others));
            }
            sleep_until(until).await;
        }
    }

    /// Reports a limit that a call has just found out, so that other processes need not wait until this one calls again.
    pub(super) fn report_learned(self: &Arc<Self>, class: CallClass) {
        let Some(leases) = &self.leases else { return };
        let in_flight = leases.in_flight(class.with_fields);
        if let Some(known) = self.known_limit(class).filter(|known| known.limit > 0) {
            leases.report_learned(self, class.with_fields, known, in_flight);
        }
    }

    /// Makes the request for a lease of this account.
    fn lease_request(&self, holder: &str, demand: LeaseDemand, clocks: ClockPair) -> LeaseRequest {
        let name =
            if demand.with_fields { format!("{} with fields", self.name) } else { self.name.to_string() };
        LeaseRequest::new(name, demand.report(holder, clocks).max_window(self.max_window))
    }

    /// Stores the requested lease, or none if the store granted none, and wakes the calls that wait for it.
    fn put_lease(&self, demand: LeaseDemand, lease: Option<QuotaLease>, clocks: ClockPair) {
        if let Some(leases) = &self.leases {
            leases.put(demand.with_fields, lease, clocks);
        }
        self.changed.notify_waiters();
    }

    /// The known limit of a class; `None` if the class has no limit.
    fn known_limit(&self, class: CallClass) -> Option<LimitSnapshot> {
        match lock(&self.shared).tracker.window(class, Instant::now()) {
            None => Some(LimitSnapshot::default()),
            Some(window) => window.map(|window| LimitSnapshot {
                limit: window.id.limit,
                remaining: window.remaining,
                reported_reset: window.reported_reset,
                resets_at: window.resets_at,
                started_at: window.started_at,
                observed_at: Some(window.observed_at),
            }),
        }
    }
}
