//! HTTP: authentication, accounts, sessions, origins and limits.

use std::collections::HashMap;

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use vimeo_agent::mcp::{ApiKey, ClientResolver, HttpOptions, HttpServer, Server, ServerError};
use vimeo_ext::auth::BoxFuture;
use vimeo_ext::{Error, Vimeo};
use vimeo_sandbox::Sandbox;

use super::raw_client::Http;
use crate::tools::world::{World, client};

pub(super) struct FixedClients(pub(super) HashMap<String, Vimeo>);

impl ClientResolver for FixedClients {
    fn client<'a>(&'a self, account: &'a str) -> BoxFuture<'a, Result<Vimeo, Error>> {
        Box::pin(
            async move { self.0.get(account).cloned().ok_or(vimeo_ext::auth::AuthError::NoToken.into()) },
        )
    }
}

pub(super) fn loopback() -> HttpOptions {
    HttpOptions::new(([127, 0, 0, 1], 0).into())
}

/// A server of the accounts a to d, and their access tokens.
async fn server_of_four_accounts(keys: Vec<ApiKey>) -> (Sandbox, HttpServer, HashMap<String, String>) {
    let sandbox = Sandbox::start().await.unwrap();
    let (mut clients, mut tokens) = (HashMap::new(), HashMap::new());
    for name in ["a", "b", "c", "d"] {
        let user = sandbox.add_user(&format!("User {name}"));
        let vimeo = client(&sandbox, &user.token).for_account(name, user.token.as_str()).unwrap();
        clients.insert(name.to_owned(), vimeo);
        tokens.insert(name.to_owned(), user.token);
    }
    let keys: vimeo_agent::mcp::ApiKeys = keys.into_iter().collect();
    let running =
        Server::for_accounts(FixedClients(clients)).serve_http(loopback().api_keys(keys)).await.unwrap();
    (sandbox, running, tokens)
}

pub(super) fn http(server: &HttpServer, bearer: &str) -> Http {
    let mut http = Http::new(server.url(), None, true, json!({}));
    http.bearer = Some(bearer.to_owned());
    http
}

pub(super) async fn call(http: &mut Http, tool: &str, arguments: Value) -> Value {
    http.request("tools/call", json!({"name": tool, "arguments": arguments})).await
}

#[tokio::test]
async fn accounts_and_cursors_are_bound_to_the_api_key() {
    let keys = vec![
        ApiKey::new("first-bearer-of-32-characters-or-more", ["a", "b"]),
        ApiKey::new("second-bearer-of-32-characters-or-more", ["b"]),
    ];
    let (_sandbox, server, _) = server_of_four_accounts(keys).await;
    let (mut first, mut second) = (
        http(&server, "first-bearer-of-32-characters-or-more"),
        http(&server, "second-bearer-of-32-characters-or-more"),
    );
    let listed = first.request("tools/list", json!({})).await;
    let schema = &listed["result"]["tools"][0]["inputSchema"];
    assert_eq!(schema["properties"]["account"]["enum"], json!(["a", "b"]), "{listed}");
    assert!(schema["required"].as_array().unwrap().contains(&json!("account")));
    let only = second.request("tools/list", json!({})).await;
    assert_eq!(only["result"]["tools"][0]["inputSchema"]["properties"].get("account"), None);
    for arguments in [json!({}), json!({"account": "c"}), json!({"account": 5})] {
        let response = call(&mut first, "vimeo_me_get", arguments.clone()).await;
        assert_eq!(response["result"]["structuredContent"]["field"], "account", "{arguments}: {response}");
    }
    let foreign = call(&mut second, "vimeo_me_get", json!({"account": "a"})).await;
    assert_eq!(foreign["result"]["isError"], true, "{foreign}");
    let page = call(&mut first, "vimeo_categories_list", json!({"account": "b", "per_page": 1})).await;
    let cursor = page["result"]["structuredContent"]["next_cursor"].clone();
    assert!(cursor.is_string(), "{page}");
    let mine = call(&mut first, "vimeo_categories_list", json!({"account": "b", "cursor": cursor})).await;
    assert_eq!(mine["result"]["isError"], false, "{mine}");
    let others = call(&mut second, "vimeo_categories_list", json!({"cursor": cursor})).await;
    assert_eq!(others["result"]["structuredContent"]["field"], "cursor", "{others}");
}

#[tokio::test]
async fn a_key_without_private_sees_only_public_videos() {
    let keys = vec![
        ApiKey::new("public-bearer-of-32-characters-or-more", ["a"]).scopes("public"),
        ApiKey::new("private-bearer-of-32-characters-or-more", ["a"]).scopes("public private"),
    ];
    let (sandbox, server, tokens) = server_of_four_accounts(keys).await;
    let owner = client(&sandbox, &tokens["a"]);
    let mut ids = Vec::new();
    for (name, view) in [("For everybody", "anybody"), ("For nobody", "nobody")] {
        let body = json!({"name": name, "privacy": {"view": view}, "upload": {"approach": "tus", "size": 1}});
        let video = owner.post("/me/videos").json(&body).send().await.unwrap();
        ids.push(video["uri"].as_str().unwrap().rsplit('/').next().unwrap().to_owned());
    }
    let user = owner.get("/me").fields("uri").send().await.unwrap()["uri"].as_str().unwrap().to_owned();
    for (bearer, sees_all) in
        [("public-bearer-of-32-characters-or-more", false), ("private-bearer-of-32-characters-or-more", true)]
    {
        let mut http = http(&server, bearer);
        let listed = call(&mut http, "vimeo_user_videos_list", json!({"user_id": user})).await.to_string();
        assert!(listed.contains("For everybody"), "{listed}");
        assert_eq!(listed.contains("For nobody"), sees_all, "{bearer}: {listed}");
        for (id, is_public) in [(&ids[0], true), (&ids[1], false)] {
            for tool in ["vimeo_video_get", "vimeo_video_tags_list", "vimeo_video_comments_list"] {
                let response = call(&mut http, tool, json!({"video_id": id})).await;
                let done = response["result"]["isError"] == false;
                assert_eq!(done, is_public || sees_all, "{bearer}, {tool}: {response}");
                assert!(done || response.to_string().contains("requires the `private` scope"), "{response}");
                assert!(done || !response.to_string().contains("For nobody"), "{response}");
            }
            // A missing transcript is another error than a hidden video.
            for uri in [format!("vimeo://videos/{id}"), format!("vimeo://videos/{id}/transcript")] {
                let read = http.request("resources/read", json!({"uri": uri})).await.to_string();
                let refused = read.contains("requires the `private` scope");
                assert_eq!(refused, !is_public && !sees_all, "{bearer}, {uri}: {read}");
            }
        }
        let mine = call(&mut http, "vimeo_my_videos_list", json!({})).await.to_string();
        assert_eq!(mine.contains("For nobody"), sees_all, "{mine}");
    }
}

#[tokio::test]
async fn unauthenticated_requests_get_a_challenge() {
    let keys = vec![ApiKey::new("first-bearer-of-32-characters-or-more", ["a"]).scopes("public private")];
    let (_sandbox, server, tokens) = server_of_four_accounts(keys).await;
    let base = server.url().replace("/mcp", "");
    for bearer in [None, Some("wrong"), Some(tokens["a"].as_str())] {
        let mut http = http(&server, "");
        http.bearer = bearer.map(str::to_owned);
        let message = http.message("tools/list", json!({}));
        let response = http.post(&message, "tools/list").send().await.unwrap();
        assert_eq!(response.status(), 401, "{bearer:?}");
        let challenge = response.headers()["www-authenticate"].to_str().unwrap();
        let metadata =
            challenge.split("resource_metadata=\"").nth(1).unwrap().trim_end_matches('"').to_owned();
        let metadata: Value = serde_json::from_str(
            &crate::http::client().get(metadata).send().await.unwrap().text().await.unwrap(),
        )
        .unwrap();
        assert_eq!(metadata["resource"], server.url());
        assert_eq!(metadata["bearer_methods_supported"], json!(["header"]));
    }
    let mut known = http(&server, "first-bearer-of-32-characters-or-more");
    // Pages of other servers on this machine are refused too.
    for (header, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://localhost:1"),
        ("host", "evil.example"),
    ] {
        let message = known.message("tools/list", json!({}));
        let response = known.post(&message, "tools/list").header(header, value).send().await.unwrap();
        assert_eq!(response.status(), 403, "{header}: {value}");
    }
    let message =
        known.message("tools/call", json!({"name": "vimeo_video_edit", "arguments": {"video_id": "1"}}));
    let response = known.post(&message, "tools/call").send().await.unwrap();
    assert_eq!(response.status(), 403);
    let challenge = response.headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert!(challenge.contains("error=\"insufficient_scope\", scope=\"public private edit\""), "{challenge}");
    let listed = known.request("tools/list", json!({})).await.to_string();
    assert!(listed.contains("vimeo_me_get") && !listed.contains("vimeo_video_edit"));
    let large = json!({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"x": "x".repeat(1 << 20)}});
    assert_eq!(known.post(&large, "ping").send().await.unwrap().status(), 413);
    assert_eq!(
        crate::http::client().get(format!("{base}/health")).send().await.unwrap().text().await.unwrap(),
        r#"{"status":"ok"}"#
    );
    assert_eq!(crate::http::client().get(format!("{base}/other")).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn serving_without_api_keys_needs_loopback_and_opt_in() {
    let world = World::new().await;
    let server = Server::for_account(world.vimeo().clone());
    let everywhere = HttpOptions::new(([0, 0, 0, 0], 0).into());
    let refused = server.serve_http(everywhere.clone()).await.unwrap_err();
    assert!(matches!(refused, ServerError::AuthRequired(_)), "{refused}");
    let refused = server.serve_http(everywhere.clone().allow_unauthenticated_loopback()).await.unwrap_err();
    assert!(matches!(refused, ServerError::AuthRequired(_)), "{refused}");
    let refused = server.serve_http(loopback()).await.unwrap_err();
    assert!(matches!(refused, ServerError::NoApiKeys), "{refused}");
    let almost = "x".repeat(31);
    let refused = server.serve_http(loopback().api_keys([ApiKey::new(almost, ["x"])])).await.unwrap_err();
    assert!(matches!(refused, ServerError::ApiKeyTooShort), "{refused}");
    let open = server.serve_http(everywhere.api_keys([ApiKey::generate(["x"]).unwrap().0])).await.unwrap();
    open.stop().await;
    let several = Server::for_accounts(FixedClients(HashMap::new()));
    let open = loopback().allow_unauthenticated_loopback();
    assert!(matches!(several.serve_http(open).await.unwrap_err(), ServerError::AmbiguousAccount));
    assert!(matches!(several.serve_stdio().await.unwrap_err(), ServerError::AmbiguousAccount));
}

#[tokio::test]
async fn a_session_is_bound_to_its_api_key() {
    let keys = vec![
        ApiKey::new("first-bearer-of-32-characters-or-more", ["a"]),
        ApiKey::new("second-bearer-of-32-characters-or-more", ["b"]),
    ];
    let (_sandbox, server, _) = server_of_four_accounts(keys).await;
    let web = crate::http::client();
    let begin = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"},
    }});
    let post = |bearer: &str, session: Option<&str>, body: &Value| {
        let request = web
            .post(server.url())
            .bearer_auth(bearer)
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
            .body(body.to_string());
        match session {
            Some(session) => request.header("mcp-session-id", session),
            None => request,
        }
    };
    let response = post("first-bearer-of-32-characters-or-more", None, &begin).send().await.unwrap();
    let session = response.headers()["mcp-session-id"].to_str().unwrap().to_owned();
    let list = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}});
    assert_eq!(
        post("second-bearer-of-32-characters-or-more", Some(&session), &list).send().await.unwrap().status(),
        404
    );
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    post("first-bearer-of-32-characters-or-more", Some(&session), &ready).send().await.unwrap();
    assert_eq!(
        post("first-bearer-of-32-characters-or-more", Some(&session), &list).send().await.unwrap().status(),
        200
    );
}

#[tokio::test]
async fn allowed_origins_get_cors_headers() {
    let world = World::new().await;
    let server = Server::for_account(world.vimeo().clone());
    let wrong = server
        .serve_http(
            loopback().allow_unauthenticated_loopback().allowed_origins(["https://app.example.com/path"]),
        )
        .await
        .unwrap_err();
    assert!(matches!(wrong, ServerError::InvalidOrigin(_)), "{wrong}");
    let options = loopback().allow_unauthenticated_loopback().allowed_origins(["https://app.example.com"]);
    let running = server.serve_http(options).await.unwrap();
    let own = running.url().replace("/mcp", "");
    let web = crate::http::client();
    for (page, is_allowed) in
        [("https://app.example.com", true), (&*own, true), ("https://evil.example", false)]
    {
        let preflight = web.request(http::Method::OPTIONS, running.url()).header("origin", page);
        let preflight = preflight.header("access-control-request-method", "POST").send().await.unwrap();
        assert_eq!(preflight.status(), if is_allowed { 204 } else { 403 }, "{page}");
        let mut http = Http::new(running.url(), None, true, json!({}));
        let message = http.message("tools/list", json!({}));
        let response = http.post(&message, "tools/list").header("origin", page).send().await.unwrap();
        assert_eq!(response.status(), if is_allowed { 200 } else { 403 }, "{page}");
        for response in [preflight, response] {
            let shown = response.headers().get("access-control-allow-origin");
            assert_eq!(shown.map(|shown| shown.to_str().unwrap()), is_allowed.then_some(page));
        }
    }
}

#[tokio::test]
async fn generated_keys_are_accepted_and_unique() {
    let (key, token) = ApiKey::generate(["a"]).unwrap();
    let (_, other) = ApiKey::generate(["a"]).unwrap();
    let (_sandbox, server, _) = server_of_four_accounts(vec![key]).await;
    for (token, opens) in [(token, true), (other, false)] {
        assert!(token.expose_secret().len() >= ApiKey::MIN_LENGTH);
        let mut http = http(&server, token.expose_secret());
        let message = http.message("tools/list", json!({}));
        let response = http.post(&message, "tools/list").send().await.unwrap();
        assert_eq!(response.status(), if opens { 200 } else { 401 });
    }
}

/// A caller at its limit of requests in flight has to wait; other callers are served.
#[tokio::test]
async fn requests_in_flight_are_limited_per_caller() {
    let keys: Vec<ApiKey> = (0..100)
        .map(|number| ApiKey::new(format!("bearer-{number}-of-32-characters-or-more"), ["a"]))
        .collect();
    let (_sandbox, server, _) = server_of_four_accounts(keys).await;
    let web = crate::http::client();
    let post = |bearer: &str| {
        web.post(server.url())
            .bearer_auth(bearer)
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
    };
    let greedy = "bearer-0-of-32-characters-or-more";
    // Bodies that never end keep their requests in flight.
    let mut held = Vec::new();
    let mut retry_after = None;
    for _ in 0..20 {
        let never = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
        let request = post(greedy).body(reqwest::Body::wrap_stream(never)).send();
        held.push(tokio::spawn(request));
        let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
        let response = post(greedy).body(ping.to_string()).send().await.unwrap();
        if response.status() == 429 {
            retry_after = Some(response.headers()["retry-after"].clone());
            break;
        }
    }
    assert_eq!(retry_after.unwrap(), "1");
    let mut other = http(&server, "bearer-1-of-32-characters-or-more");
    let listed = other.request("tools/list", json!({})).await;
    assert!(listed["result"]["tools"].is_array(), "{listed}");
    held.iter().for_each(tokio::task::JoinHandle::abort);
}
