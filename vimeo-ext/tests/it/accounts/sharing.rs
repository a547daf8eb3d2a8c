//! Budgets that processes share, while the store is away.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

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
