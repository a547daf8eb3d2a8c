//! Categories: a short list that is always there, with no videos in it.

use serde_json::{Value, json};

use crate::call::{Answer, Call, Outcome, View, time};
use crate::errors::ApiError;
use crate::fields::{Object, Selection};
use crate::ids;
use crate::shapes::{metadata, picture};

const CATEGORIES: [(&str, &str); 6] = [
    ("animation", "Animation"),
    ("documentary", "Documentary"),
    ("education", "Education"),
    ("music", "Music"),
    ("sports", "Sports"),
    ("travel", "Travel"),
];

fn find(call: &Call<'_>) -> Result<(&'static str, &'static str), ApiError> {
    let wanted = call.params.get("category");
    CATEGORIES.into_iter().find(|(word, _)| *word == wanted).ok_or_else(|| ApiError::not_found("category"))
}

/// The words of all categories.
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    CATEGORIES.into_iter().map(|(word, _)| word)
}

/// The category of that word.
pub(super) fn named(view: &View<'_>, wanted: &str, selection: &Selection) -> Option<Value> {
    CATEGORIES.into_iter().find(|(word, _)| *word == wanted).map(|found| shape(view, &found, selection))
}

pub(crate) fn list(call: &mut Call<'_>) -> Outcome {
    let sort = call.query_word("sort", &["last_video_featured_time", "name"], "name")?;
    let mut all = CATEGORIES.to_vec();
    if call.descending(sort != "name")? {
        all.reverse();
    }
    call.page("category", &all, shape)
}

pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    let found = find(call)?;
    Ok(Answer::ok("category", shape(&call.view(), &found, &call.selection)))
}

pub(crate) fn videos(call: &mut Call<'_>) -> Outcome {
    find(call)?;
    call.page::<()>("video", &[], |_, (), _| Value::Null)
}

fn shape(view: &View<'_>, (word, name): &(&'static str, &'static str), selection: &Selection) -> Value {
    let uri = format!("/categories/{word}");
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
        .put("resource_key", ids::digest(&["category", word], 40))
        .build()
}
