//! `vimeo auth logout`.

use clap::Args;
use vimeo_ext::AccessToken;

use crate::api::Cache;
use crate::config::TokenStorage;
use crate::context::{Context, Identity, secret_name};
use crate::exit::{CliError, ExitCode, Result};

/// Remove an account and its token
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  $ vimeo auth logout --account anna")]
pub(crate) struct LogoutArgs {
    /// Also revoke the token at Vimeo
    #[arg(long)]
    revoke: bool,
}

pub(crate) async fn run(context: &Context<'_>, args: &LogoutArgs) -> Result<ExitCode> {
    let stored = context.accounts().read()?;
    let Some((name, account)) = stored.find(context.global.account.as_deref())? else {
        return Err(
            CliError::new(ExitCode::Auth, "no account is logged in").with_next_step("vimeo auth login")
        );
    };
    if args.revoke {
        context.check_write_allowed("revoking a token")?;
        let token = context.token_of(name, account).await?;
        let client = context.client(Identity::of_account(name, account, Some(token.clone())))?;
        client.auth().revoke_token(&AccessToken::new(token)).await?;
    }
    // Delete the secret first: an account without a token is visible, a token without an account is not.
    if account.token != TokenStorage::Command {
        context.secret_store(account.token).delete(&secret_name(name, &account.base_url)).map_err(
            |error| {
                CliError::new(ExitCode::Auth, format!("cannot remove the token of account {name}: {error}"))
                    .with_next_step("unlock the keyring, then try again")
            },
        )?;
    }
    // The account's cached responses go with it.
    let cache = context.folders.cache();
    Cache::remove_account(&cache, name, &account.base_url)
        .map_err(|error| CliError::io("remove the cached responses in", &cache, &error))?;
    context.accounts().change(|file| {
        file.accounts.remove(name);
        if file.active.as_deref() == Some(name) {
            file.active = file.accounts.keys().next().cloned();
        }
        Ok(())
    })?;
    context.streams.note(&format!(
        "logged out of account {name}{}",
        if args.revoke { " and revoked its token" } else { "" }
    ));
    Ok(ExitCode::Done)
}
