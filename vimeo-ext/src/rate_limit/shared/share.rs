//! How a process asks for slices of what all processes share.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use vimeo_api::rate_limit::LONGEST_WINDOW;

/// Where processes that serve the same accounts share what they know of each limit.
///
/// One process asks for a slice of the calls that remain and spends it without asking again. What it asks for several
/// accounts at a time comes here together.
pub trait QuotaStore: Send + Sync + 'static {
    /// A slice for each of these, in their order. When they cannot be had, the process goes by what it knows itself for a
    /// while.
    fn lease<'a>(
        &'a self,
        asked: &'a [LeaseRequest],
    ) -> BoxFuture<'a, Result<Vec<QuotaLease>, Box<dyn std::error::Error + Send + Sync>>>;
}

/// That a process wants a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaseRequest {
    /// Of the limiter of this name.
    pub name: String,
    /// What the process knows.
    pub report: UsageReport,
}

impl LeaseRequest {
    /// Of the limiter of this name, by a process that knows this.
    pub fn new(name: impl Into<String>, report: UsageReport) -> Self {
        Self { name: name.into(), report }
    }
}

/// What a process knows when it asks for a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UsageReport {
    /// What the process calls itself.
    pub holder: String,
    /// Calls that the limit allows; 0 as long as that is not known.
    pub limit: u64,
    /// Calls that remain, by the process's last answer.
    pub remaining: u64,
    /// When the limit begins anew, or did so last, as Vimeo told it: it tells one window from another.
    pub told: Option<DateTime<Utc>>,
    /// When that is by the clock of the process.
    pub resets_at: Option<DateTime<Utc>>,
    /// When that answer came.
    pub heard_at: Option<DateTime<Utc>>,
    /// Calls of its slices that are under way.
    pub in_flight: u64,
    /// Calls of its last slice that were not made before it ended.
    pub unused: u64,
    /// What time it is for the process.
    pub now: DateTime<Utc>,
    /// The longest that the process believes a limit to last. No end is believed that lies further ahead.
    pub longest_window: Duration,
}

impl UsageReport {
    /// Of a process that has made all calls of its last slice, has none under way and does not know the reset.
    pub fn new(holder: impl Into<String>, limit: u64, remaining: u64, now: DateTime<Utc>) -> Self {
        Self {
            holder: holder.into(),
            limit,
            remaining,
            told: None,
            resets_at: None,
            heard_at: None,
            in_flight: 0,
            unused: 0,
            now,
            longest_window: LONGEST_WINDOW,
        }
    }

    /// Sets [`longest_window`](Self::longest_window).
    #[must_use]
    pub fn longest_window(mut self, longest: Duration) -> Self {
        self.longest_window = longest;
        self
    }
}

/// A slice of a limiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuotaLease {
    /// Of the limit of this number; 0 as long as that is not known.
    pub limit: u64,
    /// So many calls; none when nothing is left.
    pub calls: u64,
    /// Until when they may be made; without calls, when to ask again.
    pub until: DateTime<Utc>,
    /// When they are used up: from when on it is of use to ask for more.
    pub more_at: DateTime<Utc>,
}
