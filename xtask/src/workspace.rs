//! Where things are, and how commands fail.

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

/// What cargo is told to run the integration tests of vimeo-ext: everywhere the same, so that nothing is built twice.
pub(crate) const EXT_TESTS: [&str; 8] =
    ["test", "--quiet", "--package", "vimeo-ext", "--all-features", "--test", "it", "--"];

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// The description.
pub(crate) fn description() -> PathBuf {
    root().join("openapi")
}

/// Builds a binary or an example, named as cargo names it, for debugging; gives its path.
pub(crate) fn binary(target: &[&str]) -> Result<PathBuf, Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(&cargo)
        .args(["build", "--quiet", "--message-format", "json-render-diagnostics"])
        .args(target)
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()
        .map_err(Failure::file(PathBuf::from(cargo)))?;
    let messages = String::from_utf8_lossy(&output.stdout);
    let built = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    // Dependencies come before what depends on them.
    let path = built.filter_map(|message| Some(message.get("executable")?.as_str()?.into())).next_back();
    path.ok_or_else(|| Failure::Command(format!("cargo built nothing for {}", target.join(" "))))
}
