//! The lifecycle of an account, against the sandbox.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::StreamExt;
use futures_util::future::join_all;
use secrecy::ExposeSecret;
use serde_json::json;
use vimeo_api::Error as CallError;
use vimeo_ext::accounts::{AccountQuery, AccountStore, Accounts, AccountsError, Status};
use vimeo_ext::auth::AuthError;
use vimeo_ext::{Clock, Scope};
use vimeo_sandbox::{Effect, Fault, Sandbox};

use super::failing_store::{FailingStore, Mode};
use super::{REDIRECT, app, builder, id, memory, ring, visit};
use crate::fake::{Fake, respond};

#[tokio::test]
async fn get_or_create_creates_once() {
    let sandbox = Sandbox::start().await.unwrap();
    let store = memory();
    let here = builder(&sandbox, &store).build().await.unwrap();
    let there = builder(&sandbox, &store).build().await.unwrap();
    let seven = id("user 7");
    let calls = (0..40).map(|number| {
        let accounts = if number % 2 == 0 { here.clone() } else { there.clone() };
        let seven = seven.clone();
        async move { accounts.get_or_create(&seven).await.unwrap() }
    });
    let all = join_all(calls).await;
    assert!(all.iter().all(|account| *account == all[0]));
    assert_eq!((all[0].status, all[0].version), (Status::Pending, 1));
    assert_eq!(here.list(AccountQuery::default()).await.unwrap().accounts.len(), 1);
    let pending = here.client(&seven).await.unwrap_err();
    assert!(matches!(pending, AccountsError::LoginRequired { status: Status::Pending, .. }), "{pending:?}");
    let unknown = here.client(&id("user 8")).await.unwrap_err();
    assert!(matches!(unknown, AccountsError::UnknownAccount { .. }));
}

#[tokio::test]
async fn authorization_link_works_once() {
    let sandbox = Sandbox::start().await.unwrap();
    let store = memory();
    let first = builder(&sandbox, &store).build().await.unwrap();
    let second = builder(&sandbox, &store).build().await.unwrap();
    let ann = sandbox.add_user("Ann");
    let seven = id("user 7");
    let link = first.authorization_link(&seven, [Scope::Private, Scope::Upload]).await.unwrap();
    assert!(link.query_pairs().any(|(key, value)| key == "code_challenge_method" && value == "S256"));
    let callback = visit(&link, ann.user_id, true).await;

    // Another process completes the login, once, even if the browser sends the callback many times.
    let all = join_all((0..8).map(|_| second.complete(&callback))).await;
    let linked: Vec<_> = all.iter().filter_map(|result| result.as_ref().ok()).collect();
    assert_eq!(linked.len(), 1);
    assert!(all.iter().all(|result| matches!(result, Ok(_) | Err(AccountsError::UnknownLogin))));
    let account = &linked[0].account;
    assert_eq!(account.status, Status::Active);
    assert_eq!(account.user, Some(format!("/users/{}", ann.user_id)));
    assert!(account.scopes.as_ref().unwrap().contains(&Scope::Upload));
    assert!(linked[0].missing_scopes.is_empty());
    let me = first.client(&seven).await.unwrap().get("/me").fields("uri").send().await.unwrap();
    assert_eq!(me["uri"], format!("/users/{}", ann.user_id));

    // Forged callbacks, and callbacks without a state.
    let link = first.authorization_link(&seven, "private").await.unwrap();
    let callback = visit(&link, ann.user_id, true).await;
    for forged in [format!("{callback}x"), "code=1".to_owned(), String::new(), "?state=&code=1".to_owned()] {
        let error = first.complete(&forged).await.unwrap_err();
        assert!(matches!(error, AccountsError::UnknownLogin), "{forged}: {error:?}");
    }
    // A different Vimeo user is rejected.
    let bob = sandbox.add_user("Bob");
    let callback =
        visit(&first.authorization_link(&seven, "private").await.unwrap(), bob.user_id, true).await;
    let error = first.complete(&callback).await.unwrap_err();
    assert!(matches!(error, AccountsError::UserMismatch { .. }), "{error:?}");
    let me = first.client(&seven).await.unwrap().get("/me").fields("uri").send().await.unwrap();
    assert_eq!(me["uri"], format!("/users/{}", ann.user_id));
    // A denied request changes nothing.
    let callback =
        visit(&first.authorization_link(&seven, "private").await.unwrap(), ann.user_id, false).await;
    let error = vimeo_ext::Error::from(first.complete(&callback).await.unwrap_err());
    assert!(matches!(error, vimeo_ext::Error::Auth(AuthError::Denied { .. })), "{error:?}");
    assert_eq!(first.get(&seven).await.unwrap().unwrap().status, Status::Active);
}

#[tokio::test]
async fn complete_for_rejects_another_accounts_login() {
    let sandbox = Sandbox::start().await.unwrap();
    let accounts = builder(&sandbox, &memory()).build().await.unwrap();
    let (mallory, ann) = (id("mallory"), id("ann"));
    let user = sandbox.add_user("Ann");
    // Mallory sends Ann the link of Mallory's account, and Ann accepts.
    let link = accounts.authorization_link(&mallory, "private").await.unwrap();
    let callback = visit(&link, user.user_id, true).await;
    let error = accounts.complete_for(&ann, &callback).await.unwrap_err();
    assert!(matches!(error, AccountsError::UnknownLogin), "{error:?}");
    assert_eq!(accounts.get(&mallory).await.unwrap().unwrap().status, Status::Pending);
    assert_eq!(accounts.get(&ann).await.unwrap(), None);
    // The login is used up, for Mallory too.
    let error = accounts.complete_for(&mallory, &callback).await.unwrap_err();
    assert!(matches!(error, AccountsError::UnknownLogin), "{error:?}");
    let link = accounts.authorization_link(&ann, "private").await.unwrap();
    let linked = accounts.complete_for(&ann, &visit(&link, user.user_id, true).await).await.unwrap();
    assert_eq!(linked.account.id, ann);
}

#[tokio::test]
async fn login_expires() {
    let sandbox = Sandbox::start().await.unwrap();
    let offset = Arc::new(AtomicI64::new(0));
    let clock = {
        let offset = Arc::clone(&offset);
        Clock::new(move || Clock::default().now() + TimeDelta::seconds(offset.load(Ordering::SeqCst)))
    };
    let app = app(&sandbox).clock(clock).build().unwrap();
    let accounts = Accounts::builder(app, memory(), ring())
        .redirect_uri(REDIRECT)
        .login_lifetime(Duration::from_secs(60))
        .build()
        .await
        .unwrap();
    for (seconds, is_valid) in [(50, true), (61, false)] {
        offset.store(0, Ordering::SeqCst);
        let link = accounts.authorization_link(&id("7"), "private").await.unwrap();
        let callback = visit(&link, sandbox.user_id(), true).await;
        offset.store(seconds, Ordering::SeqCst);
        assert_eq!(accounts.complete(&callback).await.is_ok(), is_valid, "{seconds} s");
    }
}

#[tokio::test]
async fn revoked_token_revokes_only_its_account() {
    let sandbox = Sandbox::start().await.unwrap();
    let store = memory();
    let accounts = builder(&sandbox, &store).poll_interval(Duration::from_millis(20)).build().await.unwrap();
    let elsewhere = builder(&sandbox, &store).poll_interval(Duration::from_millis(20)).build().await.unwrap();
    let (ann, bob) = (sandbox.add_user("Ann"), sandbox.add_user("Bob"));
    accounts.connect_with_token(&id("ann"), ann.token.as_str()).await.unwrap();
    accounts.connect_with_token(&id("bob"), bob.token.as_str()).await.unwrap();
    let (ann_client, bob_client) =
        (accounts.client(&id("ann")).await.unwrap(), accounts.client(&id("bob")).await.unwrap());
    let remote_client = elsewhere.client(&id("ann")).await.unwrap();
    ann_client.get("/me").send().await.unwrap();
    let mut events = elsewhere.events().await.unwrap();

    assert!(sandbox.world().revoke_token(&ann.token));
    for error in join_all((0..6).map(|_| ann_client.get("/me").send())).await {
        let error = error.unwrap_err();
        let CallError::LoginRequired(login) = &error else { panic!("{error:?}") };
        assert_eq!(login.account.as_deref(), Some("ann"));
    }
    let account = accounts.get(&id("ann")).await.unwrap().unwrap();
    assert_eq!(account.status, Status::Revoked);
    let event = events.next().await.unwrap();
    assert_eq!(
        (event.account.as_str(), event.from, event.to),
        ("ann", Some(Status::Active), Some(Status::Revoked))
    );
    // `client` fails at once, even though a client of the account was cached.
    let error = accounts.client(&id("ann")).await.unwrap_err();
    assert!(matches!(error, AccountsError::LoginRequired { status: Status::Revoked, .. }), "{error:?}");
    // The other process notices without making a call itself.
    let sent = sandbox.request_log().len();
    loop {
        match elsewhere.client(&id("ann")).await {
            Err(AccountsError::LoginRequired { status: Status::Revoked, .. }) => break,
            Ok(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(matches!(remote_client.get("/me").send().await, Err(CallError::LoginRequired(_))));
    assert_eq!(sandbox.request_log().len(), sent, "nothing is sent with a revoked token");
    assert_eq!(bob_client.get("/me").fields("name").send().await.unwrap()["name"], "Bob");

    // After a new login, existing clients continue.
    let link = accounts.authorization_link(&id("ann"), "private").await.unwrap();
    accounts.complete(&visit(&link, ann.user_id, true).await).await.unwrap();
    assert_eq!(ann_client.get("/me").fields("name").send().await.unwrap()["name"], "Ann");
    loop {
        match remote_client.get("/me").fields("name").send().await {
            Ok(me) => break assert_eq!(me["name"], "Ann"),
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

#[tokio::test]
async fn call_specific_401_keeps_account_active() {
    let sandbox = Sandbox::start().await.unwrap();
    let accounts = builder(&sandbox, &memory()).build().await.unwrap();
    accounts.connect_with_token(&id("a"), sandbox.token()).await.unwrap();
    let client = accounts.client(&id("a")).await.unwrap();
    sandbox.add_fault(Fault::new(Effect::Status(401)).path("/me/videos").times(2));
    for _ in 0..2 {
        let error = client.get("/me/videos").send().await.unwrap_err();
        assert!(matches!(error, CallError::Api(_)), "{error:?}");
    }
    assert_eq!(accounts.get(&id("a")).await.unwrap().unwrap().status, Status::Active);
    client.get("/me/videos").send().await.unwrap();
}

#[tokio::test]
async fn disabled_account_makes_no_calls() {
    let sandbox = Sandbox::start().await.unwrap();
    let accounts = builder(&sandbox, &memory()).build().await.unwrap();
    let (a, pending) = (id("a"), id("pending"));
    accounts.connect_with_token(&a, sandbox.token()).await.unwrap();
    let client = accounts.client(&a).await.unwrap();
    let disabled = accounts.disable(&a, "unpaid").await.unwrap();
    assert_eq!((disabled.status, disabled.reason.as_deref()), (Status::Disabled, Some("unpaid")));
    let sent = sandbox.request_log().len();
    let error = client.get("/me").send().await.unwrap_err();
    let CallError::Middleware(inner) = &error else { panic!("{error:?}") };
    assert!(inner.to_string().contains("account a is disabled"), "{inner}");
    assert!(matches!(accounts.client(&a).await, Err(AccountsError::Disabled { .. })));
    assert!(matches!(accounts.verify(&a).await, Err(AccountsError::Disabled { .. })));
    assert!(matches!(accounts.authorization_link(&a, "").await, Err(AccountsError::Disabled { .. })));
    let rejected = accounts.connect_with_token(&a, sandbox.token()).await;
    assert!(matches!(rejected, Err(AccountsError::Disabled { .. })));
    assert_eq!(sandbox.request_log()[sent..].iter().filter(|line| line.path == "/me").count(), 0);
    assert_eq!(accounts.enable(&a).await.unwrap().status, Status::Active);
    client.get("/me").send().await.unwrap();

    accounts.get_or_create(&pending).await.unwrap();
    accounts.disable(&pending, "").await.unwrap();
    assert_eq!(accounts.enable(&pending).await.unwrap().status, Status::Pending);
}

#[tokio::test]
async fn disconnect_revokes_token_and_deletes_account() {
    let sandbox = Sandbox::start().await.unwrap();
    let accounts = builder(&sandbox, &memory()).build().await.unwrap();
    let ann = sandbox.add_user("Ann");
    let a = id("a");
    accounts.connect_with_token(&a, ann.token.as_str()).await.unwrap();
    let client = accounts.client(&a).await.unwrap();
    // If the token cannot be revoked, nothing is deleted.
    sandbox.add_fault(Fault::new(Effect::Status(503)).path("/tokens"));
    accounts.disconnect(&a).await.unwrap_err();
    assert_eq!(accounts.get(&a).await.unwrap().unwrap().status, Status::Active);
    sandbox.clear_faults();

    let mut events = accounts.events().await.unwrap();
    accounts.disconnect(&a).await.unwrap();
    let event = events.next().await.unwrap();
    assert_eq!((event.from, event.to), (Some(Status::Active), None));
    assert_eq!(accounts.get(&a).await.unwrap(), None);
    assert!(matches!(client.get("/me").send().await, Err(CallError::LoginRequired(_))));
    assert!(!sandbox.world().revoke_token(&ann.token), "it was revoked at Vimeo");
    accounts.disconnect(&a).await.unwrap();
    // A token that was revoked elsewhere is not an error.
    let bob = sandbox.add_user("Bob");
    accounts.connect_with_token(&a, bob.token.as_str()).await.unwrap();
    sandbox.world().revoke_token(&bob.token);
    accounts.disconnect(&a).await.unwrap();
    assert_eq!(accounts.get(&a).await.unwrap(), None);
}

#[tokio::test]
async fn connect_with_token_verifies_the_token() {
    let sandbox = Sandbox::start().await.unwrap();
    let accounts = builder(&sandbox, &memory()).build().await.unwrap();
    let a = id("a");
    let error = accounts.connect_with_token(&a, "no-such-token").await.unwrap_err();
    assert!(matches!(error, AccountsError::CredentialsRejected { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("no-such-token"));
    assert_eq!(accounts.get(&a).await.unwrap(), None);
    let token = sandbox.issue_token("private");
    let linked = accounts.connect_with_token(&a, token.as_str()).await.unwrap();
    assert!(linked.missing_scopes.is_empty(), "no scopes were requested");
    let account = linked.account;
    assert_eq!(account.scopes.unwrap().to_string(), "public private");
    // The token's scopes are known, so a call that requires others is not sent.
    let client = accounts.client(&a).await.unwrap();
    let error = client.upload(vec![1]).send().await.unwrap_err();
    assert!(matches!(error.call(), Some(CallError::MissingScope(_))), "{error:?}");
    assert_eq!(accounts.verify(&a).await.unwrap().status, Status::Active);
    sandbox.world().revoke_token(&token);
    assert_eq!(accounts.verify(&a).await.unwrap().status, Status::Revoked);
    assert!(matches!(client.get("/me").send().await, Err(CallError::LoginRequired(_))));
}

/// Whether the sandbox accepts a token.
async fn accepts(sandbox: &Sandbox, token: &str) -> bool {
    let vimeo = app(sandbox).access_token(token).build().unwrap();
    vimeo.auth().verify().await.is_ok()
}

/// Returns how often a token was revoked at the sandbox.
fn revocations(sandbox: &Sandbox) -> usize {
    sandbox.request_log().iter().filter(|line| line.path == "/tokens").count()
}

#[tokio::test]
async fn unstored_tokens_are_revoked() {
    let sandbox = Sandbox::start().await.unwrap();
    let failing = FailingStore::default();
    let store: Arc<dyn AccountStore> = Arc::new(failing.clone());
    let accounts = builder(&sandbox, &store).build().await.unwrap();
    let (ann, bob) = (sandbox.add_user("Ann"), sandbox.add_user("Bob"));
    accounts.connect_with_token(&id("ann"), ann.token.as_str()).await.unwrap();
    let log_in = async |user: u64| {
        let link = accounts.authorization_link(&id("ann"), "private").await.unwrap();
        visit(&link, user, true).await
    };
    // A different user logs in; the account is disabled in the meantime; the store fails.
    let callback = log_in(bob.user_id).await;
    let error = accounts.complete(&callback).await.unwrap_err();
    assert!(matches!(error, AccountsError::UserMismatch { .. }), "{error:?}");
    assert_eq!(revocations(&sandbox), 1);

    let callback = log_in(ann.user_id).await;
    accounts.disable(&id("ann"), "unpaid").await.unwrap();
    let error = accounts.complete(&callback).await.unwrap_err();
    assert!(matches!(error, AccountsError::Disabled { .. }), "{error:?}");
    assert_eq!(revocations(&sandbox), 2);
    accounts.enable(&id("ann")).await.unwrap();

    let callback = log_in(ann.user_id).await;
    failing.set(Mode::RejectsUpdates);
    let error = accounts.complete(&callback).await.unwrap_err();
    assert!(matches!(error, AccountsError::Store(_)), "{error:?}");
    assert_eq!(revocations(&sandbox), 3);
    failing.set(Mode::Works);

    // The account's old token was not revoked.
    assert!(accepts(&sandbox, &ann.token).await);
    assert_eq!(accounts.get(&id("ann")).await.unwrap().unwrap().status, Status::Active);

    // A token that was stored but not confirmed is in the account, so it is not revoked.
    let callback = log_in(ann.user_id).await;
    failing.set(Mode::LosesConfirmations);
    assert_eq!(accounts.complete(&callback).await.unwrap().account.status, Status::Active);
    failing.set(Mode::Works);
    assert_eq!(revocations(&sandbox), 3);
    let me = accounts.client(&id("ann")).await.unwrap().get("/me").fields("name").send().await.unwrap();
    assert_eq!(me["name"], "Ann");
    // A token that the caller passed belongs to the caller and is never revoked.
    let error = accounts.connect_with_token(&id("ann"), bob.token.as_str()).await.unwrap_err();
    assert!(matches!(error, AccountsError::UserMismatch { .. }), "{error:?}");
    assert!(accepts(&sandbox, &bob.token).await);
}

#[tokio::test]
async fn login_completes_after_the_browser_disconnects() {
    let sandbox = Sandbox::start().await.unwrap();
    let accounts = builder(&sandbox, &memory()).build().await.unwrap();
    let link = accounts.authorization_link(&id("a"), "private").await.unwrap();
    let callback = visit(&link, sandbox.user_id(), true).await;
    let mut events = accounts.events().await.unwrap();
    {
        let mut completed = std::pin::pin!(accounts.complete(&callback));
        // The future is dropped after it has started.
        assert!(futures_util::poll!(&mut completed).is_pending());
    }
    let event = events.next().await.unwrap();
    assert_eq!(event.to, Some(Status::Active));
    accounts.client(&id("a")).await.unwrap().get("/me").send().await.unwrap();
}

/// Vimeo's response contains a masked token and no user.
#[tokio::test]
async fn connect_with_token_looks_up_the_user() {
    let fake = Fake::new(|seen, _| match (seen.path.as_str(), seen.token()) {
        ("/oauth/verify", _) => respond(200).json(json!({"access_token": "********", "scope": "public"})),
        ("/me", Some("an app's")) => respond(401).json(json!({"error": "No.", "error_code": 8003})),
        ("/me", Some("bob's")) => respond(200).json(json!({"uri": "/users/8", "token": "bob's"})),
        (_, token) => respond(200).json(json!({"uri": "/users/7", "token": token})),
    });
    let app = fake.builder().app("app", "secret").build().unwrap();
    let accounts = Accounts::builder(app, memory(), ring()).build().await.unwrap();
    let account = accounts.connect_with_token(&id("ann"), "ann's").await.unwrap().account;
    assert_eq!(account.user.as_deref(), Some("/users/7"));
    let me = accounts.client(&id("ann")).await.unwrap().get("/me").send().await.unwrap();
    assert_eq!(me["token"], "ann's");
    for (token, found) in [("bob's", "/users/8"), ("an app's", "no user")] {
        let error = accounts.connect_with_token(&id("ann"), token).await.unwrap_err();
        assert!(
            matches!(&error, AccountsError::UserMismatch { expected, found: other, .. } if expected == "/users/7" && other == found),
            "{error:?}"
        );
    }
    let me = accounts.client(&id("ann")).await.unwrap().get("/me").send().await.unwrap();
    assert_eq!(me["token"], "ann's");
    let account = accounts.connect_with_token(&id("app"), "an app's").await.unwrap().account;
    assert_eq!((account.status, account.user), (Status::Active, None));
    let grant = fake.vimeo().auth().verify().await.unwrap();
    assert_eq!(
        grant.token.secret().expose_secret(),
        "t0ken",
        "the token that was verified, not the masked one"
    );
}
