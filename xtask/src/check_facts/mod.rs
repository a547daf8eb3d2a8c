//! `cargo xtask check-facts`: compares the description with the facts in openapi/facts.

mod check;
mod document;
mod record;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::PathBuf;

use clap::Args;
use serde::de::DeserializeOwned;
use vimeo_gen::GenError;

use self::check::{Kind, Report};
use self::record::Facts;
use crate::workspace::{XtaskError, description};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The description: a file, or a folder of partial documents [default: openapi/].
    description: Option<PathBuf>,
    /// Print all missing facts, not only the first 12 of each kind.
    #[arg(long)]
    all: bool,
}

/// The number of missing facts of each kind that are shown without `--all`.
const FIRST_LINES: usize = 12;

/// Prints for each kind how many facts the description has and which it lacks. Fails if it lacks one.
pub(crate) fn run(arguments: &Arguments) -> Result<(), XtaskError> {
    let facts = load()?;
    let description = vimeo_gen::load(&arguments.description.clone().unwrap_or_else(description))?;
    let report = check::check(&facts, &description);
    print(&report, if arguments.all { usize::MAX } else { FIRST_LINES });
    match report.missing() {
        0 => Ok(()),
        missing => {
            Err(XtaskError::Differs(format!("the description lacks {missing} facts of openapi/facts")))
        }
    }
}

/// Reads openapi/facts.
fn load() -> Result<Facts, XtaskError> {
    let facts = Facts { operations: read("operations.json")?, schemas: read("schemas.json")? };
    match facts.unknown_schema() {
        None => Ok(facts),
        Some(name) => Err(GenError::new("openapi/facts", format!("no schema is called `{name}`")).into()),
    }
}

fn read<T: DeserializeOwned>(name: &str) -> Result<T, XtaskError> {
    let path = description().join("facts").join(name);
    let text = fs::read_to_string(&path).map_err(XtaskError::file(&path))?;
    let bad = |error: serde_json::Error| GenError::new(path.display().to_string(), error.to_string()).into();
    serde_json::from_str(&text).map_err(bad)
}

fn print(report: &Report, first: usize) {
    for kind in Kind::ALL {
        let missing: Vec<&str> = report.missing_of(kind).collect();
        let checked = report.checked(kind);
        println!("{kind}: {} of {checked}", checked.saturating_sub(missing.len()));
        for fact in missing.iter().take(first) {
            println!("    missing: {fact}");
        }
        if missing.len() > first {
            println!("    … and {} more; --all shows them", missing.len() - first);
        }
    }
    println!("{} missing; {} operations beyond the facts", report.missing(), report.extra_operations);
}
