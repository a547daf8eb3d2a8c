//! Retries a call when that can help.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use vimeo_api::{Error, RawResponse, Request};

use super::Stage;
use crate::Clock;
use crate::retry::{Attempt, AttemptResult, ResponseSummary, RetryDecision, RetryPolicy, decide};

/// Carries out what [`decide`] decides. The body is in memory, so every attempt sends all of it.
pub(crate) struct Retry<N> {
    pub(crate) policy: Arc<RetryPolicy>,
    pub(crate) clock: Clock,
    pub(crate) next: N,
}

impl<N: Stage> Stage for Retry<N> {
    async fn send(&self, request: &mut Request) -> Result<RawResponse, Error> {
        let started = Instant::now();
        let mut number: u32 = 1;
        loop {
            let wait = {
                let result = self.next.send(request).await;
                match self.delay(request, number, started, &result) {
                    Some(wait) => wait,
                    None => return result,
                }
            };
            // On the heap, so that the futures of calls without a second attempt stay small.
            Box::pin(sleep(wait)).await;
            number = number.saturating_add(1);
        }
    }
}

impl<N> Retry<N> {
    /// Returns the delay before the next attempt; `None` if there is none.
    fn delay(
        &self,
        request: &Request,
        number: u32,
        started: Instant,
        result: &Result<RawResponse, Error>,
    ) -> Option<Duration> {
        let outcome = match result {
            Ok(response) if response.status.is_success() => return None,
            Ok(response) => AttemptResult::Response(ResponseSummary::of(response)),
            Err(error) => AttemptResult::of(error),
        };
        let policy = request.extensions.get::<RetryPolicy>().unwrap_or(&self.policy);
        let attempt = Attempt {
            method: &request.method,
            operation: request.operation,
            outcome,
            number,
            elapsed: started.elapsed(),
            now: self.clock.now(),
            random: policy.random(),
        };
        let RetryDecision::Retry(wait) = decide(policy, &attempt) else { return None };
        match result {
            Ok(response) => {
                tracing::debug!(attempt = number, status = response.status.as_u16(), ?wait, "retrying");
            }
            Err(error) => tracing::debug!(attempt = number, %error, ?wait, "retrying"),
        }
        Some(wait)
    }
}
