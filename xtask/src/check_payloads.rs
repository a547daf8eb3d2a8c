//! `cargo xtask check-payloads DIR`.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::artifacts;
use crate::install::finish;
use crate::workspace::XtaskError;

#[derive(Args)]
pub(crate) struct Arguments {
    /// A folder of recorded responses, one JSON file each.
    dir: PathBuf,
}

/// Runs an example of vimeo-api, and a test of the tools with the largest videos. xtask cannot depend on the generated crate.
pub(crate) fn run(arguments: &Arguments) -> Result<(), XtaskError> {
    let dir = std::path::absolute(&arguments.dir).map_err(XtaskError::file(&arguments.dir))?;
    let report = artifacts::example("vimeo-api", "payloads")?;
    let status = Command::new(&report).arg(&dir).status().map_err(XtaskError::file(report))?;
    if !status.success() {
        return Err(XtaskError::Command("some recorded responses do not decode".to_owned()));
    }
    let mut tests = artifacts::tests("vimeo-ext/agent")?;
    tests.args(["--exact", "tools::recorded::a_hundred_of_the_largest_recorded_videos_fit"]);
    tests.args(["--ignored", "--nocapture"]).env("VIMEO_RECORDED", &dir);
    finish(&mut tests, "the tools with the largest recorded videos")
}
