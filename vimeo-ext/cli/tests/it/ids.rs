//! IDs, URIs and links on the command line; quotas in their units.

use serde_json::json;
use vimeo_sandbox::{Quota, Sandbox};

use crate::harness::Harness;

/// Returns the requests of a command, without token verification.
fn requests_of(harness: &Harness, args: &[&str]) -> Vec<String> {
    harness.sandbox.clear_request_log();
    let _ = harness.run(args);
    let made = harness.requests();
    made.into_iter().filter(|request| !request.contains("/oauth/verify")).collect()
}

#[test]
fn keeps_owners_and_hashes_of_links() {
    let harness = Harness::new();
    let cases: [(&[&str], &str); 15] = [
        (&["videos", "show", "https://vimeo.com/manage/videos/76979871/download"], "GET /videos/76979871"),
        (&["videos", "show", "https://vimeo.com/76979871/settings"], "GET /videos/76979871"),
        (
            &["videos", "edit", "https://vimeo.com/manage/videos/76979871/privacy", "--name", "x"],
            "PATCH /videos/76979871",
        ),
        (&["videos", "show", "https://vimeo.com/7/a1b2c3d4e5"], "GET /videos/7:a1b2c3d4e5"),
        (&["videos", "show", "https://player.vimeo.com/video/7/a1b2c3d4e5"], "GET /videos/7:a1b2c3d4e5"),
        (&["folders", "videos", "https://vimeo.com/user/7/folder/9"], "GET /users/7/projects/9/videos"),
        (&["folders", "videos", "9"], "GET /me/projects/9/videos"),
        (
            &["folders", "add", "/users/7/projects/9", "https://vimeo.com/7/a1b2c3d4e5"],
            "PUT /users/7/projects/9/videos/7:a1b2c3d4e5",
        ),
        (&["showcases", "videos", "/users/7/albums/5"], "GET /users/7/albums/5/videos"),
        (&["showcases", "videos", "https://vimeo.com/showcase/5/embed2"], "GET /me/albums/5/videos"),
        (
            &["showcases", "add", "/users/7/albums/5", "7:a1b2c3d4e5"],
            "PUT /users/7/albums/5/videos/7:a1b2c3d4e5",
        ),
        (
            &["showcases", "remove", "/users/7/albums/5", "7:a1b2c3d4e5"],
            "DELETE /users/7/albums/5/videos/7:a1b2c3d4e5",
        ),
        (&["replace", "7:a1b2c3d4e5", "film.mp4"], "POST /videos/7:a1b2c3d4e5/versions"),
        (
            &["texttrack", "7:a1b2c3d4e5", "film.vtt", "--language", "en"],
            "POST /videos/7:a1b2c3d4e5/texttracks",
        ),
        (&["picture", "7:a1b2c3d4e5", "film.png"], "POST /videos/7:a1b2c3d4e5/pictures"),
    ];
    harness.file("film.mp4", 100);
    std::fs::write(harness.path("film.vtt"), "WEBVTT\n\n00:01.000 --> 00:02.000\nWaves\n").unwrap();
    std::fs::write(harness.path("film.png"), b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").unwrap();
    for (args, request) in cases {
        let requests = requests_of(&harness, args);
        assert_eq!(requests.first().map(String::as_str), Some(request), "{args:?}: {requests:?}");
    }
    harness.run(&["videos", "show", "https://vimeo.com/76979871/whatever"]).fails(2, &["`whatever`", "no"]);
    harness.run(&["showcases", "videos", "https://vimeo.com/channels/x"]).fails(2, &["a link to a channel"]);
}

#[test]
fn creates_folders_in_a_parent_folder() {
    let harness = Harness::new();
    let outer = harness.run(&["folders", "create", "Outer", "--json=uri"]).json();
    let uri = outer["uri"].as_str().unwrap();
    let number = uri.rsplit('/').next().unwrap();
    for parent in [number, uri] {
        let inner =
            harness.run(&["folders", "create", "Inner", "--parent", parent, "--json=metadata"]).json();
        let found = inner.pointer("/metadata/connections/parent_folder/uri");
        assert_eq!(found, Some(&json!(uri)), "{parent}: {inner}");
    }
}

#[test]
fn shows_video_quotas_in_videos() {
    let harness = Harness::with(Sandbox::builder().quota(Quota::videos(25, 2)));
    harness.sandbox.add_videos(1);
    let limits = harness.run(&["limits"]).success();
    let storage = limits.lines().find(|line| line.contains("storage")).unwrap();
    assert!(storage.contains("1 video") && storage.contains("2 videos"), "{limits}");
    let lifetime = limits.lines().find(|line| line.contains("lifetime")).unwrap();
    assert!(lifetime.contains("24 videos") && lifetime.contains("25 videos"), "{limits}");
    assert!(!limits.contains(" B "), "{limits}");
    let doctor = harness.run(&["doctor"]);
    assert!(doctor.out.contains("1 of 2 videos left"), "{doctor:?}");

    harness.file("film.mp4", 1000);
    harness.run(&["upload", "film.mp4"]).success();
    harness.file("other.mp4", 1000);
    harness.run(&["upload", "other.mp4"]).fails(6, &["other.mp4"]);
}

#[test]
fn unknown_folders_are_refused_before_anything_is_created() {
    let harness = Harness::new();
    harness.file("film.mp4", 100);
    for args in [
        &["folders", "create", "Inner", "--parent", "76979872"][..],
        &["upload", "film.mp4", "--folder", "76979872"],
    ] {
        harness.sandbox.clear_request_log();
        harness.run(args).fails(3, &[]);
        assert_eq!(harness.requests(), ["GET /me/projects/76979872"], "{args:?}");
    }
}
