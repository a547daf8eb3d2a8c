//! The tools that are not offered by default.

use serde_json::{Value, json};
use vimeo_agent::tools::{ErrorKind, ToolError, ToolSelection, Toolset, Uploads};
use vimeo_sandbox::{Effect, Fault, Host, Phase};

use super::world::{World, client};

const CAPTIONS: &str = "WEBVTT\n\n00:00:01.000 --> 00:00:03.000\nThe first wave\n\n00:00:04.000 --> 00:00:06.500\nand the second\n";

async fn world() -> World {
    let mut world = World::new().await;
    let toolsets = Toolset::ALL.to_vec();
    world.tools = world.tools.clone().selection(ToolSelection { toolsets, ..ToolSelection::default() });
    world
}

#[tokio::test]
async fn captions_are_added_listed_and_read_by_language() {
    let world = world().await;
    let video = world.videos[0].to_string();
    let none = world.call("vimeo_video_transcript_get", json!({"video_id": video})).await.unwrap_err();
    assert_eq!(none.kind, ErrorKind::NotFound, "{none:?}");
    let add = json!({"video_id": video, "kind": "captions", "language": "en", "content": CAPTIONS, "name": "English"});
    let added = world.call("vimeo_text_track_add", add).await.unwrap();
    assert_eq!(added.value()["active"], true, "{}", added.to_text());
    let track: u64 = added.value()["id"].as_str().unwrap().parse().unwrap();
    let stored = world.sandbox.world().text_track_file(world.videos[0], track).unwrap();
    assert_eq!(stored, CAPTIONS);
    let listed = world.call("vimeo_text_tracks_list", json!({"video_id": video})).await.unwrap();
    assert_eq!(listed.value()["items"][0]["language"], "en");
    let read =
        world.call("vimeo_video_transcript_get", json!({"video_id": video, "language": "EN"})).await.unwrap();
    let parts = read.value()["items"].as_array().unwrap();
    let texts: Vec<String> = parts.iter().map(|part| part["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(texts, ["The first wave", "and the second"], "{}", read.to_text());
    let absent = json!({"video_id": video, "language": "de"});
    let absent = world.call("vimeo_video_transcript_get", absent).await.unwrap_err();
    assert_eq!((absent.kind, absent.field.as_deref()), (ErrorKind::NotFound, Some("language")));
    assert!(absent.next_step.contains("en"), "{absent}");
    for (language, content, field) in [("english", CAPTIONS, "language"), ("en", " ", "content")] {
        let bad = json!({"video_id": video, "kind": "captions", "language": language, "content": content});
        let error = world.call("vimeo_text_track_add", bad).await.unwrap_err();
        assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Input, Some(field)), "{error:?}");
    }
}

#[tokio::test]
async fn a_track_without_its_file_is_an_error() {
    let world = world().await;
    world.sandbox.add_fault(Fault::new(Effect::Status(400)).host(Host::Upload).times(9));
    let video = world.videos[0].to_string();
    let add = json!({"video_id": video, "kind": "captions", "language": "en", "content": CAPTIONS});
    let error = world.call("vimeo_text_track_add", add).await.unwrap_err();
    assert!(error.done_before[0].starts_with("created /videos/"), "{error:?}");
    assert_eq!(error.check.unwrap()["tool"], "vimeo_text_tracks_list");
    let listed = world.call("vimeo_text_tracks_list", json!({"video_id": video})).await.unwrap();
    assert_eq!(listed.value()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn deleting_showcases_and_folders_keeps_their_videos() {
    let world = world().await;
    let (showcase, folder) = (world.showcase.to_string(), world.folder.to_string());
    let video = world.videos[0].to_string();
    let put = json!({"showcase_id": showcase, "video_id": video});
    world.call("vimeo_showcase_video_add", put.clone()).await.unwrap();
    world.call("vimeo_showcase_video_remove", put.clone()).await.unwrap();
    let gone = world.call("vimeo_showcase_videos_list", json!({"showcase_id": showcase})).await.unwrap();
    assert_eq!(gone.value()["items"], json!([]));
    world.call("vimeo_showcase_video_add", put).await.unwrap();
    for (tool, id, right) in [
        ("vimeo_showcase_delete", json!({"showcase_id": showcase}), "Trailers"),
        ("vimeo_folder_delete", json!({"folder_id": folder}), "Raw"),
    ] {
        let with = |confirm: &str| {
            let mut arguments = id.clone();
            arguments["confirm"] = json!(confirm);
            arguments
        };
        let error = world.call(tool, with("Other")).await.unwrap_err();
        assert_eq!(error.field.as_deref(), Some("confirm"), "{tool}");
        world.call(tool, with(right)).await.unwrap();
        let again = world.call(tool, with(right)).await.unwrap_err();
        assert_eq!(again.kind, ErrorKind::NotFound, "{tool}");
    }
    assert!(world.call("vimeo_video_get", json!({"video_id": video})).await.is_ok());
}

#[tokio::test]
async fn versions_and_limits_are_returned() {
    let world = world().await;
    let versions =
        world.call("vimeo_video_versions_list", json!({"video_id": world.videos[0].to_string()})).await;
    assert_eq!(versions.unwrap().value()["items"][0]["active"], true);
    let limits = world.call("vimeo_limits_get", json!({})).await.unwrap();
    assert!(limits.value()["space_free"].as_i64().unwrap() > 0, "{}", limits.to_text());
    assert!(limits.value()["calls"].is_array());
}

/// A world whose tools may upload from a folder, and the folder with a film of this size.
async fn with_film(bytes: usize) -> (World, tempfile::TempDir, String) {
    let mut world = world().await;
    let folder = tempfile::tempdir().unwrap();
    let film = folder.path().join("film.mp4");
    std::fs::write(&film, vec![7; bytes]).unwrap();
    world.tools = world.tools.clone().uploads(Uploads::from_folders([folder.path()]));
    let film = film.to_str().unwrap().to_owned();
    (world, folder, film)
}

#[tokio::test]
async fn only_files_in_allowed_folders_are_uploaded() {
    let (world, folder, film) = with_film(300_000).await;
    let done = world.call("vimeo_video_upload", json!({"path": film, "name": "Surf"})).await.unwrap();
    assert_eq!(
        (&done.value()["state"], &done.value()["sent"]),
        (&json!("done"), &json!(300_000)),
        "{}",
        done.to_text()
    );
    let id = done.value()["video_id"].clone();
    let video = world.call("vimeo_video_get", json!({"video_id": id})).await.unwrap();
    assert_eq!(video.value()["name"], "Surf");
    let again = json!({"upload_id": done.value()["upload_id"]});
    assert_eq!(world.call("vimeo_upload_get", again).await.unwrap().value()["state"], "done");
    let replaced = world.call("vimeo_video_replace", json!({"video_id": id, "path": film})).await.unwrap();
    assert!(replaced.value()["version_id"].is_string(), "{}", replaced.to_text());

    world.sandbox.clear_request_log();
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret.mp4");
    std::fs::write(&secret, b"secret").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&secret, folder.path().join("link.mp4")).unwrap();
    let inside = folder.path().display();
    let refused = |error: ToolError| {
        assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Input, Some("path")), "{error:?}");
        error.message
    };
    let mut messages = Vec::new();
    for path in [
        secret.display().to_string(),
        format!("{inside}/link.mp4"),
        format!("{inside}/../{}/secret.mp4", outside.path().file_name().unwrap().to_str().unwrap()),
        format!("{inside}/none.mp4"),
        "/etc/passwd".to_owned(),
    ] {
        messages.push(refused(world.call("vimeo_video_upload", json!({"path": path})).await.unwrap_err()));
    }
    messages.dedup();
    assert_eq!(messages.len(), 1, "errors reveal nothing about other files: {messages:?}");
    refused(world.call("vimeo_video_upload", json!({"path": "film.mp4"})).await.unwrap_err());
    let closed = world.tools.clone().uploads(Uploads::default());
    let error = closed.call("vimeo_video_upload", json!({"path": film})).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Plan);
    let other = vimeo_agent::tools::Tools::for_account(client(
        &world.sandbox,
        &world.sandbox.add_user("Other").token,
    ))
    .selection(ToolSelection { toolsets: vec![Toolset::Uploads], ..ToolSelection::default() });
    let error =
        other.call("vimeo_upload_get", json!({"upload_id": done.value()["upload_id"]})).await.unwrap_err();
    assert_eq!(error.field.as_deref(), Some("upload_id"), "another's upload");
    assert!(world.sandbox.request_log().is_empty());
}

#[tokio::test]
async fn dropping_a_call_stops_its_upload() {
    let (world, _folder, film) = with_film(300_000).await;
    world.sandbox.add_fault(Fault::new(Effect::Stall).host(Host::Upload).method(http::Method::PATCH));
    tokio::select! {
        output = world.call("vimeo_video_upload", json!({"path": film})) => panic!("{output:?}"),
        () = async { while world.sandbox.fault_hits().is_empty() { tokio::task::yield_now().await } } => {}
    }
    let posts = world.requests("POST");
    assert_eq!(posts, 1);
    // The stalled request was dropped with the call, so the journal is unlocked and the same call continues.
    let done = world.call("vimeo_video_upload", json!({"path": film})).await.unwrap();
    assert_eq!(done.value()["state"], "done", "{}", done.to_text());
    assert_eq!(world.requests("POST"), posts, "with the same video");
    let _: &Value = done.value();
}

#[tokio::test]
async fn finds_a_creation_that_got_no_response() {
    let (world, _folder, film) = with_film(300_000).await;
    let version_of = world.videos[0].to_string();
    let cases = [
        ("vimeo_video_upload", json!({"path": film, "name": "Only once"}), "/me/videos"),
        (
            "vimeo_video_replace",
            json!({"path": film, "video_id": version_of}),
            &*format!("/videos/{version_of}/versions"),
        ),
    ];
    for effect in [Effect::Reset, Effect::Html(502)] {
        for (tool, arguments, path) in &cases {
            world.sandbox.clear_request_log();
            let lost = Fault::new(effect.clone()).method(http::Method::POST).path(*path);
            world.sandbox.add_fault(lost.phase(Phase::AfterCommit));
            let error = world.call(tool, arguments.clone()).await.expect_err(tool);
            assert_eq!(
                (error.kind, error.retryable),
                (ErrorKind::UnknownOutcome, false),
                "{tool}: {error:?}"
            );
            assert_eq!(world.requests("POST"), 1, "{tool}");
            let check = error.check.unwrap();
            let looked =
                world.call(check["tool"].as_str().unwrap(), check["arguments"].clone()).await.unwrap();
            let newest = &looked.value()["items"][0];
            assert!(newest["id"].is_string(), "{tool}: {}", looked.to_text());
            if *tool == "vimeo_video_upload" {
                assert_eq!(newest["name"], "Only once");
            }
            // The same call continues with the created video.
            let done = world.call(tool, arguments.clone()).await.unwrap_or_else(|error| panic!("{error:?}"));
            assert_eq!(done.value()["state"], "done", "{tool}: {}", done.to_text());
            assert_eq!(world.requests("POST"), 1, "{tool}: nothing was created a second time");
            let filled = if *tool == "vimeo_video_upload" { "video_id" } else { "version_id" };
            assert_eq!(done.value()[filled], newest["id"], "{tool}: {}", done.to_text());
        }
    }
}
