//! From the first request to the last: an account's life against the local Vimeo.

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
use crate::fake::{Fake, answer};

#[tokio::test]
async fn an_account_is_made_once_however_many_ask() {
    let sandbox = Sandbox::start().await.unwrap();
    let store = memory();
    let here = builder(&sandbox, &store).build().await.unwrap();
    let there = builder(&sandbox, &store).build().await.unwrap();
    let seven = id("user 7");
    let asked = (0..40).map(|number| {
        let accounts = if number % 2 == 0 { here.clone() } else { there.clone() };
        let seven = seven.clone();
        async move { accounts.get_or_create(&seven).await.unwrap() }
    });
    let all = join_all(asked).await;
    assert!(all.iter().all(|account| *account == all[0]));
    assert_eq!((all[0].status, all[0].version), (Status::Pending, 1));
    assert_eq!(here.list(AccountQuery::default()).await.unwrap().accounts.len(), 1);
    let pending = here.client(&seven).await.unwrap_err();
    assert!(matches!(pending, AccountsError::LoginRequired { status: Status::Pending, .. }), "{pending:?}");
    let unknown = here.client(&id("user 8")).await.unwrap_err();
    assert!(matches!(unknown, AccountsError::UnknownAccount { .. }));
}

#[tokio::test]
async fn a_user_logs_in_through_a_link_that_is_good_once() {
    let sandbox = Sandbox::start().await.unwrap();
    let store = memory();
    let begins = builder(&sandbox, &store).build().await.unwrap();
    let completes = builder(&sandbox, &store).build().await.unwrap();
    let ann = sandbox.add_user("Ann");
    let seven = id("user 7");
    let link = begins.authorization_link(&seven, [Scope::Private, Scope::Upload]).await.unwrap();
    assert!(link.query_pairs().any(|(key, value)| key == "code_challenge_method" && value == "S256"));
    let callback = visit(&link, ann.user_id, true).await;

    // Another process completes it, once, even when the browser sends the callback many times.
    let all = join_all((0..8).map(|_| completes.complete(&callback))).await;
    let linked: Vec<_> = all.iter().filter_map(|done| done.as_ref().ok()).collect();
    assert_eq!(linked.len(), 1);
    assert!(all.iter().all(|done| matches!(done, Ok(_) | Err(AccountsError::UnknownLogin))));
    let account = &linked[0].account;
    assert_eq!(account.status, Status::Active);
    assert_eq!(account.user, Some(format!("/users/{}", ann.user_id)));
    assert!(account.scopes.as_ref().unwrap().contains(&Scope::Upload));
    assert!(linked[0].missing_scopes.is_empty());
    let me = begins.client(&seven).await.unwrap().get("/me").fields("uri").send().await.unwrap();
    assert_eq!(me["uri"], format!("/users/{}", ann.user_id));

    // Forged, and without a state at all.
    let link = begins.authorization_link(&seven, "private").await.unwrap();
    let callback = visit(&link, ann.user_id, true).await;
    for forged in [format!("{callback}x"), "code=1".to_owned(), String::new(), "?state=&code=1".to_owned()] {
        let error = begins.complete(&forged).await.unwrap_err();
        assert!(matches!(error, AccountsError::UnknownLogin), "{forged}: {error:?}");
    }
    // Another user than before is not let into the account.
    let bob = sandbox.add_user("Bob");
    let callback =
        visit(&begins.authorization_link(&seven, "private").await.unwrap(), bob.user_id, true).await;
    let error = begins.complete(&callback).await.unwrap_err();
    assert!(matches!(error, AccountsError::UserMismatch { .. }), "{error:?}");
    let me = begins.client(&seven).await.unwrap().get("/me").fields("uri").send().await.unwrap();
    assert_eq!(me["uri"], format!("/users/{}", ann.user_id));
    // Nor does a no change anything.
    let callback =
        visit(&begins.authorization_link(&seven, "private").await.unwrap(), ann.user_id, false).await;
    let error = vimeo_ext::Error::from(begins.complete(&callback).await.unwrap_err());
    assert!(matches!(error, vimeo_ext::Error::Auth(AuthError::Denied { .. })), "{error:?}");
    assert_eq!(begins.get(&seven).await.unwrap().unwrap().status, Status::Active);
}

#[tokio::test]
async fn a_link_that_comes_back_in_anothers_browser_gives_them_nothing() {
    let sandbox = Sandbox::start().await.unwrap();
    let accounts = builder(&sandbox, &memory()).build().await.unwrap();
    let (mallory, ann) = (id("mallory"), id("ann"));
    let user = sandbox.add_user("Ann");
    // Mallory sends Ann the link to an account of Mallory's; Ann lets the app in.
    let link = accounts.authorization_link(&mallory, "private").await.unwrap();
    let callback = visit(&link, user.user_id, true).await;
    let error = accounts.complete_for(&ann, &callback).await.unwrap_err();
    assert!(matches!(error, AccountsError::UnknownLogin), "{error:?}");
    assert_eq!(accounts.get(&mallory).await.unwrap().unwrap().status, Status::Pending);
    assert_eq!(accounts.get(&ann).await.unwrap(), None);
    // Nor can it be used again by whom it was made for.
    let error = accounts.complete_for(&mallory, &callback).await.unwrap_err();
    assert!(matches!(error, AccountsError::UnknownLogin), "{error:?}");
    let link = accounts.authorization_link(&ann, "private").await.unwrap();
    let linked = accounts.complete_for(&ann, &visit(&link, user.user_id, true).await).await.unwrap();
    assert_eq!(linked.account.id, ann);
}

#[tokio::test]
async fn a_login_has_to_be_completed_in_time() {
    let sandbox = Sandbox::start().await.unwrap();
    let late = Arc::new(AtomicI64::new(0));
    let clock = {
        let late = Arc::clone(&late);
        Clock::new(move || Clock::default().now() + TimeDelta::seconds(late.load(Ordering::SeqCst)))
    };
    let app = app(&sandbox).clock(clock).build().unwrap();
    let accounts = Accounts::builder(app, memory(), ring())
        .redirect_uri(REDIRECT)
        .login_lifetime(Duration::from_secs(60))
        .build()
        .await
        .unwrap();
    for (seconds, good) in [(50, true), (61, false)] {
        late.store(0, Ordering::SeqCst);
        let link = accounts.authorization_link(&id("7"), "private").await.unwrap();
        let callback = visit(&link, sandbox.user_id(), true).await;
        late.store(seconds, Ordering::SeqCst);
        assert_eq!(accounts.complete(&callback).await.is_ok(), good, "{seconds} s");
    }
}

#[tokio::test]
async fn a_revoked_token_is_noticed_and_others_go_on() {
    let sandbox = Sandbox::start().await.unwrap();
    let store = memory();
    let accounts = builder(&sandbox, &store).poll_interval(Duration::from_millis(20)).build().await.unwrap();
    let elsewhere = builder(&sandbox, &store).poll_interval(Duration::from_millis(20)).build().await.unwrap();
    let (ann, bob) = (sandbox.add_user("Ann"), sandbox.add_user("Bob"));
    accounts.connect_with_token(&id("ann"), ann.token.as_str()).await.unwrap();
    accounts.connect_with_token(&id("bob"), bob.token.as_str()).await.unwrap();
    let (ann_client, bob_client) =
        (accounts.client(&id("ann")).await.unwrap(), accounts.client(&id("bob")).await.unwrap());
    let far = elsewhere.client(&id("ann")).await.unwrap();
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
    // It is told at once, also where a client of the account was kept.
    let error = accounts.client(&id("ann")).await.unwrap_err();
    assert!(matches!(error, AccountsError::LoginRequired { status: Status::Revoked, .. }), "{error:?}");
    // The other process hears of it without a call of its own.
    let heard = sandbox.request_log().len();
    loop {
        match elsewhere.client(&id("ann")).await {
            Err(AccountsError::LoginRequired { status: Status::Revoked, .. }) => break,
            Ok(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(matches!(far.get("/me").send().await, Err(CallError::LoginRequired(_))));
    assert_eq!(sandbox.request_log().len(), heard, "nothing is sent with a token that is none");
    assert_eq!(bob_client.get("/me").fields("name").send().await.unwrap()["name"], "Bob");

    // Logged in again, the clients in use go on.
    let link = accounts.authorization_link(&id("ann"), "private").await.unwrap();
    accounts.complete(&visit(&link, ann.user_id, true).await).await.unwrap();
    assert_eq!(ann_client.get("/me").fields("name").send().await.unwrap()["name"], "Ann");
    loop {
        match far.get("/me").fields("name").send().await {
            Ok(me) => break assert_eq!(me["name"], "Ann"),
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

#[tokio::test]
async fn a_401_about_the_call_is_not_about_the_account() {
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
async fn a_disabled_account_makes_no_calls() {
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
    let refused = accounts.connect_with_token(&a, sandbox.token()).await;
    assert!(matches!(refused, Err(AccountsError::Disabled { .. })));
    assert_eq!(sandbox.request_log()[sent..].iter().filter(|line| line.path == "/me").count(), 0);
    assert_eq!(accounts.enable(&a).await.unwrap().status, Status::Active);
    client.get("/me").send().await.unwrap();

    accounts.get_or_create(&pending).await.unwrap();
    accounts.disable(&pending, "").await.unwrap();
    assert_eq!(accounts.enable(&pending).await.unwrap().status, Status::Pending);
}

#[tokio::test]
async fn a_disconnected_account_is_revoked_and_forgotten() {
    let sandbox = Sandbox::start().await.unwrap();
    let accounts = builder(&sandbox, &memory()).build().await.unwrap();
    let ann = sandbox.add_user("Ann");
    let a = id("a");
    accounts.connect_with_token(&a, ann.token.as_str()).await.unwrap();
    let client = accounts.client(&a).await.unwrap();
    // Vimeo cannot be asked: nothing is forgotten.
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
    // The token was revoked elsewhere before: that is no obstacle.
    let again = sandbox.add_user("Bob");
    accounts.connect_with_token(&a, again.token.as_str()).await.unwrap();
    sandbox.world().revoke_token(&again.token);
    accounts.disconnect(&a).await.unwrap();
    assert_eq!(accounts.get(&a).await.unwrap(), None);
}

#[tokio::test]
async fn tokens_at_hand_are_checked_before_they_are_kept() {
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
    // Its scopes are known: a call that needs others is not sent.
    let client = accounts.client(&a).await.unwrap();
    let error = client.upload(vec![1]).send().await.unwrap_err();
    assert!(matches!(error.call(), Some(CallError::MissingScope(_))), "{error:?}");
    assert_eq!(accounts.verify(&a).await.unwrap().status, Status::Active);
    sandbox.world().revoke_token(&token);
    assert_eq!(accounts.verify(&a).await.unwrap().status, Status::Revoked);
    assert!(matches!(client.get("/me").send().await, Err(CallError::LoginRequired(_))));
}

/// How many tokens of a user the sandbox takes.
async fn takes(sandbox: &Sandbox, token: &str) -> bool {
    let vimeo = app(sandbox).access_token(token).build().unwrap();
    vimeo.auth().verify().await.is_ok()
}

/// The tokens that Vimeo was asked to revoke.
fn revocations(sandbox: &Sandbox) -> usize {
    sandbox.request_log().iter().filter(|line| line.path == "/tokens").count()
}

#[tokio::test]
async fn a_token_that_goes_into_no_account_is_revoked() {
    let sandbox = Sandbox::start().await.unwrap();
    let failing = FailingStore::default();
    let store: Arc<dyn AccountStore> = Arc::new(failing.clone());
    let accounts = builder(&sandbox, &store).build().await.unwrap();
    let (ann, bob) = (sandbox.add_user("Ann"), sandbox.add_user("Bob"));
    accounts.connect_with_token(&id("ann"), ann.token.as_str()).await.unwrap();
    let login = async |user: u64| {
        let link = accounts.authorization_link(&id("ann"), "private").await.unwrap();
        visit(&link, user, true).await
    };
    // Another user logs in; the account is switched off meanwhile; the store fails; the account is forgotten meanwhile.
    let others = login(bob.user_id).await;
    let error = accounts.complete(&others).await.unwrap_err();
    assert!(matches!(error, AccountsError::UserMismatch { .. }), "{error:?}");
    assert_eq!(revocations(&sandbox), 1);

    let callback = login(ann.user_id).await;
    accounts.disable(&id("ann"), "unpaid").await.unwrap();
    let error = accounts.complete(&callback).await.unwrap_err();
    assert!(matches!(error, AccountsError::Disabled { .. }), "{error:?}");
    assert_eq!(revocations(&sandbox), 2);
    accounts.enable(&id("ann")).await.unwrap();

    let callback = login(ann.user_id).await;
    failing.set(Mode::RefusesChanges);
    let error = accounts.complete(&callback).await.unwrap_err();
    assert!(matches!(error, AccountsError::Store(_)), "{error:?}");
    assert_eq!(revocations(&sandbox), 3);
    failing.set(Mode::Works);

    // The token from before is none of them.
    assert!(takes(&sandbox, &ann.token).await);
    assert_eq!(accounts.get(&id("ann")).await.unwrap().unwrap().status, Status::Active);

    // What was written and only not confirmed is in the account, so it stays.
    let callback = login(ann.user_id).await;
    failing.set(Mode::ConfirmsNothing);
    assert_eq!(accounts.complete(&callback).await.unwrap().account.status, Status::Active);
    failing.set(Mode::Works);
    assert_eq!(revocations(&sandbox), 3);
    let me = accounts.client(&id("ann")).await.unwrap().get("/me").fields("name").send().await.unwrap();
    assert_eq!(me["name"], "Ann");
    // A token at hand is the caller's, whatever becomes of it here.
    let error = accounts.connect_with_token(&id("ann"), bob.token.as_str()).await.unwrap_err();
    assert!(matches!(error, AccountsError::UserMismatch { .. }), "{error:?}");
    assert!(takes(&sandbox, &bob.token).await);
}

#[tokio::test]
async fn a_login_is_completed_also_if_the_browser_goes_away() {
    let sandbox = Sandbox::start().await.unwrap();
    let accounts = builder(&sandbox, &memory()).build().await.unwrap();
    let link = accounts.authorization_link(&id("a"), "private").await.unwrap();
    let callback = visit(&link, sandbox.user_id(), true).await;
    let mut events = accounts.events().await.unwrap();
    {
        let mut completed = std::pin::pin!(accounts.complete(&callback));
        // It has begun, and is dropped.
        assert!(futures_util::poll!(&mut completed).is_pending());
    }
    let event = events.next().await.unwrap();
    assert_eq!(event.to, Some(Status::Active));
    accounts.client(&id("a")).await.unwrap().get("/me").send().await.unwrap();
}

/// Vimeo answers with a token that is masked, and without the user.
#[tokio::test]
async fn a_token_at_hand_is_kept_as_it_is_and_its_user_is_looked_up() {
    let fake = Fake::new(|seen, _| match (seen.path.as_str(), seen.token()) {
        ("/oauth/verify", _) => answer(200).json(json!({"access_token": "********", "scope": "public"})),
        ("/me", Some("an app's")) => answer(401).json(json!({"error": "No.", "error_code": 8003})),
        ("/me", Some("bob's")) => answer(200).json(json!({"uri": "/users/8", "token": "bob's"})),
        (_, token) => answer(200).json(json!({"uri": "/users/7", "token": token})),
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
    assert_eq!(grant.token.secret().expose_secret(), "t0ken", "the one that was asked about");
}
