//! `vimeo auth status`.

use clap::Args;
use serde::Serialize;
use vimeo_ext::{AccessToken, ScopeSet};

use crate::config::{Account, TokenStorage};
use crate::context::{Context, CredentialSource, Identity};
use crate::exit::{CliError, ExitCode, Result};
use crate::output::sanitize;

/// Show accounts, their token storage and whether their tokens are valid
#[derive(Debug, Args)]
#[command(
    after_help = "Exit code 4 if no token is valid.\n\nExamples:\n  $ vimeo auth status\n  $ vimeo auth status --json"
)]
pub(crate) struct StatusArgs {}

/// The stable format of `--json`.
#[derive(Serialize)]
struct Status {
    accounts: Vec<AuthStatus>,
}

#[derive(Serialize)]
struct AuthStatus {
    /// `null` for the environment's token.
    name: Option<String>,
    active: bool,
    user: Option<String>,
    display_name: Option<String>,
    base_url: String,
    scopes: Option<Vec<String>>,
    expires: Option<String>,
    /// `keyring`, `insecure-file`, `command`, `environment` or `sandbox`.
    token: &'static str,
    /// `valid`, `refused`, `missing` or `unreachable`.
    state: &'static str,
    /// Why it is not valid.
    reason: Option<String>,
}

pub(crate) async fn run(context: &Context<'_>) -> Result<ExitCode> {
    let mut accounts = Vec::new();
    let from_environment = context.global.sandbox || crate::context::env_var("VIMEO_ACCESS_TOKEN")?.is_some();
    if from_environment {
        let identity = context.identity().await?;
        let token = if identity.source == CredentialSource::Sandbox { "sandbox" } else { "environment" };
        accounts.push(inspect(context, identity, token, true).await?);
    }
    if !context.global.sandbox {
        let stored = context.accounts().read()?;
        let selected = context.global.account.as_deref();
        for (name, account) in
            stored.accounts.iter().filter(|(name, _)| selected.is_none_or(|selected| selected == *name))
        {
            let active = !from_environment && stored.active.as_ref() == Some(name);
            accounts.push(inspect_account(context, name, account, active).await?);
        }
    }
    let any_valid = accounts.iter().any(|account| account.state == "valid");
    let none_stored = accounts.is_empty();
    show(context, Status { accounts }).await?;
    match (any_valid, none_stored) {
        (true, _) => Ok(ExitCode::Done),
        (false, true) => {
            Err(CliError::new(ExitCode::Auth, "not logged in").with_next_step("vimeo auth login"))
        }
        (false, false) => {
            Err(CliError::new(ExitCode::Auth, "no account has a valid token")
                .with_next_step("vimeo auth login"))
        }
    }
}

async fn inspect_account(
    context: &Context<'_>,
    name: &str,
    account: &Account,
    active: bool,
) -> Result<AuthStatus> {
    let storage = match account.token {
        TokenStorage::Keyring => "keyring",
        TokenStorage::InsecureFile => "insecure-file",
        TokenStorage::Command => "command",
    };
    let identity = |token| Identity::of_account(name, account, token);
    match context.token_of(name, account).await {
        Ok(token) => inspect(context, identity(Some(token)), storage, active).await,
        Err(failure) => {
            Ok(auth_status(&identity(None), storage, active, "missing", Some(failure.message().to_owned())))
        }
    }
}

async fn inspect(
    context: &Context<'_>,
    identity: Identity,
    storage: &'static str,
    active: bool,
) -> Result<AuthStatus> {
    let mut status = auth_status(&identity, storage, active, "valid", None);
    let Some(token) = identity.token.clone() else { return Ok(status) };
    let client = context.client(identity)?;
    match client.auth().verify_token(&AccessToken::new(token)).await {
        Ok(grant) => {
            status.scopes = grant.scopes().map(scope_names).or(status.scopes);
            if let Some(user) = &grant.user {
                status.user = user.uri.clone();
                status.display_name = user.name.clone();
            }
        }
        Err(error) => {
            let refused = error.call().is_some_and(|call| call.is_unauthorized() || call.is_forbidden());
            status.state = if refused { "refused" } else { "unreachable" };
            status.reason = Some(CliError::from(error).message().to_owned());
        }
    }
    Ok(status)
}

fn auth_status(
    identity: &Identity,
    token: &'static str,
    active: bool,
    state: &'static str,
    reason: Option<String>,
) -> AuthStatus {
    let account = identity.account.as_ref();
    AuthStatus {
        name: identity.account_name().map(str::to_owned),
        active,
        user: account.and_then(|account| account.user.clone()),
        display_name: account.and_then(|account| account.display_name.clone()),
        base_url: identity.base_url.clone(),
        scopes: account.and_then(|account| account.scopes.as_ref()).map(scope_names),
        expires: account.and_then(|account| account.expires).map(|at| at.to_rfc3339()),
        token,
        state,
        reason,
    }
}

fn scope_names(scopes: &ScopeSet) -> Vec<String> {
    scopes.iter().map(ToString::to_string).collect()
}

async fn show(context: &Context<'_>, status: Status) -> Result<()> {
    if context.wants_json() {
        return context.print_json(&status).await;
    }
    let (streams, paint) = (context.streams, context.streams.paint());
    for account in &status.accounts {
        let mark = if account.state == "valid" { paint.green("✓") } else { paint.red("✗") };
        let name = account.name.as_deref().unwrap_or(match account.token {
            "sandbox" => "sandbox",
            _ => "VIMEO_ACCESS_TOKEN",
        });
        let active = if account.active { " (active)" } else { "" };
        streams.line(&format!("{mark} {}{active}", paint.bold(name)))?;
        let who = [account.display_name.as_deref(), account.user.as_deref()];
        let who: Vec<String> = who.into_iter().flatten().map(sanitize).collect();
        if !who.is_empty() {
            streams.line(&format!("  user:    {}", who.join(", ")))?;
        }
        streams.line(&format!("  api:     {}", sanitize(&account.base_url)))?;
        if let Some(scopes) = &account.scopes {
            streams.line(&format!("  scopes:  {}", sanitize(&scopes.join(" "))))?;
        }
        if let Some(expires) = &account.expires {
            streams.line(&format!("  expires: {}", sanitize(expires)))?;
        }
        let storage = match account.token {
            "insecure-file" => paint.yellow("stored unencrypted in a file (--insecure-storage)"),
            "keyring" => "stored in the system keyring".to_owned(),
            "command" => "from a token command".to_owned(),
            other => format!("from the {other}"),
        };
        streams.line(&format!("  token:   {storage}"))?;
        if let Some(reason) = &account.reason {
            streams.line(&format!("  {}: {}", account.state, sanitize(reason)))?;
        }
    }
    Ok(())
}
