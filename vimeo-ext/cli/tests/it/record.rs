//! `vimeo sandbox record`: the command against one sandbox, recorded, and played by another.

use serde_json::Value;

use crate::harness::{Harness, Run};

/// The names and types of a JSON document.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::String(_) => "string".into(),
        Value::Number(_) => "number".into(),
        other => other.clone(),
    }
}

#[test]
fn recorded_commands_play_without_the_account() {
    let harness = Harness::new();
    harness.sandbox.add_videos(3);
    harness.file("film.mp4", 3000);
    let vimeo = env!("CARGO_BIN_EXE_vimeo");
    let list = [vimeo, "videos", "list", "--json=uri,name,link,privacy"];
    let upload = [vimeo, "upload", "film.mp4", "--name", "A secret", "--json=uri"];
    let target = harness.sandbox.url().as_str();
    for (command, file) in [(&list[..], "list.jsonl"), (&upload[..], "upload.jsonl")] {
        let record = ["sandbox", "record", "--base-url", target, "--output", file, "--"];
        let mut recording = harness.vimeo(&[&record[..], command].concat());
        // The recorder's own base URL takes its place in the command.
        recording.env_remove("VIMEO_BASE_URL");
        let recorded = Run::of(recording.output().unwrap());
        assert!(recorded.err.contains(&format!(" to {file}; play")), "{recorded:?}");
        let recorded = recorded.json();
        let stored = std::fs::read_to_string(harness.path(file)).unwrap();
        for private in [harness.sandbox.token(), "Sandbox User", "Video 1", "A secret"] {
            assert!(!stored.contains(private), "{private} is in {stored}");
        }
        let requests = harness.requests().len();
        let play = ["sandbox", "run", "--fixture", file, "--"];
        let played = Run::of(harness.logged_out(&[&play[..], command].concat()).output().unwrap()).json();
        assert_eq!(shape(&played), shape(&recorded));
        assert_eq!(harness.requests().len(), requests);
    }
}
