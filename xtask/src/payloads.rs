//! `cargo xtask payloads DIR`.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::artifacts;
use crate::install::finish;
use crate::workspace::Failure;

#[derive(Args)]
pub(crate) struct Arguments {
    /// A folder of recorded answers, a JSON file each.
    dir: PathBuf,
}

/// Runs the report of vimeo-api, which knows the types, and the tools over the fattest of the videos; this crate must build
/// without them, to write them.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let dir = std::path::absolute(&arguments.dir).map_err(Failure::file(&arguments.dir))?;
    let report = artifacts::example("vimeo-api", "payloads")?;
    let status = Command::new(&report).arg(&dir).status().map_err(Failure::file(report))?;
    if !status.success() {
        return Err(Failure::Command("not every recorded answer decodes".to_owned()));
    }
    let mut tests = artifacts::tests("vimeo-ext/agent")?;
    tests.args(["--exact", "tools::recorded::a_hundred_of_the_largest_recorded_videos_fit"]);
    tests.args(["--ignored", "--nocapture"]).env("VIMEO_RECORDED", &dir);
    finish(&mut tests, "the tools with the fattest recorded videos")
}
