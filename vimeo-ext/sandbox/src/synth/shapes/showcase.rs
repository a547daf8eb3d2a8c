//! Showcases.

use serde_json::{Value, json};

use super::{metadata, picture, user};
use crate::call::{ResponseView, time};
use crate::protocol::fields::{Object, Selection};
use crate::world::collections::Showcase;

pub(crate) fn showcase(view: &ResponseView<'_>, showcase: &Showcase, selection: &Selection) -> Value {
    let own = view.viewer == Some(showcase.owner);
    let uri = format!("/users/{}/albums/{}", showcase.owner, showcase.id);
    let link = format!("https://vimeo.com/showcase/{}", showcase.id);
    let videos = || showcase.videos.iter().filter_map(|id| view.state.videos.get(id));
    let privacy = match (&showcase.password, own) {
        (Some(password), true) => json!({"view": showcase.privacy, "password": password}),
        _ => json!({"view": showcase.privacy}),
    };
    Object::new(selection)
        .put("uri", uri.as_str())
        .put("name", showcase.name.as_str())
        .put("description", showcase.description.clone())
        .put("link", link.as_str())
        .with("duration", |_| videos().map(|video| video.duration).sum::<u64>().into())
        .put("created_time", time(showcase.created))
        .put("modified_time", time(showcase.modified))
        .with("user", |selection| {
            view.state.users.get(&showcase.owner).map_or(Value::Null, |owner| user::user(view, owner, selection))
        })
        .put("privacy", privacy)
        .with("pictures", |selection| {
            let custom = picture::active(view, &format!("{uri}/custom_thumbnails"), selection);
            let of_video = showcase.thumbnail.and_then(|id| view.state.videos.get(&id)).map(|video| {
                let active = video.pictures.iter().find(|picture| picture.active);
                picture::thumbnail(&format!("/videos/{}", video.id), active, selection)
            });
            custom.or(of_video).unwrap_or_default()
        })
        .put("has_featured_content", showcase.featured.is_some())
        .put("sort", showcase.sort.as_str())
        .put("layout", showcase.layout.as_str())
        .put("theme", showcase.theme.as_str())
        .put("brand_color", showcase.brand_color.clone())
        .with("custom_logo", |selection| {
            picture::active(view, &format!("{uri}/logos"), selection).unwrap_or_default()
        })
        .put("review_mode", showcase.review_mode)
        .put("web_custom_logo", false)
        .put("web_brand_color", false)
        .put("allow_downloads", false)
        .put("allow_continuous_play", true)
        .put("allow_share", true)
        .put("hide_nav", showcase.hide_nav)
        .with("metadata", |_| {
            let own = view.state.videos.values().filter(|video| video.owner == showcase.owner).count();
            let add = |what: &str, method: &str| metadata::place(&format!("{uri}/{what}"), &["GET", method]);
            json!({
                "connections": {
                    "videos": metadata::list(&format!("/albums/{}/videos", showcase.id), &["GET"], showcase.videos.len()),
                    "available_videos": metadata::list(&format!("{uri}/available_videos"), &["GET"], own),
                },
                "interactions": {
                    "add_custom_thumbnails": add("custom_thumbnails", "POST"),
                    "add_logos": add("logos", "POST"),
                    "add_videos": add("videos", "PUT"),
                },
            })
        })
        .put("use_custom_domain", false)
        .put("domain", Value::Null)
        .put("domain_certificate_state", Value::Null)
        .put("url", Value::Null)
        .put("hide_vimeo_logo", Value::Null)
        .put("embed_custom_logo", Value::Null)
        .put("embed_brand_color", Value::Null)
        .put("autoplay", false)
        .put("loop", false)
        .put("roku_provider_name", Value::Null)
        .put("roku_language", Value::Null)
        .put("roku_genres", json!([""]))
        .put("share_link", link.as_str())
        .put("hide_upcoming", showcase.hide_upcoming)
        .put("seo_title", Value::Null)
        .put("seo_description", Value::Null)
        .put("seo_allow_indexed", false)
        .put("seo_keywords", json!([]))
        .put("hide_from_vimeo", showcase.hide_from_vimeo)
        .put("embed", json!({"html": null}))
        .put("resource_key", showcase.resource_key.as_str())
        .build()
}
