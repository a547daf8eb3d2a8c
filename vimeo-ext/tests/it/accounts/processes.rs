//! Four processes that serve the same accounts, against the sandbox with rate limits enforced.
//!
//! All results are counted by the sandbox: its request log has the process that made each call, and the time. Run with
//! `cargo xtask test-shared-limits`.

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

use super::sharing::jain_index;
use super::stores::{env_var, open, postgres_schema, rerun_test, sqlite_place};

const PROCESSES: u64 = 4;
/// The number of tasks per process and account.
const TASKS: usize = 2;
/// The time between two windows: up to two seconds, because resets are reported in whole seconds.
const RESET_SLACK: Duration = Duration::from_secs(2);

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().unwrap())
}

/// The settings that all processes of a run share.
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
        // Leaves the processes time to start.
        let start = Utc::now() + Duration::from_secs(5);
        let windows = u32::try_from(number("VIMEO_TEST_WINDOWS", 3)).unwrap();
        Self { accounts, window, start, end: start + (window + RESET_SLACK) * windows }
    }

    /// The rate limit of an account. Accounts have different limits.
    fn limit(account: u64) -> u64 {
        [80, 100, 120][account as usize % 3]
    }
}

/// Adds the process and the time to each call.
struct ProcessHeaders(String);

impl Middleware for ProcessHeaders {
    fn send<'a>(&'a self, request: &'a mut Request, next: Next<'a>) -> TransportFuture<'a> {
        request.headers.insert("x-process", self.0.parse().unwrap());
        request.headers.insert("x-sent", Utc::now().timestamp_millis().into());
        next.send(request)
    }
}

/// Counts the batches of lease requests, the leases in them, and the batches that succeeded.
struct CountingStore {
    store: Arc<dyn AccountStore>,
    batches: AtomicU64,
    leases: AtomicU64,
    succeeded: AtomicU64,
}

impl QuotaStore for CountingStore {
    fn lease<'a>(
        &'a self,
        requests: &'a [LeaseRequest],
    ) -> BoxFuture<'a, Result<Vec<QuotaLease>, Box<dyn std::error::Error + Send + Sync>>> {
        Box::pin(async move {
            self.batches.fetch_add(1, Ordering::Relaxed);
            self.leases.fetch_add(requests.len() as u64, Ordering::Relaxed);
            let leases = self.store.lease(requests).await;
            // Not reached if the batch times out.
            self.succeeded.fetch_add(u64::from(leases.is_ok()), Ordering::Relaxed);
            leases
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "one of the four processes"]
async fn child_serves_accounts() {
    let time = |variable| DateTime::from_timestamp_millis(env_var(variable).parse().unwrap()).unwrap();
    let (start, end) = (time("VIMEO_TEST_START"), time("VIMEO_TEST_END"));
    let store = open(&env_var("VIMEO_TEST_PLACE")).await;
    let store = Arc::new(CountingStore {
        store,
        batches: AtomicU64::new(0),
        leases: AtomicU64::new(0),
        succeeded: AtomicU64::new(0),
    });
    let root = Vimeo::builder()
        .base_url(env_var("VIMEO_TEST_URL"))
        .retry(RetryPolicy::never())
        .rate_limiters(RateLimiters::shared(Arc::clone(&store) as Arc<dyn QuotaStore>))
        .per_attempt_middleware(ProcessHeaders(env_var("VIMEO_TEST_NAME")))
        .build()
        .unwrap();
    let mut tasks = JoinSet::new();
    let tokens = std::fs::read_to_string(env_var("VIMEO_TEST_TOKENS")).unwrap();
    let until = |time: DateTime<Utc>| (time - Utc::now()).to_std().unwrap_or_default();
    let starts_at = tokio::time::Instant::now() + until(start);
    let ends_at = tokio::time::Instant::now() + until(end);
    for (account, token) in tokens.lines().enumerate() {
        let client = root.for_account(format!("user {account}"), token).unwrap();
        for _ in 0..TASKS {
            let client = client.clone();
            tasks.spawn(async move {
                tokio::time::sleep_until(starts_at).await;
                while tokio::time::Instant::now() < ends_at {
                    // The sandbox counts the rejected and aborted calls.
                    let _ = timeout_at(ends_at, client.get("/me").send()).await;
                }
            });
        }
    }
    tasks.join_all().await;
    let [batches, leases, succeeded] =
        [&store.batches, &store.leases, &store.succeeded].map(|count| count.load(Ordering::Relaxed));
    println!("leases {batches} {leases} {}", batches - succeeded);
}

/// The calls of one account, as the sandbox logged them.
#[derive(Default)]
struct AccountCalls {
    /// The times of the accepted calls, by process.
    accepted: BTreeMap<String, Vec<i64>>,
    rejected: u64,
}

impl AccountCalls {
    fn accepted(&self) -> u64 {
        self.accepted.values().map(|times| times.len() as u64).sum()
    }

    /// Returns the number of calls in each window that was complete at the end of the run.
    fn windows(&self, window: Duration, end: i64) -> Vec<u64> {
        let mut times: Vec<i64> = self.accepted.values().flatten().copied().collect();
        times.sort_unstable();
        let mut windows: Vec<(i64, u64)> = Vec::new();
        for time in times {
            match windows.last_mut() {
                Some((opened, calls)) if time < *opened + window.as_millis() as i64 => *calls += 1,
                _ => windows.push((time, 1)),
            }
        }
        let is_complete = |opened: i64| opened + window.as_millis() as i64 <= end;
        windows.into_iter().filter(|(opened, _)| is_complete(*opened)).map(|(_, calls)| calls).collect()
    }
}

fn calls_by_account(log: &[RequestLogEntry]) -> BTreeMap<String, AccountCalls> {
    let mut all: BTreeMap<String, AccountCalls> = BTreeMap::new();
    for entry in log {
        let calls = all.entry(entry.token_fingerprint.clone().unwrap()).or_default();
        match entry.status {
            Some(429) => calls.rejected += 1,
            // Aborted at the end of the run.
            None => {}
            Some(status) => {
                assert_eq!(status, 200);
                let sent = entry.headers["x-sent"].parse().unwrap();
                calls.accepted.entry(entry.headers["x-process"].clone()).or_default().push(sent);
            }
        }
    }
    all
}

/// Returns a token's fingerprint, by which the request log identifies it.
fn fingerprint(token: &str) -> String {
    Sha256::digest(token)[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn process(name: &str, place: &str, url: &str, tokens: &Path, plan: &Plan) -> Child {
    rerun_test("accounts::processes::child_serves_accounts")
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

/// Runs the processes with a store, and checks usage, rejections, store load and fairness.
async fn run_processes(place: &str, folder: &Path) {
    // Creates the tables before the processes start.
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
    let children: Vec<Child> =
        (0..PROCESSES).map(|number| process(&number.to_string(), place, url, &tokens, &plan)).collect();
    let mut totals = [0; 3];
    for child in children {
        let output = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap();
        let output = String::from_utf8_lossy(&output.stdout);
        let counts =
            output.lines().find_map(|line| line.strip_prefix("leases ")).expect("the child finished");
        for (sum, part) in totals.iter_mut().zip(counts.split(' ')) {
            *sum += part.parse::<u64>().unwrap();
        }
    }

    let accounts = calls_by_account(&sandbox.request_log());
    let calls: u64 = accounts.values().map(AccountCalls::accepted).sum();
    let rejected: u64 = accounts.values().map(|account| account.rejected).sum();
    let (mut used, mut allowed, mut possible) = (0, 0, 0.0);
    let mut fairness = Vec::new();
    let seconds = (plan.end - plan.start).as_seconds_f64();
    for (token, limit) in &limits {
        let account = &accounts[token];
        let windows = account.windows(plan.window, plan.end.timestamp_millis());
        used += windows.iter().sum::<u64>();
        allowed += limit * windows.len() as u64;
        possible += *limit as f64 * seconds / plan.window.as_secs_f64();
        let parts: Vec<u64> = (0..PROCESSES)
            .map(|number| account.accepted.get(&number.to_string()).map_or(0, |calls| calls.len() as u64))
            .collect();
        fairness.push(jain_index(&parts));
    }
    fairness.sort_by(f64::total_cmp);
    let min_fairness = fairness[0];
    let [batches, leases, failed] = totals;
    println!(
        "{PROCESSES} processes, {} accounts, windows of {} s, {seconds} s\n\
         accepted calls             {calls}\n\
         rejected calls (429)       {rejected}, {:.3} %\n\
         used in complete windows   {used} of {allowed}, {:.1} %\n\
         used of the possible calls {:.1} %\n\
         store requests             {batches}, {:.1} % of the calls; {failed} failed\n\
         requested leases           {leases}, {:.1} % of the calls\n\
         Jain's index               minimum {min_fairness:.4}, median {:.4}",
        plan.accounts,
        plan.window.as_secs(),
        rejected as f64 * 100.0 / (calls + rejected) as f64,
        used as f64 * 100.0 / allowed as f64,
        calls as f64 * 100.0 / possible,
        batches as f64 * 100.0 / calls as f64,
        leases as f64 * 100.0 / calls as f64,
        fairness[fairness.len() / 2],
    );
    assert!(rejected * 1_000 <= calls + rejected, "more than 0.1 % of the calls were rejected");
    assert!(used * 100 >= allowed * 95, "less than 95 % of the allowed calls were made");
    assert!(batches * 10 <= calls, "more than one store request per ten calls");
    assert!(min_fairness >= 0.95, "an account was not shared fairly");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: cargo xtask test-shared-limits"]
async fn four_processes_share_limits_through_a_file() {
    let folder = super::test_folder();
    run_processes(&sqlite_place(folder.path()), folder.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow, needs PostgreSQL: cargo xtask test-shared-limits"]
async fn four_processes_share_limits_through_a_server() {
    let folder = super::test_folder();
    run_processes(&postgres_schema(), folder.path()).await;
}
