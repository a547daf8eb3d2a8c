//! A command as somebody waits for it: wall clock, processor time, and what cargo compiles in it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4;

use crate::workspace::{Failure, cargo};

/// What a command took.
pub(crate) struct Measured {
    status: ExitStatus,
    pub(crate) wall: Duration,
    /// Of the command and of all that it waited for.
    pub(crate) cpu: Duration,
    /// How many packages cargo said to compile.
    pub(crate) crates: usize,
}

impl Measured {
    pub(crate) fn succeeded(&self, what: &str) -> Result<(), Failure> {
        match self.status.success() {
            true => Ok(()),
            false => Err(Failure::Command(format!("{what} failed: {}", self.status))),
        }
    }
}

/// Runs a command to its end. What it says goes on to the terminal.
pub(crate) fn measure(command: &mut Command) -> Result<Measured, Failure> {
    let program = command.get_program().to_owned();
    let failed = || Failure::file(program.clone());
    let started = Instant::now();
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(failed())?;
    let mut compiled = BTreeSet::new();
    if let Some(told) = child.stderr.take() {
        for line in BufReader::new(told).lines() {
            let line = line.map_err(failed())?;
            if let Some(package) = compiled_package(&line) {
                compiled.insert(package.to_owned());
            }
            // Whoever has closed our standard error does not want to see it.
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

/// The package of a line such as `   Compiling bytes v1.12.2`.
fn compiled_package(line: &str) -> Option<&str> {
    let package = line.trim_start().strip_prefix("Compiling ")?;
    Some(package.split(" (").next().unwrap_or(package))
}

/// Cargo in a folder, without what the cargo that runs us has set for us.
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

/// How many bytes a folder takes up on the disk; a file with several names counts once.
pub(crate) fn disk(folder: &Path) -> Result<u64, Failure> {
    let mut seen = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    let mut bytes = 0_u64;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(Failure::file(&folder))? {
            let path = entry.map_err(Failure::file(&folder))?.path();
            let metadata = fs::symlink_metadata(&path).map_err(Failure::file(&path))?;
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
    fn packages_are_read_from_what_cargo_says() {
        assert_eq!(compiled_package("   Compiling bytes v1.12.2"), Some("bytes v1.12.2"));
        assert_eq!(compiled_package("   Compiling xtask v0.1.0 (/w/xtask)"), Some("xtask v0.1.0"));
        assert_eq!(compiled_package("    Finished `dev` profile in 1.2s"), None);
        assert_eq!(compiled_package("  Downloaded bytes v1.12.2"), None);
    }

    #[test]
    fn a_hard_link_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), vec![1; 100_000]).unwrap();
        let once = disk(folder.path()).unwrap();
        fs::hard_link(folder.path().join("a"), folder.path().join("b")).unwrap();
        assert_eq!(disk(folder.path()).unwrap(), once);
        assert!(once >= 100_000);
    }
}
