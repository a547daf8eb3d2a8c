//! Accounts.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use vimeo_connector::{AccountAccess, KeyPolicy};

use crate::harness::Service;

#[tokio::test]
async fn concurrent_creations_make_one_account() {
    let service = Service::start().await;
    let created = join_all((0..16).map(|_| service.call(Method::PUT, "/v1/accounts/user%207", None))).await;
    for account in &created {
        assert_eq!(account.status, 200);
        assert_eq!(account.body, created[0].body);
    }
    assert_eq!(created[0].body["identifier"], "user 7");
    assert_eq!(created[0].body["status"], "pending");
    let listed = service.call(Method::GET, "/v1/accounts", None).await;
    assert_eq!(listed.body["accounts"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_account_goes_through_its_life() {
    let service = Service::start().await;
    let post = async |path: &str| {
        let result = service.call(Method::POST, &format!("/v1/accounts/a/{path}"), None).await;
        (result.status.as_u16(), result.body)
    };
    assert_eq!(service.call(Method::GET, "/v1/accounts/a", None).await.body["code"], "unknown_account");
    let (status, body) = post("verify").await;
    assert_eq!((status, &body["code"]), (404, &json!("unknown_account")));
    service.connect("a").await;
    let (status, body) = post("verify").await;
    assert_eq!((status, &body["status"]), (200, &json!("active")));
    assert!(body["user"].as_str().unwrap().starts_with("/users/"), "{body}");
    // Vimeo accepts the token, so there is nothing to renew.
    let (status, body) = post("refresh").await;
    assert_eq!((status, &body["status"]), (200, &json!("active")));
    let body = json!({"reason": "unpaid"});
    let disabled = service.call(Method::POST, "/v1/accounts/a/disable", Some(body)).await;
    assert_eq!((&disabled.body["status"], &disabled.body["reason"]), (&json!("disabled"), &json!("unpaid")));
    let refused = service.call(Method::POST, "/v1/accounts/a/tools/vimeo_me_get", Some(json!({}))).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (409, &json!("account_disabled")));
    assert_eq!(post("enable").await.1["status"], "active");
    assert!(service.sandbox.world().revoke_token(service.sandbox.token()));
    let (status, body) = post("verify").await;
    assert_eq!((status, &body["status"]), (200, &json!("revoked")));
    assert_eq!(service.call(Method::DELETE, "/v1/accounts/a", None).await.status, 204);
    assert_eq!(service.call(Method::DELETE, "/v1/accounts/a", None).await.status, 204);
    assert_eq!(service.call(Method::GET, "/v1/accounts/a", None).await.status, 404);
}

#[tokio::test]
async fn pages_list_every_account_that_the_key_may_use_once() {
    let service = Service::start().await;
    for identifier in ["team-1:a", "team-1:b", "team-1:c", "team-2:a", "team-10:a"] {
        service.call(Method::PUT, &format!("/v1/accounts/{identifier}"), None).await;
    }
    service.connect("team-1:b").await;
    let list = async |access: AccountAccess, query: &str| {
        let key = service.key(KeyPolicy::new("a").accounts(access)).await;
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/v1/accounts?limit=2{query}{cursor}");
            let page = service.call_with(&key, Method::GET, &path, None).await;
            assert_eq!(page.status, 200, "{page:?}");
            let accounts = page.body["accounts"].as_array().unwrap();
            found.extend(accounts.iter().map(|account| account["identifier"].as_str().unwrap().to_owned()));
            match page.body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return found,
            }
        }
    };
    let prefix = |text: &str| AccountAccess::Prefix(text.to_owned());
    let only = |names: &[&str]| {
        AccountAccess::Only(names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>())
    };
    let all = ["team-10:a", "team-1:a", "team-1:b", "team-1:c", "team-2:a"];
    assert_eq!(list(AccountAccess::All, "").await, all);
    assert_eq!(list(prefix("team-1:"), "").await, ["team-1:a", "team-1:b", "team-1:c"]);
    assert_eq!(
        list(only(&["team-1:c", "team-2:a", "team-2:missing", "team-1:a"]), "").await,
        ["team-1:a", "team-1:c", "team-2:a"]
    );
    assert_eq!(list(AccountAccess::All, "&status=active").await, ["team-1:b"]);
    assert_eq!(list(only(&["team-1:a", "team-1:b"]), "&status=active").await, ["team-1:b"]);
    for query in ["limit=0", "limit=1001", "status=lost", "unknown=1", "cursor="] {
        let refused = service.call(Method::GET, &format!("/v1/accounts?{query}"), None).await;
        assert_eq!(refused.status, 400, "{query}: {refused:?}");
    }
}

#[tokio::test]
async fn a_rejected_token_is_not_stored() {
    let service = Service::start().await;
    let body = json!({"access_token": "wrong"});
    let refused = service.call(Method::PUT, "/v1/accounts/a/access-token", Some(body)).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (422, &json!("credentials_rejected")));
    assert_eq!(service.call(Method::GET, "/v1/accounts/a", None).await.status, 404);
    for body in [
        json!({}),
        json!({"access_token": 7}),
        json!({"access_token": "a", "more": 1}),
        json!([]),
        json!({"access_token": ""}),
        json!({"access_token": "a\nb"}),
    ] {
        let refused = service.call(Method::PUT, "/v1/accounts/a/access-token", Some(body)).await;
        assert_eq!(refused.status, 400, "{refused:?}");
    }
}

#[tokio::test]
async fn invalid_identifiers_are_refused() {
    let service = Service::start().await;
    for identifier in ["%20a", "a%0A", &"x".repeat(201)] {
        let refused = service.call(Method::PUT, &format!("/v1/accounts/{identifier}"), None).await;
        assert_eq!((refused.status.as_u16(), &refused.body["field"]), (400, &json!("identifier")));
    }
}
