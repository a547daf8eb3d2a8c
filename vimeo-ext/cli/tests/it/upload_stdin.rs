//! `vimeo upload -`.

use std::io::Write;
use std::process::{Child, Command, Stdio};

use http::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use vimeo_sandbox::{Effect, Fault, Host, Phase};

use crate::harness::{Harness, Run};

/// Bytes without repeating patterns.
fn film(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// Runs a command with these bytes as standard input, which the command may close early.
fn pipe(mut command: Command, bytes: &[u8]) -> Run {
    let mut child = start(&mut command);
    let mut input = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || drop(input.write_all(&bytes)));
    let run = Run::of(child.wait_with_output().unwrap());
    writer.join().unwrap();
    run
}

fn start(command: &mut Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Returns the files in the spool, except its lock.
fn spool_files(harness: &Harness) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(harness.path("state").join("spool")) else { return Vec::new() };
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name != "lock").collect()
}

fn assert_received(harness: &Harness, uri: &Value, bytes: &[u8]) {
    let id = uri.as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap();
    let received = harness.sandbox.upload_bytes(id).unwrap();
    assert_eq!(Sha256::digest(&received), Sha256::digest(bytes));
}

#[test]
fn uploads_what_is_piped_with_or_without_its_size() {
    let harness = Harness::new();
    let film = film(3_000_000);
    for size in [&[][..], &["--size", "3000000"]] {
        let args = [&["upload", "-", "--name", "Piped", "--json"], size].concat();
        let report = pipe(harness.vimeo(&args), &film).json();
        let report = &report["files"][0];
        assert_eq!((&report["file"], &report["state"]), (&json!("-"), &json!("uploaded")), "{report}");
        assert_received(&harness, &report["uri"], &film);
        let uri = report["uri"].as_str().unwrap();
        assert_eq!(harness.run(&["api", uri, "--jq", ".name"]).success(), "Piped\n");
    }
    assert_eq!(spool_files(&harness), Vec::<String>::new());
    // The same data again is another video.
    let again = pipe(harness.vimeo(&["upload", "-", "--json"]), &film).json();
    assert_received(&harness, &again["files"][0]["uri"], &film);
    let posts = harness.requests().iter().filter(|request| *request == "POST /me/videos").count();
    assert_eq!(posts, 3);
}

#[test]
fn standard_input_of_the_wrong_size_is_refused() {
    let harness = Harness::new();
    let film = film(100_000);
    let run = |args: &[&str], bytes: &[u8]| pipe(harness.vimeo(&[&["upload", "-"], args].concat()), bytes);
    run(&[], b"").fails(2, &["standard input is empty; no video was created"]);
    run(&["--spool-limit", "97k"], &film)
        .fails(2, &["97.0 KiB", "no video was created", "--spool-limit", "--size"]);
    run(&["a.mp4"], &film).fails(2, &["cannot be combined"]);
    run(&["--size", "1", "--spool-limit", "1"], &film).fails(2, &["--size", "--spool-limit"]);
    harness.file("film.mp4", 10);
    harness.run(&["upload", "film.mp4", "--size", "10"]).fails(2, &["--size requires standard input"]);
    assert!(!harness.requests().contains(&"POST /me/videos".to_owned()));

    let next = "vimeo videos delete /videos/";
    run(&["--size", "100001"], &film)
        .fails(2, &["ended after 100000 bytes, but 100001 were announced", next]);
    run(&["--size", "99999"], &film).fails(2, &["has more than the 99999 bytes that were announced", next]);
    let statuses = harness.run(&["api", "/me/videos", "--jq", "[.data[].upload.status]"]).json();
    assert_eq!(statuses, json!(["in_progress", "in_progress"]));
    assert_eq!(spool_files(&harness), Vec::<String>::new());
}

#[test]
fn an_unknown_folder_is_refused_before_standard_input_is_read() {
    let harness = Harness::new();
    let run = pipe(harness.vimeo(&["upload", "-", "--folder", "999999999"]), &film(100_000));
    run.fails(3, &["This token can see no such folder"]);
    assert!(!harness.path("state").join("spool").exists(), "nothing was written");
}

/// Starts an upload of standard input, and kills it in the middle.
fn kill_in_the_middle(harness: &Harness, film: &[u8]) {
    let stall = Fault::new(Effect::Stall).host(Host::Upload).method(Method::PATCH);
    harness.sandbox.add_fault(stall.phase(Phase::MidBody(1_000_000)));
    let mut child = start(&mut harness.vimeo(&["upload", "-", "--name", "Piped"]));
    child.stdin.take().unwrap().write_all(film).unwrap();
    while !harness.sandbox.request_log().iter().any(|entry| entry.body_length == 1_000_000) {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    harness.sandbox.clear_request_log();
    assert_eq!(spool_files(harness).len(), 1);
}

#[test]
fn killed_uploads_of_standard_input_resume() {
    let harness = Harness::new();
    let film = film(3_000_000);
    kill_in_the_middle(&harness, &film);
    // By the same command with the same data.
    let run = pipe(harness.vimeo(&["upload", "-", "--name", "Piped", "--json"]), &film);
    let report = run.json();
    assert_received(&harness, &report["files"][0]["uri"], &film);
    assert!(!harness.requests().contains(&"POST /me/videos".to_owned()), "{:?}", harness.requests());
    assert_eq!(spool_files(&harness), Vec::<String>::new());

    // Without the data.
    kill_in_the_middle(&harness, &film);
    let report = harness.run(&["uploads", "resume", "--json"]).json();
    assert_received(&harness, &report["files"][0]["uri"], &film);
    assert!(!harness.requests().contains(&"POST /me/videos".to_owned()), "{:?}", harness.requests());
    assert_eq!(spool_files(&harness), Vec::<String>::new());

    // Or not at all.
    kill_in_the_middle(&harness, &film);
    harness.run(&["uploads", "forget", "--all"]).success();
    assert_eq!(spool_files(&harness), Vec::<String>::new());
}

#[test]
fn a_killed_process_leaves_no_incomplete_data() {
    let harness = Harness::new();
    let mut child = start(&mut harness.vimeo(&["upload", "-"]));
    let mut input = child.stdin.take().unwrap();
    input.write_all(&film(100_000)).unwrap();
    while spool_files(&harness).is_empty() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    drop(input);
    assert_eq!(spool_files(&harness).len(), 1);
    pipe(harness.vimeo(&["upload", "-"]), &film(10)).success();
    assert_eq!(spool_files(&harness), Vec::<String>::new());
}
