//! Options of one call, which the layers of a transport read.

use std::time::Duration;

/// A policy for retries that one call can carry. A transport that retries implements it for its own type.
pub trait RetryOption: Clone + Send + Sync + 'static {}

/// A policy for the rate limit that one call can carry. A transport with a rate limiter implements it for its own type.
pub trait RateLimitOption: Clone + Send + Sync + 'static {}

/// The time that one call may take as a whole; found among the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallTimeout(pub Duration);
