//! Renewing tokens: once, by one, ahead of time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use vimeo_api::Error as CallError;
use vimeo_ext::accounts::{Account, AccountRefresher, AccountStore, Accounts, AccountsError, Status, Tokens};
use vimeo_ext::auth::{BoxFuture, RefreshError};
use vimeo_ext::{AccessToken, Clock};

use super::failing_store::{FailingStore, Mode};
use super::{id, memory, ring};
use crate::fake::{Fake, Seen, answer, start};

#[derive(Clone)]
struct Counting {
    count: Arc<AtomicUsize>,
    fails: Option<fn() -> RefreshError>,
    takes: Duration,
}

impl Default for Counting {
    fn default() -> Self {
        Self { count: Arc::default(), fails: None, takes: Duration::from_millis(300) }
    }
}

impl AccountRefresher for Counting {
    fn refresh<'a>(
        &'a self,
        account: &'a Account,
        _: &'a Tokens,
    ) -> BoxFuture<'a, Result<Tokens, RefreshError>> {
        Box::pin(async move {
            tokio::time::sleep(self.takes).await;
            let number = self.count.fetch_add(1, Ordering::SeqCst) + 1;
            if let Some(error) = self.fails {
                return Err(error());
            }
            let expires = start() + Duration::from_secs(3_600 * (number as u64 + 1));
            let token = AccessToken::from(format!("{}-new{number}", account.id)).with_expiry(expires);
            Ok(Tokens::new(token).with_refresh(format!("refresh{number}")))
        })
    }
}

/// Takes tokens of the form `a` and `a-new1`; the first expires in an hour.
fn vimeo(seen: &Seen) -> crate::fake::Answer {
    let Some(token) = seen.token() else { return answer(200).json(json!({})) };
    if token.ends_with("-gone") || (seen.path == "/fresh" && !token.contains("-new")) {
        return answer(401).json(json!({"error": "No."}));
    }
    let expires = (!token.contains("-new")).then_some("2026-03-01T13:00:00+00:00");
    answer(200).json(json!({"scope": "public private", "expires_on": expires, "token": token}))
}

async fn process(fake: &Fake, store: &Arc<dyn AccountStore>, refresher: &Counting) -> Accounts {
    process_at(fake, store, refresher, Clock::with_runtime(start())).await
}

async fn process_at(
    fake: &Fake,
    store: &Arc<dyn AccountStore>,
    refresher: &Counting,
    clock: Clock,
) -> Accounts {
    let app = fake.builder().app("app", "secret").clock(clock).build().unwrap();
    Accounts::builder(app, Arc::clone(store), ring()).refresher(refresher.clone()).build().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn of_many_tasks_and_processes_one_renews_ahead_of_the_expiry() {
    let fake = Fake::new(|seen, _| vimeo(seen));
    let (store, refresher) = (memory(), Counting::default());
    let here = process(&fake, &store, &refresher).await;
    let there = process(&fake, &store, &refresher).await;
    here.connect_with_token(&id("a"), "a").await.unwrap();
    let clients = [here.client(&id("a")).await.unwrap(), there.client(&id("a")).await.unwrap()];
    assert_eq!(clients[0].get("/me").send().await.unwrap()["token"], "a");
    tokio::time::advance(Duration::from_secs(3_600 - 59)).await;
    for me in join_all((0..40).map(|n| clients[n % 2].get("/me").send())).await {
        assert_eq!(me.unwrap()["token"], "a-new1");
    }
    assert_eq!(refresher.count.load(Ordering::SeqCst), 1);
    let account = there.get(&id("a")).await.unwrap().unwrap();
    assert_eq!(
        (account.status, account.expires),
        (Status::Active, Some(start() + Duration::from_secs(7_200)))
    );
    assert_eq!(account.scopes, None, "what the old token was good for says nothing of the new one");
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_asked_about_and_then_renewed_once() {
    let fake = Fake::new(|seen, _| vimeo(seen));
    let (store, refresher) = (memory(), Counting::default());
    let here = process(&fake, &store, &refresher).await;
    here.connect_with_token(&id("a"), "a").await.unwrap();
    let client = here.client(&id("a")).await.unwrap();
    // Vimeo stands by the token: what it answered was about the call.
    let error = client.get("/fresh").send().await.unwrap_err();
    assert!(matches!(error, CallError::Api(_)), "{error:?}");
    assert_eq!(refresher.count.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_is_gone_delays_the_others_only_so_long() {
    let fake = Fake::new(|seen, _| vimeo(seen));
    let (store, refresher) = (memory(), Counting::default());
    let here = process(&fake, &store, &refresher).await;
    here.connect_with_token(&id("a"), "a").await.unwrap();
    let client = here.client(&id("a")).await.unwrap();
    tokio::time::advance(Duration::from_secs(3_600 - 59)).await;
    let now = start() + Duration::from_secs(3_600 - 59);
    let until = now + Duration::from_secs(50);
    assert!(store.acquire_lease("renew a", "dead", now, until).await.unwrap());
    let began = tokio::time::Instant::now();
    assert_eq!(client.get("/me").send().await.unwrap()["token"], "a-new1");
    assert!(began.elapsed() >= Duration::from_secs(50) && began.elapsed() < Duration::from_secs(52));
}

/// A refresh token may be good once: whose lease has lapsed while Vimeo was asked about the old token does not use it.
#[tokio::test(start_paused = true)]
async fn whoever_lost_the_lease_meanwhile_does_not_renew() {
    let withdrawn = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let gone = Arc::clone(&withdrawn);
    let fake = Fake::new(move |seen, _| {
        if gone.load(Ordering::SeqCst) && seen.token().is_some_and(|token| !token.contains("-new")) {
            let refused = answer(401).json(json!({"error": "No."}));
            // Longer than a lease lasts.
            return if seen.path == "/me" { refused } else { refused.after(Duration::from_secs(90)) };
        }
        vimeo(seen)
    });
    let (store, refresher) = (memory(), Counting::default());
    let here = process(&fake, &store, &refresher).await;
    let there = process(&fake, &store, &refresher).await;
    here.connect_with_token(&id("a"), "a").await.unwrap();
    let clients = [here.client(&id("a")).await.unwrap(), there.client(&id("a")).await.unwrap()];
    withdrawn.store(true, Ordering::SeqCst);
    let answers = join_all(clients.iter().map(|client| client.get("/me").send())).await;
    assert_eq!(refresher.count.load(Ordering::SeqCst), 1, "{answers:?}");
    assert!(answers.iter().flatten().all(|me| me["token"] == "a-new1"));
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    // The other is only told to try again.
    let all = join_all(clients.iter().map(|client| client.get("/me").send())).await;
    assert!(all.iter().all(|me| me.as_ref().unwrap()["token"] == "a-new1"), "{all:?}");
}

#[tokio::test(start_paused = true)]
async fn what_only_the_user_can_mend_is_noted_and_what_may_pass_is_not() {
    let fake = Fake::new(|seen, _| vimeo(seen));
    let store = memory();
    let flaky = Counting { fails: Some(|| RefreshError::temporary("vault down")), ..Counting::default() };
    let clock = Clock::with_runtime(start());
    let here = process_at(&fake, &store, &flaky, clock.clone()).await;
    here.connect_with_token(&id("a"), "a").await.unwrap();
    let client = here.client(&id("a")).await.unwrap();
    tokio::time::advance(Duration::from_secs(3_600 - 59)).await;
    assert_eq!(client.get("/me").send().await.unwrap()["token"], "a", "used on until it expires");
    assert_eq!(here.get(&id("a")).await.unwrap().unwrap().status, Status::Active);

    let gone = Counting { fails: Some(|| RefreshError::login_required("withdrawn")), ..Counting::default() };
    let there = process_at(&fake, &store, &gone, clock).await;
    tokio::time::advance(Duration::from_secs(60)).await;
    let client = there.client(&id("a")).await.unwrap();
    for _ in 0..3 {
        let error = client.get("/me").send().await.unwrap_err();
        assert!(
            matches!(&error, CallError::LoginRequired(login) if login.account.as_deref() == Some("a")),
            "{error:?}"
        );
    }
    assert_eq!(gone.count.load(Ordering::SeqCst), 1);
    let account = there.get(&id("a")).await.unwrap().unwrap();
    assert_eq!((account.status, account.reason.as_deref()), (Status::Expired, Some("withdrawn")));
    let error = there.client(&id("b")).await.unwrap_err();
    assert!(matches!(error, AccountsError::UnknownAccount { .. }));
}

#[tokio::test(start_paused = true)]
async fn accounts_that_make_no_calls_are_renewed_on_demand() {
    let fake = Fake::new(|seen, _| vimeo(seen));
    let (store, refresher) = (memory(), Counting::default());
    let here = process(&fake, &store, &refresher).await;
    for name in ["a", "b", "c-new0"] {
        here.connect_with_token(&id(name), name).await.unwrap();
    }
    assert_eq!(here.refresh_due(Duration::from_secs(300)).await.unwrap(), 0);
    tokio::time::advance(Duration::from_secs(3_600 - 200)).await;
    assert_eq!(here.refresh_due(Duration::from_secs(300)).await.unwrap(), 2);
    assert_eq!(here.refresh_due(Duration::from_secs(300)).await.unwrap(), 0);
    assert_eq!(here.client(&id("b")).await.unwrap().get("/me").send().await.unwrap()["token"], "b-new2");
}

/// What the store has of an account, opened as another process would.
async fn in_the_store(fake: &Fake, store: &Arc<dyn AccountStore>) -> (Status, String) {
    let accounts = process(fake, store, &Counting::default()).await;
    let account = accounts.get(&id("a")).await.unwrap().unwrap();
    let token = accounts.client(&id("a")).await.unwrap().get("/me").send().await.unwrap()["token"].clone();
    (account.status, token.as_str().unwrap().to_owned())
}

/// A refresh token may be good once, so what it was given for must not be lost with the store.
#[tokio::test(start_paused = true)]
async fn renewed_tokens_are_used_at_once_and_written_when_the_store_is_back() {
    for mode in [Mode::RefusesChanges, Mode::ConfirmsNothing] {
        let fake = Fake::new(|seen, _| vimeo(seen));
        let failing = FailingStore::default();
        let store: Arc<dyn AccountStore> = Arc::new(failing.clone());
        let refresher = Counting::default();
        let here = process(&fake, &store, &refresher).await;
        here.connect_with_token(&id("a"), "a").await.unwrap();
        let client = here.client(&id("a")).await.unwrap();
        tokio::time::advance(Duration::from_secs(3_600 - 59)).await;
        failing.set(mode);
        for _ in 0..3 {
            assert_eq!(client.get("/me").send().await.unwrap()["token"], "a-new1", "{mode:?}");
        }
        // It is not only the client that asked which has them.
        if mode == Mode::RefusesChanges {
            assert_eq!(here.verify(&id("a")).await.unwrap().status, Status::Active);
            assert_eq!(fake.log().last().unwrap().token(), Some("a-new1"));
        }
        tokio::time::sleep(Duration::from_secs(3_000)).await;
        failing.set(Mode::Works);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(in_the_store(&fake, &store).await, (Status::Active, "a-new1".to_owned()), "{mode:?}");
        assert_eq!(refresher.count.load(Ordering::SeqCst), 1, "{mode:?}");
        assert_eq!(client.get("/me").send().await.unwrap()["token"], "a-new1", "{mode:?}");
    }
}

/// As above, but the store answers nothing at all when it is written, also not that it fails.
#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_does_not_hold_back_the_calls() {
    let fake = Fake::new(|seen, _| vimeo(seen));
    let failing = FailingStore::default();
    let store: Arc<dyn AccountStore> = Arc::new(failing.clone());
    let refresher = Counting { takes: Duration::from_secs(5), ..Counting::default() };
    let here = process(&fake, &store, &refresher).await;
    here.connect_with_token(&id("a"), "a").await.unwrap();
    let client = here.client(&id("a")).await.unwrap();
    tokio::time::advance(Duration::from_secs(3_600 - 59)).await;
    let call = tokio::spawn(client.get("/me").send());
    tokio::time::sleep(Duration::from_secs(1)).await;
    failing.set(Mode::Hangs);
    let begun = tokio::time::Instant::now();
    assert_eq!(call.await.unwrap().unwrap()["token"], "a-new1");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

/// Whoever asked waits no longer: by a timeout of its own, or because the refresher takes too long.
#[tokio::test(start_paused = true)]
async fn a_refresh_outlives_the_call_that_asked_for_it() {
    for (takes, cancelled) in [(10, true), (200, false)] {
        let fake = Fake::new(|seen, _| vimeo(seen));
        let (store, takes) = (memory(), Duration::from_secs(takes));
        let refresher = Counting { takes, ..Counting::default() };
        let here = process(&fake, &store, &refresher).await;
        let there = process(&fake, &store, &refresher).await;
        here.connect_with_token(&id("a"), "a").await.unwrap();
        tokio::time::advance(Duration::from_secs(3_600 - 59)).await;
        let refreshed = tokio::time::timeout(Duration::from_secs(60), async {
            match cancelled {
                true => tokio::time::timeout(Duration::from_secs(1), here.refresh(&id("a"))).await.ok(),
                false => Some(here.refresh(&id("a")).await),
            }
        });
        match refreshed.await.unwrap() {
            None => assert!(cancelled),
            Some(result) => assert!(matches!(result, Err(AccountsError::Vimeo(_))), "{result:?}"),
        }
        // Nobody else uses the refresh token meanwhile, however long it takes.
        let elsewhere = there.refresh(&id("a")).await.unwrap();
        assert_eq!(elsewhere.expires, Some(start() + Duration::from_secs(7_200)));
        assert_eq!(refresher.count.load(Ordering::SeqCst), 1);
        assert_eq!(in_the_store(&fake, &store).await, (Status::Active, "a-new1".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresher_that_never_ends_is_dropped() {
    let fake = Fake::new(|seen, _| vimeo(seen));
    let store = memory();
    let endless = Counting { takes: Duration::from_secs(1_000_000), ..Counting::default() };
    let here = process(&fake, &store, &endless).await;
    here.connect_with_token(&id("a"), "a").await.unwrap();
    tokio::time::advance(Duration::from_secs(3_600 - 59)).await;
    assert!(matches!(here.refresh(&id("a")).await, Err(AccountsError::Vimeo(_))));
    tokio::time::sleep(Duration::from_secs(700)).await;
    // Its lease is free again.
    let there = process(&fake, &store, &Counting::default()).await;
    let begun = tokio::time::Instant::now();
    there.refresh(&id("a")).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn tokens_that_come_for_an_account_that_is_gone_are_revoked() {
    let fake = Fake::new(|seen, _| vimeo(seen));
    let (store, refresher) = (memory(), Counting::default());
    let here = process(&fake, &store, &refresher).await;
    here.connect_with_token(&id("a"), "a").await.unwrap();
    tokio::time::advance(Duration::from_secs(3_600 - 59)).await;
    let accounts = here.clone();
    let refreshed = tokio::spawn(async move { accounts.refresh(&id("a")).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    here.disconnect(&id("a")).await.unwrap();
    let error = refreshed.await.unwrap().unwrap_err();
    assert!(matches!(error, AccountsError::UnknownAccount { .. }), "{error:?}");
    let revoked: Vec<_> = fake
        .log()
        .iter()
        .filter(|seen| seen.method == http::Method::DELETE && seen.path == "/tokens")
        .map(|seen| seen.token().unwrap().to_owned())
        .collect();
    assert_eq!(revoked, ["a", "a-new1"]);
}
