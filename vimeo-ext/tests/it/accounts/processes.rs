//! Four processes that serve the same accounts, against the local Vimeo with its limits enforced.
//!
//! Everything that is judged is counted by the local Vimeo: its journal has each call with the process that made it and the
//! time it was made. `cargo xtask shared-limits` runs it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;
use tokio::time::timeout_at;
use vimeo_api::{Request, TransportFuture};
use vimeo_ext::accounts::AccountStore;
use vimeo_ext::auth::BoxFuture;
use vimeo_ext::rate_limit::{LeaseRequest, QuotaLease, QuotaStore};
use vimeo_ext::{Middleware, Next, RateLimiters, RetryPolicy, Vimeo};
use vimeo_sandbox::{RateLimit, RequestLogEntry, Sandbox};

use super::sharing::jain;
use super::stores::{again, file, open, postgres, told};

const PROCESSES: u64 = 4;
/// Tasks of one process for one account.
const TASKS: usize = 2;
/// Between two windows lie up to two seconds: an end is told in whole ones.
const BETWEEN: Duration = Duration::from_secs(2);

fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().map_or(usual, |text| text.parse().unwrap())
}

/// What is the same for all processes of a run.
struct Plan {
    accounts: u64,
    window: Duration,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

impl Plan {
    fn begin() -> Self {
        let accounts = number("VIMEO_TEST_ACCOUNTS", 100);
        let window = Duration::from_secs(number("VIMEO_TEST_WINDOW", 15));
        // Processes have until then to come up.
        let start = Utc::now() + Duration::from_secs(5);
        let windows = u32::try_from(number("VIMEO_TEST_WINDOWS", 3)).unwrap();
        Self { accounts, window, start, end: start + (window + BETWEEN) * windows }
    }

    /// The limit of an account: they differ.
    fn limit(account: u64) -> u64 {
        [80, 100, 120][account as usize % 3]
    }
}

/// Says in each call who makes it, and when.
struct Mark(String);

impl Middleware for Mark {
    fn send<'a>(&'a self, request: &'a mut Request, next: Next<'a>) -> TransportFuture<'a> {
        request.headers.insert("x-process", self.0.parse().unwrap());
        request.headers.insert("x-sent", Utc::now().timestamp_millis().into());
        next.send(request)
    }
}

/// Counts how often the store is asked, for how many slices, and how often in vain.
struct Counted {
    store: Arc<dyn AccountStore>,
    asked: AtomicU64,
    slices: AtomicU64,
    answered: AtomicU64,
}

impl QuotaStore for Counted {
    fn lease<'a>(
        &'a self,
        asked: &'a [LeaseRequest],
    ) -> BoxFuture<'a, Result<Vec<QuotaLease>, Box<dyn std::error::Error + Send + Sync>>> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::Relaxed);
            self.slices.fetch_add(asked.len() as u64, Ordering::Relaxed);
            let leases = self.store.lease(asked).await;
            // One that is given up, because it takes too long, does not come here.
            self.answered.fetch_add(u64::from(leases.is_ok()), Ordering::Relaxed);
            leases
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "one of the four processes"]
async fn serves_many_accounts() {
    let time = |variable| DateTime::from_timestamp_millis(told(variable).parse().unwrap()).unwrap();
    let (start, end) = (time("VIMEO_TEST_START"), time("VIMEO_TEST_END"));
    let store = open(&told("VIMEO_TEST_PLACE")).await;
    let share = Arc::new(Counted {
        store,
        asked: AtomicU64::new(0),
        slices: AtomicU64::new(0),
        answered: AtomicU64::new(0),
    });
    let root = Vimeo::builder()
        .base_url(told("VIMEO_TEST_URL"))
        .retry(RetryPolicy::never())
        .rate_limiters(RateLimiters::shared(Arc::clone(&share)))
        .per_attempt_middleware(Mark(told("VIMEO_TEST_NAME")))
        .build()
        .unwrap();
    let mut tasks = JoinSet::new();
    let tokens = std::fs::read_to_string(told("VIMEO_TEST_TOKENS")).unwrap();
    let until = |time: DateTime<Utc>| (time - Utc::now()).to_std().unwrap_or_default();
    let begins = tokio::time::Instant::now() + until(start);
    let ends = tokio::time::Instant::now() + until(end);
    for (account, token) in tokens.lines().enumerate() {
        let client = root.for_account(format!("user {account}"), token).unwrap();
        for _ in 0..TASKS {
            let client = client.clone();
            tasks.spawn(async move {
                tokio::time::sleep_until(begins).await;
                while tokio::time::Instant::now() < ends {
                    // What is refused or does not come to an end is seen by the local Vimeo.
                    let _ = timeout_at(ends, client.get("/me").send()).await;
                }
            });
        }
    }
    tasks.join_all().await;
    let [asked, slices, answered] =
        [&share.asked, &share.slices, &share.answered].map(|count| count.load(Ordering::Relaxed));
    println!("asked {asked} {slices} {}", asked - answered);
}

/// What the local Vimeo saw of one account.
#[derive(Default)]
struct Seen {
    /// Calls that were let through, with their times, by process.
    made: BTreeMap<String, Vec<i64>>,
    refused: u64,
}

impl Seen {
    fn made(&self) -> u64 {
        self.made.values().map(|times| times.len() as u64).sum()
    }

    /// Calls of each window that had ended when the run did.
    fn windows(&self, window: Duration, end: i64) -> Vec<u64> {
        let mut times: Vec<i64> = self.made.values().flatten().copied().collect();
        times.sort_unstable();
        let mut windows: Vec<(i64, u64)> = Vec::new();
        for time in times {
            match windows.last_mut() {
                Some((opened, calls)) if time < *opened + window.as_millis() as i64 => *calls += 1,
                _ => windows.push((time, 1)),
            }
        }
        let ended = |opened: i64| opened + window.as_millis() as i64 <= end;
        windows.into_iter().filter(|(opened, _)| ended(*opened)).map(|(_, calls)| calls).collect()
    }
}

fn seen(journal: &[RequestLogEntry]) -> BTreeMap<String, Seen> {
    let mut all: BTreeMap<String, Seen> = BTreeMap::new();
    for entry in journal {
        let seen = all.entry(entry.token_fingerprint.clone().unwrap()).or_default();
        match entry.status {
            Some(429) => seen.refused += 1,
            // Cut off at the end.
            None => {}
            Some(status) => {
                assert_eq!(status, 200);
                let sent = entry.headers["x-sent"].parse().unwrap();
                seen.made.entry(entry.headers["x-process"].clone()).or_default().push(sent);
            }
        }
    }
    all
}

/// How the journal names a token.
fn fingerprint(token: &str) -> String {
    Sha256::digest(token)[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn process(name: &str, place: &str, url: &str, tokens: &Path, plan: &Plan) -> Child {
    again("accounts::processes::serves_many_accounts")
        .env("VIMEO_TEST_NAME", name)
        .env("VIMEO_TEST_PLACE", place)
        .env("VIMEO_TEST_URL", url)
        .env("VIMEO_TEST_TOKENS", tokens)
        .env("VIMEO_TEST_START", plan.start.timestamp_millis().to_string())
        .env("VIMEO_TEST_END", plan.end.timestamp_millis().to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs the processes over a store, and judges.
async fn share(place: &str, folder: &Path) {
    // The tables are there before anybody counts.
    open(place).await;
    let sandbox = Sandbox::builder().request_log_size(10_000_000).start().await.unwrap();
    let plan = Plan::begin();
    let mut limits = BTreeMap::new();
    let mut lines = String::new();
    for account in 0..plan.accounts {
        let token = sandbox.add_user(&format!("user {account}")).token;
        let limit = Plan::limit(account);
        let rate = RateLimit::new(limit, limit * 4).window(plan.window);
        assert!(sandbox.world().set_rate_limit(&token, rate));
        limits.insert(fingerprint(&token), limit);
        lines = lines + &token + "\n";
    }
    let tokens: PathBuf = folder.join("tokens");
    std::fs::write(&tokens, lines).unwrap();
    let url = sandbox.url().as_str();
    let running: Vec<Child> =
        (0..PROCESSES).map(|number| process(&number.to_string(), place, url, &tokens, &plan)).collect();
    let mut asked = [0; 3];
    for child in running {
        let output = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap();
        let output = String::from_utf8_lossy(&output.stdout);
        let told = output.lines().find_map(|line| line.strip_prefix("asked ")).expect("it came to its end");
        for (sum, part) in asked.iter_mut().zip(told.split(' ')) {
            *sum += part.parse::<u64>().unwrap();
        }
    }

    let seen = seen(&sandbox.request_log());
    let calls: u64 = seen.values().map(Seen::made).sum();
    let refused: u64 = seen.values().map(|seen| seen.refused).sum();
    let (mut used, mut allowed, mut by_clock) = (0, 0, 0.0);
    let mut fairness = Vec::new();
    let seconds = (plan.end - plan.start).as_seconds_f64();
    for (token, limit) in &limits {
        let seen = &seen[token];
        let windows = seen.windows(plan.window, plan.end.timestamp_millis());
        used += windows.iter().sum::<u64>();
        allowed += limit * windows.len() as u64;
        by_clock += *limit as f64 * seconds / plan.window.as_secs_f64();
        let parts: Vec<u64> = (0..PROCESSES)
            .map(|number| seen.made.get(&number.to_string()).map_or(0, |made| made.len() as u64))
            .collect();
        fairness.push(jain(&parts));
    }
    fairness.sort_by(f64::total_cmp);
    let least = fairness[0];
    let [asked, slices, in_vain] = asked;
    println!(
        "{PROCESSES} processes, {} accounts, windows of {} s, {seconds} s\n\
         calls let through          {calls}\n\
         refused (429)              {refused}, {:.3} %\n\
         used of the ended windows  {used} of {allowed}, {:.1} %\n\
         used of what the clock     {:.1} %\n\
         store asked                {asked}, {:.1} % of the calls; in vain {in_vain}\n\
         slices asked for           {slices}, {:.1} % of the calls\n\
         Jain's index               {least:.4} at the least, {:.4} in the middle",
        plan.accounts,
        plan.window.as_secs(),
        refused as f64 * 100.0 / (calls + refused) as f64,
        used as f64 * 100.0 / allowed as f64,
        calls as f64 * 100.0 / by_clock,
        asked as f64 * 100.0 / calls as f64,
        slices as f64 * 100.0 / calls as f64,
        fairness[fairness.len() / 2],
    );
    assert!(refused * 1_000 <= calls + refused, "more than one call in a thousand was refused");
    assert!(used * 100 >= allowed * 95, "less than 95 % of the allowed calls were used");
    assert!(asked * 10 <= calls, "the store was asked for more than one call in ten");
    assert!(least >= 0.95, "an account was not shared fairly");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes its time: cargo xtask shared-limits"]
async fn four_processes_share_limits_through_a_file() {
    let folder = super::test_folder();
    share(&file(folder.path()), folder.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL, and takes its time: cargo xtask shared-limits"]
async fn four_processes_share_limits_through_a_server() {
    let folder = super::test_folder();
    share(&postgres(), folder.path()).await;
}
