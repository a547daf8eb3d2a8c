//! The pool alone: who asks, what is told, what is given.

use std::time::Duration;

use super::*;

const SECOND: i64 = 1_000;
/// When the first window ends, as it is told.
const END: i64 = 60 * SECOND;

fn at(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_700_000_000_000 + millis).unwrap()
}

/// A pool of the limit 100 that has seen these ask for a window, all of which used all they were given.
fn pool(holders: &[&str]) -> QuotaPool {
    let mut pool = QuotaPool::default();
    for now in [0, 2 * SECOND] {
        for holder in holders {
            ask(&mut pool, holder, 100, now);
        }
    }
    for holder in holders {
        pool.lease(&told(holder, 0, END, 3 * SECOND));
    }
    pool
}

/// What a holder tells that has used its slice and heard nothing of this window.
fn report(holder: &str, remaining: u64, now: i64) -> UsageReport {
    UsageReport::new(holder, 100, remaining, at(now))
}

/// The same of one that has just heard what remains until when.
fn told(holder: &str, remaining: u64, end: i64, now: i64) -> UsageReport {
    let mut report = report(holder, remaining, now);
    (report.reported_reset, report.resets_at, report.observed_at) =
        (Some(at(end)), Some(at(end)), Some(at(now)));
    report
}

fn ask(pool: &mut QuotaPool, holder: &str, remaining: u64, now: i64) -> u64 {
    pool.lease(&report(holder, remaining, now)).calls
}

#[test]
fn four_that_ask_get_the_limit_in_equal_parts_and_no_more() {
    let mut pool = pool(&["a", "b", "c", "d"]);
    for holder in ["a", "b", "c", "d"] {
        assert_eq!(ask(&mut pool, holder, 100, END + SECOND), 25);
    }
    for holder in ["a", "b", "c", "d"] {
        let lease = pool.lease(&told(holder, 0, 2 * END, END + 2 * SECOND));
        assert_eq!((lease.calls, lease.until), (0, at(2 * END + SECOND)));
    }
}

#[test]
fn who_waits_for_a_new_limit_is_counted_on() {
    let mut pool = QuotaPool::default();
    for holder in ["a", "b", "c", "d"] {
        pool.lease(&UsageReport::new(holder, 0, 0, at(0)));
    }
    // However late the others hear of it, or come at all.
    let mut given = BTreeMap::<_, u64>::new();
    for (now, holders) in [(10, &["a"][..]), (3 * SECOND, &["a", "b"]), (10 * SECOND, &["a", "b", "c", "d"])]
    {
        for step in 0..8 {
            for holder in holders {
                *given.entry(*holder).or_default() += ask(&mut pool, holder, 100, now + step);
            }
        }
    }
    assert_eq!(given, [("a", 25), ("b", 25), ("c", 25), ("d", 25)].into());
}

#[test]
fn whoever_comes_first_to_a_new_limit_takes_it_by_and_by() {
    let mut pool = QuotaPool::default();
    let mut given = Vec::new();
    for step in 0..12 {
        given.push(ask(&mut pool, "a", 100, step));
    }
    assert_eq!(given, [10, 25, 25, 25, 15, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(ask(&mut pool, "b", 100, 20), 0, "it has to wait for the next window");
}

#[test]
fn who_got_more_of_a_window_has_less_to_expect_of_the_next() {
    let mut pool = QuotaPool::default();
    for step in 0..12 {
        ask(&mut pool, "a", 100, step);
    }
    for holder in ["b", "c", "a"] {
        assert_eq!(pool.lease(&told(holder, 0, END, 3 * SECOND)).calls, 0);
    }
    let mut made = BTreeMap::from([("a", 100), ("b", 0), ("c", 0)]);
    for window in 1..4 {
        for _ in 0..3 {
            for (holder, made) in &mut made {
                *made += ask(&mut pool, holder, 100, window * (END + SECOND));
            }
        }
        for holder in ["a", "b", "c"] {
            pool.lease(&told(holder, 0, (window + 1) * (END + SECOND) - SECOND, (window + 1) * END));
        }
    }
    assert_eq!(made, [("a", 134), ("b", 133), ("c", 133)].into());
}

#[test]
fn what_was_sent_before_a_window_may_count_in_it() {
    let mut pool = pool(&["a", "b"]);
    let mut late = report("a", 100, END + SECOND);
    late.in_flight = 8;
    let first = pool.lease(&late).calls;
    let rest: u64 = (0..4).map(|step| ask(&mut pool, "b", 100, END + SECOND + step)).sum();
    let more: u64 = (0..4).map(|step| ask(&mut pool, "a", 100, END + SECOND + step)).sum();
    assert_eq!(first + rest + more, 92);
    // The answers of all tell that they were counted before.
    for step in 0..2 {
        for holder in ["a", "b"] {
            pool.lease(&told(holder, 8, 2 * END, END + 2 * SECOND + step));
        }
    }
    assert!(pool.lease(&told("a", 8, 2 * END, END + 3 * SECOND)).calls > 0);
}

#[test]
fn what_is_given_never_exceeds_what_vimeo_says_remains() {
    let mut pool = QuotaPool::default();
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..200i64 {
        let start = round * 70 * SECOND;
        // Others than the pool's own use some of it, and the first answer tells.
        let mut used = if round % 3 == 0 { random.u64(..40) } else { 0 };
        let mut held = [0u64; 5];
        held[0] = pool.lease(&told("0", 100 - used, start + END, start)).calls;
        for step in 0..60 {
            let who = random.usize(..5);
            // It spends what it has, or not all of it, and tells what Vimeo told with the last of it.
            let spent = if random.bool() { held[who] } else { random.u64(..=held[who]) };
            used += spent;
            let mut report = match spent {
                0 => report(&who.to_string(), 100, start + step * 50),
                _ => told(&who.to_string(), 100 - used, start + END, start + step * 50),
            };
            report.unused = held[who] - spent;
            held[who] = pool.lease(&report).calls;
            assert!(used + held.iter().sum::<u64>() <= 100, "round {round}, step {step}");
        }
        assert!(used + held.iter().sum::<u64>() >= 90, "round {round}: {used} and {held:?}");
    }
}

#[test]
fn the_first_call_of_all_goes_alone() {
    let mut pool = QuotaPool::default();
    let ask = |pool: &mut QuotaPool, holder: &str, limit, now| {
        pool.lease(&UsageReport::new(holder, limit, limit, at(now))).calls
    };
    assert_eq!(ask(&mut pool, "a", 0, 0), 1);
    assert_eq!(ask(&mut pool, "b", 0, 1), 0);
    assert_eq!(ask(&mut pool, "b", 0, LEASE_TTL), 1, "the first is gone");
    assert_eq!(ask(&mut pool, "b", 100, LEASE_TTL + 1), 10, "it was answered");
    assert!(ask(&mut pool, "a", 0, LEASE_TTL + 2) > 0, "though it does not know the limit itself");
}

#[test]
fn a_report_that_waited_for_the_store_brings_no_second_first_call() {
    let mut pool = QuotaPool::default();
    let unknown = |holder: &str, now| UsageReport::new(holder, 0, 0, at(now));
    assert_eq!(pool.lease(&unknown("a", 100)).calls, 1);
    for now in [88, 100 - 5 * SECOND] {
        let lease = pool.lease(&unknown("b", now));
        assert_eq!((lease.limit, lease.calls), (0, 0), "made at {now}");
        assert!(lease.until <= at(now + SECOND));
    }
    // A clock that was set back by an hour is no such report.
    assert_eq!(pool.lease(&unknown("b", 100 - 3_600 * SECOND)).calls, 1);
}

#[test]
fn those_who_ask_for_an_account_of_unknown_limits_do_not_pile_up() {
    let mut pool = QuotaPool::default();
    let mut longest = 0;
    for restart in 0..200 {
        pool.lease(&UsageReport::new(format!("process {restart}"), 0, 0, at(restart * SECOND)));
        longest = longest.max(serde_json::to_string(&pool).unwrap().len());
    }
    assert!(longest < 1_000, "{longest} bytes");
}

#[test]
fn the_modest_are_given_what_they_use_and_the_greedy_the_rest() {
    let mut pool = pool(&["greedy", "modest"]);
    // It uses 20 of what it is given, and says so in the next window.
    assert_eq!(ask(&mut pool, "modest", 100, END + SECOND), 50);
    pool.lease(&told("greedy", 50, 2 * END, END + SECOND));
    let mut next = told("modest", 100, 2 * END, 2 * END + SECOND);
    next.unused = 30;
    assert_eq!(pool.lease(&next).calls, 20);
    let given: u64 = (0..3).map(|step| ask(&mut pool, "greedy", 100, 2 * END + SECOND + step)).sum();
    assert_eq!(given, 80);
}

#[test]
fn who_calls_now_and_then_is_not_made_to_ask_each_time() {
    let mut pool = pool(&["a", "b"]);
    let mut next = report("b", 100, END + SECOND);
    next.unused = 98;
    let lease = pool.lease(&next);
    assert_eq!((lease.calls, lease.until), (10, at(2 * END + SECOND)));
}

#[test]
fn a_slice_ends_with_its_holder() {
    let mut pool = pool(&["dead", "a"]);
    assert_eq!(ask(&mut pool, "dead", 100, END + SECOND), 50);
    assert_eq!(ask(&mut pool, "a", 100, END + SECOND), 50);
    assert_eq!(pool.lease(&told("a", 50, 2 * END, END + 2 * SECOND)).calls, 0, "the rest is the other's");
    let later = END + SECOND + END / 2 + 4 * SECOND;
    let mut waited = told("a", 50, 2 * END, later);
    waited.observed_at = Some(at(END + 2 * SECOND));
    assert_eq!(pool.lease(&waited).calls, 1, "who should have come for more: one call finds out");
    assert_eq!(pool.lease(&told("a", 49, 2 * END, later + 1)).calls, 49);
}

#[test]
fn a_slice_ends_with_its_window() {
    let mut pool = pool(&["a", "b"]);
    let gap = pool.lease(&told("a", 30, END, END + 1));
    assert_eq!((gap.calls, gap.until), (0, at(END + SECOND)), "it may count before or after");
    // An answer of the window before does not spoil the next.
    assert_eq!(pool.lease(&told("b", 0, END, END + SECOND)).calls, 50);
    assert_eq!(pool.lease(&told("a", 0, END, END + SECOND)).calls, 50);
}

#[test]
fn an_answer_that_is_read_late_tells_of_no_other_window() {
    let mut pool = pool(&["a", "b"]);
    let first = pool.lease(&told("a", 100, 2 * END, END + SECOND)).calls;
    // For a busy process the end of the window seems to lie later.
    let mut late = told("b", 90, 2 * END, END + 9 * SECOND);
    late.resets_at = Some(at(2 * END + 8 * SECOND));
    let second = pool.lease(&late).calls;
    assert_eq!((first, second), (50, 50));
    let gap = pool.lease(&report("a", 0, 2 * END + SECOND / 2));
    assert_eq!((gap.calls, gap.until), (0, at(2 * END + SECOND)));
}

#[test]
fn limits_of_another_number_are_kept_apart() {
    let mut pool = pool(&["a", "b"]);
    let mut other = UsageReport::new("a", 500, 500, at(3 * SECOND));
    assert_eq!(pool.lease(&other).calls, 31);
    assert_eq!(pool.lease(&told("a", 0, END, 3 * SECOND)).calls, 0, "of the first nothing is left");
    other.now = at(4 * SECOND);
    assert_eq!(pool.lease(&other).limit, 500);
}

#[test]
fn a_limit_beyond_all_measure_is_shared_as_a_large_one() {
    let mut pool = QuotaPool::default();
    for now in [0, 3 * SECOND, END + SECOND] {
        for holder in ["a", "b", "c"] {
            let mut report = UsageReport::new(holder, u64::MAX, u64::MAX, at(now));
            (report.reported_reset, report.resets_at) = (Some(at(now + END)), Some(at(now + END)));
            report.observed_at = Some(at(now));
            let lease = pool.lease(&report);
            assert_eq!(lease.limit, u64::MAX);
            assert!(lease.calls > 0, "{holder} at {now}");
        }
    }
}

#[test]
fn it_is_written_and_read() {
    let pool = pool(&["a", "b"]);
    let text = serde_json::to_string(&pool).unwrap();
    assert_eq!(serde_json::from_str::<QuotaPool>(&text).unwrap(), pool);
}

#[test]
fn of_a_small_limit_some_is_left_for_who_comes_later() {
    let mut pool = QuotaPool::default();
    pool.lease(&UsageReport::new("a", 0, 0, at(0)));
    // Its answers tell of the limit, and it makes six calls in all.
    let (mut used, mut held, mut now) = (1, 0, 0);
    while used < 6 {
        now += 10;
        if held == 0 {
            let mut report = told("a", 10 - used, END, now);
            report.limit = 10;
            held = pool.lease(&report).calls;
        }
        assert!(held > 0, "after {used}");
        (used, held) = (used + 1, held - 1);
    }
    // Another process knows nothing, and four calls are left.
    let lease = pool.lease(&UsageReport::new("b", 0, 0, at(now)));
    assert!(lease.limit == 10 && lease.calls > 0 && lease.calls + held <= 4, "{lease:?}, {held} are held");
}

#[test]
fn of_a_few_calls_that_are_left_everybody_finds_some() {
    for left in 2..=10 {
        let mut pool = QuotaPool::default();
        let first = pool.lease(&told("a", left, END, 0)).calls;
        let second = pool.lease(&UsageReport::new("b", 0, 0, at(10))).calls;
        assert!(first > 0 && second > 0 && first + second <= left, "{first} and {second} of {left}");
    }
}

#[test]
fn an_end_that_no_window_has_is_not_believed_and_one_that_was_is_forgotten() {
    const YEAR: i64 = 365 * 24 * 3_600 * SECOND;
    let mut pool = QuotaPool::default();
    let lease = pool.lease(&told("a", 0, YEAR, 0));
    assert!(lease.until <= at(60 * SECOND + SECOND) && lease.renew_at <= at(60 * SECOND), "{lease:?}");
    for end in [DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MIN_UTC] {
        let mut report = told("a", 0, END, 0);
        (report.reported_reset, report.resets_at) = (Some(end), Some(end));
        pool.lease(&report);
    }
    // One that an older version of this crate stored.
    let mut trusting = told("a", 0, YEAR, SECOND);
    trusting.max_window = Duration::MAX;
    let lease = pool.lease(&trusting);
    assert_eq!((lease.calls, lease.until), (0, at(YEAR + SECOND)));
    let lease = pool.lease(&told("b", 50, END, 2 * SECOND));
    assert!(lease.calls > 0 && lease.until <= at(END), "{lease:?}");
    let lease = pool.lease(&told("b", 0, END, 3 * SECOND));
    assert_eq!((lease.calls, lease.until), (0, at(END + SECOND)));
}

#[test]
fn no_time_of_a_clock_is_too_much() {
    for now in [DateTime::<Utc>::MIN_UTC, at(0), DateTime::<Utc>::MAX_UTC] {
        let mut pool = QuotaPool::default();
        for (limit, remaining) in [(0, 0), (10, 5), (u64::MAX, u64::MAX), (u64::MAX, 0)] {
            let mut report = UsageReport::new("a", limit, remaining, now);
            (report.reported_reset, report.resets_at, report.observed_at) = (Some(now), Some(now), Some(now));
            (report.in_flight, report.unused) = (u64::MAX, u64::MAX);
            report.max_window = Duration::MAX;
            pool.lease(&report);
        }
    }
}
