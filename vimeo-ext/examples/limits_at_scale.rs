//! Simulates shared rate limits at the size of a large service: 10,000,000 accounts, 50,000 calls a second, 16 processes.
//!
//! `cargo run --release -p vimeo-ext --features accounts --example limits_at_scale -- [--sample N] [--limit N] [--processes N] [--minutes N]`
//!
//! Accounts do not share limits, so what happens to one account does not depend on how many others there are. The simulation
//! therefore takes every Nth account (default: 1,000) with its calls, runs the real limiters of the real clients in paused time,
//! and multiplies the totals by N. It does not simulate the load of the store: `docs/scale.md` has measured figures for that.
//!
//! It fails if Vimeo refuses more than one in 1,000 calls, or if the store is asked more often than once per call.

#![allow(clippy::print_stdout, reason = "this prints figures")]

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use vimeo_ext::api::{RawResponse, Request, Transport, TransportFuture};
use vimeo_ext::auth::BoxFuture;
use vimeo_ext::rate_limit::{LeaseRequest, QuotaLease, QuotaPool, QuotaStore};
use vimeo_ext::{Clock, RateLimitPolicy, RateLimiters, RetryPolicy, Vimeo};

const ACCOUNTS: u64 = 10_000_000;
const CALLS_PER_SECOND: u64 = 50_000;
const WINDOW: Duration = Duration::from_secs(60);
/// One in so many accounts makes half of the calls, if the traffic is skewed.
const BUSY: u64 = 1_000;
const RESPONSE_TIME: Duration = Duration::from_millis(150);
const STORE_TIME: Duration = Duration::from_millis(3);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What is simulated.
#[derive(Clone, Copy)]
struct Plan {
    sample: u64,
    limit: u64,
    processes: u64,
    /// How many windows are simulated. No process knows any limit before the first.
    windows: u32,
    is_skewed: bool,
    /// Whether all calls of an account go to one process.
    is_affine: bool,
}

/// The windows of the accounts at Vimeo's side. A window starts with its first call.
#[derive(Default)]
struct Meter {
    windows: HashMap<String, (Instant, u64)>,
    accepted: u64,
    refused: u64,
}

/// Enforces the limits as Vimeo does.
#[derive(Clone)]
struct FakeVimeo {
    meter: Arc<Mutex<Meter>>,
    limit: u64,
    started: (Instant, DateTime<Utc>),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeVimeo {
    fn count(&self, token: &str) -> (StatusCode, HeaderMap) {
        let now = Instant::now();
        let mut meter = lock(&self.meter);
        let window = meter.windows.entry(token.to_owned()).or_insert((now, 0));
        if window.0 + WINDOW <= now {
            *window = (now, 0);
        }
        let is_accepted = window.1 < self.limit;
        window.1 += u64::from(is_accepted);
        let (opened, used) = *window;
        if is_accepted {
            meter.accepted += 1;
        } else {
            meter.refused += 1;
        }
        let reset = self.started.1 + (opened + WINDOW).saturating_duration_since(self.started.0);
        let headers = [
            ("x-ratelimit-limit", self.limit.to_string()),
            ("x-ratelimit-remaining", (self.limit - used).to_string()),
            ("x-ratelimit-reset", reset.format("%Y-%m-%dT%H:%M:%S+00:00").to_string()),
        ];
        let headers = headers.into_iter().filter_map(|(name, value)| {
            Some((HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?))
        });
        let status = if is_accepted { StatusCode::OK } else { StatusCode::TOO_MANY_REQUESTS };
        (status, headers.collect())
    }
}

impl Transport for FakeVimeo {
    fn send(&self, request: Request) -> TransportFuture<'_> {
        Box::pin(async move {
            // The call counts when it arrives, half of the time before the response does.
            sleep(RESPONSE_TIME / 2).await;
            let token = request.headers.get("authorization").and_then(|value| value.to_str().ok());
            let (status, headers) = self.count(token.unwrap_or_default());
            sleep(RESPONSE_TIME / 2).await;
            Ok(RawResponse::new(status, headers, "{}".into()))
        })
    }
}

/// The pools of all processes, as a store keeps them.
#[derive(Default)]
struct Pools {
    pools: HashMap<String, QuotaPool>,
    requests: u64,
    batches: u64,
}

struct Store(Mutex<Pools>);

impl QuotaStore for Store {
    fn lease<'a>(&'a self, requests: &'a [LeaseRequest]) -> BoxFuture<'a, Result<Vec<QuotaLease>, BoxError>> {
        Box::pin(async move {
            sleep(STORE_TIME).await;
            let mut state = lock(&self.0);
            state.batches += 1;
            state.requests += requests.len() as u64;
            let lease = |LeaseRequest { name, report, .. }: &LeaseRequest| {
                state.pools.entry(name.clone()).or_default().lease(report)
            };
            Ok(requests.iter().map(lease).collect())
        })
    }
}

/// What happened.
struct Outcome {
    calls: u64,
    /// Calls that the limiters held back, because the limit was used up or another process held the rest.
    held_back: u64,
    /// Calls that Vimeo refused.
    refused: u64,
    requests: u64,
    batches: u64,
    pools: u64,
    pool_bytes: u64,
}

async fn simulate(plan: Plan) -> Result<Outcome, BoxError> {
    // The same numbers in each run.
    let mut random = fastrand::Rng::with_seed(7);
    let began: DateTime<Utc> = "2026-03-01T12:00:00Z".parse()?;
    let started = Instant::now();
    let vimeo = FakeVimeo { meter: Arc::default(), limit: plan.limit, started: (started, began) };
    let store = Arc::new(Store(Mutex::default()));
    let mut processes = Vec::new();
    for _ in 0..plan.processes {
        let builder = Vimeo::builder().transport(vimeo.clone()).clock(Clock::with_runtime(began));
        let limiters = RateLimiters::shared(Arc::clone(&store) as Arc<dyn QuotaStore>);
        let builder = builder.retry(RetryPolicy::never()).rate_limit_policy(RateLimitPolicy::FailFast);
        processes.push(builder.rate_limiters(limiters).build()?);
    }
    let accounts = ACCOUNTS / plan.sample;
    let busy = (accounts / BUSY).max(1);
    let rate = CALLS_PER_SECOND as f64 / plan.sample as f64;
    let mut next = started;
    let mut tasks = JoinSet::new();
    let (mut calls, mut clients) = (0, HashMap::new());
    let (mut held_back, mut finished) = (0, 0);
    while next < started + WINDOW * plan.windows {
        next += Duration::from_secs_f64(-(1.0 - random.f64()).ln() / rate);
        sleep_until(next).await;
        let account = match plan.is_skewed && random.bool() {
            true => random.u64(0..busy),
            false => random.u64(0..accounts),
        };
        let process = if plan.is_affine { account % plan.processes } else { random.u64(0..plan.processes) };
        let Some(vimeo) = usize::try_from(process).ok().and_then(|process| processes.get(process)) else {
            continue;
        };
        let client = match clients.get(&(process, account)) {
            Some(client) => Vimeo::clone(client),
            None => {
                let client = vimeo.for_account(format!("a{account}"), format!("t{account}"))?;
                clients.insert((process, account), client.clone());
                client
            }
        };
        calls += 1;
        tasks.spawn(async move { client.get("/me").send().await.is_err() });
        while let Some(done) = tasks.try_join_next() {
            held_back += u64::from(done?);
            finished += 1;
        }
    }
    while let Some(done) = tasks.join_next().await {
        held_back += u64::from(done?);
        finished += 1;
    }
    assert_eq!(calls, finished, "a call did not end");
    let refused = lock(&vimeo.meter).refused;
    let state = lock(&store.0);
    let sizes = state.pools.iter().map(|(name, pool)| {
        name.len() as u64 + serde_json::to_string(pool).map_or(0, |text| text.len() as u64)
    });
    Ok(Outcome {
        calls,
        held_back: held_back - refused,
        refused,
        requests: state.requests,
        batches: state.batches,
        pools: state.pools.len() as u64,
        pool_bytes: sizes.sum(),
    })
}

fn print(plan: Plan, outcome: &Outcome) {
    let traffic = if plan.is_skewed { "half from 1 in 1,000" } else { "even" };
    let routing = if plan.is_affine { "one process each" } else { "any process" };
    let seconds = (WINDOW * plan.windows).as_secs();
    let per_call = |count: u64| count as f64 / outcome.calls as f64;
    println!(
        "{traffic:<21} {routing:<17} {:>9} {:>10.4} {:>9.4} {:>13.3} {:>12} {:>12.0}",
        outcome.calls,
        per_call(outcome.held_back),
        per_call(outcome.refused),
        per_call(outcome.requests),
        outcome.requests * plan.sample / seconds,
        outcome.pool_bytes as f64 / outcome.pools.max(1) as f64,
    );
    debug_assert!(outcome.batches <= outcome.requests);
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, BoxError> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, default: u64| {
        let place = words.iter().position(|word| word == name);
        place.map_or(Ok(default), |place| words.get(place + 1).map_or("", String::as_str).parse())
    };
    let (sample, limit, processes) =
        (number("--sample", 1_000)?, number("--limit", 100)?, number("--processes", 16)?);
    let windows = u32::try_from(number("--minutes", 5)?)?.max(1);
    println!(
        "{ACCOUNTS} accounts, {CALLS_PER_SECOND} calls/s, {processes} processes, {limit} calls a minute"
    );
    println!("every {sample}th account, {windows} minutes\n");
    println!(
        "{:<21} {:<17} {:>9} {:>10} {:>9} {:>13} {:>12} {:>12}",
        "calls", "routing", "simulated", "held back", "refused", "leases/call", "leases/s", "bytes/pool"
    );
    tokio::time::pause();
    let mut holds = true;
    for is_skewed in [false, true] {
        for is_affine in [false, true] {
            let plan = Plan {
                sample: sample.max(1),
                limit,
                processes: processes.max(1),
                windows,
                is_skewed,
                is_affine,
            };
            let outcome = simulate(plan).await?;
            print(plan, &outcome);
            holds &= outcome.refused * 1_000 <= outcome.calls && outcome.requests <= outcome.calls;
        }
    }
    match holds {
        true => Ok(ExitCode::SUCCESS),
        false => {
            println!("\na bound does not hold: see the module's description");
            Ok(ExitCode::FAILURE)
        }
    }
}
