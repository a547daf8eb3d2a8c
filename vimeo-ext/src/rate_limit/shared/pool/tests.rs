//! The pool alone: reports in, leases out.

use std::time::Duration;

use super::*;

const SECOND: i64 = 1_000;
/// The reported reset of the first window.
const END: i64 = 60 * SECOND;

fn at(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_700_000_000_000 + millis).unwrap()
}

/// A pool with the limit 100 whose holders asked for a whole window and used all that they were granted.
fn pool(holders: &[&str]) -> QuotaPool {
    let mut pool = QuotaPool::default();
    for now in [0, 2 * SECOND] {
        for holder in holders {
            ask(&mut pool, holder, 100, now);
        }
    }
    for holder in holders {
        pool.lease(&observed(holder, 0, END, 3 * SECOND));
    }
    pool
}

/// The report of a holder that has used its lease and has observed nothing of this window.
fn report(holder: &str, remaining: u64, now: i64) -> UsageReport {
    UsageReport::new(holder, 100, remaining, at(now))
}

/// The same for a holder that has just observed the remaining calls and the reset.
fn observed(holder: &str, remaining: u64, end: i64, now: i64) -> UsageReport {
    let mut report = report(holder, remaining, now);
    (report.reported_reset, report.resets_at, report.observed_at) =
        (Some(at(end)), Some(at(end)), Some(at(now)));
    report
}

fn ask(pool: &mut QuotaPool, holder: &str, remaining: u64, now: i64) -> u64 {
    pool.lease(&report(holder, remaining, now)).calls
}

#[test]
fn four_holders_get_equal_shares_of_the_limit() {
    let mut pool = pool(&["a", "b", "c", "d"]);
    for holder in ["a", "b", "c", "d"] {
        assert_eq!(ask(&mut pool, holder, 100, END + SECOND), 25);
    }
    for holder in ["a", "b", "c", "d"] {
        let lease = pool.lease(&observed(holder, 0, 2 * END, END + 2 * SECOND));
        assert_eq!((lease.calls, lease.until), (0, at(2 * END + SECOND)));
    }
}

#[test]
fn holders_waiting_for_a_new_limit_get_a_share() {
    let mut pool = QuotaPool::default();
    for holder in ["a", "b", "c", "d"] {
        pool.lease(&UsageReport::new(holder, 0, 0, at(0)));
    }
    // Regardless of when the others learn the limit, or whether they ask at all.
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
fn first_holder_gets_a_new_limit_in_parts() {
    let mut pool = QuotaPool::default();
    let mut given = Vec::new();
    for step in 0..12 {
        given.push(ask(&mut pool, "a", 100, step));
    }
    assert_eq!(given, [10, 25, 25, 25, 15, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(ask(&mut pool, "b", 100, 20), 0, "it has to wait for the next window");
}

#[test]
fn a_surplus_is_deducted_from_the_next_window() {
    let mut pool = QuotaPool::default();
    for step in 0..12 {
        ask(&mut pool, "a", 100, step);
    }
    for holder in ["b", "c", "a"] {
        assert_eq!(pool.lease(&observed(holder, 0, END, 3 * SECOND)).calls, 0);
    }
    let mut made = BTreeMap::from([("a", 100), ("b", 0), ("c", 0)]);
    for window in 1..4 {
        for _ in 0..3 {
            for (holder, made) in &mut made {
                *made += ask(&mut pool, holder, 100, window * (END + SECOND));
            }
        }
        for holder in ["a", "b", "c"] {
            pool.lease(&observed(holder, 0, (window + 1) * (END + SECOND) - SECOND, (window + 1) * END));
        }
    }
    assert_eq!(made, [("a", 134), ("b", 133), ("c", 133)].into());
}

#[test]
fn calls_sent_before_a_window_may_count_in_it() {
    let mut pool = pool(&["a", "b"]);
    let mut late = report("a", 100, END + SECOND);
    late.in_flight = 8;
    let first = pool.lease(&late).calls;
    let rest: u64 = (0..4).map(|step| ask(&mut pool, "b", 100, END + SECOND + step)).sum();
    let more: u64 = (0..4).map(|step| ask(&mut pool, "a", 100, END + SECOND + step)).sum();
    assert_eq!(first + rest + more, 92);
    // The responses show that those calls were counted in the window before.
    for step in 0..2 {
        for holder in ["a", "b"] {
            pool.lease(&observed(holder, 8, 2 * END, END + 2 * SECOND + step));
        }
    }
    assert!(pool.lease(&observed("a", 8, 2 * END, END + 3 * SECOND)).calls > 0);
}

#[test]
fn leases_never_exceed_the_remaining_calls() {
    let mut pool = QuotaPool::default();
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..200i64 {
        let start = round * 70 * SECOND;
        // Others than the holders use some calls, which the first response shows.
        let mut used = if round % 3 == 0 { random.u64(..40) } else { 0 };
        let mut held = [0u64; 5];
        held[0] = pool.lease(&observed("0", 100 - used, start + END, start)).calls;
        for step in 0..60 {
            let index = random.usize(..5);
            // The holder uses all or some of its calls, and reports the last response.
            let spent = if random.bool() { held[index] } else { random.u64(..=held[index]) };
            used += spent;
            let mut report = match spent {
                0 => report(&index.to_string(), 100, start + step * 50),
                _ => observed(&index.to_string(), 100 - used, start + END, start + step * 50),
            };
            report.unused = held[index] - spent;
            held[index] = pool.lease(&report).calls;
            assert!(used + held.iter().sum::<u64>() <= 100, "round {round}, step {step}");
        }
        assert!(used + held.iter().sum::<u64>() >= 90, "round {round}: {used} and {held:?}");
    }
}

#[test]
fn a_single_call_probes_an_unknown_limit() {
    let mut pool = QuotaPool::default();
    let ask = |pool: &mut QuotaPool, holder: &str, limit, now| {
        pool.lease(&UsageReport::new(holder, limit, limit, at(now))).calls
    };
    assert_eq!(ask(&mut pool, "a", 0, 0), 1);
    assert_eq!(ask(&mut pool, "b", 0, 1), 0);
    assert_eq!(ask(&mut pool, "b", 0, LEASE_TTL), 1, "the first holder is gone");
    assert_eq!(ask(&mut pool, "b", 100, LEASE_TTL + 1), 10, "the response has arrived");
    assert!(ask(&mut pool, "a", 0, LEASE_TTL + 2) > 0, "even though it does not know the limit itself");
}

#[test]
fn a_delayed_report_causes_no_second_probe() {
    let mut pool = QuotaPool::default();
    let unknown = |holder: &str, now| UsageReport::new(holder, 0, 0, at(now));
    assert_eq!(pool.lease(&unknown("a", 100)).calls, 1);
    for now in [88, 100 - 5 * SECOND] {
        let lease = pool.lease(&unknown("b", now));
        assert_eq!((lease.limit, lease.calls), (0, 0), "made at {now}");
        assert!(lease.until <= at(now + SECOND));
    }
    // A clock that was set back by an hour is a different case.
    assert_eq!(pool.lease(&unknown("b", 100 - 3_600 * SECOND)).calls, 1);
}

#[test]
fn waiting_holders_do_not_pile_up() {
    let mut pool = QuotaPool::default();
    let mut longest = 0;
    for restart in 0..200 {
        pool.lease(&UsageReport::new(format!("process {restart}"), 0, 0, at(restart * SECOND)));
        longest = longest.max(serde_json::to_string(&pool).unwrap().len());
    }
    assert!(longest < 1_000, "{longest} bytes");
}

#[test]
fn saturated_holders_share_what_modest_ones_leave() {
    let mut pool = pool(&["saturated", "modest"]);
    // The modest holder uses 20 of its calls, and reports so in the next window.
    assert_eq!(ask(&mut pool, "modest", 100, END + SECOND), 50);
    pool.lease(&observed("saturated", 50, 2 * END, END + SECOND));
    let mut next = observed("modest", 100, 2 * END, 2 * END + SECOND);
    next.unused = 30;
    assert_eq!(pool.lease(&next).calls, 20);
    let given: u64 = (0..3).map(|step| ask(&mut pool, "saturated", 100, 2 * END + SECOND + step)).sum();
    assert_eq!(given, 80);
}

#[test]
fn slow_caller_gets_a_lease_until_the_reset() {
    let mut pool = pool(&["a", "b"]);
    let mut next = report("b", 100, END + SECOND);
    next.unused = 98;
    let lease = pool.lease(&next);
    assert_eq!((lease.calls, lease.until), (10, at(2 * END + SECOND)));
}

#[test]
fn a_lease_of_a_dead_holder_expires() {
    let mut pool = pool(&["dead", "a"]);
    assert_eq!(ask(&mut pool, "dead", 100, END + SECOND), 50);
    assert_eq!(ask(&mut pool, "a", 100, END + SECOND), 50);
    assert_eq!(
        pool.lease(&observed("a", 50, 2 * END, END + 2 * SECOND)).calls,
        0,
        "the rest is leased to the other"
    );
    let later = END + SECOND + END / 2 + 4 * SECOND;
    let mut waited = observed("a", 50, 2 * END, later);
    waited.observed_at = Some(at(END + 2 * SECOND));
    assert_eq!(pool.lease(&waited).calls, 1, "the dead holder should have come for more: one call probes");
    assert_eq!(pool.lease(&observed("a", 49, 2 * END, later + 1)).calls, 49);
}

#[test]
fn a_lease_ends_with_its_window() {
    let mut pool = pool(&["a", "b"]);
    let gap = pool.lease(&observed("a", 30, END, END + 1));
    assert_eq!((gap.calls, gap.until), (0, at(END + SECOND)), "it may count before or after");
    // A response of the window before does not affect the next.
    assert_eq!(pool.lease(&observed("b", 0, END, END + SECOND)).calls, 50);
    assert_eq!(pool.lease(&observed("a", 0, END, END + SECOND)).calls, 50);
}

#[test]
fn a_response_read_late_is_of_the_same_window() {
    let mut pool = pool(&["a", "b"]);
    let first = pool.lease(&observed("a", 100, 2 * END, END + SECOND)).calls;
    // For a busy process the end of the window seems to lie later.
    let mut late = observed("b", 90, 2 * END, END + 9 * SECOND);
    late.resets_at = Some(at(2 * END + 8 * SECOND));
    let second = pool.lease(&late).calls;
    assert_eq!((first, second), (50, 50));
    let gap = pool.lease(&report("a", 0, 2 * END + SECOND / 2));
    assert_eq!((gap.calls, gap.until), (0, at(2 * END + SECOND)));
}

#[test]
fn limits_with_other_values_are_separate() {
    let mut pool = pool(&["a", "b"]);
    let mut other = UsageReport::new("a", 500, 500, at(3 * SECOND));
    assert_eq!(pool.lease(&other).calls, 31);
    assert_eq!(pool.lease(&observed("a", 0, END, 3 * SECOND)).calls, 0, "nothing is left of the first limit");
    other.now = at(4 * SECOND);
    assert_eq!(pool.lease(&other).limit, 500);
}

#[test]
fn a_huge_limit_is_shared_without_overflow() {
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
fn reports_whether_others_hold_the_rest() {
    let mut pool = pool(&["a", "b"]);
    let first = pool.lease(&report("a", 100, END + SECOND));
    assert_eq!((first.calls, first.held_by_others), (50, true), "the share of b is reserved");
    pool.lease(&report("b", 100, END + SECOND));
    let denied = pool.lease(&observed("a", 50, 2 * END, END + 2 * SECOND));
    assert_eq!((denied.calls, denied.held_by_others), (0, true), "b holds the other 50");
    let denied = pool.lease(&observed("a", 0, 2 * END, END + 3 * SECOND));
    assert_eq!((denied.calls, denied.held_by_others), (0, false), "the limit is used up");
    let gap = pool.lease(&observed("a", 0, 2 * END, 2 * END + SECOND / 2));
    assert_eq!((gap.calls, gap.held_by_others), (0, false), "between two windows");

    let mut alone = QuotaPool::default();
    for step in 0..12 {
        let lease = alone.lease(&report("a", 100, step));
        assert!(!lease.held_by_others, "there is no other holder: {lease:?}");
    }
}

#[test]
fn pools_survive_serialization() {
    let pool = pool(&["a", "b"]);
    let text = serde_json::to_string(&pool).unwrap();
    assert_eq!(serde_json::from_str::<QuotaPool>(&text).unwrap(), pool);
}

#[test]
fn persisted_names_are_stable() {
    // As commit 2a8b2a9 wrote it.
    let text = r#"{"windows":{"100":{"remaining":40,"begun":5,"told":60000,"resets":60000,"lasts":61000,"settled":2000,"by_others":3,"asked":4,"tried":1,"forgotten":2,"holders":{"a":{"leased":1,"taken":2,"slice":3,"greedy":true,"wants":4,"ahead":5,"until":6,"seen":7}}}},"latest":100,"first":9,"early":["b"]}"#;
    let pool: QuotaPool = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&pool).unwrap(), text);
}

#[test]
fn a_small_limit_leaves_calls_for_latecomers() {
    let mut pool = QuotaPool::default();
    pool.lease(&UsageReport::new("a", 0, 0, at(0)));
    // Its responses show the limit, and it makes six calls in all.
    let (mut used, mut held, mut now) = (1, 0, 0);
    while used < 6 {
        now += 10;
        if held == 0 {
            let mut report = observed("a", 10 - used, END, now);
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
fn the_last_few_calls_are_split() {
    for left in 2..=10 {
        let mut pool = QuotaPool::default();
        let first = pool.lease(&observed("a", left, END, 0)).calls;
        let second = pool.lease(&UsageReport::new("b", 0, 0, at(10))).calls;
        assert!(first > 0 && second > 0 && first + second <= left, "{first} and {second} of {left}");
    }
}

#[test]
fn an_implausible_reset_is_ignored_and_cleared() {
    const YEAR: i64 = 365 * 24 * 3_600 * SECOND;
    let mut pool = QuotaPool::default();
    let lease = pool.lease(&observed("a", 0, YEAR, 0));
    assert!(lease.until <= at(60 * SECOND + SECOND) && lease.renew_at <= at(60 * SECOND), "{lease:?}");
    for end in [DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MIN_UTC] {
        let mut report = observed("a", 0, END, 0);
        (report.reported_reset, report.resets_at) = (Some(end), Some(end));
        pool.lease(&report);
    }
    // A reset that an older version of this crate stored.
    let mut trusting = observed("a", 0, YEAR, SECOND);
    trusting.max_window = Duration::MAX;
    let lease = pool.lease(&trusting);
    assert_eq!((lease.calls, lease.until), (0, at(YEAR + SECOND)));
    let lease = pool.lease(&observed("b", 50, END, 2 * SECOND));
    assert!(lease.calls > 0 && lease.until <= at(END), "{lease:?}");
    let lease = pool.lease(&observed("b", 0, END, 3 * SECOND));
    assert_eq!((lease.calls, lease.until), (0, at(END + SECOND)));
}

#[test]
fn extreme_clock_times_do_not_overflow() {
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
