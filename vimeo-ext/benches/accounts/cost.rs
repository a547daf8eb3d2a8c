//! The extra cost of a call with a shared rate limit, compared with a local one, over loopback.
//!
//! Each round has its own account per variant, and makes all calls that the window allows. Leases are thus as frequent as in a real
//! program, from the first call of a window to the last. The median of the rounds' ratios is the result, because other load on the
//! machine affects a whole round.

use std::time::Instant;

use vimeo_ext::{RateLimiters, Vimeo};
use vimeo_sandbox::{RateLimit, Sandbox};

use crate::AnyError;
use crate::figures::{Figures, Unit, median};
use crate::places::Place;

/// Calls of an account per window. Vimeo publishes no numbers; users report 100 to 600.
const LIMIT: u64 = 600;
const ROUNDS: usize = 100;
/// Warm-up rounds, which open the connections.
const WARM_UP: usize = 5;

pub(crate) async fn measure(place: &Place, figures: &mut Figures) -> Result<(), AnyError> {
    let limit = RateLimit::new(LIMIT, LIMIT);
    let sandbox = Sandbox::builder().rate_limit(limit).start().await?;
    let store = place.open().await?;
    let client = |limiters| {
        Vimeo::builder().access_token("none").base_url(sandbox.url().as_str()).rate_limiters(limiters).build()
    };
    let variants = [
        client(RateLimiters::default())?,
        client(RateLimiters::default())?,
        client(RateLimiters::shared(store))?,
    ];
    let mut ratios = [Vec::new(), Vec::new()];
    let mut alone = Vec::new();
    for round in 0..ROUNDS + WARM_UP {
        let mut times = [0.0; 3];
        for turn in 0..variants.len() {
            let variant = (round + turn) % variants.len();
            if let (Some(client), Some(time)) = (variants.get(variant), times.get_mut(variant)) {
                *time = window(client, &sandbox, round).await?;
            }
        }
        let [base, again, shared] = times;
        if round >= WARM_UP {
            ratios[0].push(again / base);
            ratios[1].push(shared / base);
            alone.push(base / LIMIT as f64);
        }
    }
    let [again, shared] = ratios.map(median);
    let call = median(alone) * 1e6;
    let more = format!(", of {call:.1} µs; control (local against local) {:+.1} %", (again - 1.0) * 100.0);
    figures.put(
        place,
        "a call with a shared rate limit costs more",
        ((shared - 1.0) * 100.0, 5.0),
        Unit::Percent,
        &more,
    );
    Ok(())
}

/// Returns the seconds for all calls of a window of a new account.
async fn window(vimeo: &Vimeo, sandbox: &Sandbox, round: usize) -> Result<f64, AnyError> {
    let account =
        vimeo.for_account(format!("round {round} {}", fastrand::u64(..)), sandbox.issue_token("public"))?;
    let started = Instant::now();
    for _ in 0..LIMIT {
        account.get("/me").send().await?;
    }
    Ok(started.elapsed().as_secs_f64())
}
