//! The limit of the AI operations: ten requests a minute to each, which no header reports.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;
use vimeo_api::Operation;

use crate::timeouts::later;

/// How many requests Vimeo allows to one operation in a window.
const LIMIT: usize = 10;
/// The length of the window.
const WINDOW: Duration = Duration::from_secs(60);

/// Returns whether the limit applies to an operation.
pub(super) fn is_limited(operation: &Operation) -> bool {
    operation.path.contains("/ai/")
}

/// The times of the latest requests to each limited operation. Pure: the time is a parameter.
#[derive(Debug, Default)]
pub(super) struct OperationLimits(HashMap<&'static str, VecDeque<Instant>>);

impl OperationLimits {
    /// Counts a request if the limit allows it now; else returns when to ask again.
    pub(super) fn try_admit(&mut self, operation: &'static str, now: Instant) -> Result<(), Instant> {
        let sent = self.0.entry(operation).or_default();
        while sent.front().is_some_and(|at| later(*at, WINDOW) <= now) {
            sent.pop_front();
        }
        match sent.front() {
            Some(oldest) if sent.len() >= LIMIT => Err(later(*oldest, WINDOW)),
            _ => {
                sent.push_back(now);
                Ok(())
            }
        }
    }

    /// Whether no request counts any more.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        self.0.values().filter_map(VecDeque::back).all(|at| later(*at, WINDOW) <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_eleventh_request_of_a_minute_waits() {
        let start = Instant::now();
        let mut limits = OperationLimits::default();
        for second in 0..10 {
            assert_eq!(limits.try_admit("one", start + Duration::from_secs(second)), Ok(()));
        }
        let now = start + Duration::from_secs(30);
        assert_eq!(limits.try_admit("one", now), Err(start + WINDOW));
        assert_eq!(limits.try_admit("other", now), Ok(()), "each operation has its own limit");
        assert_eq!(limits.try_admit("one", start + WINDOW), Ok(()));
        assert_eq!(limits.try_admit("one", start + WINDOW), Err(start + WINDOW + Duration::from_secs(1)));
        assert!(!limits.is_idle(start + WINDOW) && limits.is_idle(start + WINDOW * 2));
    }
}
