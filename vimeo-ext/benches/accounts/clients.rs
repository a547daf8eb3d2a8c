//! The time to get the client of an account.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use vimeo_ext::accounts::Accounts;

use crate::AnyError;
use crate::fake_vimeo::app;
use crate::figures::{Figures, Unit};
use crate::places::{Place, id, ring, some};

const CLIENTS: usize = 5_000;

pub(crate) async fn measure(place: &Place, figures: &mut Figures) -> Result<(), AnyError> {
    let ids = some(place.count().await?, CLIENTS).into_iter().map(id).collect::<Result<Vec<_>, _>>()?;
    let accounts = Accounts::builder(app()?, place.open().await?, ring())
        .cache_capacity(NonZeroUsize::new(CLIENTS).ok_or("no clients")?)
        .build()
        .await?;
    for (what, most, unit) in [
        ("client(id), read from the store", Duration::from_millis(5), Unit::Millis),
        ("client(id), cached", Duration::from_micros(20), Unit::Micros),
    ] {
        let mut times = Vec::with_capacity(CLIENTS);
        for id in &ids {
            let started = Instant::now();
            let client = accounts.client(id).await?;
            times.push(started.elapsed());
            drop(client);
        }
        figures.times(place, what, times, most, unit);
    }
    Ok(())
}
