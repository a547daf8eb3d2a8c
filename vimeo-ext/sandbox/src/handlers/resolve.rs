//! Resolves resources that the world stores, for operations that are otherwise generated from the API description.

use serde_json::Value;

use super::collections::path;
use super::{channels, folders, showcases};
use crate::call::{Answer, Call, Outcome};
use crate::protocol::error::{ApiError, PERMISSION_DENIED};
use crate::protocol::fields::Selection;
use crate::synth::resolve::{all, shape};
use crate::synth::shapes::category;
use crate::synth::{Synthesizer, media};

/// All resources of a schema.
pub(crate) fn list(call: &Call<'_>, schema: &'static str) -> Outcome {
    page(call, schema, &all(call, schema))
}

/// A page of resources by ID; deleted ones and those that the caller may not see are omitted.
pub(crate) fn page(call: &Call<'_>, schema: &'static str, ids: &[String]) -> Outcome {
    let view = call.view();
    let uri_only = Selection::parse(Some("uri"));
    let visible: Vec<&String> =
        ids.iter().filter(|id| shape(&view, schema, id, &uri_only).is_some()).collect();
    call.page(media(schema), &visible, |view, id, selection| {
        shape(view, schema, id, selection).unwrap_or(Value::Null)
    })
}

/// The resource that the path identifies.
pub(crate) fn get(call: &Call<'_>, schema: &'static str) -> Outcome {
    let id = match call.operation.path.rsplit('/').next().and_then(|last| last.strip_prefix('{')) {
        Some(name) => call.params.get(name.trim_end_matches('}')).to_owned(),
        // A path of a single resource: the first one.
        None => all(call, schema).into_iter().next().unwrap_or_default(),
    };
    match shape(&call.view(), schema, &id, &call.selection) {
        Some(body) => Ok(Answer::ok(media(schema), body)),
        // A resource that was never created, such as a user's private folder.
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

/// Checks that the parent resources in the path exist.
pub(crate) fn parents(call: &Call<'_>) -> Result<(), ApiError> {
    let path = call.operation.path;
    let contains_param = |name: &str| path.contains(&format!("{{{name}}}"));
    if contains_param("user_id") && !call.params.get("user_id").is_empty() {
        call.subject()?;
    }
    if contains_param("video_id") {
        call.video()?;
    }
    if contains_param("channel_id") {
        channels::find(call)?;
    }
    if contains_param("album_id") {
        showcases::find(call)?;
    }
    if contains_param("project_id") {
        folders::find(call)?;
    }
    if contains_param("category")
        && category::named(&call.view(), call.params.get("category"), &Selection::All).is_none()
    {
        return Err(ApiError::not_found("category"));
    }
    path::parents(call)
}

/// Checks that the parent resources in the path exist and belong to the caller.
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
        Some(owner) if owner != me => {
            Err(ApiError::forbidden(Some(PERMISSION_DENIED), "The resource belongs to another user."))
        }
        _ => Ok(()),
    }
}
