//! Keeps to the account's rate limit.

use std::sync::Arc;

use http::StatusCode;
use vimeo_api::{ApiError, Error, RawResponse, Request};

use super::Stage;
use crate::auth::CallCredentials;
use crate::rate_limit::{RateLimitPolicy, RateLimiter};

/// Lets an attempt go when the account's rate_limiter has room for it, and tells the rate_limiter what came of it.
pub(crate) struct RateLimitStage<N> {
    pub(crate) rate_limiter: Arc<RateLimiter>,
    pub(crate) policy: RateLimitPolicy,
    pub(crate) next: N,
}

impl<N: Stage> Stage for RateLimitStage<N> {
    async fn send(&self, request: &mut Request) -> Result<RawResponse, Error> {
        if matches!(request.extensions.get::<CallCredentials>(), Some(CallCredentials::Token(_))) {
            // It counts for another's limit, and its answer says nothing of this one.
            return self.next.send(request).await;
        }
        let policy = request.extensions.get::<RateLimitPolicy>().copied().unwrap_or(self.policy);
        let permit = self.rate_limiter.admit(request, policy).await?;
        let answer = self.next.send(request).await?;
        permit.answered(&answer);
        if answer.status == StatusCode::TOO_MANY_REQUESTS && policy == RateLimitPolicy::FailFast {
            // Said here, because as an answer it would be tried again.
            return Err(Error::from_api_error(ApiError::read(request.operation, &request.name(), answer)));
        }
        Ok(answer)
    }
}
