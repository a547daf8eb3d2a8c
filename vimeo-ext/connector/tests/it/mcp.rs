//! The Model Context Protocol.

use serde_json::{Value, json};
use vimeo_agent::tools::Toolset;
use vimeo_connector::{AccountAccess, KeyPolicy};

use crate::harness::Service;

/// Sends one message; returns the status and the response's message.
async fn send(service: &Service, key: &str, path: &str, method: &str, mut params: Value) -> (u16, Value) {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "by hand", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let response = reqwest::Client::new()
        .post(format!("http://{}{path}", service.address))
        .bearer_auth(key)
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", method)
        .header("mcp-name", params["name"].as_str().unwrap_or_default())
        .body(message.to_string())
        .send()
        .await
        .unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: ")).next_back().unwrap_or(&text);
    (status, serde_json::from_str(data).unwrap_or(Value::Null))
}

#[tokio::test]
async fn one_account_is_served_at_its_own_path() {
    let service = Service::start().await;
    service.connect("a").await;
    service.connect("b").await;
    let path = "/v1/accounts/a/mcp";
    let (status, list) = send(&service, &service.key, path, "tools/list", json!({})).await;
    assert_eq!(status, 200, "{list}");
    assert!(list["result"]["tools"].as_array().unwrap().len() >= 31, "{list}");
    let call = json!({"name": "vimeo_me_get", "arguments": {}});
    let (_, result) = send(&service, &service.key, path, "tools/call", call).await;
    assert_eq!(result["result"]["structuredContent"]["name"], "Sandbox User", "{result}");
    assert_eq!(send(&service, "wrong", path, "tools/list", json!({})).await.0, 401);
    let own = KeyPolicy::new("own").accounts(AccountAccess::Only(["b".to_owned()].into()));
    let own = service.key(own).await;
    assert_eq!(send(&service, &own, path, "tools/list", json!({})).await.0, 403);
}

#[tokio::test]
async fn a_key_with_several_accounts_chooses_in_each_call() {
    let service = Service::start().await;
    for identifier in ["a", "b", "c"] {
        service.connect(identifier).await;
    }
    let accounts = AccountAccess::Only(["a".to_owned(), "b".to_owned()].into());
    let key = KeyPolicy::new("two").accounts(accounts).toolsets([Toolset::Read]);
    let key = service.key(key).await;
    let (_, list) = send(&service, &key, "/mcp", "tools/list", json!({})).await;
    let names: Vec<_> = list["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"vimeo_me_get") && !names.contains(&"vimeo_video_like"), "{names:?}");
    for (account, expected) in [("a", true), ("c", false)] {
        let call = json!({"name": "vimeo_me_get", "arguments": {"account": account}});
        let (_, result) = send(&service, &key, "/mcp", "tools/call", call).await;
        assert_eq!(result["result"]["isError"] != true, expected, "{account}: {result}");
    }
    let (status, error) = send(&service, &service.key, "/mcp", "tools/list", json!({})).await;
    assert_eq!((status, &error["code"]), (400, &json!("account_needed")));
}
