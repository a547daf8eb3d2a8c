//! The audit log, if the client or the server goes away during a call, and for calls refused before their tool.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use vimeo_agent::mcp::{ApiKey, Server};
use vimeo_agent::tools::AuditLog;
use vimeo_sandbox::{Effect, Fault, Phase};

use super::http::{call, http, loopback};
use super::raw_client::{Http, Pipe, TEST_TIMEOUT};
use crate::tools::world::World;

fn lines(log: &AuditLog) -> Vec<Value> {
    let text = std::fs::read_to_string(log.path()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A world that does not respond to the creation of a folder, and a server with an audit log.
async fn stalled_world() -> (World, AuditLog, Server) {
    let world = World::new().await;
    world.sandbox.add_fault(Fault::new(Effect::Stall).method(Method::POST).phase(Phase::Before));
    let log = AuditLog::open(world.own.path().join("audit.jsonl")).unwrap();
    let server = Server::for_account(world.vimeo().clone()).audit_log(log.clone());
    (world, log, server)
}

fn create() -> Value {
    json!({"name": "vimeo_folder_create", "arguments": {"name": "Surf"}})
}

/// Waits for the request, and checks that the log has its first line.
async fn wait_for_request(world: &World, log: &AuditLog) {
    while world.requests("POST") == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(lines(log).len(), 1);
}

/// Waits for the last line and checks both.
async fn assert_cancelled(log: &AuditLog, case: &str) {
    let waiting = log.clone();
    let flushed = tokio::task::spawn_blocking(move || waiting.flush(TEST_TIMEOUT)).await.unwrap();
    let lines = lines(log);
    assert!(flushed && lines.len() == 2, "{case}: {lines:?}");
    let [before, after] = &lines[..] else { panic!("{case}: {lines:?}") };
    assert_eq!((&before["phase"], &after["phase"]), (&json!("before"), &json!("after")), "{case}");
    assert_eq!((&before["attempt"], &before["tool"]), (&after["attempt"], &after["tool"]), "{case}");
    assert_eq!(after["outcome"]["category"], "cancelled", "{case}: {after}");
    assert!(after["outcome"]["message"].as_str().unwrap().contains("not known"), "{case}: {after}");
}

#[tokio::test]
async fn cancelled_calls_on_stdio_are_recorded() {
    for (new, disconnects) in [(false, false), (true, false), (false, true), (true, true)] {
        let case = format!("new: {new}, disconnects: {disconnects}");
        let (world, log, server) = stalled_world().await;
        let mut pipe = Pipe::new(&server, new, json!({}));
        if !new {
            pipe.initialize().await;
        }
        let id = pipe.send("tools/call", create()).await;
        wait_for_request(&world, &log).await;
        if disconnects {
            pipe.close().await;
            // When the server has ended, the log is complete.
            (&mut pipe.running).await.unwrap().unwrap();
            assert_eq!(lines(&log).len(), 2, "{case}");
        } else {
            let cancelled = json!({"requestId": id});
            pipe.write(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancelled}))
                .await;
        }
        assert_cancelled(&log, &case).await;
    }
}

#[tokio::test]
async fn cancelled_calls_over_http_are_recorded() {
    for (new, stops) in [(false, false), (true, false), (false, true), (true, true)] {
        let case = format!("new: {new}, stops: {stops}");
        let (world, log, server) = stalled_world().await;
        let running = server.serve_http(loopback().allow_unauthenticated_loopback()).await.unwrap();
        let mut http = Http::new(running.url(), None, new, json!({}));
        if !new {
            http.initialize().await;
        }
        let message = http.message("tools/call", create());
        let request = http.post(&message, "tools/call");
        let calling = tokio::spawn(request.send());
        wait_for_request(&world, &log).await;
        if stops {
            running.stop().await;
            assert_eq!(lines(&log).len(), 2, "{case}");
        } else if new {
            calling.abort();
        } else {
            http.end_session().await;
        }
        assert_cancelled(&log, &case).await;
    }
}

#[tokio::test]
async fn dropped_calls_are_recorded() {
    let (world, log, _) = stalled_world().await;
    let tools = world.tools.clone().audit_log(log.clone());
    let calling =
        tokio::spawn(async move { tools.call("vimeo_folder_create", json!({"name": "Surf"})).await });
    wait_for_request(&world, &log).await;
    calling.abort();
    assert_cancelled(&log, "dropped").await;
}

#[tokio::test]
async fn calls_refused_before_the_tool_are_recorded() {
    let world = World::new().await;
    let log = AuditLog::open(world.own.path().join("audit.jsonl")).unwrap();
    let server = Server::for_account(world.vimeo().clone()).audit_log(log.clone());
    let narrow = ApiKey::new("narrow-bearer-of-32-characters-or-more", ["active"]).scopes("public");
    let running = server.serve_http(loopback().api_keys([narrow])).await.unwrap();
    let mut narrow = http(&running, "narrow-bearer-of-32-characters-or-more");
    let message = narrow.message("tools/call", create());
    assert_eq!(narrow.post(&message, "tools/call").send().await.unwrap().status(), 403);
    let read = call(&mut narrow, "vimeo_categories_list", json!({})).await;
    assert_eq!(read["result"]["isError"], false, "{read}");
    let lines = lines(&log);
    assert_eq!(lines.len(), 2, "reading is not an attempt: {lines:?}");
    assert_eq!(lines[0]["arguments"], json!({"name": "Surf"}));
    assert_eq!(lines[1]["outcome"]["category"], "scope");
    assert!(lines[0]["account"].as_str().unwrap().contains("bearer "), "{lines:?}");
    assert_eq!(world.requests("POST"), 0);
}
