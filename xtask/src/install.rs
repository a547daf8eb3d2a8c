//! Installs pinned Python and Node packages under target/.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::process::wait;
use crate::workspace::{XtaskError, root};

/// How many lines of a failed command's standard error are shown.
const MAX_SHOWN_LINES: usize = 200;

/// How long pip and npm may take.
pub(crate) const INSTALL_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// How long the tests and the clients of one foreign program may take. They take at most a few minutes.
pub(crate) const TEST_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Runs a command. Fails with its purpose if it cannot be started or does not succeed.
pub(crate) fn finish(command: &mut Command, purpose: &str) -> Result<(), XtaskError> {
    let program = PathBuf::from(command.get_program());
    let status = command.status().map_err(XtaskError::file(program))?;
    if status.success() { Ok(()) } else { Err(XtaskError::Command(format!("{purpose} failed: {status}"))) }
}

/// Runs a command like [`finish`], without standard input. Kills it if it has not ended after `timeout`.
pub(crate) fn finish_within(
    timeout: Duration,
    command: &mut Command,
    purpose: &str,
) -> Result<(), XtaskError> {
    let program = PathBuf::from(command.get_program());
    let mut child = command.stdin(Stdio::null()).spawn().map_err(XtaskError::file(program))?;
    let status = wait(&mut child, purpose, timeout)?;
    if status.success() { Ok(()) } else { Err(XtaskError::Command(format!("{purpose} failed: {status}"))) }
}

/// Runs a command like [`finish`], and shows its standard error only if it fails: the last `MAX_SHOWN_LINES` of it.
pub(crate) fn finish_showing_failure(command: &mut Command, purpose: &str) -> Result<(), XtaskError> {
    let program = PathBuf::from(command.get_program());
    let child = command.stderr(Stdio::piped()).spawn().map_err(XtaskError::file(&program))?;
    let output = child.wait_with_output().map_err(XtaskError::file(&program))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(XtaskError::Command(format!("{purpose} failed: {}\n{}", output.status, last_lines(&text))))
}

fn last_lines(text: &str) -> String {
    let skipped = text.lines().count().saturating_sub(MAX_SHOWN_LINES);
    text.lines().skip(skipped).collect::<Vec<_>>().join("\n")
}

/// Installs Python packages, with the versions of `python/constraints.txt` for what they depend on, and returns the
/// interpreter. Needs `python3` with `venv`.
pub(crate) fn python(packages: &[&str]) -> Result<PathBuf, XtaskError> {
    python_in("venv", packages)
}

/// Installs Python packages in a virtual environment of their own, as [`python`] does.
pub(crate) fn python_in(environment: &str, packages: &[&str]) -> Result<PathBuf, XtaskError> {
    let folder = root().join("target").join(environment);
    let interpreter = folder.join("bin/python");
    if !is_complete(&folder) {
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv", "--clear"]).arg(&folder);
        finish_within(INSTALL_TIMEOUT, &mut venv, "making a virtual environment")?;
    }
    let mut pip = Command::new(&interpreter);
    let constraints = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/constraints.txt");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--constraint"]);
    pip.arg(constraints).args(packages);
    finish_within(INSTALL_TIMEOUT, &mut pip, "installing Python packages")?;
    Ok(interpreter)
}

/// Whether a folder is a virtual environment with pip, which `venv` installs last. Without Debian's `python3-venv`, and if it is
/// interrupted, `venv` leaves an environment without pip.
fn is_complete(environment: &Path) -> bool {
    environment.join("bin/python").exists() && environment.join("bin/pip").exists()
}

/// Returns a command of npm that prints nothing but errors.
pub(crate) fn npm(command: &str) -> Command {
    let mut npm = Command::new("npm");
    // `--silent` would leave out why a command failed.
    npm.args([command, "--loglevel=error", "--no-update-notifier", "--no-audit", "--no-fund"])
        .stdout(Stdio::null());
    npm
}

/// Copies a folder of xtask, installs its Node packages and returns the copy. Needs `npm`.
pub(crate) fn node(files: &str) -> Result<PathBuf, XtaskError> {
    node_packages(&Path::new(env!("CARGO_MANIFEST_DIR")).join(files), &root().join("target").join(files))
}

/// Copies the files of a folder, installs its Node packages and returns the copy. Needs `npm`.
pub(crate) fn node_packages(source: &Path, folder: &Path) -> Result<PathBuf, XtaskError> {
    fs::create_dir_all(folder).map_err(XtaskError::file(folder))?;
    for entry in fs::read_dir(source).map_err(XtaskError::file(source))? {
        let entry = entry.map_err(XtaskError::file(source))?;
        let copy = folder.join(entry.file_name());
        fs::copy(entry.path(), &copy).map_err(XtaskError::file(copy))?;
    }
    finish_within(INSTALL_TIMEOUT, npm("ci").current_dir(folder), "installing Node packages")?;
    Ok(folder.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_show_standard_error() {
        let shell = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            finish_showing_failure(&mut command, "a client")
        };
        assert!(shell("echo unimportant >&2").is_ok());
        let error = shell("echo the reason >&2; exit 3").unwrap_err().to_string();
        assert!(error.starts_with("a client failed: ") && error.contains("the reason"), "{error}");
    }

    #[test]
    fn a_command_ends_in_time_or_is_an_error() {
        let run = |timeout, program: &str, argument: &str| {
            finish_within(timeout, Command::new(program).arg(argument), "a client")
                .map_err(|error| error.to_string())
        };
        assert_eq!(run(TEST_TIMEOUT, "true", ""), Ok(()));
        assert_eq!(run(TEST_TIMEOUT, "false", ""), Err("a client failed: exit status: 1".to_owned()));
        let killed = "a client did not end within 0 s and was killed";
        assert_eq!(run(Duration::ZERO, "sleep", "30"), Err(killed.to_owned()));
    }

    #[test]
    fn an_environment_without_pip_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        fs::write(bin.join("python"), "").unwrap();
        assert!(!is_complete(folder.path()));
        fs::write(bin.join("pip"), "").unwrap();
        assert!(is_complete(folder.path()));
    }

    #[test]
    fn long_output_is_cut_to_its_end() {
        let text: String = (0..=MAX_SHOWN_LINES).map(|number| format!("{number}\n")).collect();
        let shown = last_lines(&text);
        assert_eq!((shown.lines().next(), shown.lines().count()), (Some("1"), MAX_SHOWN_LINES));
    }
}
