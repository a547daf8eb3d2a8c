//! A person who answers approval prompts.

use std::sync::{Arc, Mutex};

use vimeo_agent::tools::{Approval, ApprovalPrompt, Elicitor};

/// Gives a fixed answer and records the prompts.
pub(crate) struct FakePerson {
    answer: Approval,
    pub(crate) prompts: Mutex<Vec<ApprovalPrompt>>,
}

impl FakePerson {
    pub(crate) fn new(answer: Approval) -> Arc<Self> {
        Arc::new(Self { answer, prompts: Mutex::default() })
    }
}

impl Elicitor for FakePerson {
    fn ask(&self, prompt: ApprovalPrompt) -> vimeo_ext::auth::BoxFuture<'_, Approval> {
        self.prompts.lock().unwrap().push(prompt);
        let answer = self.answer;
        Box::pin(async move { answer })
    }
}
