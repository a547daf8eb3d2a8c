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
    active: Mutex<ActiveLeases>,
    in_flight: AtomicU64,
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
        let guard = InFlightGuard::new(&self.in_flight);
        // After the count, so that a reader of both counts a call that leaves in between twice and does not miss it.
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
    slots: Vec<(u64, LeaseSlot)>,
    /// Whether another lease was requested.
    is_requested: bool,
}

/// The lease of one limit.
#[derive(Clone, Copy)]
struct LeaseSlot {
    /// Calls that are left.
    calls: u64,
    since: Instant,
    /// When the lease expires; without calls from the start, the earliest time to ask again.
    until: Instant,
    /// The earliest time to ask for more, once the calls are used.
    renew_at: Instant,
    /// Whether other processes hold the rest of the window.
    held_by_others: bool,
    /// Whether the store granted no call.
    is_empty: bool,
}

/// Whether a call is admitted.
pub(super) enum Admission<'a> {
    Granted(InFlightGuard<'a>),
    /// Not before this time.
    RetryAt {
        at: Instant,
        /// Whether other processes hold the calls that remain.
        held_by_others: bool,
    },
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
    pub(super) fn report(&self, holder: &str, clocks: ClockPair) -> UsageReport {
        let Self { known, unused, in_flight, .. } = *self;
        UsageReport {
            holder: holder.to_owned(),
            limit: known.limit,
            remaining: known.remaining,
            reported_reset: known.reported_reset,
            resets_at: known.resets_at.or(known.started_at).and_then(|time| clocks.to_wall(time)),
            observed_at: known.observed_at.and_then(|time| clocks.to_wall(time)),
            in_flight,
            unused,
            now: clocks.wall,
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

/// Counts a call of a lease as in flight until it is dropped.
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
    pub(super) reported_reset: Option<DateTime<Utc>>,
    pub(super) resets_at: Option<Instant>,
    /// When the window before this one ended.
    pub(super) started_at: Option<Instant>,
    /// When the last response that reported the limit arrived.
    pub(super) observed_at: Option<Instant>,
}

impl LeaseSlot {
    /// Takes one call if there is any.
    fn take(&mut self, known: &LimitSnapshot, now: Instant) -> TakeOutcome {
        if self.is_empty {
            return match self.until > now {
                true => TakeOutcome::RetryAt { at: self.until, held_by_others: self.held_by_others },
                false => TakeOutcome::Spent { unused: 0 },
            };
        }
        // A lease ends with its window. A response may have reported the end since the lease was granted.
        self.until = known.resets_at.map_or(self.until, |resets_at| resets_at.min(self.until));
        let renew_at = known
            .resets_at
            .map_or(self.renew_at, |resets_at| later(resets_at, RESET_SKEW_MARGIN).min(self.renew_at));
        let is_over = self.until <= now || known.started_at.is_some_and(|started_at| self.since < started_at);
        // Between two windows a call may count in either, so the store would grant nothing.
        let gap = known.resets_at.map(|resets_at| (resets_at, later(resets_at, RESET_SKEW_MARGIN)));
        let gap = gap.filter(|(from, to)| *from <= now && now < *to);
        match (self.calls, gap) {
            (_, Some((_, at))) => TakeOutcome::RetryAt { at, held_by_others: false },
            (0, _) if renew_at > now => {
                TakeOutcome::RetryAt { at: renew_at, held_by_others: self.held_by_others }
            }
            (0, _) => TakeOutcome::Spent { unused: 0 },
            (calls, _) if is_over => TakeOutcome::Spent { unused: calls },
            _ => {
                self.calls = self.calls.saturating_sub(1);
                TakeOutcome::Granted
            }
        }
    }
}

/// The result of taking a call.
enum TakeOutcome {
    Granted,
    RetryAt {
        at: Instant,
        held_by_others: bool,
    },
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
        InFlight { count: kind.in_flight.load(Ordering::SeqCst), departures }
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
        let grant = || Admission::Granted(kind.depart());
        let now = Instant::now();
        let mut active = lock(&kind.active);
        let slot = match known.limit {
            0 => active.slots.last_mut(),
            limit => active.slots.iter_mut().find(|(of, _)| *of == limit),
        };
        let outcome = slot.map_or(TakeOutcome::Spent { unused: 0 }, |(_, slot)| slot.take(&known, now));
        if matches!(outcome, TakeOutcome::Granted) {
            return grant();
        }
        let circuit = self.batcher.circuit(now);
        match outcome {
            _ if circuit == CircuitState::Open => return grant(),
            TakeOutcome::Granted => return grant(),
            TakeOutcome::RetryAt { at, held_by_others } => return Admission::RetryAt { at, held_by_others },
            TakeOutcome::Spent { .. } if active.is_requested => {}
            TakeOutcome::Spent { unused } => {
                active.is_requested = true;
                // Another thread may have taken the last call of the lease since then. None can while this is locked.
                let in_flight = kind.unaccounted(in_flight);
                // The batcher locks it again to store the lease.
                drop(active);
                let demand = LeaseDemand { with_fields, known, unused, in_flight };
                self.batcher.request(Arc::clone(limiter), demand);
            }
        }
        // No call waits for a store that may still be unavailable.
        if circuit == CircuitState::Closed { Admission::Pending } else { grant() }
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
        let ends_at = known.resets_at.map(|resets_at| later(resets_at, RESET_SKEW_MARGIN));
        let Some(ends_at) = ends_at.filter(|ends_at| *ends_at > now) else { return };
        let mut active = lock(&kind.active);
        let unused = match active.slots.iter().find(|(limit, _)| *limit == known.limit) {
            Some((_, slot)) if !slot.is_empty && slot.renew_at < ends_at => slot.calls,
            _ => return,
        };
        if active.is_requested || self.batcher.circuit(now) != CircuitState::Closed {
            return;
        }
        active.is_requested = true;
        let in_flight = kind.unaccounted(in_flight);
        drop(active);
        self.batcher.request(Arc::clone(limiter), LeaseDemand { with_fields, known, unused, in_flight });
    }

    /// Reports to the store a limit that this process has just learned, and requests a lease of it.
    pub(super) fn report_learned(
        &self,
        limiter: &Arc<RateLimiter>,
        with_fields: bool,
        known: LimitSnapshot,
        in_flight: InFlight,
    ) {
        let kind = self.kind(with_fields);
        let mut active = lock(&kind.active);
        let is_reported = active.slots.iter().any(|(limit, _)| *limit == known.limit);
        if is_reported || active.is_requested || self.batcher.circuit(Instant::now()) != CircuitState::Closed
        {
            return;
        }
        active.is_requested = true;
        let in_flight = kind.unaccounted(in_flight);
        drop(active);
        self.batcher.request(Arc::clone(limiter), LeaseDemand { with_fields, known, unused: 0, in_flight });
    }

    /// Stores the requested lease, or records that there is none.
    pub(super) fn put(&self, with_fields: bool, lease: Option<QuotaLease>, clocks: ClockPair) {
        let mut active = lock(&self.kind(with_fields).active);
        active.is_requested = false;
        let Some(lease) = lease else { return };
        let slot = LeaseSlot {
            calls: lease.calls,
            since: clocks.here,
            until: clocks.to_here(lease.until),
            renew_at: clocks.to_here(lease.renew_at),
            held_by_others: lease.held_by_others,
            is_empty: lease.calls == 0,
        };
        // A lease from before the limit was known is of no more use.
        active.slots.retain(|(of, _)| *of != lease.limit && *of != 0);
        // There is usually one limit, and there may be many accounts.
        active.slots.reserve_exact(1);
        active.slots.push((lease.limit, slot));
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use futures_util::future::BoxFuture;

    use super::*;
    use crate::Clock;
    use crate::rate_limit::{LeaseRequest, QuotaStore, RateLimiters};

    /// Records the requests and grants nothing.
    #[derive(Default)]
    struct RecordingStore(Mutex<Vec<UsageReport>>);

    impl QuotaStore for RecordingStore {
        fn lease<'a>(
            &'a self,
            requests: &'a [LeaseRequest],
        ) -> BoxFuture<'a, Result<Vec<QuotaLease>, Box<dyn Error + Send + Sync>>> {
            self.0.lock().unwrap().extend(requests.iter().map(|request| request.report.clone()));
            Box::pin(async { Err("nothing".into()) })
        }
    }

    #[tokio::test]
    async fn reports_a_call_that_another_thread_sends_meanwhile() {
        let store = Arc::new(RecordingStore::default());
        let limiter = RateLimiters::shared(Arc::clone(&store)).of("a", &Clock::default());
        let leases = limiter.leases.as_ref().unwrap();
        let clocks = ClockPair { here: Instant::now(), wall: Utc::now() };
        let lease = QuotaLease {
            limit: 80,
            calls: 2,
            until: clocks.wall + TimeDelta::minutes(1),
            renew_at: clocks.wall,
            held_by_others: false,
        };
        leases.put(false, Some(lease), clocks);
        let known = LimitSnapshot { limit: 80, remaining: 2, ..LimitSnapshot::default() };

        let first = leases.take(&limiter, false, known, leases.in_flight(false));
        // One thread reads the calls in flight, another takes the last call, and then the first thread finds none.
        let before = leases.in_flight(false);
        let second = leases.take(&limiter, false, known, before);
        assert!(matches!((&first, &second), (Admission::Granted(_), Admission::Granted(_))));
        drop(first);
        assert!(matches!(leases.take(&limiter, false, known, before), Admission::Pending));
        while store.0.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(store.0.lock().unwrap()[0].in_flight, 2, "the known limit may include neither call");
    }
}
