//! API keys: what each may call.

use std::num::NonZeroU32;

use reqwest::Method;
use serde_json::json;
use vimeo_agent::tools::Toolset;
use vimeo_connector::{AccountAccess, KeyPolicy, RouteGroup};

use crate::harness::Service;

/// Every route of the document with a valid path, and whether it needs an API key.
fn routes(service: &Service) -> Vec<(Method, String, bool)> {
    let paths = service.document()["paths"].as_object().unwrap();
    let mut routes = Vec::new();
    for (path, operations) in paths {
        for (method, operation) in operations.as_object().unwrap() {
            let method: Method = method.to_ascii_uppercase().parse().unwrap();
            let path = path
                .replace("{identifier}", "other")
                .replace("{name}", "vimeo_me_get")
                .replace("{id}", "0123");
            routes.push((method, path, operation.get("security").is_some()));
        }
    }
    routes
}

#[tokio::test]
async fn every_guarded_route_refuses_a_wrong_key() {
    let service = Service::start().await;
    let routes = routes(&service);
    let mut refused = 0;
    for (method, path, is_guarded) in &routes {
        for key in ["", "wrong", service.sandbox.token(), &service.key[..service.key.len() - 1]] {
            if !is_guarded {
                continue;
            }
            let response = service.call_with(key, method.clone(), path, Some(json!({}))).await;
            assert_eq!(response.status, 401, "{method} {path}");
            refused += 1;
        }
    }
    let mut open: Vec<_> = routes.iter().filter(|route| !route.2).map(|route| route.1.as_str()).collect();
    open.dedup();
    let uploads = ["/v1/progressive-uploads", "/v1/progressive-uploads/0123", "/v1/uploads"];
    assert_eq!(open, [["/healthz", "/readyz", "/v1/callback"], uploads].concat());
    assert!(refused > 60, "{refused}");
}

#[tokio::test]
async fn a_key_reaches_its_own_accounts_and_routes_only() {
    let service = Service::start().await;
    let own = AccountAccess::Only(["own".to_owned()].into());
    let key = service.key(KeyPolicy::new("own").accounts(own)).await;
    for (method, path, is_guarded) in routes(&service) {
        if is_guarded && path.starts_with("/v1/accounts/") {
            let body = json!({"identifier": "other", "tool_name": "vimeo_me_get"});
            let response = service.call_with(&key, method.clone(), &path, Some(body)).await;
            assert_eq!(response.body["code"], "account_not_allowed", "{method} {path}");
        }
    }
    let body = json!({"identifier": "other", "tool_name": "vimeo_me_get"});
    let response = service.call_with(&key, Method::POST, "/v1/execute-tool", Some(body)).await;
    assert_eq!(response.body["code"], "account_not_allowed");

    let tools = service.key(KeyPolicy::new("tools").routes([RouteGroup::Tools])).await;
    for (path, expected) in
        [("/v1/tools", 200), ("/v1/accounts", 403), ("/v1/vimeo-connections", 403), ("/metrics", 403)]
    {
        let url = format!("http://{}{path}", service.address);
        let response = reqwest::Client::new().get(url).bearer_auth(&tools).send().await.unwrap();
        assert_eq!(response.status(), expected, "{path}");
    }
}

#[tokio::test]
async fn a_key_is_limited_to_its_rate() {
    let service = Service::start().await;
    let policy = KeyPolicy::new("slow").requests_per_minute(NonZeroU32::new(3).unwrap());
    let key = service.key(policy).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(service.call_with(&key, Method::GET, "/v1/tools", None).await);
    }
    let codes: Vec<_> = statuses.iter().map(|response| response.status.as_u16()).collect();
    assert_eq!(codes, [200, 200, 200, 429, 429]);
    assert!(statuses[4].body["retry_after_s"].as_u64().is_some_and(|wait| (1..=61).contains(&wait)));
}

#[tokio::test]
async fn a_key_offers_its_tools_only() {
    let service = Service::start().await;
    service.connect("a").await;
    let names = async |key: &str| -> Vec<String> {
        let list = service.call_with(key, Method::GET, "/v1/tools", None).await;
        let tools = list.body["tools"].as_array().unwrap().clone();
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    };
    let social = service.key(KeyPolicy::new("social").toolsets([Toolset::Social])).await;
    let offered = names(&social).await;
    assert!(offered.iter().any(|name| name == "vimeo_video_like"), "{offered:?}");
    let refused = service.call_with(&social, Method::POST, "/v1/accounts/a/tools/vimeo_me_get", None).await;
    assert_eq!(refused.body["code"], "unknown_tool");
    let reader = service.key(KeyPolicy::new("reader").read_only()).await;
    assert!(names(&reader).await.iter().all(|name| !name.ends_with("_create") && !name.ends_with("_delete")));
    let public = service.key(KeyPolicy::new("public").scopes("public")).await;
    assert!(!names(&public).await.iter().any(|name| name == "vimeo_me_get"));
    let body = json!({});
    let refused =
        service.call_with(&public, Method::POST, "/v1/accounts/a/tools/vimeo_me_get", Some(body)).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (403, &json!("missing_scope")));
}

#[tokio::test]
async fn disclosing_calls_need_the_keys_permission() {
    let service = Service::start().await;
    service.connect("a").await;
    let careful = service.key(KeyPolicy::new("careful")).await;
    let input = json!({"url": "https://hooks.example.com/", "event_types": ["video.upload.complete"]});
    let path = "/v1/accounts/a/tools/vimeo_webhook_create";
    let refused = service.call_with(&careful, Method::POST, path, Some(input.clone())).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (403, &json!("approval_required")));
}
