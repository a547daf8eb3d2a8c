//! `cargo xtask test-fault-matrix`.

use crate::artifacts;
use crate::install;
use crate::workspace::XtaskError;

/// Runs a test of vimeo-ext and prints its outcomes.
pub(crate) fn run() -> Result<(), XtaskError> {
    let mut test = artifacts::tests("vimeo-ext")?;
    test.args(["--nocapture", "--exact"]).arg("upload_matrix::every_fault_ends_with_the_whole_file");
    install::finish(&mut test, "the fault matrix")
}
