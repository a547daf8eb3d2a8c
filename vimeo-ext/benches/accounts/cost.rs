//! What a call costs more when its rate limit is shared: beside a call that counts for itself, over loopback.
//!
//! Each round has an account of its own in each way, and makes all calls that its window allows: so leases are in it as
//! they are in a program's day, from the first of a window to the last. The median of the rounds' ratios counts, because
//! what else the machine does moves a whole round.

use std::time::Instant;

use vimeo_ext::{RateLimiters, Vimeo};
use vimeo_sandbox::{RateLimit, Sandbox};

use crate::AnyError;
use crate::figures::{Figures, Unit, median};
use crate::places::Place;

/// Calls of an account in a window. Vimeo publishes no numbers; its users tell of 100 to 600.
const LIMIT: u64 = 600;
const ROUNDS: usize = 100;
/// These open the connections.
const FIRST: usize = 5;

pub(crate) async fn measure(place: &Place, figures: &mut Figures) -> Result<(), AnyError> {
    let limit = RateLimit::new(LIMIT, LIMIT);
    let sandbox = Sandbox::builder().rate_limit(limit).start().await?;
    let store = place.open().await?;
    let client = |limiters| {
        Vimeo::builder().access_token("none").base_url(sandbox.url().as_str()).rate_limiters(limiters).build()
    };
    let ways = [
        client(RateLimiters::default())?,
        client(RateLimiters::default())?,
        client(RateLimiters::shared(store))?,
    ];
    let mut ratios = [Vec::new(), Vec::new()];
    let mut alone = Vec::new();
    for round in 0..ROUNDS + FIRST {
        let mut times = [0.0; 3];
        for turn in 0..ways.len() {
            let way = (round + turn) % ways.len();
            if let (Some(client), Some(time)) = (ways.get(way), times.get_mut(way)) {
                *time = window(client, &sandbox, round).await?;
            }
        }
        let [base, again, shared] = times;
        if round >= FIRST {
            ratios[0].push(again / base);
            ratios[1].push(shared / base);
            alone.push(base / LIMIT as f64);
        }
    }
    let [again, shared] = ratios.map(median);
    let call = median(alone) * 1e6;
    let more = format!(", of {call:.1} µs; without sharing beside itself {:+.1} %", (again - 1.0) * 100.0);
    figures.put(
        place,
        "a call with a shared rate limit costs more",
        ((shared - 1.0) * 100.0, 5.0),
        Unit::Percent,
        &more,
    );
    Ok(())
}

/// Seconds for all calls of a window of a new account.
async fn window(vimeo: &Vimeo, sandbox: &Sandbox, round: usize) -> Result<f64, AnyError> {
    let account =
        vimeo.for_account(format!("round {round} {}", fastrand::u64(..)), sandbox.issue_token("public"))?;
    let began = Instant::now();
    for _ in 0..LIMIT {
        account.get("/me").send().await?;
    }
    Ok(began.elapsed().as_secs_f64())
}
