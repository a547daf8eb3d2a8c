//! What a call of an operation does, and what it needs before it is sent.

use http::Method;
use serde_json::Value;
use vimeo_api::Operation;

use super::super::untrusted::clean;
use super::super::{Disclosure, Effect};

/// Returns what an operation does.
pub(super) fn effect(operation: &Operation) -> Effect {
    match operation.method {
        Method::GET => Effect::Read,
        Method::DELETE => Effect::Delete,
        Method::PATCH => Effect::Overwrite,
        // The path names what is added, so a second call adds nothing.
        Method::PUT if operation.path.ends_with('}') => Effect::AddOnce,
        Method::PUT => Effect::Overwrite,
        _ if OVERWRITING_POSTS.iter().any(|end| operation.path.ends_with(end)) => Effect::Overwrite,
        _ => Effect::Add,
    }
}

/// Ends of paths whose `POST` changes what exists: it ends a live event, cuts a video, or replaces a file, a setting or a
/// thumbnail.
const OVERWRITING_POSTS: &[&str] =
    &["/custom_metadata", "/custom_metadata/backfill", "/end", "/set_album_thumbnail", "/trim", "/versions"];

/// Why an operation cannot be called, and what to do instead.
pub(super) fn refusal(operation: &Operation, body: &Value) -> Option<(String, &'static str)> {
    if operation.area == "authentication" && operation.method != Method::GET {
        let message =
            format!("{} handles access tokens, which tools never see; nothing was sent.", operation.id);
        return Some((message, "Ask the person to log in or out with `vimeo auth`."));
    }
    let begins_upload =
        || format!("{} begins an upload of bytes, which a call cannot send; nothing was sent.", operation.id);
    let approach = body.pointer("/upload/approach").and_then(Value::as_str);
    let path = operation.path;
    let creates = operation.method == Method::POST;
    if creates
        && (path.ends_with("/videos") && operation.scopes.iter().any(|scope| scope.as_str() == "upload")
            || path.ends_with("/versions"))
        && approach != Some("pull")
    {
        let next = if path.ends_with("/versions") {
            "Use vimeo_video_replace of the toolset uploads, or let Vimeo fetch the file: body {\"upload\": {\"approach\": \"pull\", \"link\": URL}}."
        } else {
            "Use vimeo_video_upload of the toolset uploads, or let Vimeo fetch the file: body {\"upload\": {\"approach\": \"pull\", \"link\": URL}}."
        };
        return Some((begins_upload(), next));
    }
    if creates && path.ends_with("/texttracks") {
        return Some((begins_upload(), "Use vimeo_text_track_add of the toolset more."));
    }
    if creates && path.ends_with("/audiotracks") && approach != Some("pull") {
        return Some((begins_upload(), "Ask the person to upload the audio track on vimeo.com."));
    }
    let images =
        ["/pictures", "/customlogos", "/custom_thumbnails", "/logos", "/backgrounds", "/timelinethumbnails"];
    let has_time = ["time", "timecode", "time_code"].iter().any(|name| body.get(name).is_some());
    if creates && images.iter().any(|end| path.ends_with(end)) && !has_time {
        let next = if operation.id.contains("thumbnail") || path.contains("{video_id}/pictures") {
            "For a picture of the video itself give body {\"time\": SECONDS}; a file needs the command `vimeo picture`."
        } else {
            "Ask the person to upload it with the command `vimeo picture`, or on vimeo.com."
        };
        return Some((begins_upload(), next));
    }
    None
}

/// Parts of paths whose `DELETE` only ends a relation, which can be restored: a like, a tag, a place in a showcase.
const RELATIONS: &[&str] = &[
    "/likes/",
    "/watchlater/",
    "/following/",
    "/tags/",
    "/privacy/",
    "/moderators",
    "/genres/",
    "/regions",
    "/me/categories/",
    "/me/channels/",
    "/me/groups/",
    "/users/{user_id}/categories/",
    "/users/{user_id}/channels/",
    "/users/{user_id}/groups/",
    "/albums/{album_id}/videos/",
    "/channels/{channel_id}/categories/",
    "/channels/{channel_id}/videos",
    "/groups/{group_id}/videos/",
    "/live_events/{live_event_id}/videos",
    "/ondemand/pages/{ondemand_id}/videos/",
    "/portfolios/{portfolio_id}/videos/",
    "/projects/{project_id}/items",
    "/projects/{project_id}/presets/",
    "/projects/{project_id}/videos",
    "/videos/{video_id}/presets/",
];

/// Returns whether a call deletes something that nobody can restore.
pub(super) fn deletes(operation: &Operation, query: &[(&'static str, String)], body: &Value) -> bool {
    let asks = |name: &str| {
        query.iter().any(|(known, value)| *known == name && value == "true")
            || body.get(name).and_then(Value::as_bool) == Some(true)
    };
    if asks("should_delete_clips") || asks("should_delete_items") {
        return true;
    }
    if operation.path.ends_with("/custom_metadata") && contains_true(body, "delete") {
        return true;
    }
    operation.method == Method::DELETE && !RELATIONS.iter().any(|part| operation.path.contains(part))
}

fn contains_true(value: &Value, name: &str) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| contains_true(item, name)),
        Value::Object(members) => {
            members.get(name).and_then(Value::as_bool) == Some(true)
                || members.values().any(|value| contains_true(value, name))
        }
        _ => false,
    }
}

/// Parts of paths below which adding or changing something shows it to more people.
const PUBLISHING: &[(&str, &str)] = &[
    ("/albums/{album_id}/videos", "put videos into a showcase"),
    ("/albums/from_folder", "make a showcase of a folder"),
    ("/channels/{channel_id}/videos", "put videos into a channel"),
    ("/groups/{group_id}/videos", "put videos into a group"),
    ("/portfolios/{portfolio_id}/videos", "put videos into a portfolio"),
    ("/projects/{project_id}/videos", "put videos into a folder, which can be shared"),
    ("/videos/{video_id}/albums", "put a video into showcases"),
    ("/ondemand/pages/{ondemand_id}/videos", "put a video into an On Demand page"),
    ("/ondemand/pages/{ondemand_id}/regions", "sell in more regions"),
    ("/ondemand/pages/{ondemand_id}/promotions", "give a discount"),
    ("/live_events/{live_event_id}/videos", "put videos into a live event"),
    ("/live_events/{live_event_id}/activate", "go live"),
    ("/moderators", "let people moderate a channel"),
    ("/destinations", "stream to another service"),
    ("/ott_destinations", "stream to another service"),
    ("/destination", "change where a stream is sent"),
    ("/privacy/users", "let more people watch"),
    ("/privacy/domains", "let more sites embed"),
    ("/copy", "copy something"),
];

/// Members of bodies that decide who sees what.
const VISIBILITY: &[&str] = &[
    "privacy",
    "password",
    "embed_domains",
    "embed_domains_add",
    "allowed_domains",
    "review_page",
    "review_mode",
    "publish",
    "publish_when_ready",
    "publish_time",
    "is_current",
    "stream_embed",
    "domain",
    "custom_domain",
    "use_custom_domain",
    "hide_from_vimeo",
];

/// Values that admit nobody else.
const NARROW: &[&str] = &["nobody", "private", "disable", "disabled", "none"];

/// Returns what a call discloses or spends, as words that follow "would".
pub(super) fn disclosure(operation: &Operation, body: &Value) -> Option<(Disclosure, String)> {
    if operation.method == Method::GET || operation.method == Method::DELETE {
        return None;
    }
    let path = operation.path;
    if path.contains("/webhooks") {
        return Some((Disclosure::Webhooks, "send events of the app to a URL".to_owned()));
    }
    if path.contains("/comments") {
        return Some((Disclosure::Comments, "post text under the account's name".to_owned()));
    }
    if path.ends_with("/credits") {
        return Some((Disclosure::Comments, "name people in the credits of a video".to_owned()));
    }
    if (path.contains("/ai/") && operation.method == Method::POST) || operation.area == "payments" {
        return Some((Disclosure::Spend, "use up AI credits or money of the account".to_owned()));
    }
    if let Some((_, act)) = PUBLISHING.iter().find(|(part, _)| is_at(path, part)) {
        return Some((Disclosure::Publish, (*act).to_owned()));
    }
    if operation.method == Method::PATCH && path.ends_with("/albums") {
        return Some((Disclosure::Publish, "put videos and events into showcases".to_owned()));
    }
    let mut changes = Vec::new();
    widening(body, "", false, &mut changes);
    if operation.method == Method::POST
        && ["/albums", "/channels", "/groups", "/live_events", "/videos"]
            .iter()
            .any(|end| path.ends_with(end))
        && !is_private(body)
    {
        let act = format!("{}, which others can see", operation.summary.to_lowercase());
        return Some((Disclosure::Publish, act));
    }
    (!changes.is_empty()).then(|| {
        let changes: Vec<&str> = changes.iter().take(8).map(String::as_str).collect();
        (Disclosure::Publish, format!("open it to more people: {}", changes.join(", ")))
    })
}

/// Returns whether a path ends with a part, or with that and one ID.
fn is_at(path: &str, part: &str) -> bool {
    let rest = path.find(part).and_then(|at| path.get(at + part.len()..));
    rest.is_some_and(|rest| rest.is_empty() || (rest.starts_with("/{") && rest.matches('/').count() == 1))
}

/// Returns whether a body makes what it creates private.
fn is_private(body: &Value) -> bool {
    let view = body.pointer("/privacy/view").or_else(|| body.get("privacy"));
    view.and_then(Value::as_str).is_some_and(|view| NARROW.contains(&view))
}

/// Collects the members that can admit more people.
fn widening(value: &Value, at: &str, inside: bool, changes: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                widening(value, &path, inside || VISIBILITY.contains(&name.as_str()), changes);
            }
        }
        Value::Array(items) if inside && !items.is_empty() => {
            let shown: Vec<String> = items.iter().take(5).map(shown).collect();
            changes.push(format!("{at} {}", shown.join(", ")));
        }
        Value::Array(items) => items.iter().for_each(|item| widening(item, at, inside, changes)),
        _ if !inside => {}
        Value::Null => {}
        Value::String(text) if NARROW.contains(&text.as_str()) => {}
        // Hiding it is the wide value here.
        Value::Bool(hidden) if at.ends_with("hide_from_vimeo") => {
            if !hidden {
                changes.push("hide_from_vimeo false".to_owned());
            }
        }
        Value::Bool(false) => {}
        _ if at.ends_with("password") => changes.push("a new password".to_owned()),
        value => changes.push(format!("{at} {}", shown(value))),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => clean(text, 60),
        other => clean(&other.to_string(), 60),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn operation(id: &str) -> &'static Operation {
        vimeo_api::operation(id).unwrap_or_else(|| panic!("{id}"))
    }

    #[test]
    fn the_effect_is_what_happens_to_existing_objects() {
        for (id, effect_of) in [
            ("get_video", Effect::Read),
            ("create_video_chapter", Effect::Add),
            ("add_my_showcase_video", Effect::AddOnce),
            ("replace_my_showcase_videos", Effect::Overwrite),
            ("edit_video", Effect::Overwrite),
            ("create_video_version", Effect::Overwrite),
            ("trim_video", Effect::Overwrite),
            ("end_my_live_event", Effect::Overwrite),
            ("upsert_team_custom_metadata_fields", Effect::Overwrite),
            ("delete_video", Effect::Delete),
        ] {
            assert_eq!(effect(operation(id)), effect_of, "{id}");
        }
    }

    #[test]
    fn what_nobody_can_restore_counts_as_deletion() {
        let flag = json!({"should_delete_clips": true});
        for (id, body, deleted) in [
            ("delete_video", json!(null), true),
            ("delete_my_folder", json!(null), true),
            ("delete_video_chapter", json!(null), true),
            ("delete_app_webhook", json!(null), true),
            ("unlike_video_as_me", json!(null), false),
            ("remove_my_folder_videos", json!(null), false),
            ("remove_my_folder_videos", flag, true),
            ("edit_video", json!(null), false),
        ] {
            assert_eq!(deletes(operation(id), &[], &body), deleted, "{id} {body}");
        }
    }

    #[test]
    fn only_what_admits_more_people_or_costs_needs_approval() {
        use Disclosure::{Comments, Publish, Spend, Webhooks};
        for (id, body, kind) in [
            ("edit_video", json!({"name": "Surf"}), None),
            ("edit_video", json!({"privacy": {"view": "nobody", "download": false}}), None),
            ("edit_video", json!({"privacy": {"view": "anybody"}}), Some(Publish)),
            ("edit_video", json!({"privacy": {"download": true}}), Some(Publish)),
            ("edit_video", json!({"password": "x"}), Some(Publish)),
            ("edit_video", json!({"embed_domains_add": ["example.com"]}), Some(Publish)),
            ("edit_video", json!({"hide_from_vimeo": true}), None),
            ("edit_video", json!({"hide_from_vimeo": false}), Some(Publish)),
            ("create_video_chapter", json!({"title": "Start", "timecode": 3}), None),
            ("create_video_comment", json!({"text": "Hi"}), Some(Comments)),
            ("create_app_webhook", json!({"webhook_url": "https://example.com"}), Some(Webhooks)),
            ("add_items_to_user_showcases", json!(null), Some(Publish)),
            ("edit_user_showcase", json!({"name": "A"}), None),
            ("create_my_showcase", json!({"name": "A"}), Some(Publish)),
            ("create_my_showcase", json!({"name": "A", "privacy": "nobody"}), None),
            ("start_video_ai_transcription", json!({}), Some(Spend)),
            ("get_video", json!(null), None),
        ] {
            assert_eq!(disclosure(operation(id), &body).map(|(kind, _)| kind), kind, "{id} {body}");
        }
        // The prompt never shows a password.
        let (_, act) = disclosure(operation("edit_video"), &json!({"password": "sesame"})).unwrap();
        assert!(!act.contains("sesame"), "{act}");
    }
}
