//! Tools, run for an account.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vimeo_agent::tools::{self, Tools};
use vimeo_ext::ScopeSet;
use vimeo_ext::accounts::AccountId;

use crate::callers::Caller;
use crate::error::{ApiError, ApiResult, Problem};
use crate::extract::{AccountPath, JsonBody, PathOf, QueryOf};
use crate::recent::FailureKind;
use crate::service::Service;

pub(super) fn routes() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(run)).routes(routes!(execute))
}

/// Whose tools to list, and how.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// The form of the definitions.
    #[serde(default)]
    #[param(inline)]
    format: Format,
    /// Only the tools that the scopes of this account allow.
    identifier: Option<String>,
}

/// The form of a tool's definition.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// `name`, `title`, `description`, `inputSchema`, `outputSchema`, as in the Model Context Protocol.
    #[default]
    Mcp,
    /// `name`, `description`, `input_schema`.
    Anthropic,
    /// `type` and `function` with `name`, `description`, `parameters`.
    Openai,
}

/// Definitions of tools.
#[derive(Debug, Serialize, ToSchema)]
struct ToolList {
    #[schema(value_type = Vec<Object>)]
    tools: Vec<Value>,
}

/// List the tools that the API key offers
#[utoipa::path(
    get, path = "/v1/tools", tag = "tools", params(ListQuery), security(("api_key" = [])),
    responses(
        (status = 200, description = "The definitions of the tools.", body = ToolList),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn list(
    State(service): State<Arc<Service>>,
    caller: Caller,
    QueryOf(query): QueryOf<ListQuery>,
) -> ApiResult<Json<ToolList>> {
    let selection = caller.policy().selection();
    let granted = caller.policy().scopes.as_deref().map(ScopeSet::from);
    let of_account: Option<Vec<&str>> = match &query.identifier {
        Some(identifier) => {
            let tools = tools_of(&service, &caller, &caller.account(identifier)?).await?;
            tools
                .fetch_scopes()
                .await
                .map_err(|error| ApiError::new(StatusCode::BAD_GATEWAY, "vimeo_failed", error.to_string()))?;
            Some(tools.available().map(|tool| tool.spec().name).collect())
        }
        None => None,
    };
    let offered = tools::all().iter().filter(|tool| {
        let spec = tool.spec();
        selection.includes(spec)
            && granted.as_ref().is_none_or(|granted| granted.contains_all(spec.scopes))
            && of_account.as_ref().is_none_or(|names| names.contains(&spec.name))
    });
    let definition = |tool: &tools::Definition| match query.format {
        Format::Mcp => json!({
            "name": tool.spec().name,
            "title": tool.spec().title,
            "description": tool.spec().description,
            "inputSchema": tool.input_schema(),
            "outputSchema": tool.output_schema(),
        }),
        Format::Anthropic => tool.anthropic(),
        Format::Openai => tool.openai(),
    };
    Ok(Json(ToolList { tools: offered.map(definition).collect() }))
}

/// The result of a tool.
#[derive(Debug, Serialize, ToSchema)]
struct ToolResponse {
    /// The result for a program, with Vimeo's names of members.
    #[schema(value_type = Object)]
    result: Value,
    /// The result for a model: compact JSON in which everything that people wrote stands between delimiters.
    text: String,
}

#[derive(Deserialize)]
struct ToolPath {
    name: String,
}

/// Run a tool for an account
///
/// The body is the tool's input. A key makes calls that show something to more people or send data out only if its policy
/// allows that kind of call.
#[utoipa::path(
    post, path = "/v1/accounts/{identifier}/tools/{name}", tag = "tools", security(("api_key" = [])),
    request_body(content = Object, description = "The input, as the tool's schema describes it."),
    params(
        ("identifier" = String, Path, description = "The caller's own identifier of the account."),
        ("name" = String, Path, description = "The name of the tool."),
    ),
    responses(
        (status = 200, description = "The result.", body = ToolResponse),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn run(
    State(service): State<Arc<Service>>,
    caller: Caller,
    AccountPath(id): AccountPath,
    PathOf(ToolPath { name }): PathOf<ToolPath>,
    JsonBody(input): JsonBody<Value>,
) -> ApiResult<Json<ToolResponse>> {
    call(&service, &caller, &id, &name, input).await
}

/// A tool call in one body.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ExecuteBody {
    /// The caller's own identifier of the account.
    identifier: String,
    #[schema(example = "vimeo_my_videos_list")]
    tool_name: String,
    /// The tool's input.
    #[serde(default)]
    #[schema(value_type = Object)]
    tool_input: Value,
}

/// Run a tool for an account, with everything in the body
#[utoipa::path(
    post, path = "/v1/execute-tool", tag = "tools", request_body = ExecuteBody, security(("api_key" = [])),
    responses(
        (status = 200, description = "The result.", body = ToolResponse),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn execute(
    State(service): State<Arc<Service>>,
    caller: Caller,
    JsonBody(body): JsonBody<ExecuteBody>,
) -> ApiResult<Json<ToolResponse>> {
    let input = if body.tool_input.is_null() { json!({}) } else { body.tool_input };
    call(&service, &caller, &caller.account(&body.identifier)?, &body.tool_name, input).await
}

async fn call(
    service: &Service,
    caller: &Caller,
    id: &AccountId,
    name: &str,
    input: Value,
) -> ApiResult<Json<ToolResponse>> {
    let selection = caller.policy().selection();
    let tool = tools::tool(name).filter(|tool| selection.includes(tool.spec())).ok_or_else(|| {
        let shown: String = name.chars().filter(|letter| !letter.is_control()).take(60).collect();
        let detail = format!("this API key offers no tool `{shown}`; GET /v1/tools lists the tools");
        ApiError::new(StatusCode::NOT_FOUND, "unknown_tool", detail)
    })?;
    let result = match tools_of(service, caller, id).await {
        Ok(tools) => tools.call(tool.spec().name, input).await.map_err(ApiError::from),
        Err(error) => Err(error),
    };
    let outcome = result.as_ref().map_or_else(ApiError::code, |_| "ok");
    service.metrics.count_tool(tool.spec().name, outcome);
    let result = result.map_err(|error| error.reported(FailureKind::Tool, id))?;
    let text = result.to_text();
    Ok(Json(ToolResponse { result: result.into_value(), text }))
}

/// Returns the tools of an account for a caller.
async fn tools_of(service: &Service, caller: &Caller, id: &AccountId) -> ApiResult<Tools> {
    let client = service.accounts.client(id).await?;
    let policy = caller.policy();
    let client = match &policy.scopes {
        Some(scopes) => client.limited_to(ScopeSet::from(scopes.as_str())),
        None => client,
    };
    Ok(Tools::for_account(client)
        .selection(policy.selection())
        .audit_log(service.audit.clone())
        .allow(policy.allowed())
        .event_subscriptions(service.polling.of_account(id))
        .sealing_key(service.sealing_key))
}
