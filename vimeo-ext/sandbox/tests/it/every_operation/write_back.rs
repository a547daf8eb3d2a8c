//! Every resource that can be read and edited at the same path accepts the body of its GET in a PATCH, and stays the same.

use http::Method;
use serde_json::{Value, json};

use super::calls::CALLS;
use super::populated_world::PopulatedWorld;

/// Members that an edit changes whatever it contains.
const CHANGED_BY_EDITS: [&str; 4] =
    ["last_edited_on", "last_user_action_event_date", "modified_on", "modified_time"];

/// The paths of the differences between two values.
fn differences(before: &Value, after: &Value, path: &str, found: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for name in before.keys().chain(after.keys().filter(|name| !before.contains_key(*name))) {
                if !CHANGED_BY_EDITS.contains(&name.as_str()) {
                    let [before, after] =
                        [before, after].map(|members| members.get(name).unwrap_or(&Value::Null));
                    differences(before, after, &format!("{path}/{name}"), found);
                }
            }
        }
        _ if before == after => {}
        _ => found.push(format!("{path}: {before} became {after}")),
    }
}

#[tokio::test]
async fn every_resource_accepts_its_own_representation() {
    let world = PopulatedWorld::new().await;
    world.freeze_clock();
    // Values that responses show in another form than requests set them.
    for (path, body) in [
        (
            "/videos/{video_id}",
            json!({
                "license": "by", "content_rating": ["safe"], "locale": "en", "description": "About",
                "privacy": {"view": "password", "comments": "nobody"}, "password": "secret",
                "embed": {"buttons": {"like": false}, "title": {"owner": "show"}},
            }),
        ),
        ("/me", json!({"gender": "f", "link": "someone", "bio": "Hello"})),
        ("/me/albums/{album_id}", json!({"privacy": "password", "password": "secret", "theme": "dark"})),
        ("/channels/{channel_id}", json!({"privacy": "moderators", "link": "surfing"})),
    ] {
        world.patch(path, body).await;
    }
    let operation = |id: &str| vimeo_api::operation(id).unwrap();
    let reads: Vec<_> =
        CALLS.iter().map(|call| operation(call.0)).filter(|one| one.method == Method::GET).collect();
    let mut checked = 0;
    let mut failures = Vec::new();
    for edit in CALLS.iter().map(|call| operation(call.0)).filter(|one| one.method == Method::PATCH) {
        // A page is not what the PATCH of a list takes.
        if !reads.iter().any(|read| read.path == edit.path && !read.paged) {
            continue;
        }
        let path = world.path(edit);
        let client = world.client(edit);
        let before = client.call(Method::GET, &path).send().await.unwrap().into_inner();
        match client.call(Method::PATCH, &path).json(&before).send().await {
            Ok(_) => {
                let after = client.call(Method::GET, &path).send().await.unwrap().into_inner();
                differences(&before, &after, edit.path, &mut failures);
            }
            Err(error) => failures.push(format!("{} {:?}", edit, error.invalid_parameters())),
        }
        checked += 1;
    }
    assert_eq!(failures, [""; 0], "{}", failures.join("\n"));
    assert!(checked > 30, "{checked}");
}
