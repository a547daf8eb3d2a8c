//! `vimeo accounts link`: connects an account.

use clap::Args;
use secrecy::zeroize::Zeroizing;
use serde_json::json;
use vimeo_ext::accounts::{AccountId, Accounts, LinkedAccount};
use vimeo_ext::{AccessToken, Scope};

use super::{account_id, print_account};
use crate::command::auth::{CallbackServer, open_browser};
use crate::command::store::{StoreArgs, accounts_error};
use crate::context::Context;
use crate::credentials;
use crate::exit::{CliError, ExitCode, Result};
use crate::output::sanitize;

/// Connect an account: by a login in the browser, or with an existing token
///
/// Without --redirect-uri, the browser comes back to this machine, and the command completes the login. With it, the
/// command prints the authorization link, and the application that answers at that address completes the login.
#[derive(Debug, Args)]
#[command(
    after_help = "A login needs the app's client ID in VIMEO_CLIENT_ID and its client secret in VIMEO_CLIENT_SECRET.\n\n\
    Examples:\n  \
    $ vimeo accounts link 'user 7' --store sqlite:accounts.db --redirect-uri https://example.com/callback\n  \
    $ vimeo accounts link 'user 7' --store sqlite:accounts.db --with-token < token.txt\n\n\
    Redirect URI to register for the app: http://127.0.0.1:8976/callback"
)]
pub(crate) struct LinkArgs {
    /// The application's ID for the account; it is created if it does not exist
    account: String,

    /// Read the token from standard input
    #[arg(long)]
    with_token: bool,

    /// Scopes to request (comma-separated)
    #[arg(
        long,
        value_name = "SCOPES",
        default_value = "public,private,create,edit,delete,interact,upload,stats"
    )]
    scopes: String,

    /// Address of the application that completes the login
    #[arg(long, value_name = "URL")]
    redirect_uri: Option<String>,

    /// Print the authorization link instead of opening a browser
    #[arg(long)]
    no_browser: bool,

    /// Local port of the redirect URI; 0 picks a free port
    #[arg(long, value_name = "PORT", default_value_t = 8976)]
    redirect_port: u16,

    /// Create the store's SQLite file if it does not exist
    #[arg(long)]
    create_store: bool,

    #[command(flatten)]
    store: StoreArgs,
}

pub(super) async fn link(context: &Context<'_>, args: LinkArgs) -> Result<ExitCode> {
    context.check_write_allowed("linking an account")?;
    let id = account_id(&args.account)?;
    if args.with_token {
        let token = read_token(context).await?;
        let accounts = args.store.open(context, args.create_store, None).await?;
        let linked = accounts.connect_with_token(&id, token).await.map_err(accounts_error)?;
        return report(context, linked).await;
    }
    if let Some(uri) = args.redirect_uri.clone() {
        let accounts = args.store.open(context, args.create_store, Some(uri)).await?;
        let link = accounts.authorization_link(&id, args.scopes.as_str()).await.map_err(accounts_error)?;
        match context.wants_json() {
            true => context.print_json(&json!({"id": id, "link": link.as_str()})).await?,
            false => context.streams.line(link.as_str())?,
        }
        return Ok(ExitCode::Done);
    }
    let loopback = CallbackServer::listen(args.redirect_port).await?;
    let accounts = args.store.open(context, args.create_store, Some(loopback.redirect_uri())).await?;
    let linked = log_in(context, &args, &id, &accounts, &loopback).await?;
    report(context, linked).await
}

/// Sends the person to Vimeo, and completes the login when the browser comes back.
async fn log_in(
    context: &Context<'_>,
    args: &LinkArgs,
    id: &AccountId,
    accounts: &Accounts,
    loopback: &CallbackServer,
) -> Result<LinkedAccount> {
    let link = accounts.authorization_link(id, args.scopes.as_str()).await.map_err(accounts_error)?;
    let state = link.query_pairs().find(|(name, _)| name == "state").map(|(_, state)| state.into_owned());
    let state = state.unwrap_or_default();
    let opened = !args.no_browser && context.streams.can_prompt() && open_browser(link.as_str());
    let instruction = if opened { "Opening your browser. If it does not open, go to" } else { "Go to" };
    context.streams.note(&format!("{instruction}\n  {link}\n"));
    let callback = loopback.callback(&state).await?;
    accounts.complete_for(id, &callback).await.map_err(accounts_error)
}

async fn read_token(context: &Context<'_>) -> Result<AccessToken> {
    if context.streams.in_is_terminal() {
        context.streams.note("Paste the token, then press Ctrl-D:");
    }
    let text = Zeroizing::new(context.streams.read_input("-").await?);
    let token = std::str::from_utf8(&text).ok().and_then(credentials::parse_token);
    token.map(AccessToken::new).ok_or_else(|| {
        CliError::usage("standard input contains no token")
            .with_next_step("vimeo accounts link ID --with-token < token.txt")
    })
}

async fn report(context: &Context<'_>, linked: LinkedAccount) -> Result<ExitCode> {
    print_account(context, &linked.account).await?;
    if !linked.missing_scopes.is_empty() {
        let missing: Vec<&str> = linked.missing_scopes.iter().map(Scope::as_str).collect();
        context.streams.note(&format!("note: scopes not granted: {}", sanitize(&missing.join(", "))));
    }
    Ok(ExitCode::Done)
}
