//! Users.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{metadata, picture};
use crate::call::{ResponseView, time};
use crate::clock::iso;
use crate::config::QuotaUnit;
use crate::protocol::fields::{Object, Selection};
use crate::world::user::User;

/// Renders a user. Quota and preferences are only visible to the user.
pub(crate) fn user(view: &ResponseView<'_>, user: &User, selection: &Selection) -> Value {
    match view.rendered_users {
        Some(rendered) => {
            rendered.get_or_render(user.id, view.viewer, selection, || render(view, user, selection))
        }
        None => render(view, user, selection),
    }
}

fn render(view: &ResponseView<'_>, user: &User, selection: &Selection) -> Value {
    let own = view.viewer == Some(user.id);
    Object::with_capacity(selection, 24)
        .put("uri", user.uri())
        .put("name", user.name.as_str())
        .put("link", user.link())
        .with("capabilities", |_| {
            json!({
                "hasLiveSubscription": false,
                "hasEnterpriseLihp": false,
                "hasSvvTimecodedComments": false,
                "hasSimplifiedEnterpriseAccount": false,
            })
        })
        .put("location", user.location.as_str())
        .put("gender", user.gender.as_str())
        .put("bio", user.bio.clone())
        .put("short_bio", Value::Null)
        .put("created_time", time(user.created))
        .with("pictures", |selection| portrait(user, selection))
        .put("websites", json!([]))
        .with("metadata", |_| json!({"connections": connections(view, user)}))
        .with("location_details", |_| location(&user.location))
        .put("skills", json!([]))
        .put("available_for_hire", false)
        .put("can_work_remotely", false)
        .with_if(own, "preferences", |_| preferences())
        .put("content_filter", json!(["language", "drugs", "violence", "nudity", "safe", "unrated"]))
        .with_if(own, "upload_quota", |_| quota(view, user))
        .put("resource_key", user.resource_key.as_str())
        .put("account", user.plan.as_str())
        .build()
}

/// Renders a user's active portrait.
pub(crate) fn portrait(user: &User, selection: &Selection) -> Value {
    let active = user.pictures.iter().find(|picture| picture.active);
    picture::portrait(&user.uri(), active, selection)
}

fn connections(view: &ResponseView<'_>, user: &User) -> Value {
    let uri = user.uri();
    let at = |rest: &str| format!("{uri}/{rest}");
    let state = view.state;
    let moderated = state.channels.values().filter(|channel| channel.moderators.contains(&user.id)).count();
    let folders = state.folders.values().filter(|folder| folder.owner == user.id).count();
    let showcases = state.showcases.values().filter(|showcase| showcase.owner == user.id).count();
    let videos = view
        .state
        .videos
        .values()
        .filter(|video| video.owner == user.id && video.listed_for(view.viewer))
        .count();
    let get: &[&str] = &["GET"];
    let list = |rest: &str, total: usize| metadata::list(&at(rest), get, total);
    json!({
        "albums": list("albums", showcases),
        "appearances": list("appearances", 0),
        "categories": list("categories", 0),
        "channels": list("channels", state.subscriptions.count_of(user.id)),
        "feed": metadata::place(&at("feed"), get),
        "followers": list("followers", state.follows.count_by(user.id)),
        "following": list("following", state.follows.count_of(user.id)),
        "groups": list("groups", 0),
        "likes": list("likes", state.likes.count_of(user.id)),
        "membership": metadata::place(&at("membership/"), &["PATCH"]),
        "moderated_channels": list("channels?filter=moderated", moderated),
        "portfolios": list("portfolios", 0),
        "videos": list("videos", videos),
        "watchlater": list("watchlater", state.watch_later.count_of(user.id)),
        "shared": list("shared/videos", 0),
        "pictures": metadata::list(&at("pictures"), &["GET", "POST"], user.pictures.len()),
        "watched_videos": metadata::list("/me/watched/videos", get, 0),
        "folders_root": metadata::place(&at("folders/root"), get),
        "folders": metadata::list(&at("folders"), &["GET", "POST"], folders),
        "teams": list("teams", 1),
        "block": metadata::list("/me/block", get, 0),
    })
}

fn location(name: &str) -> Value {
    json!({
        "formatted_address": name,
        "latitude": null,
        "longitude": null,
        "city": null,
        "state": null,
        "neighborhood": null,
        "sub_locality": null,
        "state_iso_code": null,
        "country": null,
        "country_iso_code": null,
    })
}

fn preferences() -> Value {
    json!({
        "videos": {
            "rating": ["unrated"],
            "privacy": {
                "view": "anybody",
                "comments": "anybody",
                "embed": "public",
                "download": true,
                "add": true,
                "allow_share_link": true,
            },
        },
        "webinar_registrant_lower_watermark_banner_dismissed": [],
    })
}

fn quota(view: &ResponseView<'_>, user: &User) -> Value {
    let (word, used) = (user.quota.unit.as_str(), view.state.quota_used(user.id, user.quota.unit));
    let period = match user.quota.unit {
        QuotaUnit::VideoCount => "month",
        QuotaUnit::VideoSize => "week",
    };
    let periodic = json!({
        "free": user.quota.periodic.saturating_sub(used),
        "max": user.quota.periodic,
        "used": used,
    });
    let unit = json!({"unit": word});
    json!({
        "space": metadata::with(periodic.clone(), json!({"showing": "periodic", "unit": word})),
        "periodic": metadata::with(
            json!({"period": period, "unit": word}),
            metadata::with(periodic, json!({"reset_date": iso(next_week(user.created))})),
        ),
        "lifetime": metadata::with(unit, json!({
            "free": user.quota.total.saturating_sub(used),
            "max": user.quota.total,
            "used": used,
        })),
    })
}

fn next_week(from: DateTime<Utc>) -> DateTime<Utc> {
    from.checked_add_signed(TimeDelta::days(7)).unwrap_or(from)
}
