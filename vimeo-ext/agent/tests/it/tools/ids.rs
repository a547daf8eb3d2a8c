//! IDs: invalid ones are refused before anything is sent.

use serde_json::json;
use vimeo_agent::tools::ErrorKind;

use super::world::World;

#[tokio::test]
async fn only_valid_ids_are_sent() {
    let world = World::new().await;
    let video = world.videos[0];
    let refused = [
        format!("https://vimeo.com/showcase/{video}"),
        format!("https://vimeo.com/showcase/{video}/embed"),
        format!("https://vimeo.com/user{video}"),
        format!("https://evil.example/{video}"),
        "../../me".to_owned(),
        "1?x=2".to_owned(),
        format!("{video}/../../me"),
        format!("Holiday {video}"),
        "1234567 days at sea".to_owned(),
    ];
    for text in refused {
        for (tool, arguments) in [
            ("vimeo_video_get", json!({"video_id": text})),
            ("vimeo_video_delete", json!({"video_id": text, "confirm": "Video 1"})),
            ("vimeo_video_edit", json!({"video_id": text, "name": "x"})),
            ("vimeo_video_comment_add", json!({"video_id": text, "text": "x"})),
        ] {
            let error = world.call(tool, arguments).await.expect_err(&text);
            assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Input, Some("video_id")), "{text}");
        }
    }
    for text in ["../../videos/1", "1/videos/2", "..", "%2e%2e"] {
        let tools = [
            ("vimeo_folder_videos_list", json!({"folder_id": text}), "folder_id"),
            ("vimeo_showcase_videos_list", json!({"showcase_id": text}), "showcase_id"),
            ("vimeo_channel_videos_list", json!({"channel_id": text}), "channel_id"),
            ("vimeo_user_get", json!({"user_id": text}), "user_id"),
            ("vimeo_webhook_delete", json!({"webhook_id": text, "confirm": "x"}), "webhook_id"),
        ];
        for (tool, arguments, field) in tools {
            let error = world.call(tool, arguments).await.expect_err(text);
            assert_eq!(error.field.as_deref(), Some(field), "{tool} {text}: {error:?}");
        }
    }
    assert!(world.sandbox.request_log().is_empty(), "no request was sent");

    for text in [
        format!("{video}"),
        format!("/videos/{video}"),
        format!("https://vimeo.com/{video}"),
        format!("https://player.vimeo.com/video/{video}"),
        format!("https://vimeo.com/showcase/1234567/video/{video}"),
    ] {
        let output = world.call("vimeo_video_get", json!({"video_id": text})).await.unwrap();
        assert_eq!(output.value()["id"], video.to_string(), "{text}");
    }
    world.sandbox.clear_request_log();
    // The hash of an unlisted video is part of the request, even for a deletion.
    for (text, tool) in [
        (format!("https://vimeo.com/{video}/a1b2c3d4"), "vimeo_video_get"),
        (format!("https://player.vimeo.com/video/{video}?h=a1b2c3d4"), "vimeo_video_get"),
        (format!("https://vimeo.com/{video}/a1b2c3d4"), "vimeo_video_delete"),
    ] {
        let mut arguments = json!({"video_id": text});
        if tool == "vimeo_video_delete" {
            arguments["confirm"] = json!("another title");
        }
        let _ = world.call(tool, arguments).await;
        let requests = world.sandbox.request_log();
        assert_eq!(requests.last().unwrap().path, format!("/videos/{video}:a1b2c3d4"));
    }
    assert_eq!(world.requests("DELETE"), 0);
}
