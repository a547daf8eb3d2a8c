//! The size of the list of tools, and what it leaves out.

use std::collections::HashMap;

use serde_json::{Value, json};
use vimeo_agent::mcp::{ApiKey, HttpServer, OutputSchemas, Server};
use vimeo_agent::tools::{self, Disclosure, ToolSelection, Toolset};
use vimeo_ext::Vimeo;
use vimeo_sandbox::Sandbox;

use super::http::{FixedClients, loopback};
use super::raw_client::{Client, Http, Transport};
use crate::tools::tool_cases::tool_cases;
use crate::tools::world::{World, client};

/// The size limit of a list of the default tools, including the message around it.
pub(super) const MAX_BYTES: usize = 20_000;

/// A server of these accounts, all of one user, which its API key may use.
async fn server_of(sandbox: &Sandbox, names: &[String]) -> HttpServer {
    let vimeo = client(sandbox, sandbox.token());
    let clients: HashMap<String, Vimeo> = names.iter().map(|name| (name.clone(), vimeo.clone())).collect();
    let key = ApiKey::new("the-bearer-of-32-characters-or-more", names.iter().cloned());
    Server::for_accounts(FixedClients(clients)).serve_http(loopback().api_keys([key])).await.unwrap()
}

async fn caller(server: &HttpServer, new: bool) -> Client {
    let mut http = Http::new(server.url(), None, new, json!({}));
    http.bearer = Some("the-bearer-of-32-characters-or-more".to_owned());
    if !new {
        http.initialize().await;
    }
    Client::Http(Box::new(http))
}

#[tokio::test]
async fn the_list_stays_small_with_many_accounts() {
    let sandbox = Sandbox::start().await.unwrap();
    let cases = [("a", 2), ("ann@example.com/", 3), ("customer-", 30), ("customer-", 1_000)];
    for (name, count) in cases {
        let names: Vec<String> = (0..count).map(|number| format!("{name}{number:03}")).collect();
        let server = server_of(&sandbox, &names).await;
        for new in [false, true] {
            let mut client = caller(&server, new).await;
            let response = client.request("tools/list", json!({})).await;
            let size = response.to_string().len();
            println!("tools/list with {count} accounts: {size} bytes, new: {new}");
            assert!(size <= MAX_BYTES, "{count} accounts: {size} bytes");
            let listed = response["result"]["tools"].as_array().unwrap();
            assert_eq!(listed.len(), 31);
            for tool in listed {
                assert_eq!(tools::lint_schema(&tool["inputSchema"], true), Vec::<String>::new());
                assert_eq!(tool["inputSchema"]["properties"]["account"]["type"], "string", "{tool}");
                assert!(tool["inputSchema"]["required"].as_array().unwrap().contains(&json!("account")));
                let (annotations, definition) =
                    (&tool["annotations"], tools::tool(tool["name"].as_str().unwrap()));
                let effect = definition.unwrap().spec().effect;
                assert_eq!(annotations["readOnlyHint"], effect.is_read_only(), "{tool}");
                if !effect.is_read_only() {
                    assert_eq!(annotations["destructiveHint"], effect.is_destructive(), "{tool}");
                    assert_eq!(annotations["idempotentHint"], effect.is_idempotent(), "{tool}");
                }
                assert!(tool["title"].is_string() && tool["description"].is_string(), "{tool}");
            }
            // The names are available somewhere.
            let choice = &listed[0]["inputSchema"]["properties"]["account"]["enum"];
            assert_eq!(choice == &json!(names), count <= 30, "{count}: {choice}");
            let listed = client.request("resources/list", json!({})).await;
            assert_eq!(listed["result"]["resources"][0]["uri"], "vimeo://accounts", "{listed}");
            let read = client.request("resources/read", json!({"uri": "vimeo://accounts"})).await;
            let text = read["result"]["contents"][0]["text"].as_str().unwrap_or_else(|| panic!("{read}"));
            assert_eq!(serde_json::from_str::<Value>(text).unwrap(), json!({"accounts": names}));
            let refused = client.call("vimeo_me_get", json!({})).await;
            let refused = &refused["result"]["structuredContent"];
            assert_eq!(refused["field"], "account", "{refused}");
            assert!(refused["next_step"].as_str().unwrap().contains(&names[0]), "{refused}");
            assert!(refused.to_string().len() < 2_000, "{refused}");
            let good = client.call("vimeo_me_get", json!({"account": names[count - 1]})).await;
            assert_eq!(good["result"]["isError"], false, "{good}");
        }
    }
}

/// A short list leaves nothing out.
#[tokio::test]
async fn a_short_list_has_all_names_and_annotations() {
    let sandbox = Sandbox::start().await.unwrap();
    let vimeo = client(&sandbox, sandbox.token());
    let clients = ["a", "b"].map(|name| (name.to_owned(), vimeo.clone()));
    let selection = ToolSelection { toolsets: vec![Toolset::Social], ..ToolSelection::default() };
    let server = Server::for_accounts(FixedClients(clients.into())).selection(selection);
    let server = server
        .serve_http(loopback().api_keys([ApiKey::new("the-bearer-of-32-characters-or-more", ["a", "b"])]))
        .await
        .unwrap();
    let response = caller(&server, true).await.request("tools/list", json!({})).await;
    let listed = response["result"]["tools"].as_array().unwrap();
    for tool in listed {
        assert_eq!(tool["inputSchema"]["properties"]["account"]["enum"], json!(["a", "b"]), "{tool}");
        assert_eq!(tool["annotations"].as_object().unwrap().len(), 4, "{tool}");
    }
}

/// The size limit of the list of the toolset `api`.
const MAX_API_BYTES: usize = 6_000;

/// The size limit of the list of a toolset that is not offered by default.
const MAX_OPTIONAL_BYTES: usize = 5_000;

#[tokio::test]
async fn the_api_toolset_has_a_short_list() {
    let world = World::new().await;
    for toolset in Toolset::ALL {
        for read_only in [false, true] {
            let selection = ToolSelection { toolsets: vec![toolset], read_only, ..ToolSelection::default() };
            let server = Server::for_account(world.vimeo().clone()).selection(selection);
            let mut client = Client::connect(&server, Transport::NewPipe, false).await;
            let response = client.request("tools/list", json!({})).await;
            let (size, listed) =
                (response.to_string().len(), response["result"]["tools"].as_array().unwrap());
            println!(
                "tools/list of {}: {} tools, {size} bytes, read-only: {read_only}",
                toolset.as_str(),
                listed.len()
            );
            if matches!(
                toolset,
                Toolset::Player | Toolset::Edit | Toolset::Stats | Toolset::Jobs | Toolset::Uploads
            ) {
                assert!(size <= MAX_OPTIONAL_BYTES, "{} has {size} bytes", toolset.as_str());
            }
            if toolset != Toolset::Api {
                continue;
            }
            assert!(size <= MAX_API_BYTES, "{size} bytes");
            let call = listed.iter().find(|tool| tool["name"] == "vimeo_operation_call").unwrap();
            let annotations = &call["annotations"];
            assert_eq!(annotations["readOnlyHint"], read_only, "{call}");
            assert_eq!(annotations["destructiveHint"], !read_only, "{call}");
            assert_eq!(listed.len(), 3);
        }
    }
}

/// The limits of a key count for tools whose effect depends on the call.
#[tokio::test]
async fn a_read_only_key_changes_nothing_through_any_operation() {
    let world = World::new().await;
    let own = ToolSelection { toolsets: vec![Toolset::Api], read_only: true, ..ToolSelection::default() };
    let key = ApiKey::new("the-bearer-of-32-characters-or-more", ["a"]).selection(own);
    let selection = ToolSelection { toolsets: Toolset::ALL.to_vec(), ..ToolSelection::default() };
    let clients = FixedClients([("a".to_owned(), world.vimeo().clone())].into());
    let server = Server::for_accounts(clients).selection(selection).allow(Disclosure::ALL);
    let server = server.serve_http(loopback().api_keys([key])).await.unwrap();
    let mut client = caller(&server, true).await;
    let response = client.request("tools/list", json!({})).await;
    assert_eq!(response["result"]["tools"].as_array().unwrap().len(), 3, "{response}");
    let video = json!({"video_id": world.videos[0]}).to_string();
    let read = json!({"operation": "get_video", "parameters": video, "fields": "uri"});
    let read = client.call("vimeo_operation_call", read).await;
    assert_eq!(
        read["result"]["structuredContent"]["result"]["uri"],
        format!("/videos/{}", world.videos[0]),
        "{read}"
    );
    let edit = json!({"operation": "edit_video", "parameters": video, "body": "{\"name\": \"x\"}"});
    let edit = client.call("vimeo_operation_call", edit).await;
    assert!(
        edit["result"]["structuredContent"]["message"].as_str().unwrap().contains("may not do"),
        "{edit}"
    );
    assert_eq!(world.requests("PATCH"), 0);
}

/// The scopes of many accounts are not all looked up.
#[tokio::test]
async fn scope_lookups_stop_when_all_tools_are_allowed() {
    let sandbox = Sandbox::start().await.unwrap();
    let narrow = sandbox.issue_token("public private");
    let mut clients = HashMap::new();
    for number in 0..200 {
        // The first accounts lack scopes; the list is complete only with later ones.
        let token = if number < 20 { narrow.as_str() } else { sandbox.token() };
        clients.insert(format!("{number:03}"), client(&sandbox, token));
    }
    let names: Vec<String> = clients.keys().cloned().collect();
    let server = Server::for_accounts(FixedClients(clients));
    let server = server
        .serve_http(loopback().api_keys([ApiKey::new("the-bearer-of-32-characters-or-more", names)]))
        .await
        .unwrap();
    sandbox.clear_request_log();
    let response = caller(&server, true).await.request("tools/list", json!({})).await;
    assert_eq!(response["result"]["tools"].as_array().unwrap().len(), 31, "{response}");
    let lookups = sandbox.request_log().len();
    assert!((21..=40).contains(&lookups), "{lookups} lookups");
}

/// Every result matches the listed schema of its tool. Errors, which do not, are only text.
#[tokio::test]
async fn structured_results_match_the_listed_schemas() {
    for transport in [Transport::OldPipe, Transport::NewHttp] {
        let world = World::new().await;
        let server = Server::for_account(world.vimeo().clone())
            .output_schemas(OutputSchemas::InToolList)
            .allow(Disclosure::ALL);
        let mut client = Client::connect(&server, transport, false).await;
        let listed = client.request("tools/list", json!({})).await;
        println!("tools/list with schemas: {} bytes", listed.to_string().len());
        let listed = listed["result"]["tools"].as_array().unwrap();
        let of = |name: &str| listed.iter().find(|tool| tool["name"] == name).unwrap();
        for (tool, good, _, bad, ..) in tool_cases(&world) {
            let schema = &of(tool)["outputSchema"];
            assert_eq!(schema, tools::tool(tool).unwrap().output_schema());
            assert!(schema["properties"].as_object().unwrap().len() > 2, "{tool}: {schema}");
            let response = client.call(tool, good).await;
            let content = &response["result"]["structuredContent"];
            if let Err(error) = jsonschema::draft202012::new(schema).unwrap().validate(content) {
                panic!("{transport:?} {tool}: {error} in {content}");
            }
            // The schema describes every member.
            let known = schema["properties"].as_object().unwrap();
            let undescribed = content.as_object().unwrap().keys().find(|field| !known.contains_key(*field));
            assert_eq!(undescribed, None, "{tool}");
            let error = client.call(tool, bad).await;
            let error = &error["result"];
            assert_eq!((&error["isError"], error.get("structuredContent")), (&json!(true), None), "{tool}");
            assert!(error["content"][0]["text"].as_str().unwrap().contains("\"category\""), "{error}");
        }
    }
}

/// A cut result matches the schema too, which describes the additional members.
#[tokio::test]
async fn a_cut_result_matches_its_schema() {
    let world = World::new().await;
    for id in world.sandbox.add_videos(60) {
        let body = json!({"name": format!("{id} {}", "Wörter ".repeat(17))});
        world.vimeo().patch(&format!("/videos/{id}")).json(&body).send().await.unwrap();
    }
    let server = Server::for_account(world.vimeo().clone())
        .output_schemas(OutputSchemas::InToolList)
        .allow(Disclosure::ALL);
    let mut client = Client::connect(&server, Transport::NewPipe, false).await;
    let response = client.call("vimeo_my_videos_list", json!({"per_page": 60})).await;
    let content = &response["result"]["structuredContent"];
    assert_eq!(content["truncated"], true, "{content}");
    let schema = tools::tool("vimeo_my_videos_list").unwrap().output_schema();
    assert!(jsonschema::draft202012::is_valid(schema, content));
    for field in content.as_object().unwrap().keys() {
        assert!(schema["properties"].get(field).is_some(), "{field}");
    }
}

/// The full schemas of each offered tool are resources.
#[tokio::test]
async fn schemas_are_resources() {
    let world = World::new().await;
    let selection = ToolSelection { read_only: true, ..ToolSelection::default() };
    for transport in Transport::ALL {
        let server = Server::for_account(world.vimeo().clone()).selection(selection.clone());
        let mut client = Client::connect(&server, transport, false).await;
        let templates = client.request("resources/templates/list", json!({})).await;
        assert!(templates.to_string().contains("vimeo://tools/{name}/schema"), "{templates}");
        for tool in tools::all() {
            let uri = format!("vimeo://tools/{}/schema", tool.spec().name);
            let read = client.request("resources/read", json!({"uri": uri})).await;
            if !selection.includes(tool.spec()) {
                assert!(read["error"]["code"].is_i64(), "{uri}: {read}");
                continue;
            }
            let text = read["result"]["contents"][0]["text"].as_str().unwrap_or_else(|| panic!("{read}"));
            let schemas: Value = serde_json::from_str(text).unwrap();
            assert_eq!(&schemas["output_schema"], tool.output_schema(), "{uri}");
            assert_eq!(&schemas["input_schema"], tool.input_schema(), "{uri}");
        }
        let none = client.request("resources/read", json!({"uri": "vimeo://tools/vimeo_none/schema"})).await;
        assert!(none["error"]["code"].is_i64(), "{none}");
        let one = client.request("resources/read", json!({"uri": "vimeo://accounts"})).await;
        assert!(one["error"]["code"].is_i64(), "with one account there is no choice: {one}");
    }
}
