//! The rate limiter: how many calls an account may still make.
//!
//! It learns the limits from the headers of each response, per account and per limit value, and assumes none. A call that Vimeo
//! would refuse waits here before it is sent; see [`RateLimitPolicy`].
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "shared-limits")]
mod shared;
mod tracker;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_core::Stream;
use http::{HeaderMap, StatusCode};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout_at};
use vimeo_api::rate_limit::{MAX_WINDOW, retry_after, time_until};
use vimeo_api::{ApiError, Error, RateLimit, RateLimited, RawResponse, Request, ResponseOrigin};

#[cfg(feature = "shared-limits")]
use self::shared::{InFlightGuard, LeaseBatcher, LocalLeases};
use self::tracker::{Admission, CallClass, HeaderSnapshot, LimitTracker};
use crate::Clock;
use crate::timeouts::later;

#[cfg(feature = "shared-limits")]
pub use self::shared::{LeaseRequest, QuotaLease, QuotaPool, QuotaStore, UsageReport};

/// What to do with a call that would exceed the account's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RateLimitPolicy {
    /// Delays the call until the limit allows it. If that would take longer than `at_most`, the call fails with
    /// [`vimeo_api::Error::RateLimited`], at once if that is known. This is the default, with 2 minutes.
    Wait {
        /// The longest delay.
        at_most: Duration,
    },
    /// Fails the call at once with [`vimeo_api::Error::RateLimited`], which says when to retry. A call still waits for responses
    /// in flight if only they can tell whether the limit allows it.
    FailFast,
    /// Delays nothing and only counts. The [`RetryPolicy`](crate::RetryPolicy) then deals with a `429`.
    ReportOnly,
}

impl vimeo_api::RateLimitOption for RateLimitPolicy {}

impl Default for RateLimitPolicy {
    fn default() -> Self {
        Self::Wait { at_most: Duration::from_secs(120) }
    }
}

/// A snapshot of an account's limits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimitStatus {
    /// The windows that calls count against, one per limit value that Vimeo has reported.
    pub windows: Vec<WindowStatus>,
    /// Until when no call is sent, after Vimeo refused one.
    pub blocked_until: Option<DateTime<Utc>>,
    /// Calls in flight.
    pub in_flight: u64,
    /// Calls that wait for the limit.
    pub waiting: u64,
}

/// One limit of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WindowStatus {
    /// Calls that the window allows.
    pub limit: u64,
    /// Calls that remain, according to the last response.
    pub remaining: u64,
    /// Whether the limit is for calls with `fields`, which is higher, or for those without.
    pub with_fields: bool,
    /// When the window ends; `None` if it has ended and no response came since.
    pub resets_at: Option<DateTime<Utc>>,
}

/// The rate limiters of many accounts. Share one value between clients that serve the same accounts.
///
/// ```
/// use vimeo_ext::{RateLimiters, Vimeo};
/// let limiters = RateLimiters::default();
/// let one = Vimeo::builder().access_token("a").rate_limiters(limiters.clone()).build()?;
/// let two = Vimeo::builder().access_token("a").rate_limiters(limiters).build()?;
/// // A limit that `one` meets holds `two` back as well: the token is the same.
/// # Ok::<(), vimeo_ext::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct RateLimiters(Arc<Registry>);

struct Registry {
    accounts: Mutex<Accounts>,
    /// Where to ask for leases, if processes share their limits.
    #[cfg(feature = "shared-limits")]
    batcher: Option<Arc<LeaseBatcher>>,
    /// The longest window that is believed.
    longest: Duration,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            accounts: Mutex::default(),
            #[cfg(feature = "shared-limits")]
            batcher: None,
            longest: MAX_WINDOW,
        }
    }
}

#[derive(Default)]
struct Accounts {
    limiters: HashMap<Arc<str>, Arc<RateLimiter>>,
    /// The number of accounts at which idle ones are looked for.
    sweep_at: usize,
}

/// Beyond this number of accounts, idle ones are forgotten.
const SWEEP_THRESHOLD: usize = 1024;

impl RateLimiters {
    pub(crate) fn of(&self, account: &str, clock: &Clock) -> Arc<RateLimiter> {
        let mut accounts = lock(&self.0.accounts);
        if let Some(limiter) = accounts.limiters.get(account) {
            return Arc::clone(limiter);
        }
        if accounts.limiters.len() >= accounts.sweep_at.max(SWEEP_THRESHOLD) {
            let now = Instant::now();
            accounts.limiters.retain(|_, limiter| {
                Arc::strong_count(limiter) > 1 || !lock(&limiter.shared).tracker.is_idle(now)
            });
            // Twice as many before the next look, so that each account is looked at a few times at most.
            accounts.sweep_at = accounts.limiters.len().saturating_mul(2);
        }
        let account: Arc<str> = account.into();
        let limiter = Arc::new(RateLimiter {
            #[cfg(feature = "shared-limits")]
            name: Arc::clone(&account),
            shared: Mutex::new(Shared { tracker: LimitTracker::new(self.0.longest), waiting: 0 }),
            changed: Notify::new(),
            watched: OnceLock::new(),
            clock: clock.clone(),
            #[cfg(feature = "shared-limits")]
            leases: self.0.batcher.as_ref().map(|batcher| LocalLeases::new(Arc::clone(batcher))),
            longest: self.0.longest,
        });
        accounts.limiters.insert(account, Arc::clone(&limiter));
        limiter
    }

    /// Sets the longest window that is believed, and forgets what is known. A reset further ahead, or a longer `Retry-After`, is
    /// ignored, so that no header can block an account for a year. Default: [`MAX_WINDOW`], one hour.
    ///
    /// ```
    /// use std::time::Duration;
    /// let limiters = vimeo_ext::RateLimiters::default().max_window(Duration::from_secs(15 * 60));
    /// ```
    #[must_use]
    pub fn max_window(self, longest: Duration) -> Self {
        Self(Arc::new(Registry {
            accounts: Mutex::default(),
            #[cfg(feature = "shared-limits")]
            batcher: self.0.batcher.clone(),
            longest,
        }))
    }
}

impl RateLimiters {
    /// A snapshot of every account, sorted by name: `account NAME` for a named one, `token` and a digest for a token without a
    /// name, `app ID` for an app alone, and `logins of …` for the calls of logins.
    ///
    /// ```
    /// let vimeo = vimeo_ext::Vimeo::builder().access_token("a").account("user 7").build()?;
    /// let states = vimeo.rate_limiters().statuses();
    /// assert!(states.iter().any(|(name, state)| name == "account user 7" && state.windows.is_empty()));
    /// # Ok::<(), vimeo_ext::Error>(())
    /// ```
    pub fn statuses(&self) -> Vec<(String, RateLimitStatus)> {
        let limiters: Vec<_> = lock(&self.0.accounts)
            .limiters
            .iter()
            .map(|(name, limiter)| (name.to_string(), Arc::clone(limiter)))
            .collect();
        let mut states: Vec<_> =
            limiters.into_iter().map(|(name, limiter)| (name, limiter.status())).collect();
        states.sort_by(|one, other| one.0.cmp(&other.0));
        states
    }
}

impl fmt::Debug for RateLimiters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimiters").field("accounts", &lock(&self.0.accounts).limiters.len()).finish()
    }
}

/// The rate limiter of one account; from [`Vimeo::rate_limiter`](crate::Vimeo::rate_limiter).
pub struct RateLimiter {
    #[cfg(feature = "shared-limits")]
    name: Arc<str>,
    shared: Mutex<Shared>,
    changed: Notify,
    /// Made for the first subscriber: most of many accounts have none.
    watched: OnceLock<watch::Sender<RateLimitStatus>>,
    clock: Clock,
    #[cfg(feature = "shared-limits")]
    leases: Option<LocalLeases>,
    /// The longest window that is believed.
    longest: Duration,
}

struct Shared {
    tracker: LimitTracker,
    waiting: u64,
}

/// Reads the rate limit headers of a response.
fn read(headers: &HeaderMap, now: Instant, wall: DateTime<Utc>, longest: Duration) -> HeaderSnapshot {
    let Some(limit) = RateLimit::read(headers) else { return HeaderSnapshot::default() };
    // A reset further ahead than any window lasts is none.
    let reset = limit.reset.and_then(|told| {
        let left = Some(time_until(told, headers, wall)).filter(|left| *left <= longest)?;
        Some((told, later(now, left)))
    });
    HeaderSnapshot { limit: limit.limit, remaining: limit.remaining, reset }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The tracker is whole after every statement, so a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RateLimiter {
    /// A snapshot of the account's limits.
    pub fn status(&self) -> RateLimitStatus {
        self.snapshot(&lock(&self.shared))
    }

    /// A stream of snapshots: one now and one after each change. Changes that come faster than they are read are merged.
    ///
    /// ```no_run
    /// use futures_util::StreamExt;
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) {
    /// let mut changes = vimeo.rate_limiter().changes();
    /// while let Some(state) = changes.next().await {
    ///     tracing::info!(waiting = state.waiting, windows = ?state.windows, "rate limit");
    /// }
    /// # }
    /// ```
    pub fn changes(&self) -> impl Stream<Item = RateLimitStatus> + Send + Unpin + 'static {
        let watched = self.watched.get_or_init(|| watch::Sender::new(RateLimitStatus::default()));
        watched.send_replace(self.status());
        let mut receiver = watched.subscribe();
        receiver.mark_changed();
        Box::pin(futures_util::stream::unfold(receiver, async |mut receiver| {
            receiver.changed().await.ok()?;
            let state = receiver.borrow_and_update().clone();
            Some((state, receiver))
        }))
    }

    fn snapshot(&self, shared: &Shared) -> RateLimitStatus {
        let (now, wall) = (Instant::now(), self.clock.now());
        let at = |instant: Instant| {
            let ahead = TimeDelta::from_std(instant.saturating_duration_since(now)).unwrap_or(TimeDelta::MAX);
            wall.checked_add_signed(ahead).unwrap_or(DateTime::<Utc>::MAX_UTC)
        };
        RateLimitStatus {
            windows: shared
                .tracker
                .windows()
                .iter()
                .map(|window| WindowStatus {
                    limit: window.id.limit,
                    remaining: window.remaining,
                    with_fields: window.id.with_fields,
                    resets_at: window.resets.filter(|resets| *resets > now).map(at),
                })
                .collect(),
            blocked_until: shared.tracker.blocked(now).map(at),
            in_flight: shared.tracker.in_flight(),
            waiting: shared.waiting,
        }
    }

    /// Wakes the calls that wait, and informs subscribers.
    fn publish(&self, shared: &Shared) {
        if shared.waiting > 0 {
            self.changed.notify_waiters();
        }
        if let Some(watched) = self.watched.get().filter(|watched| watched.receiver_count() > 0) {
            watched.send_replace(self.snapshot(shared));
        }
    }

    /// Admits a call, or delays it as the policy says, by the limits of this process and by those that processes share.
    pub(crate) async fn admit(
        self: &Arc<Self>,
        request: &Request,
        policy: RateLimitPolicy,
    ) -> Result<Permit<'_>, Error> {
        #[cfg(feature = "shared-limits")]
        if let Some(leases) = self.leases.as_ref().filter(|_| policy != RateLimitPolicy::ReportOnly) {
            return Box::pin(self.admit_shared(leases, request, policy)).await;
        }
        self.admit_local(request, policy).await
    }

    async fn admit_local(&self, request: &Request, policy: RateLimitPolicy) -> Result<Permit<'_>, Error> {
        let class = class(request);
        // As a rule it may go at once; whoever has to wait asks again once it would hear of a change.
        if lock(&self.shared).tracker.ask(class, Instant::now()) == Admission::Granted {
            return Ok(Permit::new(self, class, true));
        }
        // On the heap, so that calls that may go make no room for the wait.
        Box::pin(self.wait_for_room(request, class, policy)).await
    }

    async fn wait_for_room(
        &self,
        request: &Request,
        class: CallClass,
        policy: RateLimitPolicy,
    ) -> Result<Permit<'_>, Error> {
        let began = Instant::now();
        let mut waiting: Option<Waiting<'_>> = None;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let verdict = lock(&self.shared).tracker.ask(class, Instant::now());
            let at_most = match (verdict, policy) {
                (Admission::Granted, _) => {
                    return Ok(Permit::new(self, class, true));
                }
                (_, RateLimitPolicy::ReportOnly) => {
                    return Ok(Permit::new(self, class, false));
                }
                // ActiveLeases back for an instant, until the first answers tell the limit.
                (Admission::AwaitResponse, RateLimitPolicy::FailFast) => Duration::from_secs(60),
                (_, RateLimitPolicy::FailFast) => Duration::ZERO,
                (_, RateLimitPolicy::Wait { at_most }) => at_most,
            };
            // A wait beyond the range of the clock is one of a year.
            let deadline = later(began, at_most);
            if waiting.is_none() {
                waiting = Some(Waiting::new(self));
                if let Admission::RetryAt(until) = verdict {
                    let seconds = until.saturating_duration_since(began).as_secs();
                    tracing::debug!(
                        operation = class.operation,
                        seconds,
                        "delayed by the account's rate limit"
                    );
                }
            }
            match verdict {
                Admission::RetryAt(until) if until > deadline => return Err(self.deferred(request, until)),
                Admission::RetryAt(until) => sleep_until(until).await,
                Admission::Granted | Admission::AwaitResponse => {
                    if timeout_at(deadline, changed).await.is_err() {
                        return Err(self.deferred(request, deadline));
                    }
                }
            }
        }
    }

    fn deferred(&self, request: &Request, until: Instant) -> Error {
        let wait = until.saturating_duration_since(Instant::now());
        let at = TimeDelta::from_std(wait).ok().and_then(|wait| self.clock.now().checked_add_signed(wait));
        let refusal = RateLimited::new(request.name(), Some(wait), None).at(at);
        Error::RateLimited(Box::new(refusal))
    }
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RateLimiter").field(&self.status()).finish()
    }
}

fn class(request: &Request) -> CallClass {
    CallClass {
        operation: request.operation.map_or("", |operation| operation.id),
        with_fields: request.url.query().is_some_and(|query| {
            query.split('&').any(|pair| pair.strip_prefix("fields=").is_some_and(|fields| !fields.is_empty()))
        }),
    }
}

/// Counts a call that waits, for as long as the value lives.
struct Waiting<'a>(&'a RateLimiter);

impl<'a> Waiting<'a> {
    fn new(limiter: &'a RateLimiter) -> Self {
        let mut shared = lock(&limiter.shared);
        shared.waiting = shared.waiting.saturating_add(1);
        limiter.publish(&shared);
        Self(limiter)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut shared = lock(&self.0.shared);
        shared.waiting = shared.waiting.saturating_sub(1);
        self.0.publish(&shared);
    }
}

/// The permit of a call. Dropping it returns the permit, however the call ended.
pub(crate) struct Permit<'a> {
    limiter: &'a RateLimiter,
    class: CallClass,
    counted: bool,
    /// Its place in the lease that this process holds.
    #[cfg(feature = "shared-limits")]
    in_flight: Option<InFlightGuard<'a>>,
}

impl<'a> Permit<'a> {
    fn new(limiter: &'a RateLimiter, class: CallClass, counted: bool) -> Self {
        Self {
            limiter,
            class,
            counted,
            #[cfg(feature = "shared-limits")]
            in_flight: None,
        }
    }

    /// Updates the limits from the response.
    pub(crate) fn answered(&self, answer: &RawResponse) {
        let now = Instant::now();
        let wall = self.limiter.clock.now();
        let mut shared = lock(&self.limiter.shared);
        let reading = read(&answer.headers, now, wall, self.limiter.longest);
        tracing::trace!(
            operation = self.class.operation,
            status = answer.status.as_u16(),
            limit = reading.limit,
            remaining = reading.remaining,
            "counted against the account's rate limit"
        );
        if answer.status == StatusCode::TOO_MANY_REQUESTS && !is_other_throttle(answer) {
            let wait = retry_after(&answer.headers, wall);
            shared.tracker.refused(self.class, reading, wait, now, fastrand::f64());
            tracing::warn!(
                limit = reading.limit,
                remaining = reading.remaining,
                origin = ?answer.origin(),
                "a call was refused with 429"
            );
        } else if answer.origin() != ResponseOrigin::Intermediary {
            // What did not come from the API tells nothing of its limits.
            shared.tracker.answered(self.class, reading, now);
        }
        self.limiter.publish(&shared);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.counted {
            let mut shared = lock(&self.limiter.shared);
            shared.tracker.release(self.class);
            self.limiter.publish(&shared);
        }
    }
}

/// Error 9006 throttles one action, the following of users, not the account.
fn is_other_throttle(answer: &RawResponse) -> bool {
    ApiError::read(None, "", answer.clone()).error_code() == Some(9006)
}
