//! Many accounts behind one HTTP server: the accounts store has the accounts, the API keys identify the callers.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use vimeo_agent::mcp::{ApiKey, ApiKeys, HttpServer, Server};
use vimeo_agent::tools::{Disclosure, ToolSelection, Toolset};
use vimeo_ext::accounts::Accounts;
use vimeo_ext::upload::Journal;
use vimeo_sandbox::{RateLimit, Sandbox};

use super::http::{call, http, loopback};
use super::setup::{app, id, memory, ring};

const ACCOUNTS: [&str; 4] = ["a", "b", "c", "d"];

/// A server of the accounts a to d. The first API key may use a and b, the second one b to d.
struct Service {
    sandbox: Sandbox,
    accounts: Accounts,
    server: HttpServer,
    tokens: BTreeMap<&'static str, String>,
    folder: tempfile::TempDir,
}

impl Service {
    async fn start() -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let app = app(&sandbox).journal(Journal::in_folder(folder.path().join("journal"))).build().unwrap();
        let accounts = Accounts::builder(app, memory(), ring()).build().await.unwrap();
        let mut tokens = BTreeMap::new();
        for name in ACCOUNTS {
            let token = sandbox.add_user(&format!("User {name}")).token;
            accounts.connect_with_token(&id(name), token.as_str()).await.unwrap();
            tokens.insert(name, token);
        }
        let keys = ApiKeys::from([
            ApiKey::new("first-bearer-of-32-characters-or-more", ["a", "b"]),
            ApiKey::new("second-bearer-of-32-characters-or-more", ["b", "c", "d"]),
            ApiKey::new("the-bearer-of-b-alone-of-32-characters-or-more", ["b"]),
        ]);
        let toolsets = vec![Toolset::Read, Toolset::Social, Toolset::Uploads];
        let server = Server::for_accounts(accounts.clone())
            .selection(ToolSelection { toolsets, ..ToolSelection::default() })
            .upload_folders([folder.path()])
            .allow([Disclosure::Publish])
            .serve_http(loopback().api_keys(keys))
            .await
            .unwrap();
        sandbox.clear_request_log();
        Self { sandbox, accounts, server, tokens, folder }
    }
}

#[tokio::test]
async fn accounts_are_isolated_even_at_their_rate_limit() {
    let service = Service::start().await;
    // One call per window, which does not end while the test runs.
    let limit = RateLimit::new(1, 1).window(Duration::from_secs(3_600));
    service.sandbox.world().set_rate_limit(&service.tokens["a"], limit);
    let calls = [
        ("first-bearer-of-32-characters-or-more", "a"),
        ("first-bearer-of-32-characters-or-more", "b"),
        ("second-bearer-of-32-characters-or-more", "c"),
        ("second-bearer-of-32-characters-or-more", "d"),
    ];
    let tasks = calls.map(|(bearer, account)| {
        let mut http = http(&service.server, bearer);
        tokio::spawn(async move {
            let mut limited = 0;
            for _ in 0..200 {
                let response = call(&mut http, "vimeo_me_get", json!({"account": account})).await;
                let result = &response["result"];
                if result["isError"] == true {
                    assert_eq!(
                        result["structuredContent"]["category"], "rate_limit",
                        "{account}: {response}"
                    );
                    limited += 1;
                } else {
                    let name = result["structuredContent"]["name"].as_str().unwrap();
                    assert!(name.contains(&format!("User {account}")), "{account}: {response}");
                }
            }
            (account, limited)
        })
    });
    for task in tasks {
        let (account, limited) = task.await.unwrap();
        println!("account {account}: {limited} of 200 calls limited");
        assert!(if account == "a" { limited >= 198 } else { limited == 0 }, "{account}: {limited}");
    }
    // Each account's requests had its own access token, and the limited account sent no more.
    let mut requests: BTreeMap<String, usize> = BTreeMap::new();
    for entry in service.sandbox.request_log().iter().filter(|entry| entry.path == "/me") {
        *requests.entry(entry.token_fingerprint.clone().unwrap()).or_default() += 1;
    }
    let mut requests: Vec<usize> = requests.into_values().collect();
    requests.sort_unstable();
    assert!(requests.len() == 4 && requests[0] <= 2 && requests[1..] == [200; 3], "{requests:?}");
}

#[tokio::test]
async fn an_unusable_account_does_not_affect_others() {
    let service = Service::start().await;
    service.accounts.disable(&id("c"), "by its owner").await.unwrap();
    service.sandbox.world().revoke_token(&service.tokens["d"]);
    let mut second = http(&service.server, "second-bearer-of-32-characters-or-more");
    for (account, category) in [("b", None), ("c", Some("auth")), ("d", Some("auth"))] {
        let response = call(&mut second, "vimeo_me_get", json!({"account": account})).await;
        let result = &response["result"];
        assert_eq!(result["structuredContent"]["category"].as_str(), category, "{account}: {response}");
    }
    // The usable account still has tools.
    let listed = second.request("tools/list", json!({})).await;
    assert!(listed["result"]["tools"].to_string().contains("vimeo_me_get"), "{listed}");
    assert_eq!(listed["result"]["cacheScope"], "private");
}

#[tokio::test]
async fn cursors_and_upload_ids_are_bound_to_the_caller() {
    let service = Service::start().await;
    let film = service.folder.path().join("film.mp4");
    std::fs::write(&film, vec![7; 100_000]).unwrap();
    let (mut first, mut other) = (
        http(&service.server, "first-bearer-of-32-characters-or-more"),
        http(&service.server, "the-bearer-of-b-alone-of-32-characters-or-more"),
    );

    let uploaded = call(&mut first, "vimeo_video_upload", json!({"account": "b", "path": film})).await;
    let state = &uploaded["result"]["structuredContent"];
    assert_eq!(state["state"], "done", "{uploaded}");
    let ask = |account: Option<&str>| {
        let mut arguments = json!({"upload_id": state["upload_id"]});
        if let Some(account) = account {
            arguments["account"] = json!(account);
        }
        arguments
    };
    let mine = call(&mut first, "vimeo_upload_get", ask(Some("b"))).await;
    assert_eq!(mine["result"]["structuredContent"]["state"], "done", "{mine}");
    let page = call(&mut first, "vimeo_categories_list", json!({"account": "b", "per_page": 1})).await;
    let cursor = page["result"]["structuredContent"]["next_cursor"].clone();

    service.sandbox.clear_request_log();
    let refusals: [(Value, &str); 4] = [
        (call(&mut other, "vimeo_upload_get", ask(None)).await, "upload_id"),
        (call(&mut first, "vimeo_upload_get", ask(Some("a"))).await, "upload_id"),
        (call(&mut other, "vimeo_categories_list", json!({"cursor": cursor})).await, "cursor"),
        (
            call(&mut first, "vimeo_categories_list", json!({"account": "a", "cursor": cursor})).await,
            "cursor",
        ),
    ];
    for (response, field) in refusals {
        assert_eq!(response["result"]["structuredContent"]["field"], field, "{response}");
    }
    assert!(service.sandbox.request_log().is_empty(), "no request was sent");
}
