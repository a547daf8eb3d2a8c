//! Resources: videos, for clients that attach instead of calling, and what does not fit into the list of tools.

use rmcp::ErrorData;
use rmcp::model::{ReadResourceResponse, ReadResourceResult, Resource, ResourceContents, ResourceTemplate};
use serde_json::{Map, Value, json};
use url::Url;

use super::Settings;
use super::accounts::{ACCOUNT, ACCOUNTS_URI};
use super::api_key::Caller;
use crate::tools::{self, Definition, ErrorKind, ToolError};

/// Returns the resources with a fixed URI. `has_choice`: the caller has several accounts.
pub(crate) fn fixed(has_choice: bool) -> Vec<Resource> {
    let mut accounts = Resource::new(ACCOUNTS_URI, "accounts");
    accounts.title = Some("Accounts".to_owned());
    accounts.description = Some("The names of the accounts that calls can be for.".to_owned());
    accounts.mime_type = Some("application/json".to_owned());
    if has_choice { vec![accounts] } else { Vec::new() }
}

/// Returns the resource templates.
pub(crate) fn templates(settings: &Settings) -> Vec<ResourceTemplate> {
    let template = |uri: &str, name: &str, title: &str, description: &str| {
        let mut template = ResourceTemplate::new(uri, name);
        template.title = Some(title.to_owned());
        template.description = Some(description.to_owned());
        template.mime_type = Some("application/json".to_owned());
        template
    };
    let mut templates = vec![
        template(
            "vimeo://videos/{video_id}",
            "video",
            "Video",
            "A video, as vimeo_video_get returns it. With several accounts, add ?account=NAME.",
        ),
        template(
            "vimeo://videos/{video_id}/transcript",
            "transcript",
            "Transcript of a video",
            "What is said in a video, as vimeo_video_transcript_get returns it.",
        ),
    ];
    if settings.schemas.structured() {
        templates.push(template(
            "vimeo://tools/{name}/schema",
            "schema",
            "Schemas of a tool",
            "The full JSON Schemas of a tool's arguments and of its output.",
        ));
    }
    templates
}

const VIDEO: &str = "vimeo_video_get";
const TRANSCRIPT: &str = "vimeo_video_transcript_get";

pub(crate) async fn read(
    settings: &Settings,
    caller: &Caller,
    uri: &str,
) -> Result<ReadResourceResponse, ErrorData> {
    let unknown = || {
        let shown: String = uri.chars().filter(|c| !c.is_control()).take(100).collect();
        let message = format!("unknown resource {shown}; use vimeo://videos/{{video_id}}");
        ErrorData::resource_not_found(message, Some(json!({"uri": shown})))
    };
    let parsed = Url::parse(uri).map_err(|_| unknown())?;
    let host = parsed.host_str().filter(|_| parsed.scheme() == "vimeo");
    let path: Vec<&str> = parsed.path().split('/').filter(|segment| !segment.is_empty()).collect();
    let (video, tool) = match (host, path.as_slice()) {
        (Some("videos"), [video]) => (*video, VIDEO),
        (Some("videos"), [video, "transcript"]) => (*video, TRANSCRIPT),
        (Some("tools"), [name, "schema"]) => {
            let tool = tools::tool(name).filter(|tool| caller.is_offered(&settings.selection, tool.spec()));
            return tool.map(|tool| contents(uri, schemas(tool).to_string())).ok_or_else(unknown);
        }
        (Some("accounts"), []) => {
            let names = settings.choices(caller).ok_or_else(unknown)?;
            return Ok(contents(uri, json!({"accounts": names}).to_string()));
        }
        _ => return Err(unknown()),
    };
    // Resources can be read whatever tools the server selects, but a caller's own selection is a limit.
    if !tools::tool(tool).is_some_and(|tool| caller.may_use(tool.spec())) {
        return Err(unknown());
    }
    let mut arguments = Map::new();
    if let Some((_, account)) = parsed.query_pairs().find(|(name, _)| name == ACCOUNT) {
        arguments.insert(ACCOUNT.to_owned(), json!(account));
    }
    let account = settings.take_account(caller, &mut arguments).map_err(|error| error_data(*error, uri))?;
    let tools = settings.tools(caller, account.as_deref()).await;
    let tools = tools.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    let result = tools.for_resources().call(tool, json!({"video_id": video})).await;
    let result = result.map_err(|error| error_data(error, uri))?;
    Ok(contents(uri, result.to_text()))
}

fn contents(uri: &str, json: String) -> ReadResourceResponse {
    let contents = ResourceContents::text(json, uri).with_mime_type("application/json");
    ReadResourceResult::new(vec![contents]).into()
}

fn schemas(tool: &Definition) -> Value {
    json!({
        "name": tool.spec().name,
        "input_schema": tool.input_schema(),
        "output_schema": tool.output_schema(),
    })
}

fn error_data(error: ToolError, uri: &str) -> ErrorData {
    let mut data = error.to_value();
    if let Value::Object(fields) = &mut data {
        fields.insert("uri".to_owned(), json!(uri));
    }
    let data = Some(data);
    match error.kind {
        ErrorKind::NotFound => ErrorData::resource_not_found(error.to_string(), data),
        ErrorKind::Input => ErrorData::invalid_params(error.to_string(), data),
        _ => ErrorData::internal_error(error.to_string(), data),
    }
}
