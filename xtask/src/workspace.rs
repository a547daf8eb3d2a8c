//! Paths of the workspace, errors, and cargo.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// The error of a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum XtaskError {
    /// The description is invalid.
    #[error("{0}")]
    Description(#[from] vimeo_gen::GenError),
    /// The files on disk differ from the generated ones.
    #[error("{0}")]
    Differs(String),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The path.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A started command failed.
    #[error("{0}")]
    Command(String),
}

impl XtaskError {
    /// Returns the exit code: 2 for invalid input, like wrong arguments, otherwise 1.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Description(_) => 2,
            _ => 1,
        }
    }

    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}

/// Returns the root of the workspace.
pub(crate) fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// Returns the path of the description.
pub(crate) fn description() -> PathBuf {
    root().join("openapi")
}

/// Returns the cargo that runs this program, without the variables that it set for this package. Build scripts that depend on
/// them would run again, and their dependents would be rebuilt.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        if is_of_package(&name.to_string_lossy()) {
            command.env_remove(&name);
        }
    }
    command
}

/// Whether cargo sets this variable for the running package.
fn is_of_package(name: &str) -> bool {
    ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE"]
        .iter()
        .any(|start| name.starts_with(start))
}

/// Builds a binary with these arguments of `cargo build`, such as a profile, and returns its path. For test builds, use
/// [`artifacts`](crate::artifacts).
pub(crate) fn build(target: &[&str]) -> Result<PathBuf, XtaskError> {
    let output = cargo()
        .args(["build", "--quiet", "--message-format", "json-render-diagnostics"])
        .args(target)
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()
        .map_err(XtaskError::file("cargo"))?;
    let messages = String::from_utf8_lossy(&output.stdout);
    let built = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    // Dependencies come before what depends on them.
    let path = built.filter_map(|message| Some(message.get("executable")?.as_str()?.into())).next_back();
    path.ok_or_else(|| XtaskError::Command(format!("cargo built nothing for {}", target.join(" "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_runs_without_package_variables() {
        for name in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_LINKS", "CARGO_PKG_NAME", "CARGO_CRATE_NAME"] {
            assert!(is_of_package(name), "{name}");
        }
        for name in
            ["CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_INCREMENTAL", "CARGO_PROFILE_DEV_DEBUG", "CARGO"]
        {
            assert!(!is_of_package(name), "{name}");
        }
        let command = cargo();
        let kept = |name: &str| command.get_envs().all(|(removed, _)| removed != name);
        assert!(!kept("CARGO_MANIFEST_DIR") && kept("CARGO_HOME"));
    }
}
