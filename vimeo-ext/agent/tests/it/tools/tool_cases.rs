//! The 31 default tools, each with a call that works and one that fails.

use serde_json::{Value, json};
use vimeo_agent::tools::ErrorKind;

use super::world::{WEBHOOK_URL, World};

/// A tool, arguments that work, a check of the output, arguments that fail, the error's kind, and the invalid argument.
pub(crate) type ToolCase = (&'static str, Value, fn(&Value) -> bool, Value, ErrorKind, Option<&'static str>);

pub(crate) fn tool_cases(world: &World) -> Vec<ToolCase> {
    use ErrorKind::{Conflict, Input, NotFound};
    let [video, second, doomed] = world.videos[..] else { panic!("three videos") };
    let (video, second, doomed) = (video.to_string(), second.to_string(), doomed.to_string());
    let theirs = world.theirs.to_string();
    let stranger = world.stranger.to_string();
    let (showcase, folder) = (world.showcase.to_string(), world.folder.to_string());
    let (channel, webhook) = (world.channel.to_string(), world.webhook.to_string());
    let done: fn(&Value) -> bool = |output| output["done"].is_string();
    let items: fn(&Value) -> bool = |output| !output["items"].as_array().unwrap().is_empty();
    let named: fn(&Value) -> bool =
        |output| output["name"].is_string() && output["uri"].is_string() && output["id"].is_string();
    vec![
        (
            "vimeo_my_videos_list",
            json!({"sort": "date"}),
            items,
            json!({"sort": "size"}),
            Input,
            Some("sort"),
        ),
        ("vimeo_video_get", json!({"video_id": video}), named, json!({"video_id": "9"}), NotFound, None),
        (
            "vimeo_video_edit",
            json!({"video_id": video, "name": "Surf"}),
            |output| output["name"] == "Surf",
            json!({"video_id": video}),
            Input,
            Some("video_id"),
        ),
        (
            "vimeo_video_delete",
            json!({"video_id": doomed, "confirm": "Video 3"}),
            done,
            json!({"video_id": second, "confirm": "Video 1"}),
            Conflict,
            Some("confirm"),
        ),
        ("vimeo_videos_search", json!({"query": "video"}), items, json!({}), Input, Some("query")),
        (
            "vimeo_video_tags_list",
            json!({"video_id": video}),
            |output| output["items"] == json!([]) && output["has_more"] == false,
            json!({"video_id": "9"}),
            NotFound,
            None,
        ),
        (
            "vimeo_user_videos_list",
            json!({"user_id": format!("/users/{}", world.sandbox.user_id())}),
            items,
            json!({"user_id": "surfer!"}),
            Input,
            Some("user_id"),
        ),
        (
            "vimeo_showcase_create",
            json!({"name": "Best of", "privacy": "nobody", "sort": "newest"}),
            named,
            json!({"name": "Best of", "privacy": "password"}),
            Input,
            Some("password"),
        ),
        ("vimeo_showcases_list", json!({}), items, json!({"per_page": 0}), Input, Some("per_page")),
        (
            "vimeo_showcase_video_add",
            json!({"showcase_id": showcase, "video_id": video}),
            done,
            json!({"showcase_id": "9", "video_id": video}),
            NotFound,
            None,
        ),
        (
            "vimeo_showcase_videos_list",
            json!({"showcase_id": showcase}),
            items,
            json!({"showcase_id": "9"}),
            NotFound,
            None,
        ),
        (
            "vimeo_folder_create",
            json!({"name": "Inner", "parent_folder_uri": folder}),
            named,
            json!({"name": "Inner", "parent_folder_uri": "../../videos/1"}),
            Input,
            Some("parent_folder_uri"),
        ),
        ("vimeo_folders_list", json!({"query": "raw"}), items, json!({"query": 5}), Input, Some("query")),
        (
            "vimeo_folder_video_add",
            json!({"folder_id": format!("/me/projects/{folder}"), "video_id": video}),
            done,
            json!({"folder_id": folder, "video_id": "9"}),
            NotFound,
            None,
        ),
        (
            "vimeo_folder_videos_list",
            json!({"folder_id": folder}),
            items,
            json!({"folder_id": "9"}),
            NotFound,
            None,
        ),
        (
            "vimeo_channels_list",
            json!({"which": "moderated"}),
            items,
            json!({"which": "mine"}),
            Input,
            Some("which"),
        ),
        (
            "vimeo_channel_videos_list",
            json!({"channel_id": channel}),
            |output| output["items"].is_array(),
            json!({"channel_id": "no-such-channel"}),
            NotFound,
            None,
        ),
        ("vimeo_me_get", json!({}), named, json!({"user_id": "1"}), Input, Some("user_id")),
        ("vimeo_user_get", json!({"user_id": stranger}), named, json!({"user_id": "9"}), NotFound, None),
        ("vimeo_user_follow", json!({"user_id": stranger}), done, json!({"user_id": "9"}), NotFound, None),
        ("vimeo_following_list", json!({}), items, json!({"sort": "size"}), Input, Some("sort")),
        ("vimeo_video_like", json!({"video_id": theirs}), done, json!({"video_id": "9"}), NotFound, None),
        ("vimeo_liked_videos_list", json!({}), items, json!({"page": -1}), Input, Some("page")),
        (
            "vimeo_video_comment_add",
            json!({"video_id": video, "text": "Fine waves"}),
            |output| output["text"] == "Fine waves",
            json!({"video_id": video, "text": "  "}),
            Input,
            Some("text"),
        ),
        (
            "vimeo_video_comments_list",
            json!({"video_id": video}),
            items,
            json!({"video_id": "9"}),
            NotFound,
            None,
        ),
        ("vimeo_watchlater_add", json!({"video_id": second}), done, json!({"video_id": "9"}), NotFound, None),
        ("vimeo_watchlater_list", json!({}), items, json!({"detail": "all"}), Input, Some("detail")),
        ("vimeo_categories_list", json!({}), items, json!({"cursor": "nonsense"}), Input, Some("cursor")),
        (
            "vimeo_webhook_create",
            json!({"webhook_type": "video-deleted", "webhook_url": "https://example.com/two"}),
            |output| output["webhook_type"] == "video-deleted" && output["enabled"] == true,
            json!({"webhook_type": "video-deleted", "webhook_url": "http://example.com/two"}),
            Input,
            Some("webhook_url"),
        ),
        ("vimeo_webhooks_list", json!({}), items, json!({"app_id": "9"}), NotFound, None),
        (
            "vimeo_webhook_delete",
            json!({"webhook_id": webhook, "confirm": WEBHOOK_URL}),
            done,
            json!({"webhook_id": webhook, "confirm": "https://example.com/other"}),
            NotFound,
            None,
        ),
    ]
}
