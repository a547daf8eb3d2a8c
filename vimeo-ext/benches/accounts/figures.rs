//! The measured figures, next to their limits.

use std::fmt::Display;
use std::time::Duration;

use crate::AnyError;

#[derive(Default)]
pub(crate) struct Figures {
    missed: Vec<String>,
}

/// The unit of a figure.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    Millis,
    Micros,
    Bytes,
    Percent,
}

impl Unit {
    fn write(self, value: f64) -> String {
        match self {
            Self::Millis => format!("{value:.2} ms"),
            Self::Micros => format!("{value:.2} µs"),
            Self::Bytes => format!("{value:.0} B"),
            Self::Percent => format!("{value:.1} %"),
        }
    }
}

impl Figures {
    /// Prints a figure, and records it if it exceeds `most`.
    pub(crate) fn put(
        &mut self,
        place: impl Display,
        what: &str,
        (value, most): (f64, f64),
        unit: Unit,
        more: &str,
    ) {
        let verdict = if value <= most { "" } else { "  MISSED" };
        let (value, most) = (unit.write(value), unit.write(most));
        println!("{place:<11} {what:<44} {value:>12}  (at most {most}){more}{verdict}");
        if !verdict.is_empty() {
            self.missed.push(format!("{place}, {what}: {value}"));
        }
    }

    /// Prints the median of times, and their 99th percentile.
    pub(crate) fn times(
        &mut self,
        place: impl Display,
        what: &str,
        mut times: Vec<Duration>,
        most: Duration,
        unit: Unit,
    ) {
        times.sort_unstable();
        let scale = match unit {
            Unit::Micros => 1e6,
            _ => 1e3,
        };
        let at =
            |share: usize| times.get(times.len() * share / 100).map_or(0.0, Duration::as_secs_f64) * scale;
        let more = format!(", 99 of 100 within {}", unit.write(at(99)));
        self.put(place, what, (at(50), most.as_secs_f64() * scale), unit, &more);
    }

    pub(crate) fn verdict(self) -> Result<(), AnyError> {
        match self.missed.as_slice() {
            [] => Ok(()),
            missed => Err(format!("missed: {}", missed.join("; ")).into()),
        }
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
