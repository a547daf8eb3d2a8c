//! `cargo xtask payloads DIR`.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::workspace::{Failure, root};

#[derive(Args)]
pub(crate) struct Arguments {
    /// A folder of recorded answers, a JSON file each.
    dir: PathBuf,
}

/// Runs the report of vimeo-api, which knows the types; this crate must build without it, to write it.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let dir = std::path::absolute(&arguments.dir).map_err(Failure::file(&arguments.dir))?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args([
            "run",
            "--quiet",
            "--package",
            "vimeo-api",
            "--features",
            "inspect",
            "--example",
            "payloads",
            "--",
        ])
        .arg(dir)
        .current_dir(root())
        .status()
        .map_err(Failure::file("cargo"))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::Command("not every recorded answer decodes".to_owned()))
    }
}
