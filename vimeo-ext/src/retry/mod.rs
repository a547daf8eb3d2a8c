//! Retries: which calls are repeated, and after which delay.

mod backoff;
mod decide;
mod effect;
mod policy;

pub use backoff::Backoff;
pub use decide::{Attempt, AttemptResult, RetryDecision, decide};
pub use effect::{Effect, ResponseSummary, effect, effect_of_error};
pub use policy::RetryPolicy;
