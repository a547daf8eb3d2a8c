//! A way for fuzz targets into the rate limiter. Compiled with `--cfg fuzzing` only.

use std::time::Duration;

use chrono::DateTime;
use http::HeaderMap;
use tokio::time::Instant;
use vimeo_api::rate_limit::MAX_WINDOW;

use super::tracker::{Admission, CallClass, LimitTracker};

/// Feeds the rate limiter the headers of two responses, as of an accepted call and of a refused one.
///
/// # Panics
///
/// If the next call would be held back for longer than the limiter's longest window.
pub fn limit_headers(headers: &HeaderMap) {
    let longest = MAX_WINDOW;
    let now = Instant::now();
    let wall = DateTime::from_timestamp(1_700_000_000, 0).expect("a time");
    let class = CallClass { operation: "get_video", with_fields: false };
    for refused in [false, true] {
        let mut tracker = LimitTracker::new(longest);
        for _ in 0..3 {
            let reading = super::read(headers, now, wall, longest);
            let _ = tracker.ask(class, now);
            match refused {
                false => tracker.answered(class, reading, now),
                true => tracker.refused(
                    class,
                    reading,
                    vimeo_api::rate_limit::retry_after(headers, wall),
                    now,
                    1.0,
                ),
            }
            tracker.release(class);
        }
        if let Admission::RetryAt(at) = tracker.ask(class, now) {
            let wait = at.saturating_duration_since(now);
            assert!(wait <= longest + Duration::from_secs(60), "held back for {wait:?}");
        }
    }
}
