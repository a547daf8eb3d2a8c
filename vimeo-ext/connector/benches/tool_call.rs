//! The cost of a tool call through the service, compared with the same call made straight to the sandbox.
//!
//! `cargo bench -p vimeo-connector --bench tool_call -- [rounds [tool variant]]`. With the address of a PostgreSQL server in
//! VIMEO_TEST_POSTGRES, the service also runs on PostgreSQL with shared limits:
//! `cargo xtask test-stores -- cargo bench -p vimeo-connector --bench tool_call`. With a tool and a variant, 0 to 4, the bench
//! only makes that call, for a profiler.
//!
//! Each round makes the same calls in each variant, in rotating order, and yields one ratio per variant. The median of the
//! ratios is the result, because other load on the machine affects a whole round. The sandbox, the service and the caller each
//! have their own threads, as in three processes. All variants keep their connections and read the whole response as JSON. The
//! service logs at its default level, to nowhere.

#![allow(clippy::print_stdout, reason = "this prints figures")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use vimeo_agent::tools::Tools;
use vimeo_connector::{Connector, KeyPolicy};
use vimeo_ext::accounts::{
    AccountId, Accounts, Key, KeyRing, MemoryStore, PostgresStore, ServiceStore, SqliteStore,
};
use vimeo_ext::{AccessToken, RateLimiters, Vimeo};
use vimeo_sandbox::{RateLimit, Sandbox};

/// Sequential calls before the next variant.
const CALLS: u32 = 50;

/// Rounds that open the connections and fill the caches.
const WARM_UP: usize = 3;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The variants; the others are compared with the first two.
const VARIANTS: [&str; 5] =
    ["request alone", "tool in this process", "service, in memory", "service, SQLite", "service, PostgreSQL"];

/// A tool, its input, and the request that it makes.
struct Scenario {
    tool: &'static str,
    input: Value,
    url: url::Url,
}

/// A running service.
struct Service {
    address: SocketAddr,
    key: String,
}

struct Bench {
    bare: reqwest::Client,
    bearer: String,
    tools: Tools,
    services: Vec<Service>,
}

/// Starts a service with this store in threads of its own.
async fn start_service(
    store: Arc<dyn ServiceStore>,
    base_url: String,
    app: (String, String),
    token: String,
    shared: bool,
) -> Result<Service, BoxError> {
    let (started, wait) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let serve = async move {
            let mut builder = Vimeo::builder().base_url(base_url).app(app.0, app.1);
            if shared {
                builder = builder.rate_limiters(RateLimiters::shared(Arc::clone(&store)));
            }
            let accounts = Accounts::builder(builder.build()?, store.clone(), KeyRing::new(Key::generate()));
            let accounts = accounts.build().await?;
            accounts.connect_with_token(&AccountId::new("a")?, AccessToken::new(token)).await?;
            let connector = Connector::builder(accounts, store).build()?;
            let (_, key) = connector.api_keys().create(KeyPolicy::new("bench")).await?;
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            let _ = started.send(Service { address, key: key.expose_secret().to_owned() });
            connector.serve(listener).await?;
            Ok::<(), BoxError>(())
        };
        if let Ok(runtime) = runtime
            && let Err(error) = runtime.block_on(async { tokio::spawn(serve).await? })
        {
            println!("the service stopped: {error}");
        }
    });
    Ok(wait.await?)
}

impl Bench {
    fn variants(&self) -> usize {
        self.services.len().saturating_add(2)
    }

    /// Makes the call; returns the value in the response.
    async fn call(&self, scenario: &Scenario, variant: usize) -> Result<Value, BoxError> {
        let request = match variant {
            0 => {
                let request = self.bare.get(scenario.url.clone());
                request.header("authorization", &self.bearer).header("accept", vimeo_ext::api::ACCEPT)
            }
            1 => return Ok(self.tools.call(scenario.tool, scenario.input.clone()).await?.into_value()),
            service => {
                let service = self.services.get(service - 2).ok_or("no such variant")?;
                let url = format!("http://{}/v1/accounts/a/tools/{}", service.address, scenario.tool);
                let request = self.bare.post(url).bearer_auth(&service.key);
                request.header("content-type", "application/json").body(serde_json::to_vec(&scenario.input)?)
            }
        };
        let response = request.send().await?.error_for_status()?;
        Ok(serde_json::from_slice(&response.bytes().await?)?)
    }

    /// Returns the seconds per call.
    async fn run_turn(&self, scenario: &Scenario, variant: usize) -> Result<f64, BoxError> {
        let started = Instant::now();
        for _ in 0..CALLS {
            self.call(scenario, variant).await?;
        }
        Ok(started.elapsed().as_secs_f64() / f64::from(CALLS))
    }

    async fn measure(&self, scenario: &Scenario, rounds: usize) -> Result<(), BoxError> {
        let count = self.variants();
        let mut turns: Vec<Vec<f64>> = Vec::with_capacity(rounds);
        for round in 0..rounds + WARM_UP {
            let mut seconds = vec![0.0; count];
            for turn in 0..count {
                let variant = (round + turn) % count;
                let taken = self.run_turn(scenario, variant).await?;
                if let Some(place) = seconds.get_mut(variant) {
                    *place = taken;
                }
            }
            if round >= WARM_UP {
                turns.push(seconds);
            }
        }
        println!("{}, {rounds} rounds of {CALLS} calls", scenario.tool);
        for (variant, name) in VARIANTS.iter().enumerate().take(count) {
            let of = |turn: &Vec<f64>, variant: usize| turn.get(variant).copied().unwrap_or_default();
            let times = turns.iter().map(|turn| of(turn, variant)).collect();
            let ratios = |base| median(turns.iter().map(|turn| of(turn, variant) / of(turn, base)).collect());
            println!(
                "  {name:<22} {:>8.1} µs   {:>5.2} of the request   {:>5.2} of the tool",
                median(times) * 1e6,
                ratios(0),
                ratios(1)
            );
        }
        Ok(())
    }
}

async fn run(rounds: usize, only: Option<(String, usize)>) -> Result<(), BoxError> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_writer(std::io::sink).init();
    let limit = RateLimit::new(1_000_000_000, 1_000_000_000);
    let sandbox = Sandbox::builder().rate_limit(limit).start_on_own_thread().await?;
    let videos = sandbox.add_videos(25);
    let video = videos.first().ok_or("no videos")?.to_string();
    let vimeo = Vimeo::builder().access_token(sandbox.token()).base_url(sandbox.url().as_str()).build()?;
    let folder = tempfile::tempdir()?;
    let mut stores: Vec<(Arc<dyn ServiceStore>, bool)> = vec![
        (Arc::new(MemoryStore::default()), false),
        (Arc::new(SqliteStore::open(folder.path().join("bench.db")).await?), false),
    ];
    if let Ok(url) = std::env::var("VIMEO_TEST_POSTGRES") {
        let schema = format!("tool_call_{}", std::process::id());
        stores.push((Arc::new(PostgresStore::connect_in(&url.into(), &schema, 10).await?), true));
    }
    let mut services = Vec::new();
    for (store, shared) in stores {
        let app = (sandbox.client_id(), sandbox.client_secret());
        let (url, token) = (sandbox.url().to_string(), sandbox.token().to_owned());
        services.push(start_service(store, url, app, token, shared).await?);
    }
    let bench = Bench {
        bare: reqwest::Client::builder().no_proxy().build()?,
        bearer: format!("Bearer {}", sandbox.token()),
        tools: Tools::for_account(vimeo),
        services,
    };
    let scenarios = [
        ("vimeo_me_get", json!({})),
        ("vimeo_video_get", json!({"video_id": video})),
        ("vimeo_my_videos_list", json!({"sort": "date", "direction": "desc", "per_page": 25})),
    ];
    for (tool, input) in scenarios {
        sandbox.clear_request_log();
        bench.tools.call(tool, input.clone()).await?;
        let log = sandbox.request_log();
        let request = log.last().ok_or("the tool made no request")?;
        let mut url = sandbox.url().join(&request.path)?;
        url.set_query(Some(&request.query).filter(|query| !query.is_empty()).map(String::as_str));
        let scenario = Scenario { tool, input, url };
        match &only {
            Some((wanted, variant)) if wanted == tool => {
                for _ in 0..rounds {
                    bench.run_turn(&scenario, *variant).await?;
                }
            }
            Some(_) => {}
            None => bench.measure(&scenario, rounds).await?,
        }
    }
    sandbox.stop().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let rounds = words.first().and_then(|text| text.parse().ok()).unwrap_or(60);
    let only = match words.get(1..) {
        Some([tool, variant]) => Some((tool.clone(), variant.parse()?)),
        _ => None,
    };
    // In a task, as in a real program: a thread that blocks on the runtime would have to be woken for every response.
    tokio::spawn(run(rounds, only)).await?
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
