//! Categories; the sandbox has a few.

use serde_json::{Value, json};

use super::{metadata, picture};
use crate::call::{ResponseView, time};
use crate::protocol::fields::{Object, Selection};
use crate::protocol::ids;

/// Identifiers and names.
pub(crate) const CATEGORIES: [(&str, &str); 6] = [
    ("animation", "Animation"),
    ("documentary", "Documentary"),
    ("education", "Education"),
    ("music", "Music"),
    ("sports", "Sports"),
    ("travel", "Travel"),
];

/// Returns the identifiers of all categories.
pub(crate) fn identifiers() -> impl Iterator<Item = &'static str> {
    CATEGORIES.into_iter().map(|(identifier, _)| identifier)
}

/// Renders the category with this identifier.
pub(crate) fn named(view: &ResponseView<'_>, wanted: &str, selection: &Selection) -> Option<Value> {
    CATEGORIES
        .into_iter()
        .find(|(identifier, _)| *identifier == wanted)
        .map(|found| shape(view, &found, selection))
}

pub(crate) fn shape(
    view: &ResponseView<'_>,
    (identifier, name): &(&'static str, &'static str),
    selection: &Selection,
) -> Value {
    let uri = format!("/categories/{identifier}");
    let began = view.state.users.get(&view.state.first_user).map(|user| time(user.created));
    Object::new(selection)
        .put("uri", uri.as_str())
        .put("name", *name)
        .put("link", format!("https://vimeo.com{uri}"))
        .put("top_level", true)
        .put("is_deprecated", false)
        .with("pictures", |selection| picture::thumbnail(&uri, None, selection))
        .put("last_video_featured_time", began)
        .put("parent", Value::Null)
        .put("subcategories", json!([]))
        .with("metadata", |_| {
            let list = |what: &str| metadata::list(&format!("{uri}/{what}"), &["GET"], 0);
            let lists = json!({
                "channels": list("channels"),
                "groups": list("groups"),
                "users": list("users"),
                "videos": list("videos"),
            });
            match view.viewer {
                Some(viewer) => {
                    let follow =
                        json!({"uri": format!("/users/{viewer}{uri}"), "added": false, "added_time": null});
                    json!({"connections": lists, "interactions": {"follow": follow}})
                }
                None => json!({"connections": lists}),
            }
        })
        .put("resource_key", ids::digest(&["category", identifier], 40))
        .build()
}
