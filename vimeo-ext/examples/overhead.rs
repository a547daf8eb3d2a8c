//! What the client's layers cost: the same call through the whole chain and with reqwest alone, against the local Vimeo, in
//! turn in one run.
//!
//! `cargo run --release -p vimeo-ext --example overhead [rounds]`

#![allow(clippy::print_stdout, reason = "this prints figures")]

use std::time::{Duration, Instant};

use serde::Deserialize;
use vimeo_ext::Vimeo;
use vimeo_sandbox::Sandbox;

/// Calls one after another before the other side has its turn.
const CALLS: u32 = 20;

#[derive(Deserialize)]
struct Me {
    name: String,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let rounds: u32 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1000);
    let sandbox = Sandbox::start().await?;
    let vimeo = Vimeo::builder().access_token(sandbox.token()).base_url(sandbox.url().as_str()).build()?;
    let bare = reqwest::Client::new();
    let url = sandbox.url().join("/me?fields=name")?;
    let bearer = format!("Bearer {}", sandbox.token());

    // As programs do, in a task: the thread that merely blocks on the runtime has to be woken for every answer.
    tokio::spawn(measure(rounds, vimeo, bare, url, bearer)).await?
}

async fn measure(
    rounds: u32,
    vimeo: Vimeo,
    bare: reqwest::Client,
    url: url::Url,
    bearer: String,
) -> Result<(), Failure> {
    let (mut theirs, mut typed, mut untyped) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds + 2 {
        let began = Instant::now();
        for _ in 0..CALLS {
            let answer = bare
                .get(url.clone())
                .header("authorization", &bearer)
                .header("accept", vimeo_ext::api::ACCEPT)
                .send()
                .await?;
            let me: Me = serde_json::from_slice(&answer.error_for_status()?.bytes().await?)?;
            assert!(!me.name.is_empty());
        }
        let alone = began.elapsed();
        let began = Instant::now();
        for _ in 0..CALLS {
            let me = vimeo.api().users().get_me().fields("name").send_as::<Me>().await?;
            assert!(!me.name.is_empty());
        }
        let through_types = began.elapsed();
        let began = Instant::now();
        for _ in 0..CALLS {
            let me = vimeo.get("/me").fields("name").read_as::<Me>().send().await?;
            assert!(!me.name.is_empty());
        }
        // The first rounds open the connections.
        if round >= 2 {
            theirs.push(alone);
            typed.push(through_types);
            untyped.push(began.elapsed());
        }
    }
    let alone = median(theirs);
    println!("reqwest alone: {:.1} µs a call", micros(alone));
    for (name, times) in [("typed", typed), ("untyped", untyped)] {
        let time = median(times);
        let ratio = time.as_secs_f64() / alone.as_secs_f64();
        println!("{name}, the whole chain: {:.1} µs a call, ratio of the medians {ratio:.3}", micros(time));
    }
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6 / f64::from(CALLS)
}
