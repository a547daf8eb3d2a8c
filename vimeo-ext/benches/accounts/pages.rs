//! The time of a page of accounts, anywhere in the list and with any filter.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use vimeo_ext::accounts::{AccountQuery, Accounts, Key, Status};

use crate::AnyError;
use crate::fake_vimeo::{DAYS, app};
use crate::figures::{Figures, Unit};
use crate::places::{Place, id, ring, some};

const PAGES: usize = 100;
/// A filter is measured no longer than this, even with fewer pages.
const MAX_DURATION: Duration = Duration::from_secs(3);

pub(crate) async fn measure(place: &Place, figures: &mut Figures) -> Result<(), AnyError> {
    let count = place.count().await?;
    let accounts = Accounts::builder(app()?, place.open().await?, ring()).build().await?;
    let (all, now) = (AccountQuery::default(), Utc::now());
    let before = |days: i64| all.clone().expires_before(now + TimeDelta::days(days));
    // The first tokens expire tomorrow, and the same number on each day.
    let soonest = |number: u64| {
        let seconds = 86_400 + DAYS * 86_400 * number / count;
        all.clone().expires_before(now + TimeDelta::seconds(seconds as i64))
    };
    let current = ring().current().clone();
    let filters = [
        ("a page of 50", all.clone()),
        ("a page of 1,000", all.clone().limit(1_000)),
        ("active", all.clone().status(Status::Active)),
        ("disabled, 1 in 100", all.clone().status(Status::Disabled)),
        ("revoked: none", all.clone().status(Status::Revoked)),
        ("of one user", all.clone().user("/users/77")),
        ("expired: none", before(0)),
        ("expiring in two days, 1 in 60", before(2)),
        ("the 5,000 that expire first", soonest(5_000)),
        ("the 8,000 that expire first", soonest(8_000)),
        ("  a page of 1,000", soonest(8_000).limit(1_000)),
        ("the 19,000 that expire first", soonest(19_000)),
        ("  a page of 1,000", soonest(19_000).limit(1_000)),
        ("the 24,000 that expire first", soonest(24_000)),
        ("  a page of 1,000", soonest(24_000).limit(1_000)),
        ("expiring in a year: all", before(365)),
        ("active, expiring in two days", before(2).status(Status::Active)),
        ("disabled, expiring in two days", before(2).status(Status::Disabled)),
        ("encrypted with another key: none", all.clone().not_encrypted_with(current)),
        (
            "encrypted with another key: all",
            all.clone().not_encrypted_with(Key::from_bytes([8; 32]).id().clone()),
        ),
    ];
    for (what, query) in filters {
        let mut times = Vec::with_capacity(PAGES);
        let filter_started = Instant::now();
        for after in some(count, PAGES) {
            let query = query.clone().after(id(after)?);
            let started = Instant::now();
            accounts.list(query).await?;
            times.push(started.elapsed());
            if filter_started.elapsed() > MAX_DURATION {
                break;
            }
        }
        figures.times(place, what, times, Duration::from_millis(20), Unit::Millis);
        // From the beginning of the list, a filter has the longest way to the last match.
        let started = Instant::now();
        accounts.list(query).await?;
        figures.times(
            place,
            "  from the beginning",
            vec![started.elapsed()],
            Duration::from_millis(20),
            Unit::Millis,
        );
    }
    Ok(())
}
