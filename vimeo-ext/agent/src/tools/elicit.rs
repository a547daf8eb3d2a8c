//! Asking a person for approval during a call, and reporting the call's progress.

use vimeo_ext::auth::BoxFuture;

/// A question to a person: whether a tool may do something.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApprovalPrompt {
    /// The tool that asks.
    pub tool: &'static str,
    /// The question, in a sentence or two.
    pub text: String,
}

/// The answer to an [`ApprovalPrompt`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Approval {
    /// The person approved.
    Granted,
    /// The person declined.
    Declined,
    /// Nobody can be asked. The call needs a confirmation among its arguments, or has to be allowed in advance.
    Unavailable,
    /// The answer comes with a later call. This call does nothing.
    Deferred,
}

/// Asks a person for approval.
pub trait Elicitor: Send + Sync {
    /// Asks the question and waits for the answer.
    fn ask(&self, prompt: ApprovalPrompt) -> BoxFuture<'_, Approval>;
}

/// Receives the progress of a call.
pub trait ProgressSink: Send + Sync {
    /// Reports that `done` of `total` units are done. The tool chooses the unit.
    fn report(&self, done: u64, total: u64);
}
