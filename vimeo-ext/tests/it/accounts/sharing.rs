//! Budgets that processes share: here of clients of one process, with a store that counts how often it is asked.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::time::Instant;
use vimeo_ext::accounts::AccountStore;
use vimeo_ext::auth::BoxFuture;
use vimeo_ext::budget::{BudgetLease, BudgetReport, BudgetShare};
use vimeo_ext::{Budgets, Clock, RetryPolicy, Vimeo};

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
fn metered(meters: &Mutex<HashMap<String, Meter>>, began: Instant, seen: &Seen) -> Answer {
    let now = Instant::now();
    let mut meters = meters.lock().unwrap();
    let meter = meters.entry(seen.token().unwrap().to_owned()).or_default();
    if meter.windows.last().is_none_or(|(opened, _)| *opened + WINDOW <= now) {
        meter.windows.push((now, 0));
    }
    let (opened, used) = meter.windows.last_mut().unwrap();
    let reset = (start() + (*opened + WINDOW - began)).format("%Y-%m-%dT%H:%M:%S+00:00");
    if *used >= LIMIT {
        meter.refused += 1;
        return answer(429).limit(LIMIT, 0, reset);
    }
    *used += 1;
    answer(200).json(json!({})).limit(LIMIT, LIMIT - *used, reset).after(Duration::from_millis(20))
}

/// Counts how often the store is asked; fails while it is told to.
struct Counted {
    store: Arc<dyn AccountStore>,
    asked: AtomicU64,
    away: bool,
}

impl BudgetShare for Counted {
    fn lease<'a>(
        &'a self,
        name: &'a str,
        report: &'a BudgetReport,
    ) -> BoxFuture<'a, Result<BudgetLease, Box<dyn std::error::Error + Send + Sync>>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            if self.away {
                return Err("it is away".into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(self.store.lease_budget(name, report).await?)
        })
    }
}

fn process(fake: &Fake, share: &Arc<Counted>) -> Vimeo {
    Vimeo::builder()
        .transport(fake.clone())
        .clock(Clock::with_runtime(start()))
        .retry(RetryPolicy::never())
        .budgets(Budgets::shared(Arc::clone(share) as Arc<dyn BudgetShare>))
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
async fn run(accounts: usize, pauses: &[Duration], windows: u32) -> Run {
    let began = Instant::now();
    let meters: Arc<Mutex<HashMap<String, Meter>>> = Arc::default();
    let counting = Arc::clone(&meters);
    let fake = Fake::new(move |seen, _| metered(&counting, began, seen));
    let share = Arc::new(Counted { store: memory(), asked: AtomicU64::new(0), away: false });
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
    let (allowed, used) = ended.fold((0, 0), |(allowed, sum), (_, used)| (allowed + LIMIT, sum + used));
    let run = Run { calls, refused, used, allowed, asked: share.asked.load(Ordering::SeqCst), made };
    println!(
        "{} calls, {} refused, {} of {} used, store asked {} times, {:?}",
        run.calls, run.refused, run.used, run.allowed, run.asked, run.made
    );
    run
}

#[tokio::test(start_paused = true)]
async fn four_processes_use_up_a_limit_together_and_fairly_and_do_not_go_beyond_it() {
    let run = run(30, &[Duration::ZERO; 4], 4).await;
    assert!(run.refused * 1_000 <= run.calls, "{} of {} refused", run.refused, run.calls);
    assert!(run.used * 100 >= run.allowed * 95, "{} of {} used", run.used, run.allowed);
    assert!(run.asked * 10 <= run.calls, "asked {} times for {} calls", run.asked, run.calls);
    let fairness = run.made.iter().map(|parts| jain(parts)).fold(1.0, f64::min);
    assert!(fairness >= 0.95, "{fairness}");
}

#[tokio::test(start_paused = true)]
async fn what_the_modest_leave_goes_to_the_greedy() {
    // Three make a call in ten seconds with each of three tasks, which is 18 a window.
    let modest = Duration::from_secs(10);
    let run = run(10, &[Duration::ZERO, modest, modest, modest], 4).await;
    assert!(run.refused * 1_000 <= run.calls, "{} of {} refused", run.refused, run.calls);
    assert!(run.used * 100 >= run.allowed * 95, "{} of {} used", run.used, run.allowed);
    assert!(run.asked * 10 <= run.calls, "asked {} times for {} calls", run.asked, run.calls);
    for parts in &run.made {
        assert!(parts[1..].iter().all(|made| *made >= 50), "the modest got what they wanted: {parts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_stops_nobody() {
    let began = Instant::now();
    let meters: Arc<Mutex<HashMap<String, Meter>>> = Arc::default();
    let counting = Arc::clone(&meters);
    let fake = Fake::new(move |seen, _| metered(&counting, began, seen));
    let share = Arc::new(Counted { store: memory(), asked: AtomicU64::new(0), away: true });
    let client = process(&fake, &share).for_account("a", "token").unwrap();
    for _ in 0..80 {
        client.get("/me").send().await.unwrap();
    }
    assert!(began.elapsed() < Duration::from_secs(5), "nobody waited for the store");
    assert_eq!(share.asked.load(Ordering::SeqCst), 1, "nor was it asked over and over");
}
