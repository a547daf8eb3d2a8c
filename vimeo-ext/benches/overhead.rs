//! What the client's layers cost: the same call through the whole chain and with reqwest alone, against the local Vimeo.
//!
//! `cargo bench -p vimeo-ext --bench overhead -- [rounds [way]]`; with a way, 0 to 3, only the smallest call in that
//! way, for a profiler.
//!
//! Two calls are measured: the smallest there is, one field of the user, where a layer shows most; and a page of ten
//! videos with all their fields.
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
const CALLS: u32 = 100;

#[derive(Deserialize)]
struct Me {
    name: String,
}

#[derive(Deserialize)]
struct Titles {
    data: Vec<Title>,
}

#[derive(Deserialize)]
struct Title {
    name: String,
}

/// What is asked for.
#[derive(Clone, Copy)]
enum Asked {
    Name,
    Page,
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

/// The answer of reqwest alone, read and decoded.
async fn read<T: serde::de::DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<T, Failure> {
    let answer = request.send().await?;
    Ok(serde_json::from_slice(&answer.error_for_status()?.bytes().await?)?)
}

impl Bench {
    fn bare(&self, link: &str) -> Result<reqwest::RequestBuilder, Failure> {
        let request = self.bare.get(self.url.join(link)?);
        Ok(request.header("authorization", &self.bearer).header("accept", vimeo_ext::api::ACCEPT))
    }

    /// Makes the call and looks at what came.
    async fn call(&self, asked: Asked, way: usize) -> Result<(), Failure> {
        let api = self.vimeo.api();
        let name = match (asked, way) {
            (Asked::Name, 0 | 1) => read::<Me>(self.bare("/me?fields=name")?).await?.name,
            (Asked::Name, 2) => api.users().get_me().fields("name").send_as::<Me>().await?.into_inner().name,
            (Asked::Name, _) => {
                self.vimeo
                    .get("/me")
                    .fields("name")
                    .with_response_type::<Me>()
                    .send()
                    .await?
                    .into_inner()
                    .name
            }
            (Asked::Page, way) => {
                let page = match way {
                    0 | 1 => read::<Titles>(self.bare("/me/videos?per_page=10")?).await?,
                    2 => {
                        let list = api.videos().list_my_videos().per_page(10u64);
                        list.send_as::<Titles>().await?.into_inner()
                    }
                    _ => {
                        let list = self.vimeo.get("/me/videos").query("per_page", 10);
                        list.with_response_type::<Titles>().send().await?.into_inner()
                    }
                };
                page.data.into_iter().next().map(|title| title.name).unwrap_or_default()
            }
        };
        if name.is_empty() { Err("the answer holds no name".into()) } else { Ok(()) }
    }

    /// Seconds a call.
    async fn turn(&self, asked: Asked, way: usize) -> Result<f64, Failure> {
        let began = Instant::now();
        for _ in 0..CALLS {
            self.call(asked, way).await?;
        }
        Ok(began.elapsed().as_secs_f64() / f64::from(CALLS))
    }

    async fn both(self, rounds: usize) -> Result<(), Failure> {
        println!("one field of the user");
        self.measure(Asked::Name, rounds).await?;
        println!("ten videos, all fields");
        self.measure(Asked::Page, rounds / 10 + 1).await
    }

    async fn repeat(self, rounds: usize, way: usize) -> Result<(), Failure> {
        for _ in 0..rounds {
            self.turn(Asked::Name, way).await?;
        }
        Ok(())
    }

    async fn measure(&self, asked: Asked, rounds: usize) -> Result<(), Failure> {
        let mut times = WAYS.map(|_| Vec::with_capacity(rounds));
        let mut ratios = WAYS.map(|_| Vec::with_capacity(rounds));
        for round in 0..rounds + 5 {
            let mut turns = WAYS.map(|_| 0.0);
            for turn in 0..WAYS.len() {
                let way = (round + turn) % WAYS.len();
                let seconds = self.turn(asked, way).await?;
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
    let number = |place| {
        std::env::args()
            .filter(|word| word != "--bench")
            .nth(place)
            .and_then(|text| text.parse::<usize>().ok())
    };
    let rounds = number(1).unwrap_or(500);
    let sandbox = Sandbox::start().await?;
    sandbox.add_videos(10);
    let agent = "overhead";
    let vimeo =
        Vimeo::builder().access_token(sandbox.token()).base_url(sandbox.url().as_str()).user_agent(agent);
    // reqwest is built here without cryptography of its own, so a client of ours takes the process's.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let bench = Bench {
        vimeo: vimeo.build()?,
        bare: reqwest::Client::builder().user_agent(agent).build()?,
        url: sandbox.url().clone(),
        bearer: format!("Bearer {}", sandbox.token()),
    };
    // As programs do, in a task: the thread that merely blocks on the runtime has to be woken for every answer.
    match number(2) {
        Some(way) => tokio::spawn(bench.repeat(rounds, way)).await?,
        None => tokio::spawn(bench.both(rounds)).await?,
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
