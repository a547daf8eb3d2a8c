//! Worlds that outlive the sandbox, and worlds that go back to where they began.

use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};
use vimeo_sandbox::{Clock, Keep, Sandbox, StartError, Transcode};

use crate::client::{Client, offset};

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let begin = || {
        let rule = Transcode::After(Duration::from_secs(60));
        Sandbox::builder().state(folder.path()).transcode(rule).clock(Clock::frozen(start)).start()
    };
    let sandbox = begin().await.unwrap();
    let other = sandbox.add_world(3);
    let client = Client::new(&sandbox);
    let id = client.upload("Whole", b"bytes").await;
    let (half, link) = client.create("Half", 10).await;
    let sent = client.patch(&link, 0, "12345").send().await.unwrap();
    assert_eq!(offset(&sent), 5);
    let gone = client.upload("Gone", b"x").await;
    client.request("DELETE", &format!("/videos/{gone}")).send().await.unwrap();
    let edit = json!({"name": "Renamed", "privacy": {"view": "nobody"}});
    assert_eq!(client.send("PATCH", &format!("/videos/{id}"), edit).await.status, 200);
    client.request("PUT", &format!("/me/likes/{id}")).send().await.unwrap();
    let issued = sandbox.issue_token("private");
    sandbox.clock().advance(Duration::from_secs(30));
    other.seed_videos(2);
    let before = client.get("/me/videos").await.body;
    let (path, query) = link.split_once("/files/").map(|(_, rest)| rest.split_once('?').unwrap()).unwrap();
    sandbox.stop().await;

    let sandbox = begin().await.unwrap();
    let client = Client::new(&sandbox);
    let after = client.get("/me/videos").await.body;
    let text = |body: &serde_json::Value| {
        let mut body = body.clone();
        // Links lead to the port that the system picked.
        for video in body["data"].as_array_mut().unwrap() {
            video.as_object_mut().unwrap().remove("upload");
        }
        body.to_string()
    };
    assert_eq!(text(&after), text(&before));
    let issued = client.bare("GET", sandbox.url().join("me").unwrap().as_str()).bearer_auth(issued);
    assert_eq!(issued.send().await.unwrap().status(), 200);
    assert_eq!(sandbox.clock().now(), start + TimeDelta::seconds(30));
    assert_eq!(sandbox.worlds().len(), 2);
    assert_eq!(Client::in_world(&sandbox, &sandbox.worlds()[1]).get("/me/videos").await.body["total"], 2);

    let link = sandbox.upload_url().join(&format!("files/{path}?{query}")).unwrap();
    assert_eq!(client.offset(link.as_str()).await, 5);
    assert_eq!(offset(&client.patch(link.as_str(), 5, "67890").send().await.unwrap()), 10);
    let stored = sandbox.stored(half).unwrap();
    // The SHA-256 of "1234567890", taken with another program.
    assert_eq!(
        stored.sha256.as_deref(),
        Some("c775e7b757ede630cd0aa1113bd102661ab38829ca52a6422ab782862f268646")
    );
    sandbox.clock().advance(Duration::from_secs(60));
    assert_eq!(client.get(&format!("/videos/{half}")).await.body["status"], "available");
}

#[tokio::test]
async fn a_folder_has_one_sandbox_and_must_be_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let begin = |path: std::path::PathBuf| Sandbox::builder().state(path).start();
    let _sandbox = begin(folder.path().join("a/b")).await.unwrap();
    let error = begin(folder.path().join("a/b")).await.unwrap_err().to_string();
    assert!(error.contains("another sandbox has it open"), "{error}");
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = begin(file).await.unwrap_err();
    assert!(matches!(error, StartError::State { .. }), "{error}");

    let broken = folder.path().join("broken");
    std::fs::create_dir(&broken).unwrap();
    for (content, says) in [
        ("{", "snapshot-1.json cannot be read: EOF"),
        ("{}", "holds no state of a sandbox"),
        (r#"{"format": "vimeo-sandbox state", "version": 999, "worlds": []}"#, "is of version 999"),
        (r#"{"format": "vimeo-sandbox state", "version": 1, "worlds": [{"id": 1}]}"#, "missing field"),
    ] {
        std::fs::write(broken.join("snapshot-1.json"), content).unwrap();
        let error = begin(broken.clone()).await.unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
        assert!(broken.join("snapshot-1.json").exists());
    }
}

#[tokio::test]
async fn a_state_goes_from_one_sandbox_to_another() {
    let one = Sandbox::builder().seed(5).start().await.unwrap();
    let id = Client::new(&one).upload("Travels", b"bytes").await;
    let document = one.export_state().unwrap();
    let two = Sandbox::start().await.unwrap();
    assert_eq!(two.import_state(&document).unwrap(), 1);
    let video = Client::new(&two).get(&format!("/videos/{id}")).await;
    assert_eq!((video.status, &video.body["name"]), (200, &json!("Travels")));
    assert_eq!(two.stored(id), one.stored(id));
    assert_eq!(two.export_state().unwrap(), document);

    // A token that another world has is refused, and nothing is lost over it.
    let three = Sandbox::builder().token("taken", "private").start().await.unwrap();
    let _other = three.add_world(1);
    let text = String::from_utf8(document).unwrap().replace("sandbox-user-token-1", "sandbox-user-token-2");
    assert!(three.import_state(text.as_bytes()).unwrap_err().to_string().contains("fingerprint"));
    assert_eq!(Client::new(&three).get("/me").await.status, 200);
}

/// A ticket names the file of an upload's bytes.
#[tokio::test]
async fn a_state_whose_ticket_is_a_path_is_refused() {
    fn ticket(value: &Value) -> Option<&str> {
        match value {
            Value::Object(members) => {
                members.get("ticket").and_then(Value::as_str).or_else(|| members.values().find_map(ticket))
            }
            Value::Array(items) => items.iter().find_map(ticket),
            _ => None,
        }
    }
    let sandbox = Sandbox::start().await.unwrap();
    Client::new(&sandbox).upload("Travels", b"bytes").await;
    let document = String::from_utf8(sandbox.export_state().unwrap()).unwrap();
    let ticket = ticket(&serde_json::from_str(&document).unwrap()).unwrap().to_owned();
    let two = Sandbox::start().await.unwrap();
    for path in ["../victim", "/etc/victim", "a/b", "..", ""] {
        let error = two.import_state(document.replace(&ticket, path).as_bytes()).unwrap_err().to_string();
        assert!(error.contains("ticket"), "{path}: {error}");
    }
    assert_eq!(two.import_state(document.as_bytes()).unwrap(), 1);
}

#[tokio::test]
async fn a_reset_touches_one_world_and_can_spare_its_accounts() {
    let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let sandbox = Sandbox::builder().clock(Clock::frozen(start)).start().await.unwrap();
    let other = sandbox.add_world(2);
    other.seed_videos(1);
    let client = Client::new(&sandbox);
    let first = client.upload("One", b"1").await;
    let account = sandbox.add_user("Someone");
    let with_token = |token: &str| {
        let client = client.bare("GET", sandbox.url().join("me/videos").unwrap().as_str());
        client.bearer_auth(token).send()
    };
    sandbox.world().reset(Keep::Accounts);
    assert_eq!(client.get("/me/videos").await.body["total"], 0);
    assert_eq!(with_token(&account.token).await.unwrap().status(), 200);
    // An id is never given twice while accounts are kept.
    assert!(client.upload("Two", b"2").await > first);

    sandbox.clock().advance(Duration::from_secs(60));
    sandbox.world().reset(Keep::Nothing);
    assert_eq!(with_token(&account.token).await.unwrap().status(), 401);
    assert_eq!(sandbox.clock().now(), start);
    assert_eq!(client.upload("Again", b"1").await, first);
    assert_eq!(Client::in_world(&sandbox, &other).get("/me/videos").await.body["total"], 1);
}
