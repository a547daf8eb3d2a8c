//! The leases of one limit in one window, shared by max-min fairness.
//!
//! - **Fair share.** A holder's demand is what it used of the last window, or unlimited if it used all that it was granted. The
//!   limit is filled into these demands like water: no holder gets more than another with the same demand, and what modest
//!   holders leave goes to saturated ones. A holder that received more than its share of a contended window has the surplus
//!   deducted from its share of the next one.
//! - **No call is granted twice.** A lease counts as used until its holder reports again, or until it expires. The remaining calls
//!   that a response reports may already include it, so the pool grants too few at times and never too many.
//! - **Latecomers.** Every process that asked before the limit was known counts as saturated. In the first two seconds after that
//!   no lease is larger than a quarter of the limit.
//! - **The last calls.** If ten calls or fewer remain, a holder gets half of them, so that an unknown process finds some.
//! - **Few requests.** A saturated holder gets its share at once, or in halves of at least [`MIN_SPLIT`]. If nothing is left, it
//!   comes back with the next window, and earlier only while all requests stay below one in ten calls of the limit.
//! - **Dead holders.** A large lease expires after half a window, and no share is reserved for longer than that. A small lease lasts
//!   for the window: it spares slow callers the requests, and little is lost with it.
//!
//! Stores persist windows as JSON. The names in it are older than those here, so fields carry `serde(rename)`.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::rate_limit::UsageReport;

/// A lease as the pool grants it; times in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) calls: u64,
    pub(super) until: i64,
    pub(super) renew_at: i64,
    /// Whether other holders have the rest of what remains.
    pub(super) held_by_others: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Window {
    /// The fewest remaining calls that a response of this window has reported.
    remaining: u64,
    /// When the pool began it.
    #[serde(rename = "begun")]
    started_at: i64,
    /// Its end as Vimeo reported it, or that of the previous window until a response reports its own.
    #[serde(rename = "told")]
    reported_reset: Option<i64>,
    /// The same end by the clocks of the holders; `None` after a window has ended, until a response reports the next.
    #[serde(rename = "resets")]
    resets_at: Option<i64>,
    /// How long a window lasts, once one was seen.
    #[serde(rename = "lasts")]
    length: Option<i64>,
    /// Until when unknown holders may still appear.
    #[serde(rename = "settled")]
    settled_at: i64,
    /// Calls that others than the holders have used, at least.
    #[serde(rename = "by_others")]
    external_usage: u64,
    /// Requests in this window.
    #[serde(rename = "asked")]
    requests: u64,
    /// When a call was last granted as a probe.
    #[serde(rename = "tried")]
    probed_at: i64,
    /// Calls that expired holders had taken.
    #[serde(rename = "forgotten")]
    expired_usage: u64,
    holders: BTreeMap<String, LeaseHolder>,
}

/// A process that holds leases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct LeaseHolder {
    /// Calls that it holds, used or not.
    leased: u64,
    /// Calls that it was granted in this window and did not return.
    taken: u64,
    /// The size of its last lease.
    #[serde(rename = "slice")]
    last_lease: u64,
    /// Whether it is saturated: it used all that it was granted at once and came for more, or got nothing.
    #[serde(rename = "greedy")]
    saturated: bool,
    /// Its expected demand in this window.
    #[serde(rename = "wants")]
    demand: u64,
    /// Its surplus over others with the same demand in earlier windows.
    #[serde(rename = "ahead")]
    surplus: u64,
    /// When its lease expires.
    #[serde(rename = "until")]
    leased_until: i64,
    /// When it last reported.
    #[serde(rename = "seen")]
    reported_at: i64,
}

/// Vimeo reports a reset in whole seconds, so the window may end up to one second later.
pub(super) const RESET_SKEW_MARGIN: i64 = 1_000;
/// How long a large lease lasts, and how long a share is reserved for a holder that has not asked yet. Half a window if that is
/// longer, so that a busy process does not lose its share.
pub(super) const LEASE_TTL: i64 = 15_000;
/// How long leases stay small after a limit was first seen, because other holders may be about to ask.
const SETTLE_PERIOD: i64 = 2_000;
/// How long a small lease lasts if the end of its window is unknown.
const SMALL_LEASE_TTL: i64 = 60_000;
/// How long after a lease expired a call of it may still arrive.
const LEASE_GRACE: i64 = 2_000;
/// A holder that has not reported for this long is removed.
const HOLDER_EXPIRY: i64 = 120_000;
/// A share of this size is not split, so that holders do not ask for every few calls.
const MIN_SPLIT: u64 = 50;

/// The smallest lease, unless fewer calls remain.
const MIN_LEASE: u64 = 10;

/// Whether a lease is small compared to the limit.
fn is_small(calls: u64, limit: u64) -> bool {
    calls <= (limit / 8).max(MIN_LEASE)
}

impl Window {
    /// The first window of a limit, with the holders that wait for it.
    pub(super) fn new(limit: u64, waiting: BTreeSet<String>, now: i64) -> Self {
        let holder = LeaseHolder { demand: limit, reported_at: now, ..LeaseHolder::default() };
        let holders = waiting.into_iter().map(|name| (name, holder)).collect();
        Self {
            remaining: limit,
            started_at: now,
            settled_at: now.saturating_add(SETTLE_PERIOD),
            holders,
            ..Self::default()
        }
    }

    /// Whether all holders have expired.
    pub(super) fn is_abandoned(&self, now: i64) -> bool {
        self.holders.values().all(|holder| {
            holder.reported_at.saturating_add(HOLDER_EXPIRY) <= now && holder.leased_until <= now
        })
    }

    /// Records a holder's report and grants it a part of what remains.
    pub(super) fn lease(&mut self, limit: u64, report: &UsageReport, now: i64) -> Grant {
        self.observe(limit, report, now);
        self.requests = self.requests.saturating_add(1);
        self.remove_expired(now);
        // A holder whose lease expired may have used it. Only a response from after that shows which calls it did not use.
        let observed = report.observed_at.map_or(0, |observed| observed.timestamp_millis());
        for holder in self.holders.values_mut().filter(|holder| holder.leased_until <= observed) {
            holder.leased = 0;
        }
        let ttl = self.lease_ttl();
        let own = self.holders.entry(report.holder.clone()).or_default();
        let is_recent = now < own.reported_at.saturating_add(LEASE_TTL);
        let is_unknown = own.record_usage(report, limit, self.started_at, is_recent);
        // What it held is used or returned, except the calls in flight. The response that it observed may be older than its last
        // report; the remaining calls then do not include what it has used since.
        let unobserved =
            if own.reported_at <= observed { 0 } else { own.leased.saturating_sub(report.unused) };
        own.leased = report.in_flight.max(unobserved);
        let is_new_here = own.reported_at < self.started_at;
        own.reported_at = now;
        let own = *own;
        if is_new_here {
            // Calls that it sent before this window began may arrive late enough to count in this one.
            self.external_usage = self.external_usage.saturating_add(report.in_flight);
        }

        if let Some(resets_at) = self.resets_at.filter(|resets_at| *resets_at <= now) {
            // Between two windows a call may count in either.
            let until = resets_at.saturating_add(RESET_SKEW_MARGIN);
            return self.grant(report, Grant { calls: 0, until, renew_at: now, held_by_others: false }, now);
        }
        let level = self.water_level(limit);
        let entitled = own.fair_share(limit, level).saturating_sub(own.taken);
        let others = || self.holders.iter().filter(|(name, _)| **name != report.holder);
        let reserved: u64 = others()
            .filter(|(_, holder)| now < holder.reported_at.max(self.started_at).saturating_add(ttl))
            .map(|(_, holder)| holder.fair_share(limit, level).saturating_sub(holder.taken))
            .fold(0, u64::saturating_add);
        let leased_by_others =
            others().map(|(_, holder)| holder.leased).fold(0, u64::saturating_add).saturating_add(reserved);
        let free = self.free(limit);
        // If there is not enough for all that is still due, each holder's part shrinks by the same factor.
        let due =
            entitled.min(free.saturating_mul(entitled).div_ceil(entitled.saturating_add(reserved).max(1)));
        let calls = match due {
            0 if entitled == 0 => free.saturating_sub(reserved).div_ceil(self.active_holders(now)),
            // Its demand is not known yet.
            _ if is_unknown => due.min((limit / 16).max(MIN_LEASE)),
            // Other holders may be about to ask.
            _ if now < self.settled_at => due.min((limit / 4).max(MIN_LEASE)),
            _ => due.min(due.div_ceil(2).max(MIN_SPLIT)),
        };
        // No holder gets all of the last few calls: another may need one before they are used.
        let most = if free <= MIN_LEASE { free.div_ceil(2) } else { free };
        let calls = calls.min(most);
        let held_by_others = leased_by_others > 0 && self.remaining > own.leased.saturating_add(calls);
        if calls == 0 && self.should_probe(limit, now) {
            self.probed_at = now;
            let until = now.saturating_add(LEASE_TTL);
            return self.grant(report, Grant { calls: 1, until, renew_at: now, held_by_others }, now);
        }
        if calls == 0 {
            if let Some(own) = self.holders.get_mut(&report.holder) {
                own.saturated = true;
            }
            let until = self.next_retry_at(limit, &report.holder, now);
            return self.grant(report, Grant { calls: 0, until, renew_at: now, held_by_others }, now);
        }
        let is_modest = is_small(calls, limit) || own.current_demand(limit) < level;
        let until = self.resets_at.unwrap_or(i64::MAX).min(now.saturating_add(if is_modest {
            SMALL_LEASE_TTL
        } else {
            ttl
        }));
        let is_all = calls >= due && free.saturating_sub(calls) <= reserved;
        let renew_at = match self.ends_at() {
            _ if !is_all || is_modest => now,
            Some(ends_at) if !self.within_poll_limit(limit) => ends_at,
            Some(ends_at) => ends_at.min(now.saturating_add(ttl)),
            None => now.saturating_add(ttl),
        };
        self.grant(report, Grant { calls, until, renew_at, held_by_others }, now)
    }

    /// How long a large lease lasts and a share stays reserved.
    fn lease_ttl(&self) -> i64 {
        self.length.map_or(LEASE_TTL, |length| LEASE_TTL.max(length / 2))
    }

    /// The calls that can still be granted.
    ///
    /// That is what was not granted yet, if only holders use the account; and it is what remains according to the last response minus
    /// all that is leased, even if others use the account. Both can be too low and neither too high, as far as responses show.
    fn free(&self, limit: u64) -> u64 {
        let leased = self.holders.values().map(|holder| holder.leased).fold(0, u64::saturating_add);
        let ungranted = limit.saturating_sub(self.taken()).saturating_sub(self.external_usage);
        let unleased = self.remaining.saturating_sub(leased);
        ungranted.max(unleased).min(self.remaining)
    }

    fn taken(&self) -> u64 {
        self.holders.values().map(|holder| holder.taken).fold(self.expired_usage, u64::saturating_add)
    }

    /// Records what a holder is granted.
    fn grant(&mut self, report: &UsageReport, grant: Grant, now: i64) -> Grant {
        let until = grant.until.max(now.saturating_add(1));
        if let Some(own) = self.holders.get_mut(&report.holder) {
            own.leased = own.leased.saturating_add(grant.calls);
            own.taken = own.taken.saturating_add(grant.calls);
            own.last_lease = grant.calls;
            own.leased_until = until.saturating_add(LEASE_GRACE);
        }
        Grant { until, renew_at: grant.renew_at.max(now), ..grant }
    }

    /// Whether a lease has expired whose holder would have come for more if it had used it. One call then finds out.
    fn should_probe(&self, limit: u64, now: i64) -> bool {
        self.remaining > 0
            && self.within_poll_limit(limit)
            && self.probed_at.saturating_add(LEASE_TTL) <= now
            && self.holders.values().any(|holder| holder.leased > 0 && holder.leased_until <= now)
    }

    /// The number of holders that reported recently; at least 1.
    fn active_holders(&self, now: i64) -> u64 {
        let is_active = |holder: &&LeaseHolder| now < holder.reported_at.saturating_add(LEASE_TTL);
        self.holders.values().filter(is_active).count().max(1) as u64
    }

    fn remove_expired(&mut self, now: i64) {
        let expired_usage = &mut self.expired_usage;
        self.holders.retain(|_, holder| {
            let stays = holder.reported_at.saturating_add(HOLDER_EXPIRY) > now || holder.leased_until > now;
            *expired_usage = expired_usage.saturating_add(if stays { 0 } else { holder.taken });
            stays
        });
    }

    /// The water level of max-min fairness: the largest share, including earlier surplus, at which all demands together fill the
    /// limit.
    fn water_level(&self, limit: u64) -> u64 {
        let (mut low, mut high) = (0_u64, limit.saturating_mul(2));
        while low < high {
            let level = low.midpoint(high);
            let shares = self.holders.values().map(|holder| holder.fair_share(limit, level));
            let filled = shares.fold(0, u64::saturating_add);
            if filled < limit { low = level.saturating_add(1) } else { high = level }
        }
        low
    }

    /// When the next window begins, according to the reported reset or to the length of the last window.
    fn ends_at(&self) -> Option<i64> {
        let reported = self.resets_at.map(|resets_at| resets_at.saturating_add(RESET_SKEW_MARGIN));
        // Resets are in whole seconds, so the last window may have been shorter by almost one.
        let expected =
            || Some(self.started_at.saturating_add(self.length?).saturating_add(RESET_SKEW_MARGIN));
        reported.or_else(expected)
    }

    /// Whether every holder can ask once more with the store still asked at most once in ten calls.
    fn within_poll_limit(&self, limit: u64) -> bool {
        self.requests.saturating_add(self.holders.len() as u64).saturating_mul(10) <= limit
    }

    /// Records what a report says about the window, and begins the next window if this one is over.
    fn observe(&mut self, limit: u64, report: &UsageReport, now: i64) {
        let millis = |time: DateTime<Utc>| time.timestamp_millis();
        // A process that does not know the limit yet has observed nothing.
        let reset = report.reported_reset.zip(report.resets_at).filter(|_| report.limit > 0);
        let max_window = i64::try_from(report.max_window.as_millis()).unwrap_or(i64::MAX);
        let latest = now.saturating_add(max_window);
        if self.resets_at.is_some_and(|resets_at| resets_at > latest) {
            // No window lasts this long: another process has believed a wrong reset.
            (self.reported_reset, self.resets_at, self.length) = (None, None, None);
            self.remaining = limit;
        }
        if let Some((reported, resets_at)) =
            reset.map(|(reported, resets_at)| (millis(reported), millis(resets_at)))
            && resets_at <= latest
        {
            self.observe_reset(reported, resets_at, limit, report.remaining, max_window, now);
        }
        if self.resets_at.is_some_and(|resets_at| resets_at.saturating_add(RESET_SKEW_MARGIN) <= now) {
            self.begin(limit, now);
        }
        let used = limit.saturating_sub(self.remaining);
        self.external_usage = self.external_usage.max(used.saturating_sub(self.taken()));
    }

    /// Records what a response reported: the end of its window, the same end by the clock of the process, and what remained.
    fn observe_reset(
        &mut self,
        reported: i64,
        resets_at: i64,
        limit: u64,
        remaining: u64,
        max_window: i64,
        now: i64,
    ) {
        let is_next =
            self.reported_reset.is_none_or(|known| reported > known.saturating_add(RESET_SKEW_MARGIN));
        // A reset more than a window earlier is not that of a late response: the known reset was wrong.
        let was_wrong = self.reported_reset.is_some_and(|known| reported < known.saturating_sub(max_window));
        if is_next || was_wrong {
            // If the last window ended by its own reset, this one has begun already.
            if self.resets_at.is_some() {
                self.begin(limit, now);
            }
            self.reported_reset = Some(reported);
            self.remaining = self.remaining.min(remaining);
            self.resets_at = Some(resets_at);
        } else if let (Some(known), Some(here)) = (self.reported_reset, self.resets_at)
            && reported.saturating_add(RESET_SKEW_MARGIN) >= known
        {
            self.remaining = self.remaining.min(remaining);
            // The later a response is read, the later its reset seems.
            self.resets_at = Some(here.min(resets_at));
        } else {
            // A response of an earlier window.
            return;
        }
        self.length = self
            .resets_at
            .map(|resets_at| resets_at.saturating_add(RESET_SKEW_MARGIN).saturating_sub(self.started_at));
    }

    /// Begins a new window, of which nothing is leased yet.
    fn begin(&mut self, limit: u64, now: i64) {
        self.remaining = limit;
        self.started_at = now;
        self.resets_at = None;
        (self.external_usage, self.requests, self.probed_at, self.expired_usage) = (0, 0, 0, 0);
        let saturated = self.holders.values().filter(|holder| holder.saturated);
        let least = saturated.map(|holder| holder.surplus.saturating_add(holder.taken)).min().unwrap_or(0);
        for holder in self.holders.values_mut() {
            let (demand, surplus) = match holder.saturated {
                true => (limit, holder.surplus.saturating_add(holder.taken).saturating_sub(least).min(limit)),
                // It got all that it demanded.
                false => (holder.taken, 0),
            };
            *holder = LeaseHolder { leased: 0, taken: 0, saturated: false, demand, surplus, ..*holder };
        }
    }

    /// When calls may be available again: with the next window, or when another holder's lease expires.
    fn next_retry_at(&self, limit: u64, own: &str, now: i64) -> i64 {
        let others = self.holders.iter().filter(|(name, holder)| *name != own && holder.leased > 0);
        let expiry = others.map(|(_, holder)| holder.leased_until).min();
        let expiry = expiry.filter(|_| self.remaining > 0 && self.within_poll_limit(limit));
        let soonest =
            self.ends_at().into_iter().chain(expiry).min().unwrap_or(now.saturating_add(RESET_SKEW_MARGIN));
        soonest.max(now.saturating_add(RESET_SKEW_MARGIN / 2))
    }
}

impl LeaseHolder {
    /// Records what the holder used of its last lease. Returns whether its demand is unknown.
    fn record_usage(&mut self, report: &UsageReport, limit: u64, started_at: i64, is_recent: bool) -> bool {
        if self.reported_at >= started_at && self.reported_at > 0 {
            self.taken = self.taken.saturating_sub(report.unused);
            match report.unused {
                0 if self.last_lease > 0 && is_recent => self.saturated = true,
                // At this pace, as many calls again will do.
                0 => {
                    let more = self.last_lease.max(MIN_LEASE);
                    self.demand = self.demand.max(self.taken.saturating_add(more));
                }
                _ => {}
            }
            return self.last_lease == 0;
        }
        // Its last lease was of an earlier window.
        let used = self.demand.saturating_sub(report.unused);
        self.demand = if used == 0 { limit } else { used };
        used == 0
    }

    /// Its max-min fair share of the limit at this water level, minus its earlier surplus.
    fn fair_share(&self, limit: u64, level: u64) -> u64 {
        self.current_demand(limit).min(level.saturating_sub(self.surplus))
    }

    /// The most that it may need of this window, as far as is known.
    fn current_demand(&self, limit: u64) -> u64 {
        if self.saturated { limit } else { self.demand.max(self.taken).max(MIN_LEASE) }
    }
}
