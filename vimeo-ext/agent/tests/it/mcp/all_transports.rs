//! Behavior that is the same in both protocol versions and over both transports.

use serde_json::{Value, json};
use vimeo_agent::mcp::{OutputSchemas, Server};
use vimeo_agent::tools::{self, Disclosure, ToolSelection};

use super::raw_client::{Client, Transport};
use crate::tools::connector_calls;
use crate::tools::world::{World, undelimited};

fn server(world: &World) -> Server {
    Server::for_account(world.vimeo().clone()).server_info("vimeo", "9.9.9")
}

#[tokio::test]
async fn the_list_is_small_complete_and_private() {
    let world = World::new().await;
    for transport in Transport::ALL {
        let mut client = Client::connect(&server(&world), transport, false).await;
        let response = client.request("tools/list", json!({})).await;
        let listed =
            response["result"]["tools"].as_array().unwrap_or_else(|| panic!("{transport:?}: {response}"));
        let names: Vec<&str> = listed.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        let default: Vec<&str> = tools::all()
            .iter()
            .map(|tool| tool.spec())
            .filter(|spec| spec.toolset.is_default())
            .map(|spec| spec.name)
            .collect();
        assert_eq!(names, default, "{transport:?}");
        let size = response.to_string().len();
        println!("tools/list: {size} bytes, {} tools, {transport:?}", listed.len());
        for part in ["name", "title", "description", "inputSchema", "annotations"] {
            let bytes: usize = listed.iter().map(|tool| tool[part].to_string().len()).sum();
            println!("  {part}: {bytes}");
        }
        assert!(size <= super::listing::MAX_BYTES, "{size} bytes");
        for tool in listed {
            let hints = ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"];
            assert!(hints.iter().all(|hint| tool["annotations"][hint].is_boolean()), "{tool}");
            assert!(tool["title"].is_string(), "{tool}");
            // Empty schemas would cost a thousand bytes; the real ones are resources.
            assert_eq!(tool.get("outputSchema"), None, "{tool}");
            assert_eq!(tools::lint_schema(&tool["inputSchema"], true), Vec::<String>::new());
        }
        if transport.is_new() {
            assert_eq!(response["result"]["cacheScope"], "private");
            assert!(response["result"]["ttlMs"].as_u64().unwrap() >= 1_000);
            assert_eq!(response["result"]["resultType"], "complete");
        }
    }
}

#[tokio::test]
async fn server_info_is_returned_and_unknown_methods_are_errors() {
    let world = World::new().await;
    let server = server(&world);
    for transport in Transport::ALL {
        let mut client = Client::connect(&server, transport, false).await;
        if transport.is_new() {
            let response = client.request("server/discover", json!({})).await;
            let text = response.to_string();
            assert!(text.contains("9.9.9") && !text.contains("rmcp"), "{transport:?}: {text}");
            assert!(text.contains("2026-07-28") && text.contains("2025-11-25"), "{text}");
        }
        let early = client.request("logging/setLevel", json!({"level": "debug"})).await;
        assert!(early["error"]["code"].is_i64() || early["result"].is_object(), "{transport:?}: {early}");
        let unknown = client.request("no/such", json!({})).await;
        assert_eq!(unknown["error"]["code"], -32601, "{transport:?}: {unknown}");
        let response = client.call("vimeo_me_get", json!({})).await;
        assert_eq!(response["result"]["isError"], false, "{transport:?}: {response}");
    }
    let mut client = Client::connect(&server, Transport::OldPipe, false).await;
    let again = client.initialize().await;
    let who = &again["result"]["serverInfo"];
    assert_eq!((&who["name"], &who["version"]), (&json!("vimeo"), &json!("9.9.9")), "{again}");
    assert!(again["result"]["instructions"].as_str().unwrap().contains("next_cursor"));
}

#[tokio::test]
async fn results_and_errors_are_the_same_on_all_transports() {
    let world = World::new().await;
    let video = world.videos[0].to_string();
    for transport in Transport::ALL {
        let mut client = Client::connect(&server(&world), transport, false).await;
        let response = client.call("vimeo_video_get", json!({"video_id": video})).await;
        let result = &response["result"];
        let (text, program) = (&result["content"][0]["text"], &result["structuredContent"]);
        let text: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
        // Untrusted text is delimited for the model, but not for a program.
        assert_eq!(undelimited(&text["name"]), "Video 1", "{transport:?}: {response}");
        assert_eq!(program["name"], "Video 1", "{transport:?}: {response}");
        assert_eq!((&text["id"], &text["uri"]), (&program["id"], &program["uri"]), "{response}");

        let cases = [
            (json!({"video_id": "x y"}), "video_id", "input"),
            (json!({"video_id": 5.5}), "video_id", "input"),
            (json!({"video": "5"}), "video", "input"),
            (json!({}), "video_id", "input"),
        ];
        for (arguments, field, category) in cases {
            let response = client.call("vimeo_video_get", arguments.clone()).await;
            let result = &response["result"];
            assert_eq!(result["isError"], true, "{transport:?} {arguments}: {response}");
            let error = &result["structuredContent"];
            assert_eq!(
                (&error["field"], &error["category"]),
                (&json!(field), &json!(category)),
                "{arguments}"
            );
            assert!(result["content"][0]["text"].as_str().unwrap().contains("next_step"));
        }
        let gone = client.call("vimeo_video_get", json!({"video_id": "9"})).await;
        assert_eq!(gone["result"]["structuredContent"]["category"], "not_found", "{gone}");
        let unknown = client.call("vimeo_no_such_tool", json!({})).await;
        assert_eq!(unknown["error"]["code"], -32602, "{transport:?}: {unknown}");
    }
}

#[tokio::test]
async fn calls_of_another_connector_return_plain_members() {
    for transport in Transport::ALL {
        let world = World::new().await;
        let server = server(&world).allow(Disclosure::ALL);
        let mut client = Client::connect(&server, transport, false).await;
        connector_calls::check(&world.videos[0].to_string(), async |tool, arguments| {
            let response = client.call(tool, arguments).await;
            assert_eq!(response["result"]["isError"], false, "{transport:?} {tool}: {response}");
            response["result"]["structuredContent"].clone()
        })
        .await;
    }
}

#[tokio::test]
async fn without_output_schemas_results_are_text_only() {
    let world = World::new().await;
    let server = server(&world).output_schemas(OutputSchemas::Omitted);
    let mut client = Client::connect(&server, Transport::OldPipe, false).await;
    let listed = client.request("tools/list", json!({})).await;
    assert!(
        listed["result"]["tools"].as_array().unwrap().iter().all(|tool| tool.get("outputSchema").is_none())
    );
    let response = client.call("vimeo_me_get", json!({})).await;
    assert_eq!(response["result"].get("structuredContent"), None);
    assert!(response["result"]["content"][0]["text"].as_str().unwrap().contains("Sandbox User"));
}

#[tokio::test]
async fn messages_stay_below_twenty_thousand_bytes() {
    let world = World::new().await;
    let ids = world.sandbox.add_videos(97);
    for id in world.videos.iter().chain(&ids) {
        let body = json!({"name": format!("{id} {}", "\"Wörter\" ".repeat(11))});
        world.vimeo().patch(&format!("/videos/{id}")).json(&body).send().await.unwrap();
    }
    for transport in [Transport::OldPipe, Transport::NewHttp] {
        let mut client = Client::connect(&server(&world), transport, false).await;
        let mut arguments = json!({"per_page": 100});
        let mut seen = std::collections::BTreeSet::new();
        loop {
            let response = client.call("vimeo_my_videos_list", arguments.clone()).await;
            assert!(response.to_string().len() <= 20_000, "{}", response.to_string().len());
            let page = &response["result"]["structuredContent"];
            for item in page["items"].as_array().unwrap_or_else(|| panic!("{response}")) {
                assert!(seen.insert(item["id"].as_str().unwrap().to_owned()), "{} twice", item["id"]);
            }
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            arguments["cursor"] = json!(cursor);
        }
        assert_eq!(seen.len(), 100, "{transport:?}");
    }
}

#[tokio::test]
async fn selection_and_scopes_limit_the_list() {
    let world = World::new().await;
    let selection = ToolSelection { read_only: true, ..ToolSelection::default() };
    for transport in [Transport::NewPipe, Transport::OldHttp] {
        let mut client =
            Client::connect(&server(&world).selection(selection.clone()), transport, false).await;
        let listed = client.request("tools/list", json!({})).await;
        assert_eq!(listed["result"]["tools"].as_array().unwrap().len(), 19);
        let delete = json!({"video_id": world.videos[0].to_string(), "confirm": "Video 1"});
        let refused = client.call("vimeo_video_delete", delete).await;
        assert_eq!(refused["error"]["code"], -32602, "{refused}");
    }
    assert_eq!(world.requests("DELETE"), 0);
    let token = world.sandbox.issue_token("public");
    let narrow = Server::for_account(crate::tools::world::client(&world.sandbox, &token));
    let mut client = Client::connect(&narrow, Transport::NewPipe, false).await;
    let listed = client.request("tools/list", json!({})).await;
    let names = listed["result"]["tools"].to_string();
    let listed = |name: &str| names.contains(&format!("\"name\":\"{name}\""));
    assert!(listed("vimeo_video_get") && !listed("vimeo_my_videos_list"), "{names}");
    let response = client.call("vimeo_my_videos_list", json!({})).await;
    assert_eq!(response["result"]["structuredContent"]["category"], "scope", "{response}");
    assert_eq!(response["result"]["structuredContent"]["needed_scopes"], json!(["private"]));
}

#[tokio::test]
async fn videos_are_resources() {
    let world = World::new().await;
    for transport in [Transport::OldPipe, Transport::NewHttp] {
        let mut client = Client::connect(&server(&world), transport, false).await;
        let templates = client.request("resources/templates/list", json!({})).await;
        assert!(templates.to_string().contains("vimeo://videos/{video_id}/transcript"), "{templates}");
        let uri = format!("vimeo://videos/{}", world.videos[0]);
        let read = client.request("resources/read", json!({"uri": uri})).await;
        let text = read["result"]["contents"][0]["text"].as_str().unwrap_or_else(|| panic!("{read}"));
        assert!(text.contains("Video 1"), "{text}");
        for uri in ["vimeo://videos/9", "vimeo://users/1", "file:///etc/passwd", "vimeo://videos/../me"] {
            let read = client.request("resources/read", json!({"uri": uri})).await;
            assert!(read["error"]["code"].is_i64(), "{uri}: {read}");
        }
    }
}

#[tokio::test]
async fn arguments_as_json_text_are_accepted() {
    let world = World::new().await;
    let video = world.videos[0];
    for transport in Transport::ALL {
        let mut client = Client::connect(&server(&world), transport, false).await;
        let text = json!({"video_id": video.to_string()}).to_string();
        let response = client.call("vimeo_video_get", json!(text)).await;
        assert_eq!(response["result"]["isError"], false, "{transport:?}: {response}");
        for arguments in [json!(["video", video]), json!("not an object"), json!(7)] {
            let response = client.call("vimeo_video_get", arguments.clone()).await;
            assert_eq!(response["error"]["code"], -32602, "{transport:?} {arguments}: {response}");
            assert!(response["error"]["message"].as_str().unwrap().contains("`arguments`"), "{response}");
        }
        let response = client.request("resources/read", json!({"uri": 7})).await;
        assert_eq!(response["error"]["code"], -32602, "{transport:?}: {response}");
        let response = client.request("of/tomorrow", json!({})).await;
        assert_eq!(response["error"]["code"], -32601, "{transport:?}: {response}");
    }
}
