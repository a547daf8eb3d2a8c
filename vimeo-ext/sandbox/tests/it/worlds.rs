//! Worlds apart, seeds alike, and the journal over all.

use std::time::Duration;

use chrono::DateTime;
use serde_json::json;
use vimeo_sandbox::{Clock, Host, Sandbox};

use crate::client::Client;

#[tokio::test]
async fn no_world_sees_another() {
    let sandbox = Sandbox::start().await.unwrap();
    let world = sandbox.add_world(5);
    let (here, there) = (Client::new(&sandbox), Client::in_world(&sandbox, &world));
    let id = here.upload("Here", b"bytes").await;
    assert_eq!(there.get(&format!("/videos/{id}")).await.status, 404);
    assert_eq!(there.get("/me/videos").await.body["total"], 0);
    world.clock().advance(Duration::from_secs(1_000_000));
    assert!(world.clock().now() - sandbox.clock().now() > chrono::TimeDelta::days(10));
    assert_eq!(world.stored(id), None);
    assert_ne!(world.client_id(), sandbox.client_id());

    let entries = sandbox.journal();
    let worlds: Vec<Option<u64>> = entries.iter().map(|entry| entry.world).collect();
    assert_eq!(worlds, [Some(1), Some(1), Some(2), Some(2)]);
    assert_eq!(entries[1].host, Host::Upload);
    assert_eq!(entries[0].operation, Some("upload_video_alt1"));
    assert_eq!((entries[0].seq, entries[0].status), (1, Some(201)));
    assert_eq!((entries[1].status, entries[1].answered_offset), (Some(204), Some(5)));
    assert_eq!(entries[1].header("tus-resumable"), Some("1.0.0"));
    assert_ne!(entries[0].token, entries[2].token);
    sandbox.clear_journal();
    assert!(sandbox.journal().is_empty());
}

#[tokio::test]
async fn the_same_seed_and_script_give_the_same_answers() {
    let mut runs = Vec::new();
    for seed in [7, 7, 8] {
        let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let sandbox = Sandbox::builder().clock(Clock::frozen(start)).seed(seed).start().await.unwrap();
        let client = Client::new(&sandbox);
        sandbox.seed_videos(3);
        let id = client.upload("File", b"bytes").await;
        let tracks = json!({"type": "captions", "language": "en", "name": "English"});
        client.send("POST", &format!("/videos/{id}/texttracks"), tracks).await;
        sandbox.clock().advance(Duration::from_secs(60));
        let all = client.get("/me/videos").await.body.to_string();
        // The port is the system's to pick.
        runs.push(all.replace(sandbox.upload_url().as_str(), "http://upload/"));
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}
