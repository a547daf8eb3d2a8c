//! One client on a pair of streams: cancellation, disconnects, invalid input, secrets.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;
use vimeo_agent::mcp::Server;
use vimeo_agent::tools::Disclosure;
use vimeo_sandbox::{Effect, Fault, Phase};

use super::raw_client::{Client, Pipe, TEST_TIMEOUT, Transport};
use crate::tools::world::World;

/// Makes Vimeo not respond to a GET request.
fn stall(world: &World) {
    world.sandbox.add_fault(Fault::new(Effect::Stall).method(Method::GET).phase(Phase::Before));
}

/// Waits until the request has reached the sandbox.
async fn wait_for_request(world: &World) {
    while world.sandbox.request_log().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_cancelled_call_gets_no_response() {
    for new in [false, true] {
        let world = World::new().await;
        let server = Server::for_account(world.vimeo().clone());
        let transport = if new { Transport::NewPipe } else { Transport::OldPipe };
        let Client::Pipe(mut pipe) = Client::connect(&server, transport, false).await else { panic!() };
        stall(&world);
        let stalled = pipe.send("tools/call", json!({"name": "vimeo_me_get", "arguments": {}})).await;
        wait_for_request(&world).await;
        let cancel =
            json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": stalled}});
        pipe.write(&cancel).await;
        let next = pipe.send("tools/call", json!({"name": "vimeo_me_get", "arguments": {}})).await;
        let response = pipe.response(next).await;
        assert_eq!(response["result"]["isError"], false, "{response}");
        // The stalled request is no longer in flight: its future was dropped.
        assert_eq!(world.vimeo().rate_limiter().status().in_flight, 0);
        pipe.close().await;
        let rest = pipe.rest().await;
        assert!(rest.is_empty(), "no response to what was cancelled: {rest:?}");
    }
}

#[tokio::test]
async fn a_client_that_disconnects_early_ends_the_server() {
    let world = World::new().await;
    let mut pipe = Pipe::new(&Server::for_account(world.vimeo().clone()), false, json!({}));
    pipe.close().await;
    timeout(TEST_TIMEOUT, &mut pipe.running).await.expect("ends in time").unwrap().unwrap();
}

#[tokio::test]
async fn garbage_lines_are_ignored() {
    let world = World::new().await;
    let server = Server::for_account(world.vimeo().clone());
    let Client::Pipe(mut pipe) = Client::connect(&server, Transport::OldPipe, false).await else { panic!() };
    for garbage in [json!("text"), json!({"no": "message"}), json!([1, 2])] {
        pipe.write(&garbage).await;
    }
    let id = pipe.send("tools/call", json!({"name": "vimeo_me_get", "arguments": {}})).await;
    assert_eq!(pipe.response(id).await["result"]["isError"], false);
}

#[tokio::test]
async fn messages_contain_no_secret() {
    let world = World::new().await;
    let server = Server::for_account(world.vimeo().clone()).allow(Disclosure::ALL);
    let Client::Pipe(mut pipe) = Client::connect(&server, Transport::NewPipe, false).await else { panic!() };
    let mut responses = Vec::new();
    for (tool, good, _, bad, ..) in crate::tools::tool_cases::tool_cases(&world) {
        for arguments in [good, bad] {
            let id = pipe.send("tools/call", json!({"name": tool, "arguments": arguments})).await;
            let response = pipe.response(id).await;
            assert!(response["result"].is_object(), "{tool}: {response}");
            responses.push(response);
        }
    }
    assert_eq!(responses.len(), 62);
    let good = responses.iter().step_by(2).filter(|response| response["result"]["isError"] == false).count();
    let bad =
        responses.iter().skip(1).step_by(2).filter(|response| response["result"]["isError"] == true).count();
    assert_eq!((good, bad), (31, 31));
    let all = Value::Array(responses).to_string();
    for secret in [world.sandbox.token(), "sig=", "Bearer "] {
        assert!(!all.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn invalid_messages_get_an_error_response() {
    let world = World::new().await;
    let server = Server::for_account(world.vimeo().clone());
    for transport in [Transport::OldPipe, Transport::NewPipe] {
        let Client::Pipe(mut pipe) = Client::connect(&server, transport, false).await else { panic!() };
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let call = format!(
            r#"{{"jsonrpc":"2.0","id":500,"method":"tools/call","params":{{"name":"vimeo_me_get","arguments":{{"a":{deep}}}}}}}"#
        );
        pipe.write_text(&format!("{call}\n")).await;
        assert_eq!(pipe.response(500).await["error"]["code"], -32700, "{transport:?}");
        pipe.write_text("{\"jsonrpc\":\"2.0\",\"id\":501,\"method\":\"ping\"\n").await;
        assert_eq!(pipe.response(501).await["error"]["code"], -32700, "{transport:?}");
    }
    // The last message needs no line break.
    let Client::Pipe(mut pipe) = Client::connect(&server, Transport::OldPipe, false).await else { panic!() };
    pipe.write_text("{\"jsonrpc\":\"2.0\",\"id\":502,\"method\":\"ping\"}").await;
    pipe.close().await;
    assert!(pipe.response(502).await["result"].is_object());
}

#[tokio::test]
async fn a_client_that_stops_reading_ends_the_server() {
    let world = World::new().await;
    let server = Server::for_account(world.vimeo().clone());
    let (requests, theirs) = tokio::io::duplex(1 << 16);
    let (responses, written) = tokio::io::duplex(64);
    drop(responses);
    let (mut requests, running) =
        (requests, tokio::spawn(async move { server.serve(theirs, written).await }));
    let opening = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"},
    }});
    requests.write_all(format!("{opening}\n").as_bytes()).await.unwrap();
    // The input stays open.
    let _ended = timeout(TEST_TIMEOUT, running).await.expect("ends in time").unwrap();
}
