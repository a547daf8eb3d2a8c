//! Channels.

use serde_json::{Value, json};

use super::{metadata, user};
use crate::call::{ResponseView, time};
use crate::protocol::fields::{Object, Selection};
use crate::protocol::vimeo_link::vimeo_link;
use crate::world::collections::Channel;

pub(crate) fn channel(view: &ResponseView<'_>, channel: &Channel, selection: &Selection) -> Value {
    let uri = format!("/channels/{}", channel.id);
    let word = channel.link_name.clone().unwrap_or_else(|| channel.id.to_string());
    Object::new(selection)
        .put("uri", uri.as_str())
        .put("name", channel.name.as_str())
        .put("description", channel.description.clone())
        .put("link", vimeo_link(&format!("/channels/{word}")))
        .put("created_time", time(channel.created))
        .put("modified_time", time(channel.modified))
        .with("user", |selection| {
            view.state.users.get(&channel.owner).map_or(Value::Null, |owner| user::user(view, owner, selection))
        })
        .put("tags", json!([]))
        .put("pictures", Value::Null)
        .put("header", Value::Null)
        .put("privacy", json!({"view": channel.privacy}))
        .put("categories", json!([]))
        .with("metadata", |_| json!({"connections": connections(view, &uri, channel), "interactions": interactions(view, &uri, channel)}))
        .put("resource_key", channel.resource_key.as_str())
        .build()
}

fn connections(view: &ResponseView<'_>, uri: &str, channel: &Channel) -> Value {
    let subscribers = view.state.subscriptions.count_by(channel.id);
    json!({
        "users": metadata::list(&format!("{uri}/users"), &["GET"], subscribers),
        "videos": metadata::list(&format!("{uri}/videos"), &["GET"], channel.videos.len()),
    })
}

fn interactions(view: &ResponseView<'_>, uri: &str, channel: &Channel) -> Value {
    let Some(viewer) = view.viewer else { return json!({}) };
    let since = view.state.subscriptions.since(viewer, channel.id);
    let kind = if channel.moderators.contains(&viewer) { "moderator" } else { "subscriber" };
    let follow = json!({
        "added": since.is_some(),
        "added_time": since.map_or(Value::Null, time),
        "type": if since.is_some() { json!(kind) } else { Value::Null },
        "uri": format!("/users/{viewer}/channels/{}", channel.id),
    });
    if !channel.moderators.contains(&viewer) {
        return json!({"follow": follow});
    }
    let change: &[&str] = &["DELETE", "GET", "PUT"];
    json!({
        "add_moderators": metadata::place(&format!("{uri}/moderators"), change),
        "follow": follow,
        "moderate_videos": metadata::place(&format!("{uri}/videos"), change),
    })
}
