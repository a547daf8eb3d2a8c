//! The leases that this process holds of one account's limits.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;
use vimeo_api::rate_limit::MAX_WINDOW;

use super::lease_batcher::{CircuitState, LeaseBatcher};
use super::{QuotaLease, UsageReport};
use crate::rate_limit::tracker::RESET_SKEW_MARGIN;
use crate::rate_limit::{RateLimiter, lock};
use crate::timeouts::later;

/// The leases that this process holds of one account's limits.
pub(in crate::rate_limit) struct LocalLeases {
    batcher: Arc<LeaseBatcher>,
    /// For calls without `fields`, and with.
    kinds: [Kind; 2],
}

/// The leases for one kind of calls.
#[derive(Default)]
struct Kind {
    held: Mutex<ActiveLeases>,
    under_way: AtomicU64,
    /// Calls sent so far.
    departures: AtomicU64,
}

/// The calls of leases that were in flight at a moment.
#[derive(Clone, Copy)]
pub(super) struct InFlight {
    count: u64,
    /// Calls that had been sent by then.
    departures: u64,
}

impl Kind {
    fn depart(&self) -> InFlightGuard<'_> {
        let guard = InFlightGuard::new(&self.under_way);
        // After the count, so that whoever reads both counts a call that leaves in between twice and does not miss it.
        self.departures.fetch_add(1, Ordering::SeqCst);
        guard
    }

    /// The calls that a snapshot of the limit may not include: those in flight before it was taken, and those sent since.
    fn unaccounted(&self, before: InFlight) -> u64 {
        let since = self.departures.load(Ordering::SeqCst).saturating_sub(before.departures);
        before.count.saturating_add(since)
    }
}

#[derive(Default)]
struct ActiveLeases {
    /// By limit value, of which there is hardly ever more than one.
    slices: Vec<(u64, LeaseSlot)>,
    /// Whether another lease was requested.
    is_asked_for: bool,
}

/// The lease of one limit.
#[derive(Clone, Copy)]
enum LeaseSlot {
    /// Calls that may be made.
    Left { calls: u64, since: Instant, until: Instant, renew_at: Instant },
    /// Nothing is available before this time.
    Empty(Instant),
}

/// Whether a call is admitted.
pub(super) enum Admission<'a> {
    Granted(InFlightGuard<'a>),
    RetryAt(Instant),
    /// A lease was requested; the rate limiter wakes the call when it arrives.
    Pending,
}

/// What a process reports when it requests a lease.
#[derive(Clone, Copy)]
pub(super) struct LeaseDemand {
    pub(super) with_fields: bool,
    known: LimitSnapshot,
    /// Calls of the last lease that were not made.
    unused: u64,
    in_flight: u64,
}

impl LeaseDemand {
    pub(super) fn report(&self, holder: &str, times: ClockPair) -> UsageReport {
        let Self { known, unused, in_flight, .. } = *self;
        UsageReport {
            holder: holder.to_owned(),
            limit: known.limit,
            remaining: known.remaining,
            reported_reset: known.told,
            resets_at: known.resets.or(known.began).and_then(|time| times.to_wall(time)),
            observed_at: known.heard.and_then(|time| times.to_wall(time)),
            in_flight,
            unused,
            now: times.wall,
            max_window: MAX_WINDOW,
        }
    }
}

/// One moment by the monotonic clock and by the wall clock.
#[derive(Clone, Copy)]
pub(super) struct ClockPair {
    pub(super) here: Instant,
    pub(super) wall: DateTime<Utc>,
}

impl ClockPair {
    fn to_wall(self, time: Instant) -> Option<DateTime<Utc>> {
        match time.checked_duration_since(self.here) {
            Some(ahead) => self.wall.checked_add_signed(TimeDelta::from_std(ahead).ok()?),
            None => {
                let behind = self.here.saturating_duration_since(time);
                self.wall.checked_sub_signed(TimeDelta::from_std(behind).ok()?)
            }
        }
    }

    fn to_here(self, time: DateTime<Utc>) -> Instant {
        let ahead = time.signed_duration_since(self.wall).to_std().unwrap_or_default();
        later(self.here, ahead)
    }
}

/// Counts a call of a lease as in flight, for as long as the value lives.
pub(in crate::rate_limit) struct InFlightGuard<'a>(&'a AtomicU64);

impl<'a> InFlightGuard<'a> {
    fn new(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for InFlightGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The process's own view of the limit that a call counts against.
#[derive(Clone, Copy, Default)]
pub(super) struct LimitSnapshot {
    /// 0 if the process does not know the limit yet.
    pub(super) limit: u64,
    pub(super) remaining: u64,
    /// The end of the window as Vimeo reported it.
    pub(super) told: Option<DateTime<Utc>>,
    pub(super) resets: Option<Instant>,
    /// When the window before this one ended.
    pub(super) began: Option<Instant>,
    /// When the last response that reported it arrived.
    pub(super) heard: Option<Instant>,
}

impl LeaseSlot {
    /// Takes one call, if there is any.
    fn take(&mut self, known: &LimitSnapshot, now: Instant) -> TakeOutcome {
        match self {
            Self::Left { calls, since, until, renew_at } => {
                // It ends with its window, of whose end an answer may have told since.
                *until = known.resets.map_or(*until, |resets| resets.min(*until));
                let renew_at =
                    known.resets.map_or(*renew_at, |resets| later(resets, RESET_SKEW_MARGIN).min(*renew_at));
                let is_over = *until <= now || known.began.is_some_and(|began| *since < began);
                // What is asked for between two windows may count in either, so nothing would be given.
                let between = known.resets.map(|resets| (resets, later(resets, RESET_SKEW_MARGIN)));
                let between = between.filter(|(from, to)| *from <= now && now < *to);
                match (*calls, between) {
                    (_, Some((_, to))) => TakeOutcome::Not(to),
                    (0, _) if renew_at > now => TakeOutcome::Not(renew_at),
                    (0, _) => TakeOutcome::Spent { unused: 0 },
                    _ if is_over => TakeOutcome::Spent { unused: *calls },
                    _ => {
                        *calls = calls.saturating_sub(1);
                        TakeOutcome::One
                    }
                }
            }
            Self::Empty(until) if *until > now => TakeOutcome::Not(*until),
            Self::Empty(_) => TakeOutcome::Spent { unused: 0 },
        }
    }
}

/// The result of taking a call.
enum TakeOutcome {
    One,
    Not(Instant),
    /// The lease is used up, or it expired with calls left.
    Spent {
        unused: u64,
    },
}

impl LocalLeases {
    pub(in crate::rate_limit) fn new(batcher: Arc<LeaseBatcher>) -> Self {
        Self { batcher, kinds: Default::default() }
    }

    fn kind(&self, with_fields: bool) -> &Kind {
        let [plain, fields] = &self.kinds;
        if with_fields { fields } else { plain }
    }

    /// The calls of leases that are in flight.
    pub(super) fn in_flight(&self, with_fields: bool) -> InFlight {
        let kind = self.kind(with_fields);
        let departures = kind.departures.load(Ordering::SeqCst);
        InFlight { count: kind.under_way.load(Ordering::SeqCst), departures }
    }

    /// Takes one call of the lease, and requests another lease when it is used up. `known` is the process's own view of the limit,
    /// read after `in_flight`.
    pub(super) fn take(
        &self,
        limiter: &Arc<RateLimiter>,
        with_fields: bool,
        known: LimitSnapshot,
        in_flight: InFlight,
    ) -> Admission<'_> {
        let kind = self.kind(with_fields);
        let go = || Admission::Granted(kind.depart());
        let now = Instant::now();
        let mut held = lock(&kind.held);
        let slice = match known.limit {
            0 => held.slices.last_mut(),
            limit => held.slices.iter_mut().find(|(of, _)| *of == limit),
        };
        let taken = slice.map_or(TakeOutcome::Spent { unused: 0 }, |(_, slice)| slice.take(&known, now));
        if matches!(taken, TakeOutcome::One) {
            return go();
        }
        let circuit = self.batcher.circuit(now);
        match taken {
            _ if circuit == CircuitState::Open => return go(),
            TakeOutcome::One => return go(),
            TakeOutcome::Not(until) => return Admission::RetryAt(until),
            TakeOutcome::Spent { .. } if held.is_asked_for => {}
            TakeOutcome::Spent { unused } => {
                held.is_asked_for = true;
                // Another thread may have taken the last call of the lease since then. None does while this is locked.
                let in_flight = kind.unaccounted(in_flight);
                // Whoever brings the slice, or that there is none, locks it.
                drop(held);
                self.batcher.ask(Arc::clone(limiter), LeaseDemand { with_fields, known, unused, in_flight });
            }
        }
        // Nobody waits for a store of which it is not known whether it is there again.
        if circuit == CircuitState::Closed { Admission::Pending } else { go() }
    }

    /// Reports to the store that the limit is exhausted, if this process was expected back before the window ends.
    ///
    /// Otherwise it would wait for the next window, and the other processes would take it for dead: once its lease has expired,
    /// they would probe with a call, which Vimeo would refuse.
    pub(super) fn report_exhausted(
        &self,
        limiter: &Arc<RateLimiter>,
        with_fields: bool,
        known: LimitSnapshot,
        in_flight: InFlight,
    ) {
        let kind = self.kind(with_fields);
        let now = Instant::now();
        let Some(ends) =
            known.resets.map(|resets| later(resets, RESET_SKEW_MARGIN)).filter(|ends| *ends > now)
        else {
            return;
        };
        let mut held = lock(&kind.held);
        let unused = match held.slices.iter().find(|(limit, _)| *limit == known.limit) {
            Some((_, LeaseSlot::Left { calls, renew_at, .. })) if *renew_at < ends => *calls,
            _ => return,
        };
        if held.is_asked_for || self.batcher.circuit(now) != CircuitState::Closed {
            return;
        }
        held.is_asked_for = true;
        let in_flight = kind.unaccounted(in_flight);
        drop(held);
        self.batcher.ask(Arc::clone(limiter), LeaseDemand { with_fields, known, unused, in_flight });
    }

    /// Stores the lease that was requested, or none if there is none.
    pub(super) fn put(&self, with_fields: bool, lease: Option<QuotaLease>, times: ClockPair) {
        let mut held = lock(&self.kind(with_fields).held);
        held.is_asked_for = false;
        let Some(lease) = lease else { return };
        let until = times.to_here(lease.until);
        let slice = match lease.calls {
            0 => LeaseSlot::Empty(until),
            calls => {
                LeaseSlot::Left { calls, since: times.here, until, renew_at: times.to_here(lease.renew_at) }
            }
        };
        // What was held before the limit was known is of no more use.
        held.slices.retain(|(of, _)| *of != lease.limit && *of != 0);
        // There is one limit as a rule, and there may be many accounts.
        held.slices.reserve_exact(1);
        held.slices.push((lease.limit, slice));
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use futures_util::future::BoxFuture;

    use super::*;
    use crate::Clock;
    use crate::rate_limit::{LeaseRequest, QuotaStore, RateLimiters};

    /// Records the requests, and grants nothing.
    #[derive(Default)]
    struct Recorder(Mutex<Vec<UsageReport>>);

    impl QuotaStore for Recorder {
        fn lease<'a>(
            &'a self,
            asked: &'a [LeaseRequest],
        ) -> BoxFuture<'a, Result<Vec<QuotaLease>, Box<dyn Error + Send + Sync>>> {
            self.0.lock().unwrap().extend(asked.iter().map(|question| question.report.clone()));
            Box::pin(async { Err("nothing".into()) })
        }
    }

    #[tokio::test]
    async fn a_call_that_another_thread_sends_meanwhile_is_reported() {
        let recorder = Arc::new(Recorder::default());
        let limiter = RateLimiters::shared(Arc::clone(&recorder)).of("a", &Clock::default());
        let leases = limiter.leases.as_ref().unwrap();
        let times = ClockPair { here: Instant::now(), wall: Utc::now() };
        let lease = QuotaLease {
            limit: 80,
            calls: 2,
            until: times.wall + TimeDelta::minutes(1),
            renew_at: times.wall,
        };
        leases.put(false, Some(lease), times);
        let known = LimitSnapshot { limit: 80, remaining: 2, ..LimitSnapshot::default() };

        let first = leases.take(&limiter, false, known, leases.in_flight(false));
        // One thread reads what is in flight, another takes the last call, and then the first one finds none.
        let before = leases.in_flight(false);
        let second = leases.take(&limiter, false, known, before);
        assert!(matches!((&first, &second), (Admission::Granted(_), Admission::Granted(_))));
        drop(first);
        assert!(matches!(leases.take(&limiter, false, known, before), Admission::Pending));
        while recorder.0.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(recorder.0.lock().unwrap()[0].in_flight, 2, "what is known may include neither");
    }
}
