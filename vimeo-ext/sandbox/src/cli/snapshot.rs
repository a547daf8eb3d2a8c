//! Exports and imports worlds as one file.

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

/// What to do with worlds.
#[derive(Debug, Subcommand)]
pub enum Snapshot {
    /// Write worlds to a file
    Export {
        /// Where the worlds are stored.
        #[command(flatten)]
        location: StateLocation,
        /// The credential for the control API.
        #[command(flatten)]
        control: remote::ControlCredential,
        /// Path of the file, or `-` for standard output
        file: PathBuf,
    },
    /// Import the worlds of a file; they replace worlds with the same number
    Import {
        /// Where to import the worlds.
        #[command(flatten)]
        location: StateLocation,
        /// The credential for the control API.
        #[command(flatten)]
        control: remote::ControlCredential,
        /// Path of the file
        file: PathBuf,
    },
}

/// A state folder or a running sandbox.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct StateLocation {
    /// Folder that was passed to `--state`; no sandbox may have it open
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// URL of a running sandbox
    #[arg(long, value_name = "URL")]
    url: Option<Url>,
}

/// The path of all worlds in the control API.
const STATE: &str = "/_sandbox/state";

impl Snapshot {
    /// Runs the subcommand.
    ///
    /// # Errors
    ///
    /// If the folder, the file or the sandbox cannot be used, or the worlds cannot be read.
    pub async fn run(&self) -> Result<(), CliError> {
        match self {
            Self::Export { location, control, file } => write(file, location.export(control).await?).await,
            Self::Import { location, control, file } => {
                let document = file::read(file, MAX_DOCUMENT_BYTES).await?;
                // Validate the document before anything changes.
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
                // Starting would create the folder, so a misspelled name would look like an empty state.
                if !tokio::fs::metadata(folder).await.is_ok_and(|found| found.is_dir()) {
                    return Err(CliError::Folder(folder.clone()));
                }
                let sandbox = Sandbox::builder().state(folder).start().await?;
                let document = sandbox.export_state();
                sandbox.stop().await;
                document.map(Bytes::from).map_err(state)
            }
            (None, None) => Err(missing_location()),
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
            (None, None) => Err(missing_location()),
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

fn missing_location() -> CliError {
    CliError::Input("missing --state or --url".to_owned())
}
