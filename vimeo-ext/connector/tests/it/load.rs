//! Two processes of `vimeo serve` on one PostgreSQL under load, one of which is killed again and again.
//!
//! The callers record what the service acknowledged. At the end nothing of it may be lost or doubled, in the service, in the
//! sandbox and in the stream of events. Run with `cargo xtask test-connector-load`, which brings the server and the command.

#![allow(clippy::print_stdout, reason = "this prints figures, and what the processes logged")]

mod acknowledged;
mod caller;
mod checks;
mod event_reader;
mod processes;
mod script;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use vimeo_sandbox::{RateLimit, Sandbox};

use self::acknowledged::AcknowledgedAccount;
use self::caller::Caller;
use self::event_reader::EventReader;
use self::processes::{Processes, Settings};

/// How many callers are active at the same time.
const CALLERS: usize = 8;

/// The account that is created when everything else is done. The event readers stop at its event.
const LAST_ACCOUNT: &str = "~last";

/// Bounds a run that hangs.
const TIMEOUT: Duration = Duration::from_secs(20 * 60);

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().map_or(default, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and the command: cargo xtask test-connector-load"]
async fn kills_under_load_lose_and_double_nothing() {
    tokio::time::timeout(TIMEOUT, run()).await.unwrap();
}

async fn run() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (accounts, kills) = (number("VIMEO_TEST_ACCOUNTS", 40), number("VIMEO_TEST_KILLS", 4));
    let limit = RateLimit::new(1_000_000, 1_000_000);
    let sandbox = Sandbox::builder().rate_limit(limit).start_on_own_thread().await.unwrap();
    let settings = Settings::new(&sandbox);
    let processes = Arc::new(Processes::start(settings));
    let caller = Caller::new(Arc::clone(&processes));
    let readers = [0, 1].map(|process| EventReader::spawn(Arc::clone(&processes), process));

    let started = Instant::now();
    let planned: usize = (0..accounts).map(script::calls_of).sum();
    let killing = tokio::spawn(kill_again_and_again(caller.clone(), Arc::clone(&processes), kills, planned));
    let next = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let workers = (0..CALLERS.min(accounts)).map(|_| {
        let (caller, next, sandbox) = (caller.clone(), Arc::clone(&next), sandbox.world().clone());
        let app = (sandbox.client_id(), sandbox.client_secret());
        tokio::spawn(async move {
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if index >= accounts {
                    return done;
                }
                let user = sandbox.add_user(&format!("user {index}"));
                done.push(script::run(&caller, index, user.token, &app).await);
            }
        })
    });
    let recorded: Vec<AcknowledgedAccount> =
        join_all(workers).await.into_iter().flat_map(|worker| worker.unwrap()).collect();
    let elapsed = started.elapsed();
    let killed = killing.await.unwrap();
    caller.until_acknowledged(Method::PUT, &format!("/v1/accounts/{LAST_ACCOUNT}"), None).await;

    let mut events = Vec::new();
    for reader in readers {
        events.push(reader.join().await);
    }
    let report = checks::run(&caller, &sandbox, &recorded, &events).await;
    let (calls, unknown) = (caller.acknowledged(), caller.unknown());
    println!(
        "{accounts} accounts, {killed} kills, {calls} acknowledged calls, {unknown} with an unknown outcome"
    );
    let seconds = elapsed.as_secs_f64();
    println!("{seconds:.1} s under load, {:.0} calls/s from {CALLERS} callers\n", calls as f64 / seconds);
    println!("{report}");
    assert_eq!(killed, kills);
    assert!(report.is_clean(), "something was lost or doubled");
    sandbox.stop().await;
}

/// Kills a process each time another part of the planned calls is acknowledged, and starts it again.
async fn kill_again_and_again(
    caller: Caller,
    processes: Arc<Processes>,
    kills: usize,
    planned: usize,
) -> usize {
    let mut killed = 0;
    for kill in 1..=kills {
        caller.wait_for_acknowledged(planned * kill / (kills + 1)).await;
        let processes = Arc::clone(&processes);
        tokio::task::spawn_blocking(move || processes.kill_and_restart(1)).await.unwrap();
        killed += 1;
    }
    killed
}

/// The body that connects an account.
fn access_token(token: &str) -> Option<serde_json::Value> {
    Some(json!({"access_token": token}))
}
