//! Asks the person for approval through the client, in both versions of the protocol.

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

use super::accounts::ClientSource;
use crate::tools::{Approval, ApprovalPrompt, Elicitor, Sealer};

/// How long an approval prompt waits for its answer.
const APPROVAL_TTL: TimeDelta = TimeDelta::minutes(5);

/// The name of the prompt among the input requests of a call.
const PROMPT: &str = "confirm";

/// Returns an elicitation that is answered with yes or no: a form without fields.
fn form(text: String) -> ElicitRequestParams {
    ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: text,
        requested_schema: ElicitationSchema::new(BTreeMap::new()),
    }
}

fn approval(action: &ElicitationAction) -> Approval {
    match action {
        ElicitationAction::Accept => Approval::Granted,
        _ => Approval::Declined,
    }
}

/// Asks a client of the older protocol, during the call.
pub(crate) struct InlineElicitation(pub(crate) Peer<RoleServer>);

impl Elicitor for InlineElicitation {
    fn ask(&self, prompt: ApprovalPrompt) -> BoxFuture<'_, Approval> {
        Box::pin(async move {
            let timeout = APPROVAL_TTL.to_std().unwrap_or(Duration::from_secs(300));
            match self.0.create_elicitation_with_timeout(form(prompt.text), Some(timeout)).await {
                Ok(answer) => approval(&answer.action),
                Err(error) => {
                    tracing::warn!(%error, tool = prompt.tool, "the client did not answer an approval prompt");
                    Approval::Declined
                }
            }
        })
    }
}

/// Asks a client of the newer protocol: the call ends with the prompt and is repeated with the answer.
#[derive(Default)]
pub(crate) struct DeferredElicitation {
    prompt: Mutex<Option<String>>,
}

impl DeferredElicitation {
    /// Takes the text of the prompt, if the call asked.
    pub(crate) fn take_prompt(&self) -> Option<String> {
        self.prompt.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Elicitor for DeferredElicitation {
    fn ask(&self, prompt: ApprovalPrompt) -> BoxFuture<'_, Approval> {
        *self.prompt.lock().unwrap_or_else(PoisonError::into_inner) = Some(prompt.text);
        Box::pin(std::future::ready(Approval::Deferred))
    }
}

/// Already has the answer to one prompt.
pub(crate) struct PreAnswered {
    prompt: String,
    approval: Approval,
}

impl Elicitor for PreAnswered {
    fn ask(&self, prompt: ApprovalPrompt) -> BoxFuture<'_, Approval> {
        // The answer is only for this prompt. If a title has changed since, the prompt is another one.
        let approval = if prompt.text == self.prompt { self.approval } else { Approval::Declined };
        Box::pin(std::future::ready(approval))
    }
}

/// The sealed state that a client receives with a prompt and sends back with the answer.
#[derive(Serialize, Deserialize)]
struct State {
    #[serde(rename = "number")]
    id: String,
    #[serde(rename = "question")]
    prompt: String,
}

/// The approvals that were used. Each is valid once.
#[derive(Default)]
pub(crate) struct UsedApprovals(Mutex<HashMap<String, DateTime<Utc>>>);

impl UsedApprovals {
    /// Returns the result that ends a call with a prompt. `context` names caller, account, tool and arguments.
    pub(crate) fn prompt(
        sealer: &Sealer,
        context: &str,
        prompt: String,
        now: DateTime<Utc>,
    ) -> Option<InputRequiredResult> {
        let state = State { id: crate::tools::random_token(16), prompt: prompt.clone() };
        let sealed = sealer.seal(context, &state, now)?;
        let request = InputRequest::Elicitation(ElicitRequest::new(form(prompt)));
        Some(InputRequiredResult::new(Some([(PROMPT.to_owned(), request)].into()), Some(sealed)))
    }

    /// Returns the answer of a repeated call; `None` if it belongs to another call, is too late, or was already used, in this
    /// process or in another one of the `source`.
    pub(crate) async fn answer(
        &self,
        source: &ClientSource,
        sealer: &Sealer,
        context: &str,
        state: &str,
        answers: Option<&InputResponses>,
        now: DateTime<Utc>,
    ) -> Option<PreAnswered> {
        let state: State = sealer.open(context, state, now, APPROVAL_TTL).ok()?;
        if !self.is_first_use(&state.id, now)
            || !source.consume_approval(&state.id, now + APPROVAL_TTL * 2).await
        {
            return None;
        }
        let answer: ElicitResult = serde_json::from_value(answers?.get(PROMPT)?.clone()).ok()?;
        Some(PreAnswered { prompt: state.prompt, approval: approval(&answer.action) })
    }

    fn is_first_use(&self, id: &str, now: DateTime<Utc>) -> bool {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|_, at| now - *at <= APPROVAL_TTL * 2);
        used.insert(id.to_owned(), now).is_none()
    }
}

#[cfg(all(test, feature = "accounts"))]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use vimeo_ext::Vimeo;
    use vimeo_ext::accounts::{AccountStore, Accounts, Key, KeyRing, MemoryStore};

    use super::*;

    /// Creates the state of a server whose accounts are in this store.
    #[allow(clippy::unwrap_used)]
    async fn process(store: &Arc<dyn AccountStore>) -> (ClientSource, UsedApprovals) {
        let app = Vimeo::builder().app("app", "secret").build().unwrap();
        let keys = KeyRing::new(Key::from_bytes([7; 32]));
        let accounts = Accounts::builder(app, Arc::clone(store), keys).build().await.unwrap();
        (ClientSource::Multiple(Arc::new(accounts)), UsedApprovals::default())
    }

    #[tokio::test]
    async fn an_approval_is_valid_once_across_processes() {
        let store: Arc<dyn AccountStore> = Arc::new(MemoryStore::default());
        let (here, there) = (process(&store).await, process(&store).await);
        let (apart, now) = (process(&(Arc::new(MemoryStore::default()) as _)).await, Utc::now());
        let sealer = || Sealer::with_key([7; 32]);
        let answers: InputResponses =
            serde_json::from_value(json!({PROMPT: {"action": "accept", "content": {}}})).unwrap();
        let answer = async |(source, used): &(ClientSource, UsedApprovals), state: &str| {
            let answered = used.answer(source, &sealer(), "call", state, Some(&answers), now).await;
            answered.map(|answered| answered.approval)
        };
        let ask = || {
            let result = UsedApprovals::prompt(&sealer(), "call", "Delete it?".to_owned(), now).unwrap();
            let state = serde_json::to_value(result).unwrap()["requestState"].clone();
            state.as_str().unwrap().to_owned()
        };
        let state = ask();
        assert!(matches!(answer(&here, &state).await, Some(Approval::Granted)));
        assert!(answer(&here, &state).await.is_none(), "used here");
        assert!(answer(&there, &state).await.is_none(), "used in another process");
        assert!(answer(&apart, &state).await.is_some(), "a process with another store cannot know");
        assert!(answer(&there, &ask()).await.is_some(), "another answer");
    }
}
