//! Tokens, scopes and rate limits.

use std::time::Duration;

use chrono::DateTime;
use serde_json::{Value, json};
use vimeo_sandbox::{Clock, MissingPrivateScope, RateLimit, RateLimitHeaders, Sandbox, Scopes, StartError};

use crate::client::{Client, read};

#[tokio::test]
async fn rejects_missing_and_unknown_tokens() {
    let sandbox = Sandbox::start().await.unwrap();
    for token in ["", "unknown"] {
        let answer = Client::with_token(&sandbox, token).get("/me").await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("content-type"), "application/vnd.vimeo.error+json");
        assert_eq!(answer.body["error_code"], 8003);
        assert_eq!(answer.body["link"], Value::Null);
        assert!(answer.body["developer_message"].is_string());
        assert_eq!(answer.header("x-ratelimit-limit"), "");
    }
}

#[tokio::test]
async fn rejects_missing_scope() {
    let sandbox = Sandbox::builder().token("fake-reader", "private").start().await.unwrap();
    let client = Client::new(&sandbox);
    let body = json!({"upload": {"approach": "tus", "size": 1}});
    let answer = client.send("POST", "/me/videos", body).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.body, json!({"error": "Your access token does not have the \"upload\" scope"}));
    assert_eq!(client.get("/me").await.status, 200);
}

#[tokio::test]
async fn missing_private_scope_can_return_empty_page() {
    for (rule, status) in [(MissingPrivateScope::Forbidden, 403), (MissingPrivateScope::EmptyList, 200)] {
        let sandbox =
            Sandbox::builder().token("fake", "public").missing_private_scope(rule).start().await.unwrap();
        let answer = Client::new(&sandbox).get("/me/projects").await;
        assert_eq!(answer.status, status);
        if status == 200 {
            assert_eq!(answer.body["total"], 0);
        }
    }
}

#[tokio::test]
async fn finds_user_by_me_id_and_link() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let me = client.get("/me").await;
    assert_eq!(me.header("content-type"), "application/vnd.vimeo.user+json");
    assert_eq!(me.body["uri"], format!("/users/{}", sandbox.user_id()));
    assert_eq!(client.get(&format!("/users/{}", sandbox.user_id())).await.body, me.body);

    let edited = client.send("PATCH", "/me", json!({"name": "Someone", "link": "someone"})).await;
    assert_eq!(edited.body["name"], "Someone");
    assert_eq!(client.get("/users/someone").await.body, edited.body);
    assert_eq!(client.get("/users/nobody").await.status, 404);
}

#[tokio::test]
async fn verifies_and_revokes_token() {
    let sandbox = Sandbox::start().await.unwrap();
    let token = sandbox.issue_token("private edit");
    let client = Client::with_token(&sandbox, &token);
    let verified = client.get("/oauth/verify").await;
    assert_eq!(verified.header("content-type"), "application/vnd.vimeo.auth+json");
    assert_eq!(verified.body["access_token"], token);
    assert_eq!(verified.body["scope"], "public private edit");
    assert_eq!(verified.body["user"]["name"], "Sandbox User");
    assert_eq!(client.call("DELETE", "/tokens").await.status, 204);
    assert_eq!(client.get("/oauth/verify").await.status, 401);
    assert_eq!(Client::new(&sandbox).get("/me").await.status, 200);
}

#[tokio::test]
async fn issues_token_for_client_credentials() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::with_token(&sandbox, "");
    let ask = |id: String, secret: String, form: &[(&'static str, &'static str)]| {
        read(client.request("POST", "/oauth/authorize/client").basic_auth(id, Some(secret)).form(form))
    };
    let form = [("grant_type", "client_credentials"), ("scope", "public private")];
    let (id, secret) = (sandbox.client_id(), sandbox.client_secret());

    let token = ask(id.clone(), secret.clone(), &form).await;
    assert_eq!(token.status, 200, "{token:?}");
    assert_eq!(token.body["scope"], "public private");
    assert!(token.body.get("user").is_none());
    let app = Client::with_token(&sandbox, token.body["access_token"].as_str().unwrap());
    assert_eq!(app.get("/videos?query=a").await.status, 200);
    let me = app.get("/me").await;
    assert_eq!((me.status, &me.body["error_code"]), (401, &json!(8003)));
    assert_eq!(me.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    assert!(me.body["developer_message"].as_str().unwrap().contains("no user credentials"));

    let wrong = ask(id.clone(), "wrong".into(), &form).await;
    assert_eq!((wrong.status, &wrong.body["error"]), (401, &json!("invalid_client")));
    assert_eq!(ask(id, secret, &[("grant_type", "password")]).await.status, 400);
}

#[tokio::test]
async fn rate_limit_resets_by_clock() {
    let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let sandbox = Sandbox::builder()
        .clock(Clock::frozen(start))
        .rate_limit(RateLimit::new(2, 4))
        .start()
        .await
        .unwrap();
    let client = Client::new(&sandbox);
    for (path, status, limit, remaining) in [
        ("/me", 200, "2", "1"),
        ("/me", 200, "2", "0"),
        ("/me", 429, "2", "0"),
        ("/me?fields=uri", 200, "4", "3"),
    ] {
        let answer = client.get(path).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("x-ratelimit-limit"), limit);
        assert_eq!(answer.header("x-ratelimit-remaining"), remaining);
        assert_eq!(answer.header("x-ratelimit-reset"), "2023-11-14T22:14:20+00:00");
        assert_eq!(answer.header("retry-after"), "");
    }
    // Another token has its own limit.
    let other = sandbox.add_user("Other");
    assert_eq!(Client::with_token(&sandbox, &other.token).get("/me").await.status, 200);

    sandbox.clock().advance(Duration::from_secs(60));
    assert_eq!(client.get("/me").await.status, 200);

    let limit = RateLimit::new(0, 0).headers(RateLimitHeaders::Absent);
    assert!(sandbox.world().set_rate_limit(sandbox.token(), limit));
    let answer = client.get("/me").await;
    assert_eq!((answer.status, answer.header("x-ratelimit-limit")), (429, ""));
    let limit = RateLimit::new(9, 9).headers(RateLimitHeaders::Unix);
    sandbox.world().set_rate_limit(sandbox.token(), limit);
    assert_eq!(client.get("/me").await.header("x-ratelimit-reset"), "1700000120");
}

#[tokio::test]
async fn start_errors() {
    let real_looking = "0123456789abcdef0123456789abcdef";
    let started = Sandbox::builder().token(real_looking, Scopes::all()).start().await;
    assert!(matches!(started, Err(StartError::RealLookingToken)));
    let started = Sandbox::builder().token("fake", "everything").start().await;
    assert!(matches!(started, Err(StartError::UnknownScope(word)) if word == "everything"));
    let started = Sandbox::builder().token("fake", "edit").token("fake", "edit").start().await;
    assert!(matches!(started, Err(StartError::DuplicateToken(_))));

    let first = Sandbox::start().await.unwrap();
    let port = first.url().port().unwrap();
    let started = Sandbox::builder().port(port).start().await;
    assert!(matches!(started, Err(StartError::Listen { .. })));
    // The port is free again when the sandbox has stopped.
    first.stop().await;
    Sandbox::builder().port(port).start().await.unwrap();
}

#[tokio::test]
async fn unimplemented_operations_return_501() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let id = client.create("Long", 3).await.0;
    let answer = client.call("POST", &format!("/videos/{id}/trim")).await;
    assert_eq!(answer.status, 501);
    assert!(answer.body["developer_message"].as_str().unwrap().contains("clip_trim"));
    assert_eq!(client.get("/no/such/path").await.status, 404);
    let answer = client.call("PUT", "/me").await;
    assert_eq!((answer.status, answer.header("allow")), (405, "GET, PATCH"));
    assert_eq!(client.get("/").await.header("content-type"), "application/vnd.vimeo.endpoint+json");
}
