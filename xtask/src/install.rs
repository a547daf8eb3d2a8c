//! What other ecosystems provide: installed under target/, in versions that are named, and never anywhere else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::workspace::{Failure, root};

/// Runs a command to its end; one that cannot be started or does not succeed is a failure that says what it was for.
pub(crate) fn finish(command: &mut Command, purpose: &str) -> Result<(), Failure> {
    let program = PathBuf::from(command.get_program());
    let status = command.status().map_err(Failure::file(program))?;
    if status.success() { Ok(()) } else { Err(Failure::Command(format!("{purpose} failed: {status}"))) }
}

/// A Python with these packages; gives the interpreter. Needs `python3` with `venv`.
pub(crate) fn python(packages: &[&str]) -> Result<PathBuf, Failure> {
    let folder = root().join("target/venv");
    let interpreter = folder.join("bin/python");
    if !interpreter.exists() {
        finish(Command::new("python3").args(["-m", "venv"]).arg(&folder), "making target/venv")?;
    }
    let mut pip = Command::new(&interpreter);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages);
    finish(&mut pip, "installing Python packages")?;
    Ok(interpreter)
}

/// The files of a folder of xtask with their packages; gives the folder where they are together. Needs `npm`.
pub(crate) fn node(files: &str) -> Result<PathBuf, Failure> {
    let folder = root().join("target").join(files);
    fs::create_dir_all(&folder).map_err(Failure::file(&folder))?;
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join(files);
    for entry in fs::read_dir(&ours).map_err(Failure::file(&ours))? {
        let entry = entry.map_err(Failure::file(&ours))?;
        let copy = folder.join(entry.file_name());
        fs::copy(entry.path(), &copy).map_err(Failure::file(copy))?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--silent", "--no-audit", "--no-fund"]).current_dir(&folder);
    finish(&mut npm, "installing Node packages")?;
    Ok(folder)
}
