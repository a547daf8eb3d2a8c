//! The memory of a cached account: by how much the process grows.

use std::num::NonZeroUsize;

use vimeo_ext::accounts::Accounts;
use vimeo_ext::auth::BoxFuture;
use vimeo_ext::rate_limit::{LeaseRequest, QuotaLease, QuotaPool, QuotaStore};
use vimeo_ext::{RateLimiters, Vimeo};

use crate::AnyError;
use crate::fake_vimeo::transport;
use crate::figures::{Figures, Unit};
use crate::places::{Place, id, ring, some};

const CLIENTS: usize = 50_000;
/// Warm-up clients, so that connections, pools and code are loaded before the first measurement.
const WARM_UP: usize = 2_000;

/// Grants every lease and stores nothing, so that it uses no memory.
struct StatelessStore;

impl QuotaStore for StatelessStore {
    fn lease<'a>(&'a self, requests: &'a [LeaseRequest]) -> BoxFuture<'a, Result<Vec<QuotaLease>, AnyError>> {
        let lease = |request: &LeaseRequest| QuotaPool::default().lease(&request.report);
        Box::pin(async move { Ok(requests.iter().map(lease).collect()) })
    }
}

pub(crate) async fn measure(place: &Place, figures: &mut Figures) -> Result<(), AnyError> {
    let ids =
        some(place.count().await?, WARM_UP + CLIENTS).into_iter().map(id).collect::<Result<Vec<_>, _>>()?;
    let (first, ids) = ids.split_at(WARM_UP.min(ids.len()));
    let app = Vimeo::builder()
        .app("client id", "client secret")
        .transport(transport())
        .rate_limiters(RateLimiters::shared(StatelessStore))
        .build()?;
    let accounts =
        Accounts::builder(app, place.open().await?, ring()).cache_capacity(NonZeroUsize::MAX).build().await?;
    for id in first {
        accounts.client(id).await?.get("/me").send().await?;
    }
    let before = resident()?;
    let each = |resident: f64| (resident - before) / ids.len() as f64;
    for id in ids {
        accounts.client(id).await?;
    }
    figures.put("memory", "a cached account", (each(resident()?), 2_048.0), Unit::Bytes, "");
    for id in ids {
        accounts.client(id).await?.get("/me").send().await?;
    }
    figures.put("memory", "after a call", (each(resident()?), 2_048.0), Unit::Bytes, "");
    Ok(())
}

/// Bytes that the process has in memory.
fn resident() -> Result<f64, AnyError> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib =
        line.and_then(|line| line.trim().strip_suffix(" kB")).ok_or("the system reports no resident size")?;
    Ok(kib.trim().parse::<f64>()? * 1024.0)
}
