//! The state that processes serving one account share: pure, with the time as a parameter.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use self::window::{Grant, LEASE_TTL, Window};
use super::{QuotaLease, UsageReport};

/// The limits of an account, and the leases of each. A store keeps one pool per rate limiter for all processes.
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
    /// By limit value, which is what identifies a limit.
    windows: BTreeMap<u64, Window>,
    /// The limit that was reported last; 0 before the first.
    #[serde(rename = "latest")]
    latest_limit: u64,
    /// Until when the response to the first call is awaited.
    #[serde(rename = "first")]
    probe_until: i64,
    /// The holders that asked before the limit was known.
    #[serde(rename = "early")]
    waiting: BTreeSet<String>,
}

/// A higher limit counts as this one, so that sums and products of it do not overflow.
const MAX_LIMIT: u64 = 1 << 31;
/// The first delay after which holders that wait for the first response ask again; it doubles up to `MAX_POLL_INTERVAL`.
const POLL_INTERVAL: i64 = 250;
const MAX_POLL_INTERVAL: i64 = 1_000;

impl QuotaPool {
    /// Records a process's report and grants it a lease of what remains.
    ///
    /// Each process that asks gets its fair share of the limit first. The shares of processes that do not ask go to those that
    /// do.
    pub fn lease(&mut self, report: &UsageReport) -> QuotaLease {
        let now = report.now.timestamp_millis();
        if report.limit > 0 {
            self.latest_limit = report.limit;
        }
        let latest = self.latest_limit;
        let limit = latest.min(MAX_LIMIT);
        let Grant { calls, until, renew_at, held_by_others } = if limit == 0 {
            self.probe(&report.holder, now)
        } else {
            let waiting = mem::take(&mut self.waiting);
            self.windows.retain(|known, window| *known == latest || !window.is_abandoned(now));
            let window = self.windows.entry(latest).or_insert_with(|| Window::new(limit, waiting, now));
            window.lease(limit, report, now)
        };
        QuotaLease {
            limit: latest,
            calls,
            until: time(until, report.now),
            renew_at: time(renew_at, report.now),
            held_by_others,
        }
    }

    /// Grants the one call that finds out an unknown limit.
    fn probe(&mut self, holder: &str, now: i64) -> Grant {
        // A report that waited for the store is older than the one before it. If a clock was set back by more than that, its
        // earlier time is ignored.
        let is_awaited = self.probe_until > now && self.probe_until <= now.saturating_add(2 * LEASE_TTL);
        if !is_awaited {
            // Holders that still wait ask again soon; the others are gone.
            self.waiting.clear();
        }
        self.waiting.insert(holder.to_owned());
        if is_awaited {
            let waited = now.saturating_sub(self.probe_until.saturating_sub(LEASE_TTL));
            let until = now.saturating_add(waited.clamp(POLL_INTERVAL, MAX_POLL_INTERVAL));
            return Grant { calls: 0, until, renew_at: now, held_by_others: false };
        }
        self.probe_until = now.saturating_add(LEASE_TTL);
        // The process that makes this call knows the limit as soon as the response arrives.
        Grant { calls: 1, until: self.probe_until, renew_at: now, held_by_others: false }
    }
}

fn time(millis: i64, now: DateTime<Utc>) -> DateTime<Utc> {
    let soon = now.checked_add_signed(TimeDelta::seconds(1)).unwrap_or(now);
    DateTime::from_timestamp_millis(millis).unwrap_or(soon)
}

#[cfg(test)]
mod tests;
