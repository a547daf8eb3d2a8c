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
    share: Arc<dyn QuotaStore>,
    holder: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: Vec<PendingRequest>,
    /// Whether a task sends what is waiting; it ends when nothing is.
    is_asking: bool,
    /// Until when the circuit is open, and the number of failures in a row.
    away: Option<(Instant, u32)>,
}

/// A request, and the rate limiter that made it.
struct PendingRequest {
    limiter: Arc<RateLimiter>,
    want: LeaseDemand,
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
    pub(super) fn new(share: Arc<dyn QuotaStore>) -> Self {
        let holder = format!("{:016x}", fastrand::u64(..));
        Self { share, holder, state: Mutex::default() }
    }

    pub(super) fn circuit(&self, now: Instant) -> CircuitState {
        match lock(&self.state).away {
            None => CircuitState::Closed,
            Some((until, _)) if until > now => CircuitState::Open,
            Some(_) => CircuitState::HalfOpen,
        }
    }

    /// Requests a lease; the rate limiter gets it, or learns that there is none.
    pub(super) fn ask(self: &Arc<Self>, limiter: Arc<RateLimiter>, want: LeaseDemand) {
        let is_asking = {
            let mut state = lock(&self.state);
            state.waiting.push(PendingRequest { limiter, want });
            mem::replace(&mut state.is_asking, true)
        };
        if !is_asking {
            // A task of its own, so that whoever gives up its call does not take the questions of others with it.
            tokio::spawn(BatchWorker { batcher: Arc::clone(self), batch: Vec::new(), is_done: false }.run());
        }
    }

    /// Records whether the store responded.
    fn note(state: &mut State, failed: Option<String>) {
        match (failed, state.away) {
            (None, None) => {}
            (None, Some(_)) => {
                tracing::info!("the shared rate-limit store is available again");
                state.away = None;
            }
            (Some(error), None) => {
                tracing::warn!(
                    error,
                    "the shared rate-limit store is unavailable; this process uses its own limits"
                );
                state.away = Some((after(BACKOFF.max_delay(0)), 1));
            }
            (Some(_), Some((_, failures))) => {
                state.away = Some((after(BACKOFF.max_delay(failures)), failures.saturating_add(1)));
            }
        }
    }
}

/// Sends the requests that wait, batch after batch.
struct BatchWorker {
    batcher: Arc<LeaseBatcher>,
    /// The batch in flight.
    batch: Vec<PendingRequest>,
    /// Whether nothing was waiting any more.
    is_done: bool,
}

impl BatchWorker {
    async fn run(mut self) {
        while self.begin() {
            self.ask().await;
        }
    }

    /// Takes the next batch; returns whether there is one.
    fn begin(&mut self) -> bool {
        let mut state = lock(&self.batcher.state);
        let count = state.waiting.len().min(MAX_BATCH);
        self.batch.extend(state.waiting.drain(..count));
        state.is_asking = count > 0;
        self.is_done = count == 0;
        count > 0
    }

    async fn ask(&mut self) {
        let here = Instant::now();
        let (mut times, mut questions) = (Vec::new(), Vec::new());
        for PendingRequest { limiter, want } in &self.batch {
            let now = ClockPair { here, wall: limiter.clock.now() };
            times.push(now);
            questions.push(limiter.question(&self.batcher.holder, *want, now));
        }
        let answer = match timeout(STORE_TIMEOUT, self.batcher.share.lease(&questions)).await {
            Ok(Ok(leases)) if leases.len() == questions.len() => Ok(leases),
            Ok(Ok(leases)) => Err(format!("{} leases for {} requests", leases.len(), questions.len())),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {STORE_TIMEOUT:?}")),
        };
        let leases = answer.as_ref().map_or(&[][..], |leases| leases);
        let leases = leases.iter().copied().map(Some).chain(iter::repeat(None));
        LeaseBatcher::note(&mut lock(&self.batcher.state), answer.as_ref().err().cloned());
        for ((PendingRequest { limiter, want }, lease), times) in self.batch.drain(..).zip(leases).zip(times)
        {
            limiter.put(want, lease, times);
        }
    }
}

/// If the task is aborted, by a panic of the store or the end of its runtime, no call waits for it.
impl Drop for BatchWorker {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let mut state = lock(&self.batcher.state);
        LeaseBatcher::note(&mut state, Some("the request was aborted".to_owned()));
        state.is_asking = false;
        self.batch.append(&mut state.waiting);
        drop(state);
        let here = Instant::now();
        for PendingRequest { limiter, want } in self.batch.drain(..) {
            let times = ClockPair { here, wall: limiter.clock.now() };
            limiter.put(want, None, times);
        }
    }
}
