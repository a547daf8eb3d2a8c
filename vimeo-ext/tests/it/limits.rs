//! Rate limits, under a paused clock.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::json;
use tokio::time::Instant;
use vimeo_api::Error;
use vimeo_ext::LimitPolicy;

use crate::fake::{Fake, answer, start};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn reset_in(count: i64, unix: bool) -> String {
    let reset = start() + chrono::TimeDelta::seconds(count);
    if unix { reset.timestamp().to_string() } else { reset.to_rfc3339() }
}

/// BEHAVIOUR.md: L01.
#[tokio::test(start_paused = true)]
async fn with_no_calls_left_the_next_call_waits_for_the_reset() {
    for unix in [false, true] {
        let reset = reset_in(30, unix);
        let fake = Fake::new(move |_, number| {
            let answer = answer(200).json(json!({}));
            if number == 0 {
                answer.limit(10, 0, &reset)
            } else {
                answer.limit(10, 9, "2026-03-01T12:02:00Z")
            }
        });
        let vimeo = fake.vimeo();
        let began = Instant::now();
        vimeo.get("/me").send().await.unwrap();
        assert_eq!(began.elapsed(), Duration::ZERO);
        vimeo.get("/me").send().await.unwrap();
        // Resets come in whole seconds, so one more is waited.
        assert_eq!(began.elapsed(), seconds(31), "unix: {unix}");
    }
}

/// BEHAVIOUR.md: L01.
#[tokio::test(start_paused = true)]
async fn a_wrong_local_clock_does_not_change_the_wait() {
    // Vimeo's clock is three hours ahead of ours; its answers say so.
    let fake = Fake::new(|_, _| {
        answer(200).json(json!({})).header("date", "Sun, 01 Mar 2026 15:00:00 GMT").limit(
            10,
            0,
            "2026-03-01T15:00:20+00:00",
        )
    });
    let vimeo = fake.vimeo();
    let began = Instant::now();
    vimeo.get("/me").send().await.unwrap();
    vimeo.get("/me").send().await.unwrap();
    assert_eq!(began.elapsed(), seconds(21));
}

/// BEHAVIOUR.md: L02, L03.
#[tokio::test(start_paused = true)]
async fn a_429_without_headers_is_retried_within_bounds() {
    let fake = Fake::new(|_, number| answer(if number < 3 { 429 } else { 200 }).json(json!({})));
    let vimeo = fake.vimeo();
    let began = Instant::now();
    vimeo.post("/me/albums").json(&json!({})).send().await.unwrap();
    let took = began.elapsed();
    assert!((seconds(3)..=seconds(8)).contains(&took), "{took:?}");

    let never = Fake::new(|_, _| answer(429));
    let error = never.vimeo().get("/me").send().await.unwrap_err();
    assert!(error.is_rate_limited() && matches!(error, Error::RateLimited(_)), "{error:?}");
    assert_eq!(error.status().unwrap(), 429);
    assert_eq!(never.count(), 4);
}

/// BEHAVIOUR.md: L02.
#[tokio::test(start_paused = true)]
async fn fail_fast_reports_when_the_limit_resets() {
    let reset = reset_in(40, false);
    let fake = Fake::new(move |_, _| answer(200).json(json!({})).limit(10, 0, &reset));
    let vimeo = fake.builder().limits(LimitPolicy::FailFast).build().unwrap();
    vimeo.get("/me").send().await.unwrap();
    let error = vimeo.get("/me").send().await.unwrap_err();
    let Error::RateLimited(limited) = &error else { panic!("{error:?}") };
    assert_eq!(limited.wait, Some(seconds(41)));
    assert_eq!(limited.retry_at, Some(start() + seconds(41)));
    assert!(limited.answer.is_none());
    assert!(error.to_string().contains("come back at 2026-03-01 12:00:41 UTC"), "{error}");
    assert_eq!(fake.count(), 1);

    // A wait that is longer than allowed is refused at once.
    let short = fake.builder().limits(LimitPolicy::Wait { at_most: seconds(10) }).build().unwrap();
    short.get("/me").send().await.unwrap();
    let began = Instant::now();
    assert!(short.get("/me").send().await.unwrap_err().is_rate_limited());
    assert_eq!(began.elapsed(), Duration::ZERO);

    let refusing = Fake::new(|_, _| answer(429));
    let vimeo = refusing.builder().limits(LimitPolicy::FailFast).build().unwrap();
    let error = vimeo.get("/me").send().await.unwrap_err();
    assert!(matches!(&error, Error::RateLimited(limited) if limited.answer.is_some()));
    assert_eq!(refusing.count(), 1);

    let counting = fake.builder().limits(LimitPolicy::ReportOnly).build().unwrap();
    for _ in 0..3 {
        counting.get("/me").send().await.unwrap();
    }
    assert_eq!(counting.budget().state().windows[0].remaining, 0);
}

/// BEHAVIOUR.md: L01, L04.
#[tokio::test(start_paused = true)]
async fn limit_state_is_readable_and_streamed() {
    let reset = reset_in(60, false);
    let fake = Fake::new(move |seen, number| {
        let limit = if seen.query("fields").is_some() { 400 } else { 100 };
        answer(200).json(json!({})).limit(limit, limit - 1 - number as u64, &reset)
    });
    let vimeo = fake.vimeo();
    let mut changes = vimeo.budget().changes();
    assert!(changes.next().await.unwrap().windows.is_empty());
    vimeo.get("/me").send().await.unwrap();
    vimeo.get("/me").fields("name").send().await.unwrap();
    let state = changes.next().await.unwrap();
    assert_eq!(state, vimeo.budget().state());
    let seen: Vec<_> =
        state.windows.iter().map(|window| (window.limit, window.remaining, window.with_fields)).collect();
    assert_eq!(seen, [(100, 99, false), (400, 398, true)]);
    assert_eq!(state.windows[0].resets_at, Some(start() + seconds(60)));
    assert_eq!((state.in_flight, state.waiting), (0, 0));
}

/// BEHAVIOUR.md: L04.
#[tokio::test(start_paused = true)]
async fn an_account_at_its_limit_does_not_block_others() {
    let reset = reset_in(60, false);
    let fake = Fake::new(move |seen, _| {
        let remaining = if seen.token() == Some("a") { 0 } else { 50 };
        answer(200).json(json!({})).limit(100, remaining, &reset)
    });
    let a = fake.builder().access_token("a").build().unwrap();
    let b = a.for_account("b", "b").unwrap();
    a.get("/me").send().await.unwrap();
    let began = Instant::now();
    let waiting = tokio::spawn(a.get("/me").send());
    tokio::task::yield_now().await;
    for _ in 0..20 {
        b.get("/me").send().await.unwrap();
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert!(!waiting.is_finished());
    assert_eq!(a.budget().state().waiting, 1);
    let left = |name: &str| {
        let states = a.budgets().states();
        states.into_iter().find(|(known, _)| known.starts_with(name)).unwrap().1.windows[0].remaining
    };
    assert_eq!((left("account b"), left("token ")), (50, 0));
    waiting.await.unwrap().unwrap();
    assert_eq!(began.elapsed(), seconds(61));
}

/// BEHAVIOUR.md: L04.
#[tokio::test(start_paused = true)]
async fn clients_with_the_same_token_share_one_limit() {
    let reset = reset_in(60, false);
    let fake = Fake::new(move |_, _| answer(200).json(json!({})).limit(100, 0, &reset));
    let budgets = vimeo_ext::Budgets::default();
    let one = fake.builder().budgets(budgets.clone()).build().unwrap();
    let two = fake.builder().budgets(budgets.clone()).build().unwrap();
    let other = fake.builder().budgets(budgets).access_token("other").build().unwrap();
    one.get("/me").send().await.unwrap();
    let began = Instant::now();
    other.get("/me").send().await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
    two.get("/me").send().await.unwrap();
    assert_eq!(began.elapsed(), seconds(61));
}
