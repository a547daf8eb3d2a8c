//! Persistent state, its export and import, and resetting worlds.

use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};
use vimeo_sandbox::{Clock, ResetScope, Sandbox, StartError, Transcode};

use crate::client::{Client, offset};

#[tokio::test]
async fn restart_keeps_acknowledged_changes() {
    let folder = crate::test_folder();
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
    other.add_videos(2);
    let before = client.get("/me/videos").await.body;
    let (path, query) = link.split_once("/files/").map(|(_, rest)| rest.split_once('?').unwrap()).unwrap();
    sandbox.stop().await;

    let sandbox = begin().await.unwrap();
    let client = Client::new(&sandbox);
    let after = client.get("/me/videos").await.body;
    let text = |body: &serde_json::Value| {
        let mut body = body.clone();
        // Links contain a port that the system chose.
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
    let stored = sandbox.stored_upload(half).unwrap();
    // The SHA-256 of "1234567890", computed with another program.
    assert_eq!(
        stored.sha256.as_deref(),
        Some("c775e7b757ede630cd0aa1113bd102661ab38829ca52a6422ab782862f268646")
    );
    sandbox.clock().advance(Duration::from_secs(60));
    assert_eq!(client.get(&format!("/videos/{half}")).await.body["status"], "available");
}

#[tokio::test]
async fn state_folder_is_locked_and_validated() {
    let folder = crate::test_folder();
    let begin = |path: std::path::PathBuf| Sandbox::builder().state(path).start();
    let _sandbox = begin(folder.path().join("a/b")).await.unwrap();
    let error = begin(folder.path().join("a/b")).await.unwrap_err().to_string();
    assert!(error.contains("another sandbox has the folder open"), "{error}");
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = begin(file).await.unwrap_err();
    assert!(matches!(error, StartError::StateFolder { .. }), "{error}");

    let broken = folder.path().join("broken");
    std::fs::create_dir(&broken).unwrap();
    for (content, expected_text) in [
        ("{", "snapshot-1.json: EOF"),
        ("{}", "is not a state of a sandbox"),
        (r#"{"format": "vimeo-sandbox state", "version": 999, "worlds": []}"#, "has version 999"),
        (r#"{"format": "vimeo-sandbox state", "version": 1, "worlds": [{"id": 1}]}"#, "missing field"),
    ] {
        std::fs::write(broken.join("snapshot-1.json"), content).unwrap();
        let error = begin(broken.clone()).await.unwrap_err().to_string();
        assert!(error.contains(expected_text), "{error}");
        assert!(broken.join("snapshot-1.json").exists());
    }
}

#[tokio::test]
async fn imports_exported_state() {
    let one = Sandbox::builder().seed(5).start().await.unwrap();
    let id = Client::new(&one).upload("Travels", b"bytes").await;
    let document = one.export_state().unwrap();
    let two = Sandbox::start().await.unwrap();
    assert_eq!(two.import_state(&document).unwrap(), 1);
    let video = Client::new(&two).get(&format!("/videos/{id}")).await;
    assert_eq!((video.status, &video.body["name"]), (200, &json!("Travels")));
    assert_eq!(two.stored_upload(id), one.stored_upload(id));
    assert_eq!(two.export_state().unwrap(), document);

    // A token that another world has is rejected, and the existing worlds stay.
    let three = Sandbox::builder().token("taken", "private").start().await.unwrap();
    let other = json!({"token": one.token()});
    assert_eq!(Client::new(&three).send("POST", "/_sandbox/worlds", other).await.status, 201);
    assert!(three.import_state(&document).unwrap_err().to_string().contains("fingerprint"));
    assert_eq!(Client::new(&three).get("/me").await.status, 200);
}

/// An upload's ticket is the file name of its bytes.
#[tokio::test]
async fn rejects_path_as_upload_ticket() {
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
    for path in ["../victim", "/etc/victim", "a/b", "..", "", "Makefile"] {
        let error = two.import_state(document.replace(&ticket, path).as_bytes()).unwrap_err().to_string();
        assert!(error.contains("ticket"), "{path}: {error}");
    }
    assert_eq!(two.import_state(document.as_bytes()).unwrap(), 1);
}

#[tokio::test]
async fn reset_affects_one_world_and_can_keep_accounts() {
    let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let sandbox = Sandbox::builder().clock(Clock::frozen(start)).start().await.unwrap();
    let other = sandbox.add_world(2);
    other.add_videos(1);
    let client = Client::new(&sandbox);
    let first = client.upload("One", b"1").await;
    let account = sandbox.add_user("Someone");
    let with_token = |token: &str| {
        let client = client.bare("GET", sandbox.url().join("me/videos").unwrap().as_str());
        client.bearer_auth(token).send()
    };
    sandbox.world().reset(ResetScope::Content);
    assert_eq!(client.get("/me/videos").await.body["total"], 0);
    assert_eq!(with_token(&account.token).await.unwrap().status(), 200);
    // IDs are not reused while accounts are kept.
    assert!(client.upload("Two", b"2").await > first);

    sandbox.clock().advance(Duration::from_secs(60));
    sandbox.world().reset(ResetScope::All);
    assert_eq!(with_token(&account.token).await.unwrap().status(), 401);
    assert_eq!(sandbox.clock().now(), start);
    assert_eq!(client.upload("Again", b"1").await, first);
    assert_eq!(Client::in_world(&sandbox, &other).get("/me/videos").await.body["total"], 1);
}

#[cfg(unix)]
mod private {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
    use std::path::Path;

    use super::*;

    /// The modes of a folder and its files.
    fn modes(folder: &Path) -> Vec<(String, u32)> {
        let mode = |path: &Path| std::fs::symlink_metadata(path).unwrap().mode() & 0o777;
        let mut modes = vec![(".".to_owned(), mode(folder))];
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            modes.push((entry.file_name().into_string().unwrap(), mode(&entry.path())));
        }
        modes
    }

    fn assert_private(folder: &Path) {
        let modes = modes(folder);
        assert!(modes.len() > 1);
        for (name, mode) in modes {
            assert_eq!(mode, if name == "." { 0o700 } else { 0o600 }, "{name}");
        }
    }

    #[tokio::test]
    async fn state_and_bytes_have_private_modes() {
        let folder = crate::test_folder();
        let (state, bytes) = (folder.path().join("state"), folder.path().join("bytes"));
        let begin = || Sandbox::builder().state(&state).keep_bytes_in(&bytes).start();
        let sandbox = begin().await.unwrap();
        Client::new(&sandbox).upload("Travels", b"bytes").await;
        sandbox.stop().await;
        assert_private(&state);
        assert_private(&bytes);

        // The modes that earlier releases used.
        let open = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        open(&state, 0o775);
        for (name, _) in modes(&state).into_iter().skip(1) {
            open(&state.join(name), 0o664);
        }
        begin().await.unwrap().stop().await;
        assert_private(&state);
    }

    #[tokio::test]
    async fn rejects_folder_writable_by_others() {
        let folder = crate::test_folder();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        for builder in
            [Sandbox::builder().state(folder.path()), Sandbox::builder().keep_bytes_in(folder.path())]
        {
            let error = builder.start().await.unwrap_err().to_string();
            assert!(error.contains("other users can write to it (mode 0777)"), "{error}");
        }
    }

    #[tokio::test]
    async fn does_not_follow_symlinks() {
        let folder = crate::test_folder();
        let victim = folder.path().join("victim");
        std::fs::write(&victim, "precious").unwrap();
        let (state, bytes) = (folder.path().join("state"), folder.path().join("bytes"));
        // The same seed produces the same tickets.
        let begin = || Sandbox::builder().keep_bytes_in(&bytes).start();
        let sandbox = begin().await.unwrap();
        Client::new(&sandbox).upload("Travels", b"bytes").await;
        sandbox.stop().await;
        let ticket = std::fs::read_dir(&bytes).unwrap().next().unwrap().unwrap().path();
        std::fs::remove_file(&ticket).unwrap();
        symlink(&victim, &ticket).unwrap();
        let sandbox = begin().await.unwrap();
        let body = json!({"name": "Travels", "upload": {"approach": "tus", "size": 5}});
        assert_eq!(Client::new(&sandbox).send("POST", "/me/videos", body).await.status, 500);

        std::fs::create_dir(&state).unwrap();
        for name in ["snapshot.new", "log-1.jsonl", "lock"] {
            symlink(&victim, state.join(name)).unwrap();
            let started = Sandbox::builder().state(&state).start().await;
            // An unfinished snapshot is discarded; other files are checked before use.
            assert_eq!(started.is_ok(), name == "snapshot.new", "{name}");
            if let Ok(sandbox) = started {
                sandbox.stop().await;
            }
            std::fs::remove_dir_all(&state).unwrap();
            std::fs::create_dir(&state).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
    }
}

/// Looks like a real Vimeo token.
const REAL_LOOKING_TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// The contents of all files of a folder.
fn read_all_files(folder: &std::path::Path) -> String {
    let files = std::fs::read_dir(folder).unwrap();
    files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

#[tokio::test]
async fn stores_unknown_tokens_as_hashes() {
    let folder = crate::test_folder();
    let begin = || Sandbox::builder().state(folder.path()).allow_any_token(true).start();
    let sandbox = begin().await.unwrap();
    let client = Client::with_token(&sandbox, REAL_LOOKING_TOKEN);
    assert_eq!(client.get("/me").await.status, 200);
    // The response may repeat the token to the client that sent it.
    assert_eq!(client.get("/oauth/verify").await.body["access_token"], REAL_LOOKING_TOKEN);
    let control = Client::with_token(&sandbox, "");
    let state = control.request("GET", "/_sandbox/state").send().await.unwrap().text().await.unwrap();
    let request_log =
        control.request("GET", "/_sandbox/requests").send().await.unwrap().text().await.unwrap();
    for text in [state, request_log, read_all_files(folder.path()), format!("{sandbox:?}")] {
        assert!(!text.contains(REAL_LOOKING_TOKEN), "{text}");
    }
    sandbox.stop().await;
    // It is still accepted, even if unknown tokens are no longer allowed.
    let sandbox = Sandbox::builder().state(folder.path()).start().await.unwrap();
    let client = Client::with_token(&sandbox, REAL_LOOKING_TOKEN);
    assert_eq!(client.get("/me").await.status, 200);
    assert_eq!(client.call("DELETE", "/tokens").await.status, 204);
    assert_eq!(client.get("/me").await.status, 401);
}

#[tokio::test]
async fn hashes_clear_tokens_of_old_state() {
    let written = include_str!("release_snapshots/0.1.0.json");
    let mut document: Value = serde_json::from_str(written).unwrap();
    let tokens = document["worlds"][0]["state"]["tokens"].as_object_mut().unwrap();
    let token = tokens["sandbox-user-token-1"].clone();
    tokens.insert(REAL_LOOKING_TOKEN.to_owned(), token.clone());
    let folder = crate::test_folder();
    std::fs::write(folder.path().join("snapshot-7.json"), document.to_string()).unwrap();
    // A line of the log can also contain clear tokens.
    let late = "fedcba9876543210fedcba9876543210";
    tokens_of(&mut document).insert(late.to_owned(), token);
    let tokens = tokens_of(&mut document).clone();
    let line = json!({"world": 1, "set": {"state": {"tokens": tokens}}});
    std::fs::write(folder.path().join("log-7.jsonl"), format!("{line}\n")).unwrap();

    let sandbox = Sandbox::builder().state(folder.path()).start().await.unwrap();
    for token in ["sandbox-user-token-1", REAL_LOOKING_TOKEN, late] {
        assert_eq!(Client::with_token(&sandbox, token).get("/me").await.status, 200, "{token}");
    }
    sandbox.stop().await;
    let files = read_all_files(folder.path());
    assert!(!files.contains(REAL_LOOKING_TOKEN) && !files.contains(late));
}

fn tokens_of(document: &mut Value) -> &mut serde_json::Map<String, Value> {
    document["worlds"][0]["state"]["tokens"].as_object_mut().unwrap()
}

#[tokio::test]
async fn rejects_or_tolerates_out_of_range_numbers() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    client.upload("Travels", b"bytes").await;
    let folder = client.send("POST", "/me/projects", json!({"name": "Loop"})).await;
    let folder = crate::client::id_of(&folder.body);
    let document: Value = serde_json::from_slice(&sandbox.export_state().unwrap()).unwrap();
    for (pointer, value, expected_text) in [
        ("/worlds/0/id", json!(0), "the ID of a world"),
        ("/worlds/0/id", json!(u64::MAX), "the ID of a world"),
        ("/worlds/0/state/uploads/0", json!("../victim"), "ticket"),
        ("/worlds/0/state/tokens", json!({"open-sesame": {}}), "the token is not hashed"),
    ] {
        let mut altered = document.clone();
        *altered.pointer_mut(pointer).unwrap() = value;
        let error = sandbox.import_state(altered.to_string().as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected_text), "{pointer}: {error}");
    }
    let mut altered = document;
    for (pointer, value) in [
        ("/worlds/0/clock", json!({"real": i64::MAX})),
        ("/worlds/0/state/ids/last", json!(u64::MAX)),
        ("/worlds/0/state/scheduled", json!(u64::MAX)),
        (&format!("/worlds/0/state/folders/{folder}/parent"), json!(folder)),
    ] {
        *altered.pointer_mut(pointer).unwrap() = value;
    }
    sandbox.import_state(altered.to_string().as_bytes()).unwrap();
    assert_eq!(client.get(&format!("/me/projects/{folder}")).await.status, 200);
    assert_eq!(client.send("POST", "/me/projects", json!({"name": "Next"})).await.status, 201);
    client.upload("Again", b"bytes").await;
}
