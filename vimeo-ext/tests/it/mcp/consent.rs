//! The person is asked where the client can, in both eras, and nothing is deleted without.

use serde_json::{Value, json};
use vimeo_ext::mcp::Server;
use vimeo_ext::tools::AuditLog;

use super::wire::{Client, Way};
use crate::tools::world::World;

fn delete(world: &World, confirm: &str) -> Value {
    json!({"video_id": world.videos[0].to_string(), "confirm": confirm})
}

#[tokio::test]
async fn the_older_era_asks_in_the_middle_of_the_call() {
    for (action, deletes) in [("decline", 0), ("cancel", 0), ("accept", 1)] {
        let world = World::new().await;
        let server = Server::for_account(world.vimeo().clone());
        let Client::Pipe(mut pipe) = Client::connect(&server, Way::OldPipe, true).await else { panic!() };
        pipe.elicits = Some(action);
        let params = json!({"name": "vimeo_video_delete", "arguments": delete(&world, "Video 1")});
        let id = pipe.send("tools/call", params).await;
        let answer = pipe.answer(id).await;
        assert_eq!(answer["result"]["isError"], deletes == 0, "{action}: {answer}");
        assert_eq!(world.requests("DELETE"), deletes, "{action}");
        let asked: Vec<&Value> =
            pipe.others.iter().filter(|other| other["method"] == "elicitation/create").collect();
        assert_eq!(asked.len(), 1);
        assert!(asked[0]["params"]["message"].as_str().unwrap().contains("Video 1"), "{asked:?}");
    }
}

#[tokio::test]
async fn the_newer_era_ends_the_call_with_the_question_and_takes_the_answer_once() {
    for way in [Way::NewPipe, Way::NewHttp] {
        let world = World::new().await;
        let server = Server::for_account(world.vimeo().clone());
        let mut client = Client::connect(&server, way, true).await;
        let call = json!({"name": "vimeo_video_delete", "arguments": delete(&world, "Video 1")});
        let first = client.request("tools/call", call.clone()).await;
        let result = &first["result"];
        assert_eq!(result["resultType"], "input_required", "{first}");
        let question = &result["inputRequests"]["confirm"];
        assert!(question["params"]["message"].as_str().unwrap().contains("Video 1"), "{first}");
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
        assert_eq!(world.requests("DELETE"), 0, "an answer is for its own call");

        let declined = client.request("tools/call", with(call.clone(), "decline")).await;
        assert_eq!(declined["result"]["isError"], true, "{declined}");
        let used = client.request("tools/call", with(call.clone(), "accept")).await;
        assert_eq!(used["result"]["structuredContent"]["field"], "requestState", "{used}");
        assert_eq!(world.requests("DELETE"), 0, "an answer is good once");

        let again = client.request("tools/call", call.clone()).await;
        let mut accepted = call;
        accepted["requestState"] = again["result"]["requestState"].clone();
        accepted["inputResponses"] = json!({"confirm": {"action": "accept", "content": {}}});
        let done = client.request("tools/call", accepted).await;
        assert_eq!(done["result"]["isError"], false, "{done}");
        assert_eq!(world.requests("DELETE"), 1);
    }
}

#[tokio::test]
async fn a_client_that_cannot_ask_needs_the_title_and_every_attempt_is_noted() {
    for way in Way::ALL {
        let world = World::new().await;
        let folder = tempfile::tempdir().unwrap();
        let log = AuditLog::open(folder.path().join("audit.jsonl")).unwrap();
        let server = Server::for_account(world.vimeo().clone()).audit_log(log.clone());
        let mut client = Client::connect(&server, way, false).await;
        let wrong = client.call("vimeo_video_delete", delete(&world, "Video 2")).await;
        assert_eq!(wrong["result"]["structuredContent"]["field"], "confirm", "{way:?}: {wrong}");
        assert_eq!(world.requests("DELETE"), 0);
        let right = client.call("vimeo_video_delete", delete(&world, "Video 1")).await;
        assert_eq!(right["result"]["isError"], false, "{way:?}: {right}");
        assert_eq!(world.requests("DELETE"), 1);
        let noted = std::fs::read_to_string(log.path()).unwrap();
        assert_eq!(noted.lines().count(), 4, "{noted}");
        assert!(!noted.contains(world.sandbox.token()));
    }
}

#[tokio::test]
async fn comments_and_webhooks_are_asked_about_too() {
    let world = World::new().await;
    let server = Server::for_account(world.vimeo().clone());
    let Client::Pipe(mut pipe) = Client::connect(&server, Way::OldPipe, true).await else { panic!() };
    pipe.elicits = Some("decline");
    let hook = json!({"webhook_type": "video-created", "webhook_url": "https://example.com/new"});
    for (tool, arguments) in [
        ("vimeo_video_comment_add", json!({"video_id": world.videos[0].to_string(), "text": "Hi"})),
        ("vimeo_webhook_create", hook),
    ] {
        let id = pipe.send("tools/call", json!({"name": tool, "arguments": arguments})).await;
        let answer = pipe.answer(id).await;
        assert_eq!(answer["result"]["structuredContent"]["category"], "conflict", "{tool}: {answer}");
    }
    assert_eq!(world.requests("POST"), 0);
}
