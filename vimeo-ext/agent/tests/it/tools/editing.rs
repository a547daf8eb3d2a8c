//! The tools of the toolsets `edit` and `stats`, and others: each with a call that works and one that fails.

use serde_json::{Value, json};
use vimeo_agent::tools::{self, ErrorKind, Tools, Toolset};

use super::every_tool::{check, print_header};
use super::tool_cases::ToolCase;
use super::world::{World, id_of};

const ALL: [Toolset; 4] = [Toolset::Edit, Toolset::Stats, Toolset::Uploads, Toolset::More];

async fn cases(world: &World) -> Vec<ToolCase> {
    use ErrorKind::{Input, NotFound};
    let [video, second, _] = world.videos[..] else { panic!("three videos") };
    let (showcase, folder) = (world.showcase, world.folder);
    let vimeo = world.vimeo();
    let comments = format!("/videos/{video}/comments");
    let comment = vimeo.post(&comments).json(&json!({"text": "First"})).send().await.unwrap();
    let comment = id_of(&comment);
    let track = json!({"type": "captions", "language": "en", "name": "English"});
    let track = vimeo.post(&format!("/videos/{video}/texttracks")).json(&track).send().await.unwrap();
    let track = id_of(&track);
    let done: fn(&Value) -> bool = |output| output["done"].is_string();
    let range = |from: &str, to: &str| json!({"dimension": "total", "from": from, "to": to});
    vec![
        (
            "vimeo_analytics_list",
            range("2026-01-01", "2026-01-31"),
            |output| output["items"].is_array(),
            range("2026-01-31", "2026-01-01"),
            Input,
            Some("to"),
        ),
        (
            "vimeo_video_comment_edit",
            json!({"video_id": video, "comment_id": comment, "text": "Second"}),
            |output| output["text"] == "Second",
            json!({"video_id": video, "comment_id": 9, "text": "Second"}),
            NotFound,
            None,
        ),
        (
            "vimeo_video_comment_delete",
            json!({"video_id": video, "comment_id": comment, "confirm": "Second"}),
            done,
            json!({"video_id": video, "comment_id": comment, "confirm": "Second"}),
            NotFound,
            None,
        ),
        (
            "vimeo_showcase_edit",
            json!({"showcase_id": showcase, "name": "Best of", "sort": "alphabetical"}),
            |output| output["name"] == "Best of",
            json!({"showcase_id": showcase}),
            Input,
            Some("showcase_id"),
        ),
        (
            "vimeo_folder_edit",
            json!({"folder_id": folder, "name": "Raw 2026"}),
            |output| output["name"] == "Raw 2026",
            json!({"folder_id": folder, "name": " "}),
            Input,
            Some("name"),
        ),
        (
            "vimeo_folder_videos_add",
            json!({"folder_id": folder, "video_ids": [video, second]}),
            done,
            json!({"folder_id": folder, "video_ids": []}),
            Input,
            Some("video_ids"),
        ),
        (
            "vimeo_folder_videos_remove",
            json!({"folder_id": folder, "video_ids": [video]}),
            done,
            json!({"folder_id": 9, "video_ids": [video]}),
            NotFound,
            None,
        ),
        (
            "vimeo_text_track_edit",
            json!({"video_id": video, "text_track_id": track, "name": "English (US)"}),
            |output| output["name"] == "English (US)" && output["language"] == "en",
            json!({"video_id": video, "text_track_id": track}),
            Input,
            Some("text_track_id"),
        ),
        (
            "vimeo_video_pull",
            json!({"url": "https://example.com/film.mp4", "name": "Pulled", "privacy_view": "nobody"}),
            |output| output["uri"].as_str().unwrap().starts_with("/videos/"),
            json!({"url": "file:///etc/passwd"}),
            Input,
            Some("url"),
        ),
        (
            "vimeo_showcase_delete",
            json!({"showcase_id": showcase, "confirm": "Best of"}),
            done,
            json!({"showcase_id": showcase, "confirm": "Best of"}),
            NotFound,
            None,
        ),
        (
            "vimeo_folder_delete",
            json!({"folder_id": folder, "confirm": "Raw 2026"}),
            done,
            json!({"folder_id": folder, "confirm": "Raw 2026"}),
            NotFound,
            None,
        ),
    ]
}

#[tokio::test]
async fn every_editing_tool_works_and_explains_its_errors() {
    let world = World::new().await.with_toolsets(&ALL);
    let cases = cases(&world).await;
    let missing: Vec<&str> = tools::all()
        .iter()
        .map(tools::Definition::spec)
        .filter(|spec| matches!(spec.toolset, Toolset::Edit | Toolset::Stats))
        .filter(|spec| !cases.iter().any(|case| case.0 == spec.name))
        .map(|spec| spec.name)
        .collect();
    // The tests of the player have this one.
    assert_eq!(missing, ["vimeo_video_tags_set"]);
    print_header();
    for case in cases {
        check(&world, case).await;
    }
}

#[tokio::test]
async fn many_videos_move_with_one_request() {
    let world = World::new().await.with_toolsets(&[Toolset::Edit, Toolset::Library]);
    let mut videos = world.sandbox.add_videos(100);
    let arguments = json!({"folder_id": world.folder, "video_ids": videos});
    world.call("vimeo_folder_videos_add", arguments.clone()).await.unwrap();
    assert_eq!(world.requests("PUT"), 1);
    let listed =
        world.call("vimeo_folder_videos_list", json!({"folder_id": world.folder, "per_page": 1})).await;
    assert_eq!(listed.unwrap()["total"], 100);
    world.call("vimeo_folder_videos_remove", arguments).await.unwrap();
    let listed = world.call("vimeo_folder_videos_list", json!({"folder_id": world.folder})).await.unwrap();
    assert_eq!(listed["items"], json!([]));
    videos.push(world.videos[0]);
    let many = json!({"folder_id": world.folder, "video_ids": videos});
    let error = world.call("vimeo_folder_videos_add", many).await.unwrap_err();
    assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Input, Some("video_ids")));
    assert_eq!(world.requests("PUT"), 1);
}

#[tokio::test]
async fn editing_tools_that_disclose_need_approval() {
    let world = World::new().await;
    let tools = Tools::for_account(world.vimeo().clone()).selection(World::selection_of(&ALL));
    let (video, showcase) = (world.videos[0], world.showcase);
    let signed = "https://example.com/film.mp4?sig=s3cret";
    for (tool, arguments) in [
        ("vimeo_showcase_edit", json!({"showcase_id": showcase, "privacy": "anybody"})),
        ("vimeo_video_comment_edit", json!({"video_id": video, "comment_id": 1, "text": "Hello"})),
        ("vimeo_video_pull", json!({"url": signed})),
    ] {
        let error = tools.call(tool, arguments).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Approval, "{tool}: {error:?}");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
    assert!(world.sandbox.request_log().is_empty(), "nothing is sent before the approval");
    let hidden = json!({"url": signed, "privacy_view": "nobody"});
    tools.call("vimeo_video_pull", hidden).await.unwrap();
    tools.call("vimeo_showcase_edit", json!({"showcase_id": showcase, "privacy": "nobody"})).await.unwrap();
}
