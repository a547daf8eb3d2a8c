//! What the client's layers cost: the same call through the whole chain and with reqwest alone, against the local Vimeo.
//!
//! `cargo run --release -p vimeo-ext --example overhead [rounds]`
//!
//! Each round makes the same calls in each way, in turning order, and gives one ratio a way; the median of the ratios is
//! what counts, because what else the machine does moves a whole round. All ways send the same headers, keep their
//! connection, read the whole answer and decode it into the same type.

#![allow(clippy::print_stdout, reason = "this prints figures")]

use std::time::Instant;

use serde::Deserialize;
use vimeo_ext::Vimeo;
use vimeo_sandbox::Sandbox;

/// Calls one after another before another way has its turn.
const CALLS: u32 = 20;

#[derive(Deserialize)]
struct Me {
    name: String,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The ways to make the call; the first is what the others are compared with.
const WAYS: [&str; 4] =
    ["reqwest alone", "reqwest alone, again", "typed, the whole chain", "untyped, the whole chain"];

struct Bench {
    vimeo: Vimeo,
    bare: reqwest::Client,
    url: url::Url,
    bearer: String,
}

impl Bench {
    async fn call(&self, way: usize) -> Result<Me, Failure> {
        let me = match way {
            0 | 1 => {
                let answer = self
                    .bare
                    .get(self.url.clone())
                    .header("authorization", &self.bearer)
                    .header("accept", vimeo_ext::api::ACCEPT)
                    .send()
                    .await?;
                serde_json::from_slice(&answer.error_for_status()?.bytes().await?)?
            }
            2 => self.vimeo.api().users().get_me().fields("name").send_as::<Me>().await?.into_inner(),
            _ => self.vimeo.get("/me").fields("name").read_as::<Me>().send().await?.into_inner(),
        };
        Ok(me)
    }

    /// Seconds a call.
    async fn turn(&self, way: usize) -> Result<f64, Failure> {
        let began = Instant::now();
        for _ in 0..CALLS {
            assert!(!self.call(way).await?.name.is_empty());
        }
        Ok(began.elapsed().as_secs_f64() / f64::from(CALLS))
    }

    async fn measure(self, rounds: usize) -> Result<(), Failure> {
        let mut times = WAYS.map(|_| Vec::with_capacity(rounds));
        let mut ratios = WAYS.map(|_| Vec::with_capacity(rounds));
        for round in 0..rounds + 5 {
            let mut turns = WAYS.map(|_| 0.0);
            for turn in 0..WAYS.len() {
                let way = (round + turn) % WAYS.len();
                let seconds = self.turn(way).await?;
                if let Some(turn) = turns.get_mut(way) {
                    *turn = seconds;
                }
            }
            // The first rounds open the connections.
            if round < 5 {
                continue;
            }
            for ((seconds, times), ratios) in turns.iter().zip(&mut times).zip(&mut ratios) {
                times.push(*seconds);
                ratios.push(seconds / turns[0]);
            }
        }
        for ((name, times), ratios) in WAYS.iter().zip(times).zip(ratios) {
            let micros = median(times) * 1e6;
            println!("{name}: {micros:.1} µs a call, median of {rounds} ratios {:.3}", median(ratios));
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let rounds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1000);
    let sandbox = Sandbox::start().await?;
    let agent = "overhead";
    let vimeo =
        Vimeo::builder().access_token(sandbox.token()).base_url(sandbox.url().as_str()).user_agent(agent);
    let bench = Bench {
        vimeo: vimeo.build()?,
        bare: reqwest::Client::builder().user_agent(agent).build()?,
        url: sandbox.url().join("/me?fields=name")?,
        bearer: format!("Bearer {}", sandbox.token()),
    };
    // As programs do, in a task: the thread that merely blocks on the runtime has to be woken for every answer.
    tokio::spawn(bench.measure(rounds)).await?
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
