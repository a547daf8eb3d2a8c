//! The tools' server, as a client of the protocol starts it.

use std::fs::File;
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{Harness, Run};

/// A client of the server that the command is.
pub(crate) struct Client {
    server: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Client {
    /// Starts the command and opens the conversation. All that there is to log goes to `log`.
    pub(crate) fn start(harness: &Harness, mut command: Command) -> Self {
        let log = File::create(harness.path("log")).unwrap();
        command.env("RUST_LOG", "trace").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut server = command.spawn().unwrap();
        let input = server.stdin.take().unwrap();
        let output = BufReader::new(server.stdout.take().unwrap()).lines();
        let mut client = Self { server, input, output };
        let itself = json!({"name": "test", "version": "1"});
        let opening = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": itself});
        let opened = client.ask(1, "initialize", opening);
        assert_eq!(opened["serverInfo"]["name"], "vimeo", "{opened}");
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        client
    }

    pub(crate) fn send(&mut self, message: &Value) {
        writeln!(self.input, "{message}").unwrap();
    }

    pub(crate) fn ask(&mut self, id: u64, method: &str, params: Value) -> Value {
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let message = message(&self.output.next().unwrap().unwrap());
            if message["id"] == id {
                return message["result"].clone();
            }
        }
    }

    fn tools(&mut self) -> Vec<Value> {
        self.ask(2, "tools/list", json!({}))["tools"].as_array().unwrap().clone()
    }

    /// Ends the input; gives the exit code once everything that was still said is read.
    pub(crate) fn close(self) -> Option<i32> {
        self.leave().0
    }

    /// As [`close`](Self::close), with what was still said.
    pub(crate) fn leave(mut self) -> (Option<i32>, Vec<Value>) {
        drop(self.input);
        let rest = self.output.map(|line| message(&line.unwrap())).collect();
        (self.server.wait().unwrap().code(), rest)
    }
}

/// A line of standard output, which is the protocol's alone.
fn message(line: &str) -> Value {
    let message: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert_eq!(message["jsonrpc"], "2.0", "{line}");
    message
}

#[test]
fn without_an_account_the_tools_are_served_until_the_input_ends() {
    let harness = Harness::new();
    let mut client = Client::start(&harness, harness.stranger(&["mcp", "--sandbox"]));
    assert_eq!(client.tools().len(), 31);
    let asked = json!({"name": "vimeo_me_get", "arguments": {}});
    let me = client.ask(3, "tools/call", asked);
    assert_eq!(me["isError"], false, "{me}");
    assert_eq!(client.close(), Some(0));
    let log = std::fs::read_to_string(harness.path("log")).unwrap();
    assert!(log.contains("TRACE"), "logs are on standard error: {log}");
}

#[test]
fn the_account_s_tools_are_those_that_were_asked_for() {
    let harness = Harness::new();
    let args = ["mcp", "--read-only", "--toolset", "read,library", "--no-output-schema"];
    let mut client = Client::start(&harness, harness.vimeo(&args));
    let tools = client.tools();
    assert!(!tools.is_empty());
    for tool in &tools {
        assert_eq!(tool["annotations"]["readOnlyHint"], true, "{tool}");
        assert!(tool.get("outputSchema").is_none(), "{tool}");
    }
    let asked = json!({"name": "vimeo_me_get", "arguments": {}});
    client.ask(3, "tools/call", asked);
    assert_eq!(client.close(), Some(0));
    assert!(harness.requests().contains(&"GET /me".to_owned()), "{:?}", harness.requests());
    let log = std::fs::read_to_string(harness.path("log")).unwrap();
    assert!(!log.contains(harness.sandbox.token()), "the token is in the log");
}

#[test]
fn what_an_agent_changes_is_in_the_audit_log() {
    let harness = Harness::new();
    let args = ["mcp", "--tools", "vimeo_folder_create", "--audit-log", "audit.jsonl"];
    let mut client = Client::start(&harness, harness.vimeo(&args));
    let names: Vec<_> = client.tools().iter().map(|tool| tool["name"].clone()).collect();
    assert_eq!(names, ["vimeo_folder_create"]);
    let asked = json!({"name": "vimeo_folder_create", "arguments": {"name": "Holidays"}});
    let made = client.ask(3, "tools/call", asked);
    assert_eq!(made["isError"], false, "{made}");
    assert_eq!(client.close(), Some(0));
    let log = std::fs::read_to_string(harness.path("audit.jsonl")).unwrap();
    assert_eq!(log.lines().filter(|line| line.contains("vimeo_folder_create")).count(), 2, "{log}");
}

#[test]
fn no_secret_of_a_call_is_in_the_log() {
    let harness = Harness::new();
    let mut client = Client::start(&harness, harness.vimeo(&["mcp", "--toolset", "library,webhooks"]));
    let arguments = json!({"video_id": "1", "privacy_view": "password", "password": "hunter2"});
    client.ask(3, "tools/call", json!({"name": "vimeo_video_edit", "arguments": arguments}));
    assert_eq!(client.close(), Some(0));
    let log = std::fs::read_to_string(harness.path("log")).unwrap();
    assert!(!log.contains("hunter2"), "{log}");
}

#[test]
fn over_http_callers_show_the_bearer_token() {
    let harness = Harness::new();
    let mut command = harness.vimeo(&["mcp", "--http", "127.0.0.1:0"]);
    command.env("VIMEO_MCP_BEARER", OF_THE_CALLER).stderr(Stdio::piped()).stdout(Stdio::piped());
    let mut server = command.spawn().unwrap();
    let told = BufReader::new(server.stderr.take().unwrap()).lines().next().unwrap().unwrap();
    let url = told.strip_prefix("listening on ").unwrap().to_owned();
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
    let statuses = [None, Some(harness.sandbox.token()), Some(OF_THE_CALLER)].map(status);
    server.kill().unwrap();
    let output = server.wait_with_output().unwrap();
    assert_eq!(statuses, [401, 401, 200]);
    assert!(output.stdout.is_empty());
}

#[test]
fn over_http_a_bearer_token_is_made_and_told_unless_none_is_wanted() {
    let harness = Harness::new();
    let (mut server, url, said) = listening(harness.vimeo(&["mcp", "--http", "127.0.0.1:0"]));
    let told = said.iter().find_map(|line| line.strip_prefix("bearer token for callers: "));
    let token = told.unwrap_or_else(|| panic!("{said:?}"));
    let status = |url: &str, bearer: &str| {
        let called = call(url, bearer, "vimeo_me_get", json!({}));
        harness.runtime.block_on(called.send()).unwrap().status().as_u16()
    };
    let statuses = [status(&url, token), status(&url, OF_ANOTHER)];
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(token.len() >= 32, "{token}");
    assert_eq!(statuses, [200, 401]);

    let (mut server, url, said) = listening(harness.vimeo(&["mcp", "--http", "127.0.0.1:0", "--no-bearer"]));
    let open = status(&url, OF_ANOTHER);
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!((open, said), (200, Vec::new()));
}

#[test]
fn what_discloses_is_refused_until_it_is_allowed_and_done_from_the_command_line() {
    let harness = Harness::new();
    let hook = json!({"url": "https://example.com/events", "event_types": ["video.transcode.complete"]});
    let asked = json!({"name": "vimeo_webhook_create", "arguments": hook});
    for (allow, done) in [(&[][..], false), (&["--allow", "webhooks,publish"], true)] {
        let mut client = Client::start(&harness, harness.vimeo(&[&["mcp"], allow].concat()));
        let answer = client.ask(3, "tools/call", asked.clone());
        assert_eq!(client.close(), Some(0));
        assert_eq!(answer["isError"], !done, "{answer}");
        assert!(done || answer.to_string().contains("--allow webhooks"), "{answer}");
    }
    let run = harness.run(&["tools", "call", "vimeo_webhook_create", &hook.to_string()]);
    run.good();
    let posts = harness.requests().into_iter().filter(|request| request.ends_with("/webhooks")).count();
    assert_eq!(posts, 2);
}

/// A call of a tool over HTTP.
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

/// Starts a server over HTTP; gives its address, what it said before, and what it says after.
fn listening(mut command: Command) -> (Child, String, Vec<String>) {
    let mut server = command.stderr(Stdio::piped()).spawn().unwrap();
    let (mut said, mut url) = (Vec::new(), None);
    for line in BufReader::new(server.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        url = line.strip_prefix("listening on ").map(str::to_owned);
        if url.is_some() {
            break;
        }
        said.push(line);
    }
    let url = url.unwrap_or_else(|| panic!("it does not listen: {said:?}"));
    (server, url, said)
}

const OF_THE_CALLER: &str = "of-the-caller-with-32-characters-or-more";
const OF_ANOTHER: &str = "of-another-with-32-characters-or-more";

/// The first one's SHA-256.
const HASH: &str = "e3512995698c93ae056554b581fa23556c07afd4c2c0d44604c1f60732dfed34";

#[cfg(feature = "stores")]
#[test]
fn over_http_the_accounts_are_those_of_a_store() {
    use vimeo_ext::accounts::{AccountId, KeyRing};

    use crate::rotation::{accounts, fill, old, store};

    let harness = Harness::new();
    harness.runtime.block_on(async {
        fill(&harness, "accounts.db", 2).await;
        let kept = store(&harness, "accounts.db").await;
        let accounts = accounts(&harness, kept.clone(), KeyRing::new(old())).await;
        let other = harness.sandbox.add_user("At work");
        let id = AccountId::new("work").unwrap();
        accounts.connect_with_token(&id, other.token.as_str()).await.unwrap();
        kept.close().await;
    });
    let file = format!("[[bearer]]\nsha256 = \"{HASH}\"\naccounts = [\"user 1\", \"work\", \"later\"]\n");
    std::fs::write(harness.path("bearers.toml"), &file).unwrap();
    let serve = |key: &str| {
        let store = ["--store", "sqlite:accounts.db", "--key-file", key];
        let args = ["mcp", "--http", "127.0.0.1:0", "--bearers", "bearers.toml"];
        harness.stranger(&[&args[..], &store].concat())
    };
    let (mut server, url, said) = listening(serve("old.key"));
    let me = |account: &str, bearer: &str| {
        let called = call(&url, bearer, "vimeo_me_get", json!({"account": account}));
        harness.runtime.block_on(async { called.send().await.unwrap().text().await.unwrap() })
    };
    let one = me("user 1", OF_THE_CALLER);
    let work = me("work", OF_THE_CALLER);
    let later = me("later", OF_THE_CALLER);
    // It has come into the store, but is none of the caller's.
    let foreign = me("user 0", OF_THE_CALLER);
    let stranger = me("work", OF_ANOTHER);
    // An account that is connected while the server runs can be used at once.
    harness.runtime.block_on(async {
        let kept = store(&harness, "accounts.db").await;
        let accounts = accounts(&harness, kept.clone(), KeyRing::new(old())).await;
        let id = AccountId::new("later").unwrap();
        accounts.connect_with_token(&id, harness.sandbox.token()).await.unwrap();
        kept.close().await;
    });
    let connected = me("later", OF_THE_CALLER);
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(said.iter().any(|line| line.contains("later")), "{said:?}");
    assert!(one.contains("Sandbox User") && !one.contains("At work"), "{one}");
    assert!(work.contains("At work") && !work.contains("Sandbox User"), "{work}");
    assert!(later.contains("\"isError\":true") && !later.contains("untrusted"), "{later}");
    assert!(foreign.contains("none of the caller"), "{foreign}");
    assert!(stranger.contains("invalid_token"), "{stranger}");
    assert!(connected.contains("Sandbox User"), "{connected}");

    let refused = Run::of(serve("new.key").output().unwrap());
    refused.fails(2, &["--old-key-file"]);
    std::fs::write(harness.path("bearers.toml"), file.replace("later", " ")).unwrap();
    Run::of(serve("old.key").output().unwrap()).fails(2, &["account ` `"]);
}

#[cfg(unix)]
#[test]
fn what_an_interrupted_server_was_attempting_is_in_the_audit_log() {
    use vimeo_sandbox::{Effect, Fault, Phase};

    let harness = Harness::new();
    let stalled = || {
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
    let noted = |log: &str| {
        let text = std::fs::read_to_string(harness.path(log)).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2, "{log}: {text}");
        assert_eq!(lines[1]["outcome"]["category"], "cancelled", "{log}: {text}");
    };
    let arguments = json!({"name": "Holidays"});

    stalled();
    let mut client = Client::start(&harness, harness.vimeo(&["mcp", "--audit-log", "line.jsonl"]));
    let asked = json!({"name": "vimeo_folder_create", "arguments": arguments});
    client.send(&json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": asked}));
    interrupt(&client.server);
    assert_eq!(client.server.wait().unwrap().code(), Some(130));
    noted("line.jsonl");

    stalled();
    let mut command = harness.vimeo(&["mcp", "--http", "127.0.0.1:0", "--audit-log", "http.jsonl"]);
    command.env("VIMEO_MCP_BEARER", OF_THE_CALLER);
    let (mut server, url, _) = listening(command);
    let called = harness.runtime.spawn(call(&url, OF_THE_CALLER, "vimeo_folder_create", arguments).send());
    interrupt(&server);
    assert_eq!(server.wait().unwrap().code(), Some(130));
    noted("http.jsonl");
    called.abort();
}

#[test]
fn over_http_a_file_says_which_callers_open_which_accounts() {
    let harness = Harness::new();
    let other = harness.sandbox.add_user("At work");
    for (account, token) in [("home", harness.sandbox.token()), ("work", &other.token)] {
        let args = ["auth", "login", "--with-token", "--account", account, "--insecure-storage"];
        Harness::feed(harness.stranger(&args), token).good();
    }
    let file = format!("[[bearer]]\nsha256 = \"{HASH}\"\naccounts = [\"home\", \"work\"]\n");
    std::fs::write(harness.path("bearers.toml"), &file).unwrap();
    let serve = || harness.stranger(&["mcp", "--http", "127.0.0.1:0", "--bearers", "bearers.toml"]);
    let (mut server, url, _) = listening(serve());
    let me = |account: &str, bearer: &str| {
        let called = call(&url, bearer, "vimeo_me_get", json!({"account": account}));
        harness.runtime.block_on(async { called.send().await.unwrap().text().await.unwrap() })
    };
    let answers = [("home", OF_THE_CALLER), ("work", OF_THE_CALLER), ("work", OF_ANOTHER)];
    let [home, work, other] = answers.map(|(account, bearer)| me(account, bearer));
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
fn what_cannot_be_served_is_said_before_it_begins() {
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
        (&["--uploads", "."], 2, &["no tool that uploads", "--toolset"]),
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
    Run::of(short.output().unwrap()).fails(2, &["VIMEO_MCP_BEARER", "32 characters"]);
    let nobody = harness.stranger(&["mcp"]).output().unwrap();
    Run::of(nobody).fails(4, &["vimeo auth login"]);
    assert!(harness.requests().is_empty());
}
