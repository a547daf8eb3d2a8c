//! `vimeo connections` and `vimeo accounts`.

use std::io::BufReader;
use std::process::{Command, Stdio};

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::accounts::line_with;
use crate::harness::{Harness, Run};
use crate::key_rotation::old;

/// A command of the store, with the app's credentials in the environment and the key in a file.
fn command(harness: &Harness, args: &[&str]) -> Command {
    let key = old().to_base64();
    std::fs::write(harness.path("store.key"), key.expose_secret()).unwrap();
    let mut command = harness.logged_out(args);
    command
        .env("VIMEO_STORE", "sqlite:accounts.db")
        .env("VIMEO_KEY_FILE", "store.key")
        .env("VIMEO_CLIENT_ID", harness.sandbox.client_id())
        .env("VIMEO_CLIENT_SECRET", harness.sandbox.client_secret());
    command
}

fn run(harness: &Harness, args: &[&str]) -> Run {
    let run = Run::of(command(harness, args).output().unwrap());
    assert_no_secrets(harness, &run);
    run
}

#[track_caller]
fn assert_no_secrets(harness: &Harness, run: &Run) {
    for secret in [harness.sandbox.token(), harness.sandbox.client_secret().as_str(), "wr0ng"] {
        assert!(!run.out.contains(secret) && !run.err.contains(secret), "{run:?}");
    }
}

fn connection(harness: &Harness, name: &str) -> Value {
    json!({
        "name": name, "description": "The team's", "enabled": true,
        "clientIdentifier": harness.sandbox.client_id(), "clientSecret": harness.sandbox.client_secret(),
        "accessToken": harness.sandbox.token(),
    })
}

fn link(harness: &Harness, input: &Value) -> Run {
    let args = ["connections", "link", "--input", "-", "--create-store", "--json"];
    let run = Harness::feed(command(harness, &args), &input.to_string());
    assert_no_secrets(harness, &run);
    run
}

#[test]
fn connections_are_stored_without_ever_showing_secrets() {
    let harness = Harness::new();
    run(&harness, &["connections", "list"]).fails(2, &["accounts.db"]);
    let created = link(&harness, &connection(&harness, "Marketing")).json();
    let id = created["connectionId"].as_str().unwrap().to_owned();
    assert_eq!(
        created,
        json!({
            "connectionId": id, "name": "Marketing", "description": "The team's", "enabled": true,
            "clientIdentifier": harness.sandbox.client_id(), "version": 1,
        })
    );
    for name in ["Marketing", id.as_str()] {
        assert_eq!(run(&harness, &["connections", "show", name, "--json"]).json(), created);
        assert_eq!(run(&harness, &["connections", "verify", name, "--json"]).json(), created);
    }
    let mut named = command(&harness, &["connections", "create", "Sales", "--disabled"]);
    named.env("VIMEO_ACCESS_TOKEN", harness.sandbox.token());
    let text = Run::of(named.output().unwrap()).success();
    assert!(text.contains("enabled\tfalse\n") && text.contains("name\tSales\n"), "{text}");
    let list = run(&harness, &["connections", "list", "--jq", "map(.name)"]).json();
    assert_eq!(list, json!(["Marketing", "Sales"]));
    let page = run(&harness, &["connections", "list", "--limit", "1"]);
    assert!(page.err.contains("--after 'Marketing'"), "{page:?}");
    let rest = run(&harness, &["connections", "list", "--after", "Marketing"]).success();
    assert!(rest.starts_with("Sales\t") && rest.lines().count() == 1, "{rest}");
}

#[test]
fn options_of_a_new_connection_override_its_input() {
    let harness = Harness::new();
    let args = ["connections", "link", "--input", "-", "--create-store", "--json"];
    let args = [&args[..], &["--description", "Another", "--disabled"]].concat();
    let input = connection(&harness, "Marketing").to_string();
    let created = Harness::feed(command(&harness, &args), &input).json();
    assert_eq!((&created["description"], &created["enabled"]), (&json!("Another"), &json!(false)));
}

#[test]
fn each_problem_of_a_connection_has_its_own_exit_code() {
    let harness = Harness::new();
    link(&harness, &connection(&harness, "Marketing")).success();
    let with = |member: &str, value: Value| {
        let mut input = connection(&harness, "Other");
        input[member] = value;
        link(&harness, &input)
    };
    link(&harness, &connection(&harness, "Marketing")).fails(6, &["Marketing", "already exists"]);
    with("name", json!("a/b")).fails(2, &["name must contain only letters"]);
    with("description", json!("x".repeat(251))).fails(2, &["description must have at most 250 characters"]);
    with("accessToken", json!("wr0ng")).fails(4, &["Vimeo rejected the access token", "nothing was stored"]);
    with("clientSecret", json!("wr0ng")).fails(4, &["Vimeo rejected the client ID or client secret"]);
    with("clientSecret", json!(["wr0ng"])).fails(2, &["standard input: invalid value at line 1"]);
    with("client_secret", json!("wr0ng")).fails(2, &["unknown field `client_secret`"]);
    let mut without = connection(&harness, "Other");
    without.as_object_mut().unwrap().remove("clientSecret");
    link(&harness, &without).fails(2, &["missing field `clientSecret`"]);
    run(&harness, &["connections", "link", "Other"])
        .fails(2, &["Access token is required", "VIMEO_ACCESS_TOKEN"]);
    run(&harness, &["connections", "show", "Nobody"]).fails(3, &["`Nobody`", "vimeo connections list"]);
    assert_eq!(run(&harness, &["connections", "list", "--jq", "length"]).success(), "1\n");
}

#[test]
fn changes_of_a_connection_count_versions() {
    let harness = Harness::new();
    link(&harness, &connection(&harness, "Marketing")).success();
    let on = |args: &[&str]| run(&harness, &[&["connections"], args, &["--json"]].concat());
    let disabled = on(&["disable", "Marketing", "--if-version", "1"]).json();
    assert_eq!((&disabled["enabled"], &disabled["version"]), (&json!(false), &json!(2)));
    let stale = on(&["enable", "Marketing", "--if-version", "1"]);
    stale.fails(11, &["at version 2", "based on version 1", "vimeo connections show"]);
    on(&["verify", "Marketing"]).fails(6, &["disabled", "vimeo connections enable 'Marketing'"]);
    assert_eq!(on(&["enable", "Marketing"]).json()["version"], 3);
    let edited = on(&["edit", "Marketing", "--name", "Marketing EU", "--description", ""]).json();
    assert_eq!((&edited["name"], &edited["description"]), (&json!("Marketing EU"), &Value::Null));
    let change = command(&harness, &["connections", "edit", "Marketing EU", "--input", "-"]);
    let change = Harness::feed(change, &json!({"accessToken": "wr0ng"}).to_string());
    assert_no_secrets(&harness, &change);
    change.fails(4, &["Vimeo rejected the access token"]);
    on(&["edit", "Marketing EU"]).fails(2, &["nothing to change"]);
    on(&["disable", "Marketing EU", "--read-only"]).fails(11, &["disabling a connection"]);
    on(&["disconnect", "Marketing EU"]).fails(2, &["--yes"]);
    on(&["disconnect", "Marketing EU", "--yes", "--if-version", "1"]).fails(11, &["at version 4"]);
    assert_eq!(on(&["disconnect", "Marketing EU", "--yes"]).json()["disconnected"], true);
    on(&["show", "Marketing EU"]).fails(3, &[]);
    // The token belongs to the program that provided it.
    harness.run(&["api", "/me"]).success();
}

#[test]
fn accounts_are_linked_checked_and_disconnected() {
    let harness = Harness::new();
    let token = harness.sandbox.issue_token("public private");
    let args = ["accounts", "link", "user 7", "--with-token", "--create-store", "--json"];
    let linked = Harness::feed(command(&harness, &args), &format!("{token}\n")).json();
    assert_eq!((&linked["id"], &linked["status"]), (&json!("user 7"), &json!("active")));
    assert_eq!(linked["user"], format!("/users/{}", harness.sandbox.user_id()));
    assert!(!linked.to_string().contains(&token), "{linked}");
    let redirect = ["accounts", "link", "user 8", "--redirect-uri", "https://example.com/callback"];
    let link = run(&harness, &redirect).success();
    assert!(link.contains("/oauth/authorize?") && link.contains("example.com"), "{link}");

    let on = |args: &[&str]| run(&harness, &[&["accounts"], args].concat());
    let statuses = on(&["list", "--jq", "map({id, status})"]).json();
    assert_eq!(
        statuses,
        json!([{"id": "user 7", "status": "active"}, {"id": "user 8", "status": "pending"}])
    );
    assert!(on(&["list", "--status", "pending"]).success().starts_with("user 8\tpending\t"));
    assert!(on(&["list", "--limit", "1"]).err.contains("--after 'user 7'"));
    on(&["list", "--status", "lost"]).fails(2, &["lost"]);
    on(&["show", "user 9"]).fails(3, &["`user 9`", "vimeo accounts list"]);
    on(&["show", " "]).fails(2, &["invalid account ID"]);
    on(&["verify", "user 8"]).fails(4, &["pending", "vimeo accounts link 'user 8'"]);

    assert_eq!(on(&["verify", "user 7", "--json"]).json()["status"], "active");
    let disabled = on(&["disable", "user 7", "--reason", "unpaid", "--json"]).json();
    assert_eq!((&disabled["status"], &disabled["reason"]), (&json!("disabled"), &json!("unpaid")));
    on(&["verify", "user 7"]).fails(6, &["vimeo accounts enable 'user 7'"]);
    assert_eq!(on(&["enable", "user 7", "--json"]).json()["status"], "active");
    assert!(on(&["show", "user 7"]).success().contains("status\tactive\n"));

    assert!(harness.sandbox.world().revoke_token(&token));
    let revoked = on(&["verify", "user 7", "--json"]);
    revoked.fails(4, &["user 7 is revoked", "vimeo accounts link 'user 7'"]);
    assert_eq!(serde_json::from_str::<Value>(&revoked.out).unwrap()["status"], "revoked");
    on(&["disconnect", "user 7"]).fails(2, &["--yes"]);
    on(&["disconnect", "user 7", "--yes"]).success();
    on(&["disconnect", "user 7", "--yes"]).fails(3, &["user 7"]);
    assert_eq!(on(&["list", "--jq", "length"]).success(), "1\n");
}

#[test]
fn an_account_is_linked_in_the_browser() {
    let harness = Harness::new();
    let args =
        ["accounts", "link", "user 7", "--no-browser", "--redirect-port", "0", "--create-store", "--json"];
    let mut child = command(&harness, &args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let address: url::Url = line_with(&mut err, "/oauth/authorize?").trim().parse().unwrap();
    let browser = crate::http::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    harness.runtime.block_on(async {
        let mut form: Vec<(String, String)> = address.query_pairs().into_owned().collect();
        form.push(("decision".to_owned(), "accept".to_owned()));
        let decision = harness.sandbox.url().join("oauth/authorize").unwrap();
        let response = browser.post(decision).form(&form).send().await.unwrap();
        let back = response.headers()["location"].to_str().unwrap().to_owned();
        assert!(browser.get(back).send().await.unwrap().text().await.unwrap().contains("terminal"));
    });
    let linked = Run::of(child.wait_with_output().unwrap()).json();
    assert_eq!((&linked["id"], &linked["status"]), (&json!("user 7"), &json!("active")), "{linked}");
}
