//! Login, logout and token storage.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use serde_json::Value;
use vimeo_sandbox::{Clock, Effect, Fault, Sandbox};

use crate::harness::{Harness, Run};

pub(crate) fn dump_folder(folder: &Path) -> String {
    let Ok(found) = std::fs::read_dir(folder) else { return String::new() };
    found
        .map(|item| item.unwrap().path())
        .map(|path| match path.is_dir() {
            true => dump_folder(&path),
            false => {
                format!("{}: {}\n", path.display(), String::from_utf8_lossy(&std::fs::read(&path).unwrap()))
            }
        })
        .collect()
}

fn log_in(harness: &Harness, more: &[&str], token: &str) -> Run {
    Harness::feed(harness.logged_out(&[&["auth", "login", "--with-token"], more].concat()), token)
}

#[test]
fn without_a_keyring_login_requires_insecure_storage() {
    let harness = Harness::new();
    let start = Instant::now();
    let run = log_in(&harness, &[], harness.sandbox.token());
    assert!(start.elapsed() < Duration::from_secs(4));
    run.fails(4, &["no keyring", "nothing was written", "--insecure-storage"]);
    assert!(!run.err.contains(harness.sandbox.token()));
    assert_eq!(dump_folder(&harness.path("config")), "");

    let run = log_in(&harness, &["--insecure-storage"], harness.sandbox.token());
    run.fails(0, &["Logged in as Sandbox User", "stored unencrypted in"]);
    let status = Run::of(harness.logged_out(&["auth", "status"]).output().unwrap()).success();
    assert!(status.contains("stored unencrypted in a file"), "{status}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let tokens: Vec<_> = std::fs::read_dir(harness.path("config/tokens")).unwrap().collect();
        assert_eq!(tokens.len(), 1);
        let mode = tokens[0].as_ref().unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let accounts = std::fs::read_to_string(harness.path("config/accounts.toml")).unwrap();
    assert!(!accounts.contains(harness.sandbox.token()), "{accounts}");

    // The token is used, and removed by the logout.
    Run::of(harness.logged_out(&["api", "/me"]).output().unwrap()).success();
    Run::of(harness.logged_out(&["auth", "logout"]).output().unwrap()).success();
    assert!(!dump_folder(&harness.path("config")).contains(harness.sandbox.token()));
    Run::of(harness.logged_out(&["auth", "status"]).output().unwrap()).fails(4, &["not logged in"]);
}

/// The D-Bus socket accepts connections and never responds. While the command waits, the token is not visible in the
/// process list.
#[cfg(unix)]
#[test]
fn login_times_out_on_a_hanging_keyring() {
    use std::io::Write;

    let harness = Harness::new();
    let bus = std::os::unix::net::UnixListener::bind(harness.path("no-bus")).unwrap();
    let start = Instant::now();
    let mut command = harness.logged_out(&["auth", "login", "--with-token"]);
    command.env("RUST_BACKTRACE", "full").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(harness.sandbox.token().as_bytes()).unwrap();
    // The command has read the token and is calling the keyring.
    let _connection = bus.accept().unwrap();
    let processes = std::process::Command::new("ps").args(["-ww", "-e", "-o", "args"]).output();
    if let Ok(processes) = processes {
        let processes = String::from_utf8_lossy(&processes.stdout).into_owned();
        assert!(processes.contains("auth login --with-token"), "{processes}");
        assert!(!processes.contains(harness.sandbox.token()), "{processes}");
    }
    let run = Run::of(child.wait_with_output().unwrap());
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    run.fails(4, &["did not respond within 3 s", "--insecure-storage"]);
    assert!(!run.err.contains(harness.sandbox.token()), "{run:?}");
    assert_eq!(dump_folder(&harness.path("config")), "");
}

/// The D-Bus socket rejects authentication, as that of another user or of a locked session does.
#[cfg(unix)]
#[test]
fn login_reports_a_keyring_that_refuses_access() {
    use std::io::Write;

    let harness = Harness::new();
    let bus = std::os::unix::net::UnixListener::bind(harness.path("no-bus")).unwrap();
    std::thread::spawn(move || {
        for connection in bus.incoming() {
            let Ok(mut connection) = connection else { return };
            let mut buffer = [0; 512];
            while connection.read(&mut buffer).is_ok_and(|length| length > 0) {
                if connection.write_all(b"REJECTED\r\n").is_err() {
                    break;
                }
            }
        }
    });
    let start = Instant::now();
    let run = log_in(&harness, &[], harness.sandbox.token());
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    run.fails(4, &["keyring", "nothing was written", "--insecure-storage"]);
    assert!(!run.err.contains(harness.sandbox.token()), "{run:?}");
    assert_eq!(dump_folder(&harness.path("config")), "");
}

#[test]
fn concurrent_logins_are_both_stored() {
    let harness = Harness::new();
    let other = harness.sandbox.add_user("Other User");
    std::thread::scope(|scope| {
        for (name, token) in [("one", harness.sandbox.token()), ("two", other.token.as_str())] {
            let harness = &harness;
            scope.spawn(move || log_in(harness, &["--insecure-storage", "--account", name], token).success());
        }
    });
    let status = Run::of(harness.logged_out(&["auth", "status", "--json"]).output().unwrap()).json();
    let accounts = status["accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), 2);
    assert!(
        accounts.iter().all(|account| account["state"] == "valid" && account["token"] == "insecure-file")
    );
    assert_eq!(accounts.iter().filter(|account| account["active"] == Value::Bool(true)).count(), 1);

    Run::of(harness.logged_out(&["auth", "switch", "one"]).output().unwrap()).success();
    let name = |args: &[&str]| Run::of(harness.logged_out(args).output().unwrap()).success();
    assert_eq!(name(&["api", "/me", "--jq", ".name"]), "Sandbox User\n");
    assert_eq!(name(&["api", "/me", "--jq", ".name", "--account", "two"]), "Other User\n");
    assert_eq!(name(&["auth", "token", "--account", "two"]), format!("{}\n", other.token));

    // Another user under an account name that is in use.
    log_in(&harness, &["--insecure-storage", "--account", "one"], &other.token)
        .fails(4, &["account one is", "nothing was changed"]);
    // An account's token is only sent to its own API.
    let mut elsewhere = harness.logged_out(&["api", "/me"]);
    elsewhere.env("VIMEO_BASE_URL", "https://api.vimeo.com");
    Run::of(elsewhere.output().unwrap()).fails(2, &["belongs to", "is not sent to"]);
}

#[test]
fn read_only_config_can_still_be_read() {
    let harness = Harness::new();
    // A file in place of the folder, so that not even root can write there.
    std::fs::write(harness.path("config"), "").unwrap();
    let run = log_in(&harness, &["--insecure-storage"], harness.sandbox.token());
    assert_ne!(run.code, 0, "{run:?}");
    assert!(run.err.contains("config"), "{run:?}");
    std::fs::remove_file(harness.path("config")).unwrap();

    std::fs::create_dir(harness.path("config")).unwrap();
    std::fs::write(harness.path("config/config.toml"), "transfers = 3\n").unwrap();
    let mut permissions = std::fs::metadata(harness.path("config/config.toml")).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(harness.path("config/config.toml"), permissions).unwrap();
    harness.run(&["api", "/me"]).success();
    std::fs::write(harness.path("config/accounts.toml"), "nonsense").unwrap();
    Run::of(harness.logged_out(&["api", "/me"]).output().unwrap()).fails(2, &["accounts.toml"]);
}

#[test]
fn login_fails_if_a_token_variable_is_set() {
    let harness = Harness::new();
    let run = Harness::feed(harness.vimeo(&["auth", "login", "--with-token"]), "x");
    run.fails(2, &["VIMEO_ACCESS_TOKEN is set", "unset VIMEO_ACCESS_TOKEN"]);
    log_in(&harness, &["--insecure-storage"], "").fails(2, &["no token"]);
    log_in(&harness, &["--insecure-storage"], "wrong").fails(4, &["401"]);
    assert_eq!(dump_folder(&harness.path("config")), "");
}

#[cfg(unix)]
#[test]
fn token_command_provides_the_token() {
    let harness = Harness::new();
    std::fs::write(harness.path("token"), harness.sandbox.token()).unwrap();
    let cat = format!("cat {}", harness.path("token").display());
    let run = |args: &[&str]| Run::of(harness.logged_out(args).output().unwrap());
    run(&["auth", "login", "--token-command", &cat, "--account", "anna"]).success();
    assert!(!dump_folder(&harness.path("config")).contains(harness.sandbox.token()));
    run(&["api", "/me"]).success();
    std::fs::remove_file(harness.path("token")).unwrap();
    run(&["api", "/me"]).fails(4, &["token command", "failed"]);
}

#[test]
fn logs_in_by_browser_and_by_device_code() {
    let harness = Harness::new();
    let (id, secret) = (harness.sandbox.client_id(), harness.sandbox.client_secret());
    let login = |more: &[&str]| {
        let mut command = harness.logged_out(&[&["auth", "login", "--insecure-storage"], more].concat());
        command.env("VIMEO_CLIENT_ID", &id).env("VIMEO_CLIENT_SECRET", &secret);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let browser = crate::http::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();

    let mut child = login(&["--no-browser", "--redirect-port", "0", "--account", "anna"]);
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let address: url::Url = line_with(&mut err, "/oauth/authorize?").trim().parse().unwrap();
    harness.runtime.block_on(async {
        let mut form: Vec<(String, String)> = address.query_pairs().into_owned().collect();
        form.push(("decision".to_owned(), "accept".to_owned()));
        let decision = harness.sandbox.url().join("oauth/authorize").unwrap();
        let response = browser.post(decision).form(&form).send().await.unwrap();
        let back = response.headers()["location"].to_str().unwrap().to_owned();
        // Other requests of the browser are not the callback.
        let icon = url::Url::parse(&back).unwrap().join("/favicon.ico").unwrap();
        assert_eq!(browser.get(icon).send().await.unwrap().status(), 404);
        assert!(browser.get(back).send().await.unwrap().text().await.unwrap().contains("terminal"));
    });
    assert!(child.wait().unwrap().success());
    let mut rest = String::new();
    err.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("Logged in as Sandbox User, account anna"), "{rest}");
    Run::of(harness.logged_out(&["api", "/me"]).output().unwrap()).success();

    log_in_with_device(&harness, "anna");
}

/// Logs in with a device code, which a browser accepts.
fn log_in_with_device(harness: &Harness, account: &str) {
    let mut command =
        harness.logged_out(&["auth", "login", "--device", "--insecure-storage", "--account", account]);
    command.env("VIMEO_CLIENT_ID", harness.sandbox.client_id());
    command.env("VIMEO_CLIENT_SECRET", harness.sandbox.client_secret());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let line = line_with(&mut err, "and enter");
    let code = line.split("and enter ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    harness.runtime.block_on(async {
        let activate = line.split_whitespace().find(|word| word.starts_with("http")).unwrap();
        let form = [("user_code", code.as_str()), ("decision", "accept")];
        let response = crate::http::client().post(activate).form(&form).send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.status());
    });
    let mut rest = String::new();
    err.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success(), "{rest}");
}

pub(crate) fn line_with(lines: &mut dyn BufRead, word: &str) -> String {
    loop {
        let mut line = String::new();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "no line with {word}");
        if line.contains(word) {
            return line;
        }
    }
}

#[test]
fn expired_token_suggests_a_login() {
    // The token has expired by the command's clock too.
    let clock = Clock::frozen(Utc::now() - TimeDelta::hours(3));
    let harness = Harness::with(Sandbox::builder().clock(clock).token_lifetime(Duration::from_secs(3600)));
    log_in_with_device(&harness, "anna");
    let run = |args: &[&str]| Run::of(harness.logged_out(args).output().unwrap());
    run(&["folders", "create", "before"]).success();
    harness.sandbox.clock().advance(Duration::from_secs(2 * 3600));

    let tokens = dump_folder(&harness.path("config/tokens"));
    let token = tokens.trim().rsplit(' ').next().unwrap();
    for args in [&["api", "/me"][..], &["folders", "create", "after"], &["videos", "list", "--json=uri"]] {
        let run = run(args);
        run.fails(4, &["401", "the access token expired on", "next: vimeo auth login --account anna\n"]);
        assert!(token.len() > 20 && !run.err.contains(token), "{run:?}");
    }
    let status = run(&["auth", "status"]);
    status.fails(4, &["no account has a valid token", "vimeo auth login"]);
    assert!(status.out.contains("expires: ") && status.out.contains("refused: "), "{status:?}");
    run(&["doctor"]).fails(4, &[]);

    log_in_with_device(&harness, "anna");
    assert_eq!(run(&["folders", "list"]).success().lines().count(), 1);
}

#[test]
fn stores_the_given_token_not_the_response() {
    let harness = Harness::new();
    let masked = serde_json::json!({
        "access_token": "********", "token_type": "bearer", "scope": "public private",
        "user": {"uri": "/users/1", "name": "Sandbox User"},
    });
    let body = Effect::Body(200, "application/json".to_owned(), masked.to_string().into_bytes());
    harness.sandbox.add_fault(Fault::new(body).path("/oauth/verify"));
    let pasted = format!("Bearer {}\n", harness.sandbox.token());
    log_in(&harness, &["--insecure-storage"], &pasted).success();
    let stored = Run::of(harness.logged_out(&["auth", "token"]).output().unwrap()).success();
    assert_eq!(stored.trim_end(), harness.sandbox.token());
    // The variable also accepts a token with the `Bearer` prefix.
    let mut command = harness.logged_out(&["api", "/me"]);
    command.env("VIMEO_ACCESS_TOKEN", pasted.trim());
    Run::of(command.output().unwrap()).success();
}

#[test]
fn failed_login_keeps_the_previous_one() {
    let harness = Harness::new();
    log_in(&harness, &["--insecure-storage"], harness.sandbox.token()).success();
    // A folder in place of the lock file, so that not even root can write the accounts.
    let lock = harness.path("config/accounts.lock");
    std::fs::remove_file(&lock).unwrap();
    std::fs::create_dir(&lock).unwrap();
    let other = harness.sandbox.issue_token(vimeo_sandbox::Scopes::all());
    let run = log_in(&harness, &["--insecure-storage"], &other);
    assert_ne!(run.code, 0, "{run:?}");
    assert!(run.err.contains("the previous login was kept"), "{run:?}");
    let stored = Run::of(harness.logged_out(&["auth", "token"]).output().unwrap()).success();
    assert_eq!(stored.trim_end(), harness.sandbox.token());
    Run::of(harness.logged_out(&["api", "/me"]).output().unwrap()).success();
}

#[test]
fn logout_removes_cached_responses() {
    let harness = Harness::new();
    harness.sandbox.add_videos(3);
    let other = harness.sandbox.add_user("Other User");
    for (name, token) in [("one", harness.sandbox.token()), ("two", other.token.as_str())] {
        log_in(&harness, &["--insecure-storage", "--account", name], token).success();
        let args = ["api", "/me", "--cache", "1h", "--account", name];
        Run::of(harness.logged_out(&args).output().unwrap()).success();
    }
    // A cache entry of an earlier version.
    std::fs::write(harness.path("state/cache/old.json"), "Sandbox User").unwrap();
    let cache = || dump_folder(&harness.path("state/cache"));
    assert!(cache().contains("Sandbox User") && cache().contains("Other User"), "{}", cache());
    Run::of(harness.logged_out(&["auth", "logout", "--account", "one"]).output().unwrap()).success();
    assert!(!cache().contains("Sandbox User") && cache().contains("Other User"), "{}", cache());
}
