//! Where a process asks for slices: the questions of all its accounts that come up at a time go to the store together.
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

/// So many questions go to the store at once, at the most.
const MAX_BATCH: usize = 256;
/// A store that takes longer is away.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long after a failure the store is asked again.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(60));

/// Asks the store for a process.
pub(in crate::rate_limit) struct LeaseBatcher {
    share: Arc<dyn QuotaStore>,
    holder: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: Vec<PendingRequest>,
    /// A task asks the store what is waiting, and ends when nothing is.
    is_asking: bool,
    /// Until when the store is not asked again, and how often in a row it failed.
    away: Option<(Instant, u32)>,
}

/// A question, and who has it.
struct PendingRequest {
    limiter: Arc<RateLimiter>,
    want: LeaseDemand,
}

/// Whether the store answers, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CircuitState {
    /// It answers.
    Closed,
    /// It failed and is not asked for a while.
    Open,
    /// It failed before and is to be asked again.
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

    /// Asks for a slice; the limiter gets it, or hears that there is none.
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

    /// Notes whether the store has answered.
    fn note(state: &mut State, failed: Option<String>) {
        match (failed, state.away) {
            (None, None) => {}
            (None, Some(_)) => {
                tracing::info!("the shared limiter is there again");
                state.away = None;
            }
            (Some(error), None) => {
                tracing::warn!(
                    error,
                    "the shared limiter is away; this process goes by what it knows itself"
                );
                state.away = Some((after(BACKOFF.longest(0)), 1));
            }
            (Some(_), Some((_, failures))) => {
                state.away = Some((after(BACKOFF.longest(failures)), failures.saturating_add(1)));
            }
        }
    }
}

/// Asks the store what is waiting.
struct BatchWorker {
    batcher: Arc<LeaseBatcher>,
    /// What it is being asked.
    batch: Vec<PendingRequest>,
    /// Nothing was waiting any more.
    is_done: bool,
}

impl BatchWorker {
    async fn run(mut self) {
        while self.begin() {
            self.ask().await;
        }
    }

    /// Takes up what is waiting; whether there is anything.
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
            Ok(Ok(leases)) => Err(format!("{} answers to {} questions", leases.len(), questions.len())),
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

/// When the task is broken off, by a panic of the store or the end of its runtime, nobody waits for it.
impl Drop for BatchWorker {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let mut state = lock(&self.batcher.state);
        LeaseBatcher::note(&mut state, Some("asking it was broken off".to_owned()));
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
