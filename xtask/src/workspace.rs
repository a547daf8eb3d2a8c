//! Where things are, and how commands fail.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The description cannot be taken.
    #[error("{0}")]
    Description(#[from] vimeo_gen::Problem),
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

/// The cargo that runs this.
pub(crate) fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Builds a binary with these arguments of `cargo build`, such as a profile; gives its path. What is to be built as for tests
/// comes from [`artifacts`](crate::artifacts).
pub(crate) fn build(target: &[&str]) -> Result<PathBuf, Failure> {
    let output = Command::new(cargo())
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
