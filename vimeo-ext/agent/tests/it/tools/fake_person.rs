//! A person who answers approval prompts.

use std::sync::{Arc, Mutex};

use vimeo_agent::tools::{Approval, ApprovalPrompt, Elicitor};

/// Gives a fixed answer and records the prompts.
pub(crate) struct FakePerson {
    says: Approval,
    pub(crate) asked: Mutex<Vec<ApprovalPrompt>>,
}

impl FakePerson {
    pub(crate) fn new(says: Approval) -> Arc<Self> {
        Arc::new(Self { says, asked: Mutex::default() })
    }
}

impl Elicitor for FakePerson {
    fn ask(&self, prompt: ApprovalPrompt) -> vimeo_ext::auth::BoxFuture<'_, Approval> {
        self.asked.lock().unwrap().push(prompt);
        let says = self.says;
        Box::pin(async move { says })
    }
}
