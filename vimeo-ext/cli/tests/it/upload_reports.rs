//! Reports of uploads: files, errors and next steps.

use http::Method;
use serde_json::Value;
use vimeo_sandbox::{Effect, Fault, Host, Phase};

use crate::harness::{Harness, Run};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

/// Returns the document on standard output, even of a failed run.
#[track_caller]
fn document(run: &Run) -> Value {
    serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

/// Returns the JSON error on the last line of standard error.
#[track_caller]
fn last_error(run: &Run) -> Value {
    let last = run.err.lines().last().unwrap_or_default();
    let line: Value = serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    line["error"].clone()
}

fn creations(harness: &Harness) -> usize {
    harness.requests().iter().filter(|request| *request == "POST /me/videos").count()
}

#[test]
fn reports_videos_whose_later_steps_failed() {
    let harness = Harness::new();
    harness.file("a.mp4", 5000);
    let first = harness.run(&["upload", "a.mp4", "--showcase", "999", "--json"]);
    assert_eq!(first.code, 3, "{first:?}");
    let file = document(&first)["files"][0].clone();
    assert_eq!((&file["state"], &file["code"]), (&"uploaded".into(), &3.into()), "{file}");
    assert!(file["uri"].is_string() && file["link"].is_string(), "{file}");
    assert_eq!(file["extras"], serde_json::json!({"showcase": "failed"}));
    assert_eq!(file["error"]["status"], 404);
    assert_eq!(last_error(&first)["status"], 404);
    // In a table as well.
    let table = harness.run(&["upload", "a.mp4", "--showcase", "999"]);
    table.fails(3, &["a.mp4: showcase: "]);
    assert!(table.out.contains("uploaded, showcase failed"), "{table:?}");

    // With a valid showcase, the command continues with the same video.
    let showcase = harness.run(&["showcases", "create", "Trailers", "--json=uri", "--jq", ".uri"]).success();
    let second = harness.run(&["upload", "a.mp4", "--showcase", showcase.trim(), "--json"]).json();
    assert_eq!(second["files"][0]["uri"], file["uri"], "{second}");
    assert_eq!(second["files"][0]["extras"], serde_json::json!({"showcase": "done"}));
    assert_eq!(creations(&harness), 1);
}

#[test]
fn other_settings_create_a_new_video() {
    let harness = Harness::new();
    harness.file("a.mp4", 5000);
    let draft = harness.run(&["upload", "a.mp4", "--name", "Draft", "--showcase", "999", "--json"]);
    let draft = document(&draft)["files"][0]["uri"].clone();
    let secret = ["upload", "a.mp4", "--name", "Secret", "--privacy", "nobody", "--json"];
    let run = harness.run(&secret);
    assert!(
        run.err.contains(&format!("was uploaded to {} before with other settings", draft.as_str().unwrap())),
        "{run:?}"
    );
    let uri = run.json()["files"][0]["uri"].clone();
    assert_ne!(uri, draft);
    let video = harness.run(&["api", uri.as_str().unwrap(), "--jq", ".name, .privacy.view"]).success();
    assert_eq!(video, "Secret\nnobody\n");
}

#[test]
fn invalid_options_fail_before_uploading() {
    let harness = Harness::new();
    harness.file("a.mp4", 10);
    std::fs::create_dir(harness.path("dir")).unwrap();
    harness.file("empty.png", 0);
    std::fs::write(harness.path("a.vtt"), "WEBVTT\n").unwrap();
    // (options, expected error)
    let table: [(&[&str], &str); 5] = [
        (&["--picture", "dir"], "dir is a folder"),
        (&["--picture", "empty.png"], "empty.png is empty; nothing was sent"),
        (&["--text-track", "en=missing.vtt"], "cannot open missing.vtt"),
        (&["--text-track", "portuguese=a.vtt"], "`portuguese` is not a registered language tag"),
        (&["--stall-timeout", "0s"], "the timeout must be greater than zero"),
    ];
    for (options, expected) in table {
        let run = harness.run(&[&["upload", "a.mp4", "--json"], options].concat());
        run.fails(2, &[expected]);
        assert!(last_error(&run)["message"].as_str().unwrap().contains(expected), "{run:?}");
        if !options.contains(&"0s") {
            let file = document(&run)["files"][0].clone();
            assert_eq!(
                (&file["uri"], &file["state"], &file["code"]),
                (&Value::Null, &"failed".into(), &2.into())
            );
        }
    }
    #[cfg(unix)]
    harness.run(&["upload", "/dev/null"]).fails(2, &["/dev/null is a pipe or a device", "next: copy"]);
    assert_eq!(harness.requests(), [""; 0]);
}

#[test]
fn json_error_contains_status_message_and_video() {
    let harness = Harness::new();
    for name in ["a.mp4", "b.mp4"] {
        harness.file(name, 1000);
    }
    let refusal = br#"{"error": "No.", "developer_message": "Not today.", "error_code": 3200}"#;
    let refuse = Fault::new(Effect::Body(403, "application/json".into(), refusal.to_vec()));
    harness.sandbox.add_fault(refuse.clone().method(Method::POST).path("/me/videos"));
    let run = harness.run(&["upload", "a.mp4", "--json"]);
    assert_eq!(run.code, 6, "{run:?}");
    let error = last_error(&run);
    assert_eq!((&error["status"], &error["code"]), (&403.into(), &6.into()), "{error}");
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("a.mp4: ") && message.contains("Not today."), "{error}");

    // Two files, one of which fails midway: the error contains its video.
    let broken = Fault::new(Effect::Status(400)).host(Host::Upload).method(Method::PATCH);
    harness.sandbox.add_fault(broken);
    let run = harness.run(&["upload", "a.mp4", "b.mp4", "--transfers", "1", "--json"]);
    assert_eq!(run.code, 9, "{run:?}");
    let (files, error) = (document(&run)["files"].clone(), last_error(&run));
    assert_eq!(files[0]["state"], "failed");
    assert_eq!((&error["uri"], &error["code"]), (&files[0]["uri"], &9.into()), "{error}");
    assert!(error["uri"].is_string() && error["message"].as_str().unwrap().contains("400"), "{error}");

    let run = harness.run(&["upload", "--json=uri"]);
    let message = last_error(&run)["message"].as_str().unwrap().to_owned();
    assert!(message.contains("required arguments were not provided: <FILE>"), "{message}");
}

#[test]
fn reports_assets_that_stay_inactive() {
    let harness = Harness::new();
    let id = harness.sandbox.add_videos(1)[0].to_string();
    std::fs::write(harness.path("a.png"), PNG).unwrap();
    std::fs::write(harness.path("a.vtt"), "WEBVTT\n").unwrap();
    let inactive = || {
        let response = Effect::Body(200, "application/json".into(), br#"{"active": false}"#.to_vec());
        harness.sandbox.add_fault(Fault::new(response).host(Host::Api).method(Method::PATCH));
    };
    for args in [&["picture", &id, "a.png"][..], &["texttrack", &id, "a.vtt", "--language", "en", "--active"]]
    {
        inactive();
        let run = harness.run(&[args, &["--json"]].concat());
        run.fails(9, &["left it inactive", "next: vimeo api -X PATCH /videos/"]);
        assert_eq!(document(&run)["active"], false, "{run:?}");
        let run = harness.run(&[args, &["--json"]].concat()).json();
        assert_eq!(run["active"], true, "{run}");
    }
    let not_asked = harness.run(&["picture", &id, "a.png", "--no-activate", "--json"]).json();
    assert_eq!(not_asked["active"], false, "{not_asked}");

    harness.file("a.mp4", 1000);
    inactive();
    let run = harness.run(&["upload", "a.mp4", "--picture", "a.png", "--json"]);
    run.fails(9, &["a.mp4: picture: ", "left it inactive"]);
    assert_eq!(document(&run)["files"][0]["extras"], serde_json::json!({"picture": "failed"}));
}

#[test]
fn finds_videos_whose_creation_got_no_response() {
    let harness = Harness::new();
    // (what happens instead of the response)
    for (name, effect) in [("502", Effect::Html(502)), ("408", Effect::Html(408)), ("lost", Effect::Reset)] {
        let file = format!("{name}.mp4");
        harness.file(&file, 5000);
        let before = creations(&harness);
        let lost = Fault::new(effect).method(Method::POST).path("/me/videos");
        harness.sandbox.add_fault(lost.phase(Phase::AfterCommit));
        let run = harness.run(&["upload", &file, "--json"]);
        assert!(run.err.contains("looking for it"), "{run:?}");
        assert_eq!(run.json()["files"][0]["state"], "uploaded", "{name}");
        assert_eq!(creations(&harness), before + 1, "{name}");
    }
}

#[test]
fn vimeo_errors_are_shown_and_not_retried() {
    let harness = Harness::new();
    harness.file("a.mp4", 1000);
    let refusal = br#"{"error": "Something strange occurred.", "error_code": 3116}"#;
    let refuse = Fault::new(Effect::Body(502, "application/json".into(), refusal.to_vec()));
    harness.sandbox.add_fault(refuse.method(Method::POST).path("/me/videos"));
    harness.run(&["upload", "a.mp4"]).fails(5, &["502", "3116", "Something strange occurred."]);
    assert_eq!(creations(&harness), 1);
    assert_eq!(harness.run(&["uploads", "list", "--json"]).json(), serde_json::json!([]));
}

#[test]
fn invalid_responses_are_not_usage_errors() {
    let harness = Harness::new();
    harness.file("a.mp4", 1000);
    // (response to the creation, exit code, expected error)
    let table = [
        (r#"{"upload": {"upload_link": "https://up.example/1"}}"#, 1, "has no video URI"),
        (r#"{"uri": "/videos/7", "upload": {"upload_link": "/tus/1"}}"#, 1, "is not a URL"),
        (r#"{"uri": "/videos/7", "upload": {"upload_link": "http://up.example/1"}}"#, 1, "is plain http"),
        (r#"{"uri": "/videos/7", "upload": {"approach": "post"}}"#, 6, "did not open a tus upload"),
    ];
    for (body, code, expected) in table {
        let response = Effect::Body(201, "application/json".into(), body.as_bytes().to_vec());
        harness.sandbox.add_fault(Fault::new(response).method(Method::POST).path("/me/videos"));
        harness.run(&["upload", "a.mp4"]).fails(code, &[expected, "next:"]);
        harness.run(&["uploads", "forget", "--all"]).success();
    }
    let large = Fault::new(Effect::Status(413)).host(Host::Upload).method(Method::PATCH).times(20);
    harness.sandbox.add_fault(large);
    harness.run(&["upload", "a.mp4"]).fails(6, &["413", "--chunk-size"]);
}

#[test]
fn damaged_entries_can_be_discarded() {
    let harness = Harness::new();
    harness.file("a.mp4", 1000);
    let damage = || {
        harness.sandbox.add_fault(Fault::new(Effect::Status(400)).host(Host::Upload).method(Method::PATCH));
        harness.run(&["upload", "a.mp4"]).fails(6, &["400"]);
        let list = harness.run(&["uploads", "list", "--json"]).json();
        let id = list[0]["id"].as_str().unwrap().to_owned();
        std::fs::write(harness.path(&format!("state/uploads/{id}.json")), "{").unwrap();
        id
    };
    for by_name in [false, true] {
        let id = damage();
        let list = harness.run(&["uploads", "list", "--json"]).json();
        assert_eq!(list[0]["id"], id.as_str(), "{list}");
        assert!(list[0]["problem"].as_str().unwrap().contains("invalid content"), "{list}");
        let table = harness.run(&["uploads", "list"]);
        assert!(table.out.starts_with(&id) && table.out.contains("(damaged)"), "{table:?}");
        let doctor = harness.run(&["doctor"]);
        assert!(doctor.out.contains("1 unfinished"), "{doctor:?}");
        let resume = harness.run(&["uploads", "resume", "--json"]);
        resume.fails(2, &[&id, "invalid content", "vimeo uploads forget"]);
        assert!(last_error(&resume)["message"].as_str().unwrap().contains("invalid content"), "{resume:?}");
        harness.run(&["upload", "a.mp4"]).fails(2, &["invalid content", "vimeo uploads forget"]);
        let name = if by_name { id.as_str() } else { "--all" };
        harness.run(&["uploads", "forget", name]).success();
        harness.run(&["upload", "a.mp4"]).success();
    }
}

#[test]
fn uploads_are_resumed_only_by_their_account() {
    let harness = Harness::new();
    harness.file("a.mp4", 1000);
    let other = harness.sandbox.add_user("Other").token;
    for (account, token) in [("anna", harness.sandbox.token()), ("bert", &*other)] {
        let login = ["auth", "login", "--with-token", "--insecure-storage", "--account", account];
        assert_eq!(Harness::feed(harness.logged_out(&login), token).code, 0);
    }
    let run = |args: &[&str]| Run::of(harness.logged_out(args).output().unwrap());
    harness.sandbox.add_fault(Fault::new(Effect::Status(400)).host(Host::Upload).method(Method::PATCH));
    run(&["--account", "anna", "upload", "a.mp4"]).fails(6, &["400"]);
    let list = run(&["uploads", "list", "--json"]).json();
    let id = list[0]["id"].as_str().unwrap().to_owned();

    let patches = || harness.requests().iter().filter(|request| request.starts_with("PATCH")).count();
    let before = patches();
    let resumed = run(&["--account", "bert", "uploads", "resume"]);
    assert_eq!((resumed.code, resumed.out.as_str()), (0, ""), "{resumed:?}");
    assert!(resumed.err.contains("1 of another account"), "{resumed:?}");
    run(&["--account", "bert", "uploads", "resume", &id])
        .fails(2, &["started by account anna", "vimeo --account anna uploads resume"]);
    assert_eq!(patches(), before);
    let resumed = run(&["--account", "anna", "uploads", "resume"]).success();
    assert!(resumed.contains("a.mp4") && resumed.contains("/videos/"), "{resumed}");
}

#[cfg(unix)]
#[test]
fn uploads_files_with_non_unicode_names() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let harness = Harness::new();
    let names = [OsStr::from_bytes(b"\xff.mp4"), OsStr::from_bytes(b"\xfe.mp4")];
    for (name, byte) in names.iter().zip([1, 2]) {
        let path = harness.folder.path().join(name);
        std::fs::write(&path, vec![byte; 1000]).unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    }
    for more in [&[][..], &["--no-resume"]] {
        let mut command = harness.vimeo(&["upload", "--json", "--transfers", "1"]);
        let done = Run::of(command.args(more).args(names).output().unwrap()).json();
        let uris: Vec<&Value> = done["files"].as_array().unwrap().iter().map(|file| &file["uri"]).collect();
        assert!(uris[0].is_string() && uris[0] != uris[1], "{done}");
        for (uri, byte) in uris.iter().zip([1, 2]) {
            let id = uri.as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap();
            assert_eq!(harness.sandbox.upload_bytes(id).unwrap(), vec![byte; 1000]);
        }
    }
    // Interrupted, listed and resumed.
    harness.sandbox.add_fault(Fault::new(Effect::Status(400)).host(Host::Upload).method(Method::PATCH));
    let mut command = harness.vimeo(&["upload", "--json"]);
    assert_eq!(Run::of(command.arg(names[0]).output().unwrap()).code, 6);
    assert!(
        harness.run(&["uploads", "list", "--json"]).json()[0]["file"].as_str().unwrap().ends_with(".mp4")
    );
    harness.run(&["uploads", "resume"]).success();
}

#[test]
fn unwritable_journal_suggests_no_resume() {
    let harness = Harness::new();
    harness.file("a.mp4", 1000);
    std::fs::write(harness.path("in the way"), "").unwrap();
    let run = |more: &[&str]| {
        let mut command = harness.vimeo(&[&["upload", "a.mp4"], more].concat());
        Run::of(command.env("VIMEO_STATE_DIR", harness.path("in the way")).output().unwrap())
    };
    run(&[]).fails(1, &["in the way", "--no-resume"]);
    assert_eq!(creations(&harness), 0);
    run(&["--no-resume"]).success();
}

#[test]
fn uploads_without_response_can_be_resumed_or_discarded() {
    let harness = Harness::new();
    harness.file("a.mp4", 1000);
    let lose = |phase| {
        let lost = Fault::new(Effect::Html(502)).method(Method::POST).path("/me/videos");
        harness.sandbox.add_fault(lost.phase(phase));
        let list = Fault::new(Effect::Status(404)).method(Method::GET).path("/me/videos");
        harness.sandbox.add_fault(list);
        let run = harness.run(&["upload", "a.mp4"]);
        run.fails(
            3,
            &["it is unknown whether Vimeo created a video", "502", "Looking for the video failed as well"],
        );
        let list = harness.run(&["uploads", "list", "--json"]).json();
        list[0]["id"].as_str().unwrap().to_owned()
    };
    let id = lose(Phase::AfterCommit);
    let done = harness.run(&["uploads", "resume", &id, "--json"]).json();
    assert_eq!(done["files"][0]["state"], "uploaded", "{done}");
    assert_eq!(
        harness
            .sandbox
            .upload_bytes(done["files"][0]["uri"].as_str().unwrap()[8..].parse().unwrap())
            .unwrap()
            .len(),
        1000
    );

    let id = lose(Phase::Before);
    // Pretend that it was long ago: the creation can no longer succeed.
    let path = harness.path(&format!("state/uploads/{id}.json"));
    let mut entry: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    entry["asked"] = "2020-01-01T00:00:00Z".into();
    std::fs::write(&path, entry.to_string()).unwrap();
    harness.run(&["uploads", "resume", &id]).fails(3, &["never created a video", "next: vimeo upload"]);
    assert_eq!(harness.run(&["uploads", "list", "--json"]).json(), serde_json::json!([]));
}
