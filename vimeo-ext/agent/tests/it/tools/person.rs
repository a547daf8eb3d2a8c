//! A person who is asked for consent.

use std::sync::{Arc, Mutex};

use vimeo_agent::tools::{Ask, Consent, Question};

/// Answers as it is told to, and keeps the questions.
pub(crate) struct Person {
    says: Consent,
    pub(crate) asked: Mutex<Vec<Question>>,
}

impl Person {
    pub(crate) fn new(says: Consent) -> Arc<Self> {
        Arc::new(Self { says, asked: Mutex::default() })
    }
}

impl Ask for Person {
    fn ask(&self, question: Question) -> vimeo_ext::auth::BoxFuture<'_, Consent> {
        self.asked.lock().unwrap().push(question);
        let says = self.says;
        Box::pin(async move { says })
    }
}
