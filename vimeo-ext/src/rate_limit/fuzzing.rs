//! Gives fuzz targets access to the rate limiter. Compiled with `--cfg fuzzing` only.

use std::time::Duration;

use chrono::DateTime;
use http::HeaderMap;
use tokio::time::Instant;
use vimeo_api::rate_limit::MAX_WINDOW;

use super::tracker::{Admission, CallClass, LimitTracker};

/// Feeds the rate limiter the headers of two responses: to an accepted call and to a refused one.
///
/// # Panics
///
/// If the next call would be delayed for longer than the longest window.
pub fn limit_headers(headers: &HeaderMap) {
    let max_window = MAX_WINDOW;
    let now = Instant::now();
    let wall = DateTime::from_timestamp(1_700_000_000, 0).expect("a time");
    let class = CallClass { operation: "get_video", with_fields: false };
    for refused in [false, true] {
        let mut tracker = LimitTracker::new(max_window);
        for _ in 0..3 {
            let snapshot = super::read_headers(headers, now, wall, max_window);
            let _ = tracker.try_admit(class, now);
            match refused {
                false => tracker.record_response(class, snapshot, now),
                true => tracker.record_429(
                    class,
                    snapshot,
                    vimeo_api::rate_limit::retry_after(headers, wall),
                    now,
                    1.0,
                ),
            }
            tracker.release(class);
        }
        if let Admission::RetryAt(at) = tracker.try_admit(class, now) {
            let wait = at.saturating_duration_since(now);
            assert!(wait <= max_window + Duration::from_secs(60), "delayed for {wait:?}");
        }
    }
}
