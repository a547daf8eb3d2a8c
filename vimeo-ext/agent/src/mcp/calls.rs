//! A tool, called.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock,
    ProtocolVersion,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use vimeo_ext::hex::hex;

use super::access::Caller;
use super::consent::{Consents, DeferredElicitation, InlineElicitation};
use super::progress;
use super::{OutputSchemas, Settings};
use crate::tools::{self, Definition, Elicitor, ToolError, ToolResult, Tools};

/// The tools that a caller may see: those that the scopes of any of its accounts allow.
pub(crate) async fn available(settings: &Settings, caller: &Caller) -> Vec<&'static Definition> {
    let accounts: Vec<Option<String>> = match settings.choice(caller) {
        Some(choice) => choice.iter().cloned().map(Some).collect(),
        None => {
            let only = settings.take_account(caller, &mut Map::new());
            vec![only.unwrap_or_default()]
        }
    };
    let possible = || {
        let all = tools::all().iter();
        all.filter(|tool| settings.selection.includes(tool.spec()) && caller.covers(tool.spec().scopes))
    };
    let asking = accounts.into_iter().map(|account| learn(settings, caller, account));
    let mut asked = stream::iter(asking).buffer_unordered(SCOPE_LOOKUP_CONCURRENCY);
    let (mut allowed, mut unknown) = (HashSet::new(), Vec::new());
    while let Some(learnt) = asked.next().await {
        match learnt {
            ScopeLookup::Scopes(tools) => allowed.extend(tools.available().map(|tool| tool.spec().name)),
            ScopeLookup::Nothing(tools) => unknown.push(tools),
            ScopeLookup::Unusable => {}
        }
        // More accounts could add nothing.
        if possible().all(|tool| allowed.contains(tool.spec().name)) {
            break;
        }
    }
    if allowed.is_empty() {
        allowed.extend(unknown.iter().flat_map(Tools::available).map(|tool| tool.spec().name));
    }
    possible().filter(|tool| allowed.contains(tool.spec().name)).collect()
}

/// How many accounts are asked for their scopes at once.
const SCOPE_LOOKUP_CONCURRENCY: usize = 8;

/// What is known of an account.
enum ScopeLookup {
    Scopes(Tools),
    /// Vimeo did not tell the scopes.
    Nothing(Tools),
    /// There is no client for it.
    Unusable,
}

async fn learn(settings: &Settings, caller: &Caller, account: Option<String>) -> ScopeLookup {
    let tools = match settings.tools(caller, account.as_deref()).await {
        Ok(tools) => tools,
        Err(error) => {
            tracing::warn!(%error, account, "an account cannot be used");
            return ScopeLookup::Unusable;
        }
    };
    match tools.fetch_scopes().await {
        Ok(_) => ScopeLookup::Scopes(tools),
        Err(error) => {
            tracing::warn!(%error, account, "the scopes of the access token are not known");
            ScopeLookup::Nothing(tools)
        }
    }
}

pub(crate) async fn call(
    settings: &Settings,
    caller: Caller,
    request: CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let Some(tool) = tools::tool(&request.name).filter(|tool| settings.selection.includes(tool.spec()))
    else {
        let shown: String = request.name.chars().filter(|c| !c.is_control()).take(60).collect();
        return Err(ErrorData::invalid_params(format!("unknown tool: {shown}"), None));
    };
    let call = ToolCall { settings, tool, context, caller };
    match call.run(request).await {
        Ok(response) => Ok(response),
        Err(error) => Ok(call.failed(&error).into()),
    }
}

struct ToolCall<'a> {
    settings: &'a Settings,
    tool: &'static Definition,
    context: &'a RequestContext<RoleServer>,
    caller: Caller,
}

impl ToolCall<'_> {
    async fn run(&self, request: CallToolRequestParams) -> Result<CallToolResponse, ToolError> {
        let spec = self.tool.spec();
        let mut arguments = request.arguments.unwrap_or_default();
        let mut account = None;
        let tools = match self.admit(&mut arguments, &mut account).await {
            Ok(tools) => tools,
            Err(error) => {
                let arguments = Value::Object(arguments);
                let account = account.as_deref();
                self.settings.note_refused(&self.caller, spec, account, &arguments, &error).await;
                return Err(error);
            }
        };
        let arguments = Value::Object(arguments);
        let sealed_for = self.sealed_for(&tools, &arguments);

        let mut options = tools::CallOptions::default();
        let later = Arc::new(DeferredElicitation::default());
        let answered = match &request.request_state {
            Some(state) => {
                let answers = request.input_responses.as_ref();
                let now = tools.client().now();
                let Settings { consents, source, .. } = self.settings;
                let answered =
                    consents.answer(source, tools.sealer(), &sealed_for, state, answers, now).await;
                let Some(answered) = answered else {
                    let message =
                        "The answer does not belong to this call, came too late, or was used before.";
                    let error = ToolError::input("requestState", message, "Make the call anew without it.");
                    return Err(tools.record_refusal(spec, &arguments, error).await);
                };
                Some(answered)
            }
            None => None,
        };
        options.elicitor = match (answered, self.asks()) {
            (Some(answered), _) => Some(Arc::new(answered) as Arc<dyn Elicitor>),
            (None, ElicitationChannel::Now) => Some(Arc::new(InlineElicitation(self.context.peer.clone()))),
            (None, ElicitationChannel::Later) => Some(Arc::clone(&later) as Arc<dyn Elicitor>),
            (None, ElicitationChannel::Nobody) => None,
        };

        let result = match self.context.meta.get_progress_token() {
            Some(token) => {
                let (reports, steps) = progress::pair();
                options.progress = Some(Arc::new(reports));
                let call = tools.call_with(spec.name, arguments, options);
                progress::telling(self.context.peer.clone(), token, steps, call).await
            }
            None => tools.call_with(spec.name, arguments, options).await,
        };
        if let Some(question) = later.asked() {
            let now = tools.client().now();
            if let Some(question) = Consents::question(tools.sealer(), &sealed_for, question, now) {
                return Ok(question.into());
            }
        }
        Ok(self.done(result?).into())
    }

    /// The tools of the account that the call is for; `account` is its name, where it has one.
    async fn admit(
        &self,
        arguments: &mut Map<String, Value>,
        account: &mut Option<String>,
    ) -> Result<Tools, ToolError> {
        let spec = self.tool.spec();
        if !self.caller.covers(spec.scopes)
            && let Caller::Known(bearer) = &self.caller
        {
            let granted = bearer.granted().cloned().unwrap_or_default();
            return Err(ToolError::scope(spec.name, spec.scopes, &granted));
        }
        *account = self.settings.take_account(&self.caller, arguments).map_err(|failed| *failed)?;
        let tools = self.settings.tools(&self.caller, account.as_deref()).await;
        tools.map_err(|error| ToolError::of(&error, spec, chrono::Utc::now()))
    }

    /// What an answer of the person is bound to.
    fn sealed_for(&self, tools: &Tools, arguments: &Value) -> String {
        let digest = Sha256::digest(arguments.to_string());
        let hash = hex(&digest);
        format!("consent\n{}\n{}\n{hash}", tools.account_key(), self.tool.spec().name)
    }

    /// How the person can be asked.
    fn asks(&self) -> ElicitationChannel {
        if !self.context.client_capabilities().is_some_and(|client| takes_forms(&client)) {
            return ElicitationChannel::Nobody;
        }
        // Dates compare as text.
        let newer = |version: ProtocolVersion| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str();
        if self.context.protocol_version().is_some_and(newer) {
            ElicitationChannel::Later
        } else {
            ElicitationChannel::Now
        }
    }

    fn done(&self, answer: ToolResult) -> CallToolResult {
        // Models read the text, in which what people wrote is marked; programs the structured copy.
        let text = vec![ContentBlock::text(answer.to_text())];
        if !self.settings.schemas.structured() {
            return CallToolResult::success(text);
        }
        let mut result = CallToolResult::structured(answer.into_value());
        result.content = text;
        result
    }

    fn failed(&self, error: &ToolError) -> CallToolResult {
        let value = error.to_value();
        // Clients check structured content against a schema that is listed, which has no errors.
        if self.settings.schemas == OutputSchemas::AsResources {
            CallToolResult::structured_error(value)
        } else {
            CallToolResult::error(vec![ContentBlock::text(value.to_string())])
        }
    }
}

enum ElicitationChannel {
    /// In the middle of the call.
    Now,
    /// By ending the call with the question.
    Later,
    Nobody,
}

/// Whether the client shows forms; when it names no kind, it is the old capability, which was forms.
fn takes_forms(client: &ClientCapabilities) -> bool {
    client.elicitation.as_ref().is_some_and(|kinds| kinds.form.is_some() || kinds.url.is_none())
}
