//! The things that the world itself holds, wherever a description wants one of them.

use serde_json::Value;

use super::{categories, channels, folders, groups, shelves, showcases};
use crate::call::{Answer, Call, Outcome, View};
use crate::errors::{ApiError, NOT_ALLOWED};
use crate::fields::Selection;
use crate::made::{Maker, media};
use crate::operations::Params;
use crate::shapes::{auth, channel, folder, showcase, tag, user, video};
use crate::world::video::Tag;

/// The schemas of things that the world holds.
const HELD: [&str; 8] = ["ApiApp", "Category", "Channel", "Folder", "Group", "Showcase", "User", "Video"];

pub(crate) fn is_held(schema: &str) -> bool {
    HELD.contains(&schema)
}

/// A thing by its id, or by its word, as the caller may see it.
pub(crate) fn shape(view: &View<'_>, schema: &str, id: &str, selection: &Selection) -> Option<Value> {
    let number = || id.parse::<u64>().ok();
    let state = view.state;
    Some(match schema {
        "ApiApp" => selection.prune(auth::app(view)),
        "Category" => categories::named(view, id, selection)?,
        "Channel" => channel::channel(view, state.channels.get(&number()?)?, selection),
        "Folder" => folder::folder(view, state.folders.get(&number()?)?, selection),
        "Group" => groups::shape(view, id, selection)?,
        "Showcase" => showcase::showcase(view, state.showcases.get(&number()?)?, selection),
        "Tag" => tag::tag(view, "", &Tag::new(id)?, selection),
        "User" => user::user(view, state.user_called(id)?, selection),
        "Video" => {
            let video = state.video(number()).filter(|video| video.visible_to(view.viewer))?;
            video::video(view, video, selection)
        }
        _ => return None,
    })
}

/// The ids of all things of a kind that the caller may know of.
fn all(call: &Call<'_>, schema: &str) -> Vec<String> {
    let (state, viewer) = (&*call.state, call.viewer());
    let ids = |ids: Vec<u64>| ids.iter().map(u64::to_string).collect();
    match schema {
        "ApiApp" => vec![state.app.id.to_string()],
        "Category" => categories::words().map(str::to_owned).collect(),
        "Channel" => {
            ids(state.channels.values().filter(|it| it.privacy == "anybody").map(|it| it.id).collect())
        }
        "Folder" => {
            ids(state.folders.values().filter(|it| Some(it.owner) == viewer).map(|it| it.id).collect())
        }
        "Group" => groups::all(state),
        "Showcase" => {
            ids(state.showcases.values().filter(|it| Some(it.owner) == viewer).map(|it| it.id).collect())
        }
        "User" => ids(state.users.keys().copied().collect()),
        "Video" => ids(state.videos.values().filter(|it| it.listed_for(viewer)).map(|it| it.id).collect()),
        _ => Vec::new(),
    }
}

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
            let maker = Maker::plain(call, call.now);
            Ok(Answer::ok(
                media(schema),
                maker.named(schema, &call.request.path, &call.selection, &mut Vec::new()),
            ))
        }
        None => Err(ApiError::not_found(media(schema).as_str())),
    }
}

/// A thing within another: the one that the path names, the user's own, or null.
pub(crate) fn nested(
    view: &View<'_>,
    params: &Params,
    user: u64,
    schema: &str,
    selection: &Selection,
) -> Value {
    let named = match schema {
        "User" => params.get("user_id").parse().unwrap_or(user).to_string(),
        "Video" => params.get("video_id").to_owned(),
        "Channel" => params.get("channel_id").to_owned(),
        "Showcase" => params.get("album_id").to_owned(),
        "Folder" => params.get("project_id").to_owned(),
        "Category" => params.get("category").to_owned(),
        "ApiApp" => view.state.app.id.to_string(),
        _ => String::new(),
    };
    shape(view, schema, &named, selection).unwrap_or(Value::Null)
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
        && categories::named(&call.view(), call.params.get("category"), &Selection::All).is_none()
    {
        return Err(ApiError::not_found("category"));
    }
    shelves::parents(call)
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
    match shelves::root_owner(call) {
        Some(owner) if owner != me => {
            Err(ApiError::forbidden(Some(NOT_ALLOWED), "The path leads to what belongs to another user."))
        }
        _ => Ok(()),
    }
}
