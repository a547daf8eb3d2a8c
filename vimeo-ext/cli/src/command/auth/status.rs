//! `vimeo auth status`.

use clap::Args;
use serde::Serialize;
use vimeo_ext::{AccessToken, ScopeSet};

use crate::config::{Account, TokenPlace};
use crate::context::{Context, CredentialSource, Identity};
use crate::exit::{Exit, Failure, Result};
use crate::output::plain;

/// Show the accounts, where their tokens are kept, and whether Vimeo takes them
#[derive(Debug, Args)]
#[command(
    after_help = "Exit code 4 when none works.\n\nExamples:\n  $ vimeo auth status\n  $ vimeo auth status --json"
)]
pub(crate) struct StatusArgs {}

/// The promised form of `--json`.
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

pub(crate) async fn run(context: &Context<'_>) -> Result<Exit> {
    let mut accounts = Vec::new();
    let from_environment =
        context.global.sandbox || crate::context::variable("VIMEO_ACCESS_TOKEN")?.is_some();
    if from_environment {
        let identity = context.identity().await?;
        let token = if identity.from == CredentialSource::Sandbox { "sandbox" } else { "environment" };
        accounts.push(look(context, identity, token, true).await?);
    }
    if !context.global.sandbox {
        let kept = context.accounts().read()?;
        let wanted = context.global.account.as_deref();
        for (name, account) in
            kept.accounts.iter().filter(|(name, _)| wanted.is_none_or(|wanted| wanted == *name))
        {
            let active = !from_environment && kept.active.as_ref() == Some(name);
            accounts.push(of_account(context, name, account, active).await?);
        }
    }
    let works = accounts.iter().any(|standing| standing.state == "valid");
    let nobody = accounts.is_empty();
    show(context, Status { accounts }).await?;
    match (works, nobody) {
        (true, _) => Ok(Exit::Done),
        (false, true) => Err(Failure::new(Exit::Auth, "nobody is logged in").next("vimeo auth login")),
        (false, false) => Err(Failure::new(Exit::Auth, "no account works").next("vimeo auth login")),
    }
}

async fn of_account(
    context: &Context<'_>,
    name: &str,
    account: &Account,
    active: bool,
) -> Result<AuthStatus> {
    let place = match account.token {
        TokenPlace::Keyring => "keyring",
        TokenPlace::InsecureFile => "insecure-file",
        TokenPlace::Command => "command",
    };
    let identity = Identity {
        from: CredentialSource::Account(name.to_owned()),
        base_url: account.base_url.clone(),
        token: None,
        account: Some(account.clone()),
    };
    match context.token_of(name, account).await {
        Ok(token) => look(context, Identity { token: Some(token), ..identity }, place, active).await,
        Err(failure) => Ok(standing(&identity, place, active, "missing", Some(failure.message().to_owned()))),
    }
}

async fn look(
    context: &Context<'_>,
    identity: Identity,
    place: &'static str,
    active: bool,
) -> Result<AuthStatus> {
    let mut seen = standing(&identity, place, active, "valid", None);
    let Some(token) = identity.token.clone() else { return Ok(seen) };
    let client = context.client(identity)?;
    match client.auth().verify_token(&AccessToken::new(token)).await {
        Ok(grant) => {
            seen.scopes = grant.scopes().map(words).or(seen.scopes);
            if let Some(user) = &grant.user {
                seen.user = user.uri.clone();
                seen.display_name = user.name.clone();
            }
        }
        Err(error) => {
            let refused = error.call().is_some_and(|call| call.is_unauthorized() || call.is_forbidden());
            seen.state = if refused { "refused" } else { "unreachable" };
            seen.reason = Some(Failure::from(error).message().to_owned());
        }
    }
    Ok(seen)
}

fn standing(
    identity: &Identity,
    token: &'static str,
    active: bool,
    state: &'static str,
    reason: Option<String>,
) -> AuthStatus {
    let account = identity.account.as_ref();
    AuthStatus {
        name: match &identity.from {
            CredentialSource::Account(name) => Some(name.clone()),
            _ => None,
        },
        active,
        user: account.and_then(|account| account.user.clone()),
        display_name: account.and_then(|account| account.display_name.clone()),
        base_url: identity.base_url.clone(),
        scopes: account.and_then(|account| account.scopes.as_ref()).map(words),
        expires: account.and_then(|account| account.expires).map(|at| at.to_rfc3339()),
        token,
        state,
        reason,
    }
}

fn words(scopes: &ScopeSet) -> Vec<String> {
    scopes.iter().map(ToString::to_string).collect()
}

async fn show(context: &Context<'_>, status: Status) -> Result<()> {
    if context.global.json.is_some() || context.global.jq.is_some() {
        return context.document(&status).await;
    }
    let (streams, paint) = (context.streams, context.streams.paint());
    for standing in &status.accounts {
        let mark = if standing.state == "valid" { paint.green("✓") } else { paint.red("✗") };
        let name = standing.name.as_deref().unwrap_or(match standing.token {
            "sandbox" => "the sandbox",
            _ => "VIMEO_ACCESS_TOKEN",
        });
        let active = if standing.active { " (active)" } else { "" };
        streams.line(&format!("{mark} {}{active}", paint.bold(name)))?;
        let who = [standing.display_name.as_deref(), standing.user.as_deref()];
        let who: Vec<String> = who.into_iter().flatten().map(plain).collect();
        if !who.is_empty() {
            streams.line(&format!("  user:   {}", who.join(", ")))?;
        }
        streams.line(&format!("  api:    {}", plain(&standing.base_url)))?;
        if let Some(scopes) = &standing.scopes {
            streams.line(&format!("  scopes: {}", plain(&scopes.join(" "))))?;
        }
        if let Some(expires) = &standing.expires {
            streams.line(&format!("  until:  {}", plain(expires)))?;
        }
        let kept = match standing.token {
            "insecure-file" => paint.yellow("in clear in a file, because --insecure-storage asked for it"),
            "keyring" => "in the system's keyring".to_owned(),
            "command" => "printed by a command".to_owned(),
            other => format!("from the {other}"),
        };
        streams.line(&format!("  token:  {kept}"))?;
        if let Some(reason) = &standing.reason {
            streams.line(&format!("  {}: {}", standing.state, plain(reason)))?;
        }
    }
    Ok(())
}
