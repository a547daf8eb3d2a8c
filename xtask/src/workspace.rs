//! Where things are, and how commands fail.

use std::path::{Path, PathBuf};

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
