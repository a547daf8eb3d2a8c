//! Isolation of worlds, determinism, ports of worlds, and the request log.

use std::time::Duration;

use chrono::DateTime;
use serde_json::json;
use vimeo_sandbox::{Clock, Effect, Fault, Host, Sandbox, Scopes, StartError};

use crate::client::Client;

#[tokio::test]
async fn worlds_are_isolated() {
    let sandbox = Sandbox::start().await.unwrap();
    let world = sandbox.add_world(5);
    let (here, there) = (Client::new(&sandbox), Client::in_world(&sandbox, &world));
    let id = here.upload("Here", b"bytes").await;
    assert_eq!(there.get(&format!("/videos/{id}")).await.status, 404);
    assert_eq!(there.get("/me/videos").await.body["total"], 0);
    world.clock().advance(Duration::from_secs(1_000_000));
    assert!(world.clock().now() - sandbox.clock().now() > chrono::TimeDelta::days(10));
    assert_eq!(world.stored_upload(id), None);
    assert_ne!(world.client_id(), sandbox.client_id());

    let entries = sandbox.request_log();
    let worlds: Vec<Option<u64>> = entries.iter().map(|entry| entry.world).collect();
    assert_eq!(worlds, [Some(1), Some(1), Some(2), Some(2)]);
    assert_eq!(entries[1].host, Host::Upload);
    assert_eq!(entries[0].operation, Some("upload_video_alt1"));
    assert_eq!((entries[0].seq, entries[0].status), (1, Some(200)));
    assert_eq!((entries[1].status, entries[1].response_offset), (Some(204), Some(5)));
    assert_eq!(entries[1].header("tus-resumable"), Some("1.0.0"));
    assert_ne!(entries[0].token_fingerprint, entries[2].token_fingerprint);
    there.get("/me/movies").await;
    let unknown = sandbox.request_log().pop().unwrap();
    assert_eq!((unknown.world, unknown.status), (Some(2), Some(404)));
    assert!(unknown.nearest_operation.is_some());
    sandbox.clear_request_log();
    assert!(sandbox.request_log().is_empty());
}

#[tokio::test]
async fn same_seed_and_script_give_same_responses() {
    let mut runs = Vec::new();
    for seed in [7, 7, 8] {
        let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let sandbox = Sandbox::builder().clock(Clock::frozen(start)).seed(seed).start().await.unwrap();
        let client = Client::new(&sandbox);
        sandbox.add_videos(3);
        let id = client.upload("File", b"bytes").await;
        let tracks = json!({"type": "captions", "language": "en", "name": "English"});
        client.send("POST", &format!("/videos/{id}/texttracks"), tracks).await;
        sandbox.clock().advance(Duration::from_secs(60));
        let all = client.get("/me/videos").await.body.to_string();
        // The system chooses the port.
        runs.push(all.replace(sandbox.upload_url().as_str(), "http://upload/"));
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

#[tokio::test]
async fn port_serves_one_world() {
    for one_host in [false, true] {
        let sandbox =
            Sandbox::builder().one_host(one_host).token("same", Scopes::all()).start().await.unwrap();
        let world = sandbox.add_world_on_port(5, 0).await.unwrap();
        let url = sandbox.world_url(&world);
        assert_ne!((url.port(), world.token()), (sandbox.url().port(), "another"));
        let (here, there) = (Client::new(&sandbox), Client::at(url.as_str(), "same"));
        let id = here.upload("Here", b"bytes").await;
        assert_eq!(there.get(&format!("/videos/{id}")).await.status, 404);
        assert_eq!(there.get("/me/videos").await.body["total"], 0);

        // Upload links lead to the world of the upload, and to its port if there is one host.
        let (own, link) = there.create("There", 5).await;
        assert_eq!(link.starts_with(url.as_str()), one_host, "{link}");
        assert_eq!(there.patch(&link, 0, "bytes").send().await.unwrap().status(), 204);
        assert!(world.stored_upload(own).unwrap().complete);
        assert_eq!(here.get("/me/videos").await.names(), ["Here"]);
        if one_host {
            // Links of other worlds are invalid here.
            let (_, other) = here.create("Half", 5).await;
            let other = other.replace(sandbox.url().as_str(), url.as_str());
            assert_eq!(there.head(&other).send().await.unwrap().status(), 404);
        }

        // Only tokens of this world are accepted here, and they are accepted only here.
        let issued = world.issue_token("public");
        assert_eq!(Client::at(url.as_str(), &issued).get("/videos?fields=uri").await.status, 200);
        assert_eq!(Client::with_token(&sandbox, &issued).get("/videos?fields=uri").await.status, 401);
        let issued = sandbox.issue_token("public");
        assert_eq!(Client::at(url.as_str(), &issued).get("/videos?fields=uri").await.status, 401);

        // The control API, faults and the request log use this world, even without a token.
        assert_eq!(there.get("/_sandbox/clock").await.body["world"], 2);
        let bare = Client::at(url.as_str(), "");
        let described = bare.get("/_sandbox/worlds/this").await.body;
        assert_eq!((&described["world"], &described["url"]), (&json!(2), &json!(url.as_str())));
        sandbox.add_fault(Fault::new(Effect::Status(503)).world(2));
        assert_eq!(here.get("/me").await.status, 200);
        assert_eq!(bare.get("/me").await.status, 503);
        let last = sandbox.request_log().pop().unwrap();
        assert_eq!((last.world, last.token_fingerprint), (Some(2), None));
        assert_eq!(world.client_id(), described["client_id"].as_str().unwrap());

        assert!(sandbox.remove_world(&world));
        assert!(there.request("GET", "/me").send().await.is_err());
        assert!(sandbox.request_log().iter().all(|entry| entry.world != Some(2)));
    }
}

#[tokio::test]
async fn taken_port_creates_no_world() {
    let sandbox = Sandbox::start().await.unwrap();
    let taken = sandbox.url().port().unwrap();
    let error = sandbox.add_world_on_port(1, taken).await.unwrap_err();
    assert!(matches!(error, StartError::Listen { .. }), "{error}");
    let control = Client::with_token(&sandbox, "");
    let refused = control.send("POST", "/_sandbox/worlds", json!({"port": taken})).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body["error"].as_str().unwrap().contains("choose another port"), "{refused:?}");
    let refused = control.send("POST", "/_sandbox/worlds", json!({"fill": {"fixture": "x"}})).await;
    assert!(refused.body["error"].as_str().unwrap().starts_with("fill: line 1: "), "{refused:?}");
    assert_eq!(sandbox.worlds().len(), 1);
    let made = control.send("POST", "/_sandbox/worlds", json!({"port": 0, "fill": {"videos": 2}})).await;
    let client = Client::at(made.body["url"].as_str().unwrap(), sandbox.token());
    assert_eq!(client.get("/me/videos").await.body["total"], 2);
}

#[tokio::test]
async fn world_keeps_its_port() {
    let folder = crate::test_folder();
    let begin = || Sandbox::builder().state(folder.path()).start();
    let sandbox = begin().await.unwrap();
    // A port that is free now.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let world = sandbox.add_world_on_port(3, free).await.unwrap();
    let id = Client::at(sandbox.world_url(&world).as_str(), sandbox.token()).upload("One", b"1").await;
    let document = sandbox.export_state().unwrap();
    let other = Sandbox::start().await.unwrap();
    assert_eq!(other.import_state(&document).unwrap(), 2);
    let url = other.world_url(&other.worlds()[1]);
    assert_ne!(url.port(), Some(free));
    assert_eq!(Client::at(url.as_str(), other.token()).get(&format!("/videos/{id}")).await.status, 200);

    sandbox.stop().await;
    let sandbox = begin().await.unwrap();
    let url = sandbox.world_url(&sandbox.worlds()[1]);
    assert_eq!(url.port(), Some(free));
    assert_eq!(Client::at(url.as_str(), sandbox.token()).get(&format!("/videos/{id}")).await.status, 200);
    sandbox.stop().await;
    let _taken = std::net::TcpListener::bind(("127.0.0.1", free)).unwrap();
    let error = begin().await.unwrap_err().to_string();
    assert!(error.contains(&format!("127.0.0.1:{free}")), "{error}");
}

#[tokio::test]
async fn control_api_lists_uploads() {
    let sandbox = Sandbox::builder().digest(false).start().await.unwrap();
    let hashing = Sandbox::start().await.unwrap();
    // The SHA-256 of "bytes", computed with another program.
    let digest = json!("277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9");
    for (sandbox, sha256) in [(sandbox, json!(null)), (hashing, digest)] {
        let client = Client::new(&sandbox);
        let id = client.upload("One", b"bytes").await;
        let video = format!("/videos/{id}");
        let expected =
            json!([{"video": video, "size": 5, "received": 5, "complete": true, "sha256": sha256}]);
        assert_eq!(client.get("/_sandbox/uploads").await.body["uploads"], expected);
    }
}
