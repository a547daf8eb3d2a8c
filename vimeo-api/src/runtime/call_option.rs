//! Options of a single call, which the middleware of a transport reads.

use std::time::Duration;

/// A retry policy for a single call. A transport that retries implements this trait for its policy type.
pub trait RetryOption: Clone + Send + Sync + 'static {}

/// A rate-limit policy for a single call. A transport with a rate limiter implements this trait for its policy type.
pub trait RateLimitOption: Clone + Send + Sync + 'static {}

/// The timeout of a single call, stored in the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallTimeout(pub Duration);
