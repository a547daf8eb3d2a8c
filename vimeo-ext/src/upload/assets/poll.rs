//! Polls a call until it reports an end, with growing intervals.

use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep_until};
use vimeo_api::{Call, Error};

/// How often and for how long to poll.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PollSchedule {
    /// The first interval. Each later one is 1.5 times as long as the one before.
    pub(crate) initial: Duration,
    /// The longest interval.
    pub(crate) max: Duration,
    /// The time for all calls together.
    pub(crate) timeout: Duration,
}

impl PollSchedule {
    /// Returns the interval after `interval`.
    fn next(&self, interval: Duration) -> Duration {
        interval.saturating_mul(3).checked_div(2).unwrap_or(interval).min(self.max)
    }
}

/// Polls until `check` returns a result or an error. Returns `None` at the timeout.
///
/// A transient error of the call is logged, and the call is made again after the interval.
pub(crate) async fn poll<A: DeserializeOwned + Send + 'static, T, E: From<Error>>(
    schedule: PollSchedule,
    call: Call<A>,
    mut check: impl FnMut(A) -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    let until = Instant::now().checked_add(schedule.timeout);
    let mut interval = schedule.initial.min(schedule.max);
    loop {
        match call.clone().send().await {
            Ok(response) => {
                if let Some(done) = check(response.into_inner())? {
                    return Ok(Some(done));
                }
            }
            Err(error) if is_transient(&error) => tracing::warn!(%error, "polling again later"),
            Err(error) => return Err(error.into()),
        }
        let Some(at) = Instant::now().checked_add(interval) else { return Ok(None) };
        if until.is_some_and(|until| at > until) {
            return Ok(None);
        }
        sleep_until(at).await;
        interval = schedule.next(interval);
    }
}

/// Whether the next call may succeed. A page from an intermediary says nothing about what is polled.
fn is_transient(error: &Error) -> bool {
    error.is_server_error()
        || error.is_rate_limited()
        || error.is_connection()
        || error.is_timeout()
        || error.is_intermediary()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_grow_to_the_maximum() {
        let schedule = PollSchedule {
            initial: Duration::from_secs(2),
            max: Duration::from_secs(6),
            timeout: Duration::MAX,
        };
        let mut interval = schedule.initial;
        let mut seconds = Vec::new();
        for _ in 0..4 {
            seconds.push(interval.as_secs_f64());
            interval = schedule.next(interval);
        }
        assert_eq!(seconds, [2.0, 3.0, 4.5, 6.0]);
    }
}
