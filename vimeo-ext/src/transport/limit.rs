//! Keeps to the account's rate limit.

use std::sync::Arc;

use http::StatusCode;
use vimeo_api::{ApiError, Error, RawResponse, Request};

use super::Step;
use crate::auth::CallCredentials;
use crate::budget::{Budget, LimitPolicy};

/// Lets an attempt go when the account's budget has room for it, and tells the budget what came of it.
pub(crate) struct Limit<N> {
    pub(crate) budget: Arc<Budget>,
    pub(crate) policy: LimitPolicy,
    pub(crate) next: N,
}

impl<N: Step> Step for Limit<N> {
    async fn send(&self, request: &mut Request) -> Result<RawResponse, Error> {
        if matches!(request.extensions.get::<CallCredentials>(), Some(CallCredentials::Token(_))) {
            // It counts for another's limit, and its answer says nothing of this one.
            return self.next.send(request).await;
        }
        let policy = request.extensions.get::<LimitPolicy>().copied().unwrap_or(self.policy);
        let permit = self.budget.admit(request, policy).await?;
        let answer = self.next.send(request).await?;
        permit.answered(&answer);
        if answer.status == StatusCode::TOO_MANY_REQUESTS && policy == LimitPolicy::FailFast {
            // Said here, because as an answer it would be tried again.
            return Err(Error::from_answer(ApiError::read(request.operation, &request.name(), answer)));
        }
        Ok(answer)
    }
}
