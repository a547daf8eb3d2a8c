//! Logging in: where the token goes, and where it does not.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use serde_json::Value;
use vimeo_sandbox::{Clock, Effect, Fault, Sandbox};

use crate::harness::{Harness, Run};

pub(crate) fn everything_in(folder: &Path) -> String {
    let Ok(found) = std::fs::read_dir(folder) else { return String::new() };
    found
        .map(|item| item.unwrap().path())
        .map(|path| match path.is_dir() {
            true => everything_in(&path),
            false => {
                format!("{}: {}\n", path.display(), String::from_utf8_lossy(&std::fs::read(&path).unwrap()))
            }
        })
        .collect()
}

fn log_in(harness: &Harness, more: &[&str], token: &str) -> Run {
    Harness::feed(harness.stranger(&[&["auth", "login", "--with-token"], more].concat()), token)
}

#[test]
fn without_a_keyring_nothing_is_written_unless_asked_for() {
    let harness = Harness::new();
    let began = Instant::now();
    let run = log_in(&harness, &[], harness.sandbox.token());
    assert!(began.elapsed() < Duration::from_secs(4));
    run.fails(4, &["no keyring", "nothing was written", "--insecure-storage"]);
    assert!(!run.err.contains(harness.sandbox.token()));
    assert_eq!(everything_in(&harness.path("config")), "");

    let run = log_in(&harness, &["--insecure-storage"], harness.sandbox.token());
    run.fails(0, &["Logged in as Sandbox User", "in clear in"]);
    let status = Run::of(harness.stranger(&["auth", "status"]).output().unwrap()).good();
    assert!(status.contains("in clear in a file"), "{status}");
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

    // It is used, and gone after the logout.
    Run::of(harness.stranger(&["api", "/me"]).output().unwrap()).good();
    Run::of(harness.stranger(&["auth", "logout"]).output().unwrap()).good();
    assert!(!everything_in(&harness.path("config")).contains(harness.sandbox.token()));
    Run::of(harness.stranger(&["auth", "status"]).output().unwrap()).fails(4, &["nobody is logged in"]);
}

/// A bus that takes connections and never says a word. While the command waits for it, the token is not where other
/// users of the machine could see it.
#[cfg(unix)]
#[test]
fn a_keyring_that_hangs_is_given_up_on() {
    use std::io::Write;

    let harness = Harness::new();
    let bus = std::os::unix::net::UnixListener::bind(harness.path("no-bus")).unwrap();
    let began = Instant::now();
    let mut command = harness.stranger(&["auth", "login", "--with-token"]);
    command.env("RUST_BACKTRACE", "full").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(harness.sandbox.token().as_bytes()).unwrap();
    // It has the token, and asks the keyring now.
    let _asked = bus.accept().unwrap();
    let words = std::process::Command::new("ps").args(["-ww", "-e", "-o", "args"]).output();
    if let Ok(words) = words {
        let words = String::from_utf8_lossy(&words.stdout).into_owned();
        assert!(words.contains("auth login --with-token"), "{words}");
        assert!(!words.contains(harness.sandbox.token()), "{words}");
    }
    let run = Run::of(child.wait_with_output().unwrap());
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    run.fails(4, &["does not answer within 3 s", "--insecure-storage"]);
    assert!(!run.err.contains(harness.sandbox.token()), "{run:?}");
    assert_eq!(everything_in(&harness.path("config")), "");
}

/// A bus that lets nobody in, as that of another user or a locked session does.
#[cfg(unix)]
#[test]
fn a_keyring_that_refuses_is_said_so() {
    use std::io::Write;

    let harness = Harness::new();
    let bus = std::os::unix::net::UnixListener::bind(harness.path("no-bus")).unwrap();
    std::thread::spawn(move || {
        for connection in bus.incoming() {
            let Ok(mut connection) = connection else { return };
            let mut asked = [0; 512];
            while connection.read(&mut asked).is_ok_and(|length| length > 0) {
                if connection.write_all(b"REJECTED\r\n").is_err() {
                    break;
                }
            }
        }
    });
    let began = Instant::now();
    let run = log_in(&harness, &[], harness.sandbox.token());
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    run.fails(4, &["keyring", "nothing was written", "--insecure-storage"]);
    assert!(!run.err.contains(harness.sandbox.token()), "{run:?}");
    assert_eq!(everything_in(&harness.path("config")), "");
}

#[test]
fn two_logins_at_once_both_last() {
    let harness = Harness::new();
    let other = harness.sandbox.add_user("Other User");
    std::thread::scope(|scope| {
        for (name, token) in [("one", harness.sandbox.token()), ("two", other.token.as_str())] {
            let harness = &harness;
            scope.spawn(move || log_in(harness, &["--insecure-storage", "--account", name], token).good());
        }
    });
    let status = Run::of(harness.stranger(&["auth", "status", "--json"]).output().unwrap()).json();
    let accounts = status["accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), 2);
    assert!(
        accounts.iter().all(|account| account["state"] == "valid" && account["token"] == "insecure-file")
    );
    assert_eq!(accounts.iter().filter(|account| account["active"] == Value::Bool(true)).count(), 1);

    Run::of(harness.stranger(&["auth", "switch", "one"]).output().unwrap()).good();
    let name = |args: &[&str]| Run::of(harness.stranger(args).output().unwrap()).good();
    assert_eq!(name(&["api", "/me", "--jq", ".name"]), "Sandbox User\n");
    assert_eq!(name(&["api", "/me", "--jq", ".name", "--account", "two"]), "Other User\n");
    assert_eq!(name(&["auth", "token", "--account", "two"]), format!("{}\n", other.token));

    // Somebody else under a name that is taken.
    log_in(&harness, &["--insecure-storage", "--account", "one"], &other.token)
        .fails(4, &["account one is", "nothing was changed"]);
    // The token of an account goes to its own API alone.
    let mut elsewhere = harness.stranger(&["api", "/me"]);
    elsewhere.env("VIMEO_BASE_URL", "https://api.vimeo.com");
    Run::of(elsewhere.output().unwrap()).fails(2, &["belongs to", "is not sent to"]);
}

#[test]
fn a_config_that_cannot_be_written_is_read_all_the_same() {
    let harness = Harness::new();
    // A file where the folder would be: nobody can write there, not even root.
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
    harness.run(&["api", "/me"]).good();
    std::fs::write(harness.path("config/accounts.toml"), "nonsense").unwrap();
    Run::of(harness.stranger(&["api", "/me"]).output().unwrap()).fails(2, &["accounts.toml"]);
}

#[test]
fn a_set_token_wins_and_a_login_says_so() {
    let harness = Harness::new();
    let run = Harness::feed(harness.vimeo(&["auth", "login", "--with-token"]), "x");
    run.fails(2, &["VIMEO_ACCESS_TOKEN is set", "unset VIMEO_ACCESS_TOKEN"]);
    log_in(&harness, &["--insecure-storage"], "").fails(2, &["no token"]);
    log_in(&harness, &["--insecure-storage"], "wrong").fails(4, &["401"]);
    assert_eq!(everything_in(&harness.path("config")), "");
}

#[cfg(unix)]
#[test]
fn a_command_can_give_the_token() {
    let harness = Harness::new();
    std::fs::write(harness.path("token"), harness.sandbox.token()).unwrap();
    let cat = format!("cat {}", harness.path("token").display());
    let run = |args: &[&str]| Run::of(harness.stranger(args).output().unwrap());
    run(&["auth", "login", "--token-command", &cat, "--account", "anna"]).good();
    assert!(!everything_in(&harness.path("config")).contains(harness.sandbox.token()));
    run(&["api", "/me"]).good();
    std::fs::remove_file(harness.path("token")).unwrap();
    run(&["api", "/me"]).fails(4, &["token command", "failed"]);
}

#[test]
fn a_browser_comes_back_and_a_device_is_let_in() {
    let harness = Harness::new();
    let (id, secret) = (harness.sandbox.client_id(), harness.sandbox.client_secret());
    let login = |more: &[&str]| {
        let mut command = harness.stranger(&[&["auth", "login", "--insecure-storage"], more].concat());
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
        let answer = browser.post(decision).form(&form).send().await.unwrap();
        let back = answer.headers()["location"].to_str().unwrap().to_owned();
        // What a browser asks for beside is not taken for the callback.
        let icon = url::Url::parse(&back).unwrap().join("/favicon.ico").unwrap();
        assert_eq!(browser.get(icon).send().await.unwrap().status(), 404);
        assert!(browser.get(back).send().await.unwrap().text().await.unwrap().contains("terminal"));
    });
    assert!(child.wait().unwrap().success());
    let mut rest = String::new();
    err.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("Logged in as Sandbox User, account anna"), "{rest}");
    Run::of(harness.stranger(&["api", "/me"]).output().unwrap()).good();

    by_device(&harness, "anna");
}

/// Logs in as a device does, with a browser that lets it in.
fn by_device(harness: &Harness, account: &str) {
    let mut command =
        harness.stranger(&["auth", "login", "--device", "--insecure-storage", "--account", account]);
    command.env("VIMEO_CLIENT_ID", harness.sandbox.client_id());
    command.env("VIMEO_CLIENT_SECRET", harness.sandbox.client_secret());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let line = line_with(&mut err, "and enter");
    let code = line.split("and enter ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    harness.runtime.block_on(async {
        let activate = line.split_whitespace().find(|word| word.starts_with("http")).unwrap();
        let form = [("user_code", code.as_str()), ("decision", "accept")];
        let answer = crate::http::client().post(activate).form(&form).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
    });
    let mut rest = String::new();
    err.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success(), "{rest}");
}

fn line_with(lines: &mut dyn BufRead, word: &str) -> String {
    loop {
        let mut line = String::new();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "no line with {word}");
        if line.contains(word) {
            return line;
        }
    }
}

#[test]
fn a_token_whose_time_is_over_says_what_to_do() {
    // Its time is over for the command's own clock too.
    let clock = Clock::frozen(Utc::now() - TimeDelta::hours(3));
    let harness = Harness::with(Sandbox::builder().clock(clock).token_lifetime(Duration::from_secs(3600)));
    by_device(&harness, "anna");
    let run = |args: &[&str]| Run::of(harness.stranger(args).output().unwrap());
    run(&["folders", "create", "before"]).good();
    harness.sandbox.clock().advance(Duration::from_secs(2 * 3600));

    let tokens = everything_in(&harness.path("config/tokens"));
    let token = tokens.trim().rsplit(' ').next().unwrap();
    for args in [&["api", "/me"][..], &["folders", "create", "after"], &["videos", "list", "--json=uri"]] {
        let run = run(args);
        run.fails(4, &["401", "the access token expired on", "next: vimeo auth login --account anna\n"]);
        assert!(token.len() > 20 && !run.err.contains(token), "{run:?}");
    }
    let status = run(&["auth", "status"]);
    status.fails(4, &["no account works", "vimeo auth login"]);
    assert!(status.out.contains("until:  ") && status.out.contains("refused: "), "{status:?}");
    run(&["doctor"]).fails(4, &[]);

    by_device(&harness, "anna");
    assert_eq!(run(&["folders", "list"]).good().lines().count(), 1);
}

#[test]
fn the_token_that_was_given_is_kept_whatever_is_repeated_of_it() {
    let harness = Harness::new();
    let masked = serde_json::json!({
        "access_token": "********", "token_type": "bearer", "scope": "public private",
        "user": {"uri": "/users/1", "name": "Sandbox User"},
    });
    let body = Effect::Body(200, "application/json".to_owned(), masked.to_string().into_bytes());
    harness.sandbox.add_fault(Fault::new(body).path("/oauth/verify"));
    let pasted = format!("Bearer {}\n", harness.sandbox.token());
    log_in(&harness, &["--insecure-storage"], &pasted).good();
    let kept = Run::of(harness.stranger(&["auth", "token"]).output().unwrap()).good();
    assert_eq!(kept.trim_end(), harness.sandbox.token());
    // Nor does the word before it get in by the variable.
    let mut command = harness.stranger(&["api", "/me"]);
    command.env("VIMEO_ACCESS_TOKEN", pasted.trim());
    Run::of(command.output().unwrap()).good();
}

#[test]
fn a_login_that_fails_leaves_the_one_before_as_it_was() {
    let harness = Harness::new();
    log_in(&harness, &["--insecure-storage"], harness.sandbox.token()).good();
    // A folder where the lock would be: nobody can write the accounts, not even root.
    let lock = harness.path("config/accounts.lock");
    std::fs::remove_file(&lock).unwrap();
    std::fs::create_dir(&lock).unwrap();
    let other = harness.sandbox.issue_token(vimeo_sandbox::Scopes::all());
    let run = log_in(&harness, &["--insecure-storage"], &other);
    assert_ne!(run.code, 0, "{run:?}");
    assert!(run.err.contains("whoever was logged in before still is"), "{run:?}");
    let kept = Run::of(harness.stranger(&["auth", "token"]).output().unwrap()).good();
    assert_eq!(kept.trim_end(), harness.sandbox.token());
    Run::of(harness.stranger(&["api", "/me"]).output().unwrap()).good();
}

#[test]
fn nothing_that_was_kept_of_an_account_is_left_after_its_logout() {
    let harness = Harness::new();
    harness.sandbox.add_videos(3);
    let other = harness.sandbox.add_user("Other User");
    for (name, token) in [("one", harness.sandbox.token()), ("two", other.token.as_str())] {
        log_in(&harness, &["--insecure-storage", "--account", name], token).good();
        let args = ["api", "/me", "--cache", "1h", "--account", name];
        Run::of(harness.stranger(&args).output().unwrap()).good();
    }
    // As earlier versions kept answers.
    std::fs::write(harness.path("state/cache/old.json"), "Sandbox User").unwrap();
    let kept = || everything_in(&harness.path("state/cache"));
    assert!(kept().contains("Sandbox User") && kept().contains("Other User"), "{}", kept());
    Run::of(harness.stranger(&["auth", "logout", "--account", "one"]).output().unwrap()).good();
    assert!(!kept().contains("Sandbox User") && kept().contains("Other User"), "{}", kept());
}
