//! Where things are, and how commands fail.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The description cannot be taken.
    #[error("{0}")]
    Description(#[from] vimeo_gen::GenError),
    /// What is on disk is not what would be generated; the text says how they differ.
    #[error("{0}")]
    Differs(String),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A command that was started failed; it said why itself.
    #[error("{0}")]
    Command(String),
}

impl Failure {
    /// 2 for input that cannot be taken, as for wrong arguments; 1 for everything else.
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

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// The description.
pub(crate) fn description() -> PathBuf {
    root().join("openapi")
}

/// The cargo that runs this, without what it has set in our environment about our own package: build scripts that look at
/// such a variable would run again, and all that depends on them would be built again.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        if is_of_package(&name.to_string_lossy()) {
            command.env_remove(&name);
        }
    }
    command
}

/// Whether cargo sets this variable for the package that it runs.
fn is_of_package(name: &str) -> bool {
    ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE"]
        .iter()
        .any(|start| name.starts_with(start))
}

/// Builds a binary with these arguments of `cargo build`, such as a profile; gives its path. What is to be built as for tests
/// comes from [`artifacts`](crate::artifacts).
pub(crate) fn build(target: &[&str]) -> Result<PathBuf, Failure> {
    let output = cargo()
        .args(["build", "--quiet", "--message-format", "json-render-diagnostics"])
        .args(target)
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()
        .map_err(Failure::file("cargo"))?;
    let messages = String::from_utf8_lossy(&output.stdout);
    let built = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    // Dependencies come before what depends on them.
    let path = built.filter_map(|message| Some(message.get("executable")?.as_str()?.into())).next_back();
    path.ok_or_else(|| Failure::Command(format!("cargo built nothing for {}", target.join(" "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_our_package_do_not_reach_another_cargo() {
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
