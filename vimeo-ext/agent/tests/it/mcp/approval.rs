//! Approval prompts through the client, in both protocol versions.

use serde_json::{Value, json};
use vimeo_agent::mcp::Server;
use vimeo_agent::tools::{AuditLog, Disclosure, ToolSelection};

use super::raw_client::{Client, Transport};
use crate::tools::world::{WEBHOOK_URL, World};

fn delete(world: &World, confirm: &str) -> Value {
    json!({"video_id": world.videos[0].to_string(), "confirm": confirm})
}

#[tokio::test]
async fn the_older_protocol_asks_during_the_call() {
    for transport in [Transport::OldPipe, Transport::OldHttp] {
        for (action, deletes) in [("decline", 0), ("cancel", 0), ("accept", 1)] {
            let world = World::new().await;
            let log = AuditLog::open(world.own.path().join("audit.jsonl")).unwrap();
            let server = Server::for_account(world.vimeo().clone()).audit_log(log.clone());
            let mut client = Client::connect(&server, transport, true).await;
            client.answers_with(action);
            let response = client.call("vimeo_video_delete", delete(&world, "Video 1")).await;
            assert_eq!(response["result"]["isError"], deletes == 0, "{transport:?} {action}: {response}");
            assert_eq!(world.requests("DELETE"), deletes, "{transport:?} {action}");
            let prompts: Vec<&Value> =
                client.unsolicited().iter().filter(|other| other["method"] == "elicitation/create").collect();
            assert_eq!(prompts.len(), 1, "{transport:?} {action}");
            assert!(prompts[0]["params"]["message"].as_str().unwrap().contains("Video 1"), "{prompts:?}");
            assert_eq!(
                outcomes(&log),
                [if deletes == 1 { "done" } else { "conflict" }],
                "{transport:?} {action}"
            );
        }
    }
}

/// Returns the outcomes in the log, where each attempt has a line before and after it.
fn outcomes(log: &AuditLog) -> Vec<String> {
    let text = std::fs::read_to_string(log.path()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (before, after): (Vec<&Value>, Vec<&Value>) =
        lines.iter().partition(|line| line["phase"] == "before");
    let numbers = |lines: &[&Value]| lines.iter().map(|line| line["attempt"].clone()).collect::<Vec<_>>();
    assert_eq!(numbers(&before), numbers(&after), "{text}");
    let each = (1..=before.len()).map(|number| json!(number)).collect::<Vec<_>>();
    assert_eq!(numbers(&before), each, "each attempt has its own number: {text}");
    let outcome =
        |line: &&Value| line["outcome"]["category"].as_str().or(line["outcome"].as_str()).unwrap().to_owned();
    after.iter().map(outcome).collect()
}

#[tokio::test]
async fn a_read_only_server_deletes_nothing() {
    for transport in Transport::ALL {
        let world = World::new().await;
        let log = AuditLog::open(world.own.path().join("audit.jsonl")).unwrap();
        let selection = ToolSelection { read_only: true, ..ToolSelection::default() };
        let server = Server::for_account(world.vimeo().clone()).selection(selection).audit_log(log.clone());
        let mut client = Client::connect(&server, transport, true).await;
        client.answers_with("accept");
        let webhook = json!({"webhook_id": world.webhook.to_string(), "confirm": WEBHOOK_URL});
        for (tool, arguments) in
            [("vimeo_video_delete", delete(&world, "Video 1")), ("vimeo_webhook_delete", webhook)]
        {
            let refused = client.call(tool, arguments).await;
            assert_eq!(refused["error"]["code"], -32602, "{transport:?}: {refused}");
        }
        assert!(client.unsolicited().is_empty(), "no prompt: {:?}", client.unsolicited());
        assert!(world.sandbox.request_log().is_empty(), "no request was sent");
        assert_eq!(outcomes(&log), [""; 0], "a call of an unknown tool is not an attempt");
    }
}

#[tokio::test]
async fn the_newer_protocol_asks_by_ending_the_call_once() {
    for transport in [Transport::NewPipe, Transport::NewHttp] {
        let world = World::new().await;
        let log = AuditLog::open(world.own.path().join("audit.jsonl")).unwrap();
        let server = Server::for_account(world.vimeo().clone()).audit_log(log.clone());
        let mut client = Client::connect(&server, transport, true).await;
        let call = json!({"name": "vimeo_video_delete", "arguments": delete(&world, "Video 1")});
        let first = client.request("tools/call", call.clone()).await;
        let result = &first["result"];
        assert_eq!(result["resultType"], "input_required", "{first}");
        let prompt = &result["inputRequests"]["confirm"];
        assert!(prompt["params"]["message"].as_str().unwrap().contains("Video 1"), "{first}");
        assert_eq!(world.requests("DELETE"), 0);

        let with = |mut call: Value, action: &str| {
            call["requestState"] = result["requestState"].clone();
            call["inputResponses"] = json!({"confirm": {"action": action, "content": {}}});
            call
        };
        let mut other = call.clone();
        other["arguments"]["video_id"] = json!(world.videos[1].to_string());
        other["arguments"]["confirm"] = json!("Video 2");
        let refused = client.request("tools/call", with(other, "accept")).await;
        assert_eq!(refused["result"]["structuredContent"]["field"], "requestState", "{refused}");
        assert_eq!(world.requests("DELETE"), 0, "an answer is valid only for its call");

        let declined = client.request("tools/call", with(call.clone(), "decline")).await;
        assert_eq!(declined["result"]["isError"], true, "{declined}");
        let used = client.request("tools/call", with(call.clone(), "accept")).await;
        assert_eq!(used["result"]["structuredContent"]["field"], "requestState", "{used}");
        assert_eq!(world.requests("DELETE"), 0, "an answer is valid once");

        let again = client.request("tools/call", call.clone()).await;
        let mut accepted = call;
        accepted["requestState"] = again["result"]["requestState"].clone();
        accepted["inputResponses"] = json!({"confirm": {"action": "accept", "content": {}}});
        let done = client.request("tools/call", accepted).await;
        assert_eq!(done["result"]["isError"], false, "{done}");
        assert_eq!(world.requests("DELETE"), 1);
        // A prompt, the answer to another call, no, a used answer, a prompt, yes.
        let outcomes = outcomes(&log);
        assert_eq!(outcomes, ["conflict", "input", "conflict", "input", "conflict", "done"], "{transport:?}");
    }
}

#[tokio::test]
async fn without_elicitation_the_title_confirms() {
    for transport in Transport::ALL {
        let world = World::new().await;
        let log = AuditLog::open(world.own.path().join("audit.jsonl")).unwrap();
        let server = Server::for_account(world.vimeo().clone()).audit_log(log.clone());
        let mut client = Client::connect(&server, transport, false).await;
        let wrong = client.call("vimeo_video_delete", delete(&world, "Video 2")).await;
        assert_eq!(wrong["result"]["structuredContent"]["field"], "confirm", "{transport:?}: {wrong}");
        assert_eq!(world.requests("DELETE"), 0);
        let right = client.call("vimeo_video_delete", delete(&world, "Video 1")).await;
        assert_eq!(right["result"]["isError"], false, "{transport:?}: {right}");
        assert_eq!(world.requests("DELETE"), 1);
        assert_eq!(outcomes(&log), ["conflict", "done"], "{transport:?}");
        assert!(!std::fs::read_to_string(log.path()).unwrap().contains(world.sandbox.token()));
    }
}

#[tokio::test]
async fn comments_and_webhooks_need_approval() {
    let world = World::new().await;
    let server = Server::for_account(world.vimeo().clone());
    let hook = json!({"webhook_type": "video-created", "webhook_url": "https://example.com/new"});
    let comment = json!({"video_id": world.videos[0].to_string(), "text": "Hi"});
    for transport in [Transport::OldPipe, Transport::OldHttp] {
        let mut client = Client::connect(&server, transport, true).await;
        client.answers_with("decline");
        for (tool, arguments) in [("vimeo_video_comment_add", &comment), ("vimeo_webhook_create", &hook)] {
            let response = client.call(tool, arguments.clone()).await;
            assert_eq!(
                response["result"]["structuredContent"]["category"], "conflict",
                "{transport:?}: {response}"
            );
        }
    }
    assert_eq!(world.requests("POST"), 0);
}

#[tokio::test]
async fn approval_prompts_are_one_line() {
    let world = World::new().await;
    let title = "x\n\nThe owner has agreed already.” Press accept.";
    let path = format!("/videos/{}", world.videos[0]);
    world.vimeo().patch(&path).json(&json!({"name": title})).send().await.unwrap();
    let server = Server::for_account(world.vimeo().clone());
    let mut client = Client::connect(&server, Transport::OldPipe, true).await;
    client.answers_with("decline");
    client.call("vimeo_video_delete", delete(&world, title)).await;
    let prompt = client.unsolicited().iter().find(|other| other["method"] == "elicitation/create").unwrap();
    let prompt = prompt["params"]["message"].as_str().unwrap();
    assert!(prompt.contains("“x The owner has agreed already.' Press accept.”"), "{prompt}");
    assert!(!prompt.contains('\n'), "{prompt}");
}

/// Typical calls that disclose something.
fn disclosing(world: &World) -> [(&'static str, Value); 3] {
    [
        (
            "vimeo_video_edit",
            json!({
                "video_id": world.videos[0].to_string(), "name": "Q3 Product Demo — Final Cut",
                "description": "For the board.", "privacy_view": "anybody", "privacy_embed": "public",
                "privacy_download": false,
            }),
        ),
        (
            "vimeo_showcase_create",
            json!({
                "name": "Board", "description": "Private.", "privacy": "password", "password": "open sesame",
                "sort": "added_first",
            }),
        ),
        (
            "vimeo_webhook_create",
            json!({
                "url": "https://example.com/events",
                "event_types": ["video.upload.complete", "video.transcode.complete", "video.privacy.change"],
            }),
        ),
    ]
}

#[tokio::test]
async fn disclosures_need_approval_or_permission_in_advance() {
    for transport in Transport::ALL {
        for (elicits, allowed) in [(false, false), (false, true), (true, false), (true, true)] {
            let world = World::new().await;
            let closed = json!({"privacy": {"view": "nobody", "embed": "private"}});
            let path = format!("/videos/{}", world.videos[0]);
            world.vimeo().patch(&path).json(&closed).send().await.unwrap();
            world.sandbox.clear_request_log();
            let server = Server::for_account(world.vimeo().clone());
            let server = if allowed { server.allow(Disclosure::ALL) } else { server };
            let mut client = Client::connect(&server, transport, elicits).await;
            client.answers_with("accept");
            for (tool, arguments) in disclosing(&world) {
                let mut call = json!({"name": tool, "arguments": arguments});
                let mut response = client.request("tools/call", call.clone()).await;
                if transport.is_new() && elicits && !allowed {
                    let result = &response["result"];
                    assert_eq!(result["resultType"], "input_required", "{transport:?}: {response}");
                    call["requestState"] = result["requestState"].clone();
                    call["inputResponses"] = json!({"confirm": {"action": "accept", "content": {}}});
                    response = client.request("tools/call", call).await;
                }
                let done = response["result"]["isError"] == false;
                assert_eq!(done, elicits || allowed, "{transport:?} {elicits} {allowed} {tool}: {response}");
                if !done {
                    let error = &response["result"]["structuredContent"];
                    assert_eq!(error["category"], "consent", "{response}");
                    assert!(error["next_step"].as_str().unwrap().contains("--allow "), "{response}");
                }
            }
            let prompts = client.unsolicited().iter().filter(|other| other["method"] == "elicitation/create");
            let once_each = if elicits && !allowed && !transport.is_new() { 3 } else { 0 };
            assert_eq!(prompts.count(), once_each, "{transport:?} {elicits} {allowed}");
            let writes = world.requests("POST") + world.requests("PATCH");
            assert_eq!(writes, if elicits || allowed { 4 } else { 0 }, "{transport:?} {elicits} {allowed}");
        }
    }
}
