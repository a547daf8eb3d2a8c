//! State of earlier releases is still read.
//!
//! `VERSION.json` next to this file is the response of that release to `GET /_sandbox/state`. 0.1.0's predates pending
//! deliveries and ports of worlds. Never regenerate these files: a change of the format needs `#[serde(default)]` or a migration,
//! and a release that changes the format adds a file.

use std::time::Duration;

use serde_json::json;
use vimeo_sandbox::Sandbox;

use crate::client::{Client, offset};

const V0_1_0: &str = include_str!("0.1.0.json");

/// Checks everything that the exported world contained.
async fn assert_complete(sandbox: &Sandbox) {
    let client = Client::new(sandbox);
    let videos = client.get("/me/videos?fields=name,status,upload.status").await;
    let names = ["Form", "Pull", "Half", "Whole"];
    assert_eq!(videos.body["total"], 7);
    assert_eq!(videos.names()[..4], names);
    let whole = client.get("/me/videos?query=Whole&fields=uri,status").await.body["data"][0].clone();
    let id = crate::client::id_of(&whole);
    assert_eq!(whole["status"], "transcoding");
    let stored = sandbox.stored_upload(id).unwrap();
    // The SHA-256 of "bytes", computed with another program.
    let digest = "277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9";
    assert_eq!((stored.complete, stored.sha256.as_deref()), (true, Some(digest)));

    // The interrupted upload and the clock continue.
    let half =
        client.get("/me/videos?query=Half&fields=uri,upload.upload_link").await.body["data"][0].clone();
    let link = half["upload"]["upload_link"].as_str().unwrap();
    assert_eq!(client.offset(link).await, 5);
    assert_eq!(offset(&client.patch(link, 5, "67890").send().await.unwrap()), 10);
    let stored = sandbox.stored_upload(crate::client::id_of(&half)).unwrap();
    let digest = "c775e7b757ede630cd0aa1113bd102661ab38829ca52a6422ab782862f268646";
    assert_eq!(stored.sha256.as_deref(), Some(digest));
    sandbox.clock().advance(Duration::from_secs(60));
    assert_eq!(client.get(&format!("/videos/{id}?fields=status")).await.body["status"], "available");

    // Attached resources, rate limits and mutations are unchanged.
    let video = client.get("/me/videos?query=Still&fields=uri").await.body["data"][0]["uri"].clone();
    let video = video.as_str().unwrap();
    for (path, total) in [
        (format!("{video}/comments"), 1),
        (format!("{video}/tags"), 1),
        (format!("{video}/chapters"), 1),
        (format!("{video}/texttracks"), 1),
        ("/me/watchlater".to_owned(), 2),
        ("/me/projects".to_owned(), 2),
        ("/me/albums".to_owned(), 1),
        ("/me/live_events".to_owned(), 1),
        ("/me/presets".to_owned(), 1),
    ] {
        assert_eq!(client.get(&path).await.body["total"], total, "{path}");
    }
    let track = client.get(&format!("{video}/texttracks?fields=link")).await.body["data"][0]["link"].clone();
    let file = client.bare("GET", track.as_str().unwrap()).send().await.unwrap().text().await.unwrap();
    assert!(file.contains("Hello"), "{file}");
    let limited = client.get("/me?fields=uri").await;
    assert_eq!(limited.header("x-ratelimit-limit"), "100");
    assert!(limited.header("x-ratelimit-reset").parse::<u64>().is_ok());
    let events = sandbox.world().events();
    let created: Vec<_> = events.iter().filter(|event| event.kind == "video-created").collect();
    assert!(created.iter().any(|event| !event.deliveries.is_empty()), "{created:?}");
    let other = &sandbox.worlds()[1];
    assert_eq!(Client::in_world(sandbox, other).get("/me/videos?fields=uri").await.status, 200);
}

#[tokio::test]
async fn imports_snapshot_of_0_1_0() {
    let sandbox = Sandbox::start().await.unwrap();
    assert_eq!(sandbox.import_state(V0_1_0.as_bytes()).unwrap(), 2);
    assert_complete(&sandbox).await;
    // Over the control API, too, into a sandbox that has these worlds already.
    let control = Client::with_token(&sandbox, "");
    let document: serde_json::Value = serde_json::from_str(V0_1_0).unwrap();
    assert_eq!(control.send("PUT", "/_sandbox/state", document).await.body, json!({"worlds": 2}));
    assert_complete(&sandbox).await;
}

#[tokio::test]
async fn continues_state_folder_of_0_1_0() {
    let folder = crate::test_folder();
    std::fs::write(folder.path().join("snapshot-7.json"), V0_1_0).unwrap();
    let begin = || Sandbox::builder().state(folder.path()).start();
    let sandbox = begin().await.unwrap();
    assert!(sandbox.was_restored());
    assert_complete(&sandbox).await;
    sandbox.stop().await;
    // Written by this release, and read again.
    let sandbox = begin().await.unwrap();
    assert_eq!(Client::new(&sandbox).get("/me/videos?fields=uri").await.body["total"], 7);
}

/// The same world written by a release that stored tokens in clear: an exported document and a state folder.
const TOKENS_IN_CLEAR: &str = include_str!("tokens_in_clear/export.json");
const FOLDER_WITH_TOKENS_IN_CLEAR: [(&str, &str); 2] = [
    ("snapshot-1.json", include_str!("tokens_in_clear/state/snapshot-1.json")),
    ("log-1.jsonl", include_str!("tokens_in_clear/state/log-1.jsonl")),
];

/// Continues the interrupted upload with the world's token.
async fn assert_upload_continues(sandbox: &Sandbox) {
    // The links of that time were valid for a day.
    sandbox.clock().set("2026-11-30T12:00:00Z".parse().unwrap());
    let client = Client::new(sandbox);
    let videos = client.get("/me/videos?fields=uri,name,upload.upload_link").await.body;
    assert_eq!((&videos["total"], &videos["data"][0]["name"]), (&json!(1), &json!("Half")));
    let link = videos["data"][0]["upload"]["upload_link"].as_str().unwrap();
    assert_eq!(client.offset(link).await, 0);
    assert_eq!(offset(&client.patch(link, 0, "twelve bytes").send().await.unwrap()), 12);
    let stored = sandbox.stored_upload(crate::client::id_of(&videos["data"][0])).unwrap();
    // The SHA-256 of "twelve bytes", computed with another program.
    let digest = "d4ce2c527afe674c7a086bd74e256019e3d5dcdb31eeb6eaadef5ada8c4383b9";
    assert_eq!((stored.complete, stored.sha256.as_deref()), (true, Some(digest)));
}

#[tokio::test]
async fn imports_document_with_clear_tokens() {
    let sandbox = Sandbox::start().await.unwrap();
    assert_eq!(sandbox.import_state(TOKENS_IN_CLEAR.as_bytes()).unwrap(), 1);
    assert_upload_continues(&sandbox).await;
}

#[tokio::test]
async fn continues_state_folder_with_clear_tokens() {
    let folder = crate::test_folder();
    for (name, text) in FOLDER_WITH_TOKENS_IN_CLEAR {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let begin = || Sandbox::builder().state(folder.path()).start();
    let sandbox = begin().await.unwrap();
    assert!(sandbox.was_restored());
    assert_upload_continues(&sandbox).await;
    sandbox.stop().await;
    let sandbox = begin().await.unwrap();
    let videos = Client::new(&sandbox).get("/me/videos?fields=upload.status").await.body;
    assert_eq!(videos["data"][0]["upload"]["status"], "complete");
}
