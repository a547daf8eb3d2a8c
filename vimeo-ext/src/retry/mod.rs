//! When a call is sent again.

mod decide;
mod effect;
mod policy;

pub use decide::{Attempt, Decision, Outcome, decide};
pub use effect::{Answered, Effect, effect, effect_of_error};
pub use policy::RetryPolicy;
