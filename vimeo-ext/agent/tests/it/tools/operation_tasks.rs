//! Twenty tasks in people's words, written down before the search was tuned, and how each is done.

use serde_json::{Value, json};

use super::world::World;

/// A task: what a person asks for, and what a model makes of the answers of the tools.
pub(crate) struct Task {
    /// What the person asks for, which is what the agent searches for.
    pub(crate) question: &'static str,
    /// The operation that does it.
    pub(crate) wanted: &'static str,
    /// The arguments of each call, without the operation.
    pub(crate) calls: Vec<Value>,
    /// Whether the last result answers the question.
    pub(crate) done: fn(&Value) -> bool,
    /// The calls of named tools that do the same, if there are any.
    pub(crate) named: Vec<(&'static str, Value)>,
}

pub(crate) fn tasks(world: &World, app: &str, comment: u64) -> Vec<Task> {
    let [video, second, third] = world.videos[..] else { panic!("three videos") };
    let (showcase, folder, channel) = (world.showcase, world.folder, world.channel);
    let items: fn(&Value) -> bool = |result| !result["items"].as_array().unwrap().is_empty();
    let is_empty: fn(&Value) -> bool = |result| result["status"] == 204;
    let id = |name: &str, id: u64| json!({name: id});
    let get =
        |calls: Vec<Value>, question, wanted, done, named| Task { question, wanted, calls, done, named };
    vec![
        get(
            vec![
                json!({"fields": "uri,privacy.view,privacy.download", "jq": "[.data[] | select(.privacy.view == \"anybody\" and .privacy.download) | .uri]"}),
            ],
            "which of my videos can everybody download?",
            "list_my_videos",
            |result| result["result"]["values"][0].is_array(),
            vec![("vimeo_my_videos_list", json!({"detail": "full"}))],
        ),
        get(
            vec![
                json!({"parameters": id("video_id", video), "body": {"title": "Start", "timecode": 30}}),
                json!({"parameters": id("video_id", video), "body": {"title": "End", "timecode": 70}}),
            ],
            "put chapters at 0:30 and 1:10",
            "create_video_chapter",
            |result| result["result"]["timecode"] == 70,
            vec![],
        ),
        get(
            vec![json!({"parameters": id("video_id", video)})],
            "who may embed this video?",
            "list_video_embed_domains",
            |result| result["items"].is_array(),
            vec![("vimeo_video_get", json!({"video_id": video}))],
        ),
        get(
            vec![json!({"parameters": id("video_id", video), "body": [{"name": "surf"}, {"name": "waves"}]})],
            "tag the video with surf and waves",
            "add_video_tags",
            |result| result["status"] == 200,
            vec![],
        ),
        get(
            vec![json!({"parameters": id("project_id", folder), "body": {"name": "Raw 2026"}})],
            "rename a folder",
            "edit_my_folder",
            |result| result["result"]["name"] == "Raw 2026",
            vec![],
        ),
        get(
            vec![json!({"parameters": id("video_id", video)})],
            "who liked this video?",
            "list_video_likes",
            |result| result["items"].is_array(),
            vec![],
        ),
        get(
            vec![json!({"fields": "upload_quota.space"})],
            "how much storage quota do I have left?",
            "get_me",
            |result| result["result"]["upload_quota"]["space"].is_object(),
            vec![("vimeo_limits_get", json!({}))],
        ),
        get(
            vec![json!({"body": {"name": "Best of", "privacy": "nobody"}})],
            "create a private showcase called Best of",
            "create_my_showcase",
            |result| result["result"]["name"] == "Best of",
            vec![("vimeo_showcase_create", json!({"name": "Best of", "privacy": "nobody"}))],
        ),
        get(
            vec![
                json!({"parameters": id("project_id", folder), "body": {"uris": format!("/videos/{video},/videos/{second}")}}),
            ],
            "move several videos into a folder",
            "add_my_folder_videos",
            is_empty,
            vec![
                ("vimeo_folder_video_add", json!({"folder_id": folder, "video_id": video})),
                ("vimeo_folder_video_add", json!({"folder_id": folder, "video_id": second})),
            ],
        ),
        get(
            vec![json!({"parameters": {"follow_user_id": world.stranger}})],
            "follow a user",
            "follow_user_as_me",
            is_empty,
            vec![("vimeo_user_follow", json!({"user_id": world.stranger}))],
        ),
        get(
            vec![json!({"parameters": id("video_id", video), "body": {"time": 5, "active": true}})],
            "make a thumbnail of the video at second 5",
            "create_video_thumbnail",
            |result| result["result"]["active"] == true,
            vec![],
        ),
        get(
            vec![json!({"parameters": {"app_id": app}})],
            "which webhooks does the app have?",
            "list_app_webhooks",
            items,
            vec![("vimeo_webhooks_list", json!({}))],
        ),
        get(
            vec![json!({"parameters": {"video_id": video, "comment_id": comment}, "confirm": "Spam"})],
            "delete a comment on my video",
            "delete_video_comment",
            is_empty,
            vec![],
        ),
        get(
            vec![
                json!({"parameters": {"sort": "plays", "direction": "desc"}, "fields": "name,stats.plays", "jq": "[.data[] | {name, plays: .stats.plays}] | .[:3]"}),
            ],
            "which of my videos have the most plays?",
            "list_my_videos",
            |result| result["result"]["values"][0][0]["name"].is_string(),
            vec![("vimeo_my_videos_list", json!({"sort": "plays", "direction": "desc", "detail": "full"}))],
        ),
        get(
            vec![json!({"parameters": {"filter": "moderated"}})],
            "which channels do I moderate?",
            "list_my_channels",
            items,
            vec![("vimeo_channels_list", json!({"which": "moderated"}))],
        ),
        get(
            vec![json!({"parameters": id("video_id", video)})],
            "which languages does the video have subtitles in?",
            "list_video_text_tracks",
            |result| result["items"].is_array(),
            vec![("vimeo_text_tracks_list", json!({"video_id": video}))],
        ),
        get(
            vec![
                json!({"parameters": id("album_id", showcase), "body": {"videos": format!("/videos/{video},/videos/{third}")}}),
            ],
            "replace all the videos in a showcase",
            "replace_my_showcase_videos",
            |result| result["status"] == 201 || result["status"] == 200 || result["status"] == 204,
            vec![],
        ),
        get(
            vec![json!({"parameters": id("channel_id", channel), "body": {"tag": ["surf"]}})],
            "add the tag surf to a channel",
            "add_channel_tags",
            |result| result["status"] == 204 || result["status"] == 200,
            vec![],
        ),
        get(
            vec![json!({"fields": "uri,title"})],
            "list my live events",
            "list_my_live_events",
            |result| result["items"].is_array(),
            vec![],
        ),
        get(
            vec![json!({"parameters": {"query": "video", "per_page": 3}})],
            "search public videos for a word",
            "search_videos",
            items,
            vec![("vimeo_videos_search", json!({"query": "video", "per_page": 3}))],
        ),
    ]
}
