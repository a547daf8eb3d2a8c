//! The overhead of the pipeline: the same call through the whole pipeline and with reqwest alone, against the sandbox.
//!
//! `cargo bench -p vimeo-ext --bench overhead -- [rounds [variant]]`. With a variant, 0 to 3, the bench only sends the smallest call
//! in that variant, for a profiler.
//!
//! The bench measures two calls: the smallest one, a single field of the user, where a stage shows most; and a page of ten videos
//! with all their fields.
//!
//! Each round sends the same calls in each variant, in rotating order, and yields one ratio per variant. The median of the ratios is
//! the result, because other load on the machine affects a whole round. All variants send the same headers, keep their connection,
//! read the whole response and decode it into the same type.

#![allow(clippy::print_stdout, reason = "this prints figures")]

use std::time::Instant;

use serde::Deserialize;
use vimeo_ext::Vimeo;
use vimeo_sandbox::Sandbox;

/// Sequential calls before the next variant.
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

/// The measured call.
#[derive(Clone, Copy)]
enum Scenario {
    Name,
    Page,
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The variants of the call; the others are compared with the first.
const VARIANTS: [&str; 4] =
    ["reqwest alone", "reqwest alone, again", "typed, whole pipeline", "untyped, whole pipeline"];

struct Bench {
    vimeo: Vimeo,
    bare: reqwest::Client,
    url: url::Url,
    bearer: String,
}

/// Sends a request with reqwest alone and decodes the response.
async fn read<T: serde::de::DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<T, BoxError> {
    let response = request.send().await?;
    Ok(serde_json::from_slice(&response.error_for_status()?.bytes().await?)?)
}

impl Bench {
    fn bare(&self, link: &str) -> Result<reqwest::RequestBuilder, BoxError> {
        let request = self.bare.get(self.url.join(link)?);
        Ok(request.header("authorization", &self.bearer).header("accept", vimeo_ext::api::ACCEPT))
    }

    /// Sends the call and checks the response.
    async fn call(&self, scenario: Scenario, variant: usize) -> Result<(), BoxError> {
        let api = self.vimeo.api();
        let name = match (scenario, variant) {
            (Scenario::Name, 0 | 1) => read::<Me>(self.bare("/me?fields=name")?).await?.name,
            (Scenario::Name, 2) => {
                api.users().get_me().fields("name").send_as::<Me>().await?.into_inner().name
            }
            (Scenario::Name, _) => {
                self.vimeo
                    .get("/me")
                    .fields("name")
                    .with_response_type::<Me>()
                    .send()
                    .await?
                    .into_inner()
                    .name
            }
            (Scenario::Page, variant) => {
                let page = match variant {
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
        if name.is_empty() { Err("the response contains no name".into()) } else { Ok(()) }
    }

    /// Returns the seconds per call.
    async fn run_turn(&self, scenario: Scenario, variant: usize) -> Result<f64, BoxError> {
        let started = Instant::now();
        for _ in 0..CALLS {
            self.call(scenario, variant).await?;
        }
        Ok(started.elapsed().as_secs_f64() / f64::from(CALLS))
    }

    async fn both(self, rounds: usize) -> Result<(), BoxError> {
        println!("one field of the user");
        self.measure(Scenario::Name, rounds).await?;
        println!("ten videos, all fields");
        self.measure(Scenario::Page, rounds / 10 + 1).await
    }

    async fn repeat(self, rounds: usize, variant: usize) -> Result<(), BoxError> {
        for _ in 0..rounds {
            self.run_turn(Scenario::Name, variant).await?;
        }
        Ok(())
    }

    async fn measure(&self, scenario: Scenario, rounds: usize) -> Result<(), BoxError> {
        let mut times = VARIANTS.map(|_| Vec::with_capacity(rounds));
        let mut ratios = VARIANTS.map(|_| Vec::with_capacity(rounds));
        for round in 0..rounds + 5 {
            let mut turns = VARIANTS.map(|_| 0.0);
            for turn in 0..VARIANTS.len() {
                let variant = (round + turn) % VARIANTS.len();
                let seconds = self.run_turn(scenario, variant).await?;
                if let Some(turn) = turns.get_mut(variant) {
                    *turn = seconds;
                }
            }
            // The first rounds are for warm-up: they open the connections.
            if round < 5 {
                continue;
            }
            for ((seconds, times), ratios) in turns.iter().zip(&mut times).zip(&mut ratios) {
                times.push(*seconds);
                ratios.push(seconds / turns[0]);
            }
        }
        for ((name, times), ratios) in VARIANTS.iter().zip(times).zip(ratios) {
            let micros = median(times) * 1e6;
            println!("{name}: {micros:.1} µs per call, median of {rounds} ratios: {:.3}", median(ratios));
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
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
    // reqwest is built without a crypto provider here, so its clients use the process's default.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let bench = Bench {
        vimeo: vimeo.build()?,
        bare: reqwest::Client::builder().user_agent(agent).build()?,
        url: sandbox.url().clone(),
        bearer: format!("Bearer {}", sandbox.token()),
    };
    // In a task, as in a real program: a thread that blocks on the runtime would have to be woken for every response.
    match number(2) {
        Some(variant) => tokio::spawn(bench.repeat(rounds, variant)).await?,
        None => tokio::spawn(bench.both(rounds)).await?,
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
