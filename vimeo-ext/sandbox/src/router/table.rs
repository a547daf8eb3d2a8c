//! Maps operations to handlers.

use std::collections::HashMap;
use std::sync::LazyLock;

use http::Method;

use crate::catalog::{self, Operation};
use crate::handlers::{
    self, Handler, WorldOpener, ai, categories, channels, collections, comments, described, duplicates,
    folders, groups, live, membership, moderators, oauth, pictures, privacy, reference, relations, showcases,
    tags, text_tracks, upload, users, versions, videos, webhooks,
};

/// The handler of an operation; `None` if the sandbox does not implement it.
pub(super) fn handler(operation: &Operation) -> Option<Handler> {
    static HANDLERS: LazyLock<HashMap<&'static str, Handler>> = LazyLock::new(|| {
        catalog::all().filter_map(|operation| Some((operation.name, choose(operation)?))).collect()
    });
    HANDLERS.get(operation.name).copied()
}

fn choose(operation: &Operation) -> Option<Handler> {
    let by_rules = by_name(operation.name)
        .or_else(|| operation.member.map(|member| collections::handler_for(member.action)));
    // Reads can be generated from the API description; a write without state must not appear to succeed.
    by_rules.or_else(|| (operation.method == Method::GET).then_some(described::get as Handler))
}

/// Operations with a specific handler.
fn by_name(name: &str) -> Option<Handler> {
    Some(match name {
        "get_endpoints" => handlers::endpoints,
        "verify_token" => oauth::verify,
        "delete_token" => oauth::revoke,
        // Handled without a token; see `without_token`.
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
        "get_video_versions" | "get_video_versions_alt1" => versions::list,
        "get_video_version" => versions::get,
        "edit_video_version" => versions::edit,
        "delete_video_version" => versions::delete,

        "get_video_thumbnails" | "get_video_thumbnails_alt1" => pictures::thumbnails,
        "create_video_thumbnail" | "create_video_thumbnail_alt1" => pictures::create_thumbnail,
        "get_video_thumbnail" => pictures::thumbnail,
        "edit_video_thumbnail" => pictures::edit_thumbnail,
        "delete_video_thumbnail" => pictures::delete_thumbnail,

        "get_text_tracks" | "get_text_tracks_alt1" | "get_text_tracks_alt2" | "get_text_tracks_alt3" => {
            text_tracks::list
        }
        "create_text_track" | "create_text_track_alt1" => text_tracks::create,
        "get_text_track" => text_tracks::get,
        "edit_text_track" => text_tracks::edit,
        "delete_text_track" => text_tracks::delete,
        "get_transcript" => text_tracks::transcript,

        "start_ai_transcribe" => ai::start_transcription,
        "start_ai_translate_subtitles" => ai::start_subtitles,
        "start_ai_translate_dubbing" => ai::start_dubbing,
        "get_ai_transcribe_status" => ai::transcription,
        "get_ai_translate_subtitles_status" => ai::subtitles,
        "get_ai_translate_dubbing_status" => ai::dubbings,
        "get_ai_metadata" => ai::metadata,

        "get_tag" => tags::get,
        "get_videos_with_tag" => tags::videos,
        "get_video_tags" => tags::of_video,
        "add_video_tags" => tags::add_many,
        "check_video_for_tag" => tags::check,
        "add_video_tag" => tags::add,
        "delete_video_tag" => tags::remove,

        "get_likes" | "get_likes_alt1" => relations::likes,
        "get_video_likes" | "get_video_likes_alt1" => relations::likers,
        "check_if_user_liked_video" | "check_if_user_liked_video_alt1" => relations::check_like,
        "like_video" | "like_video_alt1" => relations::like,
        "unlike_video" | "unlike_video_alt1" => relations::unlike,
        "get_watch_later_queue" | "get_watch_later_queue_alt1" => relations::watch_later,
        "check_watch_later_queue" | "check_watch_later_queue_alt1" => relations::check_watch_later,
        "add_video_to_watch_later" | "add_video_to_watch_later_alt1" => relations::add_to_watch_later,
        "delete_video_from_watch_later" | "delete_video_from_watch_later_alt1" => {
            relations::remove_from_watch_later
        }
        "get_user_following" | "get_user_following_alt1" => relations::following,
        "get_followers" | "get_followers_alt1" => relations::followers,
        "check_if_user_is_following" | "check_if_user_is_following_alt1" => relations::check_following,
        "follow_user" | "follow_user_alt1" => relations::follow,
        "follow_users" | "follow_users_alt1" => relations::follow_many,
        "unfollow_user" | "unfollow_user_alt1" => relations::unfollow,

        "get_comments" | "get_comments_alt1" => comments::list,
        "create_comment" | "create_comment_alt1" => comments::create,
        "get_comment" => comments::get,
        "edit_comment" => comments::edit,
        "delete_comment" => comments::delete,
        "get_comment_replies" => comments::replies,
        "create_comment_reply" => comments::reply,

        "get_projects" | "get_projects_alt1" => folders::list,
        "create_project" | "create_project_alt1" => folders::create,
        "get_project" | "get_project_alt1" => folders::get,
        "edit_project" | "edit_project_alt1" => folders::edit,
        "delete_project" | "delete_project_alt1" => folders::delete,
        "get_project_videos" | "get_project_videos_alt1" => folders::videos,
        "get_folder_items" | "get_folder_items2" => folders::items,
        "add_videos_to_project"
        | "add_videos_to_project_alt1"
        | "add_video_to_project"
        | "add_video_to_project_alt1" => folders::add,
        "remove_videos_from_project"
        | "remove_videos_from_project_alt1"
        | "remove_video_from_project"
        | "remove_video_from_project_alt1" => folders::remove,

        "get_showcases" | "get_showcases_alt1" => showcases::list,
        "create_showcase" | "create_showcase_alt1" => showcases::create,
        "get_showcase" | "get_showcase_alt2" => showcases::get,
        "edit_showcase" | "edit_showcase_alt2" => showcases::edit,
        "delete_showcase" | "delete_showcase_alt2" => showcases::delete,
        "get_showcase_videos" | "get_showcase_videos_alt2" => showcases::videos,
        "get_showcase_video" | "get_showcase_video_alt2" => showcases::video,
        "add_video_to_showcase" | "add_video_to_showcase_alt2" => showcases::add_video,
        "remove_video_from_showcase" | "remove_video_from_showcase_alt2" => showcases::remove_video,
        "replace_videos_in_showcase" | "replace_videos_in_showcase_alt2" => showcases::replace_videos,

        "get_channels" => channels::list,
        "get_channel_subscriptions" | "get_channel_subscriptions_alt1" => channels::of_user,
        "create_channel" => channels::create,
        "get_channel" => channels::get,
        "edit_channel" => channels::edit,
        "delete_channel" => channels::delete,
        "get_channel_videos" => channels::videos,
        "get_channel_video" => channels::video,
        "add_video_to_channel" => channels::add_video,
        "add_videos_to_channel" => channels::add_videos,
        "delete_video_from_channel" => channels::remove_video,
        "remove_videos_from_channel" => channels::remove_videos,
        "get_channel_subscribers" => channels::followers,
        "check_if_user_subscribed_to_channel" | "check_if_user_subscribed_to_channel_alt1" => channels::check,
        "subscribe_to_channel" | "subscribe_to_channel_alt1" => channels::subscribe,
        "unsubscribe_from_channel" | "unsubscribe_from_channel_alt1" => channels::unsubscribe,

        "get_channel_moderators" => moderators::list,
        "get_channel_moderator" => moderators::get,
        "add_channel_moderator" => moderators::add,
        "add_channel_moderators" => moderators::add_many,
        "replace_channel_moderators" => moderators::replace,
        "remove_channel_moderator" => moderators::remove,
        "remove_channel_moderators" => moderators::remove_many,

        "get_categories" => categories::list,
        "get_category" => categories::get,
        "get_category_videos" => categories::videos,

        "get_video_privacy_domains" => privacy::domains,
        "add_video_privacy_domain" => privacy::add_domain,
        "delete_video_privacy_domain" => privacy::remove_domain,

        "activate_live_event" | "activate_live_event_alt1" | "activate_live_event_alt2" => live::activate,
        "end_live_event" | "end_live_event_alt1" | "end_live_event_alt2" => live::end,

        "copy_video" | "copy_video_alt2" => duplicates::video,
        "copy_showcase" | "copy_showcase_alt2" => duplicates::showcase,
        "get_video_albums" => membership::showcases_of,
        "get_available_video_showcases" => membership::showcases_for,
        "get_available_video_channels" => membership::channels_for,
        "get_available_showcase_videos" => membership::videos_for_showcase,
        "add_or_remove_multiple_albums" => membership::edit_showcases,
        "set_video_as_showcase_thumbnail" | "set_video_as_showcase_thumbnail_alt2" => {
            membership::set_thumbnail
        }
        "set_video_as_showcase_featured" | "set_video_as_showcase_featured_alt2" => membership::set_featured,
        "delete_folder_items_alt1" => folders::remove_items,

        "get_group_members" => groups::users,

        "get_languages" => reference::languages,
        "get_content_ratings" => reference::content_ratings,
        "get_cc_licenses" => reference::licences,

        "get_webhooks" => webhooks::list,
        "add_webhook" => webhooks::create,
        "get_webhook" => webhooks::get,
        "update_webhook" => webhooks::edit,
        "delete_webhook" => webhooks::delete,
        _ => return None,
    })
}

/// Operations that take an app's credentials, or none, instead of a token.
pub(crate) fn without_token(name: &str) -> Option<WorldOpener> {
    match name {
        "client_auth" | "exchange_auth_code" | "device_code" | "device_token" => {
            Some(oauth::open_by_credentials)
        }
        "authorize_page" | "authorize_decision" => Some(oauth::open_authorize),
        "device_activate_page" | "device_activate_decision" => Some(oauth::open_activate),
        _ => None,
    }
}
