//! The rate limiter: how many calls an account may still make.
//!
//! It reads the limits from the headers of each response, per account and per limit value, and assumes none. A call that Vimeo
//! would refuse waits here before it is sent; see [`RateLimitPolicy`].
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod operation_limit;
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

use self::operation_limit::OperationLimits;
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
    /// to calls in flight if only they can show whether the limit allows it.
    FailFast,
    /// Delays nothing and only counts. The [`RetryPolicy`](crate::RetryPolicy) then handles a `429`.
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
    /// Until when no call is sent, because Vimeo refused one.
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
    /// Whether this is the limit for calls with `fields`, which is higher, or the one for calls without.
    pub with_fields: bool,
    /// When the window ends; `None` if it has ended and no response has arrived since.
    pub resets_at: Option<DateTime<Utc>>,
}

/// The rate limiters of many accounts. Share one value between clients that serve the same accounts.
///
/// ```
/// use vimeo_ext::{RateLimiters, Vimeo};
/// let limiters = RateLimiters::default();
/// let one = Vimeo::builder().access_token("a").rate_limiters(limiters.clone()).build()?;
/// let two = Vimeo::builder().access_token("a").rate_limiters(limiters).build()?;
/// // A limit that `one` reaches also delays `two`, because the token is the same.
/// # Ok::<(), vimeo_ext::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct RateLimiters(Arc<Registry>);

struct Registry {
    accounts: Mutex<Accounts>,
    /// Requests leases, if processes share their limits.
    #[cfg(feature = "shared-limits")]
    batcher: Option<Arc<LeaseBatcher>>,
    /// The longest window that is believed.
    max_window: Duration,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            accounts: Mutex::default(),
            #[cfg(feature = "shared-limits")]
            batcher: None,
            max_window: MAX_WINDOW,
        }
    }
}

#[derive(Default)]
struct Accounts {
    limiters: HashMap<Arc<str>, Arc<RateLimiter>>,
    /// The number of accounts at which idle ones are removed.
    sweep_at: usize,
}

/// Beyond this number of accounts, idle ones are removed.
const SWEEP_THRESHOLD: usize = 1024;

impl RateLimiters {
    pub(crate) fn of(&self, account: &str, clock: &Clock) -> Arc<RateLimiter> {
        self.find_or_insert(account, clock, true)
    }

    /// Returns the rate limiter of an app's logins, which each process has for itself: their responses report no limit, so
    /// other processes would wait for one in vain.
    pub(crate) fn of_logins(&self, app: &str, clock: &Clock) -> Arc<RateLimiter> {
        self.find_or_insert(&format!("logins of {app}"), clock, false)
    }

    #[cfg_attr(not(feature = "shared-limits"), allow(unused_variables, reason = "no limit is shared"))]
    fn find_or_insert(&self, account: &str, clock: &Clock, is_shared: bool) -> Arc<RateLimiter> {
        let mut accounts = lock(&self.0.accounts);
        if let Some(limiter) = accounts.limiters.get(account) {
            return Arc::clone(limiter);
        }
        if accounts.limiters.len() >= accounts.sweep_at.max(SWEEP_THRESHOLD) {
            let now = Instant::now();
            accounts.limiters.retain(|_, limiter| {
                Arc::strong_count(limiter) > 1
                    || !lock(&limiter.shared).tracker.is_idle(now)
                    || !lock(&limiter.operations).is_idle(now)
            });
            // The threshold doubles, so that each account is checked a few times at most.
            accounts.sweep_at = accounts.limiters.len().saturating_mul(2);
        }
        let account: Arc<str> = account.into();
        let limiter = Arc::new(RateLimiter {
            #[cfg(feature = "shared-limits")]
            name: Arc::clone(&account),
            shared: Mutex::new(Shared { tracker: LimitTracker::new(self.0.max_window), waiting: 0 }),
            operations: Mutex::default(),
            changed: Notify::new(),
            subscribers: OnceLock::new(),
            clock: clock.clone(),
            #[cfg(feature = "shared-limits")]
            leases: self
                .0
                .batcher
                .as_ref()
                .filter(|_| is_shared)
                .map(|batcher| LocalLeases::new(Arc::clone(batcher))),
            max_window: self.0.max_window,
        });
        accounts.limiters.insert(account, Arc::clone(&limiter));
        limiter
    }

    /// Sets the longest window that is believed, and clears all known limits. A reset further ahead, or a longer `Retry-After`, is
    /// ignored, so that no header can block an account for a year. Default: [`MAX_WINDOW`], one hour.
    ///
    /// ```
    /// use std::time::Duration;
    /// let limiters = vimeo_ext::RateLimiters::default().max_window(Duration::from_secs(15 * 60));
    /// ```
    #[must_use]
    pub fn max_window(self, max_window: Duration) -> Self {
        Self(Arc::new(Registry {
            accounts: Mutex::default(),
            #[cfg(feature = "shared-limits")]
            batcher: self.0.batcher.clone(),
            max_window,
        }))
    }
}

impl RateLimiters {
    /// Returns a snapshot of every account, sorted by name: `account NAME` for a named account, `token` and a digest for a token
    /// without a name, `app ID` for an app alone, and `logins of …` for the calls of logins.
    ///
    /// ```
    /// let vimeo = vimeo_ext::Vimeo::builder().access_token("a").account("user 7").build()?;
    /// let statuses = vimeo.rate_limiters().statuses();
    /// assert!(statuses.iter().any(|(name, status)| name == "account user 7" && status.windows.is_empty()));
    /// # Ok::<(), vimeo_ext::Error>(())
    /// ```
    pub fn statuses(&self) -> Vec<(String, RateLimitStatus)> {
        let limiters: Vec<_> = lock(&self.0.accounts)
            .limiters
            .iter()
            .map(|(name, limiter)| (name.to_string(), Arc::clone(limiter)))
            .collect();
        let mut statuses: Vec<_> =
            limiters.into_iter().map(|(name, limiter)| (name, limiter.status())).collect();
        statuses.sort_by(|one, other| one.0.cmp(&other.0));
        statuses
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
    /// The requests to operations with a limit of their own.
    operations: Mutex<OperationLimits>,
    changed: Notify,
    /// Created for the first subscriber, because most accounts have none.
    subscribers: OnceLock<watch::Sender<RateLimitStatus>>,
    clock: Clock,
    #[cfg(feature = "shared-limits")]
    leases: Option<LocalLeases>,
    /// The longest window that is believed.
    max_window: Duration,
}

struct Shared {
    tracker: LimitTracker,
    waiting: u64,
}

/// Reads the rate limit headers of a response.
fn read_headers(
    headers: &HeaderMap,
    now: Instant,
    wall: DateTime<Utc>,
    max_window: Duration,
) -> HeaderSnapshot {
    let Some(limit) = RateLimit::read(headers) else { return HeaderSnapshot::default() };
    // A reset further ahead than any window lasts is ignored.
    let reset = limit.reset.and_then(|reported| {
        let left = Some(time_until(reported, headers, wall)).filter(|left| *left <= max_window)?;
        Some((reported, later(now, left)))
    });
    HeaderSnapshot { limit: limit.limit, remaining: limit.remaining, reset }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The tracker is consistent after every statement, so a panic elsewhere does not corrupt it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RateLimiter {
    /// Returns a snapshot of the account's limits.
    pub fn status(&self) -> RateLimitStatus {
        self.snapshot(&lock(&self.shared))
    }

    /// Returns a stream of snapshots: one now and one after each change. Changes that come faster than they are read are merged.
    ///
    /// ```no_run
    /// use futures_util::StreamExt;
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) {
    /// let mut changes = vimeo.rate_limiter().changes();
    /// while let Some(status) = changes.next().await {
    ///     tracing::info!(waiting = status.waiting, windows = ?status.windows, "rate limit");
    /// }
    /// # }
    /// ```
    pub fn changes(&self) -> impl Stream<Item = RateLimitStatus> + Send + Unpin + 'static {
        let subscribers = self.subscribers.get_or_init(|| watch::Sender::new(RateLimitStatus::default()));
        subscribers.send_replace(self.status());
        let mut receiver = subscribers.subscribe();
        receiver.mark_changed();
        Box::pin(futures_util::stream::unfold(receiver, async |mut receiver| {
            receiver.changed().await.ok()?;
            let status = receiver.borrow_and_update().clone();
            Some((status, receiver))
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
                    resets_at: window.resets_at.filter(|resets_at| *resets_at > now).map(at),
                })
                .collect(),
            blocked_until: shared.tracker.blocked_until(now).map(at),
            in_flight: shared.tracker.in_flight(),
            waiting: shared.waiting,
        }
    }

    /// Wakes the calls that wait, and notifies subscribers.
    fn publish(&self, shared: &Shared) {
        if shared.waiting > 0 {
            self.changed.notify_waiters();
        }
        let subscribers = self.subscribers.get().filter(|subscribers| subscribers.receiver_count() > 0);
        if let Some(subscribers) = subscribers {
            subscribers.send_replace(self.snapshot(shared));
        }
    }

    /// Admits a call, or delays it according to the policy, by the limits of this process and by those that processes share.
    pub(crate) async fn admit(
        self: &Arc<Self>,
        request: &Request,
        policy: RateLimitPolicy,
    ) -> Result<Permit<'_>, Error> {
        if let Some(operation) = request.operation.filter(|operation| operation_limit::is_limited(operation))
        {
            Box::pin(self.admit_operation(request, operation.id, policy)).await?;
        }
        #[cfg(feature = "shared-limits")]
        if let Some(leases) = self.leases.as_ref().filter(|_| policy != RateLimitPolicy::ReportOnly) {
            return Box::pin(self.admit_shared(leases, request, policy)).await;
        }
        self.admit_local(request, policy).await
    }

    /// Delays a call to an operation that has a limit of its own, according to the policy.
    async fn admit_operation(
        &self,
        request: &Request,
        operation: &'static str,
        policy: RateLimitPolicy,
    ) -> Result<(), Error> {
        let deadline = match policy {
            RateLimitPolicy::ReportOnly => return Ok(()),
            RateLimitPolicy::FailFast => Instant::now(),
            RateLimitPolicy::Wait { at_most } => later(Instant::now(), at_most),
        };
        loop {
            let admitted = lock(&self.operations).try_admit(operation, Instant::now());
            match admitted {
                Ok(()) => return Ok(()),
                Err(until) if until > deadline => return Err(self.deferred(request, until, false)),
                Err(until) => {
                    tracing::debug!(operation, "delayed by the operation's own limit");
                    sleep_until(until).await;
                }
            }
        }
    }

    async fn admit_local(&self, request: &Request, policy: RateLimitPolicy) -> Result<Permit<'_>, Error> {
        let class = call_class(request);
        // Usually the call can be sent at once. A call that has to wait subscribes to changes first and then asks again.
        if lock(&self.shared).tracker.try_admit(class, Instant::now()) == Admission::Granted {
            return Ok(Permit::new(self, class, true));
        }
        // On the heap, so that the futures of calls that do not wait stay small.
        Box::pin(self.wait_for_admission(request, class, policy)).await
    }

    async fn wait_for_admission(
        &self,
        request: &Request,
        class: CallClass,
        policy: RateLimitPolicy,
    ) -> Result<Permit<'_>, Error> {
        let started = Instant::now();
        let mut waiting: Option<Waiting<'_>> = None;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let admission = lock(&self.shared).tracker.try_admit(class, Instant::now());
            let at_most = match (admission, policy) {
                (Admission::Granted, _) => {
                    return Ok(Permit::new(self, class, true));
                }
                (_, RateLimitPolicy::ReportOnly) => {
                    return Ok(Permit::new(self, class, false));
                }
                // Waits briefly until the first responses show the limit.
                (Admission::AwaitResponse, RateLimitPolicy::FailFast) => Duration::from_secs(60),
                (_, RateLimitPolicy::FailFast) => Duration::ZERO,
                (_, RateLimitPolicy::Wait { at_most }) => at_most,
            };
            let deadline = later(started, at_most);
            if waiting.is_none() {
                waiting = Some(Waiting::new(self));
                if let Admission::RetryAt(until) = admission {
                    let seconds = until.saturating_duration_since(started).as_secs();
                    tracing::debug!(
                        operation = class.operation,
                        seconds,
                        "delayed by the account's rate limit"
                    );
                }
            }
            match admission {
                Admission::RetryAt(until) if until > deadline => {
                    return Err(self.deferred(request, until, false));
                }
                Admission::RetryAt(until) => sleep_until(until).await,
                Admission::Granted | Admission::AwaitResponse => {
                    if timeout_at(deadline, changed).await.is_err() {
                        return Err(self.deferred(request, deadline, false));
                    }
                }
            }
        }
    }

    /// Makes the error of a call that was not sent.
    fn deferred(&self, request: &Request, until: Instant, held_by_others: bool) -> Error {
        let wait = until.saturating_duration_since(Instant::now());
        let at = TimeDelta::from_std(wait).ok().and_then(|wait| self.clock.now().checked_add_signed(wait));
        let error = RateLimited::new(request.name(), Some(wait), None).at(at).held_by_others(held_by_others);
        Error::RateLimited(Box::new(error))
    }
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RateLimiter").field(&self.status()).finish()
    }
}

fn call_class(request: &Request) -> CallClass {
    CallClass {
        operation: request.operation.map_or("", |operation| operation.id),
        with_fields: request.url.query().is_some_and(|query| {
            query.split('&').any(|pair| pair.strip_prefix("fields=").is_some_and(|fields| !fields.is_empty()))
        }),
    }
}

/// Counts a call as waiting until it is dropped.
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
    /// Its call in the lease that this process holds.
    #[cfg(feature = "shared-limits")]
    in_flight: Option<InFlightGuard<'a>>,
    /// Set for a call that finds out an unknown limit, for which other processes may wait.
    #[cfg(feature = "shared-limits")]
    probe_of: Option<&'a Arc<RateLimiter>>,
}

impl<'a> Permit<'a> {
    fn new(limiter: &'a RateLimiter, class: CallClass, counted: bool) -> Self {
        Self {
            limiter,
            class,
            counted,
            #[cfg(feature = "shared-limits")]
            in_flight: None,
            #[cfg(feature = "shared-limits")]
            probe_of: None,
        }
    }

    /// Updates the limits from the response.
    pub(crate) fn record_response(&self, response: &RawResponse) {
        let now = Instant::now();
        let wall = self.limiter.clock.now();
        let mut shared = lock(&self.limiter.shared);
        let headers = read_headers(&response.headers, now, wall, self.limiter.max_window);
        tracing::trace!(
            operation = self.class.operation,
            status = response.status.as_u16(),
            limit = headers.limit,
            remaining = headers.remaining,
            "counted against the account's rate limit"
        );
        if response.status == StatusCode::TOO_MANY_REQUESTS && !is_other_throttle(response) {
            let wait = retry_after(&response.headers, wall);
            shared.tracker.record_429(self.class, headers, wait, now, fastrand::f64());
            tracing::warn!(
                limit = headers.limit,
                remaining = headers.remaining,
                origin = ?response.origin(),
                "a call was refused with 429"
            );
        } else if response.origin() != ResponseOrigin::Intermediary {
            // A response that did not come from the API says nothing about its limits.
            shared.tracker.record_response(self.class, headers, now);
        }
        self.limiter.publish(&shared);
        drop(shared);
        #[cfg(feature = "shared-limits")]
        if let Some(limiter) = self.probe_of {
            limiter.report_learned(self.class);
        }
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

/// Whether the response throttles one action instead of the account: error 9006 is for following users.
fn is_other_throttle(response: &RawResponse) -> bool {
    ApiError::read(None, "", response.clone()).error_code() == Some(9006)
}
