//! RateLimiters that processes share: here of clients of one process, with a store that counts how often it is asked.

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
use vimeo_ext::{Clock, RateLimiters, RetryPolicy, Vimeo};

use super::memory;
use crate::fake::{Answer, Fake, Seen, answer, start};

const LIMIT: u64 = 100;
const WINDOW: Duration = Duration::from_secs(60);

/// One token's windows, each with what it let through; and how often it refused.
#[derive(Default)]
struct Meter {
    windows: Vec<(Instant, u64)>,
    refused: u64,
}

/// A Vimeo that keeps count: a window begins with its first call.
fn metered(meters: &Mutex<HashMap<String, Meter>>, limit: u64, began: Instant, seen: &Seen) -> Answer {
    let now = Instant::now();
    let mut meters = meters.lock().unwrap();
    let meter = meters.entry(seen.token().unwrap().to_owned()).or_default();
    if meter.windows.last().is_none_or(|(opened, _)| *opened + WINDOW <= now) {
        meter.windows.push((now, 0));
    }
    let (opened, used) = meter.windows.last_mut().unwrap();
    let reset = (start() + (*opened + WINDOW - began)).format("%Y-%m-%dT%H:%M:%S+00:00");
    if *used >= limit {
        meter.refused += 1;
        return answer(429).limit(limit, 0, reset);
    }
    *used += 1;
    answer(200).json(json!({})).limit(limit, limit - *used, reset).after(Duration::from_millis(20))
}

/// Counts what the store is asked, and does what it is told to.
struct Counted {
    store: Arc<dyn AccountStore>,
    /// Slices that were asked for.
    asked: AtomicU64,
    manner: Manner,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Answers,
    Fails,
    Hangs,
    Panics,
}

impl Counted {
    fn new(manner: Manner) -> Arc<Self> {
        Arc::new(Self { store: memory(), asked: AtomicU64::new(0), manner })
    }
}

impl QuotaStore for Counted {
    fn lease<'a>(
        &'a self,
        asked: &'a [LeaseRequest],
    ) -> BoxFuture<'a, Result<Vec<QuotaLease>, Box<dyn std::error::Error + Send + Sync>>> {
        self.asked.fetch_add(asked.len() as u64, Ordering::SeqCst);
        Box::pin(async move {
            match self.manner {
                Manner::Answers => tokio::time::sleep(Duration::from_millis(1)).await,
                Manner::Fails => return Err("it is away".into()),
                Manner::Hangs => std::future::pending().await,
                Manner::Panics => panic!("as a store should not"),
            }
            Ok(self.store.lease_quotas(asked).await?)
        })
    }
}

fn process(fake: &Fake, share: &Arc<Counted>) -> Vimeo {
    Vimeo::builder()
        .transport(fake.clone())
        .clock(Clock::with_runtime(start()))
        .retry(RetryPolicy::never())
        .rate_limiters(RateLimiters::shared(Arc::clone(share)))
        .build()
        .unwrap()
}

/// Jain's index of fairness: 1 when all parts are equal.
pub(super) fn jain(parts: &[u64]) -> f64 {
    let sum: f64 = parts.iter().map(|part| *part as f64).sum();
    let squares: f64 = parts.iter().map(|part| (*part as f64).powi(2)).sum();
    sum * sum / (parts.len() as f64 * squares)
}

/// What came of some processes that serve the same accounts for some windows.
struct Run {
    calls: u64,
    refused: u64,
    /// Calls that windows which ended let through, and calls that they allowed.
    used: u64,
    allowed: u64,
    asked: u64,
    /// Calls of each process, by account.
    made: Vec<Vec<u64>>,
}

/// `pauses` has what each process waits between two calls of a task.
async fn run(accounts: usize, limit: u64, pauses: &[Duration], windows: u32) -> Run {
    let began = Instant::now();
    let meters: Arc<Mutex<HashMap<String, Meter>>> = Arc::default();
    let counting = Arc::clone(&meters);
    let fake = Fake::new(move |seen, _| metered(&counting, limit, began, seen));
    let share = Counted::new(Manner::Answers);
    let processes: Vec<Vimeo> = pauses.iter().map(|_| process(&fake, &share)).collect();
    // Between two windows lie up to two seconds: an end is told in whole ones.
    let end = began + (WINDOW + Duration::from_secs(2)) * windows;
    let mut tasks = Vec::new();
    for account in 0..accounts {
        for (number, (process, pause)) in processes.iter().zip(pauses).enumerate() {
            let client = process.for_account(format!("a{account}"), format!("token{account}")).unwrap();
            for _ in 0..3 {
                let client = client.clone();
                tasks.push(async move {
                    let mut made = 0;
                    while Instant::now() < end {
                        let call = tokio::time::timeout_at(end, client.get("/me").send()).await;
                        made += u64::from(matches!(call, Ok(Ok(_))));
                        tokio::time::sleep(*pause).await;
                    }
                    (account, number, made)
                });
            }
        }
    }
    let mut made = vec![vec![0; pauses.len()]; accounts];
    for (account, number, count) in join_all(tasks).await {
        made[account][number] += count;
    }
    let meters = meters.lock().unwrap();
    let calls = meters.values().flat_map(|meter| &meter.windows).map(|(_, used)| used).sum();
    let refused = meters.values().map(|meter| meter.refused).sum();
    let ended =
        meters.values().flat_map(|meter| meter.windows.iter().filter(|(opened, _)| *opened + WINDOW <= end));
    let (allowed, used) = ended.fold((0, 0), |(allowed, sum), (_, used)| (allowed + limit, sum + used));
    let run = Run { calls, refused, used, allowed, asked: share.asked.load(Ordering::SeqCst), made };
    println!(
        "{} calls, {} refused, {} of {} used, store asked {} times, {:?}",
        run.calls, run.refused, run.used, run.allowed, run.asked, run.made
    );
    run
}

#[tokio::test(start_paused = true)]
async fn four_processes_use_up_a_limit_together_and_fairly_and_do_not_go_beyond_it() {
    let run = run(30, LIMIT, &[Duration::ZERO; 4], 4).await;
    assert!(run.refused * 1_000 <= run.calls, "{} of {} refused", run.refused, run.calls);
    assert!(run.used * 100 >= run.allowed * 95, "{} of {} used", run.used, run.allowed);
    assert!(run.asked * 10 <= run.calls, "asked {} times for {} calls", run.asked, run.calls);
    let fairness = run.made.iter().map(|parts| jain(parts)).fold(1.0, f64::min);
    assert!(fairness >= 0.95, "{fairness}");
}

#[tokio::test(start_paused = true)]
async fn who_used_the_last_call_is_not_taken_for_dead() {
    // Of limits as large as these all may come back in the middle of a window and look for what a dead process left.
    for limit in [120, 200, 400] {
        let run = run(10, limit, &[Duration::ZERO; 4], 3).await;
        assert_eq!(run.refused, 0, "of a limit of {limit}, {} calls", run.calls);
        assert!(run.used * 100 >= run.allowed * 95, "{} of {} used", run.used, run.allowed);
        assert!(run.asked * 10 <= run.calls, "asked {} times for {} calls", run.asked, run.calls);
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_modest_leave_goes_to_the_greedy() {
    // Three make a call in ten seconds with each of three tasks, which is 18 a window.
    let modest = Duration::from_secs(10);
    let run = run(10, LIMIT, &[Duration::ZERO, modest, modest, modest], 4).await;
    assert!(run.refused * 1_000 <= run.calls, "{} of {} refused", run.refused, run.calls);
    assert!(run.used * 100 >= run.allowed * 95, "{} of {} used", run.used, run.allowed);
    assert!(run.asked * 10 <= run.calls, "asked {} times for {} calls", run.asked, run.calls);
    for parts in &run.made {
        assert!(parts[1..].iter().all(|made| *made >= 50), "the modest got what they wanted: {parts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_comes_late_finds_some_of_the_little_that_is_left() {
    let reset = (start() + WINDOW).format("%Y-%m-%dT%H:%M:%S+00:00").to_string();
    let fake = Fake::new(move |_, number| {
        answer(200).json(json!({})).limit(10, 10_u64.saturating_sub(number as u64 + 1), &reset)
    });
    let share = Counted::new(Manner::Answers);
    let [one, two] = [process(&fake, &share), process(&fake, &share)];
    let client = |process: &Vimeo| process.for_account("a", "token").unwrap();
    let (one, two) = (client(&one), client(&two));
    let began = Instant::now();
    for _ in 0..6 {
        one.get("/me").send().await.unwrap();
    }
    // Four are left, and the first process may hold some of them.
    two.get("/me").send().await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_stops_nobody() {
    for (manner, patience) in [(Manner::Fails, 0), (Manner::Hangs, 5), (Manner::Panics, 0)] {
        let began = Instant::now();
        let meters: Arc<Mutex<HashMap<String, Meter>>> = Arc::default();
        let counting = Arc::clone(&meters);
        let fake = Fake::new(move |seen, _| metered(&counting, LIMIT, began, seen));
        let share = Counted::new(manner);
        let process = process(&fake, &share);
        let clients = ["a", "b"].map(|name| process.for_account(name, format!("token {name}")).unwrap());
        for _ in 0..40 {
            for client in &clients {
                client.get("/me").send().await.unwrap();
            }
        }
        // Each call takes 20 ms, and one alone waits for the store.
        assert!(began.elapsed() < Duration::from_secs(patience + 2), "{:?}", began.elapsed());
        assert_eq!(share.asked.load(Ordering::SeqCst), 1, "nor was it asked over and over, for no account");
        // It is asked again later, and nobody waits for that.
        tokio::time::sleep(Duration::from_secs(6)).await;
        let again = Instant::now();
        clients[1].get("/me").send().await.unwrap();
        assert!(again.elapsed() < Duration::from_secs(1), "{:?}", again.elapsed());
        assert_eq!(share.asked.load(Ordering::SeqCst), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_a_call_takes_no_slice_with_it() {
    let began = Instant::now();
    let meters: Arc<Mutex<HashMap<String, Meter>>> = Arc::default();
    let counting = Arc::clone(&meters);
    let fake = Fake::new(move |seen, _| metered(&counting, LIMIT, began, seen));
    let share = Counted::new(Manner::Answers);
    let client = process(&fake, &share).for_account("a", "token").unwrap();
    let mut given_up = 0;
    for _ in 0..LIMIT {
        // Whoever has to ask the store for it is gone before it has answered.
        let call = tokio::time::timeout(Duration::from_micros(500), client.get("/me").send());
        given_up += u64::from(call.await.is_err());
        client.get("/me").send().await.unwrap();
        if given_up == 3 {
            break;
        }
    }
    assert_eq!(given_up, 3);
    let made = client.rate_limiter().status().windows[0];
    for _ in 0..made.remaining {
        client.get("/me").send().await.unwrap();
    }
    assert!(began.elapsed() < WINDOW, "all that the window allows was to be had in it");
    assert_eq!(meters.lock().unwrap()["token"].refused, 0);
}

#[test]
fn a_runtime_that_ends_leaves_nobody_waiting() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().start_paused(true).build().unwrap()
    };
    let share = Counted::new(Manner::Hangs);
    let first = runtime();
    let client = first.block_on(async {
        let fake = Fake::new(|_, _| answer(200).json(json!({})));
        let client = process(&fake, &share).for_account("a", "token").unwrap();
        let call = tokio::time::timeout(Duration::from_secs(1), client.get("/me").send());
        assert!(call.await.is_err(), "it waits for the store");
        client
    });
    drop(first);
    runtime().block_on(async {
        let call = tokio::time::timeout(Duration::from_secs(1), client.get("/me").send());
        call.await.expect("nobody waits for what nobody asks any more").unwrap();
    });
}
