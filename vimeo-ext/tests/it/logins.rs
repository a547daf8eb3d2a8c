//! Access tokens: refresh, rejection, OAuth flows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use secrecy::ExposeSecret;
use serde_json::json;
use vimeo_api::Error;
use vimeo_ext::auth::{AuthError, BoxFuture, DevicePoll, PendingErrors, RefreshError, Refresher};
use vimeo_ext::{AccessToken, Scope, Vimeo};

use crate::fake::{Fake, FakeResponse, RecordedRequest, respond, start};

/// Returns `new1`, `new2` and so on, each after 50 ms, or an error.
#[derive(Clone, Default)]
struct CountingRefresher {
    count: Arc<AtomicUsize>,
    error: Option<fn() -> RefreshError>,
    lifetime: Option<Duration>,
}

impl Refresher for CountingRefresher {
    fn refresh<'a>(&'a self, _: Option<&'a AccessToken>) -> BoxFuture<'a, Result<AccessToken, RefreshError>> {
        Box::pin(async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let number = self.count.fetch_add(1, Ordering::SeqCst) + 1;
            match self.error {
                Some(error) => Err(error()),
                None => {
                    let expires = self.lifetime.map(|lifetime| start() + lifetime * number as u32);
                    Ok(AccessToken::from(format!("new{number}")).with_expiry(expires))
                }
            }
        })
    }
}

/// Accepts tokens that start with `new`, and rejects all others.
fn accept_new_tokens(seen: &RecordedRequest) -> FakeResponse {
    match seen.token() {
        Some(token) if token.starts_with("new") => respond(200).json(json!({"echo": seen.body.len()})),
        _ => respond(401).json(json!({"error": "No.", "error_code": 8003})),
    }
}

/// BEHAVIOUR.md: A04.
#[tokio::test(start_paused = true)]
async fn concurrent_rejected_calls_share_one_refresh() {
    let fake = Fake::new(|seen, _| accept_new_tokens(seen).after(Duration::from_millis(5)));
    let refresher = CountingRefresher::default();
    let vimeo = fake.builder().refresher(refresher.clone()).build().unwrap();
    let calls = (0..50).map(|_| vimeo.post("/me/albums").json(&json!({"name": "a"})).send());
    for result in join_all(calls).await {
        assert_eq!(result.unwrap()["echo"], 12);
    }
    assert_eq!(refresher.count.load(Ordering::SeqCst), 1);
    // Calls that were not sent yet use the new token at once.
    assert!(fake.count() <= 100);
}

#[tokio::test(start_paused = true)]
async fn concurrent_manual_refreshes_share_one_renewal() {
    let fake = Fake::new(|seen, _| accept_new_tokens(seen));
    let refresher = CountingRefresher::default();
    let vimeo = fake.builder().refresher(refresher.clone()).build().unwrap();
    for result in join_all((0..5).map(|_| async { vimeo.auth().refresh().await })).await {
        result.unwrap();
    }
    assert_eq!(refresher.count.load(Ordering::SeqCst), 1);
    vimeo.get("/me").send().await.unwrap();
    assert_eq!(fake.log()[0].token(), Some("new1"));
    vimeo.auth().refresh().await.unwrap();
    vimeo.clone().get("/me").send().await.unwrap();
    assert_eq!(fake.log()[1].token(), Some("new2"));

    let without = fake.builder().build().unwrap();
    assert!(matches!(without.auth().refresh().await, Err(AuthError::NoRefresher)));
    assert!(matches!(without.get("/me").send().await, Err(Error::LoginRequired(_))));
}

#[tokio::test(start_paused = true)]
async fn async_closure_is_a_refresher() {
    let fake = Fake::new(|seen, _| accept_new_tokens(seen));
    let vimeo = fake
        .builder()
        .access_token("old")
        .refresher(|old: Option<AccessToken>| async move {
            let old = old.ok_or_else(|| RefreshError::login_required("there is no old token"))?;
            Ok(AccessToken::from(format!("new after {}", old.expose())))
        })
        .build()
        .unwrap();
    vimeo.get("/me").send().await.unwrap();
    assert_eq!(fake.log().pop().unwrap().token(), Some("new after old"));
}

/// BEHAVIOUR.md: A04.
#[tokio::test(start_paused = true)]
async fn failed_refresh_is_shared_and_final_failure_cached() {
    let fake = Fake::new(|seen, _| accept_new_tokens(seen).after(Duration::from_millis(5)));
    let refresher = CountingRefresher {
        error: Some(|| RefreshError::login_required("the grant was withdrawn")),
        ..CountingRefresher::default()
    };
    let vimeo = fake.builder().account("user 7").refresher(refresher.clone()).build().unwrap();
    for result in join_all((0..10).map(|_| vimeo.get("/me").send())).await {
        let error = result.unwrap_err();
        let Error::LoginRequired(login) = &error else { panic!("{error:?}") };
        assert_eq!(login.account.as_deref(), Some("user 7"));
        assert!(
            error.to_string().contains("the grant was withdrawn; account user 7 has to log in again"),
            "{error}"
        );
    }
    assert_eq!(refresher.count.load(Ordering::SeqCst), 1);
    let sent = fake.count();
    assert!(matches!(vimeo.get("/me").send().await, Err(Error::LoginRequired(_))));
    assert_eq!(fake.count(), sent, "no further call is sent");
    vimeo.set_access_token("new9").unwrap();
    vimeo.get("/me").send().await.unwrap();

    let flaky = CountingRefresher {
        error: Some(|| RefreshError::temporary("vault down")),
        ..CountingRefresher::default()
    };
    let vimeo = fake.builder().refresher(flaky.clone()).build().unwrap();
    let error = vimeo.get("/me").send().await.unwrap_err();
    assert!(matches!(&error, Error::Middleware(_)) && error.to_string().contains("vault down"), "{error:?}");
    vimeo.get("/me").send().await.unwrap_err();
    assert_eq!(flaky.count.load(Ordering::SeqCst), 2, "the next call retries a temporary failure");
}

/// BEHAVIOUR.md: A04.
#[tokio::test(start_paused = true)]
async fn rejected_token_without_refresher_is_verified_then_invalidated() {
    let fake = Fake::new(|_, _| respond(401).json(json!({"error": "No.", "error_code": 8003})));
    let vimeo = fake.builder().account("user 7").build().unwrap();
    let error = vimeo.get("/me").send().await.unwrap_err();
    let Error::LoginRequired(login) = &error else { panic!("{error:?}") };
    assert_eq!(login.account.as_deref(), Some("user 7"));
    assert_eq!((error.status().unwrap().as_u16(), error.error_code()), (401, Some(8003)));
    let paths: Vec<_> = fake.log().into_iter().map(|seen| seen.path).collect();
    assert_eq!(paths, ["/me", "/oauth/verify"]);
    assert!(vimeo.get("/me").send().await.unwrap_err().is_unauthorized());
    assert_eq!(fake.count(), 2, "a rejected token is not sent again");

    // If Vimeo still accepts the token, the 401 is about the call and is returned.
    let fake =
        Fake::new(|seen, _| respond(if seen.path == "/oauth/verify" { 200 } else { 401 }).json(json!({})));
    let vimeo = fake.vimeo();
    assert!(matches!(vimeo.get("/me").send().await, Err(Error::Api(_))));
    assert!(matches!(vimeo.get("/me").send().await, Err(Error::Api(_))));
}

/// BEHAVIOUR.md: A04.
#[tokio::test(start_paused = true)]
async fn rejected_new_token_does_not_loop() {
    let fake = Fake::new(|_, _| respond(401));
    let refresher = CountingRefresher::default();
    let vimeo = fake.builder().refresher(refresher.clone()).build().unwrap();
    assert!(matches!(vimeo.get("/me").send().await, Err(Error::LoginRequired(_))));
    assert_eq!((fake.count(), refresher.count.load(Ordering::SeqCst)), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn renews_before_expiry_and_keeps_old_token_on_failure() {
    let fake = Fake::new(|seen, _| respond(200).json(json!({"token": seen.token()})));
    let old = || AccessToken::from("old").with_expiry(start() + Duration::from_secs(3_600));
    let refresher =
        CountingRefresher { lifetime: Some(Duration::from_secs(7_200)), ..CountingRefresher::default() };
    let vimeo = fake.builder().access_token(old()).refresher(refresher).build().unwrap();
    let flaky = CountingRefresher {
        error: Some(|| RefreshError::temporary("vault down")),
        ..CountingRefresher::default()
    };
    let without = fake.builder().access_token(old()).refresher(flaky).build().unwrap();
    assert_eq!(vimeo.get("/me").send().await.unwrap()["token"], "old");
    tokio::time::advance(Duration::from_secs(3_600 - 59)).await;
    assert_eq!(vimeo.get("/me").send().await.unwrap()["token"], "new1");
    assert_eq!(vimeo.get("/me").send().await.unwrap()["token"], "new1");
    assert_eq!(without.get("/me").send().await.unwrap()["token"], "old");
    tokio::time::advance(Duration::from_secs(120)).await;
    without.get("/me").send().await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn refresh_continues_after_the_call_is_dropped() {
    let fake = Fake::new(|seen, _| accept_new_tokens(seen));
    let refresher = CountingRefresher::default();
    let vimeo = fake.builder().refresher(refresher.clone()).build().unwrap();
    let call = tokio::time::timeout(Duration::from_millis(10), vimeo.get("/me").send()).await;
    assert!(call.is_err(), "dropped while the refresher runs");
    vimeo.get("/me").send().await.unwrap();
    assert_eq!(refresher.count.load(Ordering::SeqCst), 1);
}

fn grant_app_token(seen: &RecordedRequest) -> FakeResponse {
    let form = String::from_utf8_lossy(&seen.body).into_owned();
    match seen.path.as_str() {
        "/oauth/authorize/client" => {
            // base64 of app:s3cret
            assert_eq!(seen.header("authorization"), Some("Basic YXBwOnMzY3JldA=="));
            assert!(form.contains("grant_type=client_credentials"), "{form}");
            respond(200).json(json!({"access_token": "apptoken", "token_type": "bearer", "scope": "public"}))
        }
        _ => respond(200).json(json!({"token": seen.token()})),
    }
}

/// BEHAVIOUR.md: A05.
#[tokio::test(start_paused = true)]
async fn concurrent_first_calls_request_one_app_token() {
    let fake = Fake::new(|seen, _| grant_app_token(seen).after(Duration::from_millis(20)));
    let vimeo = Vimeo::builder().app("app", "s3cret").transport(fake.clone()).build().unwrap();
    let calls = (0..100).map(|_| vimeo.get("/channels").send());
    for result in join_all(calls).await {
        assert_eq!(result.unwrap()["token"], "apptoken");
    }
    let grants_requested = || fake.log().iter().filter(|seen| seen.path == "/oauth/authorize/client").count();
    assert_eq!(grants_requested(), 1);
    let token = vimeo.auth().client_credentials("public").await.unwrap();
    assert_eq!(token.secret().expose_secret(), "apptoken");
    assert_eq!(grants_requested(), 1, "one token per set of scopes");
    let more = (0..20).map(|_| vimeo.auth().client_credentials([Scope::Private]));
    for token in join_all(more).await {
        token.unwrap();
    }
    assert_eq!(grants_requested(), 2, "other scopes need another token");
    assert_eq!(vimeo.scopes().unwrap().to_string(), "public");
}

#[tokio::test(start_paused = true)]
async fn client_credentials_never_return_a_users_token() {
    let fake = Fake::new(|seen, _| grant_app_token(seen));
    let vimeo = Vimeo::builder().app("app", "s3cret").transport(fake.clone()).build().unwrap();
    vimeo.get("/channels").send().await.unwrap();
    vimeo.set_access_token("user").unwrap();
    for _ in 0..2 {
        assert_eq!(vimeo.auth().client_credentials("public").await.unwrap().expose(), "apptoken");
    }
    assert_eq!(vimeo.get("/me").send().await.unwrap()["token"], "user");
    assert_eq!(fake.log().iter().filter(|seen| seen.path == "/oauth/authorize/client").count(), 2);
}

/// BEHAVIOUR.md: A05.
#[tokio::test(start_paused = true)]
async fn an_app_token_request_never_returns_a_users_token() {
    let fake = Fake::new(|seen, _| grant_app_token(seen).after(Duration::from_millis(20)));
    let vimeo = Vimeo::builder().app("app", "s3cret").transport(fake.clone()).build().unwrap();
    let ask = || {
        let auth = vimeo.auth().clone();
        tokio::spawn(async move { auth.client_credentials("public").await })
    };
    let tasks = [ask(), ask()];
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(fake.count(), 1, "both tasks wait for one request");
    vimeo.set_access_token("user").unwrap();
    for token in join_all(tasks).await {
        assert_eq!(token.unwrap().unwrap().expose(), "apptoken");
    }
    assert_eq!(fake.count(), 2, "both tasks share the second request as well");
    assert_eq!(vimeo.get("/me").send().await.unwrap()["token"], "user");
}

/// BEHAVIOUR.md: A05.
#[tokio::test(start_paused = true)]
async fn app_token_never_replaces_a_users_token() {
    for path in ["/me", "/categories"] {
        let fake = Fake::new(|seen, _| match (seen.path.as_str(), seen.token()) {
            ("/oauth/authorize/client", _) => grant_app_token(seen),
            (_, Some("apptoken" | "valid")) => respond(200).json(json!({"token": seen.token()})),
            _ => respond(401).json(json!({"error": "x", "error_code": 8003})),
        });
        let vimeo = Vimeo::builder().app("app", "s3cret").transport(fake.clone()).build().unwrap();
        assert_eq!(vimeo.get("/categories").send().await.unwrap()["token"], "apptoken");
        vimeo.set_access_token("revoked").unwrap();
        for _ in 0..2 {
            let error = vimeo.get(path).send().await.unwrap_err();
            assert!(matches!(&error, Error::LoginRequired(login) if !login.no_user), "{path}: {error:?}");
        }
        let error = vimeo.auth().refresh().await.unwrap_err();
        assert!(matches!(error, AuthError::NoRefresher), "{error:?}");
        // Vimeo decides whether a token is valid, whatever the program says about its expiry.
        let expired = AccessToken::from("valid").with_expiry(chrono::DateTime::<chrono::Utc>::MIN_UTC);
        vimeo.set_access_token(expired).unwrap();
        assert_eq!(vimeo.get(path).send().await.unwrap()["token"], "valid", "{path}");
        let grants = fake.log().iter().filter(|seen| seen.path == "/oauth/authorize/client").count();
        assert_eq!(grants, 1, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_user_token_is_not_reported_as_app_only() {
    let fake = Fake::new(|seen, number| match seen.token() {
        Some("user") => respond(200).json(json!({})),
        _ => reject_app_only_tokens(seen, number).after(Duration::from_millis(20)),
    });
    let vimeo = fake.vimeo();
    let call = tokio::spawn(vimeo.get("/me").send());
    tokio::time::sleep(Duration::from_millis(10)).await;
    vimeo.set_access_token("user").unwrap();
    let error = call.await.unwrap().unwrap_err();
    assert!(matches!(&error, Error::LoginRequired(login) if login.no_user), "{error:?}");
    vimeo.get("/me").send().await.unwrap();
}

/// BEHAVIOUR.md: E01, E07.
#[tokio::test(start_paused = true)]
async fn decodes_oauth_errors() {
    for (status, body, expected) in [
        (
            400,
            json!({"error": "invalid_grant", "error_description": "The redirect URI differs."}),
            "The redirect URI differs.",
        ),
        (401, json!({"error": "The client is not known.", "error_code": 8001}), "error 8001"),
    ] {
        let fake = Fake::new(move |_, _| respond(status).json(body.clone()));
        let vimeo = Vimeo::builder().app("app", "s3cret").transport(fake.clone()).build().unwrap();
        let login = vimeo.auth().authorization("https://example.com/back").unwrap().begin().unwrap();
        let error =
            vimeo.auth().exchange_code(&login, &format!("code=c&state={}", login.state())).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.call().unwrap().status().unwrap().as_u16(), status);
        assert_eq!(fake.count(), 1);
        let form = String::from_utf8_lossy(&fake.log()[0].body).into_owned();
        assert!(
            form.contains("redirect_uri=https%3A%2F%2Fexample.com%2Fback") && form.contains("code_verifier="),
            "{form}"
        );

        let error = vimeo.auth().client_credentials("public").await.unwrap_err();
        assert_eq!(error.call().unwrap().status().unwrap().as_u16(), status, "{error:?}");

        let error = vimeo.auth().exchange_code(&login, "code=c&state=forged").await.unwrap_err();
        assert!(matches!(error, AuthError::StateMismatch));
        assert_eq!(fake.count(), 2, "a forged callback sends nothing");
    }
    let without_app = Vimeo::builder().build().unwrap();
    assert!(matches!(without_app.auth().authorization("https://e.example"), Err(AuthError::NoApp)));
}

#[tokio::test(start_paused = true)]
async fn device_login_polls_until_granted_or_expired() {
    let code = json!({
        "device_code": "dev1ce", "user_code": "ABC-123", "activate_link": "https://vimeo.com/activate",
        "expires_in": 60, "interval": 5,
    });
    let fake = Fake::new(move |seen, number| match (seen.path.as_str(), number) {
        ("/oauth/device", _) => respond(200).json(code.clone()),
        (_, 0..4) => respond(400).json(json!({"error": "authorization pending", "error_code": 77})),
        _ => respond(200).json(json!({"access_token": "t", "scope": "public private"})),
    });
    let vimeo = Vimeo::builder().app("app", "s3cret").transport(fake.clone()).build().unwrap();
    let login = vimeo.auth().device("private").await.unwrap();
    assert_eq!((login.user_code(), login.activate_link()), ("ABC-123", Some("https://vimeo.com/activate")));
    assert!(!format!("{login:?}").contains("dev1ce"));
    // Vimeo does not document the pending error, so by default no error means "pending".
    assert!(login.poll(&PendingErrors::None).await.is_err());
    assert!(matches!(login.poll(&PendingErrors::Codes(vec![77])).await.unwrap(), DevicePoll::Pending));
    let started_at = tokio::time::Instant::now();
    let grant = login.wait(&PendingErrors::AnyClientError).await.unwrap();
    assert_eq!(grant.scopes().unwrap().to_string(), "public private");
    assert_eq!(started_at.elapsed(), Duration::from_secs(10));

    let never = Fake::new(move |seen, _| match seen.path.as_str() {
        "/oauth/device" => respond(200).json(json!({"device_code": "d", "user_code": "u", "expires_in": 30})),
        _ => respond(400).json(json!({})),
    });
    let vimeo = Vimeo::builder().app("app", "s3cret").transport(never).build().unwrap();
    let login = vimeo.auth().device("private").await.unwrap();
    let error = login.wait(&PendingErrors::AnyClientError).await.unwrap_err();
    assert!(matches!(error, AuthError::DeviceExpired { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn device_poll_interval_is_capped_at_expiry() {
    let code = json!({"device_code": "d", "user_code": "u", "expires_in": 30, "interval": u64::MAX});
    let fake = Fake::new(move |_, _| respond(200).json(code.clone()));
    let vimeo = Vimeo::builder().app("app", "s3cret").transport(fake).build().unwrap();
    let login = vimeo.auth().device("private").await.unwrap();
    let started_at = tokio::time::Instant::now();
    let error = login.wait(&PendingErrors::AnyClientError).await.unwrap_err();
    assert!(matches!(error, AuthError::DeviceExpired { .. }), "{error}");
    assert_eq!(started_at.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn renews_token_with_minimum_expiry() {
    let fake = Fake::new(|seen, _| accept_new_tokens(seen));
    let old = AccessToken::from("old").with_expiry(chrono::DateTime::<chrono::Utc>::MIN_UTC);
    let vimeo = fake.builder().access_token(old).refresher(CountingRefresher::default()).build().unwrap();
    vimeo.get("/me").send().await.unwrap();
    assert_eq!(fake.count(), 1, "sent with the new token at once");
}

#[tokio::test]
async fn verify_sets_scopes_and_revoke_stops_calls() {
    let fake = Fake::new(|seen, _| match seen.path.as_str() {
        "/oauth/verify" => respond(200)
            .json(json!({"scope": "public private", "user": {"uri": "/users/7"}, "app": {"name": "A"}})),
        _ => respond(204),
    });
    let vimeo = fake.vimeo();
    assert_eq!(vimeo.scopes(), None);
    let grant = vimeo.auth().verify().await.unwrap();
    assert_eq!(grant.user.unwrap().uri.as_deref(), Some("/users/7"));
    assert_eq!(grant.app.unwrap().name.as_deref(), Some("A"));
    assert_eq!(vimeo.scopes().unwrap().to_string(), "public private");
    assert!(matches!(vimeo.api().videos().delete_video(1).send().await, Err(Error::MissingScope(_))));
    vimeo.auth().revoke().await.unwrap();
    let last = fake.log().pop().unwrap();
    assert_eq!(
        (last.method.as_str(), last.path.as_str(), last.token()),
        ("DELETE", "/tokens", Some("t0ken"))
    );
    assert!(matches!(vimeo.get("/me").send().await, Err(Error::LoginRequired(_))));
}

#[tokio::test(start_paused = true)]
async fn explicit_token_overrides_refresh_in_progress() {
    let fake = Fake::new(|seen, _| accept_new_tokens(seen));
    let vimeo = fake.builder().refresher(CountingRefresher::default()).build().unwrap();
    let call = tokio::spawn(vimeo.get("/me").send());
    tokio::time::sleep(Duration::from_millis(10)).await;
    vimeo.set_access_token("new explicit").unwrap();
    call.await.unwrap().unwrap();
    assert_eq!(fake.log().pop().unwrap().token(), Some("new explicit"));
}

/// Grants a new app-only token each time, and rejects such tokens for `/me`.
fn reject_app_only_tokens(seen: &RecordedRequest, number: usize) -> FakeResponse {
    match seen.path.as_str() {
        "/oauth/authorize/client" => {
            respond(200).json(json!({"access_token": format!("app{number}"), "scope": "public"}))
        }
        "/oauth/verify" => respond(200).json(json!({"scope": "public", "user": null, "app": {"name": "A"}})),
        path if path.starts_with("/me") => respond(401)
            .header("www-authenticate", "Bearer error=\"invalid_token\"")
            .json(json!({"error": "x", "developer_message": "(no user credentials)", "error_code": 8003})),
        _ => respond(200).json(json!({})),
    }
}

/// BEHAVIOUR.md: A05, E06.
#[tokio::test(start_paused = true)]
async fn app_only_client_fails_calls_to_me_unsent() {
    let fake = Fake::new(reject_app_only_tokens);
    let vimeo = Vimeo::builder().app("app", "s3cret").transport(fake.clone()).build().unwrap();
    for path in ["/me/videos", "/me", "/me/likes", "/me/videos?page=2"] {
        let error = vimeo.get(path).send().await.unwrap_err();
        let Error::LoginRequired(login) = &error else { panic!("{path}: {error:?}") };
        assert!(login.no_user && error.is_unauthorized());
        let text = error.to_string();
        assert!(
            text.contains("needs the access token of a user") && text.contains("log in a user"),
            "{text}"
        );
        assert_eq!(error.delivery(), vimeo_api::Delivery::NotSent, "{path}");
        assert_eq!(fake.count(), 0, "{path}: not even a token is requested");
    }
    // Calls that need no user are sent with an app-only token.
    vimeo.get("/categories").send().await.unwrap();
    assert_eq!(fake.count(), 2);
    // With a user's token, calls to `/me` are sent.
    vimeo.set_access_token("user").unwrap();
    vimeo.get("/me").send().await.unwrap_err();
    assert_eq!(fake.log()[2].token(), Some("user"));

    // The client cannot tell that an access token is app-only until Vimeo verifies it and names no user.
    let fake = Fake::new(reject_app_only_tokens);
    let vimeo = fake.vimeo();
    for _ in 0..3 {
        let error = vimeo.get("/me").send().await.unwrap_err();
        assert!(matches!(&error, Error::LoginRequired(login) if login.no_user), "{error:?}");
    }
    let paths: Vec<_> = fake.log().into_iter().map(|seen| seen.path).collect();
    assert_eq!(paths, ["/me", "/oauth/verify"]);
}

#[tokio::test(start_paused = true)]
async fn renews_rejected_app_only_token() {
    let fake = Fake::new(|seen, number| match seen.path.as_str() {
        "/oauth/authorize/client" => respond(200).json(json!({"access_token": format!("app{number}")})),
        _ if seen.token() == Some("app0") => respond(401).json(json!({"error": "x", "error_code": 8003})),
        _ => respond(200).json(json!({"token": seen.token()})),
    });
    let vimeo = Vimeo::builder().app("app", "s3cret").transport(fake.clone()).build().unwrap();
    assert_eq!(vimeo.get("/categories").send().await.unwrap()["token"], "app2");
    assert_eq!(fake.count(), 4);
}

/// BEHAVIOUR.md: A05, E07.
#[tokio::test(start_paused = true)]
async fn wrong_app_credentials_are_not_retried() {
    let refusals = [
        (401, json!({"error": "invalid_client", "error_description": "The secret is wrong."})),
        (401, json!({"error": "x", "error_code": 8001})),
        (401, json!({"error": "x", "error_code": 8003})),
        (400, json!({"error": "invalid_client"})),
    ];
    for (status, body) in refusals {
        let sent = body.clone();
        let fake = Fake::new(move |seen, _| match seen.header("authorization") {
            // base64 of app:right
            Some("Basic YXBwOnJpZ2h0") => respond(200).json(json!({"access_token": "good"})),
            Some("Bearer good") => respond(200).json(json!({})),
            _ => respond(status).json(sent.clone()),
        });
        let vimeo = Vimeo::builder().app("app", "wrong").transport(fake.clone()).build().unwrap();
        for _ in 0..5 {
            let error = vimeo.get("/categories").send().await.unwrap_err();
            assert!(
                matches!(error, Error::AppCredentialsRejected(_)) && error.is_unauthorized(),
                "{error:?}"
            );
            assert_eq!(error.status().unwrap(), status);
            assert_eq!(error.error_code(), body["error_code"].as_i64());
            assert_eq!(error.delivery(), vimeo_api::Delivery::NotSent);
            let expected =
                body["error_description"].as_str().unwrap_or_else(|| body["error"].as_str().unwrap());
            let text = error.to_string();
            assert!(
                text.contains(expected) && text.contains("client secret") && !text.contains("try again"),
                "{text}"
            );
        }
        assert_eq!(fake.count(), 1, "requested once: {body}");
        let error = vimeo.auth().client_credentials(vimeo_ext::ScopeSet::default()).await.unwrap_err();
        assert_eq!(error.call().unwrap().status().unwrap(), status);
        assert_eq!(fake.count(), 1);
        // Other credentials of the same app are tried.
        let right = Vimeo::builder().app("app", "right").transport(fake.clone()).build().unwrap();
        right.get("/categories").send().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn next_call_retries_a_transient_grant_failure() {
    let transient: [fn() -> FakeResponse; 4] = [
        || respond(503).json(json!({"error": "Down."})),
        || respond(401).body("<title>Proxy</title>"),
        || respond(200).body("<title>Portal</title>"),
        || crate::fake::broken(vimeo_api::Delivery::Unknown),
    ];
    for first in transient {
        let fake = Fake::new(move |seen, number| match seen.path.as_str() {
            "/oauth/authorize/client" if number == 0 => first(),
            "/oauth/authorize/client" => respond(200).json(json!({"access_token": "app"})),
            _ => respond(200).json(json!({})),
        });
        let vimeo = Vimeo::builder().app("app", "s3cret").transport(fake.clone()).build().unwrap();
        let error = vimeo.get("/categories").send().await.unwrap_err();
        assert!(
            matches!(&error, Error::Middleware(_)) && error.to_string().contains("try again later"),
            "{error:?}"
        );
        vimeo.get("/categories").send().await.unwrap();
        assert_eq!(fake.count(), 3);
    }
}

#[test]
fn rejects_token_with_bearer_prefix() {
    for token in ["Bearer abc", "bearer abc", "BEARER abc"] {
        let error = Vimeo::builder().access_token(token).build().unwrap_err();
        assert!(
            error.to_string().contains("give the token alone") && !error.to_string().contains("abc"),
            "{error}"
        );
    }
    Vimeo::builder().access_token("Bearerabc").build().unwrap();
}
