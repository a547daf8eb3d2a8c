//! Runs the rig recipe with a scripted model.

mod recipe;

use futures::stream;
use rig::agent::AgentBuilder;
use rig::completion::{CompletionRequest, CompletionResponse, Usage};
use rig_core::driver::{Exchange, Model, Opened, Opening, Transport};
use rig_core::error::ProviderError;
use rig_core::message::{
    AssistantContent, Message, Origin, ToolCall, ToolFunction, ToolName, ToolResult, ToolResultContent,
    UserContent,
};
use rig_core::test_utils::{MockFrame, MockScript};
use serde_json::{Value, json};

const TASK: &str = "Today is 2026-02-10. Find my videos of this month and put them into a new showcase.";
const MONTH: &str = "2026-02";

#[derive(Clone)]
struct Scripted;

impl Transport<MockScript> for Scripted {
    fn send(&self, request: CompletionRequest, _exchange: Exchange) -> Opening<MockFrame> {
        match next(&request) {
            Ok(content) => {
                let response = CompletionResponse::new(
                    vec![content],
                    Usage::new(),
                    Origin::new("scripted", "scripted", ""),
                    Value::Null,
                );
                Opening::ready(Opened::new(stream::iter([Ok(MockFrame::Response(Box::new(response)))])))
            }
            Err(error) => Opening::failed(error),
        }
    }
}

/// Returns the next tool call, or the final answer, after what the tools answered so far.
fn next(request: &CompletionRequest) -> Result<AssistantContent, ProviderError> {
    let results: Vec<&ToolResult> = request.chat_history.iter().flat_map(tool_results).collect();
    if let Some(failed) = results.iter().find(|result| result.is_error) {
        return Err(ProviderError::Provider(format!("a tool failed: {failed:?}")));
    }
    let answers: Vec<Value> = results.into_iter().map(answer).collect::<Result<_, _>>()?;
    let [videos, rest @ ..] = answers.as_slice() else {
        return call("vimeo_my_videos_list", json!({"sort": "date", "direction": "desc", "per_page": 25}));
    };
    let [showcase, added @ ..] = rest else {
        return call("vimeo_showcase_create", json!({"name": "Videos of this month"}));
    };
    let items = videos["items"].as_array().into_iter().flatten();
    let mut of_month =
        items.filter(|item| item["created_time"].as_str().is_some_and(|time| time.starts_with(MONTH)));
    match of_month.nth(added.len()) {
        Some(video) => {
            call("vimeo_showcase_video_add", json!({"showcase_id": showcase["id"], "video_id": video["id"]}))
        }
        None => Ok(AssistantContent::text(format!(
            "{} videos are in {}",
            added.len(),
            showcase["link"].as_str().unwrap_or_default()
        ))),
    }
}

fn tool_results(message: &Message) -> Vec<&ToolResult> {
    let Message::User { content } = message else { return Vec::new() };
    content
        .iter()
        .filter_map(|item| match item {
            UserContent::ToolResult(result) => Some(result),
            _ => None,
        })
        .collect()
}

/// What a tool answered: rig gives JSON to the model as text, or as a value.
fn answer(result: &ToolResult) -> Result<Value, ProviderError> {
    let answer = result.content.iter().find_map(|content| match content {
        ToolResultContent::Text(text) => serde_json::from_str(&text.text).ok(),
        ToolResultContent::Json { value } => Some(value.clone()),
        _ => None,
    });
    answer.ok_or_else(|| ProviderError::Provider(format!("a tool answered without JSON: {result:?}")))
}

fn call(name: &str, arguments: Value) -> Result<AssistantContent, ProviderError> {
    let name = ToolName::new(name).map_err(|error| ProviderError::Provider(error.to_string()))?;
    Ok(AssistantContent::ToolCall(ToolCall::from_wire("call", ToolFunction::new(name, arguments))))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = Model::new(MockScript::new("scripted"), Scripted);
    println!("{}", recipe::run(AgentBuilder::new(model), TASK).await?);
    Ok(())
}
