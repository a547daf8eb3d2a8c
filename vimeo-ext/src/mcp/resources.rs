//! Videos as resources, for clients that attach rather than call.

use rmcp::ErrorData;
use rmcp::model::{ReadResourceResponse, ReadResourceResult, ResourceContents, ResourceTemplate};
use serde_json::{Map, Value, json};
use url::Url;

use super::Settings;
use super::access::Caller;
use super::accounts::ACCOUNT;
use crate::tools::{Category, ToolError};

/// The resources that there are.
pub(crate) fn templates() -> Vec<ResourceTemplate> {
    let template = |uri: &str, name: &str, title: &str, description: &str| {
        let mut template = ResourceTemplate::new(uri, name);
        template.title = Some(title.to_owned());
        template.description = Some(description.to_owned());
        template.mime_type = Some("application/json".to_owned());
        template
    };
    vec![
        template(
            "vimeo://videos/{video_id}",
            "video",
            "Video",
            "A video as vimeo_video_get gives it; of one of several accounts with ?account=NAME.",
        ),
        template(
            "vimeo://videos/{video_id}/transcript",
            "transcript",
            "Transcript of a video",
            "What is said in a video, as vimeo_video_transcript_get gives it.",
        ),
    ]
}

pub(crate) async fn read(
    settings: &Settings,
    caller: &Caller,
    uri: &str,
) -> Result<ReadResourceResponse, ErrorData> {
    let unknown = || {
        let shown: String = uri.chars().filter(|c| !c.is_control()).take(100).collect();
        let message = format!("no resource {shown}; there is vimeo://videos/{{video_id}}");
        ErrorData::resource_not_found(message, Some(json!({"uri": shown})))
    };
    let parsed = Url::parse(uri).map_err(|_| unknown())?;
    if parsed.scheme() != "vimeo" || parsed.host_str() != Some("videos") {
        return Err(unknown());
    }
    let path: Vec<&str> = parsed.path().trim_start_matches('/').split('/').collect();
    let (video, tool) = match path.as_slice() {
        [video] => (*video, "vimeo_video_get"),
        [video, "transcript"] => (*video, "vimeo_video_transcript_get"),
        _ => return Err(unknown()),
    };
    let mut choice = Map::new();
    if let Some((_, account)) = parsed.query_pairs().find(|(name, _)| name == ACCOUNT) {
        choice.insert(ACCOUNT.to_owned(), json!(account));
    }
    let account = settings.take_account(caller, &mut choice).map_err(|failed| refused(*failed, uri))?;
    let tools = settings.tools(caller, account.as_deref()).await;
    let tools = tools.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    // Reading is part of the resources, whichever tools are given out.
    let read = tools.reading_resources();
    let answer = read.call(tool, json!({"video_id": video})).await.map_err(|failed| refused(failed, uri))?;
    let contents = ResourceContents::text(answer.to_text(), uri).with_mime_type("application/json");
    Ok(ReadResourceResult::new(vec![contents]).into())
}

fn refused(error: ToolError, uri: &str) -> ErrorData {
    let mut data = error.to_value();
    if let Value::Object(fields) = &mut data {
        fields.insert("uri".to_owned(), json!(uri));
    }
    let data = Some(data);
    match error.category {
        Category::NotFound => ErrorData::resource_not_found(error.to_string(), data),
        Category::Input => ErrorData::invalid_params(error.to_string(), data),
        _ => ErrorData::internal_error(error.to_string(), data),
    }
}
