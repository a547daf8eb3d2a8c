//! Groups and their members.

use serde_json::{Value, json};

use super::{metadata, picture, user};
use crate::call::{ResponseView, time};
use crate::protocol::fields::{Object, Selection};
use crate::protocol::ids;
use crate::world::State;
use crate::world::entities::Entity;

/// The path of the list.
pub(crate) const LIST: &str = "/groups";

pub(crate) fn all(state: &State) -> Vec<String> {
    state.collections.list(LIST).iter().map(|group| group.id.clone()).collect()
}

/// Returns the members of a group, its creator first.
pub(crate) fn members(state: &State, id: &str) -> Vec<String> {
    let founder = state.collections.get(LIST, id).map(|group| group.owner);
    let joined = state.users.keys().filter(|user| {
        Some(**user) != founder && state.collections.get(&format!("/users/{user}/groups"), id).is_some()
    });
    founder.iter().chain(joined).map(u64::to_string).collect()
}

pub(crate) fn shape(view: &ResponseView<'_>, id: &str, selection: &Selection) -> Option<Value> {
    let group: &Entity = view.state.collections.get(LIST, id)?;
    let uri = format!("{LIST}/{id}");
    let said = |name: &str| group.set.get(name).cloned().unwrap_or_default();
    let list = |what: &str, total: usize| metadata::list(&format!("{uri}/{what}"), &["GET"], total);
    Some(
        Object::new(selection)
            .put("uri", uri.as_str())
            .put("name", said("name"))
            .put("description", said("description"))
            .put("link", format!("https://vimeo.com{uri}"))
            .put("created_time", time(group.created))
            .put("modified_time", time(group.modified))
            .put("privacy", json!({"comment": "all", "invite": "all", "join": "anybody", "videos": "all", "view": "anybody"}))
            .with("pictures", |selection| picture::thumbnail(&uri, None, selection))
            .with("user", |selection| {
                view.state.users.get(&group.owner).map_or(Value::Null, |owner| user::user(view, owner, selection))
            })
            .with("metadata", |_| {
                let users = members(view.state, id).len();
                let videos = view.state.collections.count(&format!("{uri}/videos"));
                json!({"connections": {"users": list("users", users), "videos": list("videos", videos)}})
            })
            .put("resource_key", ids::digest(&["group", id], 40))
            .build(),
    )
}
