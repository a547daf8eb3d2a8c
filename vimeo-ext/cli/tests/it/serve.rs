//! `vimeo serve`, called over HTTP.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use vimeo_ext::accounts::Key;

use crate::harness::Harness;

/// A running service.
pub(crate) struct Service {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    pub(crate) url: String,
}

impl Service {
    pub(crate) fn start(harness: &Harness, args: &[&str]) -> Self {
        let mut command = command(harness, &[&["serve", "--listen", "127.0.0.1:0"], args].concat());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut url = None;
        while url.is_none() {
            let mut line = String::new();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "the service ended: {:?}", child.wait());
            url = line.trim().strip_prefix("listening on ").map(str::to_owned);
        }
        Self { child, stderr, url: url.unwrap() }
    }

    /// Sends a request; returns the status and the body.
    pub(crate) fn call(
        &self,
        harness: &Harness,
        key: &str,
        method: &str,
        path: &str,
        body: Value,
    ) -> (u16, Value) {
        harness.runtime.block_on(async {
            let method = method.parse().unwrap();
            let request = crate::http::client().request(method, format!("{}{path}", self.url));
            let response = request.bearer_auth(key).body(body.to_string()).send().await.unwrap();
            let status = response.status().as_u16();
            (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null))
        })
    }

    /// Kills the service with SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the service to stop; returns its exit code and the rest of its log.
    pub(crate) fn stop(mut self) -> (Option<i32>, String) {
        let status = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(status.success());
        let mut log = String::new();
        self.stderr.read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().code(), log)
    }
}

fn command(harness: &Harness, args: &[&str]) -> Command {
    let key = harness.path("accounts.key");
    if !key.exists() {
        std::fs::write(&key, Key::generate().to_base64().expose_secret()).unwrap();
    }
    let mut command = harness.logged_out(args);
    command
        .env("VIMEO_KEY_FILE", key)
        .env("VIMEO_BASE_URL", harness.sandbox.url().as_str())
        .env("VIMEO_CLIENT_ID", harness.sandbox.client_id())
        .env("VIMEO_CLIENT_SECRET", harness.sandbox.client_secret());
    command
}

pub(crate) fn create_key(harness: &Harness, args: &[&str]) -> Value {
    harness.run(&[&["serve", "keys", "create", "test", "--json"], args].concat()).json()
}

#[test]
fn serves_accounts_and_tools_until_it_is_stopped() {
    let harness = Harness::new();
    let created = create_key(&harness, &["--allow", "publish"]);
    let key = created["key"].as_str().unwrap();
    let service = Service::start(&harness, &["--log-json"]);
    assert_eq!(service.call(&harness, "wrong", "GET", "/v1/accounts", Value::Null).0, 401);
    let token = json!({"access_token": harness.sandbox.token()});
    let (status, account) = service.call(&harness, key, "PUT", "/v1/accounts/user%207/access-token", token);
    assert_eq!((status, &account["status"]), (200, &json!("active")));
    let run = json!({"identifier": "user 7", "tool_name": "vimeo_me_get", "tool_input": {}});
    let (status, me) = service.call(&harness, key, "POST", "/v1/execute-tool", run);
    assert_eq!((status, &me["result"]["name"]), (200, &json!("Sandbox User")), "{me}");
    let (code, log) = service.stop();
    assert_eq!(code, Some(0), "{log}");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["route"] == "/v1/execute-tool" && line["status"] == 200), "{log}");
    for secret in [harness.sandbox.token(), key] {
        assert!(!log.contains(secret), "{log}");
    }
    // The file of the store is complete by itself.
    let folder = harness.path("state");
    let files =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let files: Vec<String> = files.filter(|name| name.starts_with("connector.db")).collect();
    assert_eq!(files, ["connector.db"]);
    // Accounts and keys are still there after a restart.
    let service = Service::start(&harness, &[]);
    let (_, found) = service.call(&harness, key, "GET", "/v1/accounts/user%207", Value::Null);
    assert_eq!(found["status"], "active");
    assert_eq!(service.stop().0, Some(0));
}

#[test]
fn keys_are_listed_rotated_and_revoked() {
    let harness = Harness::new();
    let created =
        create_key(&harness, &["--account-prefix", "team-7:", "--routes", "tools,mcp", "--rate", "60"]);
    let (id, first) = (created["id"].as_str().unwrap(), created["key"].as_str().unwrap());
    assert_eq!(created["policy"]["accounts"], json!({"prefix": "team-7:"}));
    let list = harness.run(&["serve", "keys", "list", "--json"]).json();
    assert_eq!(list[0]["id"], id);
    assert!(!list.to_string().contains(first.rsplit('_').next().unwrap()), "{list}");
    let table = harness.run(&["serve", "keys", "list"]).success();
    assert!(table.contains("team-7:*") && table.contains("tools,mcp"), "{table}");
    let rotated = harness.run(&["serve", "keys", "rotate", id]).success();
    let service = Service::start(&harness, &[]);
    assert_eq!(service.call(&harness, first, "GET", "/v1/tools", Value::Null).0, 401);
    assert_eq!(service.call(&harness, rotated.trim(), "GET", "/v1/tools", Value::Null).0, 200);
    assert_eq!(service.call(&harness, rotated.trim(), "GET", "/v1/accounts", Value::Null).0, 403);
    service.stop();
    harness.run(&["serve", "keys", "revoke", id]).success();
    harness.run(&["serve", "keys", "revoke", id]).fails(3, &[id, "vimeo serve keys list"]);
    harness.run(&["serve", "keys", "create", " "]).fails(2, &["name"]);
}

#[test]
fn a_service_with_wrong_settings_does_not_start() {
    let harness = Harness::new();
    let mut command = command(&harness, &["serve", "--listen", "127.0.0.1:0"]);
    let run = crate::harness::Run::of(command.env_remove("VIMEO_KEY_FILE").output().unwrap());
    run.fails(2, &["no current key given", "openssl rand -base64 32"]);
    for (args, text) in [
        (["serve", "--listen", "0.0.0.0:0"].as_slice(), "--public-url"),
        (&["serve", "--listen", "127.0.0.1:0", "--sandbox"], "--base-url"),
        (&["serve", "--listen", "127.0.0.1:0", "--poll-interval", "10s"], "1 minute to 24 hours"),
        (&["serve", "--deliver-to-private-addresses"], "--poll-interval"),
    ] {
        let run = crate::harness::Run::of(self::command(&harness, args).output().unwrap());
        run.fails(2, &[text]);
    }
    let insecure = ["serve", "--listen", "127.0.0.1:0", "--return-url", "http://app.example.com/"];
    let run = crate::harness::Run::of(self::command(&harness, &insecure).output().unwrap());
    run.fails(2, &["neither https nor on this machine"]);
}
