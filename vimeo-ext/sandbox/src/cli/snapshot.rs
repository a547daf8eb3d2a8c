//! Worlds as one file.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::{Args, Subcommand};
use http::Method;
use url::Url;

use super::{Failure, print, remote};
use crate::persistence;
use crate::sandbox::Sandbox;

/// What to do with worlds that are kept, or that a sandbox has.
#[derive(Debug, Subcommand)]
pub enum Snapshot {
    /// Write worlds to a file.
    Export {
        /// Where they are.
        #[command(flatten)]
        place: Place,
        /// The file, `-` for standard output.
        file: PathBuf,
    },
    /// Put the worlds of a file in place of those of the same number, and beside the others.
    Import {
        /// Where they go.
        #[command(flatten)]
        place: Place,
        /// The file.
        file: PathBuf,
    },
}

/// Where worlds are.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Place {
    /// The folder that was given to `--state`, while no sandbox has it open.
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// The address of a sandbox that runs.
    #[arg(long, value_name = "URL")]
    url: Option<Url>,
}

/// Where a sandbox that runs has its worlds.
const STATE: &str = "/_sandbox/state";

impl Snapshot {
    /// Does it.
    ///
    /// # Errors
    ///
    /// When the folder, the file or the sandbox cannot be used, or what they hold not be read.
    pub async fn run(&self) -> Result<(), Failure> {
        match self {
            Self::Export { place, file } => write(file, &place.export().await?).await,
            Self::Import { place, file } => {
                let failed =
                    |source| Failure::File { what: format!("cannot read {}", file.display()), source };
                let document = tokio::fs::read(file).await.map_err(failed)?;
                // Before anything is touched: what cannot be read leaves no trace.
                persistence::check(&document, &file.display().to_string()).map_err(state)?;
                place.import(document).await
            }
        }
    }
}

impl Place {
    async fn export(&self) -> Result<Bytes, Failure> {
        match (&self.url, &self.state) {
            (Some(url), _) => remote::exchange(url, Method::GET, STATE, Bytes::new()).await,
            (None, Some(folder)) => {
                // It would be made, and one that is misspelt taken for an empty one.
                if !tokio::fs::metadata(folder).await.is_ok_and(|found| found.is_dir()) {
                    return Err(Failure::Folder(folder.clone()));
                }
                let sandbox = Sandbox::builder().state(folder).start().await?;
                let document = sandbox.export_state();
                sandbox.stop().await;
                document.map(Bytes::from).map_err(state)
            }
            (None, None) => Err(nowhere()),
        }
    }

    async fn import(&self, document: Vec<u8>) -> Result<(), Failure> {
        match (&self.url, &self.state) {
            (Some(url), _) => {
                remote::exchange(url, Method::PUT, STATE, Bytes::from(document)).await.map(drop)
            }
            (None, Some(folder)) => {
                let sandbox = Sandbox::builder().state(folder).start().await?;
                let imported = sandbox.import_state(&document);
                sandbox.stop().await;
                imported.map(drop).map_err(state)
            }
            (None, None) => Err(nowhere()),
        }
    }
}

async fn write(file: &Path, document: &[u8]) -> Result<(), Failure> {
    if file == Path::new("-") {
        return print(&String::from_utf8_lossy(document));
    }
    let failed = |source| Failure::File { what: format!("cannot write {}", file.display()), source };
    tokio::fs::write(file, document).await.map_err(failed)
}

fn state(error: persistence::StateError) -> Failure {
    Failure::Start(error.into())
}

fn nowhere() -> Failure {
    Failure::Input("give --state or --url".to_owned())
}
