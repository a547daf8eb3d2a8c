//! Slices of an account's budget, leased from what all processes share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::Budget;
use crate::auth::BoxFuture;

/// Where processes that serve the same accounts share what they know of each limit.
///
/// One process asks for a slice of the calls that remain and spends it without asking again.
pub trait BudgetShare: Send + Sync + 'static {
    /// A slice of the budget of this name. When it cannot be had, the process goes by what it knows itself for a while.
    fn lease<'a>(
        &'a self,
        name: &'a str,
        report: &'a BudgetReport,
    ) -> BoxFuture<'a, Result<BudgetLease, Box<dyn std::error::Error + Send + Sync>>>;
}

/// What a process knows when it asks for a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BudgetReport {
    /// What the process calls itself.
    pub holder: String,
    /// Calls that the limit allows; 0 as long as that is not known.
    pub limit: u64,
    /// Calls that remain, by the process's last answer.
    pub remaining: u64,
    /// When the limit begins anew, by the same answer.
    pub resets_at: Option<DateTime<Utc>>,
    /// Calls of its last slice that are under way.
    pub in_flight: u64,
    /// What time it is for the process.
    pub now: DateTime<Utc>,
}

impl BudgetReport {
    /// Of a process that has no call under way and does not know the reset.
    pub fn new(holder: impl Into<String>, limit: u64, remaining: u64, now: DateTime<Utc>) -> Self {
        Self { holder: holder.into(), limit, remaining, resets_at: None, in_flight: 0, now }
    }
}

/// A slice of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BudgetLease {
    /// So many calls; none when nothing is left.
    pub calls: u64,
    /// Until when they may be made; without calls, when to ask again.
    pub until: DateTime<Utc>,
    /// When they are used up: from when on it is of use to ask for more.
    pub more_at: DateTime<Utc>,
}

/// While the store is away, each process goes by what it knows itself for so long.
const AWAY: Duration = Duration::from_secs(5);
/// A store that takes longer is away.
const PATIENCE: Duration = Duration::from_secs(2);

/// The slices that this process holds of one account's limits.
pub(super) struct Slices {
    share: Arc<dyn BudgetShare>,
    holder: Arc<str>,
    account: String,
    /// Of calls without `fields`, and with.
    held: [Mutex<Slice>; 2],
    under_way: [AtomicU64; 2],
}

/// What a process holds of one limit.
#[derive(Clone, Copy, Default)]
enum Slice {
    /// Nothing: it has to be asked for.
    #[default]
    Spent,
    /// So many calls, until then; more may be asked for from the second time on.
    Left(u64, Instant, Instant),
    /// Nothing is to be had before then.
    Empty(Instant),
    /// The store is away until then, at least.
    Away(Instant),
}

/// Whether a call may go.
pub(super) enum Turn<'a> {
    Go(UnderWay<'a>),
    NotBefore(Instant),
}

/// A call of a slice, for as long as it is under way.
pub(super) struct UnderWay<'a>(&'a AtomicU64);

impl<'a> UnderWay<'a> {
    fn new(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Slices {
    pub(super) fn new(share: Arc<dyn BudgetShare>, holder: Arc<str>, account: &str) -> Self {
        Self {
            share,
            holder,
            account: account.to_owned(),
            held: Default::default(),
            under_way: Default::default(),
        }
    }

    /// Takes one call of the slice, and another slice when it is used up. Of many tasks one asks, the others wait for it.
    pub(super) async fn take(&self, with_fields: bool, budget: &Budget) -> Turn<'_> {
        let [plain, fields] = &self.held;
        let [plain_count, fields_count] = &self.under_way;
        let (held, count) = if with_fields { (fields, fields_count) } else { (plain, plain_count) };
        let mut slice = held.lock().await;
        let now = Instant::now();
        match *slice {
            Slice::Left(left, until, more) if left > 0 && until > now => {
                *slice = Slice::Left(left - 1, until, more);
                return Turn::Go(UnderWay::new(count));
            }
            Slice::Left(0, _, more) if more > now => return Turn::NotBefore(more),
            Slice::Empty(until) if until > now => return Turn::NotBefore(until),
            Slice::Away(until) if until > now => return Turn::Go(UnderWay::new(count)),
            _ => {}
        }
        let state = budget.state();
        let window = state.windows.iter().rev().find(|window| window.with_fields == with_fields);
        let report = BudgetReport {
            holder: self.holder.to_string(),
            limit: window.map_or(0, |window| window.limit),
            remaining: window.map_or(0, |window| window.remaining),
            resets_at: window.and_then(|window| window.resets_at),
            in_flight: count.load(Ordering::Relaxed),
            now: budget.clock.now(),
        };
        let name = format!("{}{}", self.account, if with_fields { " with fields" } else { "" });
        let failed: Box<dyn std::error::Error + Send + Sync> =
            match timeout(PATIENCE, self.share.lease(&name, &report)).await {
                Ok(Ok(lease)) => {
                    let here = |time: DateTime<Utc>| {
                        let ahead = (time - report.now).to_std().unwrap_or_default();
                        now.checked_add(ahead).unwrap_or(now)
                    };
                    let until = here(lease.until);
                    if lease.calls == 0 {
                        *slice = Slice::Empty(until);
                        return Turn::NotBefore(until);
                    }
                    *slice = Slice::Left(lease.calls - 1, until, here(lease.more_at));
                    return Turn::Go(UnderWay::new(count));
                }
                Ok(Err(error)) => error,
                Err(_) => format!("no answer within {PATIENCE:?}").into(),
            };
        tracing::warn!(
            account = self.account,
            error = %failed,
            "the shared budget is away; this process goes by what it knows itself"
        );
        *slice = Slice::Away(now + AWAY);
        Turn::Go(UnderWay::new(count))
    }
}

impl fmt::Debug for Slices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slices").field("account", &self.account).finish_non_exhaustive()
    }
}
