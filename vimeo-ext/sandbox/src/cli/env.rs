//! The lines that configure clients for a sandbox.

use std::path::PathBuf;

use clap::Args;
use http::Method;
use url::Url;

use super::{CliError, file, print, remote};
pub use crate::control::clients::Client;
use crate::control::clients::lines;

/// The client and the sandbox to configure it for.
#[derive(Debug, Args)]
pub struct Env {
    /// The client to configure
    #[arg(long = "for", value_enum)]
    client: Client,
    /// URL of the sandbox; the URL of a world's own port selects that world
    #[arg(long, env = "VIMEO_BASE_URL", required_unless_present = "ready_file")]
    url: Option<Url>,
    /// Path that was passed to `--ready-file`
    #[arg(long, conflicts_with = "url")]
    ready_file: Option<PathBuf>,
    #[command(flatten)]
    control: remote::ControlCredential,
}

impl Env {
    /// Prints the lines.
    ///
    /// # Errors
    ///
    /// If the sandbox does not respond, or lacks the listener that the client needs.
    pub async fn run(&self) -> Result<(), CliError> {
        let line = match (&self.ready_file, &self.url) {
            (Some(path), _) => {
                let text = file::read_text(path).await?;
                serde_json::from_str(&text)
                    .map_err(|error| CliError::Input(format!("cannot read {}: {error}", path.display())))?
            }
            (None, Some(url)) => {
                remote::ask(self.control.at(url), Method::GET, "/_sandbox/worlds/this", None).await?
            }
            (None, None) => return Err(CliError::Input("missing --url or --ready-file".to_owned())),
        };
        let lines = lines(self.client, &line, self.control.token.as_ref())
            .map_err(|error| CliError::Input(error.to_string()))?;
        print(lines.trim_end())
    }
}
