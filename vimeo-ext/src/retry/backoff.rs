//! The delay after the n-th failure in a row. Pure: the random number is a parameter.

use std::time::Duration;

use crate::timeouts::jittered;

/// Exponential backoff with full jitter: a random part of `base · 2ⁿ`, at most `cap`.
///
/// Defaults: base 500 ms, cap 30 s. Full jitter spreads the retries of clients that failed at the same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    pub(crate) base: Duration,
    pub(crate) cap: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { base: Duration::from_millis(500), cap: Duration::from_secs(30) }
    }
}

impl Backoff {
    /// Makes a backoff whose first delay is at most `base`, and whose delays never exceed `cap`.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use vimeo_ext::retry::Backoff;
    /// let backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(120));
    /// assert_eq!(backoff.max_delay(0), Duration::from_secs(2));
    /// assert_eq!(backoff.max_delay(20), Duration::from_secs(120));
    /// ```
    pub const fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap }
    }

    /// Returns the maximum delay after `failures` earlier failures in a row.
    pub fn max_delay(&self, failures: u32) -> Duration {
        let factor = 2u32.checked_pow(failures).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.cap)
    }

    /// Returns a delay of at least half the maximum, for a random number `chance` in `0.0..=1.0`.
    pub(crate) fn delay_at_least_half(&self, failures: u32, chance: f64) -> Duration {
        let half = self.max_delay(failures).checked_div(2).unwrap_or_default();
        half.saturating_add(jittered(half, chance))
    }

    /// Returns a delay for a random number `chance` in `0.0..=1.0`.
    pub(crate) fn delay(&self, failures: u32, chance: f64) -> Duration {
        jittered(self.max_delay(failures), chance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn delays_grow_to_the_cap_and_jitter_scales_them() {
        let backoff = Backoff::default();
        // (failures so far, chance, delay)
        let table = [
            (0, 1.0, ms(500)),
            (1, 1.0, ms(1_000)),
            (2, 1.0, ms(2_000)),
            (5, 1.0, ms(16_000)),
            (6, 1.0, ms(30_000)),
            (31, 1.0, ms(30_000)),
            (u32::MAX, 1.0, ms(30_000)),
            (2, 0.5, ms(1_000)),
            (2, 0.0, ms(0)),
            (2, f64::NAN, ms(2_000)),
            (2, 7.0, ms(2_000)),
        ];
        for (failures, chance, delay) in table {
            assert_eq!(backoff.delay(failures, chance), delay, "failure {failures}, chance {chance}");
        }
        for (failures, chance, wait) in
            [(0, 0.0, ms(250)), (0, 1.0, ms(500)), (1, 0.5, ms(750)), (9, 1.0, ms(30_000))]
        {
            assert_eq!(
                backoff.delay_at_least_half(failures, chance),
                wait,
                "failure {failures}, chance {chance}"
            );
        }
    }
}
