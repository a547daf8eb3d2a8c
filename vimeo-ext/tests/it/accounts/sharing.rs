//! Shared rate limits: clients in one process stand for several processes, and the store counts the requests to it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::time::Instant;
use vimeo_ext::accounts::AccountStore;
use vimeo_ext::auth::BoxFuture;
use vimeo_ext::rate_limit::{LeaseRequest, QuotaLease, QuotaStore};
use vimeo_ext::{Clock, RateLimitPolicy, RateLimiters, RetryPolicy, Vimeo};

use super::memory;
use crate::fake::{Fake, FakeResponse, RecordedRequest, respond, start};

const LIMIT: u64 = 100;
const WINDOW: Duration = Duration::from_secs(60);

/// The windows of one token, each with its start and its number of accepted calls; and the number of rejected calls.
#[derive(Default)]
struct Meter {
    windows: Vec<(Instant, u64)>,
    rejected: u64,
}

/// Enforces a rate limit as Vimeo does: a window starts with its first call.
fn metered(
    meters: &Mutex<HashMap<String, Meter>>,
    limit: u64,
    began: Instant,
    seen: &RecordedRequest,
) -> FakeResponse {
    let now = Instant::now();
    let mut meters = meters.lock().unwrap();
    let meter = meters.entry(seen.token().unwrap().to_owned()).or_default();
    if meter.windows.last().is_none_or(|(opened, _)| *opened + WINDOW <= now) {
        meter.windows.push((now, 0));
    }
    let (opened, used) = meter.windows.last_mut().unwrap();
    let reset = (start() + (*opened + WINDOW - began)).format("%Y-%m-%dT%H:%M:%S+00:00");
    if *used >= limit {
        meter.rejected += 1;
        return respond(429).limit(limit, 0, reset);
    }
    *used += 1;
    respond(200).json(json!({})).limit(limit, limit - *used, reset).after(Duration::from_millis(20))
}

/// Counts the lease requests, and fails on demand.
struct CountingStore {
    store: Arc<dyn AccountStore>,
    /// The number of requested leases.
    lease_requests: AtomicU64,
    mode: StoreMode,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum StoreMode {
    Works,
    Fails,
    Hangs,
    Panics,
}

impl CountingStore {
    fn new(mode: StoreMode) -> Arc<Self> {
        Arc::new(Self { store: memory(), lease_requests: AtomicU64::new(0), mode })
    }
}

impl QuotaStore for CountingStore {
    fn lease<'a>(
        &'a self,
        requests: &'a [LeaseRequest],
    ) -> BoxFuture<'a, Result<Vec<QuotaLease>, Box<dyn std::error::Error + Send + Sync>>> {
        self.lease_requests.fetch_add(requests.len() as u64, Ordering::SeqCst);
        Box::pin(async move {
            match self.mode {
                StoreMode::Works => tokio::time::sleep(Duration::from_millis(1)).await,
                StoreMode::Fails => return Err("unavailable".into()),
                StoreMode::Hangs => std::future::pending().await,
                StoreMode::Panics => panic!("a store that panics"),
            }
            Ok(self.store.lease_quotas(requests).await?)
        })
    }
}

fn process(fake: &Fake, store: &Arc<CountingStore>) -> Vimeo {
    Vimeo::builder()
        .transport(fake.clone())
        .clock(Clock::with_runtime(start()))
        .retry(RetryPolicy::never())
        .rate_limiters(RateLimiters::shared(Arc::clone(store) as Arc<dyn QuotaStore>))
        .build()
        .unwrap()
}

/// Jain's fairness index: 1 if all parts are equal.
pub(super) fn jain_index(parts: &[u64]) -> f64 {
    let sum: f64 = parts.iter().map(|part| *part as f64).sum();
    let squares: f64 = parts.iter().map(|part| (*part as f64).powi(2)).sum();
    sum * sum / (parts.len() as f64 * squares)
}

/// The outcome of several processes that serve the same accounts for a number of windows.
struct Run {
    calls: u64,
    rejected: u64,
    /// The calls that were made in the completed windows.
    used: u64,
    /// The calls that the completed windows allowed.
    allowed: u64,
    lease_requests: u64,
    /// The calls of each process, by account.
    calls_by_process: Vec<Vec<u64>>,
}

/// Runs one process for each of `pauses`: the time that the process waits between two calls of a task.
async fn run(accounts: usize, limit: u64, pauses: &[Duration], windows: u32) -> Run {
    let started_at = Instant::now();
    let meters: Arc<Mutex<HashMap<String, Meter>>> = Arc::default();
    let counting = Arc::clone(&meters);
    let fake = Fake::new(move |seen, _| metered(&counting, limit, started_at, seen));
    let store = CountingStore::new(StoreMode::Works);
    let processes: Vec<Vimeo> = pauses.iter().map(|_| process(&fake, &store)).collect();
    // Up to two seconds pass between two windows, because Vimeo reports resets in whole seconds.
    let end = started_at + (WINDOW + Duration::from_secs(2)) * windows;
    let mut tasks = Vec::new();
    for account in 0..accounts {
        for (number, (process, pause)) in processes.iter().zip(pauses).enumerate() {
            let client = process.for_account(format!("a{account}"), format!("token{account}")).unwrap();
            for _ in 0..3 {
                let client = client.clone();
                tasks.push(async move {
                    let mut calls = 0;
                    while Instant::now() < end {
                        let call = tokio::time::timeout_at(end, client.get("/me").send()).await;
                        calls += u64::from(matches!(call, Ok(Ok(_))));
                        tokio::time::sleep(*pause).await;
                    }
                    (account, number, calls)
                });
            }
        }
    }
    let mut calls_by_process = vec![vec![0; pauses.len()]; accounts];
    for (account, number, count) in join_all(tasks).await {
        calls_by_process[account][number] += count;
    }
    let meters = meters.lock().unwrap();
    let calls = meters.values().flat_map(|meter| &meter.windows).map(|(_, used)| used).sum();
    let rejected = meters.values().map(|meter| meter.rejected).sum();
    let completed =
        meters.values().flat_map(|meter| meter.windows.iter().filter(|(opened, _)| *opened + WINDOW <= end));
    let (allowed, used) = completed.fold((0, 0), |(allowed, sum), (_, used)| (allowed + limit, sum + used));
    let lease_requests = store.lease_requests.load(Ordering::SeqCst);
    let run = Run { calls, rejected, used, allowed, lease_requests, calls_by_process };
    println!(
        "{} calls, {} rejected, {} of {} used, {} lease requests, {:?}",
        run.calls, run.rejected, run.used, run.allowed, run.lease_requests, run.calls_by_process
    );
    run
}

#[tokio::test(start_paused = true)]
async fn processes_share_a_limit_fairly_without_exceeding_it() {
    let run = run(30, LIMIT, &[Duration::ZERO; 4], 4).await;
    assert!(run.rejected * 1_000 <= run.calls, "{} of {} rejected", run.rejected, run.calls);
    assert!(run.used * 100 >= run.allowed * 95, "{} of {} used", run.used, run.allowed);
    assert!(
        run.lease_requests * 10 <= run.calls,
        "{} lease requests, {} calls",
        run.lease_requests,
        run.calls
    );
    let fairness = run.calls_by_process.iter().map(|parts| jain_index(parts)).fold(1.0, f64::min);
    assert!(fairness >= 0.95, "{fairness}");
}

#[tokio::test(start_paused = true)]
async fn exhausted_holders_are_not_treated_as_dead() {
    // With limits as large as these, all processes may come back in the middle of a window and look for the leases of dead ones.
    for limit in [120, 200, 400] {
        let run = run(10, limit, &[Duration::ZERO; 4], 3).await;
        assert_eq!(run.rejected, 0, "of a limit of {limit}, {} calls", run.calls);
        assert!(run.used * 100 >= run.allowed * 95, "{} of {} used", run.used, run.allowed);
        assert!(
            run.lease_requests * 10 <= run.calls,
            "{} lease requests, {} calls",
            run.lease_requests,
            run.calls
        );
    }
}

#[tokio::test(start_paused = true)]
async fn unused_share_goes_to_saturated_processes() {
    // Three processes call once in ten seconds with each of three tasks: 18 calls per window.
    let slow = Duration::from_secs(10);
    let run = run(10, LIMIT, &[Duration::ZERO, slow, slow, slow], 4).await;
    assert!(run.rejected * 1_000 <= run.calls, "{} of {} rejected", run.rejected, run.calls);
    assert!(run.used * 100 >= run.allowed * 95, "{} of {} used", run.used, run.allowed);
    assert!(
        run.lease_requests * 10 <= run.calls,
        "{} lease requests, {} calls",
        run.lease_requests,
        run.calls
    );
    for parts in &run.calls_by_process {
        assert!(
            parts[1..].iter().all(|calls| *calls >= 50),
            "a slow process did not get its demand: {parts:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn late_process_gets_part_of_a_small_limit() {
    let reset = (start() + WINDOW).format("%Y-%m-%dT%H:%M:%S+00:00").to_string();
    let fake = Fake::new(move |_, number| {
        respond(200).json(json!({})).limit(10, 10_u64.saturating_sub(number as u64 + 1), &reset)
    });
    let store = CountingStore::new(StoreMode::Works);
    let [first, second] = [process(&fake, &store), process(&fake, &store)];
    let client = |process: &Vimeo| process.for_account("a", "token").unwrap();
    let (first, second) = (client(&first), client(&second));
    let started_at = Instant::now();
    for _ in 0..6 {
        first.get("/me").send().await.unwrap();
    }
    // Four calls remain, and the first process may hold leases for some of them.
    second.get("/me").send().await.unwrap();
    assert!(started_at.elapsed() < Duration::from_secs(3), "{:?}", started_at.elapsed());
}

#[tokio::test(start_paused = true)]
async fn limit_of_one_call_is_known_to_all_processes() {
    let started_at = Instant::now();
    let meters: Arc<Mutex<HashMap<String, Meter>>> = Arc::default();
    let counting = Arc::clone(&meters);
    let fake = Fake::new(move |seen, _| metered(&counting, LIMIT, started_at, seen));
    let store = CountingStore::new(StoreMode::Works);
    let processes = [process(&fake, &store), process(&fake, &store), process(&fake, &store)];
    let call = |process: &Vimeo, account: &str| {
        let client = process.for_account(account, "token").unwrap();
        async move { client.get("/me").rate_limit(RateLimitPolicy::FailFast).send().await.map(drop) }
    };
    // One after the other: the second process does not wait until the first one calls again.
    call(&processes[0], "a").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let began = Instant::now();
    call(&processes[1], "a").await.unwrap();
    assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
    // At the same time: the others wait for the first response, although they must not wait for a limit.
    let began = Instant::now();
    for called in join_all(processes.iter().map(|process| call(process, "b"))).await {
        called.unwrap();
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn unavailable_store_does_not_block_calls() {
    for (mode, timeout) in [(StoreMode::Fails, 0), (StoreMode::Hangs, 5), (StoreMode::Panics, 0)] {
        let started_at = Instant::now();
        let meters: Arc<Mutex<HashMap<String, Meter>>> = Arc::default();
        let counting = Arc::clone(&meters);
        let fake = Fake::new(move |seen, _| metered(&counting, LIMIT, started_at, seen));
        let store = CountingStore::new(mode);
        let process = process(&fake, &store);
        let clients = ["a", "b"].map(|name| process.for_account(name, format!("token {name}")).unwrap());
        for _ in 0..40 {
            for client in &clients {
                client.get("/me").send().await.unwrap();
            }
        }
        // Each call takes 20 ms, and only one waits for the store.
        assert!(started_at.elapsed() < Duration::from_secs(timeout + 2), "{:?}", started_at.elapsed());
        assert_eq!(
            store.lease_requests.load(Ordering::SeqCst),
            1,
            "the circuit breaker is open for all accounts"
        );
        // The store is retried later, and no call waits for that.
        tokio::time::sleep(Duration::from_secs(6)).await;
        let again = Instant::now();
        clients[1].get("/me").send().await.unwrap();
        assert!(again.elapsed() < Duration::from_secs(1), "{:?}", again.elapsed());
        assert_eq!(store.lease_requests.load(Ordering::SeqCst), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_calls_return_their_lease() {
    let started_at = Instant::now();
    let meters: Arc<Mutex<HashMap<String, Meter>>> = Arc::default();
    let counting = Arc::clone(&meters);
    let fake = Fake::new(move |seen, _| metered(&counting, LIMIT, started_at, seen));
    let store = CountingStore::new(StoreMode::Works);
    let client = process(&fake, &store).for_account("a", "token").unwrap();
    let mut dropped = 0;
    for _ in 0..LIMIT {
        // A call that needs a lease is dropped before the store responds.
        let call = tokio::time::timeout(Duration::from_micros(500), client.get("/me").send());
        dropped += u64::from(call.await.is_err());
        client.get("/me").send().await.unwrap();
        if dropped == 3 {
            break;
        }
    }
    assert_eq!(dropped, 3);
    let window = client.rate_limiter().status().windows[0];
    for _ in 0..window.remaining {
        client.get("/me").send().await.unwrap();
    }
    assert!(started_at.elapsed() < WINDOW, "all calls of the window could be made within it");
    assert_eq!(meters.lock().unwrap()["token"].rejected, 0);
}

#[test]
fn runtime_shutdown_does_not_block_other_runtimes() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().start_paused(true).build().unwrap()
    };
    let store = CountingStore::new(StoreMode::Hangs);
    let first = runtime();
    let client = first.block_on(async {
        let fake = Fake::new(|_, _| respond(200).json(json!({})));
        let client = process(&fake, &store).for_account("a", "token").unwrap();
        let call = tokio::time::timeout(Duration::from_secs(1), client.get("/me").send());
        assert!(call.await.is_err(), "the call waits for the store");
        client
    });
    drop(first);
    runtime().block_on(async {
        let call = tokio::time::timeout(Duration::from_secs(1), client.get("/me").send());
        call.await.expect("no call waits for a request of the stopped runtime").unwrap();
    });
}
