//! The stable exit codes and their causes.

use std::net::TcpListener;

use serde_json::Value;
use vimeo_sandbox::{Effect, Fault, Quota, RateLimit, Sandbox, Transcode};

use crate::harness::{Harness, Run};

#[test]
fn errors_map_to_exit_codes() {
    let harness = Harness::new();
    harness.run(&["api", "/me"]).fails(0, &[]);
    harness.run(&["frobnicate"]).fails(2, &["frobnicate"]);
    harness.run(&["videos", "show", "not a video"]).fails(2, &["not a video"]);
    harness.run(&["videos", "show", "999"]).fails(3, &["404"]);
    Run::of(harness.logged_out(&["videos", "list"]).output().unwrap())
        .fails(4, &["not logged in", "vimeo auth login"]);

    let mut refused = harness.vimeo(&["api", "/me"]);
    refused.env("VIMEO_ACCESS_TOKEN", "of yesterday");
    Run::of(refused.output().unwrap()).fails(4, &["401", "vimeo auth login"]);

    let mut narrow = harness.vimeo(&["folders", "create", "x"]);
    narrow.env("VIMEO_ACCESS_TOKEN", harness.sandbox.issue_token("private"));
    Run::of(narrow.output().unwrap()).fails(4, &["`create`", "--scopes create"]);

    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut unreachable = harness.vimeo(&["api", "/me"]);
    unreachable.env("VIMEO_BASE_URL", format!("http://{unused}"));
    Run::of(unreachable.output().unwrap()).fails(5, &["connecting failed", "vimeo doctor"]);

    harness.run(&["videos", "edit", "1", "--name", "x", "--read-only"]).fails(11, &["--read-only"]);
    harness.run(&["videos", "delete", "1"]).fails(2, &["cannot prompt", "--yes"]);
}

#[test]
fn exceeded_quota_is_refused() {
    let harness = Harness::with(Sandbox::builder().quota(Quota::new(10, 10)));
    harness.file("film.mp4", 1000);
    harness.run(&["upload", "film.mp4"]).fails(6, &["film.mp4"]);
}

#[test]
fn rate_limited_calls_suggest_limits() {
    let harness = Harness::with(Sandbox::builder().rate_limit(RateLimit::new(1, 1)));
    harness.run(&["api", "/me"]).success();
    let run = harness.run(&["api", "/me", "--wait-for-limit", "0s"]);
    run.fails(7, &["retry at", "vimeo limits"]);
}

#[test]
fn transcoding_timeout_is_pending() {
    let harness = Harness::with(Sandbox::builder().transcode(Transcode::Manual));
    harness.file("film.mp4", 1000);
    let run = harness.run(&["upload", "film.mp4", "--wait", "--wait-timeout", "1s"]);
    assert_eq!(run.code, 8, "{run:?}");
    assert!(run.out.contains("transcoding"), "{run:?}");
}

#[test]
fn json_error_is_the_last_line() {
    let harness = Harness::new();
    let run = harness.run(&["videos", "show", "999", "--json=name"]);
    let last: Value = serde_json::from_str(run.err.lines().last().unwrap()).unwrap();
    let error = &last["error"];
    assert_eq!((&error["code"], &error["category"]), (&3.into(), &"not_found".into()), "{run:?}");
    assert_eq!((&error["retryable"], &error["status"]), (&false.into(), &404.into()));
    assert!(error.as_object().unwrap().contains_key("request_id"));

    // Usage errors too.
    let run = harness.run(&["videos", "list", "--json=uri", "--frobnicate"]);
    run.fails(2, &["error: unexpected argument '--frobnicate'", "Usage: "]);
    let last: Value = serde_json::from_str(run.err.lines().last().unwrap()).unwrap();
    assert_eq!((&last["error"]["code"], &last["error"]["category"]), (&2.into(), &"usage".into()));
    assert!(last["error"]["message"].as_str().unwrap().starts_with("unexpected argument"), "{last}");
    let run = harness.run(&["ops", "--json"]);
    let last: Value = serde_json::from_str(run.err.lines().last().unwrap()).unwrap();
    let message = last["error"]["message"].as_str().unwrap();
    assert!(message.ends_with("were not provided: <WORDS>..."), "{last}");
    // Errors that people have already seen, too.
    let mut refused = harness.vimeo(&["doctor", "--json"]);
    refused.env("VIMEO_ACCESS_TOKEN", "of yesterday");
    let run = Run::of(refused.output().unwrap());
    let last: Value = serde_json::from_str(run.err.lines().last().unwrap()).unwrap();
    assert_eq!(last["error"]["code"], 4, "{run:?}");
    assert!(last["error"]["message"].as_str().unwrap().contains("401"), "{run:?}");
    let help = harness.run(&["videos", "list", "--json", "--help"]);
    assert_eq!(help.err, "", "{help:?}");
}

#[test]
fn server_errors_are_temporary() {
    let harness = Harness::new();
    harness.sandbox.add_fault(Fault::new(Effect::Html(502)).method(http::Method::POST).times(9));
    harness.run(&["folders", "create", "x"]).fails(5, &["502"]);
}

#[test]
fn sandbox_run_returns_the_exit_code_of_its_child() {
    let harness = Harness::new();
    harness.run(&["sandbox", "run", "--", "sh", "-c", "exit 42"]).fails(42, &[]);
    let out = harness.run(&["sandbox", "run", "--", "sh", "-c", "echo $VIMEO_BASE_URL"]).success();
    assert!(out.starts_with("http://127.0.0.1:"), "{out}");
    harness.run(&["sandbox", "run", "--", "no-such-program-anywhere"]).fails(127, &["cannot run"]);
}
