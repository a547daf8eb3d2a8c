//! `vimeo upload` and related commands.

use serde_json::Value;
use vimeo_sandbox::{Effect, Fault, Host, Phase};

use crate::harness::{Harness, Run};

fn number(uri: &Value) -> u64 {
    uri.as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap()
}

#[test]
fn uploads_each_file_to_a_video() {
    let harness = Harness::new();
    for (name, size) in [("a.mp4", 300_000), ("b.mp4", 200_001), ("c.mp4", 1)] {
        harness.file(name, size);
    }
    let done = harness
        .run(&["upload", "a.mp4", "b.mp4", "c.mp4", "--privacy", "unlisted", "--wait", "--json"])
        .json();
    for file in done["files"].as_array().unwrap() {
        assert_eq!((&file["state"], &file["code"]), (&"transcoded".into(), &0.into()), "{done}");
        let stored = harness.sandbox.upload_bytes(number(&file["uri"])).unwrap();
        assert_eq!(stored, std::fs::read(harness.path(file["file"].as_str().unwrap())).unwrap());
    }
    let names = harness.run(&["videos", "list", "--json=name,privacy.view", "--jq", ".[].name"]).success();
    let mut names: Vec<&str> = names.lines().collect();
    names.sort_unstable();
    assert_eq!(names, ["a", "b", "c"]);
    // The token was sent to the API only.
    assert!(
        harness
            .sandbox
            .request_log()
            .iter()
            .all(|entry| entry.host != Host::Upload || !entry.has_authorization)
    );
    assert!(std::fs::read_dir(harness.path("state/uploads")).unwrap().next().is_none());
    assert!(std::fs::read_dir(harness.path("state/batches")).unwrap().next().is_none());
}

#[test]
fn unusable_files_fail_before_any_request() {
    let harness = Harness::new();
    harness.file("empty.mp4", 0);
    harness.file("a.mp4", 10);
    std::fs::create_dir(harness.path("films")).unwrap();
    let run = |args: &[&str]| harness.run(&[&["upload"], args].concat());
    run(&["missing.mp4"]).fails(2, &["cannot open missing.mp4: No such file", "next:"]);
    run(&["films"]).fails(2, &["films is a folder", "films/*.mp4"]);
    run(&["empty.mp4"]).fails(2, &["empty.mp4 is empty", "no video was created"]);
    run(&["a.mp4", "missing.mp4"]).fails(2, &["missing.mp4"]);
    run(&["a.mp4", "./a.mp4"]).fails(2, &["given twice"]);
    run(&["a.mp4", "--picture", "none.png"]).fails(2, &["none.png"]);
    run(&["a.mp4", "--folder", "../videos/1"]).fails(2, &["../videos/1"]);
    run(&["a.mp4", "--bwlimit", "fast"]).fails(2, &["fast"]);
    run(&["a.mp4", "--read-only"]).fails(11, &["--read-only"]);
    assert_eq!(harness.requests(), [""; 0]);
    // A file in place of the state folder makes the journal unwritable: the command fails without creating a video.
    std::fs::write(harness.path("state"), "").unwrap();
    let run = run(&["a.mp4"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.err.contains("state"), "{run:?}");
    assert!(harness.run(&["videos", "list"]).success().is_empty());
}

/// On a full disk, no upload is started, because it could not be resumed.
#[cfg(unix)]
#[test]
fn full_disk_prevents_uploads() {
    let harness = Harness::new();
    harness.file("a.mp4", 10);
    let full = harness.vimeo(&["upload", "a.mp4"]);
    let mut shell = std::process::Command::new("sh");
    // Simulate a full disk: files cannot grow, and the shell ignores the signal for that.
    shell.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" upload a.mp4"]).arg(full.get_program());
    shell.env_clear().current_dir(harness.folder.path());
    shell.envs(full.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = shell.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).output();
    let run = Run::of(output.unwrap());
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.err.contains("a.mp4") && run.err.contains("too large"), "{run:?}");
    assert!(harness.run(&["videos", "list"]).success().is_empty());
    // With free space, the same command succeeds.
    harness.run(&["upload", "a.mp4"]).success();
}

#[test]
fn uploads_with_all_post_upload_steps() {
    let harness = Harness::new();
    harness.file("film.mp4", 5000);
    std::fs::write(harness.path("film.vtt"), "WEBVTT\n\n00:00.000 --> 00:01.000\nSurf\n").unwrap();
    let png = [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R'];
    std::fs::write(harness.path("film.png"), png).unwrap();
    let folder = harness.run(&["folders", "create", "Holidays", "--json=uri"]).json();
    let showcase = harness.run(&["showcases", "create", "Trailers", "--json=uri"]).json();
    let (folder, showcase) = (number(&folder["uri"]).to_string(), number(&showcase["uri"]).to_string());
    let done = harness
        .run(&[
            "upload",
            "film.mp4",
            "--name",
            "Surf",
            "--folder",
            &folder,
            "--showcase",
            &showcase,
            "--picture",
            "film.png",
            "--text-track",
            "en=film.vtt",
            "--json",
        ])
        .json();
    let uri = done["files"][0]["uri"].as_str().unwrap();
    for list in [["folders", "videos", &folder], ["showcases", "videos", &showcase]] {
        assert!(harness.run(&list).success().starts_with(uri), "{list:?}");
    }
    let tracks = harness.run(&["api", &format!("{uri}/texttracks"), "--jq", ".data[].language"]).success();
    assert_eq!(tracks, "en\n");
}

#[test]
fn expired_links_and_changed_files_have_exit_codes() {
    let harness = Harness::new();
    for name in ["a.mp4", "b.mp4", "c.mp4"] {
        harness.file(name, 400_000);
    }
    // The first run fails midway through b and c.
    let again = ["upload", "a.mp4", "b.mp4", "c.mp4", "--chunk-size", "100k", "--transfers", "1", "--json"];
    let lost = Fault::new(Effect::Status(400)).host(Host::Upload).method(http::Method::PATCH);
    // Fail every time: a response can get lost while the body is still being sent, and then the body is resent.
    harness.sandbox.add_fault(lost.clone().skip(6).times(100));
    let first = harness.run(&again);
    harness.sandbox.clear_faults();
    assert_eq!(first.code, 9, "{first:?}");
    let broken: Value = serde_json::from_str(&first.out).unwrap();
    assert_eq!(broken["files"][0]["code"], 0, "{broken}");

    std::fs::write(harness.path("c.mp4"), vec![7; 400_000]).unwrap();
    harness.sandbox.add_fault(Fault::new(Effect::LoseUpload).host(Host::Upload));
    let second = harness.run(&again);
    assert_eq!(second.code, 9, "{second:?}");
    let files: Value = serde_json::from_str(&second.out).unwrap();
    let codes: Vec<&Value> = files["files"].as_array().unwrap().iter().map(|file| &file["code"]).collect();
    assert_eq!(codes, [&Value::from(0), &6.into(), &2.into()], "{second:?}");
    // The completed file was not uploaded again.
    assert_eq!(files["files"][0]["uri"], broken["files"][0]["uri"]);
    assert!(second.err.contains("is not valid (status"), "{second:?}");

    let list = harness.run(&["uploads", "list", "--json"]).json();
    assert_eq!(list.as_array().unwrap().len(), 2, "{list}");
    harness.run(&["uploads", "forget", "--all"]).success();
    assert_eq!(harness.run(&["uploads", "list", "--json"]).json(), serde_json::json!([]));
    harness.run(&["uploads", "forget", "no such"]).fails(3, &["no such"]);
}

#[test]
fn json_progress_never_decreases() {
    let harness = Harness::new();
    harness.file("a.mp4", 600_000);
    harness.file("b.mp4", 500_000);
    let args = ["upload", "a.mp4", "b.mp4", "--progress", "json", "--bwlimit", "1M", "--chunk-size", "64k"];
    let mut command = harness.vimeo(&args);
    command.env("VIMEO_PROGRESS_FPS", "20");
    let run = Run::of(command.output().unwrap());
    assert_eq!(run.code, 0, "{run:?}");
    let lines: Vec<Value> = run.err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() > 5, "{run:?}");
    let acknowledged: Vec<u64> = lines.iter().map(|line| line["acknowledged"].as_u64().unwrap()).collect();
    assert!(acknowledged.is_sorted(), "{acknowledged:?}");
    let last = lines.last().unwrap();
    assert_eq!((&last["message_type"], &last["acknowledged"]), (&"summary".into(), &1_100_000.into()));
}

#[test]
fn resumes_after_connection_resets() {
    let harness = Harness::new();
    harness.file("a.mp4", 500_000);
    let reset = Fault::new(Effect::Reset).host(Host::Upload).method(http::Method::PATCH);
    harness.sandbox.add_fault(reset.phase(Phase::MidBody(150_000)).times(2));
    let done = harness.run(&["upload", "a.mp4", "--json"]).json();
    let stored = harness.sandbox.upload_bytes(number(&done["files"][0]["uri"])).unwrap();
    assert_eq!(stored, std::fs::read(harness.path("a.mp4")).unwrap());
}

#[test]
fn replaces_the_file_of_a_video() {
    let harness = Harness::new();
    harness.file("a.mp4", 1000);
    harness.file("b.mp4", 2000);
    let uri = harness.run(&["upload", "a.mp4", "--json", "--jq", ".files[0].uri"]).success();
    let replaced = harness.run(&["replace", uri.trim(), "b.mp4", "--json"]).json();
    assert_eq!(replaced["uri"].as_str(), Some(uri.trim()));
    let stored = harness.sandbox.upload_bytes(number(&replaced["uri"])).unwrap();
    assert_eq!(stored.len(), 2000);
}

#[test]
fn sandbox_flag_leaves_no_state() {
    let harness = Harness::new();
    harness.file("film.mp4", 5000);
    let mut command = harness.logged_out(&["upload", "film.mp4", "--sandbox"]);
    command.env_remove("VIMEO_BASE_URL");
    let run = Run::of(command.output().unwrap());
    assert!(run.out.starts_with("film.mp4\t/videos/"), "{run:?}");
    assert!(!harness.path("state").exists(), "--sandbox must not leave state behind");
}

#[test]
fn bwlimit_accepts_timetables() {
    let harness = Harness::new();
    harness.file("film.mp4", 300_000);
    harness.run(&["upload", "film.mp4", "--bwlimit", "00:00,10M 12:00,off Sat-12:00,20M"]).success();
    // The flag takes precedence over its variable, and the variable over the file.
    std::fs::create_dir_all(harness.path("config")).unwrap();
    std::fs::write(harness.path("config/config.toml"), "bwlimit = \"25:00,1M\"\n").unwrap();
    let requests = harness.requests().len();
    harness.run(&["upload", "film.mp4"]).fails(2, &["config.toml: bwlimit", "invalid time of day `25:00`"]);
    let mut variable = harness.vimeo(&["upload", "film.mp4"]);
    Run::of(variable.env("VIMEO_BWLIMIT", "08:00").output().unwrap())
        .fails(2, &["--bwlimit", "invalid size `08:00`"]);
    assert_eq!(harness.requests().len(), requests);
    let mut flag = harness.vimeo(&["upload", "film.mp4", "--bwlimit", "off"]);
    Run::of(flag.env("VIMEO_BWLIMIT", "08:00").output().unwrap()).success();
}
