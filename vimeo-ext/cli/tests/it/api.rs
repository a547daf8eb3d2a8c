//! `vimeo api`: one document, constant memory, and nothing to the wrong place.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use vimeo_sandbox::{Effect, Fault};

use crate::harness::{Harness, Run};

#[test]
fn a_list_is_one_document_and_a_filter_runs_once() {
    let harness = Harness::new();
    harness.sandbox.add_videos(250);
    let all = ["api", "/me/videos", "--paginate", "--fields", "uri"];
    let with = |more: &[&str]| harness.run(&[&all[..], more].concat());

    assert_eq!(with(&["--jq", "length"]).good(), "250\n");
    let document: Vec<Value> = serde_json::from_str(&with(&[]).good()).unwrap();
    assert_eq!(document.len(), 250);
    assert!(document[0]["uri"].as_str().unwrap().starts_with("/videos/"));
    let lines = with(&["--stream"]).good();
    assert_eq!(lines.lines().count(), 250);
    assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    assert_eq!(with(&["--stream", "--jq", ".uri", "--limit", "120"]).good().lines().count(), 120);
    let pages: Vec<Value> = serde_json::from_str(&with(&["--slurp"]).good()).unwrap();
    assert_eq!(
        pages.iter().map(|page| page["data"].as_array().unwrap().len()).collect::<Vec<_>>(),
        [100, 100, 50]
    );
    assert_eq!(with(&["--slurp", "--jq", "map(.data | length) | add"]).good(), "250\n");
    assert_eq!(with(&["--limit", "7", "--jq", "length"]).good(), "7\n");

    let nothing: Value = harness.run(&["api", "/me/albums", "--paginate"]).json();
    assert_eq!(nothing, json!([]));
}

#[test]
fn an_answer_is_kept_for_a_while_for_the_one_who_asked() {
    let harness = Harness::new();
    harness.sandbox.add_videos(3);
    let list = ["api", "/me/videos", "--paginate", "--fields", "uri", "--cache", "1h"];
    let first = harness.run(&list).good();
    let asked = harness.requests().len();
    // What has come since is not seen, and nobody is asked.
    harness.sandbox.add_videos(1);
    assert_eq!(harness.run(&list).good(), first);
    assert_eq!(harness.requests().len(), asked);
    // Another request, another token, and an age of nothing are asked for.
    let count = |mut command: std::process::Command| -> u64 {
        command.args(["--jq", "length"]);
        Run::of(command.output().unwrap()).good().trim().parse().unwrap()
    };
    assert_eq!(count(harness.vimeo(&["api", "/me/videos", "--paginate", "--cache", "1h"])), 4);
    assert_eq!(count(harness.vimeo(&[&list[..5], &["--cache", "0"]].concat())), 4);
    let token = harness.sandbox.issue_token(vimeo_sandbox::Scopes::all());
    let mut another = harness.vimeo(&list);
    another.env("VIMEO_ACCESS_TOKEN", &token);
    assert_eq!(count(another), 4);
    // What fails is not kept, and the token is in no file.
    let missing = ["api", "/videos/1", "--cache", "1h"];
    harness.run(&missing).fails(3, &[]);
    let asked = harness.requests().len();
    harness.run(&missing).fails(3, &[]);
    assert_eq!(harness.requests().len(), asked + 1);
    let files = |folder: &Path| std::fs::read_dir(folder).unwrap().map(|file| file.unwrap());
    let cache = harness.path("state").join("cache");
    for file in files(&cache).flat_map(|owner| files(&owner.path()).collect::<Vec<_>>()) {
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert!(!text.contains(harness.sandbox.token()) && !text.contains(&token));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0);
        }
    }
}

/// What a run had in memory at the most, in KiB. The system's own sum at its end would count this process too, whose
/// memory a child shares until it becomes another program.
#[cfg(target_os = "linux")]
fn peak(harness: &Harness, args: &[&str]) -> u64 {
    let mut child = harness.vimeo(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    loop {
        // A process that has ended has no such line any more.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let now = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        most = now.map_or(most, |size| size.trim().trim_end_matches(" kB").parse().unwrap());
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(ended.success(), "{args:?}");
            return most;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_long_list_takes_no_more_memory_than_a_short_one() {
    let harness = Harness::new();
    harness.sandbox.add_videos(100);
    let forms: [&[&str]; 5] = [
        &[],
        &["--stream"],
        &["--slurp"],
        &["--jq", "length"],
        &["--jq", "map(select(.privacy.view == \"nobody\")) | length"],
    ];
    let peaks =
        || forms.map(|form| peak(&harness, &[&["api", "/me/videos", "--paginate"], form].concat()[..]));
    let short = peaks();
    harness.sandbox.add_videos(900);
    let long = peaks();
    // The text of the items alone is 11 MiB, and read it is ten times as much.
    for ((form, short), long) in forms.iter().zip(short).zip(long) {
        let more = long.saturating_sub(short);
        assert!(short > 0 && more < 8192, "{form:?} took {more} KiB more, {long} KiB in all");
    }
}

#[test]
fn a_reader_that_stops_early_is_no_failure() {
    let harness = Harness::new();
    harness.sandbox.add_videos(1000);
    let mut command = harness.vimeo(&["api", "/me/videos", "--stream"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with('{'));
    // The pipe is closed now.
    let run = Run::of(child.wait_with_output().unwrap());
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
}

#[test]
fn the_table_is_asked_before_anything_is_sent() {
    let harness = Harness::new();
    harness.run(&["api", "/videos/1/likes", "-f", "a=b"]).fails(2, &["takes GET, not POST", "add -X GET"]);
    harness.run(&["api", "/me/videos?per_pgae=3"]).fails(2, &["per_pgae", "did you mean `per_page`"]);
    harness.run(&["api", "-X", "GET", "/me/analytics"]).fails(2, &["needs the parameter `dimension`"]);
    harness.run(&["api", "TRACE", "/me"]).fails(2, &["TRACE"]);
    harness.run(&["api", "/users/{you}"]).fails(2, &["{you}"]);
    harness.run(&["api", "/me", "--jq", ".["]).fails(2, &["no jq filter"]);
    assert_eq!(harness.requests(), [""; 0]);
    // The way around.
    harness.run(&["api", "/me/videos?per_pgae=3", "--no-check"]);
    assert_eq!(harness.requests().len(), 1);
}

#[test]
fn the_token_goes_to_no_other_host() {
    let harness = Harness::new();
    for foreign in
        ["https://example.com/me", "//example.com/me", "http://127.0.0.1:1/me", "https://api.vimeo.com/me"]
    {
        let run = harness.run(&["api", foreign]);
        assert_eq!(run.code, 2, "{foreign}: {run:?}");
        assert!(!run.err.contains(harness.sandbox.token()));
    }
    harness.run(&["api", "/videos/../me"]).fails(2, &["`..`"]);
    let mut plain = harness.vimeo(&["api", "/me"]);
    plain.env("VIMEO_BASE_URL", "http://example.com");
    Run::of(plain.output().unwrap()).fails(2, &["http"]);
    harness.run(&["api", "/me", "-H", "Authorization: Bearer x"]).fails(2, &["Authorization"]);
    assert_eq!(harness.requests(), [""; 0]);
    // The API's own host is no foreign one.
    let own = harness.sandbox.url().join("me?fields=uri").unwrap();
    assert!(harness.run(&["api", own.as_str()]).good().contains("/users/"));
}

#[test]
fn parameters_make_the_body_or_the_query() {
    let harness = Harness::new();
    let made =
        harness.run(&["api", "POST", "/me/albums", "-f", "name=Trailers", "-f", "privacy=nobody"]).json();
    assert_eq!(made["name"], "Trailers");
    let uri = made["uri"]
        .as_str()
        .unwrap()
        .replace(&format!("/users/{}", harness.sandbox.user_id()), "/users/{me}");
    let edited = harness.run(&["api", "-X", "PATCH", &uri, "-f", "name=Films", "--jq", ".name"]).good();
    assert_eq!(edited, "Films\n");
    let found =
        harness.run(&["api", "-X", "GET", "/me/albums", "-f", "query=Films", "--jq", ".total"]).good();
    assert_eq!(found, "1\n");
    let body = Harness::feed(
        harness.vimeo(&["api", "/me/albums", "--input", "-", "--fields", "name"]),
        r#"{"name":"Third"}"#,
    );
    assert_eq!(body.json(), json!({"name": "Third"}));
    harness.run(&["api", "DELETE", &uri, "-i"]).good();
}

#[test]
fn a_dry_run_sends_nothing_and_shows_no_secret() {
    let harness = Harness::new();
    let run = harness.run(&["api", "POST", "/me/albums", "-f", "name=x", "-f", "password=hush", "--dry-run"]);
    assert!(run.err.contains("scopes needed: create"), "{run:?}");
    assert!(!run.out.contains("hush") && !run.out.contains(harness.sandbox.token()), "{run:?}");
    assert!(run.out.contains("POST ") && run.out.contains("[REDACTED]"), "{run:?}");
    assert_eq!(harness.requests(), [""; 0]);
}

#[test]
fn errors_are_data_too() {
    let harness = Harness::new();
    let run = harness.run(&["api", "/videos/999", "-i"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.out.starts_with("HTTP 404") && run.out.contains("\"error\""), "{run:?}");
    assert!(run.err.starts_with("vimeo: "), "{run:?}");
    assert_eq!(harness.run(&["api", "/videos/999", "--silent"]).out, "");
}

#[test]
fn fields_are_named_checked_and_asked_for() {
    let harness = Harness::new();
    harness.sandbox.add_videos(2);
    let names = harness.run(&["videos", "list", "--json"]).good();
    assert!(names.lines().any(|name| name == "duration"), "{names}");
    harness.run(&["videos", "list", "--json=nmae"]).fails(2, &["there is no field `nmae`", "duration"]);
    assert_eq!(harness.requests(), [""; 0]);
    let list = harness.run(&["videos", "list", "--json=uri,privacy.view"]).json();
    assert_eq!(list[0]["privacy"]["view"], "anybody", "{list}");
    assert_eq!(list[0].as_object().unwrap().len(), 2);
    let table = harness.run(&["videos", "list"]).good();
    assert_eq!(table.lines().next().unwrap().split('\t').count(), 6, "{table}");
}

#[cfg(unix)]
#[test]
fn what_is_long_goes_through_a_pager_on_a_terminal_alone() {
    let harness = Harness::new();
    harness.sandbox.add_videos(250);
    let run = |variables: &[(&str, &str)], args: &[&str]| {
        Run::of(harness.vimeo(args).envs(variables.iter().copied()).output().unwrap())
    };
    let terminal = ("VIMEO_FORCE_TTY", "80");
    let list = ["videos", "list", "--limit", "3"];
    let paged = run(&[terminal, ("VIMEO_PAGER", "sed 's/^/paged: /'")], &list).good();
    assert_eq!(paged.lines().count(), 4, "{paged}");
    assert!(paged.lines().all(|line| line.starts_with("paged: ")), "{paged}");
    let paged = run(&[terminal, ("PAGER", "sed 's/^/paged: /'")], &["help", "syntax"]).good();
    assert!(paged.lines().all(|line| line.starts_with("paged: ")), "{paged}");

    // In a pipe, and where it was said not to, nothing is between.
    let sed = ("VIMEO_PAGER", "sed 's/^/paged: /'");
    let json = run(&[sed], &["api", "/me/videos", "--paginate", "--fields", "uri"]).json();
    assert_eq!(json.as_array().unwrap().len(), 250);
    assert!(!run(&[sed], &list).good().contains("paged"));
    let none = [terminal, ("PAGER", "sed 's/^/paged: /'"), ("VIMEO_PAGER", "")];
    assert!(!run(&none, &list).good().contains("paged"));

    // Whoever has read enough leaves, and that is no failure.
    let all = ["api", "/me/videos", "--paginate"];
    let left = run(&[terminal, ("VIMEO_PAGER", "head -n 1")], &all);
    assert_eq!((left.out.as_str(), left.err.as_str(), left.code), ("[\n", "", 0));
    let missing = run(&[terminal, ("VIMEO_PAGER", "no-such-pager-anywhere")], &all);
    missing.fails(1, &["the pager `no-such-pager-anywhere` cannot be run", "VIMEO_PAGER"]);
    // Errors come when the pager is done with what there was.
    let failed = run(&[terminal, sed], &["api", "/videos/999"]);
    failed.fails(3, &["404"]);
    assert!(failed.out.starts_with("paged: {"), "{failed:?}");
}

#[test]
fn a_body_that_is_no_json_is_printed_and_told_as_what_it_is() {
    let harness = Harness::new();
    let page = "<!doctype html><title>Sign in to the network</title>";
    for (kind, body, says) in [
        ("text/html", page.as_bytes(), "a web page"),
        ("application/json", b"{\"name\": \"caf\xe9\"}".as_slice(), "UTF-8"),
        ("text/plain", b"upstream connect error", "text/plain"),
    ] {
        harness.sandbox.add_fault(Fault::new(Effect::Body(200, kind.to_owned(), body.to_vec())).times(1));
        let output = harness.vimeo(&["api", "/me"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{said}");
        assert_eq!(output.stdout.trim_ascii_end(), body, "{says}");
        assert!(said.contains(says) && said.contains("next: ") && !said.contains("bytes of"), "{said}");
    }
}

#[test]
fn a_list_that_fails_half_way_is_closed() {
    let harness = Harness::new();
    harness.sandbox.add_videos(250);
    let all = ["api", "/me/videos", "--paginate", "--fields", "uri"];
    for (more, kept) in [(&[][..], 100), (&["--slurp"], 1)] {
        harness.sandbox.add_fault(Fault::new(Effect::Status(400)).method(http::Method::GET).nth(2));
        let run = harness.run(&[&all[..], more].concat());
        run.fails(6, &["the list ends here, after 100 items"]);
        let printed: Vec<Value> = serde_json::from_str(&run.out).unwrap();
        assert_eq!(printed.len(), kept);
        harness.sandbox.clear_faults();
    }
    harness.sandbox.add_fault(Fault::new(Effect::Status(400)).method(http::Method::GET));
    let run = harness.run(&all);
    assert_eq!((run.code, run.out.as_str()), (6, ""), "{run:?}");
}

#[cfg(unix)]
#[test]
fn what_is_read_has_a_bound() {
    let harness = Harness::new();
    for args in [["--input", "/dev/zero"], ["-F", "name=@/dev/zero"]] {
        let run = harness.run(&[&["api", "POST", "/me/albums"], &args[..]].concat());
        run.fails(2, &["cannot read /dev/zero: it holds more than 64 MiB"]);
    }
    let login = ["auth", "login", "--insecure-storage", "--with-token"];
    let mut endless = harness.stranger(&login);
    endless.stdin(std::fs::File::open("/dev/zero").unwrap());
    Run::of(endless.output().unwrap()).fails(2, &["standard input", "64 MiB"]);
    let printing = harness.stranger(&["auth", "login", "--token-command", "yes hunter2"]).output().unwrap();
    let printing = Run::of(printing);
    printing.fails(4, &["the token command prints more than 64 KiB"]);
    assert!(!printing.err.contains("hunter2"), "{printing:?}");
    assert_eq!(harness.requests(), [""; 0]);
}

#[test]
fn neither_a_dry_run_nor_a_trace_shows_a_secret() {
    let harness = Harness::new();
    let secrets = [
        "/me/albums?access_token=hush&fields=name",
        "-f",
        "code=hush",
        "-f",
        "stream_key=hush",
        "-f",
        "api_key=hush",
        "-f",
        "srt_passphrase=hush",
        "-H",
        "X-Api-Key: hush",
        "-H",
        "Cookie: session=hush",
        "--no-check",
    ];
    for more in [&["--dry-run"][..], &["--verbose", "--silent"]] {
        let run = harness.run(&[&["api", "POST"], &secrets[..], more].concat());
        let said = format!("{}{}", run.out, run.err);
        assert!(!said.contains("hush"), "{said}");
        assert!(said.contains("access_token=[REDACTED]&fields=name"), "{said}");
    }
}

#[test]
fn nothing_for_this_machine_goes_through_a_proxy() {
    let harness = Harness::new();
    harness.file("film.mp4", 5000);
    // Nobody listens there.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for args in [&["api", "/me"][..], &["upload", "film.mp4"], &["upload", "film.mp4", "--sandbox"]] {
        let mut command = harness.vimeo(args);
        for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
            command.env(name, format!("http://{nobody}"));
        }
        Run::of(command.output().unwrap()).good();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn help_that_cannot_be_written_is_a_failure() {
    let harness = Harness::new();
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for args in [&["--help"][..], &["--version"], &["help"], &["videos", "list", "--help"]] {
        let output = harness.vimeo(args).stdout(full()).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.contains("cannot write the output"), "{args:?}: {said}");
    }
}
