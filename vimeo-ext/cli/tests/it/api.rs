//! `vimeo api`: output, memory, caching, checks and redaction.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use vimeo_sandbox::{Effect, Fault};

use crate::harness::{Harness, Run};

#[test]
fn paginate_prints_one_document() {
    let harness = Harness::new();
    harness.sandbox.add_videos(250);
    let all = ["api", "/me/videos", "--paginate", "--fields", "uri"];
    let with = |more: &[&str]| harness.run(&[&all[..], more].concat());

    assert_eq!(with(&["--jq", "length"]).success(), "250\n");
    let document: Vec<Value> = serde_json::from_str(&with(&[]).success()).unwrap();
    assert_eq!(document.len(), 250);
    assert!(document[0]["uri"].as_str().unwrap().starts_with("/videos/"));
    let lines = with(&["--stream"]).success();
    assert_eq!(lines.lines().count(), 250);
    assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    assert_eq!(with(&["--stream", "--jq", ".uri", "--limit", "120"]).success().lines().count(), 120);
    let pages: Vec<Value> = serde_json::from_str(&with(&["--slurp"]).success()).unwrap();
    assert_eq!(
        pages.iter().map(|page| page["data"].as_array().unwrap().len()).collect::<Vec<_>>(),
        [100, 100, 50]
    );
    assert_eq!(with(&["--slurp", "--jq", "map(.data | length) | add"]).success(), "250\n");
    assert_eq!(with(&["--limit", "7", "--jq", "length"]).success(), "7\n");

    let empty: Value = harness.run(&["api", "/me/albums", "--paginate"]).json();
    assert_eq!(empty, json!([]));
}

#[test]
fn caches_responses_per_token() {
    let harness = Harness::new();
    harness.sandbox.add_videos(3);
    let list = ["api", "/me/videos", "--paginate", "--fields", "uri", "--cache", "1h"];
    let first = harness.run(&list).success();
    let requests = harness.requests().len();
    // The cached response is used, and no request is sent.
    harness.sandbox.add_videos(1);
    assert_eq!(harness.run(&list).success(), first);
    assert_eq!(harness.requests().len(), requests);
    // Another request, another token, and a maximum age of zero are sent to Vimeo.
    let count = |mut command: std::process::Command| -> u64 {
        command.args(["--jq", "length"]);
        Run::of(command.output().unwrap()).success().trim().parse().unwrap()
    };
    assert_eq!(count(harness.vimeo(&["api", "/me/videos", "--paginate", "--cache", "1h"])), 4);
    assert_eq!(count(harness.vimeo(&[&list[..5], &["--cache", "0"]].concat())), 4);
    let token = harness.sandbox.issue_token(vimeo_sandbox::Scopes::all());
    let mut another = harness.vimeo(&list);
    another.env("VIMEO_ACCESS_TOKEN", &token);
    assert_eq!(count(another), 4);
    // Errors are not cached, and no file contains the token.
    let missing = ["api", "/videos/1", "--cache", "1h"];
    harness.run(&missing).fails(3, &[]);
    let requests = harness.requests().len();
    harness.run(&missing).fails(3, &[]);
    assert_eq!(harness.requests().len(), requests + 1);
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

/// Returns the peak memory of a run, in KiB. `getrusage` would include this process, whose memory a child shares until
/// it calls exec.
#[cfg(target_os = "linux")]
fn peak_memory(harness: &Harness, args: &[&str]) -> u64 {
    let mut child = harness.vimeo(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        // A process that has ended has no such line.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let now = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = now.map_or(peak, |size| size.trim().trim_end_matches(" kB").parse().unwrap());
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(ended.success(), "{args:?}");
            return peak;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn long_lists_need_constant_memory() {
    let harness = Harness::new();
    harness.sandbox.add_videos(100);
    let forms: [&[&str]; 5] = [
        &[],
        &["--stream"],
        &["--slurp"],
        &["--jq", "length"],
        &["--jq", "map(select(.privacy.view == \"nobody\")) | length"],
    ];
    let peaks = || {
        forms.map(|form| peak_memory(&harness, &[&["api", "/me/videos", "--paginate"], form].concat()[..]))
    };
    let short = peaks();
    harness.sandbox.add_videos(900);
    let long = peaks();
    // The items are 11 MiB of text, and ten times as much when parsed.
    for ((form, short), long) in forms.iter().zip(short).zip(long) {
        let more = long.saturating_sub(short);
        assert!(short > 0 && more < 8192, "{form:?} needed {more} KiB more, {long} KiB in total");
    }
}

#[test]
fn closed_pipe_is_not_an_error() {
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
fn checks_calls_before_sending() {
    let harness = Harness::new();
    harness.run(&["api", "/videos/1/likes", "-f", "a=b"]).fails(2, &["supports GET, not POST", "add -X GET"]);
    harness.run(&["api", "/me/videos?per_pgae=3"]).fails(2, &["per_pgae", "did you mean `per_page`"]);
    harness.run(&["api", "-X", "GET", "/me/analytics"]).fails(2, &["requires the parameter `dimension`"]);
    harness.run(&["api", "TRACE", "/me"]).fails(2, &["TRACE"]);
    harness.run(&["api", "/users/{you}"]).fails(2, &["{you}"]);
    harness.run(&["api", "/me", "--jq", ".["]).fails(2, &["invalid jq filter"]);
    assert_eq!(harness.requests(), [""; 0]);
    // `--no-check` skips the check.
    harness.run(&["api", "/me/videos?per_pgae=3", "--no-check"]);
    assert_eq!(harness.requests().len(), 1);
}

#[test]
fn never_sends_the_token_to_other_hosts() {
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
    // A full URL of the API's own host is accepted.
    let own = harness.sandbox.url().join("me?fields=uri").unwrap();
    assert!(harness.run(&["api", own.as_str()]).success().contains("/users/"));
}

#[test]
fn parameters_form_the_body_or_the_query() {
    let harness = Harness::new();
    let made =
        harness.run(&["api", "POST", "/me/albums", "-f", "name=Trailers", "-f", "privacy=nobody"]).json();
    assert_eq!(made["name"], "Trailers");
    let uri = made["uri"]
        .as_str()
        .unwrap()
        .replace(&format!("/users/{}", harness.sandbox.user_id()), "/users/{me}");
    let edited = harness.run(&["api", "-X", "PATCH", &uri, "-f", "name=Films", "--jq", ".name"]).success();
    assert_eq!(edited, "Films\n");
    let found =
        harness.run(&["api", "-X", "GET", "/me/albums", "-f", "query=Films", "--jq", ".total"]).success();
    assert_eq!(found, "1\n");
    let body = Harness::feed(
        harness.vimeo(&["api", "/me/albums", "--input", "-", "--fields", "name"]),
        r#"{"name":"Third"}"#,
    );
    assert_eq!(body.json(), json!({"name": "Third"}));
    harness.run(&["api", "DELETE", &uri, "-i"]).success();
}

#[test]
fn dry_run_sends_nothing_and_redacts_secrets() {
    let harness = Harness::new();
    let run = harness.run(&["api", "POST", "/me/albums", "-f", "name=x", "-f", "password=hush", "--dry-run"]);
    assert!(run.err.contains("required scopes: create"), "{run:?}");
    assert!(!run.out.contains("hush") && !run.out.contains(harness.sandbox.token()), "{run:?}");
    assert!(run.out.contains("POST ") && run.out.contains("[REDACTED]"), "{run:?}");
    assert_eq!(harness.requests(), [""; 0]);
}

#[test]
fn error_responses_are_printed() {
    let harness = Harness::new();
    let run = harness.run(&["api", "/videos/999", "-i"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.out.starts_with("HTTP 404") && run.out.contains("\"error\""), "{run:?}");
    assert!(run.err.starts_with("vimeo: "), "{run:?}");
    assert_eq!(harness.run(&["api", "/videos/999", "--silent"]).out, "");
}

#[test]
fn json_lists_checks_and_requests_fields() {
    let harness = Harness::new();
    harness.sandbox.add_videos(2);
    let names = harness.run(&["videos", "list", "--json"]).success();
    assert!(names.lines().any(|name| name == "duration"), "{names}");
    harness.run(&["videos", "list", "--json=nmae"]).fails(2, &["unknown field `nmae`", "duration"]);
    assert_eq!(harness.requests(), [""; 0]);
    let list = harness.run(&["videos", "list", "--json=uri,privacy.view"]).json();
    assert_eq!(list[0]["privacy"]["view"], "anybody", "{list}");
    assert_eq!(list[0].as_object().unwrap().len(), 2);
    let table = harness.run(&["videos", "list"]).success();
    assert_eq!(table.lines().next().unwrap().split('\t').count(), 6, "{table}");
}

#[cfg(unix)]
#[test]
fn pages_long_output_on_terminals_only() {
    let harness = Harness::new();
    harness.sandbox.add_videos(250);
    let run = |variables: &[(&str, &str)], args: &[&str]| {
        Run::of(harness.vimeo(args).envs(variables.iter().copied()).output().unwrap())
    };
    let terminal = ("VIMEO_FORCE_TTY", "80");
    let list = ["videos", "list", "--limit", "3"];
    let paged = run(&[terminal, ("VIMEO_PAGER", "sed 's/^/paged: /'")], &list).success();
    assert_eq!(paged.lines().count(), 4, "{paged}");
    assert!(paged.lines().all(|line| line.starts_with("paged: ")), "{paged}");
    let paged = run(&[terminal, ("PAGER", "sed 's/^/paged: /'")], &["help", "syntax"]).success();
    assert!(paged.lines().all(|line| line.starts_with("paged: ")), "{paged}");

    // No pager in a pipe, or if paging is disabled.
    let sed = ("VIMEO_PAGER", "sed 's/^/paged: /'");
    let json = run(&[sed], &["api", "/me/videos", "--paginate", "--fields", "uri"]).json();
    assert_eq!(json.as_array().unwrap().len(), 250);
    assert!(!run(&[sed], &list).success().contains("paged"));
    let none = [terminal, ("PAGER", "sed 's/^/paged: /'"), ("VIMEO_PAGER", "")];
    assert!(!run(&none, &list).success().contains("paged"));

    // Quitting the pager early is not an error.
    let all = ["api", "/me/videos", "--paginate"];
    let quit = run(&[terminal, ("VIMEO_PAGER", "head -n 1")], &all);
    assert_eq!((quit.out.as_str(), quit.err.as_str(), quit.code), ("[\n", "", 0));
    let missing = run(&[terminal, ("VIMEO_PAGER", "no-such-pager-anywhere")], &all);
    missing.fails(1, &["cannot run the pager `no-such-pager-anywhere`", "VIMEO_PAGER"]);
    // Errors are printed after the pager ends.
    let failed = run(&[terminal, sed], &["api", "/videos/999"]);
    failed.fails(3, &["404"]);
    assert!(failed.out.starts_with("paged: {"), "{failed:?}");
}

#[test]
fn prints_and_describes_bodies_that_are_not_json() {
    let harness = Harness::new();
    let page = "<!doctype html><title>Sign in to the network</title>";
    for (kind, body, expected) in [
        ("text/html", page.as_bytes(), "a web page"),
        ("application/json", b"{\"name\": \"caf\xe9\"}".as_slice(), "UTF-8"),
        ("text/plain", b"upstream connect error", "text/plain"),
    ] {
        harness.sandbox.add_fault(Fault::new(Effect::Body(200, kind.to_owned(), body.to_vec())).times(1));
        let output = harness.vimeo(&["api", "/me"]).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{err}");
        assert_eq!(output.stdout.trim_ascii_end(), body, "{expected}");
        assert!(err.contains(expected) && err.contains("next: ") && !err.contains("bytes of"), "{err}");
    }
}

#[test]
fn partial_lists_are_valid_json() {
    let harness = Harness::new();
    harness.sandbox.add_videos(250);
    let all = ["api", "/me/videos", "--paginate", "--fields", "uri"];
    for (more, count) in [(&[][..], 100), (&["--slurp"], 1)] {
        harness.sandbox.add_fault(Fault::new(Effect::Status(400)).method(http::Method::GET).nth(2));
        let run = harness.run(&[&all[..], more].concat());
        run.fails(6, &["the list is incomplete, it ends after 100 items"]);
        let printed: Vec<Value> = serde_json::from_str(&run.out).unwrap();
        assert_eq!(printed.len(), count);
        harness.sandbox.clear_faults();
    }
    harness.sandbox.add_fault(Fault::new(Effect::Status(400)).method(http::Method::GET));
    let run = harness.run(&all);
    assert_eq!((run.code, run.out.as_str()), (6, ""), "{run:?}");
}

#[cfg(unix)]
#[test]
fn limits_the_size_of_input() {
    let harness = Harness::new();
    for args in [["--input", "/dev/zero"], ["-F", "name=@/dev/zero"]] {
        let run = harness.run(&[&["api", "POST", "/me/albums"], &args[..]].concat());
        run.fails(2, &["cannot read /dev/zero: larger than 64 MiB"]);
    }
    let login = ["auth", "login", "--insecure-storage", "--with-token"];
    let mut endless = harness.logged_out(&login);
    endless.stdin(std::fs::File::open("/dev/zero").unwrap());
    Run::of(endless.output().unwrap()).fails(2, &["standard input", "64 MiB"]);
    let printing = harness.logged_out(&["auth", "login", "--token-command", "yes hunter2"]).output().unwrap();
    let printing = Run::of(printing);
    printing.fails(4, &["the token command printed more than 64 KiB"]);
    assert!(!printing.err.contains("hunter2"), "{printing:?}");
    assert_eq!(harness.requests(), [""; 0]);
}

#[test]
fn dry_run_and_verbose_redact_secrets() {
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
        let output = format!("{}{}", run.out, run.err);
        assert!(!output.contains("hush"), "{output}");
        assert!(output.contains("access_token=[REDACTED]&fields=name"), "{output}");
    }
}

#[test]
fn loopback_requests_bypass_proxies() {
    let harness = Harness::new();
    harness.file("film.mp4", 5000);
    // No server listens on this address.
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for args in [&["api", "/me"][..], &["upload", "film.mp4"], &["upload", "film.mp4", "--sandbox"]] {
        let mut command = harness.vimeo(args);
        for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
            command.env(name, format!("http://{unused}"));
        }
        Run::of(command.output().unwrap()).success();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn unwritable_help_is_an_error() {
    let harness = Harness::new();
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for args in [&["--help"][..], &["--version"], &["help"], &["videos", "list", "--help"]] {
        let output = harness.vimeo(args).stdout(full()).stderr(Stdio::piped()).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {err}");
        assert!(err.contains("cannot write the output"), "{args:?}: {err}");
    }
}
