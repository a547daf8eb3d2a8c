//! What is known of one account's limits, and which calls it admits: pure, with the time as a parameter.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;
use vimeo_api::rate_limit::MAX_WINDOW;

use crate::retry::Backoff;
use crate::timeouts::later;

/// Calls that count alike: the same operation, with or without `fields`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CallClass {
    pub(super) operation: &'static str,
    pub(super) with_fields: bool,
}

/// The limit that a class of calls counts against. Vimeo identifies it by its value alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WindowId {
    pub(super) limit: u64,
    pub(super) with_fields: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Window {
    pub(super) id: WindowId,
    pub(super) remaining: u64,
    /// The reset that Vimeo reported last, which identifies the window.
    pub(super) reported_reset: Option<DateTime<Utc>>,
    /// The same time by the clock here; `None` after the window ended, until a response reports the next.
    pub(super) resets_at: Option<Instant>,
    /// When the previous window ended.
    #[cfg_attr(not(feature = "shared-limits"), allow(dead_code, reason = "reported to other processes"))]
    pub(super) started_at: Option<Instant>,
    /// When the last response that reported it arrived.
    #[cfg_attr(not(feature = "shared-limits"), allow(dead_code, reason = "reported to other processes"))]
    pub(super) observed_at: Instant,
}

impl Window {
    /// Begins the next window if this one has ended: all calls are allowed again.
    fn roll_over(&mut self, now: Instant) {
        if self.resets_at.is_some_and(|resets_at| later(resets_at, RESET_SKEW_MARGIN) <= now) {
            self.remaining = self.id.limit;
            self.started_at = self.resets_at.take();
        }
    }
}

/// The rate limit headers of a response.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct HeaderSnapshot {
    pub(super) limit: Option<u64>,
    pub(super) remaining: Option<u64>,
    /// The end of the window as reported, and by the clock here. The latter seems later if the response is read late. `None` if
    /// the end lies further ahead than any window lasts.
    pub(super) reset: Option<(DateTime<Utc>, Instant)>,
}

/// Whether a call is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It can be sent, and is counted.
    Granted,
    /// Not before this time.
    RetryAt(Instant),
    /// The response to a call in flight decides.
    AwaitResponse,
}

/// The limits of one account. There may be many accounts with few kinds of calls each, so these are short, tight lists.
#[derive(Debug)]
pub(super) struct LimitTracker {
    /// The classes seen so far; `None` for a class without a reported limit.
    classes: Vec<(CallClass, Option<WindowId>)>,
    windows: Vec<Window>,
    blocked_until: Option<Instant>,
    consecutive_429s: u32,
    /// Calls in flight; no entry is zero.
    in_flight: Vec<(CallClass, u64)>,
    /// The longest window. No reset and no wait beyond it is believed.
    max_window: Duration,
}

impl Default for LimitTracker {
    fn default() -> Self {
        Self::new(MAX_WINDOW)
    }
}

fn find<T>(list: &[(CallClass, T)], class: CallClass) -> Option<&T> {
    list.iter().find(|(known, _)| *known == class).map(|(_, value)| value)
}

fn find_mut<T>(list: &mut [(CallClass, T)], class: CallClass) -> Option<&mut T> {
    list.iter_mut().find(|(known, _)| *known == class).map(|(_, value)| value)
}

/// Adds to a list that usually has one element.
fn push<T>(list: &mut Vec<T>, value: T) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len().max(1));
    }
    list.push(value);
}

/// The most calls in flight of a kind whose limit is not known yet.
const MAX_PROBES: u64 = 4;

/// Vimeo reports a reset in whole seconds, so the window may end up to one second later.
pub(super) const RESET_SKEW_MARGIN: Duration = Duration::from_secs(1);

/// The first delay after a `429` that names no time to retry.
const INITIAL_BACKOFF: Duration = Duration::from_secs(1);
/// The delays after the first such `429` and each further one.
const BACKOFF: Backoff = Backoff::new(INITIAL_BACKOFF, Duration::from_secs(60));

impl LimitTracker {
    /// Makes a tracker that believes in no window longer than this.
    pub(super) fn new(max_window: Duration) -> Self {
        Self {
            classes: Vec::new(),
            windows: Vec::new(),
            blocked_until: None,
            consecutive_429s: 0,
            in_flight: Vec::new(),
            max_window,
        }
    }

    /// Admits a call if it can be sent now; [`Admission::Granted`] counts it as in flight.
    pub(super) fn try_admit(&mut self, class: CallClass, now: Instant) -> Admission {
        let admission = self.evaluate(class, now);
        if admission == Admission::Granted {
            match find_mut(&mut self.in_flight, class) {
                Some(count) => *count = count.saturating_add(1),
                None => push(&mut self.in_flight, (class, 1)),
            }
        }
        admission
    }

    fn evaluate(&mut self, class: CallClass, now: Instant) -> Admission {
        if let Some(blocked_until) = self.blocked_until(now) {
            return Admission::RetryAt(blocked_until);
        }
        // After a 429 a single call probes the limit.
        if self.consecutive_429s > 0 && !self.in_flight.is_empty() {
            return Admission::AwaitResponse;
        }
        let known = find(&self.classes, class).copied();
        if known.is_none() && self.count(|other| find(&self.classes, other).is_none()) >= MAX_PROBES {
            return Admission::AwaitResponse;
        }
        let Some(id) = known.unwrap_or_else(|| self.likely_window(class)) else { return Admission::Granted };
        // Calls in flight may not have been counted yet. A call of an unknown class may count against this window.
        let reserved = self.count(|other| match find(&self.classes, other) {
            Some(window) => *window == Some(id),
            None => other.with_fields == id.with_fields,
        });
        let Some(window) = self.windows.iter_mut().find(|window| window.id == id) else {
            return Admission::Granted;
        };
        window.roll_over(now);
        match window.resets_at {
            _ if window.remaining > reserved => Admission::Granted,
            Some(resets_at) if window.remaining == 0 => {
                Admission::RetryAt(later(resets_at, RESET_SKEW_MARGIN))
            }
            _ if reserved > 0 => Admission::AwaitResponse,
            // Nothing remains for an unknown time: only a call can find out.
            _ => Admission::Granted,
        }
    }

    fn count(&self, which: impl Fn(CallClass) -> bool) -> u64 {
        let counts = self.in_flight.iter().filter(|(class, _)| which(*class)).map(|(_, count)| *count);
        counts.fold(0, u64::saturating_add)
    }

    /// The window that a new class probably counts against: the latest one of calls like it.
    fn likely_window(&self, class: CallClass) -> Option<WindowId> {
        self.windows.iter().rev().map(|window| window.id).find(|id| id.with_fields == class.with_fields)
    }

    /// Records that a call is over, with or without a response.
    pub(super) fn release(&mut self, class: CallClass) {
        if let Some(count) = find_mut(&mut self.in_flight, class) {
            *count = count.saturating_sub(1);
            self.in_flight.retain(|(_, count)| *count > 0);
        }
    }

    /// Records a response other than `429`.
    pub(super) fn record_response(&mut self, class: CallClass, headers: HeaderSnapshot, now: Instant) {
        self.consecutive_429s = 0;
        self.observe(class, headers, now);
    }

    /// Records a `429` and blocks the account. `retry_after` is the wait that the server asked for. `random` scales the delay if
    /// the server asked for none, or for a longer one than any window lasts.
    pub(super) fn record_429(
        &mut self,
        class: CallClass,
        headers: HeaderSnapshot,
        retry_after: Option<Duration>,
        now: Instant,
        random: f64,
    ) {
        self.observe(class, headers, now);
        // Of several calls that were refused at once, only the first counts.
        if self.blocked_until.is_some_and(|blocked_until| blocked_until > now) {
            return;
        }
        self.consecutive_429s = self.consecutive_429s.saturating_add(1);
        let until_reset = headers
            .reset
            .filter(|(_, resets_at)| headers.remaining == Some(0) && *resets_at > now)
            .map(|(_, resets_at)| later(resets_at, RESET_SKEW_MARGIN).saturating_duration_since(now));
        // At least half of the delay is fixed, so that many clients do not retry at once.
        let backoff = BACKOFF.delay_at_least_half(self.consecutive_429s.saturating_sub(1), random);
        let retry_after = retry_after.filter(|wait| *wait <= self.max_window);
        // If a call after the reported wait was refused again, the reported wait alone is no longer believed.
        let wait = match retry_after.or(until_reset) {
            Some(wait) if self.consecutive_429s == 1 => wait,
            Some(wait) => wait.max(backoff),
            None => backoff,
        };
        self.blocked_until = Some(later(now, wait));
    }

    fn observe(&mut self, class: CallClass, headers: HeaderSnapshot, now: Instant) {
        let Some(limit) = headers.limit else {
            if find(&self.classes, class).is_none() {
                push(&mut self.classes, (class, None));
            }
            return;
        };
        let id = WindowId { limit, with_fields: class.with_fields };
        match find_mut(&mut self.classes, class) {
            Some(known) => *known = Some(id),
            None => push(&mut self.classes, (class, Some(id))),
        }
        let remaining = headers.remaining.unwrap_or(limit);
        let Some(window) = self.windows.iter_mut().find(|window| window.id == id) else {
            let (reported_reset, resets_at) = headers.reset.unzip();
            push(
                &mut self.windows,
                Window { id, remaining, reported_reset, resets_at, started_at: None, observed_at: now },
            );
            return;
        };
        window.observed_at = now;
        let Some((reported, resets_at)) = headers.reset else {
            // If the end of the window is unknown, the latest response is the best source.
            window.remaining = match window.resets_at {
                Some(_) => window.remaining.min(remaining),
                None => remaining,
            };
            return;
        };
        // In seconds, because differences between arbitrary reported times can overflow other types.
        let ahead = window.reported_reset.map(|known| reported.signed_duration_since(known).as_seconds_f64());
        match ahead {
            // A late response of an earlier window says nothing about this one. A reset more than a window earlier is not that of
            // a late response: the known reset was wrong.
            Some(ahead)
                if ahead < -RESET_SKEW_MARGIN.as_secs_f64() && -ahead <= self.max_window.as_secs_f64() => {}
            Some(ahead) if ahead.abs() <= RESET_SKEW_MARGIN.as_secs_f64() => match window.resets_at {
                Some(here) => {
                    window.remaining = window.remaining.min(remaining);
                    window.resets_at = Some(here.min(resets_at));
                }
                None if resets_at <= now => {}
                None => (window.remaining, window.resets_at) = (remaining, Some(resets_at)),
            },
            _ => {
                window.remaining = remaining;
                window.started_at = window.resets_at.or(window.started_at);
                (window.reported_reset, window.resets_at) = (Some(reported), Some(resets_at));
            }
        }
    }

    /// The window that a class counts against, if it is known; `Some(None)` if the class has no limit.
    #[cfg(feature = "shared-limits")]
    pub(super) fn window(&mut self, class: CallClass, now: Instant) -> Option<Option<&Window>> {
        let id = match find(&self.classes, class) {
            Some(None) => return Some(None),
            Some(Some(id)) => *id,
            None => self.likely_window(class)?,
        };
        let window = self.windows.iter_mut().find(|window| window.id == id)?;
        window.roll_over(now);
        Some(Some(window))
    }

    pub(super) fn windows(&self) -> &[Window] {
        &self.windows
    }

    pub(super) fn blocked_until(&self, now: Instant) -> Option<Instant> {
        self.blocked_until.filter(|blocked_until| *blocked_until > now)
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.count(|_| true)
    }

    /// Whether removing the tracker would lose nothing.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        self.in_flight.is_empty()
            && self.blocked_until(now).is_none()
            && self.windows.iter().all(|window| {
                window.resets_at.is_none_or(|resets_at| later(resets_at, RESET_SKEW_MARGIN) <= now)
            })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use super::*;

    const PLAIN: CallClass = CallClass { operation: "list_my_videos", with_fields: false };
    const FIELDS: CallClass = CallClass { operation: "list_my_videos", with_fields: true };

    /// A reset as reported, and by the clock here.
    fn reset_at(resets: Instant) -> Option<(DateTime<Utc>, Instant)> {
        static START: OnceLock<Instant> = OnceLock::new();
        let start = *START.get_or_init(|| resets - Duration::from_secs(3_600));
        let since = resets.checked_duration_since(start).unwrap_or_default();
        Some((DateTime::UNIX_EPOCH + since, resets))
    }

    fn headers(limit: u64, remaining: u64, resets: Instant) -> HeaderSnapshot {
        HeaderSnapshot { limit: Some(limit), remaining: Some(remaining), reset: reset_at(resets) }
    }

    /// Sends a call and records its response.
    fn call(tracker: &mut LimitTracker, class: CallClass, headers: HeaderSnapshot, now: Instant) {
        assert_eq!(tracker.try_admit(class, now), Admission::Granted);
        tracker.record_response(class, headers, now);
        tracker.release(class);
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_calls_wait_for_the_first_responses() {
        let now = Instant::now();
        let resets = now + Duration::from_secs(30);
        let mut tracker = LimitTracker::default();
        for _ in 0..MAX_PROBES {
            assert_eq!(tracker.try_admit(PLAIN, now), Admission::Granted);
        }
        assert_eq!(tracker.try_admit(PLAIN, now), Admission::AwaitResponse);
        tracker.record_response(PLAIN, headers(10, 6, resets), now);
        tracker.release(PLAIN);
        // Three of the six are reserved for calls in flight that may not have been counted yet.
        let gone = (0..10).take_while(|_| tracker.try_admit(PLAIN, now) == Admission::Granted).count();
        assert_eq!(gone, 3);
        assert_eq!(tracker.try_admit(PLAIN, now), Admission::AwaitResponse);
        for _ in 0..6 {
            tracker.record_response(PLAIN, headers(10, 0, resets), now);
            tracker.release(PLAIN);
        }
        assert_eq!(tracker.try_admit(PLAIN, now), Admission::RetryAt(resets + RESET_SKEW_MARGIN));
        assert_eq!(tracker.in_flight(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn limits_with_other_values_are_separate() {
        let now = Instant::now();
        let resets = now + Duration::from_secs(60);
        let mut tracker = LimitTracker::default();
        call(&mut tracker, PLAIN, headers(100, 0, resets), now);
        assert_eq!(tracker.try_admit(PLAIN, now), Admission::RetryAt(resets + RESET_SKEW_MARGIN));
        call(&mut tracker, FIELDS, headers(400, 399, resets), now);
        assert_eq!(tracker.try_admit(FIELDS, now), Admission::Granted);
        // A new operation is assumed to share the window of calls like it.
        let other = CallClass { operation: "get_video", with_fields: false };
        assert_eq!(tracker.try_admit(other, now), Admission::RetryAt(resets + RESET_SKEW_MARGIN));
    }

    #[tokio::test(start_paused = true)]
    async fn an_ended_window_rolls_over() {
        let now = Instant::now();
        let resets = now + Duration::from_secs(60);
        let mut tracker = LimitTracker::default();
        call(&mut tracker, PLAIN, headers(100, 7, resets), now);
        for (later, expected) in
            [(resets, (7, Some(resets), None)), (resets + RESET_SKEW_MARGIN, (100, None, Some(resets)))]
        {
            let window = tracker.window(PLAIN, later).unwrap().unwrap();
            assert_eq!((window.remaining, window.resets_at, window.started_at), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn late_responses_do_not_restore_used_calls() {
        let now = Instant::now();
        let resets = now + Duration::from_secs(60);
        let mut tracker = LimitTracker::default();
        call(&mut tracker, PLAIN, headers(5, 1, resets), now);
        call(&mut tracker, PLAIN, headers(5, 4, resets), now);
        assert_eq!(tracker.windows()[0].remaining, 1);
        // A response that is read late reports the same reset; the known one stays.
        let (end, _) = reset_at(resets).unwrap();
        let late = HeaderSnapshot {
            limit: Some(5),
            remaining: Some(3),
            reset: Some((end, resets + RESET_SKEW_MARGIN * 9)),
        };
        tracker.record_response(PLAIN, late, now + RESET_SKEW_MARGIN * 9);
        assert_eq!((tracker.windows()[0].remaining, tracker.windows()[0].resets_at), (1, Some(resets)));
        // The next window begins with its own numbers.
        let later = resets + RESET_SKEW_MARGIN;
        call(&mut tracker, PLAIN, headers(5, 4, later + Duration::from_secs(60)), later);
        assert_eq!(tracker.windows()[0].remaining, 4);
        call(&mut tracker, PLAIN, headers(5, 0, resets), later);
        assert_eq!(tracker.windows()[0].remaining, 4, "a response of the window before");
    }

    #[tokio::test(start_paused = true)]
    async fn resets_at_either_end_of_time_are_accepted() {
        let now = Instant::now();
        let mut tracker = LimitTracker::default();
        for end in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MAX_UTC] {
            let headers = HeaderSnapshot {
                limit: Some(5),
                remaining: Some(4),
                reset: Some((end, now + RESET_SKEW_MARGIN)),
            };
            call(&mut tracker, PLAIN, headers, now);
            assert_eq!((tracker.windows()[0].reported_reset, tracker.windows()[0].remaining), (Some(end), 4));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn burst_of_429s_backs_off_once() {
        let mut now = Instant::now();
        let mut tracker = LimitTracker::default();
        for _ in 0..3 {
            assert_eq!(tracker.try_admit(PLAIN, now), Admission::Granted);
        }
        for _ in 0..3 {
            tracker.record_429(PLAIN, HeaderSnapshot::default(), None, now, 1.0);
            tracker.release(PLAIN);
        }
        assert_eq!(
            tracker.blocked_until(now),
            Some(now + INITIAL_BACKOFF),
            "three 429s at once count as one"
        );
        let mut waits = Vec::new();
        for _ in 0..9 {
            now = tracker.blocked_until(now).unwrap();
            assert_eq!(tracker.try_admit(PLAIN, now), Admission::Granted);
            assert_eq!(tracker.try_admit(PLAIN, now), Admission::AwaitResponse, "a single call probes");
            tracker.record_429(PLAIN, HeaderSnapshot::default(), None, now, 1.0);
            tracker.release(PLAIN);
            waits.push((tracker.blocked_until(now).unwrap() - now).as_secs());
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60, 60, 60]);
    }

    #[tokio::test(start_paused = true)]
    async fn waits_longer_than_any_window_are_ignored() {
        let now = Instant::now();
        for (asked, seconds) in [
            (Duration::MAX, 1),
            (Duration::from_secs(u64::MAX), 1),
            (MAX_WINDOW + RESET_SKEW_MARGIN, 1),
            (MAX_WINDOW, 3_600),
        ] {
            let mut tracker = LimitTracker::default();
            tracker.record_429(PLAIN, HeaderSnapshot::default(), Some(asked), now, 1.0);
            assert_eq!(tracker.blocked_until(now), Some(now + Duration::from_secs(seconds)), "{asked:?}");
        }
        let mut tracker = LimitTracker::new(Duration::from_secs(60));
        tracker.record_429(PLAIN, HeaderSnapshot::default(), Some(Duration::from_secs(61)), now, 1.0);
        assert_eq!(tracker.blocked_until(now), Some(now + INITIAL_BACKOFF));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_reset_the_latest_response_counts() {
        let now = Instant::now();
        let mut tracker = LimitTracker::default();
        let headers = |remaining| HeaderSnapshot { limit: Some(5), remaining: Some(remaining), reset: None };
        call(&mut tracker, PLAIN, headers(0), now);
        // Nothing remains for an unknown time: one call after the other finds out.
        assert_eq!(tracker.try_admit(PLAIN, now), Admission::Granted);
        assert_eq!(tracker.try_admit(PLAIN, now), Admission::AwaitResponse);
        tracker.record_response(PLAIN, headers(4), now);
        tracker.release(PLAIN);
        assert_eq!(tracker.windows()[0].remaining, 4);
        assert_eq!(tracker.try_admit(PLAIN, now), Admission::Granted);
        assert_eq!(tracker.try_admit(PLAIN, now), Admission::Granted);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wrong_reset_is_replaced_by_a_plausible_one() {
        let now = Instant::now();
        let mut tracker = LimitTracker::default();
        let (end, resets) = reset_at(now + Duration::from_secs(60)).unwrap();
        let far = end + Duration::from_secs(365 * 24 * 3_600);
        let wrong = HeaderSnapshot { limit: Some(5), remaining: Some(0), reset: Some((far, resets)) };
        call(&mut tracker, PLAIN, wrong, now);
        tracker.record_response(
            PLAIN,
            HeaderSnapshot { limit: Some(5), remaining: Some(3), reset: Some((end, resets)) },
            now,
        );
        let window = &tracker.windows()[0];
        assert_eq!((window.remaining, window.reported_reset, window.resets_at), (3, Some(end), Some(resets)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reset_counts_only_if_nothing_remains() {
        let now = Instant::now();
        let far = now + Duration::from_secs(900);
        // (remaining, Retry-After, block in seconds)
        for (remaining, asked, seconds) in
            [(Some(0), None, 901), (None, None, 1), (Some(7), None, 1), (Some(0), Some(5), 5)]
        {
            let mut tracker = LimitTracker::default();
            tracker.try_admit(PLAIN, now);
            let headers = HeaderSnapshot { limit: Some(100), remaining, reset: reset_at(far) };
            tracker.record_429(PLAIN, headers, asked.map(Duration::from_secs), now, 1.0);
            assert_eq!(tracker.blocked_until(now), Some(now + Duration::from_secs(seconds)), "{remaining:?}");
        }
    }
}
