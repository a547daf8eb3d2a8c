//! Worlds as one file.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::{Args, Subcommand};
use http::Method;
use url::Url;

use super::{CliError, file, print, remote};
use crate::persistence;
use crate::persistence::MAX_DOCUMENT_BYTES;
use crate::sandbox::Sandbox;
use crate::world::snapshot;

/// What to do with worlds that are kept, or that a sandbox has.
#[derive(Debug, Subcommand)]
pub enum Snapshot {
    /// Write worlds to a file.
    Export {
        /// Where they are.
        #[command(flatten)]
        location: StateLocation,
        /// What the sandbox asks for.
        #[command(flatten)]
        control: remote::ControlCredential,
        /// The file, `-` for standard output.
        file: PathBuf,
    },
    /// Put the worlds of a file in place of those of the same number, and beside the others.
    Import {
        /// Where they go.
        #[command(flatten)]
        location: StateLocation,
        /// What the sandbox asks for.
        #[command(flatten)]
        control: remote::ControlCredential,
        /// The file.
        file: PathBuf,
    },
}

/// Where worlds are.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct StateLocation {
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
    pub async fn run(&self) -> Result<(), CliError> {
        match self {
            Self::Export { location, control, file } => write(file, location.export(control).await?).await,
            Self::Import { location, control, file } => {
                let document = file::read(file, MAX_DOCUMENT_BYTES).await?;
                // Before anything is touched: what cannot be read leaves no trace.
                snapshot::read_document(&document, &file.display().to_string()).map_err(state)?;
                location.import(control, document).await
            }
        }
    }
}

impl StateLocation {
    async fn export(&self, control: &remote::ControlCredential) -> Result<Bytes, CliError> {
        match (&self.url, &self.state) {
            (Some(url), _) => remote::exchange(control.at(url), Method::GET, STATE, Bytes::new()).await,
            (None, Some(folder)) => {
                // It would be made, and one that is misspelt taken for an empty one.
                if !tokio::fs::metadata(folder).await.is_ok_and(|found| found.is_dir()) {
                    return Err(CliError::Folder(folder.clone()));
                }
                let sandbox = Sandbox::builder().state(folder).start().await?;
                let document = sandbox.export_state();
                sandbox.stop().await;
                document.map(Bytes::from).map_err(state)
            }
            (None, None) => Err(nowhere()),
        }
    }

    async fn import(&self, control: &remote::ControlCredential, document: Vec<u8>) -> Result<(), CliError> {
        match (&self.url, &self.state) {
            (Some(url), _) => {
                remote::exchange(control.at(url), Method::PUT, STATE, Bytes::from(document)).await.map(drop)
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

async fn write(path: &Path, document: Bytes) -> Result<(), CliError> {
    if path == Path::new("-") {
        return print(&String::from_utf8_lossy(&document));
    }
    file::write(path, document.into()).await
}

fn state(error: persistence::StateError) -> CliError {
    CliError::Start(error.into())
}

fn nowhere() -> CliError {
    CliError::Input("give --state or --url".to_owned())
}
