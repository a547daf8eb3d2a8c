//! A timer that is always set, so that others are set at no cost.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Keeps one timer set that is due before those of the calls that begin now.
///
/// Setting a timer that is due before all others wakes the thread which waits for the next event, and that costs more
/// than all the rest of the chain. A call's timer is set for a minute, and is gone long before: with one of the
/// client's always due sooner, setting it is a note in a list.
#[derive(Default)]
pub(crate) struct TimerKeepAlive(Mutex<Option<Pin<Box<Sleep>>>>);

impl TimerKeepAlive {
    /// Sees to it that a timer is set which is due before `time` from `now`.
    pub(crate) fn keep(&self, now: Instant, time: Duration) {
        let mut keep_alive = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One of a runtime that has ended stays in place until its time; calls then only cost what they would without.
        if keep_alive.as_ref().is_some_and(|timer| timer.deadline() > now) {
            return;
        }
        let half = time.checked_div(2).and_then(|half| now.checked_add(half));
        let Some(half) = half else { return };
        let mut timer = Box::pin(sleep_until(half));
        // Being polled sets it; nobody waits for it.
        let _ = timer.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        *keep_alive = Some(timer);
    }
}
