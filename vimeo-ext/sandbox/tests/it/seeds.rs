//! Seeds, fixtures and mutated responses.

use std::time::Duration;

use chrono::DateTime;
use serde_json::json;
use vimeo_sandbox::{Clock, FillError, Fixture, Mutation, Sandbox, Transcode};

use crate::client::Client;

#[tokio::test]
async fn small_fixture_has_every_resource_kind() {
    let sandbox = Sandbox::builder().transcode(Transcode::Immediate).start().await.unwrap();
    assert_eq!(sandbox.fill(sandbox.world(), &Fixture::Small).unwrap(), 3);
    let client = Client::new(&sandbox);
    for path in ["/me/projects", "/me/albums", "/me/channels", "/me/watchlater"] {
        assert_eq!(client.get(path).await.body["total"], 1, "{path}");
    }
    let videos = client.get("/me/videos?sort=alphabetical&direction=asc").await;
    assert_eq!(videos.names(), ["Beach", "Mountain", "Still coming"]);
    let beach = &videos.body["data"][0];
    assert_eq!((&beach["status"], &beach["tags"][0]["canonical"]), (&json!("available"), &json!("summer")));
    assert!(sandbox.request_log().iter().all(|entry| entry.path.starts_with("/me/")));
}

#[tokio::test]
async fn fixture_errors_name_line() {
    let sandbox = Sandbox::start().await.unwrap();
    for (text, line, expected_text) in [
        ("[[step]]\ncall = \"GET /me\"\nstrange = 1\n", 3, "unknown field `strange`"),
        ("[[step]]\ncall =", 2, ""),
        ("\n[[step]]\ncall = \"GET /nothing/here\"\n", 3, "returned 404"),
        ("[[step]]\ncall = \"GET\"\n", 2, "a method and a path"),
        ("[[step]]\ncall = \"GET ${video.uri}\"\n", 2, "no earlier step is named \"video\""),
        (
            "[[step]]\nname = \"me\"\ncall = \"GET /me\"\n[[step]]\ncall = \"GET ${me.nose}\"\n",
            5,
            "has no \"nose\"",
        ),
        ("[[step]]\ncall = \"GET /me\"\nstatus = 404\n", 2, "returned 200"),
        ("[[step]]\ncall = \"GET /me\"\nsend = \"x\"\n", 2, "upload link"),
    ] {
        let FillError::Fixture(error) =
            sandbox.fill(sandbox.world(), &Fixture::Toml(text.into())).unwrap_err()
        else {
            panic!("another error");
        };
        assert_eq!(error.line, line, "{text}: {error}");
        assert!(error.message.contains(expected_text), "{text}: {error}");
    }
    let client = Client::new(&sandbox);
    let refused = client.send("POST", "/_sandbox/seed", json!({"fixture": "x"})).await;
    assert!(refused.body["error"].as_str().unwrap().starts_with("line 1: "), "{refused:?}");
    assert_eq!(client.send("POST", "/_sandbox/seed", json!("small")).await.body["videos"], 3);
}

#[tokio::test]
async fn mutation_is_deterministic_per_seed() {
    let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let mut all = Vec::new();
    for (seed, mutation) in [
        (7, None),
        (7, Some(Mutation::Fuzz)),
        (7, Some(Mutation::Fuzz)),
        (8, Some(Mutation::Fuzz)),
        (7, Some(Mutation::Old)),
    ] {
        let sandbox = Sandbox::builder().seed(seed).clock(Clock::frozen(start)).start().await.unwrap();
        sandbox.fill(sandbox.world(), &Fixture::Small).unwrap();
        let client = Client::new(&sandbox);
        // `drift` is the name in earlier releases.
        for name in ["drift", "mutation"] {
            client.send("POST", "/_sandbox/transitions", json!({"mutation": null})).await;
            let set = client.send("POST", "/_sandbox/transitions", json!({name: mutation})).await;
            let shown = (&set.body["mutation"], &set.body["drift"]);
            assert_eq!(shown, (&json!(mutation), &json!(mutation)), "{name}");
        }
        let videos = client.get("/me/videos").await.body;
        assert_eq!((videos["total"].as_u64(), videos["data"].as_array().unwrap().len()), (Some(3), 3));
        all.push(videos.to_string().replace(sandbox.upload_url().as_str(), "http://upload/"));
    }
    assert_eq!(all[1], all[2]);
    assert!(all[0] != all[1] && all[1] != all[3] && all[1] != all[4]);
}

/// The same script produces the same bytes: responses with headers, and the request log.
#[tokio::test]
async fn same_script_gives_identical_bytes() {
    let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let mut runs = Vec::new();
    for run in 0..2 {
        let sandbox = Sandbox::builder().clock(Clock::frozen(start)).start().await.unwrap();
        // Requests to other worlds change nothing; the second run has more of them.
        let other = sandbox.add_world(99);
        let busy = Client::in_world(&sandbox, &other);
        let client = Client::new(&sandbox);
        let mut seen = String::new();
        for step in 0..3 {
            for _ in 0..=run {
                busy.get("/me").await;
            }
            let id = client.upload(&format!("Video {step}"), b"bytes").await;
            sandbox.clock().advance(Duration::from_secs(30));
            client.send("PUT", &format!("/videos/{id}/tags/one"), json!({})).await;
            let answer = client.get("/me/videos").await;
            let headers = format!("{:?}", answer.headers);
            seen += &(headers + &answer.body.to_string())
                .replace(sandbox.upload_url().as_str(), "http://upload/");
        }
        assert!(seen.contains("Tue, 14 Nov 2023 22:14:50 GMT"), "{seen}");
        let request_log =
            client.request("GET", "/_sandbox/requests?world=1&stable=true").send().await.unwrap();
        seen += &request_log.text().await.unwrap();
        runs.push(seen);
    }
    assert_eq!(runs[0], runs[1]);
}
