//! What is known of one account's limits, and what follows from it: pure, the time comes in.
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

/// The limit that a class of calls counts against. Vimeo tells it by its number alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WindowId {
    pub(super) limit: u64,
    pub(super) with_fields: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Window {
    pub(super) id: WindowId,
    pub(super) remaining: u64,
    /// The end that Vimeo told last, which tells one window from another.
    pub(super) told: Option<DateTime<Utc>>,
    /// When that is here; `None` after it ended, until an answer tells of the next.
    pub(super) resets: Option<Instant>,
    /// When the one before it ended.
    #[cfg_attr(not(feature = "shared-limits"), allow(dead_code, reason = "other processes are told of it"))]
    pub(super) began: Option<Instant>,
    /// When the last answer came that told of it.
    #[cfg_attr(not(feature = "shared-limits"), allow(dead_code, reason = "other processes are told of it"))]
    pub(super) heard: Instant,
}

impl Window {
    /// Once it has ended, all is allowed again.
    fn begin_anew(&mut self, now: Instant) {
        if self.resets.is_some_and(|resets| later(resets, RESET_SKEW_MARGIN) <= now) {
            self.remaining = self.id.limit;
            self.began = self.resets.take();
        }
    }
}

/// What an answer said.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct HeaderSnapshot {
    pub(super) limit: Option<u64>,
    pub(super) remaining: Option<u64>,
    /// The end of the window as it was told, and when that is here: the later an answer is read, the later that seems.
    /// `None` where it lies further ahead than any window lasts.
    pub(super) reset: Option<(DateTime<Utc>, Instant)>,
}

/// What a call may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may go, and is counted.
    Granted,
    /// Not before this.
    RetryAt(Instant),
    /// An answer that is under way will tell more.
    AwaitResponse,
}

/// There is one for each of many accounts, which make few kinds of calls each: so these are short lists, and tight.
#[derive(Debug)]
pub(super) struct LimitTracker {
    /// Those seen so far; with `None`, it has no limit that Vimeo tells of.
    classes: Vec<(CallClass, Option<WindowId>)>,
    windows: Vec<Window>,
    blocked: Option<Instant>,
    /// Refusals in a row.
    consecutive_429s: u32,
    /// Calls that are under way; no entry is zero.
    in_flight: Vec<(CallClass, u64)>,
    /// The longest that a window lasts. No reset and no wait beyond it is believed.
    longest: Duration,
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

/// Adds to a list of which most have one element.
fn push<T>(list: &mut Vec<T>, value: T) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len().max(1));
    }
    list.push(value);
}

/// So many calls of a kind whose limit is not known yet go out at once.
const MAX_PROBES: u64 = 4;

/// Vimeo tells the reset in whole seconds, so it may lie up to one later.
pub(super) const RESET_SKEW_MARGIN: Duration = Duration::from_secs(1);

/// The first wait after a `429` that does not say when to come back.
const INITIAL_BACKOFF: Duration = Duration::from_secs(1);
/// The waits after the first and each further one.
const BACKOFF: Backoff = Backoff::new(INITIAL_BACKOFF, Duration::from_secs(60));

impl LimitTracker {
    /// One that believes in no window longer than this.
    pub(super) fn new(longest: Duration) -> Self {
        Self {
            classes: Vec::new(),
            windows: Vec::new(),
            blocked: None,
            consecutive_429s: 0,
            in_flight: Vec::new(),
            longest,
        }
    }

    /// Whether a call may go now; [`Admission::Granted`] counts it.
    pub(super) fn ask(&mut self, class: CallClass, now: Instant) -> Admission {
        let verdict = self.verdict(class, now);
        if verdict == Admission::Granted {
            match find_mut(&mut self.in_flight, class) {
                Some(count) => *count = count.saturating_add(1),
                None => push(&mut self.in_flight, (class, 1)),
            }
        }
        verdict
    }

    fn verdict(&mut self, class: CallClass, now: Instant) -> Admission {
        if let Some(blocked) = self.blocked(now) {
            return Admission::RetryAt(blocked);
        }
        // After a refusal one call feels the way.
        if self.consecutive_429s > 0 && !self.in_flight.is_empty() {
            return Admission::AwaitResponse;
        }
        let known = find(&self.classes, class).copied();
        if known.is_none() && self.count(|other| find(&self.classes, other).is_none()) >= MAX_PROBES {
            return Admission::AwaitResponse;
        }
        let Some(id) = known.unwrap_or_else(|| self.likely(class)) else { return Admission::Granted };
        // What is under way may not have been counted yet, and may count here as long as nothing else is known of it.
        let reserved = self.count(|other| match find(&self.classes, other) {
            Some(window) => *window == Some(id),
            None => other.with_fields == id.with_fields,
        });
        let Some(window) = self.windows.iter_mut().find(|window| window.id == id) else {
            return Admission::Granted;
        };
        window.begin_anew(now);
        match window.resets {
            _ if window.remaining > reserved => Admission::Granted,
            Some(resets) if window.remaining == 0 => Admission::RetryAt(later(resets, RESET_SKEW_MARGIN)),
            _ if reserved > 0 => Admission::AwaitResponse,
            // Nothing remains and nobody knows for how long: only a call can tell.
            _ => Admission::Granted,
        }
    }

    fn count(&self, which: impl Fn(CallClass) -> bool) -> u64 {
        let counts = self.in_flight.iter().filter(|(class, _)| which(*class)).map(|(_, count)| *count);
        counts.fold(0, u64::saturating_add)
    }

    /// For a class not seen before: the window of calls like it, the latest first.
    fn likely(&self, class: CallClass) -> Option<WindowId> {
        self.windows.iter().rev().map(|window| window.id).find(|id| id.with_fields == class.with_fields)
    }

    /// The call is over, with or without an answer.
    pub(super) fn release(&mut self, class: CallClass) {
        if let Some(count) = find_mut(&mut self.in_flight, class) {
            *count = count.saturating_sub(1);
            self.in_flight.retain(|(_, count)| *count > 0);
        }
    }

    /// Learns from an answer that was no refusal.
    pub(super) fn answered(&mut self, class: CallClass, reading: HeaderSnapshot, now: Instant) {
        self.consecutive_429s = 0;
        self.learn(class, reading, now);
    }

    /// Learns from a `429`. `wait` is what the server asked for; `random` scales the wait when it did not, or asked for
    /// longer than any window lasts.
    pub(super) fn refused(
        &mut self,
        class: CallClass,
        reading: HeaderSnapshot,
        wait: Option<Duration>,
        now: Instant,
        random: f64,
    ) {
        self.learn(class, reading, now);
        // Of calls that were refused together only the first counts.
        if self.blocked.is_some_and(|blocked| blocked > now) {
            return;
        }
        self.consecutive_429s = self.consecutive_429s.saturating_add(1);
        let reset = reading
            .reset
            .filter(|(_, resets)| reading.remaining == Some(0) && *resets > now)
            .map(|(_, resets)| later(resets, RESET_SKEW_MARGIN).saturating_duration_since(now));
        // Half of it is sure, so that a crowd does not come back at once.
        let own = BACKOFF.delay_at_least_half(self.consecutive_429s.saturating_sub(1), random);
        let wait = wait.filter(|wait| *wait <= self.longest);
        // A reset that was believed once and was followed by another refusal is believed no more alone.
        let wait = match wait.or(reset) {
            Some(wait) if self.consecutive_429s == 1 => wait,
            Some(wait) => wait.max(own),
            None => own,
        };
        self.blocked = Some(later(now, wait));
    }

    fn learn(&mut self, class: CallClass, reading: HeaderSnapshot, now: Instant) {
        let Some(limit) = reading.limit else {
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
        let remaining = reading.remaining.unwrap_or(limit);
        let Some(window) = self.windows.iter_mut().find(|window| window.id == id) else {
            let (told, resets) = reading.reset.unzip();
            push(&mut self.windows, Window { id, remaining, told, resets, began: None, heard: now });
            return;
        };
        window.heard = now;
        let Some((told, resets)) = reading.reset else {
            // Of a window whose end nobody knows the latest answer tells most.
            window.remaining = match window.resets {
                Some(_) => window.remaining.min(remaining),
                None => remaining,
            };
            return;
        };
        // Vimeo may tell any time, and sums of it may be beyond what there is.
        let ahead = window.told.map(|known| told.signed_duration_since(known).as_seconds_f64());
        match ahead {
            // A late answer of a window that has ended says nothing of this one. One that lies further back than a window
            // lasts is no late one: what was told before was wrong.
            Some(ahead)
                if ahead < -RESET_SKEW_MARGIN.as_secs_f64() && -ahead <= self.longest.as_secs_f64() => {}
            Some(ahead) if ahead.abs() <= RESET_SKEW_MARGIN.as_secs_f64() => match window.resets {
                Some(here) => {
                    window.remaining = window.remaining.min(remaining);
                    window.resets = Some(here.min(resets));
                }
                None if resets <= now => {}
                None => (window.remaining, window.resets) = (remaining, Some(resets)),
            },
            _ => {
                window.remaining = remaining;
                window.began = window.resets.or(window.began);
                (window.told, window.resets) = (Some(told), Some(resets));
            }
        }
    }

    /// The window that a class counts against now, as far as that is known; `Some(None)` when it has no limit.
    #[cfg(feature = "shared-limits")]
    pub(super) fn window(&mut self, class: CallClass, now: Instant) -> Option<Option<&Window>> {
        let id = match find(&self.classes, class) {
            Some(None) => return Some(None),
            Some(Some(id)) => *id,
            None => self.likely(class)?,
        };
        let window = self.windows.iter_mut().find(|window| window.id == id)?;
        window.begin_anew(now);
        Some(Some(window))
    }

    pub(super) fn windows(&self) -> &[Window] {
        &self.windows
    }

    pub(super) fn blocked(&self, now: Instant) -> Option<Instant> {
        self.blocked.filter(|blocked| *blocked > now)
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.count(|_| true)
    }

    /// Whether forgetting it would lose nothing.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        self.in_flight.is_empty()
            && self.blocked(now).is_none()
            && self
                .windows
                .iter()
                .all(|window| window.resets.is_none_or(|resets| later(resets, RESET_SKEW_MARGIN) <= now))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use super::*;

    const PLAIN: CallClass = CallClass { operation: "list_my_videos", with_fields: false };
    const FIELDS: CallClass = CallClass { operation: "list_my_videos", with_fields: true };

    /// What Vimeo tells of a time here.
    fn told(resets: Instant) -> Option<(DateTime<Utc>, Instant)> {
        static START: OnceLock<Instant> = OnceLock::new();
        let start = *START.get_or_init(|| resets - Duration::from_secs(3_600));
        let since = resets.checked_duration_since(start).unwrap_or_default();
        Some((DateTime::UNIX_EPOCH + since, resets))
    }

    fn reading(limit: u64, remaining: u64, resets: Instant) -> HeaderSnapshot {
        HeaderSnapshot { limit: Some(limit), remaining: Some(remaining), reset: told(resets) }
    }

    /// A call that goes and is answered.
    fn call(tracker: &mut LimitTracker, class: CallClass, answer: HeaderSnapshot, now: Instant) {
        assert_eq!(tracker.ask(class, now), Admission::Granted);
        tracker.answered(class, answer, now);
        tracker.release(class);
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_waits_for_the_first_answers_and_then_takes_what_remains() {
        let now = Instant::now();
        let resets = now + Duration::from_secs(30);
        let mut tracker = LimitTracker::default();
        for _ in 0..MAX_PROBES {
            assert_eq!(tracker.ask(PLAIN, now), Admission::Granted);
        }
        assert_eq!(tracker.ask(PLAIN, now), Admission::AwaitResponse);
        tracker.answered(PLAIN, reading(10, 6, resets), now);
        tracker.release(PLAIN);
        // Three of the six are spoken for by calls that may not have been counted yet.
        let gone = (0..10).take_while(|_| tracker.ask(PLAIN, now) == Admission::Granted).count();
        assert_eq!(gone, 3);
        assert_eq!(tracker.ask(PLAIN, now), Admission::AwaitResponse);
        for _ in 0..6 {
            tracker.answered(PLAIN, reading(10, 0, resets), now);
            tracker.release(PLAIN);
        }
        assert_eq!(tracker.ask(PLAIN, now), Admission::RetryAt(resets + RESET_SKEW_MARGIN));
        assert_eq!(tracker.in_flight(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn limits_of_another_number_are_kept_apart() {
        let now = Instant::now();
        let resets = now + Duration::from_secs(60);
        let mut tracker = LimitTracker::default();
        call(&mut tracker, PLAIN, reading(100, 0, resets), now);
        assert_eq!(tracker.ask(PLAIN, now), Admission::RetryAt(resets + RESET_SKEW_MARGIN));
        call(&mut tracker, FIELDS, reading(400, 399, resets), now);
        assert_eq!(tracker.ask(FIELDS, now), Admission::Granted);
        // Another operation is taken to share the window of calls like it.
        let other = CallClass { operation: "get_video", with_fields: false };
        assert_eq!(tracker.ask(other, now), Admission::RetryAt(resets + RESET_SKEW_MARGIN));
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_that_has_ended_is_told_as_ended() {
        let now = Instant::now();
        let resets = now + Duration::from_secs(60);
        let mut tracker = LimitTracker::default();
        call(&mut tracker, PLAIN, reading(100, 7, resets), now);
        for (later, expected) in
            [(resets, (7, Some(resets), None)), (resets + RESET_SKEW_MARGIN, (100, None, Some(resets)))]
        {
            let window = tracker.window(PLAIN, later).unwrap().unwrap();
            assert_eq!((window.remaining, window.resets, window.began), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn late_answers_do_not_bring_back_what_is_used() {
        let now = Instant::now();
        let resets = now + Duration::from_secs(60);
        let mut tracker = LimitTracker::default();
        call(&mut tracker, PLAIN, reading(5, 1, resets), now);
        call(&mut tracker, PLAIN, reading(5, 4, resets), now);
        assert_eq!(tracker.windows()[0].remaining, 1);
        // An answer that is read late tells the same end, and it is no later for that.
        let (end, _) = told(resets).unwrap();
        let late = HeaderSnapshot {
            limit: Some(5),
            remaining: Some(3),
            reset: Some((end, resets + RESET_SKEW_MARGIN * 9)),
        };
        tracker.answered(PLAIN, late, now + RESET_SKEW_MARGIN * 9);
        assert_eq!((tracker.windows()[0].remaining, tracker.windows()[0].resets), (1, Some(resets)));
        // The next window begins with its own numbers.
        let later = resets + RESET_SKEW_MARGIN;
        call(&mut tracker, PLAIN, reading(5, 4, later + Duration::from_secs(60)), later);
        assert_eq!(tracker.windows()[0].remaining, 4);
        call(&mut tracker, PLAIN, reading(5, 0, resets), later);
        assert_eq!(tracker.windows()[0].remaining, 4, "an answer of the window before");
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_beyond_all_time_is_one_like_others() {
        let now = Instant::now();
        let mut tracker = LimitTracker::default();
        for end in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MAX_UTC] {
            let reading = HeaderSnapshot {
                limit: Some(5),
                remaining: Some(4),
                reset: Some((end, now + RESET_SKEW_MARGIN)),
            };
            call(&mut tracker, PLAIN, reading, now);
            assert_eq!((tracker.windows()[0].told, tracker.windows()[0].remaining), (Some(end), 4));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_back_off_once_a_burst_and_are_probed_by_one_call() {
        let mut now = Instant::now();
        let mut tracker = LimitTracker::default();
        for _ in 0..3 {
            assert_eq!(tracker.ask(PLAIN, now), Admission::Granted);
        }
        for _ in 0..3 {
            tracker.refused(PLAIN, HeaderSnapshot::default(), None, now, 1.0);
            tracker.release(PLAIN);
        }
        assert_eq!(tracker.blocked(now), Some(now + INITIAL_BACKOFF), "three refusals at once are one");
        let mut waits = Vec::new();
        for _ in 0..9 {
            now = tracker.blocked(now).unwrap();
            assert_eq!(tracker.ask(PLAIN, now), Admission::Granted);
            assert_eq!(tracker.ask(PLAIN, now), Admission::AwaitResponse, "one call feels the way");
            tracker.refused(PLAIN, HeaderSnapshot::default(), None, now, 1.0);
            tracker.release(PLAIN);
            waits.push((tracker.blocked(now).unwrap() - now).as_secs());
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60, 60, 60]);
    }

    #[tokio::test(start_paused = true)]
    async fn no_wait_is_believed_that_is_longer_than_any_window() {
        let now = Instant::now();
        for (asked, seconds) in [
            (Duration::MAX, 1),
            (Duration::from_secs(u64::MAX), 1),
            (MAX_WINDOW + RESET_SKEW_MARGIN, 1),
            (MAX_WINDOW, 3_600),
        ] {
            let mut tracker = LimitTracker::default();
            tracker.refused(PLAIN, HeaderSnapshot::default(), Some(asked), now, 1.0);
            assert_eq!(tracker.blocked(now), Some(now + Duration::from_secs(seconds)), "{asked:?}");
        }
        let mut tracker = LimitTracker::new(Duration::from_secs(60));
        tracker.refused(PLAIN, HeaderSnapshot::default(), Some(Duration::from_secs(61)), now, 1.0);
        assert_eq!(tracker.blocked(now), Some(now + INITIAL_BACKOFF));
    }

    #[tokio::test(start_paused = true)]
    async fn without_an_end_the_latest_answer_counts() {
        let now = Instant::now();
        let mut tracker = LimitTracker::default();
        let reading = |remaining| HeaderSnapshot { limit: Some(5), remaining: Some(remaining), reset: None };
        call(&mut tracker, PLAIN, reading(0), now);
        // Nothing remains and nobody knows for how long: one call after the other finds out.
        assert_eq!(tracker.ask(PLAIN, now), Admission::Granted);
        assert_eq!(tracker.ask(PLAIN, now), Admission::AwaitResponse);
        tracker.answered(PLAIN, reading(4), now);
        tracker.release(PLAIN);
        assert_eq!(tracker.windows()[0].remaining, 4);
        assert_eq!(tracker.ask(PLAIN, now), Admission::Granted);
        assert_eq!(tracker.ask(PLAIN, now), Admission::Granted);
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_that_was_wrong_gives_way_to_one_that_can_be() {
        let now = Instant::now();
        let mut tracker = LimitTracker::default();
        let (end, resets) = told(now + Duration::from_secs(60)).unwrap();
        let far = end + Duration::from_secs(365 * 24 * 3_600);
        let wrong = HeaderSnapshot { limit: Some(5), remaining: Some(0), reset: Some((far, resets)) };
        call(&mut tracker, PLAIN, wrong, now);
        tracker.answered(
            PLAIN,
            HeaderSnapshot { limit: Some(5), remaining: Some(3), reset: Some((end, resets)) },
            now,
        );
        let window = &tracker.windows()[0];
        assert_eq!((window.remaining, window.told, window.resets), (3, Some(end), Some(resets)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reset_is_believed_with_remaining_alone() {
        let now = Instant::now();
        let far = now + Duration::from_secs(900);
        // (remaining, wait asked for, block in seconds)
        for (remaining, asked, seconds) in
            [(Some(0), None, 901), (None, None, 1), (Some(7), None, 1), (Some(0), Some(5), 5)]
        {
            let mut tracker = LimitTracker::default();
            tracker.ask(PLAIN, now);
            let reading = HeaderSnapshot { limit: Some(100), remaining, reset: told(far) };
            tracker.refused(PLAIN, reading, asked.map(Duration::from_secs), now, 1.0);
            assert_eq!(tracker.blocked(now), Some(now + Duration::from_secs(seconds)), "{remaining:?}");
        }
    }
}
