//! Groups: made by one, joined by many.

use serde_json::Value;

use super::held;
use crate::call::{Call, Outcome, View};
use crate::errors::ApiError;
use crate::fields::{Object, Selection};
use crate::shapes::{metadata, user};
use crate::world::State;
use crate::world::shelves::Thing;

const LIST: &str = "/groups";

pub(crate) fn all(state: &State) -> Vec<String> {
    state.shelves.list(LIST).iter().map(|group| group.id.clone()).collect()
}

/// Those who joined a group, whoever made it first.
fn members(state: &State, id: &str) -> Vec<String> {
    let founder = state.shelves.get(LIST, id).map(|group| group.owner);
    let joined = state.users.keys().filter(|user| {
        Some(**user) != founder && state.shelves.get(&format!("/users/{user}/groups"), id).is_some()
    });
    founder.iter().chain(joined).map(u64::to_string).collect()
}

pub(crate) fn users(call: &mut Call<'_>) -> Outcome {
    let id = call.params.get("group_id");
    if call.state.shelves.get(LIST, id).is_none() {
        return Err(ApiError::not_found("group"));
    }
    held::page(call, "User", &members(call.state, id))
}

pub(crate) fn shape(view: &View<'_>, id: &str, selection: &Selection) -> Option<Value> {
    let group: &Thing = view.state.shelves.get(LIST, id)?;
    let uri = format!("{LIST}/{id}");
    let said = |name: &str| group.set.get(name).cloned().unwrap_or_default();
    let list = |what: &str, total: usize| metadata::list(&format!("{uri}/{what}"), &["GET"], total);
    Some(
        Object::new(selection)
            .put("uri", uri.as_str())
            .put("name", said("name"))
            .put("description", said("description"))
            .put("link", format!("https://vimeo.com{uri}"))
            .put("created_time", crate::call::time(group.created))
            .put("modified_time", crate::call::time(group.modified))
            .put("privacy", serde_json::json!({"comment": "all", "invite": "all", "join": "anybody", "videos": "all", "view": "anybody"}))
            .with("pictures", |selection| crate::shapes::picture::thumbnail(&uri, None, selection))
            .with("user", |selection| {
                view.state.users.get(&group.owner).map_or(Value::Null, |owner| user::user(view, owner, selection))
            })
            .with("metadata", |_| {
                let users = members(view.state, id).len();
                let videos = view.state.shelves.count(&format!("{uri}/videos"));
                serde_json::json!({"connections": {"users": list("users", users), "videos": list("videos", videos)}})
            })
            .put("resource_key", crate::ids::digest(&["group", id], 40))
            .build(),
    )
}
