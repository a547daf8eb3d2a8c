//! Rate limits, under a paused clock.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::json;
use tokio::time::Instant;
use vimeo_api::Error;
use vimeo_ext::RateLimitPolicy;

use crate::fake::{Fake, respond, start};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn reset_in(count: i64, unix: bool) -> String {
    let reset = start() + chrono::TimeDelta::seconds(count);
    if unix { reset.timestamp().to_string() } else { reset.to_rfc3339() }
}

/// BEHAVIOUR.md: L01.
#[tokio::test(start_paused = true)]
async fn a_call_beyond_the_limit_waits_for_the_reset() {
    for unix in [false, true] {
        let reset = reset_in(30, unix);
        let fake = Fake::new(move |_, number| {
            let answer = respond(200).json(json!({}));
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
        // Resets are in whole seconds, so the client waits one second more.
        assert_eq!(began.elapsed(), seconds(31), "unix: {unix}");
    }
}

/// BEHAVIOUR.md: L01.
#[tokio::test(start_paused = true)]
async fn a_wrong_local_clock_does_not_change_the_wait() {
    // Vimeo's clock is three hours ahead of the local one, as its `Date` header shows.
    let fake = Fake::new(|_, _| {
        respond(200).json(json!({})).header("date", "Sun, 01 Mar 2026 15:00:00 GMT").limit(
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
    let fake = Fake::new(|_, number| respond(if number < 3 { 429 } else { 200 }).json(json!({})));
    let vimeo = fake.vimeo();
    let began = Instant::now();
    vimeo.post("/me/albums").json(&json!({})).send().await.unwrap();
    let took = began.elapsed();
    assert!((seconds(3)..=seconds(8)).contains(&took), "{took:?}");

    let never = Fake::new(|_, _| respond(429));
    let error = never.vimeo().get("/me").send().await.unwrap_err();
    assert!(error.is_rate_limited() && matches!(error, Error::RateLimited(_)), "{error:?}");
    assert_eq!(error.status().unwrap(), 429);
    assert_eq!(never.count(), 4);
}

/// BEHAVIOUR.md: L02.
#[tokio::test(start_paused = true)]
async fn fail_fast_reports_when_the_limit_resets() {
    let reset = reset_in(40, false);
    let fake = Fake::new(move |_, _| respond(200).json(json!({})).limit(10, 0, &reset));
    let vimeo = fake.builder().rate_limit_policy(RateLimitPolicy::FailFast).build().unwrap();
    vimeo.get("/me").send().await.unwrap();
    let error = vimeo.get("/me").send().await.unwrap_err();
    let Error::RateLimited(limited) = &error else { panic!("{error:?}") };
    assert_eq!(limited.wait, Some(seconds(41)));
    assert_eq!(limited.retry_at, Some(start() + seconds(41)));
    assert!(limited.api_error.is_none());
    assert!(error.to_string().contains("retry at 2026-03-01 12:00:41 UTC"), "{error}");
    assert_eq!(fake.count(), 1);

    // A wait that is longer than allowed fails at once.
    let short =
        fake.builder().rate_limit_policy(RateLimitPolicy::Wait { at_most: seconds(10) }).build().unwrap();
    short.get("/me").send().await.unwrap();
    let began = Instant::now();
    assert!(short.get("/me").send().await.unwrap_err().is_rate_limited());
    assert_eq!(began.elapsed(), Duration::ZERO);

    let refusing = Fake::new(|_, _| respond(429));
    let vimeo = refusing.builder().rate_limit_policy(RateLimitPolicy::FailFast).build().unwrap();
    let error = vimeo.get("/me").send().await.unwrap_err();
    assert!(matches!(&error, Error::RateLimited(limited) if limited.api_error.is_some()));
    assert_eq!(refusing.count(), 1);

    let counting = fake.builder().rate_limit_policy(RateLimitPolicy::ReportOnly).build().unwrap();
    for _ in 0..3 {
        counting.get("/me").send().await.unwrap();
    }
    assert_eq!(counting.rate_limiter().status().windows[0].remaining, 0);
}

/// BEHAVIOUR.md: L01, L04.
#[tokio::test(start_paused = true)]
async fn rate_limit_status_is_readable_and_streamed() {
    let reset = reset_in(60, false);
    let fake = Fake::new(move |seen, number| {
        let limit = if seen.query("fields").is_some() { 400 } else { 100 };
        respond(200).json(json!({})).limit(limit, limit - 1 - number as u64, &reset)
    });
    let vimeo = fake.vimeo();
    let mut changes = vimeo.rate_limiter().changes();
    assert!(changes.next().await.unwrap().windows.is_empty());
    vimeo.get("/me").send().await.unwrap();
    vimeo.get("/me").fields("name").send().await.unwrap();
    let state = changes.next().await.unwrap();
    assert_eq!(state, vimeo.rate_limiter().status());
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
        respond(200).json(json!({})).limit(100, remaining, &reset)
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
    assert_eq!(a.rate_limiter().status().waiting, 1);
    let left = |name: &str| {
        let states = a.rate_limiters().statuses();
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
    let fake = Fake::new(move |_, _| respond(200).json(json!({})).limit(100, 0, &reset));
    let limiters = vimeo_ext::RateLimiters::default();
    let one = fake.builder().rate_limiters(limiters.clone()).build().unwrap();
    let two = fake.builder().rate_limiters(limiters.clone()).build().unwrap();
    let other = fake.builder().rate_limiters(limiters).access_token("other").build().unwrap();
    one.get("/me").send().await.unwrap();
    let began = Instant::now();
    other.get("/me").send().await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
    two.get("/me").send().await.unwrap();
    assert_eq!(began.elapsed(), seconds(61));
}

#[cfg(feature = "accounts")]
#[tokio::test(start_paused = true)]
async fn rate_limit_error_names_other_holders() {
    let fake = Fake::new(|_, number| {
        respond(200).json(json!({})).limit(20, 19u64.saturating_sub(number as u64), "2026-03-01T12:01:00Z")
    });
    let store = std::sync::Arc::new(vimeo_ext::accounts::MemoryStore::default());
    let process = || {
        let limiters = vimeo_ext::RateLimiters::shared(store.clone());
        let builder = fake.builder().account("a").rate_limiters(limiters);
        builder.rate_limit_policy(RateLimitPolicy::FailFast).build().unwrap()
    };
    let (first, second) = (process(), process());
    let error_of = async |vimeo: &vimeo_ext::Vimeo| loop {
        if let Err(error) = vimeo.get("/me").send().await {
            break error;
        }
    };
    // The first call finds out the limit; with the second, the process reports it and leases its share.
    for _ in 0..2 {
        first.get("/me").send().await.unwrap();
    }
    let error = error_of(&second).await;
    let sent = fake.count();
    assert!((3..20).contains(&sent), "the first process holds the rest after {sent} calls");
    let Error::RateLimited(limited) = &error else { panic!("{error:?}") };
    assert!(limited.held_by_others, "{error}");
    assert_eq!(
        error.to_string(),
        "get_me: this process has used its share of the account's rate limit; nothing was sent; the rest is held by other \
         processes until 2026-03-01 12:01:01 UTC. Calls that set `fields` have a higher limit"
    );

    // The process that makes the last call knows that the limit is used up.
    error_of(&first).await;
    assert_eq!(fake.count(), 20);
    let error = error_of(&first).await;
    assert!(!error.to_string().contains("other processes"), "{error}");
}

/// BEHAVIOUR.md: L02, L03.
#[tokio::test(start_paused = true)]
async fn no_header_delays_a_call_beyond_the_longest_window() {
    let in_a_year = reset_in(365 * 24 * 3_600, false);
    let epoch = (start() + seconds(30)).timestamp().to_string();
    // (status and headers of the first response, maximum wait of the next call in seconds)
    type Row<'a> = (u16, Vec<(&'static str, &'a str)>, u64);
    let table: [Row<'_>; 10] = [
        (200, vec![("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &in_a_year)], 0),
        (200, vec![("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "8210266876799")], 0),
        (200, vec![("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "9223372036854775807")], 0),
        (200, vec![("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "+262142-12-31T23:59:59Z")], 0),
        (200, vec![("x-ratelimit-remaining", "0")], 0),
        (429, vec![("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &in_a_year)], 1),
        (429, vec![("retry-after", "18446744073709551615")], 1),
        (429, vec![("retry-after", "9223372036854775807")], 1),
        (429, vec![("retry-after", "86400")], 1),
        // Seconds since 1970 instead of seconds to wait.
        (429, vec![("retry-after", &epoch)], 30),
    ];
    for (status, headers, at_most) in table {
        let sent: Vec<_> = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let fake = Fake::new(move |_, number| match number {
            0 => sent.iter().fold(
                respond(status).json(json!({"error": "x"})).header("x-ratelimit-limit", 100),
                |answer, (name, value)| answer.header(name, value),
            ),
            _ => respond(200).json(json!({})).limit(100, 50, "2026-03-01T12:02:00Z"),
        });
        let vimeo = fake.builder().retry(vimeo_ext::RetryPolicy::never()).build().unwrap();
        let first = vimeo.get("/me").send().await;
        if let Err(error) = first {
            assert!(error.is_rate_limited());
            assert!(!error.to_string().contains("2027"), "{error}");
        }
        let began = Instant::now();
        vimeo.get("/me").send().await.unwrap();
        let waited = began.elapsed().as_secs();
        assert!(waited <= at_most && waited + 1 >= at_most, "{headers:?}: {waited} s");
        // From then on, the correct headers apply.
        for _ in 0..20 {
            vimeo.get("/me").send().await.unwrap();
        }
        assert!(began.elapsed() <= seconds(at_most), "{headers:?}");
        assert_eq!(vimeo.rate_limiter().status().windows[0].remaining, 50);
    }
}

#[tokio::test(start_paused = true)]
async fn max_window_is_configurable() {
    let reset = reset_in(7_200, false);
    let fake = Fake::new(move |_, _| respond(200).json(json!({})).limit(100, 0, &reset));
    for (max_window, believed) in [(7_199, false), (7_200, true)] {
        let limiters = vimeo_ext::RateLimiters::default().max_window(seconds(max_window));
        let vimeo = fake
            .builder()
            .rate_limiters(limiters)
            .rate_limit_policy(RateLimitPolicy::FailFast)
            .build()
            .unwrap();
        vimeo.get("/me").send().await.unwrap();
        assert_eq!(vimeo.get("/me").send().await.is_err(), believed, "{max_window}");
    }
}

/// BEHAVIOUR.md: L04, L07.
#[tokio::test(start_paused = true)]
async fn fields_are_suggested_only_if_they_would_help() {
    // (method and path, whether the 429 has headers, error code, whether `fields` are suggested)
    let table = [
        ("GET", "/me", true, None, true),
        ("GET", "/me?fields=uri", true, None, false),
        ("GET", "/me", false, None, false),
        ("POST", "/me/albums", true, None, false),
        ("PUT", "/me/following/1", true, Some(9006), false),
        ("GET", "/me", true, Some(9006), false),
    ];
    for (method, path, limited, code, suggested) in table {
        let fake = Fake::new(move |_, _| {
            let answer = respond(429).json(json!({"error": "Too many.", "error_code": code}));
            if limited { answer.limit(10, 0, "2026-03-01T12:00:40Z") } else { answer }
        });
        let vimeo = fake.builder().rate_limit_policy(RateLimitPolicy::FailFast).build().unwrap();
        let error = vimeo.api().call(method.parse().unwrap(), path).send().await.unwrap_err();
        assert_eq!(error.to_string().contains("set `fields`"), suggested, "{method} {path}: {error}");
        assert!(!error.to_string().contains("used up"), "{error}");
    }
}
