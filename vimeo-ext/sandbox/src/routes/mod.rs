//! What each operation does. An operation that is not named here answers 501.

mod oauth;
mod pictures;
mod tags;
mod text_tracks;
mod upload;
mod users;
mod versions;
mod videos;

use std::sync::Arc;

use serde_json::json;

use crate::call::{Answer, Call, Outcome, Request};
use crate::errors::ApiError;
use crate::world::registry::{Cell, Worlds};

/// Does one operation in an open world.
pub(crate) type Handler = fn(&mut Call<'_>) -> Outcome;

/// Finds the world of a request that carries no token, and who answers it there.
pub(crate) type Open = fn(&Worlds, &Request) -> Result<(Arc<Cell>, Handler), ApiError>;

/// What does the operation of this name, one of Vimeo's own.
pub(crate) fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "get_endpoints" => endpoints,
        "verify_token" => oauth::verify,
        "delete_token" => oauth::revoke,
        // Answered without a token; see `without_token`.
        "client_auth" => oauth::client_credentials,
        "exchange_auth_code" => oauth::exchange,
        "authorize_page" => oauth::page,
        "authorize_decision" => oauth::decide,
        "device_code" => oauth::device_code,
        "device_token" => oauth::device_token,
        "device_activate_page" => oauth::activate,
        "device_activate_decision" => oauth::activate_decide,

        "get_user" | "get_user_alt1" => users::get,
        "edit_user" | "edit_user_alt1" => users::edit,
        "search_users" => users::search,
        "get_pictures" | "get_pictures_alt1" => pictures::portraits,
        "create_picture" | "create_picture_alt1" => pictures::create_portrait,
        "get_picture" | "get_picture_alt1" => pictures::portrait,
        "edit_picture" | "edit_picture_alt1" => pictures::edit_portrait,
        "delete_picture" | "delete_picture_alt1" => pictures::delete_portrait,

        "upload_video" | "upload_video_alt1" => upload::create_video,
        "get_videos" | "get_videos_alt1" => videos::list,
        "delete_videos" | "delete_videos_alt1" => videos::delete_many,
        "check_if_user_owns_video" | "check_if_user_owns_video_alt1" => videos::owned,
        "search_videos" => videos::search,
        "get_video" => videos::get,
        "edit_video" => videos::edit,
        "delete_video" => videos::delete,

        "create_video_version" => upload::create_version,
        "get_video_versions" => versions::list,
        "get_video_version" => versions::get,
        "edit_video_version" => versions::edit,
        "delete_video_version" => versions::delete,

        "get_video_thumbnails" => pictures::thumbnails,
        "create_video_thumbnail" => pictures::create_thumbnail,
        "get_video_thumbnail" => pictures::thumbnail,
        "edit_video_thumbnail" => pictures::edit_thumbnail,
        "delete_video_thumbnail" => pictures::delete_thumbnail,

        "get_text_tracks" => text_tracks::list,
        "create_text_track" => text_tracks::create,
        "get_text_track" => text_tracks::get,
        "edit_text_track" => text_tracks::edit,
        "delete_text_track" => text_tracks::delete,

        "get_tag" => tags::get,
        "get_videos_with_tag" => tags::videos,
        "get_video_tags" => tags::of_video,
        "add_video_tags" => tags::add_many,
        "check_video_for_tag" => tags::check,
        "add_video_tag" => tags::add,
        "delete_video_tag" => tags::remove,
        _ => return None,
    })
}

/// The operations that ask for an app's id and secret, or for nothing, rather than for a token.
pub(crate) fn without_token(name: &str) -> Option<Open> {
    match name {
        "client_auth" | "exchange_auth_code" | "device_code" | "device_token" => Some(oauth::open_by_secret),
        "authorize_page" | "authorize_decision" => Some(oauth::open_authorize),
        "device_activate_page" | "device_activate_decision" => Some(oauth::open_activate),
        _ => None,
    }
}

fn endpoints(_: &mut Call<'_>) -> Outcome {
    Ok(Answer::ok("endpoint", json!({"path": "/", "methods": ["GET"]})))
}
