//! `vimeo mcp`, started and called by an MCP client.

use std::fs::File;
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{Harness, Run};

/// An MCP client connected to the command.
pub(crate) struct Client {
    server: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Client {
    /// Starts the command and initializes the session. Trace logs go to the file `log`.
    pub(crate) fn start(harness: &Harness, mut command: Command) -> Self {
        let log = File::create(harness.path("log")).unwrap();
        command.env("RUST_LOG", "trace").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut server = command.spawn().unwrap();
        let input = server.stdin.take().unwrap();
        let output = BufReader::new(server.stdout.take().unwrap()).lines();
        let mut client = Self { server, input, output };
        let client_info = json!({"name": "test", "version": "1"});
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client_info});
        let result = client.request(1, "initialize", params);
        assert_eq!(result["serverInfo"]["name"], "vimeo", "{result}");
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        client
    }

    pub(crate) fn send(&mut self, message: &Value) {
        writeln!(self.input, "{message}").unwrap();
    }

    pub(crate) fn request(&mut self, id: u64, method: &str, params: Value) -> Value {
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let message = message(&self.output.next().unwrap().unwrap());
            if message["id"] == id {
                return message["result"].clone();
            }
        }
    }

    fn tools(&mut self) -> Vec<Value> {
        self.request(2, "tools/list", json!({}))["tools"].as_array().unwrap().clone()
    }

    /// Closes the input, reads the remaining output and returns the exit code.
    pub(crate) fn close(self) -> Option<i32> {
        self.close_with_output().0
    }

    /// Like [`close`](Self::close), and also returns the remaining messages.
    pub(crate) fn close_with_output(mut self) -> (Option<i32>, Vec<Value>) {
        drop(self.input);
        let rest = self.output.map(|line| message(&line.unwrap())).collect();
        (self.server.wait().unwrap().code(), rest)
    }
}

/// Parses a line of standard output, which must be a protocol message.
fn message(line: &str) -> Value {
    let message: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert_eq!(message["jsonrpc"], "2.0", "{line}");
    message
}

#[test]
fn serves_sandbox_tools_until_input_ends() {
    let harness = Harness::new();
    let mut client = Client::start(&harness, harness.logged_out(&["mcp", "--sandbox"]));
    assert_eq!(client.tools().len(), 31);
    let params = json!({"name": "vimeo_me_get", "arguments": {}});
    let me = client.request(3, "tools/call", params);
    assert_eq!(me["isError"], false, "{me}");
    assert_eq!(client.close(), Some(0));
    let log = std::fs::read_to_string(harness.path("log")).unwrap();
    assert!(log.contains("TRACE"), "logs must be on standard error: {log}");
}

#[test]
fn offers_only_the_selected_tools() {
    let harness = Harness::new();
    let args = ["mcp", "--read-only", "--toolset", "read,library", "--no-output-schema"];
    let mut client = Client::start(&harness, harness.vimeo(&args));
    let tools = client.tools();
    assert!(!tools.is_empty());
    for tool in &tools {
        assert_eq!(tool["annotations"]["readOnlyHint"], true, "{tool}");
        assert!(tool.get("outputSchema").is_none(), "{tool}");
    }
    let params = json!({"name": "vimeo_me_get", "arguments": {}});
    client.request(3, "tools/call", params);
    assert_eq!(client.close(), Some(0));
    assert!(harness.requests().contains(&"GET /me".to_owned()), "{:?}", harness.requests());
    let log = std::fs::read_to_string(harness.path("log")).unwrap();
    assert!(!log.contains(harness.sandbox.token()), "the token is in the log");
}

#[test]
fn audit_log_records_changes() {
    let harness = Harness::new();
    let args = ["mcp", "--tools", "vimeo_folder_create", "--audit-log", "audit.jsonl"];
    let mut client = Client::start(&harness, harness.vimeo(&args));
    let names: Vec<_> = client.tools().iter().map(|tool| tool["name"].clone()).collect();
    assert_eq!(names, ["vimeo_folder_create"]);
    let params = json!({"name": "vimeo_folder_create", "arguments": {"name": "Holidays"}});
    let made = client.request(3, "tools/call", params);
    assert_eq!(made["isError"], false, "{made}");
    assert_eq!(client.close(), Some(0));
    let log = std::fs::read_to_string(harness.path("audit.jsonl")).unwrap();
    assert_eq!(log.lines().filter(|line| line.contains("vimeo_folder_create")).count(), 2, "{log}");
}

#[test]
fn log_contains_no_secrets_of_calls() {
    let harness = Harness::new();
    let mut client = Client::start(&harness, harness.vimeo(&["mcp", "--toolset", "library,webhooks"]));
    let arguments = json!({"video_id": "1", "privacy_view": "password", "password": "hunter2"});
    client.request(3, "tools/call", json!({"name": "vimeo_video_edit", "arguments": arguments}));
    assert_eq!(client.close(), Some(0));
    let log = std::fs::read_to_string(harness.path("log")).unwrap();
    assert!(!log.contains("hunter2"), "{log}");
}

#[test]
fn http_requires_the_bearer_token() {
    let harness = Harness::new();
    let mut command = harness.vimeo(&["mcp", "--http", "127.0.0.1:0"]);
    command.env("VIMEO_MCP_BEARER", CALLER_TOKEN).stderr(Stdio::piped()).stdout(Stdio::piped());
    let mut server = command.spawn().unwrap();
    let line = BufReader::new(server.stderr.take().unwrap()).lines().next().unwrap().unwrap();
    let url = line.strip_prefix("listening on ").unwrap().to_owned();
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"},
    }});
    let status = |token: Option<&str>| {
        let mut request = crate::http::client()
            .post(&url)
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
            .body(list.to_string());
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        harness.runtime.block_on(request.send()).unwrap().status().as_u16()
    };
    let statuses = [None, Some(harness.sandbox.token()), Some(CALLER_TOKEN)].map(status);
    server.kill().unwrap();
    let output = server.wait_with_output().unwrap();
    assert_eq!(statuses, [401, 401, 200]);
    assert!(output.stdout.is_empty());
}

#[test]
fn http_generates_a_bearer_token_unless_disabled() {
    let harness = Harness::new();
    let (mut server, url, lines) = start_http_server(harness.vimeo(&["mcp", "--http", "127.0.0.1:0"]));
    let token = lines.iter().find_map(|line| line.strip_prefix("bearer token for callers: "));
    let token = token.unwrap_or_else(|| panic!("{lines:?}"));
    let status = |url: &str, bearer: &str| {
        let called = call(url, bearer, "vimeo_me_get", json!({}));
        harness.runtime.block_on(called.send()).unwrap().status().as_u16()
    };
    let statuses = [status(&url, token), status(&url, OTHER_TOKEN)];
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(token.len() >= 32, "{token}");
    assert_eq!(statuses, [200, 401]);

    let (mut server, url, lines) =
        start_http_server(harness.vimeo(&["mcp", "--http", "127.0.0.1:0", "--no-bearer"]));
    let open = status(&url, OTHER_TOKEN);
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!((open, lines), (200, Vec::new()));
}

#[test]
fn disclosing_calls_require_allow() {
    let harness = Harness::new();
    let hook = json!({"url": "https://example.com/events", "event_types": ["video.transcode.complete"]});
    let params = json!({"name": "vimeo_webhook_create", "arguments": hook});
    for (allow, done) in [(&[][..], false), (&["--allow", "webhooks,publish"], true)] {
        let mut client = Client::start(&harness, harness.vimeo(&[&["mcp"], allow].concat()));
        let result = client.request(3, "tools/call", params.clone());
        assert_eq!(client.close(), Some(0));
        assert_eq!(result["isError"], !done, "{result}");
        assert!(done || result.to_string().contains("--allow webhooks"), "{result}");
    }
    let run = harness.run(&["tools", "call", "vimeo_webhook_create", &hook.to_string()]);
    run.success();
    let posts = harness.requests().into_iter().filter(|request| request.ends_with("/webhooks")).count();
    assert_eq!(posts, 2);
}

/// A tool call over HTTP.
fn call(url: &str, bearer: &str, tool: &str, arguments: Value) -> reqwest::RequestBuilder {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": tool, "arguments": arguments, "_meta": meta,
    }});
    crate::http::client()
        .post(url)
        .bearer_auth(bearer)
        .header("accept", "application/json, text/event-stream")
        .header("content-type", "application/json")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", tool)
        .body(call.to_string())
}

/// Starts an HTTP server. Returns the process, its URL and the lines printed before the URL.
fn start_http_server(mut command: Command) -> (Child, String, Vec<String>) {
    let mut server = command.stderr(Stdio::piped()).spawn().unwrap();
    let (mut lines, mut url) = (Vec::new(), None);
    for line in BufReader::new(server.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        url = line.strip_prefix("listening on ").map(str::to_owned);
        if url.is_some() {
            break;
        }
        lines.push(line);
    }
    let url = url.unwrap_or_else(|| panic!("the server does not listen: {lines:?}"));
    (server, url, lines)
}

const CALLER_TOKEN: &str = "of-the-caller-with-32-characters-or-more";
const OTHER_TOKEN: &str = "of-another-with-32-characters-or-more";

/// The SHA-256 of `CALLER_TOKEN`.
const CALLER_TOKEN_SHA256: &str = "e3512995698c93ae056554b581fa23556c07afd4c2c0d44604c1f60732dfed34";

#[cfg(feature = "stores")]
#[test]
fn http_serves_the_accounts_of_a_store() {
    use vimeo_ext::accounts::{AccountId, KeyRing};

    use crate::key_rotation::{accounts, fill, old, store};

    let harness = Harness::new();
    harness.runtime.block_on(async {
        fill(&harness, "accounts.db", 2).await;
        let store = store(&harness, "accounts.db").await;
        let accounts = accounts(&harness, store.clone(), KeyRing::new(old())).await;
        let other = harness.sandbox.add_user("At work");
        let id = AccountId::new("work").unwrap();
        accounts.connect_with_token(&id, other.token.as_str()).await.unwrap();
        store.close().await;
    });
    let file = format!(
        "[[bearer]]\nsha256 = \"{CALLER_TOKEN_SHA256}\"\naccounts = [\"user 1\", \"work\", \"later\"]\n"
    );
    std::fs::write(harness.path("bearers.toml"), &file).unwrap();
    let serve = |key: &str| {
        let store = ["--store", "sqlite:accounts.db", "--key-file", key];
        let args = ["mcp", "--http", "127.0.0.1:0", "--bearers", "bearers.toml"];
        harness.logged_out(&[&args[..], &store].concat())
    };
    let (mut server, url, lines) = start_http_server(serve("old.key"));
    let me = |account: &str, bearer: &str| {
        let called = call(&url, bearer, "vimeo_me_get", json!({"account": account}));
        harness.runtime.block_on(async { called.send().await.unwrap().text().await.unwrap() })
    };
    let one = me("user 1", CALLER_TOKEN);
    let work = me("work", CALLER_TOKEN);
    let later = me("later", CALLER_TOKEN);
    // An account in the store that the caller cannot use.
    let foreign = me("user 0", CALLER_TOKEN);
    let other_caller = me("work", OTHER_TOKEN);
    // An account that is connected while the server runs can be used immediately.
    harness.runtime.block_on(async {
        let store = store(&harness, "accounts.db").await;
        let accounts = accounts(&harness, store.clone(), KeyRing::new(old())).await;
        let id = AccountId::new("later").unwrap();
        accounts.connect_with_token(&id, harness.sandbox.token()).await.unwrap();
        store.close().await;
    });
    let connected = me("later", CALLER_TOKEN);
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(lines.iter().any(|line| line.contains("later")), "{lines:?}");
    assert!(one.contains("Sandbox User") && !one.contains("At work"), "{one}");
    assert!(work.contains("At work") && !work.contains("Sandbox User"), "{work}");
    assert!(later.contains("\"isError\":true") && !later.contains("untrusted"), "{later}");
    assert!(foreign.contains("The caller has no such account"), "{foreign}");
    assert!(other_caller.contains("invalid_token"), "{other_caller}");
    assert!(connected.contains("Sandbox User"), "{connected}");

    let refused = Run::of(serve("new.key").output().unwrap());
    refused.fails(2, &["--old-key-file"]);
    std::fs::write(harness.path("bearers.toml"), file.replace("later", " ")).unwrap();
    Run::of(serve("old.key").output().unwrap()).fails(2, &["account ` `"]);
}

#[cfg(unix)]
#[test]
fn audit_log_records_interrupted_attempts() {
    use vimeo_sandbox::{Effect, Fault, Phase};

    let harness = Harness::new();
    let stall_posts = || {
        let fault = Fault::new(Effect::Stall).method(http::Method::POST).phase(Phase::Before);
        harness.sandbox.add_fault(fault);
        harness.sandbox.clear_request_log();
    };
    let interrupt = |server: &Child| {
        while !harness.requests().iter().any(|request| request.starts_with("POST")) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let sent = Command::new("kill").args(["-INT", &server.id().to_string()]).status().unwrap();
        assert!(sent.success());
    };
    let assert_cancelled = |log: &str| {
        let text = std::fs::read_to_string(harness.path(log)).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2, "{log}: {text}");
        assert_eq!(lines[1]["outcome"]["category"], "cancelled", "{log}: {text}");
    };
    let arguments = json!({"name": "Holidays"});

    stall_posts();
    let mut client = Client::start(&harness, harness.vimeo(&["mcp", "--audit-log", "line.jsonl"]));
    let params = json!({"name": "vimeo_folder_create", "arguments": arguments});
    client.send(&json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": params}));
    interrupt(&client.server);
    assert_eq!(client.server.wait().unwrap().code(), Some(130));
    assert_cancelled("line.jsonl");

    stall_posts();
    let mut command = harness.vimeo(&["mcp", "--http", "127.0.0.1:0", "--audit-log", "http.jsonl"]);
    command.env("VIMEO_MCP_BEARER", CALLER_TOKEN);
    let (mut server, url, _) = start_http_server(command);
    let called = harness.runtime.spawn(call(&url, CALLER_TOKEN, "vimeo_folder_create", arguments).send());
    interrupt(&server);
    assert_eq!(server.wait().unwrap().code(), Some(130));
    assert_cancelled("http.jsonl");
    called.abort();
}

#[test]
fn bearers_file_maps_callers_to_accounts() {
    let harness = Harness::new();
    let other = harness.sandbox.add_user("At work");
    for (account, token) in [("home", harness.sandbox.token()), ("work", &other.token)] {
        let args = ["auth", "login", "--with-token", "--account", account, "--insecure-storage"];
        Harness::feed(harness.logged_out(&args), token).success();
    }
    let file = format!("[[bearer]]\nsha256 = \"{CALLER_TOKEN_SHA256}\"\naccounts = [\"home\", \"work\"]\n");
    std::fs::write(harness.path("bearers.toml"), &file).unwrap();
    let serve = || harness.logged_out(&["mcp", "--http", "127.0.0.1:0", "--bearers", "bearers.toml"]);
    let (mut server, url, _) = start_http_server(serve());
    let me = |account: &str, bearer: &str| {
        let called = call(&url, bearer, "vimeo_me_get", json!({"account": account}));
        harness.runtime.block_on(async { called.send().await.unwrap().text().await.unwrap() })
    };
    let calls = [("home", CALLER_TOKEN), ("work", CALLER_TOKEN), ("work", OTHER_TOKEN)];
    let [home, work, other] = calls.map(|(account, bearer)| me(account, bearer));
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(home.contains("Sandbox User") && !home.contains("At work"), "{home}");
    assert!(work.contains("At work") && !work.contains("Sandbox User"), "{work}");
    assert!(other.contains("invalid_token"), "{other}");
    std::fs::write(harness.path("bearers.toml"), file.replace("work", "nobody")).unwrap();
    let run = Run::of(serve().output().unwrap());
    run.fails(4, &["nobody", "home"]);
}

#[test]
fn invalid_options_fail_before_serving() {
    let harness = Harness::new();
    let cases: [(&[&str], i32, &[&str]); 13] = [
        (&["--no-bearer"], 2, &["--http"]),
        (&["--http", "0.0.0.0:0", "--no-bearer"], 2, &["0.0.0.0:0", "VIMEO_MCP_BEARER"]),
        (&["--allow", "everything"], 2, &["everything", "publish"]),
        (&["--store", "sqlite:accounts.db"], 2, &["--bearers"]),
        (&["--output-schemas", "--no-output-schema"], 2, &["--no-output-schema"]),
        (&["--http", "127.0.0.1:0", "--bearers", "none.toml"], 2, &["none.toml"]),
        (&["--http", "127.0.0.1:0", "--allow-origin", "localhost:1"], 2, &["localhost:1", "https://app"]),
        (&["--tools", "vimeo_nothing"], 3, &["vimeo_nothing", "vimeo tools list"]),
        (&["--toolset", "reading"], 2, &["reading", "library"]),
        (&["--http", "0.0.0.0:0"], 2, &["0.0.0.0:0", "VIMEO_MCP_BEARER"]),
        (&["--uploads", "."], 2, &["no upload tool", "--toolset"]),
        (&["--tools", "vimeo_video_delete", "--read-only"], 2, &["--read-only"]),
        (&["--audit-log", "no/such/folder/audit.jsonl"], 2, &["audit.jsonl"]),
    ];
    for (args, code, words) in cases {
        let run = harness.run(&[&["mcp"], args].concat());
        run.fails(code, words);
        assert_eq!(run.out, "");
    }
    let mut short = harness.vimeo(&["mcp", "--http", "127.0.0.1:0"]);
    short.env("VIMEO_MCP_BEARER", "a");
    Run::of(short.output().unwrap())
        .fails(2, &["the bearer token in VIMEO_MCP_BEARER has fewer than 32 characters"]);
    let logged_out = harness.logged_out(&["mcp"]).output().unwrap();
    Run::of(logged_out).fails(4, &["vimeo auth login"]);
    assert!(harness.requests().is_empty());
}
