//! The things that the world itself holds, wherever a description wants one of them.

use serde_json::Value;

use super::collections::path;
use super::{channels, folders, showcases};
use crate::call::{Answer, Call, Outcome};
use crate::protocol::error::{ApiError, PERMISSION_DENIED};
use crate::protocol::fields::Selection;
use crate::synth::resolve::{all, shape};
use crate::synth::shapes::category;
use crate::synth::{Synthesizer, media};

/// A list of what the world has of a kind.
pub(crate) fn list(call: &Call<'_>, schema: &'static str) -> Outcome {
    page(call, schema, &all(call, schema))
}

/// A page of things by their ids; those that are gone, or that the caller may not see, are left out.
pub(crate) fn page(call: &Call<'_>, schema: &'static str, ids: &[String]) -> Outcome {
    let view = call.view();
    let nothing = Selection::parse(Some("uri"));
    let there: Vec<&String> = ids.iter().filter(|id| shape(&view, schema, id, &nothing).is_some()).collect();
    call.page(media(schema), &there, |view, id, selection| {
        shape(view, schema, id, selection).unwrap_or(Value::Null)
    })
}

/// The thing that the path ends with.
pub(crate) fn one(call: &Call<'_>, schema: &'static str) -> Outcome {
    let id = match call.operation.path.rsplit('/').next().and_then(|last| last.strip_prefix('{')) {
        Some(name) => call.params.get(name.trim_end_matches('}')).to_owned(),
        // A place with one thing in it, which is the first there is.
        None => all(call, schema).into_iter().next().unwrap_or_default(),
    };
    match shape(&call.view(), schema, &id, &call.selection) {
        Some(body) => Ok(Answer::ok(media(schema), body)),
        // A folder that nobody made, such as the one that is private to its user.
        None if !call.operation.path.ends_with('}') => {
            let synthesizer = Synthesizer::plain(call, call.now);
            Ok(Answer::ok(
                media(schema),
                synthesizer.named(schema, &call.request.path, &call.selection, &mut Vec::new()),
            ))
        }
        None => Err(ApiError::not_found(media(schema).as_str())),
    }
}

/// Whether what the path leads through is there: a thing below one that does not exist does not exist.
pub(crate) fn parents(call: &Call<'_>) -> Result<(), ApiError> {
    let path = call.operation.path;
    let through = |name: &str| path.contains(&format!("{{{name}}}"));
    if through("user_id") && !call.params.get("user_id").is_empty() {
        call.subject()?;
    }
    if through("video_id") {
        call.video()?;
    }
    if through("channel_id") {
        channels::find(call)?;
    }
    if through("album_id") {
        showcases::find(call)?;
    }
    if through("project_id") {
        folders::folder(call)?;
    }
    if through("category")
        && category::named(&call.view(), call.params.get("category"), &Selection::All).is_none()
    {
        return Err(ApiError::not_found("category"));
    }
    path::parents(call)
}

/// Whether the caller may change what the path leads through.
pub(crate) fn own_parents(call: &mut Call<'_>) -> Result<(), ApiError> {
    parents(call)?;
    let me = call.me()?;
    let path = call.operation.path;
    if path.starts_with("/users/{user_id}") {
        call.own_subject()?;
    }
    if path.starts_with("/videos/{video_id}") || path.starts_with("/channels/{channel_id}/videos/{video_id}/")
    {
        call.own_video()?;
    } else if path.starts_with("/channels/{channel_id}") {
        channels::find_own(call)?;
    }
    match path::root_owner(call) {
        Some(owner) if owner != me => Err(ApiError::forbidden(
            Some(PERMISSION_DENIED),
            "The path leads to what belongs to another user.",
        )),
        _ => Ok(()),
    }
}
