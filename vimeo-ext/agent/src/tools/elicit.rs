//! Asking the person before something is done for good, and telling how far it got.

use vimeo_ext::auth::BoxFuture;

/// A question for the person.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApprovalPrompt {
    /// The tool that asks.
    pub tool: &'static str,
    /// The question, in a sentence or two.
    pub text: String,
}

/// What the person said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Approval {
    /// Go on.
    Granted,
    /// Do not.
    Declined,
    /// Nobody can be asked: the confirmation among the arguments has to do, or what was allowed beforehand.
    Unavailable,
    /// The answer comes with a later call; nothing is done now.
    Deferred,
}

/// A way to ask the person.
pub trait Elicitor: Send + Sync {
    /// ElicitationChannel, and waits for the answer.
    fn ask(&self, question: ApprovalPrompt) -> BoxFuture<'_, Approval>;
}

/// A way to tell how far something got.
pub trait ProgressSink: Send + Sync {
    /// So much of so much is done; the unit is the tool's.
    fn report(&self, done: u64, total: u64);
}
