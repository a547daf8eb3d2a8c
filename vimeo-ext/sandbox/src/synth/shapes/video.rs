//! Videos.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::{auth, folder, metadata, picture, tag, user, version};
use crate::call::{ResponseView, time};
use crate::protocol::fields::{Object, Selection};
use crate::protocol::ids;
use crate::protocol::vimeo_link::vimeo_link;
use crate::world::relations::Relations;
use crate::world::video::Video;

/// Renders a video as its owner or another user sees it.
pub(crate) fn video(view: &ResponseView<'_>, video: &Video, selection: &Selection) -> Value {
    let own = view.viewer == Some(video.owner);
    let uri = uri(video);
    let playable = video.is_playable();
    let latest = video.latest();
    Object::with_capacity(selection, 44)
        .put("uri", uri.as_str())
        .put("name", video.name.as_str())
        .put("description", video.description.clone())
        .put("type", "video")
        .put("link", link(video))
        .put("player_embed_url", format!("https://player.vimeo.com/video/{}?h={}", video.id, video.hash))
        .put("duration", video.duration)
        .put("width", video.width)
        .put("language", video.locale.clone())
        .put("height", video.height)
        .with("embed", |_| embed(view, video))
        .put("created_time", time(video.created))
        .put("modified_time", time(video.modified))
        .put("release_time", time(video.created))
        .with("content_rating", |_| json!(video.content_rating))
        .with("content_rating_class", |_| rating_class(&video.content_rating).into())
        .put("rating_mod_locked", false)
        .put("license", video.license.clone())
        .with("privacy", |_| privacy(video, own))
        .with("pictures", |selection| picture::thumbnail(&uri, video.active_picture(), selection))
        .with("tags", |selection| video.tags.iter().map(|word| tag::tag(view, "", word, selection)).collect())
        .with("stats", |_| json!({"plays": video.plays}))
        .put("categories", json!([]))
        .with("uploader", |_| {
            let portrait =
                view.state.users.get(&video.owner).map(|owner| user::portrait(owner, &Selection::All));
            json!({"pictures": portrait})
        })
        .with("metadata", |selection| meta(view, video, selection))
        .with_if(own, "manage_link", |_| format!("/manage{uri}").into())
        .with("user", |selection| {
            view.state.users.get(&video.owner).map_or(Value::Null, |owner| user::user(view, owner, selection))
        })
        .with_if(own, "parent_folder", |selection| {
            let held = video.folder.and_then(|id| view.state.folders.get(&id));
            held.map_or(Value::Null, |held| folder::folder(view, held, selection))
        })
        .put("last_user_action_event_date", time(video.modified))
        .with_if(own, "review_page", |_| {
            let key = ids::digest(&["review", &video.hash], 10);
            let owner = format!("user{}", video.owner);
            json!({
                "active": video.review_active,
                "link": format!("https://vimeo.com/{owner}/review/{}/{key}", video.id),
                "is_shareable": true,
            })
        })
        .with("play", |_| json!({"status": if playable { "playable" } else { "unavailable" }}))
        .with("app", |_| auth::app(view))
        .put("status", video.status())
        .put("resource_key", video.resource_key.as_str())
        .with_if(video.spatial.is_some(), "spatial", |_| video.spatial.clone().unwrap_or_default())
        .with("upload", |_| latest.map_or(Value::Null, |latest| version::upload(view, latest)))
        .with("transcode", |_| latest.map_or(Value::Null, version::transcode))
        .with_if(own && playable, "download", |_| download(video))
        .put("is_playable", playable)
        .put("has_audio", playable)
        .build()
}

/// Renders the files for download: one. The sandbox keeps no file that its link could lead to.
fn download(video: &Video) -> Value {
    let link = vimeo_link(&format!("/progressive_redirect/download/{}/{}", video.id, video.hash));
    let size = video.latest().and_then(|latest| latest.source.upload()).map(|upload| upload.size());
    json!([{
        "quality": "source",
        "type": "source",
        "width": video.width,
        "height": video.height,
        "size": size,
        "created_time": time(video.created),
        "link": link,
    }])
}

pub(crate) fn uri(video: &Video) -> String {
    format!("/videos/{}", video.id)
}

/// Returns the video's page; the link of an unlisted video contains its hash.
fn link(video: &Video) -> String {
    let path = match (&video.custom_url, video.privacy.view.as_str()) {
        (Some(word), _) => format!("/user{}/{word}", video.owner),
        (None, "unlisted") => format!("/{}/{}", video.id, video.hash),
        (None, _) => format!("/{}", video.id),
    };
    vimeo_link(&path)
}

fn privacy(video: &Video, own: bool) -> Value {
    let privacy = &video.privacy;
    let mut body = json!({
        "view": privacy.view,
        "embed": privacy.embed,
        "download": privacy.download,
        "add": privacy.add,
        "comments": privacy.comments,
    });
    if let (Some(members), Some(password), true) = (body.as_object_mut(), &privacy.password, own) {
        members.insert("password".to_owned(), password.as_str().into());
    }
    body
}

/// Returns the class of the ratings: `safe`, `unrated` or `explicit`.
fn rating_class(ratings: &[String]) -> &'static str {
    match ratings.iter().map(String::as_str).next() {
        None | Some("unrated") => "unrated",
        Some("safe") => "safe",
        Some(_) => "explicit",
    }
}

/// Renders the player settings: Vimeo's defaults, with the set members merged in.
fn embed(view: &ResponseView<'_>, video: &Video) -> Value {
    static DEFAULTS: LazyLock<Map<String, Value>> = LazyLock::new(|| {
        let defaults = json!({
            "html": null,
            "badges": {
                "hdr": false,
                "live": {"streaming": false, "archived": false},
                "staff_pick": {"normal": false, "best_of_the_month": false, "best_of_the_year": false, "premiere": false},
                "vod": false,
                "weekend_challenge": false,
            },
            "interactive": false,
            "buttons": {
                "watchlater": true,
                "share": true,
                "embed": true,
                "hd": false,
                "fullscreen": true,
                "scaling": true,
                "like": true,
            },
            "logos": {
                "vimeo": true,
                "custom": {"active": false, "url": null, "link": null, "use_link": false, "sticky": false},
            },
            "title": {"name": "user", "owner": "user", "portrait": "user"},
            "end_screen": [],
            "playbar": true,
            "pip": true,
            "autopip": true,
            "volume": true,
            "color": "00adef",
            "colors": {"color_one": "000000", "color_two": "00adef", "color_three": "ffffff", "color_four": "000000"},
            "event_schedule": true,
            "has_cards": false,
            "outro_type": "videos",
            "show_timezone": false,
            "cards": [],
            "uri": null,
            "email_capture_form": null,
            "speed": true,
        });
        match defaults {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    });
    let mut members = DEFAULTS.clone();
    if video.privacy.embed != "private" {
        members.insert("html".to_owned(), iframe(view, video).into());
    }
    metadata::overlay(&mut members, &video.embed);
    Value::Object(members)
}

fn iframe(view: &ResponseView<'_>, video: &Video) -> String {
    let title =
        video.name.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;");
    format!(
        "<iframe src=\"https://player.vimeo.com/video/{id}?h={hash}&amp;badge=0&amp;autopause=0&amp;player_id=0\
         &amp;app_id={app}\" width=\"{width}\" height=\"{height}\" frameborder=\"0\" \
         allow=\"autoplay; fullscreen; picture-in-picture\" allowfullscreen title=\"{title}\"></iframe>",
        id = video.id,
        hash = video.hash,
        app = view.state.app.id,
        width = video.width,
        height = video.height,
    )
}

fn meta(view: &ResponseView<'_>, video: &Video, selection: &Selection) -> Value {
    let own = view.viewer == Some(video.owner);
    Object::new(selection)
        .with("connections", |_| connections(view, video))
        .with("interactions", |_| interactions(view, video, own))
        .put("is_vimeo_create", false)
        .put("is_screen_record", false)
        .build()
}

fn connections(view: &ResponseView<'_>, video: &Video) -> Value {
    let uri = uri(video);
    let at = |rest: &str| format!("{uri}/{rest}");
    let both: &[&str] = &["GET", "POST"];
    let get: &[&str] = &["GET"];
    let showcases =
        view.state.showcases.values().filter(|showcase| showcase.videos.contains(&video.id)).count();
    let versions = metadata::list(&at("versions"), get, video.versions.len());
    let versions = match video.current() {
        Some(current) => metadata::with(
            versions,
            json!({
                "current_uri": version::uri(video, current),
                "resource_key": ids::digest(&["version", &current.id.to_string()], 40),
            }),
        ),
        None => versions,
    };
    json!({
        "comments": metadata::list(&at("comments"), both, video.comments.len()),
        "credits": metadata::list(&at("credits"), both, 0),
        "likes": metadata::list(&at("likes"), get, view.state.likes.count_by(video.id)),
        "pictures": metadata::list(&at("pictures"), both, video.pictures.len()),
        "texttracks": metadata::list(&at("texttracks"), both, video.text_tracks.len()),
        "related": null,
        "recommendations": metadata::place(&at("recommendations"), get),
        "albums": metadata::list(&at("albums"), &["GET", "PATCH"], showcases),
        "available_albums": metadata::list(&at("available_albums"), get, 0),
        "available_channels": metadata::list(&at("available_channels"), get, 0),
        "versions": metadata::with(versions, json!({"latest_incomplete_version": null})),
    })
}

fn interactions(view: &ResponseView<'_>, video: &Video, own: bool) -> Value {
    let uri = uri(video);
    let at = |rest: &str| format!("{uri}/{rest}");
    let patch = || metadata::place(&uri, &["PATCH"]);
    let mut all = Map::new();
    if let Some(viewer) = view.viewer {
        let mark = |list: &str, marks: &Relations| {
            let since = marks.since(viewer, video.id);
            let place =
                metadata::place(&format!("/users/{viewer}/{list}/{}", video.id), &["GET", "PUT", "DELETE"]);
            metadata::with(
                place,
                json!({"added": since.is_some(), "added_time": since.map_or(Value::Null, time)}),
            )
        };
        all.insert("watchlater".into(), mark("watchlater", &view.state.watch_later));
        if !own {
            all.insert("like".into(), mark("likes", &view.state.likes));
        }
    }
    let reasons = ["pornographic", "harassment", "ripoff", "incorrect rating", "spam", "causes harm", "csam"];
    all.insert(
        "report".into(),
        metadata::with(metadata::place(&at("report"), &["POST"]), json!({"reason": reasons})),
    );
    if own {
        all.insert("view_team_members".into(), metadata::place(&at("teammembers"), &["GET"]));
        all.insert("edit".into(), metadata::with(patch(), json!({"blocked_fields": []})));
        let ratings = ["language", "drugs", "violence", "nudity", "advertisement", "safe", "unrated"];
        all.insert("edit_content_rating".into(), metadata::with(patch(), json!({"content_rating": ratings})));
        let views = ["anybody", "nobody", "password", "disable", "unlisted"];
        let property = json!({"name": "privacy.view", "required": true, "options": views});
        all.insert(
            "edit_privacy".into(),
            metadata::with(
                patch(),
                json!({"content_type": "application/vnd.vimeo.video", "properties": [property]}),
            ),
        );
        all.insert("delete".into(), metadata::place(&uri, &["DELETE"]));
        all.insert("can_update_privacy_to_public".into(), patch());
        all.insert("trim".into(), metadata::place(&at("cliptrim"), &["GET", "POST"]));
    }
    all.insert("validate".into(), metadata::place(&at("validate"), &["PUT"]));
    Value::Object(all)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::DateTime;

    use super::*;
    use crate::call::RenderedUsers;
    use crate::config::Config;
    use crate::world::State;

    #[test]
    fn page_renders_each_owner_once() {
        let now = DateTime::UNIX_EPOCH;
        let mut state = State::new(1, 7, Arc::new(Config::default()), Arc::default(), now);
        let (first, second) = (state.first_user, state.add_user("Second", now));
        state.add_videos(first, 20, now);
        state.add_videos(second, 5, now);
        let rendered = RenderedUsers::default();
        for fields in [None, Some("uri,user.name,user.pictures")] {
            let selection = Selection::parse(fields);
            let single =
                ResponseView { state: &state, viewer: Some(first), upload_base: "", rendered_users: None };
            let on_page = ResponseView { rendered_users: Some(&rendered), ..single };
            for item in state.videos.values() {
                assert_eq!(video(&on_page, item, &selection), video(&single, item, &selection));
            }
        }
        assert_eq!(rendered.len(), 2 * 2, "one per owner and selection");
    }
}
