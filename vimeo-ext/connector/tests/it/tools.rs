//! Tools.

use reqwest::Method;
use serde_json::json;

use crate::harness::Service;

#[tokio::test]
async fn the_same_tool_runs_by_path_and_in_one_body() {
    let service = Service::start().await;
    service.connect("a").await;
    service.sandbox.world().add_videos(3);
    let input = json!({"sort": "date", "direction": "desc", "per_page": 25});
    let by_path =
        service.call(Method::POST, "/v1/accounts/a/tools/vimeo_my_videos_list", Some(input.clone())).await;
    assert_eq!(by_path.status, 200, "{by_path:?}");
    let body = json!({"identifier": "a", "tool_name": "vimeo_my_videos_list", "tool_input": input});
    let in_body = service.call(Method::POST, "/v1/execute-tool", Some(body)).await;
    assert_eq!(in_body.body["result"], by_path.body["result"]);
    let text = by_path.body["text"].as_str().unwrap();
    assert!(text.contains("fence"), "{text}");
    let item = &by_path.body["result"]["items"][0];
    assert!(item["uri"].as_str().unwrap().starts_with("/videos/"), "{item}");
    assert!(item["name"].is_string());
}

#[tokio::test]
async fn tools_are_defined_in_three_forms() {
    let service = Service::start().await;
    for (format, schema) in [
        ("mcp", "/inputSchema/type"),
        ("anthropic", "/input_schema/type"),
        ("openai", "/function/parameters/type"),
    ] {
        let list = service.call(Method::GET, &format!("/v1/tools?format={format}"), None).await;
        let tools = list.body["tools"].as_array().unwrap();
        assert_eq!(tools.len(), 31, "{format}");
        assert!(tools.iter().all(|tool| tool.pointer(schema) == Some(&json!("object"))), "{format}");
    }
    let refused = service.call(Method::GET, "/v1/tools?format=xml", None).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (400, &json!("invalid_query")));
}

#[tokio::test]
async fn the_list_of_an_account_follows_its_scopes() {
    let service = Service::start().await;
    let token = service.sandbox.world().issue_token("public");
    let body = json!({"access_token": token});
    service.call(Method::PUT, "/v1/accounts/a/access-token", Some(body)).await;
    let list = service.call(Method::GET, "/v1/tools?identifier=a", None).await;
    let names: Vec<_> = list.body["tools"].as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
    assert!(names.contains(&&json!("vimeo_videos_search")) && !names.contains(&&json!("vimeo_me_get")));
    let refused = service.call(Method::POST, "/v1/accounts/a/tools/vimeo_me_get", Some(json!({}))).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (403, &json!("missing_scope")));
    assert_eq!(refused.body["tool_error"]["needed_scopes"], json!(["private"]));
}

#[tokio::test]
async fn failing_calls_name_the_reason() {
    let service = Service::start().await;
    service.connect("a").await;
    service.call(Method::PUT, "/v1/accounts/pending", None).await;
    for (path, body, status, code) in [
        ("/v1/accounts/a/tools/vimeo_video_get", json!({"video_id": "999999999"}), 404, "not_found"),
        ("/v1/accounts/a/tools/vimeo_video_get", json!({"video": "1"}), 400, "tool_input"),
        ("/v1/accounts/a/tools/vimeo_nothing", json!({}), 404, "unknown_tool"),
        ("/v1/accounts/pending/tools/vimeo_me_get", json!({}), 409, "login_required"),
        ("/v1/accounts/none/tools/vimeo_me_get", json!({}), 404, "unknown_account"),
        ("/v1/execute-tool", json!({"identifier": "a"}), 400, "invalid_body"),
    ] {
        let refused = service.call(Method::POST, path, Some(body)).await;
        assert_eq!((refused.status.as_u16(), &refused.body["code"]), (status, &json!(code)), "{path}");
    }
}
