//! Batches the lease requests of all accounts of a process, behind a circuit breaker.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{iter, mem};

use tokio::time::{Instant, timeout};

use super::QuotaStore;
use super::local_leases::{ClockPair, LeaseDemand};
use crate::rate_limit::{RateLimiter, lock};
use crate::retry::Backoff;
use crate::timeouts::after;

/// The most requests in one batch.
const MAX_BATCH: usize = 256;
/// A store that takes longer counts as unavailable.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);
/// The delay before the store is asked again after a failure.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(60));

/// Sends a process's lease requests to the store.
pub(in crate::rate_limit) struct LeaseBatcher {
    store: Arc<dyn QuotaStore>,
    holder: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: Vec<PendingRequest>,
    /// Whether a worker sends the waiting requests. It ends when there are none.
    has_worker: bool,
    /// Until when the circuit is open, and the number of failures in a row. `None` while it is closed.
    failure: Option<(Instant, u32)>,
}

/// A lease request, and the rate limiter that made it.
struct PendingRequest {
    limiter: Arc<RateLimiter>,
    demand: LeaseDemand,
}

/// The state of the circuit breaker before the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CircuitState {
    /// The store responds.
    Closed,
    /// The store failed and is not asked for a while.
    Open,
    /// The store failed, and the next request tries it again.
    HalfOpen,
}

impl LeaseBatcher {
    pub(super) fn new(store: Arc<dyn QuotaStore>) -> Self {
        let holder = format!("{:016x}", fastrand::u64(..));
        Self { store, holder, state: Mutex::default() }
    }

    pub(super) fn circuit(&self, now: Instant) -> CircuitState {
        match lock(&self.state).failure {
            None => CircuitState::Closed,
            Some((until, _)) if until > now => CircuitState::Open,
            Some(_) => CircuitState::HalfOpen,
        }
    }

    /// Requests a lease. The rate limiter receives it, or `None` if there is none.
    pub(super) fn request(self: &Arc<Self>, limiter: Arc<RateLimiter>, demand: LeaseDemand) {
        let has_worker = {
            let mut state = lock(&self.state);
            state.waiting.push(PendingRequest { limiter, demand });
            mem::replace(&mut state.has_worker, true)
        };
        if !has_worker {
            // In its own task, so that dropping the call that started it does not cancel the requests of others.
            tokio::spawn(BatchWorker { batcher: Arc::clone(self), batch: Vec::new(), is_done: false }.run());
        }
    }

    /// Records whether the store responded.
    fn record_health(state: &mut State, error: Option<String>) {
        match (error, state.failure) {
            (None, None) => {}
            (None, Some(_)) => {
                tracing::info!("the shared rate-limit store is available again");
                state.failure = None;
            }
            (Some(error), None) => {
                tracing::warn!(
                    error,
                    "the shared rate-limit store is unavailable; this process uses its own limits"
                );
                state.failure = Some((after(BACKOFF.max_delay(0)), 1));
            }
            (Some(_), Some((_, failures))) => {
                state.failure = Some((after(BACKOFF.max_delay(failures)), failures.saturating_add(1)));
            }
        }
    }
}

/// Sends the waiting requests, batch after batch.
struct BatchWorker {
    batcher: Arc<LeaseBatcher>,
    /// The batch in flight.
    batch: Vec<PendingRequest>,
    /// Whether the worker ended because no request was waiting.
    is_done: bool,
}

impl BatchWorker {
    async fn run(mut self) {
        while self.next_batch() {
            self.send_batch().await;
        }
    }

    /// Takes the next batch. Returns whether there is one.
    fn next_batch(&mut self) -> bool {
        let mut state = lock(&self.batcher.state);
        let count = state.waiting.len().min(MAX_BATCH);
        self.batch.extend(state.waiting.drain(..count));
        state.has_worker = count > 0;
        self.is_done = count == 0;
        count > 0
    }

    async fn send_batch(&mut self) {
        let here = Instant::now();
        let (mut clocks, mut requests) = (Vec::new(), Vec::new());
        for PendingRequest { limiter, demand } in &self.batch {
            let now = ClockPair { here, wall: limiter.clock.now() };
            clocks.push(now);
            requests.push(limiter.lease_request(&self.batcher.holder, *demand, now));
        }
        let result = match timeout(STORE_TIMEOUT, self.batcher.store.lease(&requests)).await {
            Ok(Ok(leases)) if leases.len() == requests.len() => Ok(leases),
            Ok(Ok(leases)) => Err(format!("{} leases for {} requests", leases.len(), requests.len())),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no response within {STORE_TIMEOUT:?}")),
        };
        let leases = result.as_ref().map_or(&[][..], |leases| leases);
        let leases = leases.iter().copied().map(Some).chain(iter::repeat(None));
        LeaseBatcher::record_health(&mut lock(&self.batcher.state), result.as_ref().err().cloned());
        for ((PendingRequest { limiter, demand }, lease), clocks) in
            self.batch.drain(..).zip(leases).zip(clocks)
        {
            limiter.put_lease(demand, lease, clocks);
        }
    }
}

/// If the task is aborted, because the store panicked or the runtime ended, no call waits for it.
impl Drop for BatchWorker {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let mut state = lock(&self.batcher.state);
        LeaseBatcher::record_health(&mut state, Some("the request was aborted".to_owned()));
        state.has_worker = false;
        self.batch.append(&mut state.waiting);
        drop(state);
        let here = Instant::now();
        for PendingRequest { limiter, demand } in self.batch.drain(..) {
            let clocks = ClockPair { here, wall: limiter.clock.now() };
            limiter.put_lease(demand, None, clocks);
        }
    }
}
