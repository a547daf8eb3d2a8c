//! Arguments as clients send them: as text, as numbers, and under the names that other tools use.

use serde_json::{Value, json};
use vimeo_agent::tools::{ErrorKind, ToolSelection, Tools, Toolset, Uploads};
use vimeo_sandbox::{Quota, Sandbox};

use super::world::{World, client};

/// All tools, including those that are not offered by default.
fn with_all_toolsets(tools: &Tools) -> Tools {
    tools.clone().selection(ToolSelection { toolsets: Toolset::ALL.to_vec(), ..ToolSelection::default() })
}

/// The requests that were sent: method and path.
fn sent_requests(world: &World) -> Vec<String> {
    let log = world.sandbox.request_log();
    log.iter().map(|entry| format!("{} {}", entry.method, entry.path)).collect()
}

#[tokio::test]
async fn text_arguments_are_converted() {
    let world = World::new().await;
    let video = world.videos[0];
    let page = world.call("vimeo_my_videos_list", json!({"per_page": "2", "page": "2"})).await.unwrap();
    assert_eq!(page.value()["items"].as_array().unwrap().len(), 1);
    let query = world.sandbox.request_log()[0].query.clone();
    assert!(query.contains("per_page=2&page=2"), "{query}");
    let got = world.call("vimeo_video_get", json!({"video_id": video})).await.unwrap();
    assert_eq!(got.value()["id"], video.to_string());
    // The whole arguments object as text.
    let text = json!({"video_id": video, "privacy_download": "true", "name": "7"}).to_string();
    let edited = world.call("vimeo_video_edit", json!(text)).await.unwrap();
    assert_eq!(
        (&edited.value()["name"], &edited.value()["privacy"]["download"]),
        (&json!("7"), &json!(true))
    );
    let list = json!({"video_id": video, "privacy_embed": "whitelist", "embed_domains": "[\"example.com\"]"});
    world.call("vimeo_video_edit", list).await.unwrap();
    let domains = format!("/videos/{video}/privacy/domains");
    let domains = world.vimeo().get(&domains).fields("domain").send().await.unwrap();
    assert_eq!(domains["data"], json!([{"domain": "example.com"}]));

    world.sandbox.clear_request_log();
    for (tool, arguments, field) in [
        ("vimeo_my_videos_list", json!({"per_page": "12px"}), "per_page"),
        ("vimeo_my_videos_list", json!({"per_page": ""}), "per_page"),
        ("vimeo_my_videos_list", json!({"per_page": "1e2"}), "per_page"),
        ("vimeo_video_edit", json!({"video_id": video, "privacy_download": "yes"}), "privacy_download"),
        ("vimeo_video_edit", json!({"video_id": video, "privacy_download": 1}), "privacy_download"),
        ("vimeo_video_get", json!({"video_id": -1}), "video_id"),
        ("vimeo_video_get", json!("{\"video_id\": 1"), "arguments"),
        ("vimeo_video_get", json!([video]), "arguments"),
    ] {
        let error = world.call(tool, arguments.clone()).await.unwrap_err();
        let got = (error.kind, error.field.as_deref());
        assert_eq!(got, (ErrorKind::Input, Some(field)), "{tool} {arguments}: {error:?}");
    }
    assert_eq!(sent_requests(&world), Vec::<String>::new());
}

/// Arguments that the guide of another connector lists but does not show in its examples.
#[tokio::test]
async fn rarer_arguments_of_another_connector_work_unchanged() {
    let world = World::new().await;
    let video = world.videos[0].to_string();
    let create = json!({
        "name": "Board", "description": "Private.", "privacy": "password", "password": "open sesame",
        "sort": "added_first", "hide_nav": true, "review_mode": "false",
    });
    let created = world.call("vimeo_showcase_create", create).await.unwrap();
    let uri = created.value()["uri"].as_str().unwrap().to_owned();
    let album = uri.rsplit('/').next().unwrap();
    let add = json!({"album_id": album, "video_id": video});
    world.call("vimeo_showcase_video_add", add).await.unwrap();
    let stored = world.vimeo().get(&uri).fields("hide_nav,sort,privacy.view").send().await.unwrap();
    assert_eq!(*stored, json!({"hide_nav": true, "sort": "added_first", "privacy": {"view": "password"}}));
    world.call("vimeo_user_follow", json!({"follow_user_id": world.stranger})).await.unwrap();

    world.sandbox.clear_request_log();
    let none = json!({"url": "https://example.com/events", "event_types": ["video.comment.add"]});
    let none = world.call("vimeo_webhook_create", none).await.unwrap_err();
    assert_eq!((none.kind, none.field.as_deref()), (ErrorKind::Input, Some("event_types")), "{none:?}");
    assert!(none.message.contains("Vimeo has no event video.comment.add; nothing was registered."), "{none}");
    assert!(none.message.contains("Vimeo sends no event for comments"), "{none}");
    assert!(none.next_step.contains("video-created"), "{none}");
    let both = json!({"url": "https://example.com/events", "event_types": ["video-deleted"], "webhook_type": "video-deleted"});
    assert!(world.call("vimeo_webhook_create", both).await.is_err());
    assert_eq!(world.requests("POST"), 0);
}

/// Every argument that the connector's tools have, with a known value for each enum.
#[tokio::test]
async fn every_argument_of_the_connector_is_accepted() {
    let world = World::new().await;
    let video = world.videos[0].to_string();
    let page = |more: Value| {
        let mut arguments = json!({"page": 1, "per_page": 5});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    let channel = world.channel.to_string();
    let (folder, showcase) = (world.folder.to_string(), world.showcase.to_string());
    let user = world.stranger.to_string();
    let calls = [
        ("vimeo_categories_list", page(json!({"sort": "name", "direction": "asc"}))),
        (
            "vimeo_channel_videos_list",
            page(
                json!({"channel_id": channel, "sort": "date", "direction": "asc", "filter": "embeddable", "query": "a"}),
            ),
        ),
        (
            "vimeo_channels_list",
            page(json!({"filter": "featured", "sort": "date", "direction": "asc", "query": "a"})),
        ),
        ("vimeo_channels_list", page(json!({"filter": "moderated"}))),
        (
            "vimeo_folder_videos_list",
            page(json!({"folder_id": folder, "sort": "date", "direction": "asc", "query": "a"})),
        ),
        ("vimeo_folders_list", page(json!({"sort": "date", "direction": "asc", "query": "a"}))),
        (
            "vimeo_following_list",
            page(json!({"filter": "online", "sort": "date", "direction": "asc", "query": "a"})),
        ),
        (
            "vimeo_liked_videos_list",
            page(json!({"filter": "embeddable", "sort": "date", "direction": "asc"})),
        ),
        (
            "vimeo_my_videos_list",
            page(json!({
                "containing_uri": format!("/videos/{video}"), "filter": "playable", "sort": "date",
                "direction": "asc", "query": "video",
            })),
        ),
        (
            "vimeo_showcase_videos_list",
            page(json!({"album_id": showcase, "sort": "date", "direction": "asc"})),
        ),
        ("vimeo_showcases_list", page(json!({"sort": "date", "direction": "asc", "query": "a"}))),
        (
            "vimeo_user_videos_list",
            page(
                json!({"user_id": user, "filter": "embeddable", "sort": "date", "direction": "asc", "query": "a"}),
            ),
        ),
        ("vimeo_video_comments_list", page(json!({"video_id": video, "direction": "asc"}))),
        (
            "vimeo_video_edit",
            json!({
                "video_id": video, "content_rating": "safe", "license": "by", "privacy_add": "true",
                "privacy_comments": "nobody",
            }),
        ),
        (
            "vimeo_videos_search",
            page(json!({"query": "video", "filter": "CC", "sort": "date", "direction": "asc"})),
        ),
        ("vimeo_watchlater_list", page(json!({"filter": "embeddable", "sort": "date", "direction": "asc"}))),
        ("vimeo_webhooks_list", page(json!({}))),
    ];
    for (tool, arguments) in calls {
        let output = world.call(tool, arguments.clone()).await;
        assert!(output.is_ok(), "{tool} {arguments}: {output:?}");
    }
}

/// Requests keep the owner, hash and name of an ID.
#[tokio::test]
async fn ids_keep_owner_hash_and_name() {
    let mut world = World::new().await;
    world.tools = with_all_toolsets(&world.tools);
    let hashed = "76979871:a1b2c3d4e5";
    let link = "https://vimeo.com/76979871/a1b2c3d4e5";
    let cases = [
        (
            "vimeo_folder_videos_list",
            json!({"folder_id": "https://vimeo.com/user/7/folder/9"}),
            "GET /users/7/projects/9/videos",
        ),
        ("vimeo_folder_videos_list", json!({"folder_id": "9"}), "GET /me/projects/9/videos"),
        (
            "vimeo_folder_video_add",
            json!({"folder_id": "/users/7/projects/9", "video_id": link}),
            "PUT /users/7/projects/9/videos/76979871:a1b2c3d4e5",
        ),
        (
            "vimeo_folder_delete",
            json!({"folder_id": "/users/7/projects/9", "confirm": "x"}),
            "GET /users/7/projects/9",
        ),
        (
            "vimeo_showcase_videos_list",
            json!({"showcase_id": "/users/7/albums/5"}),
            "GET /users/7/albums/5/videos",
        ),
        (
            "vimeo_showcase_video_add",
            json!({"showcase_id": "/users/surfer/albums/5", "video_id": hashed}),
            "PUT /users/surfer/albums/5/videos/76979871:a1b2c3d4e5",
        ),
        (
            "vimeo_showcase_video_add",
            json!({"showcase_id": 5, "video_id": hashed}),
            "PUT /me/albums/5/videos/76979871:a1b2c3d4e5",
        ),
        (
            "vimeo_showcase_video_remove",
            json!({"showcase_id": "/users/7/albums/5", "video_id": hashed}),
            "DELETE /users/7/albums/5/videos/76979871:a1b2c3d4e5",
        ),
        (
            "vimeo_showcase_delete",
            json!({"showcase_id": "/users/7/albums/5", "confirm": "x"}),
            "GET /users/7/albums/5",
        ),
        ("vimeo_video_like", json!({"video_id": link}), "PUT /me/likes/76979871:a1b2c3d4e5"),
        ("vimeo_watchlater_add", json!({"video_id": link}), "PUT /me/watchlater/76979871:a1b2c3d4e5"),
        ("vimeo_video_tags_list", json!({"video_id": link}), "GET /videos/76979871:a1b2c3d4e5/tags"),
        ("vimeo_video_comments_list", json!({"video_id": link}), "GET /videos/76979871:a1b2c3d4e5/comments"),
        (
            "vimeo_video_comment_add",
            json!({"video_id": link, "text": "x"}),
            "POST /videos/76979871:a1b2c3d4e5/comments",
        ),
        ("vimeo_video_edit", json!({"video_id": link, "name": "x"}), "PATCH /videos/76979871:a1b2c3d4e5"),
        ("vimeo_text_tracks_list", json!({"video_id": link}), "GET /videos/76979871:a1b2c3d4e5/texttracks"),
        (
            "vimeo_text_track_add",
            json!({"video_id": link, "kind": "captions", "language": "en", "content": "WEBVTT"}),
            "POST /videos/76979871:a1b2c3d4e5/texttracks",
        ),
        (
            "vimeo_video_transcript_get",
            json!({"video_id": link}),
            "GET /videos/76979871:a1b2c3d4e5/texttracks",
        ),
        ("vimeo_video_versions_list", json!({"video_id": link}), "GET /videos/76979871:a1b2c3d4e5/versions"),
        ("vimeo_user_get", json!({"user_id": "https://vimeo.com/surfer"}), "GET /users/surfer"),
        ("vimeo_user_get", json!({"user_id": "surfer"}), "GET /users/surfer"),
        ("vimeo_user_videos_list", json!({"user_id": "surfer"}), "GET /users/surfer/videos"),
        ("vimeo_user_follow", json!({"user_id": "surfer"}), "PUT /me/following/surfer"),
        (
            "vimeo_channel_videos_list",
            json!({"channel_id": "surf-channel"}),
            "GET /channels/surf-channel/videos",
        ),
        // The path of a video page is not a hash.
        (
            "vimeo_video_get",
            json!({"video_id": "https://vimeo.com/manage/videos/76979871/download"}),
            "GET /videos/76979871",
        ),
        (
            "vimeo_video_get",
            json!({"video_id": "https://vimeo.com/76979871/settings"}),
            "GET /videos/76979871",
        ),
        (
            "vimeo_showcase_videos_list",
            json!({"showcase_id": "https://vimeo.com/showcase/5/embed2"}),
            "GET /me/albums/5/videos",
        ),
        (
            "vimeo_video_get",
            json!({"video_id": "https://player.vimeo.com/video/1/abcdef0123"}),
            "GET /videos/1:abcdef0123",
        ),
        (
            "vimeo_video_get",
            json!({"video_id": "https://vimeo.com/video/1?h=abcdef0123"}),
            "GET /videos/1:abcdef0123",
        ),
    ];
    for (tool, arguments, request) in cases {
        world.sandbox.clear_request_log();
        // None of these exist; only the request matters.
        let _ = world.call(tool, arguments.clone()).await;
        assert_eq!(sent_requests(&world).first().map(String::as_str), Some(request), "{tool} {arguments}");
    }
    let parent = json!({"name": "Inner", "parent_folder_uri": world.folder});
    let inner = world.call("vimeo_folder_create", parent).await.unwrap();
    assert_eq!(inner.value()["parent_id"], world.folder.to_string());
}

#[tokio::test]
async fn moving_into_a_folder_needs_the_operations_scope() {
    let world = World::new().await;
    let add = json!({"folder_id": world.folder, "video_id": world.videos[0]});
    let token = world.sandbox.issue_token("public private interact");
    let narrow = Tools::for_account(client(&world.sandbox, &token));
    narrow.fetch_scopes().await.unwrap();
    narrow.call("vimeo_folder_video_add", add.clone()).await.unwrap();
    let token = world.sandbox.issue_token("public private edit");
    let other = Tools::for_account(client(&world.sandbox, &token));
    other.fetch_scopes().await.unwrap();
    let error = other.call("vimeo_folder_video_add", add).await.unwrap_err();
    assert_eq!((error.kind, error.needed_scopes), (ErrorKind::Scope, vec!["interact".to_owned()]));
}

#[tokio::test]
async fn limits_name_their_unit() {
    let sandbox = Sandbox::builder().quota(Quota::videos(25, 2)).start().await.unwrap();
    sandbox.add_videos(1);
    let tools = with_all_toolsets(&Tools::for_account(client(&sandbox, sandbox.token())));
    let limits = tools.call("vimeo_limits_get", json!({})).await.unwrap();
    let limits = limits.value();
    assert_eq!((&limits["space_free"], &limits["space_max"]), (&json!(1), &json!(2)), "{limits}");
    assert_eq!((&limits["lifetime_free"], &limits["lifetime_max"]), (&json!(24), &json!(25)), "{limits}");
    for unit in ["space_unit", "period_unit", "lifetime_unit"] {
        assert_eq!(limits[unit], "videos", "{limits}");
    }
    let query = sandbox.request_log().last().unwrap().query.clone();
    assert!(query.starts_with("fields=upload_quota.space.free%2C"), "{query}");

    let sandbox = Sandbox::start().await.unwrap();
    let tools = with_all_toolsets(&Tools::for_account(client(&sandbox, sandbox.token())));
    let limits = tools.call("vimeo_limits_get", json!({})).await.unwrap();
    assert_eq!(limits.value()["space_unit"], "bytes", "{}", limits.value());
}

#[tokio::test]
async fn an_upload_over_quota_reports_the_usage() {
    let sandbox = Sandbox::builder().quota(Quota::videos(1, 1)).start().await.unwrap();
    sandbox.add_videos(1);
    let folder = tempfile::tempdir().unwrap();
    let film = folder.path().join("film.mp4");
    std::fs::write(&film, vec![7; 1_000]).unwrap();
    let tools = with_all_toolsets(&Tools::for_account(client(&sandbox, sandbox.token())));
    let tools = tools.uploads(Uploads::from_folders([folder.path()]));
    let arguments = json!({"path": film, "privacy_view": "nobody"});
    let error = tools.call("vimeo_video_upload", arguments).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Plan, "{error:?}");
    assert!(error.message.ends_with("1 of 1 videos are used."), "{error}");
}
