//! `vimeo accounts`: the store in which a product keeps its users' accounts.

mod link;
mod rotate_keys;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use serde_json::json;
use vimeo_ext::accounts::{Account, AccountId, AccountQuery, AccountsError, Status};

use super::store::{StoreArgs, accounts_error};
use crate::confirm;
use crate::context::Context;
use crate::exit::{ExitCode, Result};
use crate::output::Table;

/// Manage an account store of an application built with vimeo-ext
#[derive(Debug, Args)]
pub(crate) struct AccountsArgs {
    #[command(subcommand)]
    command: AccountsCommand,
}

#[derive(Debug, Subcommand)]
enum AccountsCommand {
    List(ListArgs),
    Show(ShowArgs),
    Link(link::LinkArgs),
    Verify(VerifyArgs),
    Disable(DisableArgs),
    Enable(EnableArgs),
    Disconnect(DisconnectArgs),
    RotateKeys(rotate_keys::RotateKeysArgs),
}

/// List the accounts of a store by ID
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    $ vimeo accounts list --store sqlite:accounts.db --status revoked\n  \
    $ vimeo accounts list --store sqlite:accounts.db --jq '.[].id'")]
pub(crate) struct ListArgs {
    /// Only accounts with this status
    #[arg(long, value_name = "STATUS", value_parser = statuses())]
    status: Option<Status>,
    /// Only accounts of this Vimeo user, e.g. /users/7
    #[arg(long, value_name = "URI")]
    user: Option<String>,
    /// Only accounts after this ID
    #[arg(long, value_name = "ID")]
    after: Option<String>,
    /// Maximum number of accounts
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    #[command(flatten)]
    store: StoreArgs,
}

/// Show an account
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  $ vimeo accounts show 'user 7' --store sqlite:accounts.db --json")]
pub(crate) struct ShowArgs {
    /// The application's ID for the account
    account: String,
    #[command(flatten)]
    store: StoreArgs,
}

/// Ask Vimeo whether an account's token is valid
///
/// Updates the account in the store: its scopes, or its status. If the account has to be linked again, the exit code
/// is 4.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  $ vimeo accounts verify 'user 7' --store sqlite:accounts.db")]
pub(crate) struct VerifyArgs {
    /// The application's ID for the account
    account: String,
    #[command(flatten)]
    store: StoreArgs,
}

/// Disable an account: its calls fail, and its token is kept
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    $ vimeo accounts disable 'user 7' --store sqlite:accounts.db --reason 'unpaid'")]
pub(crate) struct DisableArgs {
    /// The application's ID for the account
    account: String,
    /// Why, for people who read the account
    #[arg(long, value_name = "TEXT", default_value = "disabled with the vimeo command")]
    reason: String,
    #[command(flatten)]
    store: StoreArgs,
}

/// Enable a disabled account
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  $ vimeo accounts enable 'user 7' --store sqlite:accounts.db")]
pub(crate) struct EnableArgs {
    /// The application's ID for the account
    account: String,
    #[command(flatten)]
    store: StoreArgs,
}

/// Revoke an account's token at Vimeo and delete the account from the store
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  $ vimeo accounts disconnect 'user 7' --store sqlite:accounts.db --yes")]
pub(crate) struct DisconnectArgs {
    /// The application's ID for the account
    account: String,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    store: StoreArgs,
}

fn statuses() -> impl TypedValueParser<Value = Status> {
    PossibleValuesParser::new(Status::ALL.map(Status::as_str))
        .try_map(|name| Status::parse(&name).ok_or("unknown status"))
}

pub(crate) async fn run(context: &Context<'_>, args: AccountsArgs) -> Result<ExitCode> {
    // Rejects an invalid filter before anything is changed.
    context.filter()?;
    match args.command {
        AccountsCommand::List(args) => list(context, args).await,
        AccountsCommand::Show(args) => show(context, args).await,
        AccountsCommand::Link(args) => link::link(context, args).await,
        AccountsCommand::Verify(args) => verify(context, args).await,
        AccountsCommand::Disable(args) => disable(context, args).await,
        AccountsCommand::Enable(args) => enable(context, args).await,
        AccountsCommand::Disconnect(args) => disconnect(context, args).await,
        AccountsCommand::RotateKeys(args) => rotate_keys::rotate_keys(context, args).await,
    }
}

/// Parses an account ID of the command line.
fn account_id(text: &str) -> Result<AccountId> {
    AccountId::new(text).map_err(|error| accounts_error(error.into()))
}

async fn list(context: &Context<'_>, args: ListArgs) -> Result<ExitCode> {
    let mut query = AccountQuery::default().limit(args.limit);
    query.status = args.status;
    query.user = args.user;
    query.after = args.after.as_deref().map(account_id).transpose()?;
    let accounts = args.store.accounts(context).await?;
    let page = accounts.list(query).await.map_err(accounts_error)?;
    context.streams.start_pager();
    if context.wants_json() {
        context.print_json(&page.accounts).await?;
    } else {
        let mut table = Table::new(&["account", "status", "user", "expires", "changed"]);
        for account in &page.accounts {
            table.row([
                account.id.to_string(),
                account.status.to_string(),
                account.user.clone().unwrap_or_default(),
                account.expires.map(|time| time.format("%Y-%m-%d %H:%M").to_string()).unwrap_or_default(),
                account.changed_at.format("%Y-%m-%d %H:%M").to_string(),
            ]);
        }
        table.print(context.streams)?;
        if page.accounts.is_empty() {
            context.streams.hint("no accounts");
        }
    }
    if let Some(after) = page.next.and_then(|next| next.after) {
        context.streams.note(&format!("note: there may be more accounts; add --after '{after}'"));
    }
    Ok(ExitCode::Done)
}

async fn show(context: &Context<'_>, args: ShowArgs) -> Result<ExitCode> {
    let id = account_id(&args.account)?;
    let accounts = args.store.accounts(context).await?;
    let account = accounts.get(&id).await.map_err(accounts_error)?;
    let account = account.ok_or_else(|| accounts_error(AccountsError::UnknownAccount { account: id }))?;
    print_account(context, &account).await?;
    Ok(ExitCode::Done)
}

async fn verify(context: &Context<'_>, args: VerifyArgs) -> Result<ExitCode> {
    context.check_write_allowed("verifying an account")?;
    let id = account_id(&args.account)?;
    let accounts = args.store.accounts(context).await?;
    let account = accounts.verify(&id).await.map_err(accounts_error)?;
    print_account(context, &account).await?;
    match account.status {
        Status::Active => Ok(ExitCode::Done),
        status => Err(accounts_error(AccountsError::LoginRequired { account: id, status })),
    }
}

async fn disable(context: &Context<'_>, args: DisableArgs) -> Result<ExitCode> {
    context.check_write_allowed("disabling an account")?;
    let id = account_id(&args.account)?;
    let accounts = args.store.accounts(context).await?;
    print_account(context, &accounts.disable(&id, &args.reason).await.map_err(accounts_error)?).await?;
    Ok(ExitCode::Done)
}

async fn enable(context: &Context<'_>, args: EnableArgs) -> Result<ExitCode> {
    context.check_write_allowed("enabling an account")?;
    let id = account_id(&args.account)?;
    let accounts = args.store.accounts(context).await?;
    print_account(context, &accounts.enable(&id).await.map_err(accounts_error)?).await?;
    Ok(ExitCode::Done)
}

async fn disconnect(context: &Context<'_>, args: DisconnectArgs) -> Result<ExitCode> {
    context.check_write_allowed("disconnecting an account")?;
    let id = account_id(&args.account)?;
    let accounts = args.store.accounts(context).await?;
    if accounts.get(&id).await.map_err(accounts_error)?.is_none() {
        return Err(accounts_error(AccountsError::UnknownAccount { account: id }));
    }
    if !args.yes {
        let act = "revokes the account's token and deletes the account";
        confirm::confirm_by_name(context, act, "ID", id.as_str()).await?;
    }
    accounts.disconnect(&id).await.map_err(accounts_error)?;
    match context.wants_json() {
        true => context.print_json(&json!({"id": id, "disconnected": true})).await?,
        false => context.streams.note(&format!("disconnected {id}")),
    }
    Ok(ExitCode::Done)
}

async fn print_account(context: &Context<'_>, account: &Account) -> Result<()> {
    if context.wants_json() {
        return context.print_json(account).await;
    }
    let time = |time: chrono::DateTime<chrono::Utc>| time.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    let mut table = Table::new(&["field", "value"]);
    let scopes = account.scopes.as_ref().map(ToString::to_string);
    for (field, value) in [
        ("account", Some(account.id.to_string())),
        ("status", Some(account.status.to_string())),
        ("reason", account.reason.clone()),
        ("user", account.user.clone()),
        ("scopes", scopes),
        ("expires", account.expires.map(time)),
        ("version", Some(account.version.to_string())),
        ("created", Some(time(account.created_at))),
        ("changed", Some(time(account.changed_at))),
    ] {
        if let Some(value) = value {
            table.row([field.to_owned(), value]);
        }
    }
    Ok(table.print(context.streams)?)
}
