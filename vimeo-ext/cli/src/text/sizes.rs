//! Formats and parses sizes and durations.

use std::time::Duration;

/// Formats a size, e.g. `12.3 MiB`; at most nine characters.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1024.0;
    let mut units = UNITS.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    while value >= 1023.95 {
        let Some(next) = units.next() else { break };
        (value, unit) = (value / 1024.0, next);
    }
    format!("{value:.1} {unit}")
}

/// Formats a duration: `2 h 5 min`, `1 min 5 s`, `5 s`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

/// Parses a size in bytes with an optional binary unit: `512k`, `10M`, `1.5G`.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(digits.len()..).unwrap_or_default().to_ascii_lowercase();
    let factor: u64 = match unit.trim_end_matches("ib").trim_end_matches('b') {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        "t" => 1 << 40,
        _ => return Err(format!("unknown unit `{unit}`; use k, M, G or T, e.g. 10M")),
    };
    let number: f64 =
        digits.trim().parse().map_err(|_| format!("invalid size `{text}`; use a size such as 10M"))?;
    let count = number * factor as f64;
    if !(1.0..=9e18).contains(&count) {
        return Err(format!("`{text}` is out of range"));
    }
    Ok(count as u64)
}

/// Parses a duration: `90`, `90s`, `5m`, `2h`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text.get(digits.len()..).unwrap_or_default() {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        unit => return Err(format!("unknown unit `{unit}`; use s, m or h, e.g. 5m")),
    };
    let number: f64 =
        digits.parse().map_err(|_| format!("invalid duration `{text}`; use a duration such as 90s or 5m"))?;
    Duration::try_from_secs_f64(number * factor).map_err(|_| format!("`{text}` is out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_sizes() {
        for (count, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1024 * 1024 - 1, "1.0 MiB"),
            (12_900_000, "12.3 MiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn parses_sizes_and_durations() {
        for (text, count) in
            [("10M", Some(10 << 20)), ("512k", Some(512 << 10)), ("1.5GiB", Some(3 << 29)), ("7", Some(7))]
        {
            assert_eq!(parse_bytes(text).ok(), count, "{text}");
        }
        for text in ["", "M", "-1M", "10x", "0", "1e30"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
        for (text, seconds) in [("90", 90.0), ("5m", 300.0), ("2h", 7200.0), ("1.5s", 1.5), ("250ms", 0.25)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", "s", "-1s", "5x", "soon"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn formats_durations_in_two_units() {
        for (seconds, text) in [(5, "5 s"), (65, "1 min 5 s"), (7500, "2 h 5 min")] {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
    }
}
