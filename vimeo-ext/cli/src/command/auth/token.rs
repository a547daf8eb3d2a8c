//! `vimeo auth token`.

use clap::Args;
use secrecy::ExposeSecret;

use crate::context::Context;
use crate::exit::{Exit, Failure, Result};

/// Print the access token of the account, for another program
///
/// Whoever has it can act as you. It goes to standard output and nowhere else.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  $ vimeo auth token --account anna")]
pub(crate) struct TokenArgs {}

pub(crate) async fn run(context: &Context<'_>) -> Result<Exit> {
    let identity = context.identity().await?;
    let Some(token) = identity.token else {
        return Err(Failure::new(Exit::Auth, "only an app is logged in, its tokens are not kept")
            .next("vimeo auth login"));
    };
    context.streams.line(token.expose_secret())?;
    Ok(Exit::Done)
}
