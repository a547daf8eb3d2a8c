//! `cargo xtask payloads DIR`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::install::finish;
use crate::workspace::{EXT_TESTS, Failure, root};

#[derive(Args)]
pub(crate) struct Arguments {
    /// A folder of recorded answers, a JSON file each.
    dir: PathBuf,
}

/// Runs the report of vimeo-api, which knows the types, and the tools over the fattest of the videos; this crate must build
/// without them, to write them.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let dir = std::path::absolute(&arguments.dir).map_err(Failure::file(&arguments.dir))?;
    let status = Command::new(cargo())
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
        .arg(&dir)
        .current_dir(root())
        .status()
        .map_err(Failure::file("cargo"))?;
    if !status.success() {
        return Err(Failure::Command("not every recorded answer decodes".to_owned()));
    }
    let mut tests = Command::new(cargo());
    tests.args(EXT_TESTS).args(["--exact", "tools::recorded::a_hundred_of_the_fattest_recorded_videos_fit"]);
    tests.args(["--ignored", "--nocapture"]).env("VIMEO_RECORDED", &dir).current_dir(root());
    finish(&mut tests, "the tools with the fattest recorded videos")
}

fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
