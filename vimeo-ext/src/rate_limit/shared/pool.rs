//! What processes that serve one account share of its limits: pure, the time comes in.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use self::window::{Grant, LEASE_TTL, Window};
use super::{QuotaLease, UsageReport};

/// The limits of an account, and who holds how much of what remains of each; stores keep it for all processes.
///
/// ```
/// use vimeo_ext::rate_limit::{QuotaPool, UsageReport};
/// let mut pool = QuotaPool::default();
/// let report = UsageReport::new("process 1", 100, 99, "2026-03-01T12:00:00Z".parse()?);
/// assert!(pool.lease(&report).calls > 0);
/// # Ok::<(), chrono::ParseError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaPool {
    /// By the number of the limit, which is how Vimeo tells them apart.
    windows: BTreeMap<u64, Window>,
    /// The limit that was reported last; 0 before the first.
    latest: u64,
    /// Until when the first call of all is waited for.
    first: i64,
    /// Who asked before the limit was known.
    early: BTreeSet<String>,
}

/// A limit beyond this is no limit, and counts as this, so that sums and products of it are numbers.
const MAX_LIMIT: u64 = 1 << 31;
/// So soon those who wait for the first answer of all look whether it has come; then after twice as long, and so on.
const POLL_INTERVAL: i64 = 250;
const MAX_POLL_INTERVAL: i64 = 1_000;

impl QuotaPool {
    /// Takes in what a process has learnt, and gives it a slice of what remains.
    ///
    /// Each of those that ask gets its fair share of the limit first; what others do not come for goes to whoever does.
    pub fn lease(&mut self, report: &UsageReport) -> QuotaLease {
        let now = report.now.timestamp_millis();
        if report.limit > 0 {
            self.latest = report.limit;
        }
        let latest = self.latest;
        let limit = latest.min(MAX_LIMIT);
        let Grant { calls, until, renew_at } = if limit == 0 {
            self.probe(&report.holder, now)
        } else {
            let early = mem::take(&mut self.early);
            self.windows.retain(|known, window| *known == latest || !window.is_forgotten(now));
            let window = self.windows.entry(latest).or_insert_with(|| Window::new(limit, early, now));
            window.lease(limit, report, now)
        };
        QuotaLease {
            limit: latest,
            calls,
            until: time(until, report.now),
            renew_at: time(renew_at, report.now),
        }
    }

    /// Before anybody knows the limit, one call of one process finds it out.
    fn probe(&mut self, holder: &str, now: i64) -> Grant {
        // A report that waited for the store is older than the one before it. A clock that was set back by more than that must
        // not make anybody wait for what it showed before.
        let is_waited_for = self.first > now && self.first <= now.saturating_add(2 * LEASE_TTL);
        if !is_waited_for {
            // Whoever still waits asks again soon; others are gone.
            self.early.clear();
        }
        self.early.insert(holder.to_owned());
        if is_waited_for {
            let waited = now.saturating_sub(self.first.saturating_sub(LEASE_TTL));
            let until = now.saturating_add(waited.clamp(POLL_INTERVAL, MAX_POLL_INTERVAL));
            return Grant { calls: 0, until, renew_at: now };
        }
        self.first = now.saturating_add(LEASE_TTL);
        // Whoever made that call knows more as soon as it is answered.
        Grant { calls: 1, until: self.first, renew_at: now }
    }
}

fn time(millis: i64, now: DateTime<Utc>) -> DateTime<Utc> {
    let soon = now.checked_add_signed(TimeDelta::seconds(1)).unwrap_or(now);
    DateTime::from_timestamp_millis(millis).unwrap_or(soon)
}

#[cfg(test)]
mod tests;
