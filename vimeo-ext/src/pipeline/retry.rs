//! Sends a call again when that can help.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use vimeo_api::{Error, RawResponse, Request};

use super::Stage;
use crate::Clock;
use crate::retry::{Attempt, AttemptResult, ResponseSummary, RetryDecision, RetryPolicy, decide};

/// Carries out what [`decide`] says. The body is in memory and shared, so every attempt sends it whole.
pub(crate) struct Retry<N> {
    pub(crate) policy: Arc<RetryPolicy>,
    pub(crate) clock: Clock,
    pub(crate) next: N,
}

impl<N: Stage> Stage for Retry<N> {
    async fn send(&self, request: &mut Request) -> Result<RawResponse, Error> {
        let began = Instant::now();
        let mut number: u32 = 1;
        loop {
            let wait = {
                let result = self.next.send(request).await;
                match self.wait(request, number, began, &result) {
                    Some(wait) => wait,
                    None => return result,
                }
            };
            // On the heap, so that calls that need no second attempt make no room for the wait.
            Box::pin(sleep(wait)).await;
            number = number.saturating_add(1);
        }
    }
}

impl<N> Retry<N> {
    /// How long to wait before the next attempt; `None` when there is to be none.
    fn wait(
        &self,
        request: &Request,
        number: u32,
        began: Instant,
        result: &Result<RawResponse, Error>,
    ) -> Option<Duration> {
        let outcome = match result {
            Ok(answer) if answer.status.is_success() => return None,
            Ok(answer) => AttemptResult::Response(ResponseSummary::of(answer)),
            Err(error) => AttemptResult::of(error),
        };
        let policy = request.extensions.get::<RetryPolicy>().unwrap_or(&self.policy);
        let attempt = Attempt {
            method: &request.method,
            operation: request.operation,
            outcome,
            number,
            elapsed: began.elapsed(),
            now: self.clock.now(),
            random: policy.random(),
        };
        let RetryDecision::Retry(wait) = decide(policy, &attempt) else { return None };
        match result {
            Ok(answer) => {
                tracing::debug!(attempt = number, status = answer.status.as_u16(), ?wait, "trying again");
            }
            Err(error) => tracing::debug!(attempt = number, %error, ?wait, "trying again"),
        }
        Some(wait)
    }
}
