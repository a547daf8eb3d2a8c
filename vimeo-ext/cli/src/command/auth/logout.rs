//! `vimeo auth logout`.

use clap::Args;
use vimeo_ext::AccessToken;

use crate::api::Cache;
use crate::config::TokenPlace;
use crate::context::{Context, CredentialSource, Identity, vault_name};
use crate::exit::{Exit, Failure, Result};

/// Forget an account and its token
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  $ vimeo auth logout --account anna")]
pub(crate) struct LogoutArgs {
    /// Also tell Vimeo to take the token no longer
    #[arg(long)]
    revoke: bool,
}

pub(crate) async fn run(context: &Context<'_>, args: &LogoutArgs) -> Result<Exit> {
    let kept = context.accounts().read()?;
    let Some((name, account)) = kept.find(context.global.account.as_deref())? else {
        return Err(Failure::new(Exit::Auth, "no account is logged in").next("vimeo auth login"));
    };
    if args.revoke {
        context.may_write("revoking a token")?;
        let token = context.token_of(name, account).await?;
        let client = context.client(Identity {
            from: CredentialSource::Account(name.to_owned()),
            base_url: account.base_url.clone(),
            token: Some(token.clone()),
            account: Some(account.clone()),
        })?;
        client.auth().revoke_token(&AccessToken::new(token)).await?;
    }
    // The secret first: an account without a token is seen, a token without an account is not.
    if account.token != TokenPlace::Command {
        context.vault(account.token).delete(&vault_name(name, &account.base_url)).map_err(|error| {
            Failure::new(Exit::Auth, format!("the token of account {name} cannot be removed: {error}"))
                .next("unlock the keyring and try again")
        })?;
    }
    // What was kept of its answers is nobody's after it.
    let cache = context.folders.cache();
    Cache::forget(&cache, name, &account.base_url)
        .map_err(|error| Failure::file("remove the kept answers in", &cache, &error))?;
    context.accounts().change(|kept| {
        kept.accounts.remove(name);
        if kept.active.as_deref() == Some(name) {
            kept.active = kept.accounts.keys().next().cloned();
        }
        Ok(())
    })?;
    context
        .streams
        .note(&format!("{name} is logged out{}", if args.revoke { ", its token is revoked" } else { "" }));
    Ok(Exit::Done)
}
