//! Folders; Vimeo's paths call them projects.

use serde_json::{Value, json};

use super::{metadata, user};
use crate::call::{ResponseView, time};
use crate::protocol::fields::{Object, Selection};
use crate::world::collections::Folder;

pub(crate) fn uri(folder: &Folder) -> String {
    format!("/users/{}/projects/{}", folder.owner, folder.id)
}

pub(crate) fn folder(view: &ResponseView<'_>, folder: &Folder, selection: &Selection) -> Value {
    Object::new(selection)
        .put("created_time", time(folder.created))
        .put("modified_time", time(folder.modified))
        .put("last_user_action_event_date", time(folder.modified))
        .put("name", folder.name.as_str())
        .put("privacy", json!({"view": "nobody"}))
        .put("resource_key", folder.resource_key.as_str())
        .put("uri", uri(folder))
        .put("link", Value::Null)
        .put("pinned_on", Value::Null)
        .put("is_pinned", false)
        .put("is_private_to_user", false)
        .with("user", |selection| {
            view.state
                .users
                .get(&folder.owner)
                .map_or(Value::Null, |owner| user::user(view, owner, selection))
        })
        .put("access_grant", Value::Null)
        .with(
            "metadata",
            |_| json!({"connections": connections(view, folder), "interactions": interactions(folder)}),
        )
        .build()
}

fn connections(view: &ResponseView<'_>, folder: &Folder) -> Value {
    let uri = uri(folder);
    let videos = view.state.videos.values().filter(|video| video.folder == Some(folder.id)).count();
    let folders = view.state.folders.values().filter(|child| child.parent == Some(folder.id)).count();
    let items = format!("{uri}/items");
    let change: &[&str] = &["GET", "DELETE", "PUT"];
    let ancestors: Vec<Value> = view
        .state
        .ancestors(folder)
        .map(|above| json!({"uri": self::uri(above), "name": above.name, "can_upload": true}))
        .collect();
    let body = json!({
        "items": metadata::list(&items, &["GET"], videos + folders),
        "videos": metadata::list(&format!("{uri}/videos"), change, videos),
        "folders": metadata::list(&items, change, folders),
        "ancestor_path": ancestors,
    });
    match folder.parent.and_then(|parent| view.state.folders.get(&parent)) {
        Some(parent) => {
            let place = metadata::place(&self::uri(parent), &["GET", "DELETE", "PATCH"]);
            metadata::with(body, json!({"parent_folder": place}))
        }
        None => body,
    }
}

fn interactions(folder: &Folder) -> Value {
    let uri = uri(folder);
    let at = |method: &str| metadata::place(&uri, &[method]);
    json!({
        "edit": at("PATCH"),
        "move_video": at("PATCH"),
        "upload_video": at("POST"),
        "view": at("GET"),
        "edit_settings": at("PATCH"),
        "delete": at("DELETE"),
        "delete_video": at("DELETE"),
        "add_subfolder": {
            "uri": format!("/users/{}/projects", folder.owner),
            "options": ["POST"],
            "can_add_subfolders": true,
            "subfolder_depth_limit_reached": false,
            "content_type": "application/vnd.vimeo.folder",
            "properties": [
                {"name": "name", "required": false, "value": ""},
                {"name": "parent_folder_uri", "required": true, "value": uri},
            ],
        },
    })
}
