//! The interface of a store through which processes lease parts of a limit.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use vimeo_api::rate_limit::MAX_WINDOW;

/// A store through which processes that serve the same accounts share each limit.
///
/// A process leases a part of the calls that remain and uses it without asking again. Requests for several accounts arrive in
/// one batch. Every `accounts::AccountStore` is a quota store, and so is an `Arc` of a quota store.
pub trait QuotaStore: Send + Sync + 'static {
    /// Grants one lease per request, in their order. On an error, the process uses its own limits for a while.
    fn lease<'a>(
        &'a self,
        requests: &'a [LeaseRequest],
    ) -> BoxFuture<'a, Result<Vec<QuotaLease>, Box<dyn std::error::Error + Send + Sync>>>;
}

impl<S: QuotaStore + ?Sized> QuotaStore for Arc<S> {
    fn lease<'a>(
        &'a self,
        requests: &'a [LeaseRequest],
    ) -> BoxFuture<'a, Result<Vec<QuotaLease>, Box<dyn std::error::Error + Send + Sync>>> {
        S::lease(self, requests)
    }
}

/// A process's request for a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaseRequest {
    /// The name of the rate limiter.
    pub name: String,
    /// What the process reports.
    pub report: UsageReport,
}

impl LeaseRequest {
    /// Makes a request for the rate limiter of this name.
    pub fn new(name: impl Into<String>, report: UsageReport) -> Self {
        Self { name: name.into(), report }
    }
}

/// What a process reports when it asks for a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UsageReport {
    /// The name of the process.
    pub holder: String,
    /// Calls that the limit allows; 0 if the process does not know it yet.
    pub limit: u64,
    /// Calls that remain, according to the last response.
    pub remaining: u64,
    /// The end of the window as Vimeo reported it, which identifies the window.
    pub reported_reset: Option<DateTime<Utc>>,
    /// The same end by the clock of the process.
    pub resets_at: Option<DateTime<Utc>>,
    /// When that response arrived.
    pub observed_at: Option<DateTime<Utc>>,
    /// Calls of its leases that are in flight.
    pub in_flight: u64,
    /// Calls of its last lease that were not made before it ended.
    pub unused: u64,
    /// The time by the clock of the process.
    pub now: DateTime<Utc>,
    /// The longest window that the process believes. An end further ahead is ignored.
    pub max_window: Duration,
}

impl UsageReport {
    /// Makes the report of a process that has used its last lease, has no call in flight and does not know the reset.
    pub fn new(holder: impl Into<String>, limit: u64, remaining: u64, now: DateTime<Utc>) -> Self {
        Self {
            holder: holder.into(),
            limit,
            remaining,
            reported_reset: None,
            resets_at: None,
            observed_at: None,
            in_flight: 0,
            unused: 0,
            now,
            max_window: MAX_WINDOW,
        }
    }

    /// Sets [`max_window`](Self::max_window).
    #[must_use]
    pub fn max_window(mut self, max_window: Duration) -> Self {
        self.max_window = max_window;
        self
    }
}

/// A lease of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuotaLease {
    /// The limit that the lease is a part of; 0 if the limit is not known yet.
    pub limit: u64,
    /// The number of calls; 0 if none are left.
    pub calls: u64,
    /// When the lease expires; without calls, when to ask again.
    pub until: DateTime<Utc>,
    /// The earliest time at which asking for more is of use, once the calls are used.
    pub renew_at: DateTime<Utc>,
    /// Whether other processes hold the calls that remain beyond this lease.
    pub held_by_others: bool,
}
