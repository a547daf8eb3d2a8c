//! Renewing the tokens of accounts: by one process at a time, before they expire.

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
use crate::fake::{Fake, RecordedRequest, respond, start};

/// Returns `ID-new1`, `ID-new2` and so on after a delay, or an error.
#[derive(Clone)]
struct CountingRefresher {
    count: Arc<AtomicUsize>,
    error: Option<fn() -> RefreshError>,
    delay: Duration,
}

impl Default for CountingRefresher {
    fn default() -> Self {
        Self { count: Arc::default(), error: None, delay: Duration::from_millis(300) }
    }
}

impl AccountRefresher for CountingRefresher {
    fn refresh<'a>(
        &'a self,
        account: &'a Account,
        _: &'a Tokens,
    ) -> BoxFuture<'a, Result<Tokens, RefreshError>> {
        Box::pin(async move {
            tokio::time::sleep(self.delay).await;
            let number = self.count.fetch_add(1, Ordering::SeqCst) + 1;
            if let Some(error) = self.error {
                return Err(error());
            }
            let expires = start() + Duration::from_secs(3_600 * (number as u64 + 1));
            let token = AccessToken::from(format!("{}-new{number}", account.id)).with_expiry(expires);
            Ok(Tokens::new(token).with_refresh(format!("refresh{number}")))
        })
    }
}

/// Accepts tokens of the form `a` and `a-new1`; the first kind expires in an hour.
fn vimeo(seen: &RecordedRequest) -> crate::fake::FakeResponse {
    let Some(token) = seen.token() else { return respond(200).json(json!({})) };
    if token.ends_with("-gone") || (seen.path == "/fresh" && !token.contains("-new")) {
        return respond(401).json(json!({"error": "No."}));
    }
    let expires = (!token.contains("-new")).then_some("2026-03-01T13:00:00+00:00");
    respond(200).json(json!({"scope": "public private", "expires_on": expires, "token": token}))
}

async fn process(fake: &Fake, store: &Arc<dyn AccountStore>, refresher: &CountingRefresher) -> Accounts {
    process_at(fake, store, refresher, Clock::with_runtime(start())).await
}

async fn process_at(
    fake: &Fake,
    store: &Arc<dyn AccountStore>,
    refresher: &CountingRefresher,
    clock: Clock,
) -> Accounts {
    let app = fake.builder().app("app", "secret").clock(clock).build().unwrap();
    Accounts::builder(app, Arc::clone(store), ring()).refresher(refresher.clone()).build().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn one_of_many_processes_renews_before_expiry() {
    let fake = Fake::new(|seen, _| vimeo(seen));
    let (store, refresher) = (memory(), CountingRefresher::default());
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
    assert_eq!(account.scopes, None, "the old token's scopes do not apply to the new one");
}

#[tokio::test(start_paused = true)]
async fn valid_token_is_not_renewed_after_a_401() {
    let fake = Fake::new(|seen, _| vimeo(seen));
    let (store, refresher) = (memory(), CountingRefresher::default());
    let here = process(&fake, &store, &refresher).await;
    here.connect_with_token(&id("a"), "a").await.unwrap();
    let client = here.client(&id("a")).await.unwrap();
    // Vimeo still accepts the token, so the 401 is about the call.
    let error = client.get("/fresh").send().await.unwrap_err();
    assert!(matches!(error, CallError::Api(_)), "{error:?}");
    assert_eq!(refresher.count.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn waits_for_a_dead_lease_holder_until_expiry() {
    let fake = Fake::new(|seen, _| vimeo(seen));
    let (store, refresher) = (memory(), CountingRefresher::default());
    let here = process(&fake, &store, &refresher).await;
    here.connect_with_token(&id("a"), "a").await.unwrap();
    let client = here.client(&id("a")).await.unwrap();
    tokio::time::advance(Duration::from_secs(3_600 - 59)).await;
    let now = start() + Duration::from_secs(3_600 - 59);
    let until = now + Duration::from_secs(50);
    assert!(store.acquire_lease("renew a", "dead", now, until).await.unwrap());
    let started_at = tokio::time::Instant::now();
    assert_eq!(client.get("/me").send().await.unwrap()["token"], "a-new1");
    assert!((50..52).contains(&started_at.elapsed().as_secs()));
}

/// A refresh token may work only once, so a process whose lease expired while it verified the old token must not use it.
#[tokio::test(start_paused = true)]
async fn lost_lease_prevents_renewal() {
    let revoked = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_revoked = Arc::clone(&revoked);
    let fake = Fake::new(move |seen, _| {
        if is_revoked.load(Ordering::SeqCst) && seen.token().is_some_and(|token| !token.contains("-new")) {
            let rejected = respond(401).json(json!({"error": "No."}));
            // Longer than a lease lasts.
            return if seen.path == "/me" { rejected } else { rejected.after(Duration::from_secs(90)) };
        }
        vimeo(seen)
    });
    let (store, refresher) = (memory(), CountingRefresher::default());
    let here = process(&fake, &store, &refresher).await;
    let there = process(&fake, &store, &refresher).await;
    here.connect_with_token(&id("a"), "a").await.unwrap();
    let clients = [here.client(&id("a")).await.unwrap(), there.client(&id("a")).await.unwrap()];
    revoked.store(true, Ordering::SeqCst);
    let results = join_all(clients.iter().map(|client| client.get("/me").send())).await;
    assert_eq!(refresher.count.load(Ordering::SeqCst), 1, "{results:?}");
    assert!(results.iter().flatten().all(|me| me["token"] == "a-new1"));
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    // The other call fails with a temporary error, and succeeds the next time.
    let all = join_all(clients.iter().map(|client| client.get("/me").send())).await;
    assert!(all.iter().all(|me| me.as_ref().unwrap()["token"] == "a-new1"), "{all:?}");
}

#[tokio::test(start_paused = true)]
async fn only_final_refresh_failures_change_the_status() {
    let fake = Fake::new(|seen, _| vimeo(seen));
    let store = memory();
    let flaky = CountingRefresher {
        error: Some(|| RefreshError::temporary("vault down")),
        ..CountingRefresher::default()
    };
    let clock = Clock::with_runtime(start());
    let here = process_at(&fake, &store, &flaky, clock.clone()).await;
    here.connect_with_token(&id("a"), "a").await.unwrap();
    let client = here.client(&id("a")).await.unwrap();
    tokio::time::advance(Duration::from_secs(3_600 - 59)).await;
    assert_eq!(client.get("/me").send().await.unwrap()["token"], "a", "used until it expires");
    assert_eq!(here.get(&id("a")).await.unwrap().unwrap().status, Status::Active);

    let revoked = CountingRefresher {
        error: Some(|| RefreshError::login_required("withdrawn")),
        ..CountingRefresher::default()
    };
    let there = process_at(&fake, &store, &revoked, clock).await;
    tokio::time::advance(Duration::from_secs(60)).await;
    let client = there.client(&id("a")).await.unwrap();
    for _ in 0..3 {
        let error = client.get("/me").send().await.unwrap_err();
        assert!(
            matches!(&error, CallError::LoginRequired(login) if login.account.as_deref() == Some("a")),
            "{error:?}"
        );
    }
    assert_eq!(revoked.count.load(Ordering::SeqCst), 1);
    let account = there.get(&id("a")).await.unwrap().unwrap();
    assert_eq!((account.status, account.reason.as_deref()), (Status::Expired, Some("withdrawn")));
    let error = there.client(&id("b")).await.unwrap_err();
    assert!(matches!(error, AccountsError::UnknownAccount { .. }));
}

#[tokio::test(start_paused = true)]
async fn refresh_due_renews_idle_accounts() {
    let fake = Fake::new(|seen, _| vimeo(seen));
    let (store, refresher) = (memory(), CountingRefresher::default());
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

#[tokio::test(start_paused = true)]
async fn async_closure_is_an_account_refresher() {
    let fake = Fake::new(|seen, _| vimeo(seen));
    let app = fake.builder().app("app", "secret").clock(Clock::with_runtime(start())).build().unwrap();
    let accounts = Accounts::builder(app, memory(), ring())
        .refresher(|account: Account, old: Tokens| async move {
            let refresh_token = old.expose_refresh().unwrap_or("none");
            let token = AccessToken::from(format!("{}-new-{refresh_token}", account.id));
            Ok(Tokens::new(token.with_expiry(start() + Duration::from_secs(7_200))).with_refresh("second"))
        })
        .build()
        .await
        .unwrap();
    accounts.connect_with_token(&id("a"), "a").await.unwrap();
    let client = accounts.client(&id("a")).await.unwrap();
    // Each time 59 seconds before the expiry.
    for (seconds, token) in [(3_600 - 59, "a-new-none"), (3_600, "a-new-second")] {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        assert_eq!(client.get("/me").send().await.unwrap()["token"], token);
    }
}

/// Returns an account's status and token in the store, as another process sees them.
async fn stored(fake: &Fake, store: &Arc<dyn AccountStore>) -> (Status, String) {
    let accounts = process(fake, store, &CountingRefresher::default()).await;
    let account = accounts.get(&id("a")).await.unwrap().unwrap();
    let token = accounts.client(&id("a")).await.unwrap().get("/me").send().await.unwrap()["token"].clone();
    (account.status, token.as_str().unwrap().to_owned())
}

/// A refresh token may work only once, so its result must survive a failing store.
#[tokio::test(start_paused = true)]
async fn renewed_tokens_survive_a_store_outage() {
    for mode in [Mode::RejectsUpdates, Mode::LosesConfirmations] {
        let fake = Fake::new(|seen, _| vimeo(seen));
        let failing = FailingStore::default();
        let store: Arc<dyn AccountStore> = Arc::new(failing.clone());
        let refresher = CountingRefresher::default();
        let here = process(&fake, &store, &refresher).await;
        here.connect_with_token(&id("a"), "a").await.unwrap();
        let client = here.client(&id("a")).await.unwrap();
        tokio::time::advance(Duration::from_secs(3_600 - 59)).await;
        failing.set(mode);
        for _ in 0..3 {
            assert_eq!(client.get("/me").send().await.unwrap()["token"], "a-new1", "{mode:?}");
        }
        // Not only the client that refreshed uses the new tokens.
        if mode == Mode::RejectsUpdates {
            assert_eq!(here.verify(&id("a")).await.unwrap().status, Status::Active);
            assert_eq!(fake.log().last().unwrap().token(), Some("a-new1"));
        }
        tokio::time::sleep(Duration::from_secs(3_000)).await;
        failing.set(Mode::Works);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(stored(&fake, &store).await, (Status::Active, "a-new1".to_owned()), "{mode:?}");
        assert_eq!(refresher.count.load(Ordering::SeqCst), 1, "{mode:?}");
        assert_eq!(client.get("/me").send().await.unwrap()["token"], "a-new1", "{mode:?}");
    }
}

/// As above, but writes to the store hang instead of failing.
#[tokio::test(start_paused = true)]
async fn hanging_store_does_not_block_calls() {
    let fake = Fake::new(|seen, _| vimeo(seen));
    let failing = FailingStore::default();
    let store: Arc<dyn AccountStore> = Arc::new(failing.clone());
    let refresher = CountingRefresher { delay: Duration::from_secs(5), ..CountingRefresher::default() };
    let here = process(&fake, &store, &refresher).await;
    here.connect_with_token(&id("a"), "a").await.unwrap();
    let client = here.client(&id("a")).await.unwrap();
    tokio::time::advance(Duration::from_secs(3_600 - 59)).await;
    let call = tokio::spawn(client.get("/me").send());
    tokio::time::sleep(Duration::from_secs(1)).await;
    failing.set(Mode::Hangs);
    let started_at = tokio::time::Instant::now();
    assert_eq!(call.await.unwrap().unwrap()["token"], "a-new1");
    assert!(started_at.elapsed() < Duration::from_secs(10), "{:?}", started_at.elapsed());
}

/// The caller stops waiting, because it is cancelled or the refresher takes too long.
#[tokio::test(start_paused = true)]
async fn refresh_continues_after_the_caller_gives_up() {
    for (seconds, cancelled) in [(10, true), (200, false)] {
        let fake = Fake::new(|seen, _| vimeo(seen));
        let (store, delay) = (memory(), Duration::from_secs(seconds));
        let refresher = CountingRefresher { delay, ..CountingRefresher::default() };
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
        // No other process uses the refresh token in the meantime, however long the refresh takes.
        let elsewhere = there.refresh(&id("a")).await.unwrap();
        assert_eq!(elsewhere.expires, Some(start() + Duration::from_secs(7_200)));
        assert_eq!(refresher.count.load(Ordering::SeqCst), 1);
        assert_eq!(stored(&fake, &store).await, (Status::Active, "a-new1".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn endless_refresher_is_aborted() {
    let fake = Fake::new(|seen, _| vimeo(seen));
    let store = memory();
    let endless = CountingRefresher { delay: Duration::from_secs(1_000_000), ..CountingRefresher::default() };
    let here = process(&fake, &store, &endless).await;
    here.connect_with_token(&id("a"), "a").await.unwrap();
    tokio::time::advance(Duration::from_secs(3_600 - 59)).await;
    assert!(matches!(here.refresh(&id("a")).await, Err(AccountsError::Vimeo(_))));
    tokio::time::sleep(Duration::from_secs(700)).await;
    // Its lease has been released.
    let there = process(&fake, &store, &CountingRefresher::default()).await;
    let started_at = tokio::time::Instant::now();
    there.refresh(&id("a")).await.unwrap();
    assert!(started_at.elapsed() < Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn new_tokens_of_a_disconnected_account_are_revoked() {
    let fake = Fake::new(|seen, _| vimeo(seen));
    let (store, refresher) = (memory(), CountingRefresher::default());
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
