//! Installs pinned Python and Node packages under target/.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::workspace::{XtaskError, root};

/// Runs a command. Fails with its purpose if it cannot be started or does not succeed.
pub(crate) fn finish(command: &mut Command, purpose: &str) -> Result<(), XtaskError> {
    let program = PathBuf::from(command.get_program());
    let status = command.status().map_err(XtaskError::file(program))?;
    if status.success() { Ok(()) } else { Err(XtaskError::Command(format!("{purpose} failed: {status}"))) }
}

/// Installs Python packages and returns the interpreter. Needs `python3` with `venv`.
pub(crate) fn python(packages: &[&str]) -> Result<PathBuf, XtaskError> {
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

/// Copies a folder of xtask, installs its Node packages and returns the copy. Needs `npm`.
pub(crate) fn node(files: &str) -> Result<PathBuf, XtaskError> {
    let folder = root().join("target").join(files);
    fs::create_dir_all(&folder).map_err(XtaskError::file(&folder))?;
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join(files);
    for entry in fs::read_dir(&ours).map_err(XtaskError::file(&ours))? {
        let entry = entry.map_err(XtaskError::file(&ours))?;
        let copy = folder.join(entry.file_name());
        fs::copy(entry.path(), &copy).map_err(XtaskError::file(copy))?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--silent", "--no-audit", "--no-fund"]).current_dir(&folder);
    finish(&mut npm, "installing Node packages")?;
    Ok(folder)
}
