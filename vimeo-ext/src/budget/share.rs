//! Slices of an account's budget, leased from what all processes share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::ledger::MARGIN;
use crate::Clock;
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
    /// When the limit begins anew, or did so last, by the same answer.
    pub resets_at: Option<DateTime<Utc>>,
    /// When that answer came.
    pub heard_at: Option<DateTime<Utc>>,
    /// Calls of its slices that are under way.
    pub in_flight: u64,
    /// Calls of its last slice that were not made before it ended.
    pub unused: u64,
    /// What time it is for the process.
    pub now: DateTime<Utc>,
}

impl BudgetReport {
    /// Of a process that has made all calls of its last slice, has none under way and does not know the reset.
    pub fn new(holder: impl Into<String>, limit: u64, remaining: u64, now: DateTime<Utc>) -> Self {
        Self {
            holder: holder.into(),
            limit,
            remaining,
            resets_at: None,
            heard_at: None,
            in_flight: 0,
            unused: 0,
            now,
        }
    }
}

/// A slice of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BudgetLease {
    /// Of the limit of this number; 0 as long as that is not known.
    pub limit: u64,
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
    kinds: [Kind; 2],
}

/// The slices of one kind of calls.
#[derive(Default)]
struct Kind {
    held: Mutex<Held>,
    under_way: AtomicU64,
}

#[derive(Default)]
struct Held {
    /// By the number of the limit, which is hardly ever another than the one before.
    slices: Vec<(u64, Slice)>,
    /// Until when the store is away, at the least.
    away: Option<Instant>,
}

/// What a process holds of one limit.
#[derive(Clone, Copy)]
enum Slice {
    /// So many calls that may be made.
    Left { calls: u64, since: Instant, until: Instant, more_at: Instant },
    /// Nothing is to be had before then.
    Empty(Instant),
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

/// What the process knows itself of the limit that a call counts against.
#[derive(Clone, Copy, Default)]
pub(super) struct Known {
    /// 0 as long as it does not know the limit.
    pub(super) limit: u64,
    pub(super) remaining: u64,
    pub(super) resets: Option<Instant>,
    /// When the window before this one ended.
    pub(super) began: Option<Instant>,
    /// When the last answer came that told of it.
    pub(super) heard: Option<Instant>,
}

impl Slice {
    /// Takes one call of it, if it has any; else the calls that were not made of it.
    fn take(&mut self, known: &Known, now: Instant) -> Result<Taken, u64> {
        match self {
            Self::Left { calls, since, until, more_at } => {
                // It ends with its window, of whose end an answer may have told since.
                *until = known.resets.map_or(*until, |resets| resets.min(*until));
                let more_at = known.resets.map_or(*more_at, |resets| (resets + MARGIN).min(*more_at));
                let is_over = *until <= now || known.began.is_some_and(|began| *since < began);
                match calls {
                    0 if more_at > now => Ok(Taken::Not(more_at)),
                    0 => Err(0),
                    _ if is_over => Err(*calls),
                    _ => {
                        *calls -= 1;
                        Ok(Taken::One)
                    }
                }
            }
            Self::Empty(until) if *until > now => Ok(Taken::Not(*until)),
            Self::Empty(_) => Err(0),
        }
    }
}

/// What a slice has for a call.
enum Taken {
    One,
    Not(Instant),
}

impl Slices {
    pub(super) fn new(share: Arc<dyn BudgetShare>, holder: Arc<str>, account: &str) -> Self {
        Self { share, holder, account: account.to_owned(), kinds: Default::default() }
    }

    /// Takes one call of the slice, and another slice when it is used up. Of many tasks one asks, the others wait for it.
    pub(super) async fn take(&self, with_fields: bool, known: Known, clock: &Clock) -> Turn<'_> {
        let [plain, fields] = &self.kinds;
        let Kind { held, under_way } = if with_fields { fields } else { plain };
        let mut held = held.lock().await;
        let now = Instant::now();
        if held.away.is_some_and(|until| until > now) {
            return Turn::Go(UnderWay::new(under_way));
        }
        let slice = match known.limit {
            0 => held.slices.last_mut(),
            limit => held.slices.iter_mut().find(|(of, _)| *of == limit),
        };
        let unused = match slice.map_or(Err(0), |(_, slice)| slice.take(&known, now)) {
            Ok(Taken::One) => return Turn::Go(UnderWay::new(under_way)),
            Ok(Taken::Not(until)) => return Turn::NotBefore(until),
            Err(unused) => unused,
        };
        let wall = clock.now();
        let there = |time: Instant| match time.checked_duration_since(now) {
            Some(ahead) => wall.checked_add_signed(TimeDelta::from_std(ahead).ok()?),
            None => wall.checked_sub_signed(TimeDelta::from_std(now - time).ok()?),
        };
        let report = BudgetReport {
            holder: self.holder.to_string(),
            limit: known.limit,
            remaining: known.remaining,
            resets_at: known.resets.or(known.began).and_then(there),
            heard_at: known.heard.and_then(there),
            in_flight: under_way.load(Ordering::Relaxed),
            unused,
            now: wall,
        };
        let lease = match self.ask(with_fields, &report).await {
            Ok(lease) => lease,
            Err(error) => {
                tracing::warn!(
                    account = self.account,
                    error = %error,
                    "the shared budget is away; this process goes by what it knows itself"
                );
                held.away = Some(now + AWAY);
                return Turn::Go(UnderWay::new(under_way));
            }
        };
        let here = |time: DateTime<Utc>| {
            let ahead = (time - wall).to_std().unwrap_or_default();
            now.checked_add(ahead).unwrap_or(now)
        };
        let until = here(lease.until);
        let (slice, turn) = match lease.calls.checked_sub(1) {
            None => (Slice::Empty(until), Turn::NotBefore(until)),
            Some(calls) => {
                let slice = Slice::Left { calls, since: now, until, more_at: here(lease.more_at) };
                (slice, Turn::Go(UnderWay::new(under_way)))
            }
        };
        // What was held before the limit was known is of no more use.
        held.slices.retain(|(of, _)| *of != lease.limit && *of != 0);
        held.slices.push((lease.limit, slice));
        turn
    }

    async fn ask(
        &self,
        with_fields: bool,
        report: &BudgetReport,
    ) -> Result<BudgetLease, Box<dyn std::error::Error + Send + Sync>> {
        let name = format!("{}{}", self.account, if with_fields { " with fields" } else { "" });
        match timeout(PATIENCE, self.share.lease(&name, report)).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {PATIENCE:?}").into()),
        }
    }
}

impl fmt::Debug for Slices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slices").field("account", &self.account).finish_non_exhaustive()
    }
}
