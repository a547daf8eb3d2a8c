//! Asking again and again until something is done, ever less often.

use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep_until};
use vimeo_api::{Call, Error};

/// How often to ask, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// The first wait; each is half as long again as the one before.
    pub(crate) first: Duration,
    /// The longest wait.
    pub(crate) longest: Duration,
    /// The time for all.
    pub(crate) timeout: Duration,
}

impl Pace {
    /// The wait after `wait`.
    fn next(&self, wait: Duration) -> Duration {
        wait.saturating_mul(3).checked_div(2).unwrap_or(wait).min(self.longest)
    }
}

/// Asks until `judge` has something to say, or the time is over: then `None`.
///
/// A question that fails in a way that may pass is asked again when its turn comes.
pub(crate) async fn poll<A: DeserializeOwned + Send + 'static, T, E: From<Error>>(
    pace: Pace,
    question: Call<A>,
    mut judge: impl FnMut(A) -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    let until = Instant::now().checked_add(pace.timeout);
    let mut wait = pace.first.min(pace.longest);
    loop {
        match question.clone().send().await {
            Ok(answer) => {
                if let Some(done) = judge(answer.into_inner())? {
                    return Ok(Some(done));
                }
            }
            Err(error) if may_pass(&error) => tracing::warn!(%error, "asking again later"),
            Err(error) => return Err(error.into()),
        }
        let Some(at) = Instant::now().checked_add(wait) else { return Ok(None) };
        if until.is_some_and(|until| at > until) {
            return Ok(None);
        }
        sleep_until(at).await;
        wait = pace.next(wait);
    }
}

/// Whether the next question may get an answer. A page that something before Vimeo sent says nothing of what is polled.
fn may_pass(error: &Error) -> bool {
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
    fn waits_grow_to_the_longest() {
        let pace =
            Pace { first: Duration::from_secs(2), longest: Duration::from_secs(6), timeout: Duration::MAX };
        let mut wait = pace.first;
        let mut seconds = Vec::new();
        for _ in 0..4 {
            seconds.push(wait.as_secs_f64());
            wait = pace.next(wait);
        }
        assert_eq!(seconds, [2.0, 3.0, 4.5, 6.0]);
    }
}
