//! What the operator sees: limits, errors, uploads, upload tokens and API keys, each as far as the API key may see them.

use reqwest::{Client, Method};
use serde_json::{Value, json};
use vimeo_connector::{AccountAccess, KeyPolicy, RouteGroup};

use crate::harness::Service;

fn identifiers(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|entry| entry["identifier"].as_str().unwrap()).collect()
}

impl Service {
    async fn get(&self, path: &str) -> Value {
        let found = self.call(Method::GET, path, None).await;
        assert_eq!(found.status, 200, "{found:?}");
        found.body
    }

    async fn get_with(&self, key: &str, path: &str) -> Value {
        self.call_with(key, Method::GET, path, None).await.body
    }

    /// Runs a tool that fails: no video has this ID.
    async fn fail_tool(&self, identifier: &str) {
        let path = format!("/v1/accounts/{identifier}/tools/vimeo_video_get");
        let failed = self.call(Method::POST, &path, Some(json!({"video_id": "404404404"}))).await;
        assert_eq!(failed.status, 404, "{failed:?}");
    }
}

#[tokio::test]
async fn limits_show_what_vimeo_reported_for_each_account() {
    let service = Service::start().await;
    service.connect("a").await;
    service.connect("b").await;
    for account in ["a", "b"] {
        let path = format!("/v1/accounts/{account}/tools/vimeo_me_get");
        assert_eq!(service.call(Method::POST, &path, Some(json!({}))).await.status, 200);
    }
    let limits = service.get("/v1/limits").await;
    assert_eq!(identifiers(&limits["limits"]), ["a", "b"]);
    let window = &limits["limits"][0]["windows"][0];
    assert!(window["remaining"].as_u64().unwrap() < window["limit"].as_u64().unwrap(), "{window}");
    let first = service.get("/v1/limits?limit=1").await;
    assert_eq!((identifiers(&first["limits"]), &first["next_cursor"]), (vec!["a"], &json!("a")));
    let rest = service.get("/v1/limits?limit=1&cursor=a").await;
    assert_eq!((identifiers(&rest["limits"]), &rest["next_cursor"]), (vec!["b"], &Value::Null));
    assert_eq!(identifiers(&service.get("/v1/limits?identifier=b").await["limits"]), ["b"]);
    let invalid = service.call(Method::GET, "/v1/limits?limit=0", None).await;
    assert_eq!(invalid.body["code"], "invalid_field");
}

#[tokio::test]
async fn errors_of_tools_logins_and_refreshes_are_listed_newest_first() {
    let service = Service::start().await;
    service.connect("a").await;
    service.call(Method::PUT, "/v1/accounts/b", None).await;
    service.call(Method::GET, "/v1/accounts/nobody", None).await;
    service.fail_tool("a").await;
    let refused = service.call(Method::POST, "/v1/accounts/b/refresh", None).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    let login = json!({"callback": "code=wrong&state=forged"});
    let refused = service.call(Method::POST, "/v1/accounts/b/login", Some(login)).await;
    assert_eq!(refused.status, 400, "{refused:?}");
    let errors = service.get("/v1/errors").await;
    let shown: Vec<_> = errors["errors"].as_array().unwrap().iter().collect();
    let kinds: Vec<_> = shown.iter().map(|error| error["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["login", "refresh", "tool"]);
    assert_eq!(identifiers(&errors["errors"]), ["b", "b", "a"]);
    let tool = shown[2];
    assert_eq!(tool["route"], "POST /v1/accounts/{identifier}/tools/{name}");
    assert_eq!((&tool["status"], &tool["code"]), (&json!(404), &json!("not_found")));
    assert_eq!(service.get("/v1/errors?limit=1").await["errors"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn failed_logins_are_errors_and_forged_ones_are_not() {
    let service = Service::start().await;
    let link = service.call(Method::POST, "/v1/accounts/a/authorization-links", Some(json!({}))).await;
    let url: url::Url = link.body["url"].as_str().unwrap().parse().unwrap();
    let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    for state in ["forged", &state] {
        let callback = format!("http://{}/v1/callback?error=access_denied&state={state}", service.address);
        assert_eq!(Client::new().get(callback).send().await.unwrap().status(), 400);
    }
    let errors = service.get("/v1/errors").await;
    assert_eq!(identifiers(&errors["errors"]), ["a"]);
    assert_eq!(errors["errors"][0]["kind"], "login");
    assert!(!errors.to_string().contains(&state), "{errors}");
}

#[tokio::test]
async fn keys_limited_to_accounts_see_only_what_concerns_those() {
    let service = Service::start().await;
    for account in ["own:1", "other"] {
        service.connect(account).await;
        service.fail_tool(account).await;
        let path = format!("/v1/accounts/{account}/upload-tokens");
        let token = service.call(Method::POST, &path, Some(json!({"max_uploads": 2}))).await;
        let begun = Client::new()
            .post(token.body["upload_url"].as_str().unwrap())
            .header("tus-resumable", "1.0.0")
            .header("upload-length", 7)
            .send()
            .await
            .unwrap();
        assert_eq!(begun.status(), 201);
    }
    let lists = [
        ("/v1/limits", "limits"),
        ("/v1/upload-tokens", "upload_tokens"),
        ("/v1/recent-uploads", "uploads"),
        ("/v1/errors", "errors"),
    ];
    let only = AccountAccess::Only(["own:1".to_owned(), "absent".to_owned()].into());
    for access in [only, AccountAccess::Prefix("own:".to_owned())] {
        let key = service.key(KeyPolicy::new("own").accounts(access.clone())).await;
        for (path, name) in lists {
            assert_eq!(service.get(path).await[name].as_array().unwrap().len(), 2, "{path}");
            let own = service.get_with(&key, path).await;
            assert_eq!(identifiers(&own[name]), ["own:1"], "{path} {access:?}");
            assert!(!own.to_string().contains("vimeo_upload_"), "{own}");
        }
        assert_eq!(
            service.get_with(&key, "/v1/limits?identifier=other").await["code"],
            "account_not_allowed"
        );
        assert_eq!(service.get_with(&key, "/v1/api-keys").await["code"], "route_not_allowed");
    }
    let upload = &service.get("/v1/recent-uploads").await["uploads"][0];
    assert_eq!((&upload["identifier"], &upload["bytes"]), (&json!("other"), &json!(7)));
}

#[tokio::test]
async fn pages_of_all_upload_tokens_hold_each_once() {
    let service = Service::start().await;
    let accounts = ["a", "b", "c"];
    for account in accounts {
        service.connect(account).await;
        for _ in 0..2 {
            let path = format!("/v1/accounts/{account}/upload-tokens");
            assert_eq!(service.call(Method::POST, &path, Some(json!({}))).await.status, 201);
        }
    }
    let only = AccountAccess::Only(accounts.map(str::to_owned).into());
    let listed = service.key(KeyPolicy::new("listed").accounts(only)).await;
    for key in [&service.key, &listed] {
        let mut seen = Vec::new();
        let mut path = "/v1/upload-tokens?limit=4".to_owned();
        loop {
            let page = service.get_with(key, &path).await;
            seen.extend(
                page["upload_tokens"].as_array().unwrap().iter().map(|token| token["id"].to_string()),
            );
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("/v1/upload-tokens?limit=4&cursor={cursor}");
        }
        assert_eq!(seen.len(), 6, "{seen:?}");
        assert!(seen.is_sorted() && seen.windows(2).all(|pair| pair[0] != pair[1]), "{seen:?}");
    }
}

#[tokio::test]
async fn a_key_sees_what_it_may_do_whatever_its_routes() {
    let service = Service::start().await;
    let policy = KeyPolicy::new("tools only").routes([RouteGroup::Tools]).read_only();
    let key = service.key(policy.accounts(AccountAccess::Prefix("team:".to_owned()))).await;
    let own = service.get_with(&key, "/v1/api-key").await;
    assert_eq!((&own["name"], &own["read_only"]), (&json!("tools only"), &json!(true)));
    assert_eq!((&own["routes"], &own["account_prefix"]), (&json!(["tools"]), &json!("team:")));
    for path in ["/v1/errors", "/v1/limits", "/v1/api-keys", "/v1/upload-tokens", "/v1/recent-uploads"] {
        assert_eq!(service.get_with(&key, path).await["code"], "route_not_allowed", "{path}");
    }
    let keys = service.get("/v1/api-keys").await;
    let names: Vec<_> = keys["api_keys"].as_array().unwrap().iter().map(|key| key["name"].as_str()).collect();
    assert!(names.contains(&Some("all")) && names.contains(&Some("tools only")), "{names:?}");
    let text = keys.to_string();
    assert!(!text.contains("sha256") && !text.contains("vimeo_connector"), "{text}");
}
