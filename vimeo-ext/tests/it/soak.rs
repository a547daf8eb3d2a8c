//! Many tasks of several accounts at their rate limits, against the sandbox.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};
use vimeo_api::{Request, TransportFuture};
use vimeo_ext::{Clock, Middleware, Next, RateLimitPolicy, Vimeo};
use vimeo_sandbox::{RateLimit, RequestLogEntry, Sandbox};

use crate::fake::start;

/// The clock of a test, shared by client and sandbox.
///
/// It is tokio's paused clock, which advances when no task can run. A task that waits for a socket does not run, so the clock is
/// stopped while a request is in flight: a request takes no time, regardless of the machine. The latency of a real network is
/// added afterwards.
#[derive(Clone)]
struct TestClock {
    began: Instant,
    held: Arc<Mutex<HoldState>>,
}

#[derive(Default)]
struct HoldState {
    by: u64,
    /// Releases the clock when it is dropped.
    hold: Option<oneshot::Sender<()>>,
}

impl TestClock {
    fn begin() -> Self {
        Self { began: Instant::now(), held: Arc::default() }
    }

    fn passed(&self) -> Duration {
        self.began.elapsed()
    }

    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        start() + self.passed()
    }

    /// Stops the clock until the guard is dropped: it does not advance while a blocking task runs.
    fn hold(&self) -> Hold {
        let mut held = self.held.lock().unwrap();
        held.by += 1;
        held.hold.get_or_insert_with(|| {
            let (hold, release) = oneshot::channel();
            tokio::task::spawn_blocking(move || release.blocking_recv());
            hold
        });
        Hold(self.clone())
    }
}

struct Hold(TestClock);

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = self.0.held.lock().unwrap();
        held.by -= 1;
        if held.by == 0 {
            held.hold = None;
        }
    }
}

/// Middleware that simulates the network between the client and the sandbox.
struct SimulatedNetwork {
    time: TestClock,
    sandbox: vimeo_sandbox::Clock,
    sent: Mutex<u64>,
}

impl Middleware for SimulatedNetwork {
    fn send<'a>(&'a self, request: &'a mut Request, next: Next<'a>) -> TransportFuture<'a> {
        Box::pin(async move {
            let hold = self.time.hold();
            self.sandbox.set(self.time.now());
            let number = {
                let mut sent = self.sent.lock().unwrap();
                *sent += 1;
                *sent
            };
            let answer = next.send(request).await;
            drop(hold);
            // 20 to 90 ms, so that responses arrive out of order.
            sleep(Duration::from_millis(20 + number * 37 % 70)).await;
            answer
        })
    }
}

/// The form of a token in the request log.
fn fingerprint(token: &str) -> String {
    Sha256::digest(token)[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}

const WINDOW: u64 = 10;
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn soak_200_tasks_meet_at_most_one_429_per_account() {
    let time = TestClock::begin();
    let sandbox = Sandbox::builder().clock(vimeo_sandbox::Clock::frozen(start())).start().await.unwrap();
    let shown = time.clone();
    let root = Vimeo::builder()
        .access_token(sandbox.token())
        .base_url(sandbox.url().as_str())
        .rate_limit_policy(RateLimitPolicy::Wait { at_most: 10 * MINUTE })
        .clock(Clock::new(move || shown.now()))
        .per_attempt_middleware(SimulatedNetwork {
            time: time.clone(),
            sandbox: sandbox.clock().clone(),
            sent: Mutex::new(0),
        })
        .build()
        .unwrap();
    // (name, calls per window without and with `fields`)
    let limits = [("a", 20, 40), ("b", 40, 80), ("c", 60, 120)];
    let accounts = limits.map(|(name, plain, with_fields)| {
        let token = sandbox.add_user(name).token;
        let limit = RateLimit::new(plain, with_fields).window(Duration::from_secs(WINDOW));
        assert!(sandbox.world().set_rate_limit(&token, limit));
        (root.for_account(name, token.as_str()).unwrap(), fingerprint(&token))
    });

    let tasks: Vec<_> = (0..200)
        .map(|number| {
            let (vimeo, time) = (accounts[number % 3].0.clone(), time.clone());
            tokio::spawn(async move {
                let mut answered = 0u64;
                while time.passed() < MINUTE {
                    let me = vimeo.get("/me");
                    let me = if number / 3 % 2 == 0 { me } else { me.fields("name") };
                    assert!(me.send().await.unwrap()["name"].is_string());
                    answered += 1;
                }
                answered
            })
        })
        .collect();
    for (number, task) in tasks.into_iter().enumerate() {
        let answered = task.await.unwrap();
        assert!(answered > 0, "task {number} of account {} was starved", limits[number % 3].0);
    }

    let request_log = sandbox.request_log();
    for ((name, plain, with_fields), (vimeo, token)) in limits.into_iter().zip(&accounts) {
        let of = |fields: bool, status: u16| {
            let counts = |entry: &&RequestLogEntry| {
                entry.token_fingerprint.as_ref() == Some(token)
                    && entry.status == Some(status)
                    && entry.query.contains("fields=") == fields
            };
            request_log.iter().filter(counts).count() as u64
        };
        let refused = of(false, 429) + of(true, 429);
        assert!(refused <= 1, "{name} got {refused} responses with 429");
        // Each window is a second longer for the client, because resets are in whole seconds.
        for (limit, answered) in [(plain, of(false, 200)), (with_fields, of(true, 200))] {
            let windows = 60 / (WINDOW + 1);
            assert!(
                answered >= windows * limit,
                "{name} made {answered} calls with a limit of {limit} per window"
            );
        }
        assert_eq!(vimeo.rate_limiter().status().waiting, 0, "{name}");
    }
}
