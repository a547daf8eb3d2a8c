//! When a call is sent again.

mod decide;
mod policy;

pub(crate) use decide::backoff;
pub use decide::{Attempt, Decision, Outcome, decide};
pub use policy::RetryPolicy;
