//! Tool calls, and the tools that a caller may call.

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

use super::api_key::Caller;
use super::approval::{DeferredElicitation, InlineElicitation, UsedApprovals};
use super::progress;
use super::{OutputSchemas, Settings};
use crate::tools::{self, Definition, Elicitor, ToolError, ToolResult, Tools};

/// Returns the tools that a caller may see: those that the scopes of any of its accounts allow.
pub(crate) async fn available(settings: &Settings, caller: &Caller) -> Vec<&'static Definition> {
    let accounts: Vec<Option<String>> = match settings.choices(caller) {
        Some(choices) => choices.iter().cloned().map(Some).collect(),
        None => {
            let only = settings.take_account(caller, &mut Map::new());
            vec![only.unwrap_or_default()]
        }
    };
    let possible = || {
        let all = tools::all().iter();
        all.filter(|tool| {
            caller.is_offered(&settings.selection, tool.spec()) && caller.covers(tool.spec().scopes)
        })
    };
    let lookups = accounts.into_iter().map(|account| look_up_scopes(settings, caller, account));
    let mut lookups = stream::iter(lookups).buffer_unordered(SCOPE_LOOKUP_CONCURRENCY);
    let (mut allowed, mut unknown) = (HashSet::new(), Vec::new());
    while let Some(lookup) = lookups.next().await {
        match lookup {
            ScopeLookup::Known(tools) => allowed.extend(tools.available().map(|tool| tool.spec().name)),
            ScopeLookup::Unknown(tools) => unknown.push(tools),
            ScopeLookup::Unusable => {}
        }
        // Further accounts cannot add a tool.
        if possible().all(|tool| allowed.contains(tool.spec().name)) {
            break;
        }
    }
    if allowed.is_empty() {
        allowed.extend(unknown.iter().flat_map(Tools::available).map(|tool| tool.spec().name));
    }
    possible().filter(|tool| allowed.contains(tool.spec().name)).collect()
}

/// How many accounts' scopes are looked up at the same time.
const SCOPE_LOOKUP_CONCURRENCY: usize = 8;

/// What is known of an account's scopes.
enum ScopeLookup {
    Known(Tools),
    /// Vimeo did not return the scopes.
    Unknown(Tools),
    /// The account has no client.
    Unusable,
}

async fn look_up_scopes(settings: &Settings, caller: &Caller, account: Option<String>) -> ScopeLookup {
    let tools = match settings.tools(caller, account.as_deref()).await {
        Ok(tools) => tools,
        Err(error) => {
            tracing::warn!(%error, account, "cannot use an account");
            return ScopeLookup::Unusable;
        }
    };
    match tools.fetch_scopes().await {
        Ok(_) => ScopeLookup::Known(tools),
        Err(error) => {
            tracing::warn!(%error, account, "the scopes of the access token are unknown");
            ScopeLookup::Unknown(tools)
        }
    }
}

pub(crate) async fn call(
    settings: &Settings,
    caller: Caller,
    request: CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let offered = tools::tool(&request.name);
    let Some(tool) = offered.filter(|tool| caller.is_offered(&settings.selection, tool.spec())) else {
        let shown: String = request.name.chars().filter(|c| !c.is_control()).take(60).collect();
        return Err(ErrorData::invalid_params(format!("unknown tool: {shown}"), None));
    };
    let call = ToolCall { settings, tool, context, caller };
    match call.run(request).await {
        Ok(response) => Ok(response),
        Err(error) => Ok(call.error_result(&error).into()),
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
        let tools = match self.authorize(&mut arguments, &mut account).await {
            Ok(tools) => tools,
            Err(error) => {
                let arguments = Value::Object(arguments);
                let account = account.as_deref();
                self.settings.record_refusal(&self.caller, spec, account, &arguments, &error).await;
                return Err(error);
            }
        };
        let arguments = Value::Object(arguments);
        let seal_context = self.seal_context(&tools, &arguments);

        let mut options = tools::CallOptions::default();
        let deferred = Arc::new(DeferredElicitation::default());
        let approval = match &request.request_state {
            Some(state) => {
                let answers = request.input_responses.as_ref();
                let now = tools.client().now();
                let Settings { used_approvals, source, .. } = self.settings;
                let approval =
                    used_approvals.answer(source, tools.sealer(), &seal_context, state, answers, now).await;
                let Some(approval) = approval else {
                    let message = "The answer belongs to another call, is too late, or was already used.";
                    let error = ToolError::input("requestState", message, "Repeat the call without it.");
                    return Err(tools.record_refusal(spec, &arguments, error).await);
                };
                Some(approval)
            }
            None => None,
        };
        options.elicitor = match (approval, self.elicitation()) {
            (Some(approval), _) => Some(Arc::new(approval) as Arc<dyn Elicitor>),
            (None, ElicitationChannel::Inline) => {
                Some(Arc::new(InlineElicitation(self.context.peer.clone())))
            }
            (None, ElicitationChannel::Deferred) => Some(Arc::clone(&deferred) as Arc<dyn Elicitor>),
            (None, ElicitationChannel::Unsupported) => None,
        };

        let result = match self.context.meta.get_progress_token() {
            Some(token) => {
                let (channel, steps) = progress::channel();
                options.progress = Some(Arc::new(channel));
                let call = tools.call_with(spec.name, arguments, options);
                progress::with_progress(self.context.peer.clone(), token, steps, call).await
            }
            None => tools.call_with(spec.name, arguments, options).await,
        };
        if let Some(prompt) = deferred.take_prompt() {
            let now = tools.client().now();
            if let Some(prompt) = UsedApprovals::prompt(tools.sealer(), &seal_context, prompt, now) {
                return Ok(prompt.into());
            }
        }
        Ok(self.success_result(result?).into())
    }

    /// Returns the tools of the call's account, and stores its name in `account` if it has one.
    async fn authorize(
        &self,
        arguments: &mut Map<String, Value>,
        account: &mut Option<String>,
    ) -> Result<Tools, ToolError> {
        let spec = self.tool.spec();
        if !self.caller.covers(spec.scopes)
            && let Caller::Known(key) = &self.caller
        {
            let granted = key.granted().cloned().unwrap_or_default();
            return Err(ToolError::scope(spec.name, spec.scopes, &granted));
        }
        *account = self.settings.take_account(&self.caller, arguments).map_err(|error| *error)?;
        let tools = self.settings.tools(&self.caller, account.as_deref()).await;
        tools.map_err(|error| ToolError::of(&error, spec, chrono::Utc::now()))
    }

    /// Returns what an approval is bound to.
    fn seal_context(&self, tools: &Tools, arguments: &Value) -> String {
        let hash = hex(&Sha256::digest(arguments.to_string()));
        format!("consent\n{}\n{}\n{hash}", tools.account_key(), self.tool.spec().name)
    }

    /// Returns how the client can ask the person.
    fn elicitation(&self) -> ElicitationChannel {
        if !self.context.client_capabilities().is_some_and(|client| supports_forms(&client)) {
            return ElicitationChannel::Unsupported;
        }
        // Versions are dates, which compare as text.
        let newer = |version: ProtocolVersion| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str();
        if self.context.protocol_version().is_some_and(newer) {
            ElicitationChannel::Deferred
        } else {
            ElicitationChannel::Inline
        }
    }

    fn success_result(&self, output: ToolResult) -> CallToolResult {
        // Models read the text, in which untrusted text is delimited; programs read the structured content.
        let text = vec![ContentBlock::text(output.to_text())];
        if !self.settings.schemas.structured() {
            return CallToolResult::success(text);
        }
        let mut result = CallToolResult::structured(output.into_value());
        result.content = text;
        result
    }

    fn error_result(&self, error: &ToolError) -> CallToolResult {
        let value = error.to_value();
        // Clients validate structured content against a listed schema, which does not describe errors.
        if self.settings.schemas == OutputSchemas::AsResources {
            CallToolResult::structured_error(value)
        } else {
            CallToolResult::error(vec![ContentBlock::text(value.to_string())])
        }
    }
}

/// How a client can ask the person.
enum ElicitationChannel {
    /// During the call.
    Inline,
    /// By ending the call with the prompt.
    Deferred,
    Unsupported,
}

/// Returns whether the client shows forms. A capability without a kind is the old one, which means forms.
fn supports_forms(client: &ClientCapabilities) -> bool {
    client.elicitation.as_ref().is_some_and(|kinds| kinds.form.is_some() || kinds.url.is_none())
}
