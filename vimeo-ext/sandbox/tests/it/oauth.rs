//! OAuth grants with a user: authorization code, device code, refresh token.

use std::collections::HashMap;
use std::time::Duration;

use chrono::DateTime;
use serde_json::json;
use vimeo_sandbox::{Clock, Sandbox, SandboxBuilder};

use crate::client::{Client, Response, read};

const REDIRECT: &str = "http://127.0.0.1:9/back?keep=1";
/// The example of RFC 7636.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

async fn started(builder: SandboxBuilder) -> (Sandbox, Client) {
    let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let sandbox = builder.clock(Clock::frozen(start)).start().await.unwrap();
    let client = Client::with_token(&sandbox, "");
    (sandbox, client)
}

fn authorization_parameters<'a>(id: &'a str, extra: &[(&'a str, &'a str)]) -> HashMap<&'a str, &'a str> {
    let usual = [
        ("response_type", "code"),
        ("client_id", id),
        ("redirect_uri", REDIRECT),
        ("scope", "private edit"),
        ("state", "s t"),
    ];
    usual.into_iter().chain(extra.iter().copied()).collect()
}

/// The query of the redirect after the user's decision.
async fn decide(client: &Client, form: &HashMap<&str, &str>, decision: &str) -> HashMap<String, String> {
    let mut form = form.clone();
    form.insert("decision", decision);
    let response = client.request("POST", "/oauth/authorize").form(&form).send().await.unwrap();
    assert_eq!(response.status(), 302);
    let location = response.headers()["location"].to_str().unwrap();
    assert!(location.starts_with(REDIRECT));
    url::Url::parse(location).unwrap().query_pairs().into_owned().collect()
}

async fn post(sandbox: &Sandbox, client: &Client, path: &str, form: &[(&str, &str)]) -> Response {
    let request = client.request("POST", path).basic_auth(sandbox.client_id(), Some(sandbox.client_secret()));
    read(request.form(form)).await
}

#[tokio::test]
async fn authorization_code_grant_with_pkce() {
    let (sandbox, client) = started(Sandbox::builder()).await;
    let id = sandbox.client_id();
    let form =
        authorization_parameters(&id, &[("code_challenge", CHALLENGE), ("code_challenge_method", "S256")]);
    let page = client.request("GET", "/oauth/authorize").query(&form).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(page.contains("<li>edit</li>") && page.contains("value=\"accept\""));

    let back = decide(&client, &form, "accept").await;
    assert_eq!((back["state"].as_str(), back["keep"].as_str()), ("s t", "1"));
    let exchange = |code: String, verifier: &'static str, redirect: &'static str| {
        let form = [
            ("grant_type", "authorization_code".to_owned()),
            ("code", code),
            ("redirect_uri", redirect.to_owned()),
            ("code_verifier", verifier.to_owned()),
        ];
        let request = client.request("POST", "/oauth/access_token");
        read(request.basic_auth(sandbox.client_id(), Some(sandbox.client_secret())).form(&form))
    };
    let token = exchange(back["code"].clone(), VERIFIER, REDIRECT).await;
    assert_eq!(token.status, 200, "{token:?}");
    assert_eq!(token.body["scope"], "public private edit");
    assert_eq!(token.body["user"]["name"], "Sandbox User");
    assert!(token.body.get("refresh_token").is_none());
    let user = Client::with_token(&sandbox, token.body["access_token"].as_str().unwrap());
    assert_eq!(user.get("/me").await.status, 200);

    // A code works once, with its verifier and redirect URI.
    for (code, verifier, redirect) in [
        (Some(back["code"].clone()), VERIFIER, REDIRECT),
        (None, "another", REDIRECT),
        (None, VERIFIER, "http://127.0.0.1:9/other"),
    ] {
        let code = match code {
            Some(code) => code,
            None => decide(&client, &form, "accept").await["code"].clone(),
        };
        let answer = exchange(code, verifier, redirect).await;
        assert_eq!((answer.status, &answer.body["error"]), (400, &json!("invalid_grant")));
        assert!(answer.body["error_description"].is_string());
        assert_eq!(answer.body.as_object().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn rejects_denied_and_invalid_authorizations() {
    let (sandbox, client) = started(Sandbox::builder().redirect_uri(REDIRECT)).await;
    let id = sandbox.client_id();
    let back = decide(&client, &authorization_parameters(&id, &[]), "reject").await;
    assert_eq!((back["error"].as_str(), back["state"].as_str()), ("access_denied", "s t"));
    for (extra, error) in [
        (("scope", "everything"), "invalid_scope"),
        (("response_type", "token"), "unsupported_response_type"),
    ] {
        assert_eq!(decide(&client, &authorization_parameters(&id, &[extra]), "accept").await["error"], error);
    }
    // An untrusted redirect URI is not redirected to.
    for extra in [
        ("redirect_uri", "http://elsewhere.example/"),
        ("redirect_uri", "no address"),
        ("client_id", "nobody"),
    ] {
        let page = client
            .request("GET", "/oauth/authorize")
            .query(&authorization_parameters(&id, &[extra]))
            .send()
            .await
            .unwrap();
        assert_eq!((page.status().as_u16(), page.headers().get("location")), (400, None), "{extra:?}");
    }
    let unknown =
        read(client.request("POST", "/oauth/access_token").form(&[("grant_type", "authorization_code")]))
            .await;
    assert_eq!(unknown.status, 401);
    let missing =
        post(&sandbox, &client, "/oauth/access_token", &[("grant_type", "authorization_code")]).await;
    assert_eq!((missing.status, &missing.body["error"]), (400, &json!("invalid_request")));
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    let refresh = post(&sandbox, &client, "/oauth/access_token", &refresh).await;
    assert_eq!(refresh.body["error"], "unsupported_grant_type");
}

#[tokio::test]
async fn device_code_grant() {
    let (sandbox, client) = started(Sandbox::builder().device_pending_status(403)).await;
    let begin = [("grant_type", "device_grant"), ("scope", "private")];
    let begun = post(&sandbox, &client, "/oauth/device", &begin).await.body;
    assert_eq!(begun["interval"], 5);
    let (device, user) = (begun["device_code"].as_str().unwrap(), begun["user_code"].as_str().unwrap());
    let form = [("grant_type", "device_grant"), ("device_code", device), ("user_code", user)];
    let poll = || post(&sandbox, &client, "/oauth/device/authorize", &form);
    let pending = poll().await;
    assert_eq!((pending.status, &pending.body["error"]), (403, &json!("authorization_pending")));

    let link = begun["activate_link"].as_str().unwrap();
    let page = client.bare("GET", link).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("private"));
    assert!(sandbox.world().decide_device(user, true));
    let token = poll().await;
    assert_eq!((token.status, &token.body["scope"]), (200, &json!("public private")));
    assert_eq!(poll().await.body["error"], "invalid_grant");

    let begun = post(&sandbox, &client, "/oauth/device", &begin).await.body;
    let (device, user) = (begun["device_code"].as_str().unwrap(), begun["user_code"].as_str().unwrap());
    let reject = [("user_code", user), ("decision", "reject")];
    client.request("POST", "/oauth/device/activate").form(&reject).send().await.unwrap();
    let form = [("device_code", device), ("user_code", user)];
    assert_eq!(
        post(&sandbox, &client, "/oauth/device/authorize", &form).await.body["error"],
        "access_denied"
    );
}

#[tokio::test]
async fn refresh_token_works_once() {
    let (sandbox, client) = started(Sandbox::builder().token_lifetime(Duration::from_secs(3600))).await;
    let id = sandbox.client_id();
    let code = decide(&client, &authorization_parameters(&id, &[]), "accept").await["code"].clone();
    let form = [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", REDIRECT)];
    let token = post(&sandbox, &client, "/oauth/access_token", &form).await.body;
    assert_eq!(token["expires_on"], "2023-11-14T23:13:20+00:00");
    let user = Client::with_token(&sandbox, token["access_token"].as_str().unwrap());
    assert_eq!(user.get("/me").await.status, 200);
    sandbox.clock().advance(Duration::from_secs(3600));
    assert_eq!(user.get("/me").await.status, 401);

    let refresh =
        [("grant_type", "refresh_token"), ("refresh_token", token["refresh_token"].as_str().unwrap())];
    let fresh = post(&sandbox, &client, "/oauth/access_token", &refresh).await.body;
    let user = Client::with_token(&sandbox, fresh["access_token"].as_str().unwrap());
    assert_eq!(user.get("/me").await.status, 200);
    assert_eq!(post(&sandbox, &client, "/oauth/access_token", &refresh).await.body["error"], "invalid_grant");
}
