//! `vimeo auth token`.

use clap::Args;
use secrecy::ExposeSecret;

use crate::context::Context;
use crate::exit::{CliError, ExitCode, Result};

/// Print the account's access token
///
/// Anyone with the token can act as you. It is printed on standard output and nowhere else.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  $ vimeo auth token --account anna")]
pub(crate) struct TokenArgs {}

pub(crate) async fn run(context: &Context<'_>) -> Result<ExitCode> {
    let identity = context.identity().await?;
    let Some(token) = identity.token else {
        return Err(CliError::new(
            ExitCode::Auth,
            "no user is logged in; tokens of app credentials are not stored",
        )
        .with_next_step("vimeo auth login"));
    };
    context.streams.line(token.expose_secret())?;
    Ok(ExitCode::Done)
}
