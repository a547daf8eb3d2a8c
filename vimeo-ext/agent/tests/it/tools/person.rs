//! A person who is asked for consent.

use std::sync::{Arc, Mutex};

use vimeo_agent::tools::{Approval, ApprovalPrompt, Elicitor};

/// Answers as it is told to, and keeps the prompts.
pub(crate) struct Person {
    says: Approval,
    pub(crate) asked: Mutex<Vec<ApprovalPrompt>>,
}

impl Person {
    pub(crate) fn new(says: Approval) -> Arc<Self> {
        Arc::new(Self { says, asked: Mutex::default() })
    }
}

impl Elicitor for Person {
    fn ask(&self, prompt: ApprovalPrompt) -> vimeo_ext::auth::BoxFuture<'_, Approval> {
        self.asked.lock().unwrap().push(prompt);
        let says = self.says;
        Box::pin(async move { says })
    }
}
