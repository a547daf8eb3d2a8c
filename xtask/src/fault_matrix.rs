//! `cargo xtask fault-matrix`.

use std::process::Command;

use crate::install;
use crate::workspace::{EXT_TESTS, Failure, root};

/// Shows what came of every break at every place of an upload; the test itself is vimeo-ext's and runs with all others.
pub(crate) fn run() -> Result<(), Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut test = Command::new(cargo);
    test.args(EXT_TESTS)
        .args(["--nocapture", "--exact"])
        .arg("upload_matrix::every_fault_at_every_place_ends_with_the_whole_file")
        .current_dir(root());
    install::finish(&mut test, "the fault matrix")
}
