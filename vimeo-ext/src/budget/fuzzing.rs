//! A way for fuzz targets into the rate limiter. Compiled with `--cfg fuzzing` only.

use std::time::Duration;

use chrono::DateTime;
use http::HeaderMap;
use tokio::time::Instant;
use vimeo_api::rate_limit::LONGEST_WINDOW;

use super::ledger::{Class, Ledger, Verdict};

/// Feeds the rate limiter the headers of two responses, as of an accepted call and of a refused one.
///
/// # Panics
///
/// If the next call would be held back for longer than the limiter's longest window.
pub fn limit_headers(headers: &HeaderMap) {
    let longest = LONGEST_WINDOW;
    let now = Instant::now();
    let wall = DateTime::from_timestamp(1_700_000_000, 0).expect("a time");
    let class = Class { operation: "get_video", with_fields: false };
    for refused in [false, true] {
        let mut ledger = Ledger::new(longest);
        for _ in 0..3 {
            let reading = super::read(headers, now, wall, longest);
            let _ = ledger.ask(class, now);
            match refused {
                false => ledger.answered(class, reading, now),
                true => ledger.refused(
                    class,
                    reading,
                    vimeo_api::rate_limit::retry_after(headers, wall),
                    now,
                    1.0,
                ),
            }
            ledger.release(class);
        }
        if let Verdict::WaitUntil(at) = ledger.ask(class, now) {
            let wait = at.saturating_duration_since(now);
            assert!(wait <= longest + Duration::from_secs(60), "held back for {wait:?}");
        }
    }
}
