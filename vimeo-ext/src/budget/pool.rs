//! What processes that serve one account share of one of its limits: pure, the time comes in.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{BudgetLease, BudgetReport};

/// A limit of an account, and who holds how much of what remains; stores keep it for all processes.
///
/// ```
/// use vimeo_ext::budget::{BudgetPool, BudgetReport};
/// let mut pool = BudgetPool::default();
/// let report = BudgetReport::new("process 1", 100, 99, "2026-03-01T12:00:00Z".parse()?);
/// assert!(pool.lease(&report).calls > 0);
/// # Ok::<(), chrono::ParseError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetPool {
    limit: u64,
    /// The least that an answer of this window has told.
    remaining: u64,
    /// `None` after a window has ended, until an answer tells of the next.
    resets: Option<i64>,
    holders: BTreeMap<String, Holder>,
}

/// A process that asks for slices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    /// What it holds of the pool, spent or not.
    leased: u64,
    /// What it was given in this window.
    taken: u64,
    /// Until when it holds that.
    until: i64,
    /// When it last asked.
    seen: i64,
}

/// Vimeo tells a reset in whole seconds, so it may lie up to one later.
const MARGIN: i64 = 1_000;
/// So long a slice is good, if its window lasts as long.
const HOLD: i64 = 15_000;
/// A holder that has not asked for so long no longer counts.
const FORGET: i64 = 120_000;
/// A slice of this size is not cut further, so that the store is not asked for every few calls.
const FEW: u64 = 50;
/// How often those who wait for the first answer of all look whether it has come.
const LOOK: i64 = 250;

impl BudgetPool {
    /// Takes in what a process has learnt, and gives it a slice of what remains.
    ///
    /// Each of those that ask gets its fair share of the limit first; what others have not asked for for a while goes to
    /// whoever does.
    pub fn lease(&mut self, report: &BudgetReport) -> BudgetLease {
        let now = report.now.timestamp_millis();
        self.learn(report, now);
        self.holders.retain(|_, holder| holder.seen + FORGET > now || holder.until > now);
        for holder in self.holders.values_mut().filter(|holder| holder.until <= now) {
            holder.leased = 0;
        }
        let own = self.holders.entry(report.holder.clone()).or_default();
        // What it had is spent or given back, but for what is under way.
        *own = Holder { leased: report.in_flight, seen: now, until: now + HOLD, ..*own };
        let taken = own.taken;

        if self.limit == 0 {
            return self.feel_the_way(report, now);
        }
        let active = self.holders.len() as u64;
        let fair = self.limit.div_ceil(active.max(1));
        let leased: u64 = self.holders.values().map(|holder| holder.leased).sum();
        let free = self.remaining.saturating_sub(leased);
        let entitled = fair.saturating_sub(taken);
        let reserved: u64 = self
            .holders
            .iter()
            .filter(|(name, holder)| **name != report.holder && holder.seen + HOLD > now)
            .map(|(_, holder)| fair.saturating_sub(holder.taken))
            .sum();
        let calls = match entitled {
            0 => free.saturating_sub(reserved).div_ceil(active.max(1)),
            _ => entitled.min(entitled.div_ceil(2).max(FEW)),
        };
        let calls = calls.min(free);
        let until = match calls {
            0 => self.again(report, now),
            _ => self.resets.map_or(now + HOLD, |resets| resets.min(now + HOLD)).max(now + 1),
        };
        // What is left then is for others, until they have not asked for it for a while.
        let all = calls > 0 && taken + calls >= fair && free - calls <= reserved;
        let more = if all {
            self.resets.map_or(now + HOLD, |resets| (resets + MARGIN).min(now + HOLD))
        } else {
            now
        };
        if let Some(own) = self.holders.get_mut(&report.holder) {
            own.leased += calls;
            own.taken += calls;
            own.until = until.max(now + MARGIN);
        }
        BudgetLease { calls, until: time(until, report.now), more_at: time(more, report.now) }
    }

    /// Before anybody knows the limit, one call of one process finds it out.
    fn feel_the_way(&mut self, report: &BudgetReport, now: i64) -> BudgetLease {
        let others = self.holders.iter().filter(|(name, _)| **name != report.holder);
        let busy = report.in_flight > 0 || others.into_iter().any(|(_, holder)| holder.leased > 0);
        let calls = u64::from(!busy);
        let until = now + if busy { LOOK } else { HOLD };
        if let Some(own) = self.holders.get_mut(&report.holder) {
            own.leased += calls;
        }
        BudgetLease { calls, until: time(until, report.now), more_at: report.now }
    }

    fn learn(&mut self, report: &BudgetReport, now: i64) {
        if self.limit > 0 && self.resets.is_some_and(|resets| resets + MARGIN <= now) {
            self.begin(self.limit);
        }
        // Who does not know the limit yet has nothing to tell.
        if report.limit == 0 {
            return;
        }
        if self.limit != report.limit {
            self.begin(report.limit);
        }
        let Some(told) = report.resets_at.map(|resets| resets.timestamp_millis()) else { return };
        match self.resets {
            // An answer of a window that has ended says nothing of this one.
            _ if told <= now => {}
            Some(known) if told + MARGIN < known => {}
            Some(known) if told > known + MARGIN => {
                self.begin(report.limit);
                self.remaining = report.remaining;
                self.resets = Some(told);
            }
            _ => {
                self.remaining = self.remaining.min(report.remaining);
                self.resets = self.resets.or(Some(told));
            }
        }
    }

    /// A new window, which belongs to nobody yet.
    fn begin(&mut self, limit: u64) {
        self.limit = limit;
        self.remaining = limit;
        self.resets = None;
        for holder in self.holders.values_mut() {
            holder.leased = 0;
            holder.taken = 0;
        }
    }

    /// When there may be something again: with the next window, or when another's slice ends.
    fn again(&self, report: &BudgetReport, now: i64) -> i64 {
        let others =
            self.holders.iter().filter(|(name, holder)| **name != report.holder && holder.leased > 0);
        let given_back = others.map(|(_, holder)| holder.until).min();
        let reset = self.resets.map(|resets| resets + MARGIN);
        let soonest = reset.into_iter().chain(given_back).min().unwrap_or(now + MARGIN);
        soonest.max(now + MARGIN / 2)
    }
}

fn time(millis: i64, now: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or(now + Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_700_000_000_000 + millis).unwrap()
    }

    fn ask(pool: &mut BudgetPool, holder: &str, remaining: u64, resets: Option<i64>, now: i64) -> u64 {
        let mut report = BudgetReport::new(holder, 100, remaining, at(now));
        report.resets_at = resets.map(at);
        pool.lease(&report).calls
    }

    #[test]
    fn four_that_ask_get_the_limit_in_equal_parts_and_no_more() {
        let mut pool = BudgetPool::default();
        for holder in ["a", "b", "c", "d"] {
            // They come to know each other in the first window.
            ask(&mut pool, holder, 100, Some(60_000), 0);
        }
        for holder in ["a", "b", "c", "d"] {
            assert_eq!(ask(&mut pool, holder, 100, None, 61_000), 25);
        }
        for holder in ["a", "b", "c", "d"] {
            // Another has spent its part and told of it; the rest is not for those who had theirs.
            assert_eq!(ask(&mut pool, holder, 0, Some(121_000), 61_001), 0);
        }
    }

    #[test]
    fn what_is_given_never_exceeds_what_vimeo_says_remains() {
        let mut pool = BudgetPool::default();
        let mut random = fastrand::Rng::with_seed(7);
        for round in 0..200i64 {
            let start = round * 70_000;
            let resets = Some(start + 60_000);
            let (mut used, mut held) = (0u64, [0u64; 5]);
            for step in 0..60 {
                let who = random.usize(..5);
                // It spends all that it has, and tells what Vimeo told with the last of it.
                used += std::mem::take(&mut held[who]);
                let told = if used == 0 { None } else { resets };
                held[who] = ask(&mut pool, &who.to_string(), 100 - used.min(100), told, start + step);
                assert!(used + held.iter().sum::<u64>() <= 100, "round {round}, step {step}");
            }
            assert!(used + held.iter().sum::<u64>() >= 90, "round {round}: {used} and {held:?}");
        }
    }

    #[test]
    fn the_first_call_of_all_goes_alone() {
        let mut pool = BudgetPool::default();
        let ask = |pool: &mut BudgetPool, holder: &str, limit, now| {
            pool.lease(&BudgetReport::new(holder, limit, limit, at(now))).calls
        };
        assert_eq!(ask(&mut pool, "a", 0, 0), 1);
        assert_eq!(ask(&mut pool, "b", 0, 1), 0);
        assert_eq!(ask(&mut pool, "b", 0, HOLD), 1, "the first is gone");
        assert_eq!(ask(&mut pool, "b", 100, HOLD + 1), 50, "each of two that have asked gets half");
        assert_eq!(ask(&mut pool, "a", 0, HOLD + 2), 50, "though it does not know the limit itself");
    }

    #[test]
    fn a_slice_ends_with_its_holder_and_with_its_window() {
        let mut pool = BudgetPool::default();
        assert_eq!(ask(&mut pool, "dead", 100, Some(60_000), 0), 50);
        assert_eq!(ask(&mut pool, "b", 100, Some(60_000), 1), 50);
        assert_eq!(ask(&mut pool, "b", 50, Some(60_000), 2), 0, "the rest is the other's");
        assert!(ask(&mut pool, "b", 50, Some(60_000), HOLD + 1) > 0, "who does not ask for it any more");
        // An answer of the window before does not spoil the next.
        assert_eq!(ask(&mut pool, "b", 0, Some(60_000), 62_000), 50);
    }

    #[test]
    fn it_is_written_and_read() {
        let mut pool = BudgetPool::default();
        ask(&mut pool, "a", 99, Some(60_000), 0);
        let text = serde_json::to_string(&pool).unwrap();
        assert_eq!(serde_json::from_str::<BudgetPool>(&text).unwrap(), pool);
    }
}
