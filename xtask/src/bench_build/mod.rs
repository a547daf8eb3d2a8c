//! `cargo xtask bench-build`.

mod generated;
mod hello;

use std::time::Duration;

use clap::Args;

use crate::workspace::XtaskError;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The number of builds of each program; the median counts.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Build with optimisations.
    #[arg(long)]
    release: bool,
    /// Instead, compare the generated crate with progenitor's output for the same description.
    #[arg(long, conflicts_with = "release")]
    generated: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), XtaskError> {
    if arguments.generated {
        generated::run(arguments.runs)
    } else {
        hello::run(arguments.runs, arguments.release)
    }
}

fn median(times: &[Duration]) -> f64 {
    let mut times = times.to_vec();
    times.sort();
    times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64)
}
