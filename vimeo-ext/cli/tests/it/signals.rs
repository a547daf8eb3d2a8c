//! Signals: killed and interrupted uploads resume without loss or duplicates.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::harness::Harness;

const UPLOAD: [&str; 10] =
    ["upload", "a.mp4", "b.mp4", "c.mp4", "--transfers", "2", "--bwlimit", "2M", "--chunk-size", "100k"];

fn send_signal(child: &std::process::Child, name: &str) {
    let status = std::process::Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

fn create_files(harness: &Harness) {
    for (name, size) in [("a.mp4", 700_000), ("b.mp4", 600_000), ("c.mp4", 500_000)] {
        harness.file(name, size);
    }
}

/// Asserts that each file is one complete video, and that there are no other videos.
fn assert_all_uploaded(harness: &Harness) {
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
fn killed_uploads_resume() {
    let harness = Harness::new();
    create_files(&harness);
    for wait in [40, 90, 130, 180, 240, 310] {
        let mut child = harness.vimeo(&UPLOAD).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    harness.run(&UPLOAD).success();
    assert_all_uploaded(&harness);
}

/// Starts an upload and waits for its first progress line; from then on it handles signals.
fn start_upload(harness: &Harness) -> (Child, BufReader<ChildStderr>) {
    let args = [&UPLOAD[..], &["--progress", "json"]].concat();
    let mut command = harness.vimeo(&args);
    // So rarely that only a signal can cause further lines.
    command.env("VIMEO_PROGRESS_FPS", "0.001");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    err.read_line(&mut first).unwrap();
    assert!(first.contains("\"status\""), "{first}");
    (child, err)
}

#[test]
fn interrupted_uploads_say_how_to_resume() {
    let harness = Harness::new();
    create_files(&harness);
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        let (mut child, mut err) = start_upload(&harness);
        send_signal(&child, name);
        let mut rest = String::new();
        err.read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{rest}");
        assert!(rest.contains("run the same command again"), "{rest}");
    }
    harness.run(&UPLOAD).success();
    assert_all_uploaded(&harness);
}

#[test]
fn sigusr1_prints_progress() {
    let harness = Harness::new();
    create_files(&harness);
    let (mut child, mut err) = start_upload(&harness);
    send_signal(&child, "-USR1");
    let mut rest = String::new();
    err.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success(), "{rest}");
    let kinds: Vec<Value> = rest
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["message_type"].clone())
        .collect();
    assert_eq!(kinds, ["status", "summary"], "{rest}");
}

/// Waits until the process has handlers for these signals. Bit 0 of the mask is signal 1.
#[cfg(target_os = "linux")]
fn wait_for_handlers(child: &Child, mask: u64) {
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
fn signals_end_blocking_input_output_and_filters() {
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
        // Output that nobody reads.
        &["api", "/me/videos", "--paginate"],
        &["api", "/me", "--jq", "range(infinite)"],
        // A single filter step that never ends.
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
            wait_for_handlers(&child, INTERRUPT_AND_TERMINATE);
            send_signal(&child, name);
            let (_input, mut stderr) = (child.stdin.take(), String::new());
            child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
            assert_eq!(child.wait().unwrap().code(), Some(code), "{name} {args:?}: {stderr}");
            assert_eq!(stderr.matches("vimeo: ").count(), 1, "{name} {args:?}: {stderr}");
            if !args.contains(&"--paginate") && !args.contains(&"--jq") {
                let last: Value = serde_json::from_str(stderr.lines().last().unwrap()).unwrap();
                assert_eq!(last["error"]["code"], code, "{name} {args:?}: {stderr}");
            }
        }
        let args = ["auth", "login", "--with-token", "--insecure-storage"];
        let mut command = harness.logged_out(&args);
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        // Keep standard input open.
        let _input = child.stdin.take();
        wait_for_handlers(&child, INTERRUPT_AND_TERMINATE);
        send_signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(code));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn hangup_ends_the_command_unless_under_nohup() {
    const HANGUP: u64 = 1;
    let harness = Harness::new();
    // The test runner may ignore the signal, and children inherit that.
    let run_with = |program: &str, arguments: &[&str]| {
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
    let mut command = run_with("env", &["--default-signal=HUP"]);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for_handlers(&child, INTERRUPT_AND_TERMINATE | HANGUP);
    send_signal(&child, "-HUP");
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(129), "{stderr}");
    assert!(stderr.contains("the terminal was closed"), "{stderr}");

    let mut command = run_with("nohup", &[]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for_handlers(&child, INTERRUPT_AND_TERMINATE);
    send_signal(&child, "-HUP");
    use std::io::Write;
    child.stdin.take().unwrap().write_all(br#"{"name": "Trailers"}"#).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
