//! Keeps calls within the account's rate limit.

use std::sync::Arc;

use http::StatusCode;
use vimeo_api::{ApiError, Error, RawResponse, Request};

use super::Stage;
use crate::auth::CallCredentials;
use crate::rate_limit::{RateLimitPolicy, RateLimiter};

/// Sends an attempt when the account's rate limiter admits it, and reports the response to the rate limiter.
pub(crate) struct RateLimitStage<N> {
    pub(crate) rate_limiter: Arc<RateLimiter>,
    pub(crate) policy: RateLimitPolicy,
    pub(crate) next: N,
}

impl<N: Stage> Stage for RateLimitStage<N> {
    async fn send(&self, request: &mut Request) -> Result<RawResponse, Error> {
        if matches!(request.extensions.get::<CallCredentials>(), Some(CallCredentials::Token(_))) {
            // The call counts against the limit of another token, and its response says nothing about this one.
            return self.next.send(request).await;
        }
        let policy = request.extensions.get::<RateLimitPolicy>().copied().unwrap_or(self.policy);
        let permit = self.rate_limiter.admit(request, policy).await?;
        let response = self.next.send(request).await?;
        permit.record_response(&response);
        if response.status == StatusCode::TOO_MANY_REQUESTS && policy == RateLimitPolicy::FailFast {
            // An error here, because the retry stage would repeat a response.
            return Err(Error::from_api_error(ApiError::read(request.operation, &request.name(), response)));
        }
        Ok(response)
    }
}
