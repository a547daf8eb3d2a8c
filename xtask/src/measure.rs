//! Measures commands: wall-clock time, CPU time, and compiled crates.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4;

use crate::workspace::{XtaskError, cargo};

/// The measurements of a command.
pub(crate) struct Measured {
    status: ExitStatus,
    pub(crate) wall: Duration,
    /// CPU time of the command and its children.
    pub(crate) cpu: Duration,
    /// The number of packages that cargo compiled.
    pub(crate) crates: usize,
}

impl Measured {
    pub(crate) fn succeeded(&self, what: &str) -> Result<(), XtaskError> {
        match self.status.success() {
            true => Ok(()),
            false => Err(XtaskError::Command(format!("{what} failed: {}", self.status))),
        }
    }
}

/// Runs a command and forwards its output.
pub(crate) fn measure(command: &mut Command) -> Result<Measured, XtaskError> {
    let program = command.get_program().to_owned();
    let failed = || XtaskError::file(program.clone());
    let started = Instant::now();
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(failed())?;
    let mut compiled = BTreeSet::new();
    if let Some(output) = child.stderr.take() {
        for line in BufReader::new(output).lines() {
            let line = line.map_err(failed())?;
            if let Some(package) = compiled_package(&line) {
                compiled.insert(package.to_owned());
            }
            // A closed standard error is ignored.
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }
    let ended = child.wait4().map_err(failed())?;
    Ok(Measured {
        status: ended.status,
        wall: started.elapsed(),
        cpu: ended.rusage.utime.saturating_add(ended.rusage.stime),
        crates: compiled.len(),
    })
}

/// Returns the package of a line such as `   Compiling bytes v1.12.2`.
fn compiled_package(line: &str) -> Option<&str> {
    let package = line.trim_start().strip_prefix("Compiling ")?;
    Some(package.split(" (").next().unwrap_or(package))
}

/// Returns cargo for a folder, without the variables that the outer cargo set.
pub(crate) fn cargo_in(folder: &Path) -> Command {
    let mut command = cargo();
    command.current_dir(folder);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO") && text != "CARGO_HOME" || text.starts_with("RUSTFLAGS") {
            command.env_remove(&name);
        }
    }
    command
}

/// Returns the disk usage of a folder in bytes; hard links count once.
pub(crate) fn disk(folder: &Path) -> Result<u64, XtaskError> {
    let mut seen = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    let mut bytes = 0_u64;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(XtaskError::file(&folder))? {
            let path = entry.map_err(XtaskError::file(&folder))?.path();
            let metadata = fs::symlink_metadata(&path).map_err(XtaskError::file(&path))?;
            if metadata.is_dir() {
                folders.push(path);
            } else if seen.insert((metadata.dev(), metadata.ino())) {
                bytes = bytes.saturating_add(metadata.blocks().saturating_mul(512));
            }
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_packages_from_cargo_output() {
        assert_eq!(compiled_package("   Compiling bytes v1.12.2"), Some("bytes v1.12.2"));
        assert_eq!(compiled_package("   Compiling xtask v0.1.0 (/w/xtask)"), Some("xtask v0.1.0"));
        assert_eq!(compiled_package("    Finished `dev` profile in 1.2s"), None);
        assert_eq!(compiled_package("  Downloaded bytes v1.12.2"), None);
    }

    #[test]
    fn hard_links_count_once() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), vec![1; 100_000]).unwrap();
        let once = disk(folder.path()).unwrap();
        fs::hard_link(folder.path().join("a"), folder.path().join("b")).unwrap();
        assert_eq!(disk(folder.path()).unwrap(), once);
        assert!(once >= 100_000);
    }
}
