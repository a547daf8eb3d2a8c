//! The leases of one limit in one window, shared by max-min fairness.
//!
//! - **Fair share.** A holder's demand is what it used of the last window, or unlimited if it used all that it was given. The
//!   limit is filled into these demands like water: no holder gets more than another with the same demand, and what modest
//!   holders leave goes to saturated ones. A holder that received more than its share of a contended window has the surplus
//!   deducted from its share of the next one.
//! - **No call is given twice.** A lease counts as used until its holder reports again, or until it expires. What remains according
//!   to a response may already include it, so the pool gives too little at times and never too much.
//! - **Latecomers.** Every process that asked before the limit was known counts as saturated. In the first two seconds after that
//!   no lease is larger than a quarter of the limit.
//! - **The last calls.** If ten calls or fewer remain, a holder gets half of them, so that an unknown process finds some.
//! - **Few requests.** A saturated holder gets its share at once, or in halves of at least [`MIN_SPLIT`]. If nothing is left, it
//!   comes back with the next window, and earlier only while all requests stay below one in ten calls of the limit.
//! - **Dead holders.** A large lease expires after half a window, and no share is reserved for longer than that. A small lease lasts
//!   for the window: it spares slow callers the requests, and little is lost with it.
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
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Window {
    /// The least that a response of this window has reported.
    remaining: u64,
    /// When the pool began it.
    begun: i64,
    /// Its end as Vimeo reported it, or that of the previous window until a response reports its own.
    told: Option<i64>,
    /// The same end by the clocks of the holders; `None` after a window has ended, until a response reports the next.
    resets: Option<i64>,
    /// How long a window lasts, once one was seen.
    lasts: Option<i64>,
    /// Until when unknown holders may still appear.
    settled: i64,
    /// Calls that others than the holders have used, at least.
    external_usage: u64,
    /// Requests in this window.
    asked: u64,
    /// When a call was last granted as a probe.
    tried: i64,
    /// Calls that expired holders had taken.
    forgotten: u64,
    holders: BTreeMap<String, LeaseHolder>,
}

/// A process that holds leases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct LeaseHolder {
    /// Calls that it holds, used or not.
    leased: u64,
    /// Calls that it was given in this window and did not return.
    taken: u64,
    /// The size of its last lease.
    slice: u64,
    /// Whether it is saturated: it used all that it was given at once and came for more, or got nothing.
    greedy: bool,
    /// Its expected demand in this window.
    wants: u64,
    /// Its surplus over others with the same demand in earlier windows.
    ahead: u64,
    /// When its lease expires.
    until: i64,
    /// When it last reported.
    seen: i64,
}

/// Vimeo reports a reset in whole seconds, so the window may end up to one second later.
pub(super) const RESET_SKEW_MARGIN: i64 = 1_000;
/// So long a large slice is good, if its window lasts as long, and so long a part is kept for who has not come for it; or
/// half a window, if that is longer: a busy process is not to lose its part.
pub(super) const LEASE_TTL: i64 = 15_000;
/// So long after a limit was first seen slices are small: others may be about to come.
const SETTLE_PERIOD: i64 = 2_000;
/// So long a small slice is good where nobody knows when its window ends.
const SMALL_LEASE_TTL: i64 = 60_000;
/// How long after a lease expired a call of it may still arrive.
const LEASE_GRACE: i64 = 2_000;
/// A holder that has not reported for this long is forgotten.
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
    /// A limit that is new, with those who are known to wait for it.
    pub(super) fn new(limit: u64, early: BTreeSet<String>, now: i64) -> Self {
        let holder = LeaseHolder { wants: limit, seen: now, ..LeaseHolder::default() };
        let holders = early.into_iter().map(|name| (name, holder)).collect();
        Self {
            remaining: limit,
            begun: now,
            settled: now.saturating_add(SETTLE_PERIOD),
            holders,
            ..Self::default()
        }
    }

    /// Whether nobody has asked for it for so long that it is of no use to know.
    pub(super) fn is_forgotten(&self, now: i64) -> bool {
        self.holders
            .values()
            .all(|holder| holder.seen.saturating_add(HOLDER_EXPIRY) <= now && holder.until <= now)
    }

    /// Takes in what a holder has learnt, and gives it a slice of what remains.
    pub(super) fn lease(&mut self, limit: u64, report: &UsageReport, now: i64) -> Grant {
        self.learn(limit, report, now);
        self.asked = self.asked.saturating_add(1);
        self.forget(now);
        // Who let its slice end may have used it: only an answer from after that tells what it did not use.
        let heard = report.observed_at.map_or(0, |heard| heard.timestamp_millis());
        for holder in self.holders.values_mut().filter(|holder| holder.until <= heard) {
            holder.leased = 0;
        }
        let hold = self.hold();
        let own = self.holders.entry(report.holder.clone()).or_default();
        let is_unknown =
            own.record_usage(report, limit, self.begun, now < own.seen.saturating_add(LEASE_TTL));
        // What it had is spent or given back, but for what is under way; what remains tells of that once it has heard.
        let unheard = if own.seen <= heard { 0 } else { own.leased.saturating_sub(report.unused) };
        own.leased = report.in_flight.max(unheard);
        let is_new_here = own.seen < self.begun;
        own.seen = now;
        let own = *own;
        if is_new_here {
            // What it sent before this window began may come late enough to count here.
            self.external_usage = self.external_usage.saturating_add(report.in_flight);
        }

        if let Some(resets) = self.resets.filter(|resets| *resets <= now) {
            // What is asked for now may count before or after.
            return self.give(&report.holder, 0, resets.saturating_add(RESET_SKEW_MARGIN), now, now);
        }
        let level = self.level(limit);
        let entitled = own.part(limit, level).saturating_sub(own.taken);
        let kept: u64 = self
            .holders
            .iter()
            .filter(|(name, holder)| {
                **name != report.holder && now < holder.seen.max(self.begun).saturating_add(hold)
            })
            .map(|(_, holder)| holder.part(limit, level).saturating_sub(holder.taken))
            .fold(0, u64::saturating_add);
        let free = self.free(limit);
        // Where there is not enough for all that is still due, each gets as much less.
        let due = entitled.min(free.saturating_mul(entitled).div_ceil(entitled.saturating_add(kept).max(1)));
        let calls = match due {
            0 if entitled == 0 => free.saturating_sub(kept).div_ceil(self.present(now)),
            // Nobody knows yet what it wants.
            _ if is_unknown => due.min((limit / 16).max(MIN_LEASE)),
            // Others may be about to come.
            _ if now < self.settled => due.min((limit / 4).max(MIN_LEASE)),
            _ => due.min(due.div_ceil(2).max(MIN_SPLIT)),
        };
        // Of the last few calls nobody gets all at once: others may want one before they are used.
        let most = if free <= MIN_LEASE { free.div_ceil(2) } else { free };
        let calls = calls.min(most);
        if calls == 0 && self.should_probe(limit, now) {
            self.tried = now;
            return self.give(&report.holder, 1, now.saturating_add(LEASE_TTL), now, now);
        }
        if calls == 0 {
            if let Some(own) = self.holders.get_mut(&report.holder) {
                own.greedy = true;
            }
            return self.give(&report.holder, 0, self.again(limit, &report.holder, now), now, now);
        }
        let is_modest = is_small(calls, limit) || own.wishes(limit) < level;
        let until = self.resets.unwrap_or(i64::MAX).min(now.saturating_add(if is_modest {
            SMALL_LEASE_TTL
        } else {
            hold
        }));
        let is_all = calls >= due && free.saturating_sub(calls) <= kept;
        let renew_at = match self.ends() {
            _ if !is_all || is_modest => now,
            Some(ends) if !self.within_poll_limit(limit) => ends,
            Some(ends) => ends.min(now.saturating_add(hold)),
            None => now.saturating_add(hold),
        };
        self.give(&report.holder, calls, until, renew_at, now)
    }

    /// How long is waited for holders.
    fn hold(&self) -> i64 {
        self.lasts.map_or(LEASE_TTL, |lasts| LEASE_TTL.max(lasts / 2))
    }

    /// What is left to give.
    ///
    /// That is what was not given yet, if nobody else uses the account; and it is what remains by the last answer but for
    /// all that is held, whoever uses the account. Both can be too little and neither too much, as far as answers tell.
    fn free(&self, limit: u64) -> u64 {
        let leased = self.holders.values().map(|holder| holder.leased).fold(0, u64::saturating_add);
        let ungiven = limit.saturating_sub(self.taken()).saturating_sub(self.external_usage);
        let unheld = self.remaining.saturating_sub(leased);
        ungiven.max(unheld).min(self.remaining)
    }

    fn taken(&self) -> u64 {
        self.holders.values().map(|holder| holder.taken).fold(self.forgotten, u64::saturating_add)
    }

    fn give(&mut self, holder: &str, calls: u64, until: i64, renew_at: i64, now: i64) -> Grant {
        let until = until.max(now.saturating_add(1));
        if let Some(own) = self.holders.get_mut(holder) {
            own.leased = own.leased.saturating_add(calls);
            own.taken = own.taken.saturating_add(calls);
            own.slice = calls;
            own.until = until.saturating_add(LEASE_GRACE);
        }
        Grant { calls, until, renew_at: renew_at.max(now) }
    }

    /// Whether a slice has ended whose holder would have come for more, had it used it: one call finds out.
    fn should_probe(&self, limit: u64, now: i64) -> bool {
        self.remaining > 0
            && self.within_poll_limit(limit)
            && self.tried.saturating_add(LEASE_TTL) <= now
            && self.holders.values().any(|holder| holder.leased > 0 && holder.until <= now)
    }

    /// How many have asked of late.
    fn present(&self, now: i64) -> u64 {
        self.holders.values().filter(|holder| now < holder.seen.saturating_add(LEASE_TTL)).count().max(1)
            as u64
    }

    fn forget(&mut self, now: i64) {
        let forgotten = &mut self.forgotten;
        self.holders.retain(|_, holder| {
            let stays = holder.seen.saturating_add(HOLDER_EXPIRY) > now || holder.until > now;
            *forgotten = forgotten.saturating_add(if stays { 0 } else { holder.taken });
            stays
        });
    }

    /// How far each may come, with what it is ahead, so that all wishes together fill the limit.
    fn level(&self, limit: u64) -> u64 {
        let (mut low, mut high) = (0_u64, limit.saturating_mul(2));
        while low < high {
            let level = low.midpoint(high);
            let parts = self.holders.values().map(|holder| holder.part(limit, level));
            let filled = parts.fold(0, u64::saturating_add);
            if filled < limit { low = level.saturating_add(1) } else { high = level }
        }
        low
    }

    /// When the next window begins, by what was told or by how long the last one was.
    fn ends(&self) -> Option<i64> {
        let told = self.resets.map(|resets| resets.saturating_add(RESET_SKEW_MARGIN));
        // As windows are told in whole seconds, the last one may have been shorter by almost one.
        told.or_else(|| Some(self.begun.saturating_add(self.lasts?).saturating_add(RESET_SKEW_MARGIN)))
    }

    /// Whether everybody may ask once more without the store being asked for more than one call in ten.
    fn within_poll_limit(&self, limit: u64) -> bool {
        self.asked.saturating_add(self.holders.len() as u64).saturating_mul(10) <= limit
    }

    fn learn(&mut self, limit: u64, report: &UsageReport, now: i64) {
        // Who does not know the limit yet has nothing to tell.
        let millis = |time: DateTime<Utc>| time.timestamp_millis();
        let told = report.reported_reset.zip(report.resets_at).filter(|_| report.limit > 0);
        let longest = i64::try_from(report.max_window.as_millis()).unwrap_or(i64::MAX);
        let last = now.saturating_add(longest);
        if self.resets.is_some_and(|resets| resets > last) {
            // Nothing lasts so long: another process believed what it should not have.
            (self.told, self.resets, self.lasts) = (None, None, None);
            self.remaining = limit;
        }
        if let Some((told, resets)) = told.map(|(told, resets)| (millis(told), millis(resets)))
            && resets <= last
        {
            self.hear(told, resets, limit, report.remaining, longest, now);
        }
        if self.resets.is_some_and(|resets| resets.saturating_add(RESET_SKEW_MARGIN) <= now) {
            self.begin(limit, now);
        }
        let used = limit.saturating_sub(self.remaining);
        self.external_usage = self.external_usage.max(used.saturating_sub(self.taken()));
    }

    /// Takes in what an answer has told: the end of its window, when that is here, and what remained.
    fn hear(&mut self, told: i64, resets: i64, limit: u64, remaining: u64, longest: i64, now: i64) {
        let is_next = self.told.is_none_or(|known| told > known.saturating_add(RESET_SKEW_MARGIN));
        // An end further back than a window lasts is no late answer's: what was told before was wrong.
        let was_wrong = self.told.is_some_and(|known| told < known.saturating_sub(longest));
        if is_next || was_wrong {
            // Unless this window was begun when the one before had to be over.
            if self.resets.is_some() {
                self.begin(limit, now);
            }
            self.told = Some(told);
            self.remaining = self.remaining.min(remaining);
            self.resets = Some(resets);
        } else if let (Some(known), Some(here)) = (self.told, self.resets)
            && told.saturating_add(RESET_SKEW_MARGIN) >= known
        {
            self.remaining = self.remaining.min(remaining);
            // The later an answer is read, the later its end seems.
            self.resets = Some(here.min(resets));
        } else {
            // An answer of a window before this one.
            return;
        }
        self.lasts =
            self.resets.map(|resets| resets.saturating_add(RESET_SKEW_MARGIN).saturating_sub(self.begun));
    }

    /// A new window, which belongs to nobody yet.
    fn begin(&mut self, limit: u64, now: i64) {
        self.remaining = limit;
        self.begun = now;
        self.resets = None;
        (self.external_usage, self.asked, self.tried, self.forgotten) = (0, 0, 0, 0);
        let greedy = self.holders.values().filter(|holder| holder.greedy);
        let least = greedy.map(|holder| holder.ahead.saturating_add(holder.taken)).min().unwrap_or(0);
        for holder in self.holders.values_mut() {
            let (wants, ahead) = match holder.greedy {
                true => (limit, holder.ahead.saturating_add(holder.taken).saturating_sub(least).min(limit)),
                // It got what it wanted.
                false => (holder.taken, 0),
            };
            *holder = LeaseHolder { leased: 0, taken: 0, greedy: false, wants, ahead, ..*holder };
        }
    }

    /// When there may be something again: with the next window, or when another's slice ends.
    fn again(&self, limit: u64, own: &str, now: i64) -> i64 {
        let others = self.holders.iter().filter(|(name, holder)| *name != own && holder.leased > 0);
        let given_back = others.map(|(_, holder)| holder.until).min();
        let given_back = given_back.filter(|_| self.remaining > 0 && self.within_poll_limit(limit));
        let soonest =
            self.ends().into_iter().chain(given_back).min().unwrap_or(now.saturating_add(RESET_SKEW_MARGIN));
        soonest.max(now.saturating_add(RESET_SKEW_MARGIN / 2))
    }
}

impl LeaseHolder {
    /// Takes in what it used of its last slice; answers whether nothing is known of what it wants.
    fn record_usage(&mut self, report: &UsageReport, limit: u64, begun: i64, is_soon: bool) -> bool {
        if self.seen >= begun && self.seen > 0 {
            self.taken = self.taken.saturating_sub(report.unused);
            match report.unused {
                0 if self.slice > 0 && is_soon => self.greedy = true,
                // At this pace, as much again will do.
                0 => self.wants = self.wants.max(self.taken.saturating_add(self.slice.max(MIN_LEASE))),
                _ => {}
            }
            return self.slice == 0;
        }
        // Its last slice was of the window before.
        let used = self.wants.saturating_sub(report.unused);
        self.wants = if used == 0 { limit } else { used };
        used == 0
    }

    /// How much of the limit it may have, where all come so far.
    fn part(&self, limit: u64, level: u64) -> u64 {
        self.wishes(limit).min(level.saturating_sub(self.ahead))
    }

    /// What it may want of this window, as far as that can be known.
    fn wishes(&self, limit: u64) -> u64 {
        if self.greedy { limit } else { self.wants.max(self.taken).max(MIN_LEASE) }
    }
}
