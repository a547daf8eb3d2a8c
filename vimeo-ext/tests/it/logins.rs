//! Tokens: renewing, giving up, asking once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use secrecy::ExposeSecret;
use serde_json::json;
use vimeo_api::Error;
use vimeo_ext::auth::{AuthError, BoxFuture, DeviceErrorCodes, DevicePoll, RefreshError, Refresher};
use vimeo_ext::{AccessToken, Scope, Vimeo};

use crate::fake::{Answer, Fake, Seen, answer, start};

/// Gives `new1`, `new2` and so on, each after a while.
#[derive(Clone, Default)]
struct Counting {
    count: Arc<AtomicUsize>,
    fails: Option<fn() -> RefreshError>,
    lasts: Option<Duration>,
}

impl Refresher for Counting {
    fn refresh<'a>(&'a self, _: Option<&'a AccessToken>) -> BoxFuture<'a, Result<AccessToken, RefreshError>> {
        Box::pin(async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let number = self.count.fetch_add(1, Ordering::SeqCst) + 1;
            match self.fails {
                Some(error) => Err(error()),
                None => {
                    let expires = self.lasts.map(|lasts| start() + lasts * number as u32);
                    Ok(AccessToken::from(format!("new{number}")).with_expiry(expires))
                }
            }
        })
    }
}

/// Takes every token that begins with `new`.
fn new_only(seen: &Seen) -> Answer {
    match seen.token() {
        Some(token) if token.starts_with("new") => answer(200).json(json!({"echo": seen.body.len()})),
        _ => answer(401).json(json!({"error": "No.", "error_code": 8003})),
    }
}

/// BEHAVIOUR.md: A04.
#[tokio::test(start_paused = true)]
async fn fifty_refused_calls_share_one_refresh_and_are_resent_whole() {
    let fake = Fake::new(|seen, _| new_only(seen).after(Duration::from_millis(5)));
    let refresher = Counting::default();
    let vimeo = fake.builder().refresher(refresher.clone()).build().unwrap();
    let calls = (0..50).map(|_| vimeo.post("/me/albums").json(&json!({"name": "a"})).send());
    for result in join_all(calls).await {
        assert_eq!(result.unwrap()["echo"], 12);
    }
    assert_eq!(refresher.count.load(Ordering::SeqCst), 1);
    // Those who had not gone out yet went with the new token at once.
    assert!(fake.count() <= 100);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_by_hand_once_for_all_who_ask() {
    let fake = Fake::new(|seen, _| new_only(seen));
    let refresher = Counting::default();
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

/// BEHAVIOUR.md: A04.
#[tokio::test(start_paused = true)]
async fn a_failed_refresh_is_shared_and_a_final_failure_is_remembered() {
    let fake = Fake::new(|seen, _| new_only(seen).after(Duration::from_millis(5)));
    let refresher = Counting {
        fails: Some(|| RefreshError::login_required("the grant was withdrawn")),
        ..Counting::default()
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
    assert_eq!(fake.count(), sent, "nothing more is sent");
    vimeo.set_access_token("new9").unwrap();
    vimeo.get("/me").send().await.unwrap();

    let flaky = Counting { fails: Some(|| RefreshError::temporary("vault down")), ..Counting::default() };
    let vimeo = fake.builder().refresher(flaky.clone()).build().unwrap();
    let error = vimeo.get("/me").send().await.unwrap_err();
    assert!(matches!(&error, Error::Middleware(_)) && error.to_string().contains("vault down"), "{error:?}");
    vimeo.get("/me").send().await.unwrap_err();
    assert_eq!(flaky.count.load(Ordering::SeqCst), 2, "a passing failure is tried again by the next call");
}

/// BEHAVIOUR.md: A04.
#[tokio::test(start_paused = true)]
async fn without_a_refresher_a_refused_token_is_verified_and_dropped() {
    let fake = Fake::new(|_, _| answer(401).json(json!({"error": "No.", "error_code": 8003})));
    let vimeo = fake.builder().account("user 7").build().unwrap();
    let error = vimeo.get("/me").send().await.unwrap_err();
    let Error::LoginRequired(login) = &error else { panic!("{error:?}") };
    assert_eq!(login.account.as_deref(), Some("user 7"));
    assert_eq!((error.status().unwrap().as_u16(), error.error_code()), (401, Some(8003)));
    let paths: Vec<_> = fake.log().into_iter().map(|seen| seen.path).collect();
    assert_eq!(paths, ["/me", "/oauth/verify"]);
    assert!(vimeo.get("/me").send().await.unwrap_err().is_unauthorized());
    assert_eq!(fake.count(), 2, "a token that is none is not sent again");

    // A 401 that is about the call and not about the token is Vimeo's answer.
    let fake =
        Fake::new(|seen, _| answer(if seen.path == "/oauth/verify" { 200 } else { 401 }).json(json!({})));
    let vimeo = fake.vimeo();
    assert!(matches!(vimeo.get("/me").send().await, Err(Error::Api(_))));
    assert!(matches!(vimeo.get("/me").send().await, Err(Error::Api(_))));
}

/// BEHAVIOUR.md: A04.
#[tokio::test(start_paused = true)]
async fn a_refused_new_token_does_not_loop() {
    let fake = Fake::new(|_, _| answer(401));
    let refresher = Counting::default();
    let vimeo = fake.builder().refresher(refresher.clone()).build().unwrap();
    assert!(matches!(vimeo.get("/me").send().await, Err(Error::LoginRequired(_))));
    assert_eq!((fake.count(), refresher.count.load(Ordering::SeqCst)), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_before_it_expires_and_used_on_when_that_fails() {
    let fake = Fake::new(|seen, _| answer(200).json(json!({"token": seen.token()})));
    let old = || AccessToken::from("old").with_expiry(start() + Duration::from_secs(3_600));
    let refresher = Counting { lasts: Some(Duration::from_secs(7_200)), ..Counting::default() };
    let vimeo = fake.builder().access_token(old()).refresher(refresher).build().unwrap();
    let flaky = Counting { fails: Some(|| RefreshError::temporary("vault down")), ..Counting::default() };
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
async fn a_refresh_outlives_the_call_that_began_it() {
    let fake = Fake::new(|seen, _| new_only(seen));
    let refresher = Counting::default();
    let vimeo = fake.builder().refresher(refresher.clone()).build().unwrap();
    let call = tokio::time::timeout(Duration::from_millis(10), vimeo.get("/me").send()).await;
    assert!(call.is_err(), "dropped while the refresher works");
    vimeo.get("/me").send().await.unwrap();
    assert_eq!(refresher.count.load(Ordering::SeqCst), 1);
}

fn grants(seen: &Seen) -> Answer {
    let form = String::from_utf8_lossy(&seen.body).into_owned();
    match seen.path.as_str() {
        "/oauth/authorize/client" => {
            // base64 of app:s3cret
            assert_eq!(seen.header("authorization"), Some("Basic YXBwOnMzY3JldA=="));
            assert!(form.contains("grant_type=client_credentials"), "{form}");
            answer(200).json(json!({"access_token": "apptoken", "token_type": "bearer", "scope": "public"}))
        }
        _ => answer(200).json(json!({"token": seen.token()})),
    }
}

/// BEHAVIOUR.md: A05.
#[tokio::test(start_paused = true)]
async fn a_hundred_first_calls_request_one_token() {
    let fake = Fake::new(|seen, _| grants(seen).after(Duration::from_millis(20)));
    let vimeo = Vimeo::builder().app("app", "s3cret").transport(fake.clone()).build().unwrap();
    let calls = (0..100).map(|_| vimeo.get("/channels").send());
    for result in join_all(calls).await {
        assert_eq!(result.unwrap()["token"], "apptoken");
    }
    let asked = || fake.log().iter().filter(|seen| seen.path == "/oauth/authorize/client").count();
    assert_eq!(asked(), 1);
    let token = vimeo.auth().client_credentials("public").await.unwrap();
    assert_eq!(token.secret().expose_secret(), "apptoken");
    assert_eq!(asked(), 1, "the same scopes are the same token");
    let more = (0..20).map(|_| vimeo.auth().client_credentials([Scope::Private]));
    for token in join_all(more).await {
        token.unwrap();
    }
    assert_eq!(asked(), 2, "other scopes are another");
    assert_eq!(vimeo.scopes().unwrap().to_string(), "public");
}

/// BEHAVIOUR.md: E01, E07.
#[tokio::test(start_paused = true)]
async fn login_errors_are_decoded_in_their_own_shape() {
    for (status, body, words) in [
        (
            400,
            json!({"error": "invalid_grant", "error_description": "The redirect URI differs."}),
            "The redirect URI differs.",
        ),
        (401, json!({"error": "The client is not known.", "error_code": 8001}), "error 8001"),
    ] {
        let fake = Fake::new(move |_, _| answer(status).json(body.clone()));
        let vimeo = Vimeo::builder().app("app", "s3cret").transport(fake.clone()).build().unwrap();
        let login = vimeo.auth().authorization("https://example.com/back").unwrap().begin().unwrap();
        let error =
            vimeo.auth().exchange_code(&login, &format!("code=c&state={}", login.state())).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
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
    let nobody = Vimeo::builder().build().unwrap();
    assert!(matches!(nobody.auth().authorization("https://e.example"), Err(AuthError::NoApp)));
}

#[tokio::test(start_paused = true)]
async fn a_device_login_waits_as_the_caller_says_and_not_for_ever() {
    let code = json!({
        "device_code": "dev1ce", "user_code": "ABC-123", "activate_link": "https://vimeo.com/activate",
        "expires_in": 60, "interval": 5,
    });
    let fake = Fake::new(move |seen, number| match (seen.path.as_str(), number) {
        ("/oauth/device", _) => answer(200).json(code.clone()),
        (_, 0..4) => answer(400).json(json!({"error": "authorization pending", "error_code": 77})),
        _ => answer(200).json(json!({"access_token": "t", "scope": "public private"})),
    });
    let vimeo = Vimeo::builder().app("app", "s3cret").transport(fake.clone()).build().unwrap();
    let login = vimeo.auth().device("private").await.unwrap();
    assert_eq!((login.user_code(), login.activate_link()), ("ABC-123", Some("https://vimeo.com/activate")));
    assert!(!format!("{login:?}").contains("dev1ce"));
    // What "not yet" looks like is not documented, so nothing is taken for it unasked.
    assert!(login.poll(&DeviceErrorCodes::None).await.is_err());
    assert!(matches!(login.poll(&DeviceErrorCodes::Codes(vec![77])).await.unwrap(), DevicePoll::Pending));
    let began = tokio::time::Instant::now();
    let grant = login.wait(&DeviceErrorCodes::AnyClientError).await.unwrap();
    assert_eq!(grant.scopes().unwrap().to_string(), "public private");
    assert_eq!(began.elapsed(), Duration::from_secs(10));

    let never = Fake::new(move |seen, _| match seen.path.as_str() {
        "/oauth/device" => answer(200).json(json!({"device_code": "d", "user_code": "u", "expires_in": 30})),
        _ => answer(400).json(json!({})),
    });
    let vimeo = Vimeo::builder().app("app", "s3cret").transport(never).build().unwrap();
    let login = vimeo.auth().device("private").await.unwrap();
    let error = login.wait(&DeviceErrorCodes::AnyClientError).await.unwrap_err();
    assert!(matches!(error, AuthError::DeviceExpired { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_is_longer_than_the_device_code_lasts_is_cut_short() {
    let code = json!({"device_code": "d", "user_code": "u", "expires_in": 30, "interval": u64::MAX});
    let fake = Fake::new(move |_, _| answer(200).json(code.clone()));
    let vimeo = Vimeo::builder().app("app", "s3cret").transport(fake).build().unwrap();
    let login = vimeo.auth().device("private").await.unwrap();
    let began = tokio::time::Instant::now();
    let error = login.wait(&DeviceErrorCodes::AnyClientError).await.unwrap_err();
    assert!(matches!(error, AuthError::DeviceExpired { .. }), "{error}");
    assert_eq!(began.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_expired_before_all_times_is_renewed() {
    let fake = Fake::new(|seen, _| new_only(seen));
    let old = AccessToken::from("old").with_expiry(chrono::DateTime::<chrono::Utc>::MIN_UTC);
    let vimeo = fake.builder().access_token(old).refresher(Counting::default()).build().unwrap();
    vimeo.get("/me").send().await.unwrap();
    assert_eq!(fake.count(), 1, "asked with the new token at once");
}

#[tokio::test]
async fn verifying_teaches_the_scopes_and_revoking_ends_the_calls() {
    let fake = Fake::new(|seen, _| match seen.path.as_str() {
        "/oauth/verify" => answer(200)
            .json(json!({"scope": "public private", "user": {"uri": "/users/7"}, "app": {"name": "A"}})),
        _ => answer(204),
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
async fn a_token_given_by_hand_counts_for_more_than_a_refresh_under_way() {
    let fake = Fake::new(|seen, _| new_only(seen));
    let vimeo = fake.builder().refresher(Counting::default()).build().unwrap();
    let call = tokio::spawn(vimeo.get("/me").send());
    tokio::time::sleep(Duration::from_millis(10)).await;
    vimeo.set_access_token("new by hand").unwrap();
    call.await.unwrap().unwrap();
    assert_eq!(fake.log().pop().unwrap().token(), Some("new by hand"));
}

/// An app's token, another with each grant, and a Vimeo that wants a user's for whatever is about one.
fn no_user(seen: &Seen, number: usize) -> Answer {
    match seen.path.as_str() {
        "/oauth/authorize/client" => {
            answer(200).json(json!({"access_token": format!("app{number}"), "scope": "public"}))
        }
        "/oauth/verify" => answer(200).json(json!({"scope": "public", "user": null, "app": {"name": "A"}})),
        path if path.starts_with("/me") => answer(401)
            .header("www-authenticate", "Bearer error=\"invalid_token\"")
            .json(json!({"error": "x", "developer_message": "(no user credentials)", "error_code": 8003})),
        _ => answer(200).json(json!({})),
    }
}

/// BEHAVIOUR.md: A05, E06.
#[tokio::test(start_paused = true)]
async fn app_only_client_fails_calls_to_me_unsent() {
    let fake = Fake::new(no_user);
    let vimeo = Vimeo::builder().app("app", "s3cret").transport(fake.clone()).build().unwrap();
    for path in ["/me/videos", "/me", "/me/likes", "/me/videos?page=2"] {
        let error = vimeo.get(path).send().await.unwrap_err();
        let Error::LoginRequired(login) = &error else { panic!("{path}: {error:?}") };
        assert!(login.no_user && error.is_unauthorized());
        let text = error.to_string();
        assert!(text.contains("needs a user's access token") && text.contains("log a user in"), "{text}");
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
    let fake = Fake::new(no_user);
    let vimeo = fake.vimeo();
    for _ in 0..3 {
        let error = vimeo.get("/me").send().await.unwrap_err();
        assert!(matches!(&error, Error::LoginRequired(login) if login.no_user), "{error:?}");
    }
    let paths: Vec<_> = fake.log().into_iter().map(|seen| seen.path).collect();
    assert_eq!(paths, ["/me", "/oauth/verify"]);
}

#[tokio::test(start_paused = true)]
async fn an_apps_stale_token_is_renewed_where_the_call_needs_no_user() {
    let fake = Fake::new(|seen, number| match seen.path.as_str() {
        "/oauth/authorize/client" => answer(200).json(json!({"access_token": format!("app{number}")})),
        _ if seen.token() == Some("app0") => answer(401).json(json!({"error": "x", "error_code": 8003})),
        _ => answer(200).json(json!({"token": seen.token()})),
    });
    let vimeo = Vimeo::builder().app("app", "s3cret").transport(fake.clone()).build().unwrap();
    assert_eq!(vimeo.get("/categories").send().await.unwrap()["token"], "app2");
    assert_eq!(fake.count(), 4);
}

/// BEHAVIOUR.md: A05, E07.
#[tokio::test(start_paused = true)]
async fn wrong_app_credentials_are_final_until_they_change() {
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
            Some("Basic YXBwOnJpZ2h0") => answer(200).json(json!({"access_token": "good"})),
            Some("Bearer good") => answer(200).json(json!({})),
            _ => answer(status).json(sent.clone()),
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
            let words = body["error_description"].as_str().unwrap_or_else(|| body["error"].as_str().unwrap());
            let text = error.to_string();
            assert!(
                text.contains(words) && text.contains("client secret") && !text.contains("try again"),
                "{text}"
            );
        }
        assert_eq!(fake.count(), 1, "asked once: {body}");
        let error = vimeo.auth().client_credentials(vimeo_ext::ScopeSet::default()).await.unwrap_err();
        assert_eq!(error.call().unwrap().status().unwrap(), status);
        assert_eq!(fake.count(), 1);
        // Other credentials of the same app are another matter.
        let right = Vimeo::builder().app("app", "right").transport(fake.clone()).build().unwrap();
        right.get("/categories").send().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_failed_for_the_moment_is_asked_for_again_by_the_next_call() {
    let passing: [fn() -> Answer; 4] = [
        || answer(503).json(json!({"error": "Down."})),
        || answer(401).body("<title>Proxy</title>"),
        || answer(200).body("<title>Portal</title>"),
        || crate::fake::broken(vimeo_api::Delivery::Unknown),
    ];
    for first in passing {
        let fake = Fake::new(move |seen, number| match seen.path.as_str() {
            "/oauth/authorize/client" if number == 0 => first(),
            "/oauth/authorize/client" => answer(200).json(json!({"access_token": "app"})),
            _ => answer(200).json(json!({})),
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
fn a_token_with_the_word_for_its_scheme_is_refused() {
    for token in ["Bearer abc", "bearer abc", "BEARER abc"] {
        let error = Vimeo::builder().access_token(token).build().unwrap_err();
        assert!(
            error.to_string().contains("give the token alone") && !error.to_string().contains("abc"),
            "{error}"
        );
    }
    Vimeo::builder().access_token("Bearerabc").build().unwrap();
}
