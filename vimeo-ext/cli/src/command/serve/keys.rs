//! `vimeo serve keys`: the API keys of the connector.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use vimeo_agent::tools::{Disclosure, Toolset};
use vimeo_connector::{AccountAccess, ApiKeyInfo, ApiKeys, KeyError, KeyId, KeyPolicy, RouteGroup};
use vimeo_ext::ScopeSet;

use super::ServiceStoreArgs;
use crate::command::store::KeyArgs;
use crate::context::Context;
use crate::exit::{CliError, ExitCode, Result};
use crate::output::Table;

/// Manage the API keys of the service
#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    Create(CreateArgs),
    List(ListArgs),
    Rotate(RotateArgs),
    Revoke(RevokeArgs),
}

/// The store of the service.
#[derive(Debug, Args)]
struct StoreArgs {
    #[command(flatten)]
    store: ServiceStoreArgs,
    #[command(flatten)]
    keys: KeyArgs,
}

impl StoreArgs {
    async fn api_keys(&self, create: bool) -> Result<ApiKeys> {
        Ok(ApiKeys::new(self.store.open(&self.keys, create).await?))
    }
}

/// Create an API key, and print it: it is shown only once
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    $ vimeo serve keys create 'my program'\n  \
    $ vimeo serve keys create agent --account-prefix team-7: --routes tools,mcp --allow publish --rate 600")]
pub(crate) struct CreateArgs {
    /// Name for people
    name: String,
    /// Only these accounts
    #[arg(long, value_name = "IDS", value_delimiter = ',', conflicts_with = "account_prefix")]
    accounts: Vec<String>,
    /// Only accounts whose ID starts with this
    #[arg(long, value_name = "TEXT")]
    account_prefix: Option<String>,
    /// Only these groups of routes [default: all]
    #[arg(long, value_name = "GROUPS", value_delimiter = ',', value_parser = route_groups())]
    routes: Vec<RouteGroup>,
    /// Offer these toolsets [default: read, library, social and webhooks]
    #[arg(long, value_name = "SETS", value_delimiter = ',', value_parser = toolsets())]
    toolset: Vec<Toolset>,
    /// Offer only tools that change nothing
    #[arg(long)]
    read_only_tools: bool,
    /// Allow tool calls that disclose something: publish, comments, webhooks, spend [default: none]
    #[arg(long, value_name = "KINDS", value_delimiter = ',', value_parser = disclosures())]
    allow: Vec<Disclosure>,
    /// Limit the key to these scopes of Vimeo's (comma-separated) [default: those of each account]
    #[arg(long, value_name = "SCOPES")]
    scopes: Option<String>,
    /// Requests per minute to each process of the service [default: no limit]
    #[arg(long, value_name = "N")]
    rate: Option<NonZeroU32>,
    #[command(flatten)]
    store: StoreArgs,
}

/// List the API keys
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  $ vimeo serve keys list --json")]
pub(crate) struct ListArgs {
    /// Only keys after this ID
    #[arg(long, value_name = "ID")]
    after: Option<String>,
    /// Maximum number of keys
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    #[command(flatten)]
    store: StoreArgs,
}

/// Replace the secret of an API key, and print the new key
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  $ vimeo serve keys rotate 0123456789abcdef --grace 24")]
pub(crate) struct RotateArgs {
    /// ID of the key
    id: String,
    /// Hours for which the old secret still works
    #[arg(long, value_name = "HOURS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=720))]
    grace: u32,
    #[command(flatten)]
    store: StoreArgs,
}

/// Revoke an API key: running processes accept it for 5 more seconds at most
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  $ vimeo serve keys revoke 0123456789abcdef")]
pub(crate) struct RevokeArgs {
    /// ID of the key
    id: String,
    #[command(flatten)]
    store: StoreArgs,
}

fn route_groups() -> impl TypedValueParser<Value = RouteGroup> {
    PossibleValuesParser::new(RouteGroup::ALL.map(RouteGroup::as_str))
        .try_map(|word| word.parse::<RouteGroup>())
}

fn toolsets() -> impl TypedValueParser<Value = Toolset> {
    PossibleValuesParser::new(Toolset::ALL.map(Toolset::as_str)).try_map(|word| word.parse::<Toolset>())
}

fn disclosures() -> impl TypedValueParser<Value = Disclosure> {
    PossibleValuesParser::new(Disclosure::ALL.map(Disclosure::as_str))
        .try_map(|word| word.parse::<Disclosure>())
}

pub(super) async fn run(context: &Context<'_>, args: KeysArgs) -> Result<ExitCode> {
    match args.command {
        KeysCommand::Create(args) => create(context, args).await?,
        KeysCommand::List(args) => list(context, args).await?,
        KeysCommand::Rotate(args) => {
            context.check_write_allowed("rotating an API key")?;
            let grace = Duration::from_secs(u64::from(args.grace) * 3600);
            let keys = args.store.api_keys(false).await?;
            let (info, key) = keys.rotate(&KeyId::new(args.id), grace).await.map_err(key_error)?;
            print_key(context, &info, &key).await?;
        }
        KeysCommand::Revoke(args) => {
            context.check_write_allowed("revoking an API key")?;
            let keys = args.store.api_keys(false).await?;
            keys.revoke(&KeyId::new(&args.id)).await.map_err(key_error)?;
            match context.wants_json() {
                true => context.print_json(&json!({"id": args.id, "revoked": true})).await?,
                false => context.streams.line(&format!("revoked {}", args.id))?,
            }
        }
    }
    Ok(ExitCode::Done)
}

async fn create(context: &Context<'_>, args: CreateArgs) -> Result<()> {
    context.check_write_allowed("creating an API key")?;
    let mut policy = KeyPolicy::new(args.name).toolsets(args.toolset).allow(args.allow);
    if let Some(prefix) = args.account_prefix {
        policy = policy.accounts(AccountAccess::Prefix(prefix));
    } else if !args.accounts.is_empty() {
        policy = policy.accounts(AccountAccess::Only(args.accounts.into_iter().collect()));
    }
    if !args.routes.is_empty() {
        policy = policy.routes(args.routes);
    }
    if args.read_only_tools {
        policy = policy.read_only();
    }
    if let Some(scopes) = args.scopes {
        policy = policy.scopes(ScopeSet::from(scopes));
    }
    if let Some(rate) = args.rate {
        policy = policy.requests_per_minute(rate);
    }
    let keys = args.store.api_keys(true).await?;
    let (info, key) = keys.create(policy).await.map_err(key_error)?;
    print_key(context, &info, &key).await
}

/// Prints a key that exists nowhere else.
async fn print_key(context: &Context<'_>, info: &ApiKeyInfo, key: &SecretString) -> Result<()> {
    if context.wants_json() {
        let mut value = json!(info);
        if let Some(members) = value.as_object_mut() {
            members.insert("key".to_owned(), key.expose_secret().into());
        }
        return context.print_json(&value).await;
    }
    context.streams.line(key.expose_secret())?;
    context.streams.hint("the key is stored nowhere: give it to the caller now");
    Ok(())
}

async fn list(context: &Context<'_>, args: ListArgs) -> Result<()> {
    let keys = args.store.api_keys(false).await?;
    let list = keys.list(args.after.map(KeyId::new).as_ref(), args.limit).await.map_err(key_error)?;
    context.streams.start_pager();
    if context.wants_json() {
        context.print_json(&list).await?;
    } else {
        let mut table = Table::new(&["id", "name", "accounts", "routes", "created"]);
        for key in &list {
            let accounts = match &key.policy.accounts {
                AccountAccess::All => "all".to_owned(),
                AccountAccess::Prefix(prefix) => format!("{prefix}*"),
                AccountAccess::Only(accounts) => accounts.iter().cloned().collect::<Vec<_>>().join(","),
            };
            let routes: Vec<&str> = key.policy.routes.iter().map(|group| group.as_str()).collect();
            let routes =
                if routes.len() == RouteGroup::ALL.len() { "all".to_owned() } else { routes.join(",") };
            let created = key.created_at.format("%Y-%m-%d").to_string();
            table.row([key.id.to_string(), key.policy.name.clone(), accounts, routes, created]);
        }
        table.print(context.streams)?;
        if list.is_empty() {
            context.streams.hint("no API keys; create one with vimeo serve keys create NAME");
        }
    }
    if let Some(last) =
        list.last().filter(|_| u32::try_from(list.len()).is_ok_and(|found| found == args.limit))
    {
        context.streams.note(&format!("note: there may be more keys; add --after {}", last.id));
    }
    Ok(())
}

fn key_error(error: KeyError) -> CliError {
    let text = error.to_string();
    match error {
        KeyError::Unknown(_) => {
            CliError::new(ExitCode::NotFound, text).with_next_step("vimeo serve keys list")
        }
        KeyError::Policy(_) => CliError::usage(text),
        KeyError::Contended(_) | KeyError::Store(_) => CliError::new(ExitCode::Temporary, text),
        _ => CliError::new(ExitCode::Other, text),
    }
}
