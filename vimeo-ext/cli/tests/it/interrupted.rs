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
            harness.sandbox.upload_bytes(number).unwrap(),
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

/// Waits until the process has taken these signals for itself: bits of a mask, the first for signal 1.
#[cfg(target_os = "linux")]
fn listens(child: &Child, mask: u64) {
    loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        if u64::from_str_radix(caught.trim(), 16).unwrap() & mask == mask {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(target_os = "linux")]
const INTERRUPT_AND_TERMINATE: u64 = 1 << 1 | 1 << 14;

#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_every_wait_for_input_output_or_a_filter() {
    let harness = Harness::new();
    harness.sandbox.add_videos(250);
    let fifo = harness.path("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let fifo = format!("name=@{}", fifo.display());
    let waits: [&[&str]; 8] = [
        &["api", "POST", "/me/albums", "--input", "-"],
        &["api", "POST", "/me/albums", "-F", "name=@-"],
        &["api", "POST", "/me/albums", "-F", &fifo],
        &["api", "POST", "/me/albums", "--input", "fifo"],
        &["tools", "call", "vimeo_me_get", "-"],
        // Nobody reads these.
        &["api", "/me/videos", "--paginate"],
        &["api", "/me", "--jq", "range(infinite)"],
        // One step that takes for ever.
        &["api", "/me", "--jq", "last(range(1e15))"],
    ];
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        for args in waits {
            let mut command = harness.vimeo(&[args, &["--json"]].concat());
            if args.contains(&"--paginate") || args.contains(&"--jq") {
                command = harness.vimeo(args);
            }
            let mut child =
                command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            listens(&child, INTERRUPT_AND_TERMINATE);
            signal(&child, name);
            let (_input, mut said) = (child.stdin.take(), String::new());
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            assert_eq!(child.wait().unwrap().code(), Some(code), "{name} {args:?}: {said}");
            assert_eq!(said.matches("vimeo: ").count(), 1, "{name} {args:?}: {said}");
            if !args.contains(&"--paginate") && !args.contains(&"--jq") {
                let last: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
                assert_eq!(last["error"]["code"], code, "{name} {args:?}: {said}");
            }
        }
        let args = ["auth", "login", "--with-token", "--insecure-storage"];
        let mut command = harness.stranger(&args);
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        // It stays open.
        let _input = child.stdin.take();
        listens(&child, INTERRUPT_AND_TERMINATE);
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(code));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_closed_terminal_ends_the_command_with_a_word_but_not_under_nohup() {
    const HANG_UP: u64 = 1;
    let harness = Harness::new();
    // Whoever runs the tests may ignore the signal himself, and children would inherit that.
    let through = |program: &str, arguments: &[&str]| {
        let vimeo = harness.vimeo(&["api", "POST", "/me/albums", "--input", "-"]);
        let mut command = std::process::Command::new(program);
        command.args(arguments).arg(vimeo.get_program()).args(vimeo.get_args()).current_dir(harness.path(""));
        for (name, value) in vimeo.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    };
    let mut command = through("env", &["--default-signal=HUP"]);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    listens(&child, INTERRUPT_AND_TERMINATE | HANG_UP);
    signal(&child, "-HUP");
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(129), "{said}");
    assert!(said.contains("the terminal was closed"), "{said}");

    let mut command = through("nohup", &[]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    listens(&child, INTERRUPT_AND_TERMINATE);
    signal(&child, "-HUP");
    use std::io::Write;
    child.stdin.take().unwrap().write_all(br#"{"name": "Trailers"}"#).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
