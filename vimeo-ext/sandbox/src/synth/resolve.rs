//! Resources of the world by ID, wherever the description refers to one.

use serde_json::Value;

use super::shapes::{auth, category, channel, folder, group, showcase, tag, user, video};
use crate::call::{Call, ResponseView};
use crate::catalog::Params;
use crate::protocol::fields::Selection;
use crate::world::video::Tag;

/// Renders a resource by its ID or name, as the caller may see it.
pub(crate) fn shape(view: &ResponseView<'_>, schema: &str, id: &str, selection: &Selection) -> Option<Value> {
    let number = || id.parse::<u64>().ok();
    let state = view.state;
    Some(match schema {
        "ApiApp" => selection.prune(auth::app(view)),
        "Category" => category::named(view, id, selection)?,
        "Channel" => channel::channel(view, state.channels.get(&number()?)?, selection),
        "Folder" => folder::folder(view, state.folders.get(&number()?)?, selection),
        "Group" => group::shape(view, id, selection)?,
        "Showcase" => showcase::showcase(view, state.showcases.get(&number()?)?, selection),
        "Tag" => tag::tag(view, "", &Tag::new(id)?, selection),
        "User" => user::user(view, state.find_user(id)?, selection),
        "Video" => {
            let video = state.video(number()).filter(|video| video.visible_to(view.viewer))?;
            video::video(view, video, selection)
        }
        _ => return None,
    })
}

/// Returns the IDs of all resources of a schema that the caller may see.
pub(crate) fn all(call: &Call<'_>, schema: &str) -> Vec<String> {
    let (state, viewer) = (&*call.state, call.viewer());
    let ids = |ids: Vec<u64>| ids.iter().map(u64::to_string).collect();
    match schema {
        "ApiApp" => vec![state.app.id.to_string()],
        "Category" => category::identifiers().map(str::to_owned).collect(),
        "Channel" => {
            ids(state.channels.values().filter(|it| it.privacy == "anybody").map(|it| it.id).collect())
        }
        "Folder" => {
            ids(state.folders.values().filter(|it| Some(it.owner) == viewer).map(|it| it.id).collect())
        }
        "Group" => group::all(state),
        "Showcase" => {
            ids(state.showcases.values().filter(|it| Some(it.owner) == viewer).map(|it| it.id).collect())
        }
        "User" => ids(state.users.keys().copied().collect()),
        "Video" => ids(state.videos.values().filter(|it| it.listed_for(viewer)).map(|it| it.id).collect()),
        _ => Vec::new(),
    }
}

/// Renders a resource within another: the one that the path names, the user's own, or null.
pub(crate) fn nested(
    view: &ResponseView<'_>,
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
