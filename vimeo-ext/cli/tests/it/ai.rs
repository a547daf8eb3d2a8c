//! `vimeo ai`.

use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use vimeo_sandbox::{Plan, Sandbox, Transcode};

use crate::harness::Harness;

/// An account with AI features, whose jobs take an hour, and a video with captions.
fn harness() -> (Harness, String) {
    let builder = Sandbox::builder().plan(Plan::Enterprise).transcode(Transcode::After(HOUR));
    let harness = Harness::with(builder);
    harness.sandbox.clock().freeze();
    let video = harness.sandbox.add_videos(1)[0].to_string();
    let track = json!({"type": "captions", "language": "en", "name": "English"});
    let client = harness.client();
    let made = async { client.post(&format!("/videos/{video}/texttracks")).json(&track).send().await };
    harness.runtime.block_on(made).unwrap();
    (harness, video)
}

const HOUR: Duration = Duration::from_secs(3600);

fn posts(harness: &Harness, end: &str) -> usize {
    harness.requests().iter().filter(|seen| seen.starts_with("POST") && seen.ends_with(end)).count()
}

#[test]
fn job_is_followed_by_its_identifier_in_another_process() {
    let (harness, video) = harness();
    for (line, job) in [
        (vec!["transcribe", &video], format!("transcribe/{video}")),
        (vec!["translate", &video, "--language", "de"], format!("translate/{video}/de")),
        (vec!["dub", &video, "--language", "fr"], format!("dub/{video}/fr")),
    ] {
        let kind = line[0];
        let start = [&["ai"], &line[..], &["--no-wait", "--json"]].concat();
        let run = harness.run(&start);
        assert!(run.err.contains("AI credits"), "{run:?}");
        let started = run.json();
        assert_eq!((&started["job"], &started["finished"]), (&json!(job), &json!(false)), "{started}");
        harness.sandbox.clock().advance(HOUR);
        let done = harness.run(&["ai", kind, "--job", &job, "--json"]).json();
        assert_eq!((&done["status"], &done["finished"]), (&json!("completed"), &json!(true)), "{done}");
        assert!(done["texttrack_id"].is_u64(), "{done}");
        assert_eq!(done["audiotrack_uri"].is_string(), kind == "dub", "{done}");
    }
    assert_eq!(posts(&harness, ""), 4, "the captions and one for each job");
}

#[test]
fn same_command_continues_after_a_kill() {
    let (harness, video) = harness();
    let line = ["ai", "dub", &video, "--language", "de"];
    let mut child = harness.vimeo(&line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while posts(&harness, "/dubbing") == 0 {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    harness.sandbox.clock().advance(HOUR);
    let out = harness.run(&line).success();
    assert!(out.contains(&format!("dub/{video}/de")) && out.contains("audio track"), "{out}");
    assert_eq!(posts(&harness, "/dubbing"), 1, "nothing was started twice");
}

#[test]
fn suggestions_and_refusals_are_printed() {
    let (harness, video) = harness();
    let first = harness.run(&["ai", "suggest", &video, "--no-wait", "--json"]).json();
    assert_eq!((&first["job"], &first["finished"]), (&json!(format!("suggest/{video}")), &json!(true)));
    assert!(first["suggested"]["tags"].is_array(), "{first}");
    harness.run(&["ai", "translate", "--job", &format!("translate/{video}/de")]).fails(3, &["start it"]);
    harness.run(&["ai", "dub", "--job", "dub/7"]).fails(2, &["the language is missing"]);
    harness.run(&["ai", "dub", &video]).fails(2, &["--language"]);
    let wait = ["ai", "transcribe", &video, "--wait-timeout", "1s"];
    harness.run(&wait).fails(8, &["it continues at Vimeo"]);

    let other = Harness::new();
    let video = other.sandbox.add_videos(1)[0].to_string();
    other.run(&["ai", "transcribe", &video]).fails(6, &["Enterprise"]);
}
