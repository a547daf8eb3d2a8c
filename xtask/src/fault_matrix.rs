//! `cargo xtask fault-matrix`.

use crate::artifacts;
use crate::install;
use crate::workspace::Failure;

/// Shows what came of every break at every place of an upload; the test itself is vimeo-ext's and runs with all others.
pub(crate) fn run() -> Result<(), Failure> {
    let mut test = artifacts::tests("vimeo-ext")?;
    test.args(["--nocapture", "--exact"]).arg("upload_matrix::every_fault_ends_with_the_whole_file");
    install::finish(&mut test, "the fault matrix")
}
