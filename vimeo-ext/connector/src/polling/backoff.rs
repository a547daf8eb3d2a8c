//! When a failed delivery is repeated. Pure: the random number is a parameter.

use chrono::TimeDelta;

/// The maximum number of attempts of a delivery.
pub(super) const MAX_ATTEMPTS: u32 = 8;

/// The delays after the first, second, … failed attempt, in seconds: 30 s, 2 min, 10 min, 30 min, 1 h, 3 h, 6 h; together
/// 10 h 42 min 30 s.
const DELAYS_S: [i64; 7] = [30, 120, 600, 1_800, 3_600, 10_800, 21_600];

/// Returns the delay after this number of failed attempts; `None` if there is no further attempt. A random number in
/// `0.0..=1.0` adds up to a tenth, so that deliveries that failed together do not return together.
pub(super) fn delay_after(attempts: u32, chance: f64) -> Option<TimeDelta> {
    let index = usize::try_from(attempts.checked_sub(1)?).ok()?;
    let seconds = *DELAYS_S.get(index)?;
    let chance = if chance.is_finite() { chance.clamp(0.0, 1.0) } else { 1.0 };
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "less than an hour")]
    let extra_ms = (seconds.saturating_mul(100) as f64 * chance) as i64;
    TimeDelta::try_milliseconds(seconds.saturating_mul(1_000).saturating_add(extra_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_until_the_last_attempt() {
        // (failed attempts, chance, delay in milliseconds)
        for (attempts, chance, delay) in [
            (0, 0.0, None),
            (1, 0.0, Some(30_000)),
            (1, 1.0, Some(33_000)),
            (2, 0.5, Some(126_000)),
            (7, 0.0, Some(21_600_000)),
            (7, f64::NAN, Some(23_760_000)),
            (7, 9.0, Some(23_760_000)),
            (8, 0.0, None),
            (u32::MAX, 0.0, None),
        ] {
            let expected = delay.and_then(TimeDelta::try_milliseconds);
            assert_eq!(delay_after(attempts, chance), expected, "{attempts} {chance}");
        }
    }

    #[test]
    fn the_last_attempt_has_a_stated_time() {
        let total: i64 =
            (1..MAX_ATTEMPTS).map(|attempt| delay_after(attempt, 0.0).unwrap().num_seconds()).sum();
        assert_eq!(total, 10 * 3_600 + 42 * 60 + 30);
        assert_eq!(delay_after(MAX_ATTEMPTS, 0.0), None);
    }
}
