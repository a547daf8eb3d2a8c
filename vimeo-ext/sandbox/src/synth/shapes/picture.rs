//! Thumbnails and portraits.

use std::sync::LazyLock;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::call::ResponseView;
use crate::protocol::fields::{Object, Selection};
use crate::protocol::ids;
use crate::protocol::links::Target;
use crate::world::entities::Entity;
use crate::world::video::Picture;

const THUMBNAILS: [(u32, u32); 7] =
    [(100, 75), (200, 150), (295, 166), (640, 360), (960, 540), (1280, 720), (1920, 1080)];
const PORTRAITS: [u32; 9] = [30, 72, 75, 100, 144, 216, 288, 300, 360];

const CDN: &str = "https://i.vimeocdn.com";
const DEFAULT_THUMBNAIL: &str = "https://i.vimeocdn.com/video/default";

/// Renders a video's thumbnail, or the default.
pub(crate) fn thumbnail(owner: &str, picture: Option<&Picture>, selection: &Selection) -> Value {
    let base = match picture {
        Some(picture) => format!("{CDN}/video/{}-{}-d", picture.id, picture.key),
        None => DEFAULT_THUMBNAIL.to_owned(),
    };
    object(owner, picture, &base, selection).with("sizes", |_| thumbnail_sizes(&base)).build()
}

/// Renders a thumbnail that waits for its image, with its upload link.
pub(crate) fn new_thumbnail(
    view: &ResponseView<'_>,
    owner: &str,
    picture: &Picture,
    at: Now,
    selection: &Selection,
) -> Value {
    let base = format!("{CDN}/video/{}-{}-d", picture.id, picture.key);
    object(owner, Some(picture), &base, selection)
        .with("sizes", |_| thumbnail_sizes(&base))
        .with("link", |_| upload_link(view, picture, at))
        .build()
}

/// Renders a picture that is stored as an entity.
pub(crate) fn from_entity(uri: &str, entity: &Entity, selection: &Selection) -> Value {
    let base = format!("{CDN}/video/{}-{}-d", entity.id, ids::digest(&["picture", uri], 64));
    Object::new(selection)
        .put("uri", uri)
        .put("active", entity.set.get("active").cloned().unwrap_or(false.into()))
        .put("type", "custom")
        .put("base_link", base.as_str())
        .put("resource_key", ids::digest(&["key", uri], 40))
        .put("default_picture", false)
        .with("sizes", |_| thumbnail_sizes(&base))
        .build()
}

/// Renders the active picture of the collection at `list`.
pub(crate) fn active(view: &ResponseView<'_>, list: &str, selection: &Selection) -> Option<Value> {
    let is_active = |entity: &&Entity| entity.set.get("active") == Some(&Value::Bool(true));
    let entity = view.state.collections.list(list).iter().find(is_active)?;
    Some(from_entity(&format!("{list}/{}", entity.id), entity, selection))
}

/// Renders a user's portrait, or the default.
pub(crate) fn portrait(owner: &str, picture: Option<&Picture>, selection: &Selection) -> Value {
    let base = portrait_base(picture);
    object(owner, picture, &base, selection).with("sizes", |_| portrait_sizes(&base)).build()
}

/// Renders a portrait that waits for its image, with its upload link.
pub(crate) fn new_portrait(
    view: &ResponseView<'_>,
    owner: &str,
    picture: &Picture,
    at: Now,
    selection: &Selection,
) -> Value {
    let base = portrait_base(Some(picture));
    object(owner, Some(picture), &base, selection)
        .with("sizes", |_| portrait_sizes(&base))
        .with("link", |_| upload_link(view, picture, at))
        .build()
}

type Now = chrono::DateTime<chrono::Utc>;

fn upload_link(view: &ResponseView<'_>, picture: &Picture, at: Now) -> Value {
    let (link, _) = view.state.signed(Target::Picture(picture.id), at);
    Value::String(format!("{}{link}", view.upload_base))
}

fn portrait_base(picture: Option<&Picture>) -> String {
    match picture {
        Some(picture) => format!("{CDN}/portrait/{}", picture.id),
        None => format!("{CDN}/portrait/defaults-blue"),
    }
}

fn object<'a>(owner: &str, picture: Option<&Picture>, base: &str, selection: &'a Selection) -> Object<'a> {
    let uri = picture.map_or(Value::Null, |picture| format!("{owner}/pictures/{}", picture.id).into());
    let key = picture.map_or_else(|| ids::digest(&[base], 40), |picture| picture.resource_key.clone());
    Object::new(selection)
        .put("uri", uri)
        .put("active", picture.is_some_and(|picture| picture.active))
        .put("type", if picture.is_some() { "custom" } else { "default" })
        .put("base_link", base)
        .put("resource_key", key)
        .put("default_picture", picture.is_none())
}

fn thumbnail_sizes(base: &str) -> Value {
    static DEFAULT: LazyLock<Value> = LazyLock::new(|| sizes_of_thumbnail(DEFAULT_THUMBNAIL));
    if base == DEFAULT_THUMBNAIL { DEFAULT.clone() } else { sizes_of_thumbnail(base) }
}

fn sizes_of_thumbnail(base: &str) -> Value {
    let play = utf8_percent_encode("http://f.vimeocdn.com/p/images/crawler_play.png", NON_ALPHANUMERIC);
    let play = play.to_string();
    let encoded_base = utf8_percent_encode(base, NON_ALPHANUMERIC).to_string();
    let size = |(width, height): (u32, u32)| {
        json!({
            "width": width,
            "height": height,
            "link": format!("{base}_{width}x{height}?r=pad"),
            "link_with_play_button":
                format!("{CDN}/filter/overlay?src0={encoded_base}%5F{width}x{height}&src1={play}"),
        })
    };
    Value::Array(THUMBNAILS.into_iter().map(size).collect())
}

fn portrait_sizes(base: &str) -> Value {
    let size = |side: u32| json!({"width": side, "height": side, "link": format!("{base}_{side}x{side}")});
    Value::Array(PORTRAITS.into_iter().map(size).collect())
}
