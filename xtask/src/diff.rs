//! `cargo xtask diff OLD NEW`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use vimeo_gen::Change;

use crate::workspace::{XtaskError, description};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The older description: a file, or a folder of partial documents.
    old: PathBuf,
    /// The newer description [default: openapi/].
    new: Option<PathBuf>,
    /// Print the changes as JSON.
    #[arg(long)]
    json: bool,
    /// Print only the number of changes per area.
    #[arg(long)]
    summary: bool,
}

/// Prints the changes. Fails if there are breaking ones.
pub(crate) fn run(arguments: &Arguments) -> Result<(), XtaskError> {
    let new = arguments.new.clone().unwrap_or_else(description);
    let changes = vimeo_gen::diff(vimeo_gen::load(&arguments.old)?, vimeo_gen::load(&new)?)?;
    let breaking = changes.iter().filter(|change| change.breaking).count();
    if arguments.json {
        print_json(&changes);
    } else {
        print_text(&changes, arguments.summary);
    }
    if breaking == 0 { Ok(()) } else { Err(XtaskError::Differs(format!("{breaking} breaking changes"))) }
}

fn print_json(changes: &[Change]) {
    let changes: Vec<_> = changes
        .iter()
        .map(|change| {
            json!({
                "area": change.area,
                "breaking": change.breaking,
                "subject": change.subject.as_str(),
                "place": change.location,
                "difference": change.difference,
            })
        })
        .collect();
    println!("{:#}", json!({ "changes": changes }));
}

fn print_text(changes: &[Change], summary: bool) {
    for group in changes.chunk_by(|one, other| one.area == other.area) {
        let area = group.first().map(|change| change.area.as_str()).unwrap_or_default();
        let breaking = group.iter().filter(|change| change.breaking).count();
        println!("{area}: {} changes, {breaking} breaking", group.len());
        if !summary {
            for change in group {
                println!("  {change}");
            }
        }
    }
    println!("{} changes; ! marks breaking ones", changes.len());
}
