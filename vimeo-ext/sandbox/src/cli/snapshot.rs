//! Kept worlds as one file.

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::{Failure, print};
use crate::sandbox::Sandbox;

/// What to do with kept worlds, while no sandbox has their folder open.
#[derive(Debug, Subcommand)]
pub enum Snapshot {
    /// Write the worlds of a folder to a file, `-` for standard output.
    Export {
        /// The folder that was given to `--state`.
        #[arg(long)]
        state: PathBuf,
        /// The file.
        file: PathBuf,
    },
    /// Put the worlds of a file into a folder, in place of those of the same number.
    Import {
        /// The folder to be given to `--state`.
        #[arg(long)]
        state: PathBuf,
        /// The file.
        file: PathBuf,
    },
}

impl Snapshot {
    /// Does it.
    ///
    /// # Errors
    ///
    /// When the folder or the file cannot be used, or what they hold not be read.
    pub async fn run(&self) -> Result<(), Failure> {
        let (Self::Export { state, file } | Self::Import { state, file }) = self;
        let failed =
            |what: &str, source| Failure::File { what: format!("cannot {what} {}", file.display()), source };
        if matches!(self, Self::Export { .. }) && !state.is_dir() {
            let source = std::io::ErrorKind::NotFound.into();
            return Err(Failure::File { what: format!("cannot read {}", state.display()), source });
        }
        let document = match self {
            Self::Import { .. } => Some(std::fs::read(file).map_err(|source| failed("read", source))?),
            Self::Export { .. } => None,
        };
        let sandbox = Sandbox::builder().state(state).start().await?;
        let done = match document {
            Some(document) => {
                sandbox.import_state(&document).map(drop).map_err(|error| Failure::Start(error.into()))
            }
            None => {
                let document = sandbox.export_state().map_err(|error| Failure::Start(error.into()))?;
                match file == Path::new("-") {
                    true => print(&String::from_utf8_lossy(&document)),
                    false => std::fs::write(file, document).map_err(|source| failed("write", source)),
                }
            }
        };
        sandbox.stop().await;
        done
    }
}
