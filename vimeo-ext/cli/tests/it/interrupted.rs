//! Killed and interrupted: nothing is lost, nothing is there twice.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::harness::Harness;

const AGAIN: [&str; 10] =
    ["upload", "a.mp4", "b.mp4", "c.mp4", "--transfers", "2", "--bwlimit", "2M", "--chunk-size", "100k"];

fn signal(child: &std::process::Child, name: &str) {
    let status = std::process::Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

fn files(harness: &Harness) {
    for (name, size) in [("a.mp4", 700_000), ("b.mp4", 600_000), ("c.mp4", 500_000)] {
        harness.file(name, size);
    }
}

/// All files are videos, whole, and there are no others.
fn all_there(harness: &Harness) {
    let list = harness.run(&["videos", "list", "--json=uri,name"]).json();
    let mut names: Vec<&str> =
        list.as_array().unwrap().iter().map(|video| video["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["a", "b", "c"]);
    for video in list.as_array().unwrap() {
        let number = video["uri"].as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap();
        let file = format!("{}.mp4", video["name"].as_str().unwrap());
        assert_eq!(
            harness.sandbox.bytes(number).unwrap(),
            std::fs::read(harness.path(&file)).unwrap(),
            "{file}"
        );
    }
}

#[test]
fn killed_at_any_moment_the_same_command_goes_on() {
    let harness = Harness::new();
    files(&harness);
    for wait in [40, 90, 130, 180, 240, 310] {
        let mut child = harness.vimeo(&AGAIN).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    harness.run(&AGAIN).good();
    all_there(&harness);
}

/// Starts the command, and waits until it has shown its first progress: from then on it listens to signals.
fn started(harness: &Harness) -> (Child, BufReader<ChildStderr>) {
    let args = [&AGAIN[..], &["--progress", "json"]].concat();
    let mut command = harness.vimeo(&args);
    // So seldom that only a signal can be what is answered.
    command.env("VIMEO_PROGRESS_FPS", "0.001");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    err.read_line(&mut first).unwrap();
    assert!(first.contains("\"status\""), "{first}");
    (child, err)
}

#[test]
fn an_interrupt_says_how_to_go_on() {
    let harness = Harness::new();
    files(&harness);
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        let (mut child, mut err) = started(&harness);
        signal(&child, name);
        let mut rest = String::new();
        err.read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{rest}");
        assert!(rest.contains("run the same command again"), "{rest}");
    }
    harness.run(&AGAIN).good();
    all_there(&harness);
}

#[test]
fn a_signal_asks_how_far_it_is() {
    let harness = Harness::new();
    files(&harness);
    let (mut child, mut err) = started(&harness);
    signal(&child, "-USR1");
    let mut rest = String::new();
    err.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success(), "{rest}");
    let kinds: Vec<Value> = rest
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["message_type"].clone())
        .collect();
    assert_eq!(kinds, ["status", "summary"], "{rest}");
}
