//! Asking the person through the client, in both eras of the protocol.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rmcp::model::{
    ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationSchema, InputRequest,
    InputRequiredResult, InputResponses,
};
use rmcp::service::{Peer, RoleServer};
use serde::{Deserialize, Serialize};
use vimeo_ext::auth::BoxFuture;

use super::accounts::Source;
use crate::tools::{Approval, ApprovalPrompt, Elicitor, Sealer};

/// How long the person may think.
const CONSENT_TTL: TimeDelta = TimeDelta::minutes(5);

/// The name of the question among those that a client answers.
const QUESTION: &str = "confirm";

/// The form of a question that is answered with yes or no: nothing to fill in.
fn form(text: String) -> ElicitRequestParams {
    ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: text,
        requested_schema: ElicitationSchema::new(BTreeMap::new()),
    }
}

fn consent(action: &ElicitationAction) -> Approval {
    match action {
        ElicitationAction::Accept => Approval::Granted,
        _ => Approval::Declined,
    }
}

/// ElicitationChannel a client of the older era, in the middle of the call.
pub(crate) struct InlineElicitation(pub(crate) Peer<RoleServer>);

impl Elicitor for InlineElicitation {
    fn ask(&self, question: ApprovalPrompt) -> BoxFuture<'_, Approval> {
        Box::pin(async move {
            let patience = CONSENT_TTL.to_std().unwrap_or(Duration::from_secs(300));
            match self.0.create_elicitation_with_timeout(form(question.text), Some(patience)).await {
                Ok(answer) => consent(&answer.action),
                Err(error) => {
                    tracing::warn!(%error, tool = question.tool, "the client did not bring an answer");
                    Approval::Declined
                }
            }
        })
    }
}

/// ElicitationChannel a client of the newer era: the call ends with the question, and comes again with the answer.
#[derive(Default)]
pub(crate) struct DeferredElicitation {
    asked: Mutex<Option<String>>,
}

impl DeferredElicitation {
    /// The question that was asked.
    pub(crate) fn asked(&self) -> Option<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Elicitor for DeferredElicitation {
    fn ask(&self, question: ApprovalPrompt) -> BoxFuture<'_, Approval> {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(question.text);
        Box::pin(std::future::ready(Approval::Deferred))
    }
}

/// Has the answer to one question already.
pub(crate) struct PreAnswered {
    question: String,
    consent: Approval,
}

impl Elicitor for PreAnswered {
    fn ask(&self, question: ApprovalPrompt) -> BoxFuture<'_, Approval> {
        // What was agreed to is this and nothing else: a title that has changed since is another question.
        let consent = if question.text == self.question { self.consent } else { Approval::Declined };
        Box::pin(std::future::ready(consent))
    }
}

/// What goes out with a question and comes back with its answer, sealed.
#[derive(Serialize, Deserialize)]
struct State {
    number: String,
    question: String,
}

/// The answers that were used: each is good once.
#[derive(Default)]
pub(crate) struct Consents(Mutex<HashMap<String, DateTime<Utc>>>);

impl Consents {
    /// The end of a call with a question. `context` names caller, account, tool and arguments.
    pub(crate) fn question(
        seal: &Sealer,
        context: &str,
        question: String,
        now: DateTime<Utc>,
    ) -> Option<InputRequiredResult> {
        let state = State { number: crate::tools::random_token(16), question: question.clone() };
        let sealed = seal.seal(context, &state, now)?;
        let request = InputRequest::Elicitation(ElicitRequest::new(form(question)));
        Some(InputRequiredResult::new(Some([(QUESTION.to_owned(), request)].into()), Some(sealed)))
    }

    /// The answer that a call came back with; `None` when it is none to this call, too late, or was used: here, or in another
    /// process of the `source`.
    pub(crate) async fn answer(
        &self,
        source: &Source,
        seal: &Sealer,
        context: &str,
        state: &str,
        answers: Option<&InputResponses>,
        now: DateTime<Utc>,
    ) -> Option<PreAnswered> {
        let state: State = seal.open(context, state, now, CONSENT_TTL).ok()?;
        if !self.is_first(&state.number, now)
            || !source.consume_approval(&state.number, now + CONSENT_TTL * 2).await
        {
            return None;
        }
        let answer: ElicitResult = serde_json::from_value(answers?.get(QUESTION)?.clone()).ok()?;
        Some(PreAnswered { question: state.question, consent: consent(&answer.action) })
    }

    fn is_first(&self, number: &str, now: DateTime<Utc>) -> bool {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|_, at| now - *at <= CONSENT_TTL * 2);
        used.insert(number.to_owned(), now).is_none()
    }
}

#[cfg(all(test, feature = "accounts"))]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use vimeo_ext::Vimeo;
    use vimeo_ext::accounts::{AccountStore, Accounts, Key, KeyRing, MemoryStore};

    use super::*;

    /// A server of accounts in this store, and the answers that it took.
    #[allow(clippy::unwrap_used)]
    async fn process(store: &Arc<dyn AccountStore>) -> (Source, Consents) {
        let app = Vimeo::builder().app("app", "secret").build().unwrap();
        let keys = KeyRing::new(Key::from_bytes([7; 32]));
        let accounts = Accounts::builder(app, Arc::clone(store), keys).build().await.unwrap();
        (Source::Many(Arc::new(accounts)), Consents::default())
    }

    #[tokio::test]
    async fn an_answer_is_good_once_over_all_processes_that_share_key_and_accounts() {
        let store: Arc<dyn AccountStore> = Arc::new(MemoryStore::default());
        let (here, there) = (process(&store).await, process(&store).await);
        let (apart, now) = (process(&(Arc::new(MemoryStore::default()) as _)).await, Utc::now());
        let seal = || Sealer::with_key([7; 32]);
        let answers: InputResponses =
            serde_json::from_value(json!({QUESTION: {"action": "accept", "content": {}}})).unwrap();
        let answer = async |(source, consents): &(Source, Consents), state: &str| {
            let answered = consents.answer(source, &seal(), "call", state, Some(&answers), now).await;
            answered.map(|answered| answered.consent)
        };
        let asked = || {
            let result = Consents::question(&seal(), "call", "Delete it?".to_owned(), now).unwrap();
            let state = serde_json::to_value(result).unwrap()["requestState"].clone();
            state.as_str().unwrap().to_owned()
        };
        let state = asked();
        assert!(matches!(answer(&here, &state).await, Some(Approval::Granted)));
        assert!(answer(&here, &state).await.is_none(), "used here");
        assert!(answer(&there, &state).await.is_none(), "used in another process");
        assert!(answer(&apart, &state).await.is_some(), "who shares no store cannot know");
        assert!(answer(&there, &asked()).await.is_some(), "another answer is another");
    }
}
