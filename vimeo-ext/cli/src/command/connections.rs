//! `vimeo connections`: an app's credentials and an access token, stored under a name.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde::de::DeserializeOwned;
use serde_json::json;
use vimeo_ext::accounts::{Connection, ConnectionId, ConnectionUpdate, Connections, NewConnection};
use vimeo_ext::auth::AppCredentials;

use super::store::{StoreArgs, accounts_error};
use crate::confirm;
use crate::context::{Context, env_var};
use crate::exit::{CliError, ExitCode, Result};
use crate::output::Table;

/// Manage stored connections: an app's credentials and an access token under a name
#[derive(Debug, Args)]
pub(crate) struct ConnectionsArgs {
    #[command(subcommand)]
    command: ConnectionsCommand,
}

#[derive(Debug, Subcommand)]
enum ConnectionsCommand {
    List(ListArgs),
    Show(ShowArgs),
    Link(LinkArgs),
    Edit(EditArgs),
    Verify(VerifyArgs),
    Disable(DisableArgs),
    Enable(EnableArgs),
    Disconnect(DisconnectArgs),
}

/// List the connections of a store by name
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    $ vimeo connections list --store sqlite:accounts.db\n  \
    $ vimeo connections list --store sqlite:accounts.db --jq '.[].connectionId'")]
pub(crate) struct ListArgs {
    /// Only connections after this name
    #[arg(long, value_name = "NAME")]
    after: Option<String>,
    /// Maximum number of connections
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    #[command(flatten)]
    store: StoreArgs,
}

/// Show a connection, without its secrets
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  $ vimeo connections show Marketing --store sqlite:accounts.db --json")]
pub(crate) struct ShowArgs {
    /// Name or ID
    connection: String,
    #[command(flatten)]
    store: StoreArgs,
}

/// Store a connection, after Vimeo has verified its credentials
///
/// Either give a name: the credentials then come from VIMEO_CLIENT_ID, VIMEO_CLIENT_SECRET and VIMEO_ACCESS_TOKEN, or
/// from prompts. Or give a JSON object with --input: name, description, enabled, clientIdentifier, clientSecret,
/// accessToken.
#[derive(Debug, Args)]
#[command(
    visible_alias = "create",
    after_help = "Exit codes: 2 if a field is invalid; 4 if Vimeo rejects the credentials; 6 if the name exists.\n\n\
    Examples:\n  \
    $ vimeo connections link Marketing --store sqlite:accounts.db --client-id ID\n  \
    $ vimeo connections link --input connection.json --store sqlite:accounts.db --json"
)]
pub(crate) struct LinkArgs {
    /// Name: 1 to 100 letters, digits, spaces, _ and -
    #[arg(required_unless_present = "input")]
    name: Option<String>,
    /// What the connection is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Store it disabled: it makes no calls until it is enabled
    #[arg(long)]
    disabled: bool,
    /// Client ID of the app
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// File with the connection as a JSON object; `-` reads standard input
    #[arg(long, value_name = "FILE", conflicts_with = "name", value_hint = clap::ValueHint::FilePath)]
    input: Option<PathBuf>,
    /// Create the store's SQLite file if it does not exist
    #[arg(long)]
    create_store: bool,
    #[command(flatten)]
    store: StoreArgs,
}

/// The version that a change is based on.
#[derive(Debug, Args)]
struct VersionArgs {
    /// Change the connection only if it is at this version; otherwise the exit code is 11 [default: the current one]
    #[arg(long, value_name = "VERSION")]
    if_version: Option<u64>,
}

/// Change a connection
///
/// New credentials come from a JSON object with the members that change: clientIdentifier, clientSecret, accessToken.
/// Vimeo verifies them first.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    $ vimeo connections edit Marketing --name 'Marketing EU' --store sqlite:accounts.db\n  \
    $ vimeo connections edit Marketing --store sqlite:accounts.db --input change.json --if-version 1")]
pub(crate) struct EditArgs {
    /// Name or ID
    connection: String,
    /// New name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// New description; an empty one removes it
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// File with the changes as a JSON object; `-` reads standard input
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    input: Option<PathBuf>,
    #[command(flatten)]
    version: VersionArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// Ask Vimeo whether a connection's credentials are valid
#[derive(Debug, Args)]
#[command(after_help = "Exit code: 4 if Vimeo rejects the credentials.\n\n\
    Examples:\n  $ vimeo connections verify Marketing --store sqlite:accounts.db")]
pub(crate) struct VerifyArgs {
    /// Name or ID
    connection: String,
    #[command(flatten)]
    store: StoreArgs,
}

/// Disable a connection: it makes no calls, and its credentials are kept
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  $ vimeo connections disable Marketing --store sqlite:accounts.db")]
pub(crate) struct DisableArgs {
    /// Name or ID
    connection: String,
    #[command(flatten)]
    version: VersionArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// Enable a disabled connection
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  $ vimeo connections enable Marketing --store sqlite:accounts.db")]
pub(crate) struct EnableArgs {
    /// Name or ID
    connection: String,
    #[command(flatten)]
    version: VersionArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// Delete a connection with its credentials; its token stays valid at Vimeo
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  $ vimeo connections disconnect Marketing --store sqlite:accounts.db --yes"
)]
pub(crate) struct DisconnectArgs {
    /// Name or ID
    connection: String,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    version: VersionArgs,
    #[command(flatten)]
    store: StoreArgs,
}

pub(crate) async fn run(context: &Context<'_>, args: ConnectionsArgs) -> Result<ExitCode> {
    // Rejects an invalid filter before anything is changed.
    context.filter()?;
    match args.command {
        ConnectionsCommand::List(args) => return list(context, args).await,
        ConnectionsCommand::Show(args) => {
            let connections = args.store.connections(context).await?;
            let connection = find(&connections, &args.connection).await?;
            print_connection(context, &connection).await?;
        }
        ConnectionsCommand::Link(args) => link(context, args).await?,
        ConnectionsCommand::Edit(args) => edit(context, args).await?,
        ConnectionsCommand::Verify(args) => {
            let connections = args.store.connections(context).await?;
            let connection = find(&connections, &args.connection).await?;
            let connection = connections.verify(&connection.id).await.map_err(accounts_error)?;
            print_connection(context, &connection).await?;
        }
        ConnectionsCommand::Disable(args) => {
            context.check_write_allowed("disabling a connection")?;
            let disable = ConnectionUpdate::default().enabled(false);
            change(context, &args.store, &args.connection, &args.version, disable).await?;
        }
        ConnectionsCommand::Enable(args) => {
            context.check_write_allowed("enabling a connection")?;
            let enable = ConnectionUpdate::default().enabled(true);
            change(context, &args.store, &args.connection, &args.version, enable).await?;
        }
        ConnectionsCommand::Disconnect(args) => disconnect(context, args).await?,
    }
    Ok(ExitCode::Done)
}

/// Returns the connection with this name, or with this ID.
async fn find(connections: &Connections, name: &str) -> Result<Connection> {
    match connections.get_by_name(name).await.map_err(accounts_error)? {
        Some(connection) => Ok(connection),
        None => connections.get(&ConnectionId::new(name)).await.map_err(accounts_error),
    }
}

async fn list(context: &Context<'_>, args: ListArgs) -> Result<ExitCode> {
    let connections = args.store.connections(context).await?;
    let list = connections.list(args.after.as_deref(), args.limit).await.map_err(accounts_error)?;
    context.streams.start_pager();
    if context.wants_json() {
        context.print_json(&list).await?;
    } else {
        let mut table = Table::new(&["name", "id", "enabled", "client id", "version"]);
        for connection in &list {
            table.row([
                connection.name.clone(),
                connection.id.to_string(),
                connection.enabled.to_string(),
                connection.client_identifier.clone(),
                connection.version.to_string(),
            ]);
        }
        table.print(context.streams)?;
        if list.is_empty() {
            context.streams.hint("no connections");
        }
    }
    if let Some(last) = list.last().filter(|_| list.len() == args.limit as usize) {
        context.streams.note(&format!("note: there may be more connections; add --after '{}'", last.name));
    }
    Ok(ExitCode::Done)
}

async fn link(context: &Context<'_>, args: LinkArgs) -> Result<()> {
    context.check_write_allowed("storing a connection")?;
    let new = match (&args.input, &args.name) {
        (Some(file), _) => read_json::<NewConnection>(context, file).await?,
        (None, name) => {
            let name = name.clone().unwrap_or_default();
            let (app, token) = credentials(context, &args).await?;
            NewConnection::new(name, app, token)
        }
    };
    let new = match &args.description {
        Some(text) => new.description(text),
        None => new,
    };
    let new = if args.disabled { new.enabled(false) } else { new };
    let accounts = args.store.open(context, args.create_store, None).await?;
    let connection = accounts.connections().create(new).await.map_err(accounts_error)?;
    print_connection(context, &connection).await
}

/// Reads a JSON object. Errors do not show its values, which can be secrets.
async fn read_json<T: DeserializeOwned>(context: &Context<'_>, file: &Path) -> Result<T> {
    let name = file.display().to_string();
    let bytes = Zeroizing::new(context.streams.read_input(&name).await?);
    serde_json::from_slice(&bytes).map_err(|error| {
        let text = error.to_string();
        let reason = match text.starts_with("missing field") || text.starts_with("unknown field") {
            true => text,
            false => format!("invalid value at line {}, column {}", error.line(), error.column()),
        };
        let shown = if name == "-" { "standard input" } else { &name };
        CliError::usage(format!("{shown}: {reason}")).with_next_step(
            "give a JSON object with name, description, enabled, clientIdentifier, clientSecret, accessToken",
        )
    })
}

/// Reads the credentials from the environment or prompts. They are never arguments: other users can read command lines.
async fn credentials(context: &Context<'_>, args: &LinkArgs) -> Result<(AppCredentials, SecretString)> {
    let missing = |what: &str, variable: &str| {
        CliError::usage(format!("{what} is required"))
            .with_next_step(format!("set {variable}, or give a JSON object with --input"))
    };
    let can_prompt = context.streams.can_prompt();
    let id = match args.client_id.clone().filter(|id| !id.is_empty()) {
        Some(id) => id,
        None if can_prompt => {
            let answer = context.streams.prompt("Client ID of the app: ").await?;
            answer
                .filter(|answer| !answer.is_empty())
                .ok_or_else(|| missing("the client ID", "VIMEO_CLIENT_ID"))?
        }
        None => return Err(missing("the client ID", "VIMEO_CLIENT_ID")),
    };
    let secret = async |what: &str, variable: &str| -> Result<SecretString> {
        if let Some(secret) = env_var(variable)? {
            return Ok(secret.into());
        }
        if can_prompt {
            let answer = context.streams.prompt_password(&format!("{what} (input hidden): ")).await?;
            let answer = answer.map(|answer| answer.trim().to_owned()).filter(|answer| !answer.is_empty());
            if let Some(answer) = answer {
                return Ok(answer.into());
            }
        }
        Err(missing(what, variable))
    };
    let client_secret = secret("Client secret", "VIMEO_CLIENT_SECRET").await?;
    let token = secret("Access token", "VIMEO_ACCESS_TOKEN").await?;
    Ok((AppCredentials::new(id, client_secret), token))
}

async fn edit(context: &Context<'_>, args: EditArgs) -> Result<()> {
    context.check_write_allowed("changing a connection")?;
    let mut update = match &args.input {
        Some(file) => read_json::<ConnectionUpdate>(context, file).await?,
        None if args.name.is_none() && args.description.is_none() => {
            return Err(CliError::usage("nothing to change: give --name, --description or --input"));
        }
        None => ConnectionUpdate::default(),
    };
    if let Some(name) = args.name {
        update = update.name(name);
    }
    if let Some(text) = args.description {
        update = update.description(Some(text).filter(|text| !text.is_empty()));
    }
    change(context, &args.store, &args.connection, &args.version, update).await
}

/// Changes a connection, and prints it.
async fn change(
    context: &Context<'_>,
    store: &StoreArgs,
    name: &str,
    version: &VersionArgs,
    update: ConnectionUpdate,
) -> Result<()> {
    let connections = store.connections(context).await?;
    let connection = find(&connections, name).await?;
    let version = version.if_version.unwrap_or(connection.version);
    let changed = connections.update(&connection.id, version, update).await.map_err(accounts_error)?;
    print_connection(context, &changed).await
}

async fn disconnect(context: &Context<'_>, args: DisconnectArgs) -> Result<()> {
    context.check_write_allowed("deleting a connection")?;
    let connections = args.store.connections(context).await?;
    let connection = find(&connections, &args.connection).await?;
    if !args.yes {
        confirm::confirm_by_name(context, "deletes the connection", "name", &connection.name).await?;
    }
    let version = args.version.if_version.unwrap_or(connection.version);
    connections.remove(&connection.id, version).await.map_err(accounts_error)?;
    match context.wants_json() {
        true => context.print_json(&json!({"connectionId": connection.id, "disconnected": true})).await,
        false => {
            context.streams.note(&format!("disconnected {}", connection.name));
            Ok(())
        }
    }
}

async fn print_connection(context: &Context<'_>, connection: &Connection) -> Result<()> {
    if context.wants_json() {
        return context.print_json(connection).await;
    }
    let mut table = Table::new(&["field", "value"]);
    for (field, value) in [
        ("id", Some(connection.id.to_string())),
        ("name", Some(connection.name.clone())),
        ("description", connection.description.clone()),
        ("enabled", Some(connection.enabled.to_string())),
        ("client id", Some(connection.client_identifier.clone())),
        ("version", Some(connection.version.to_string())),
    ] {
        if let Some(value) = value {
            table.row([field.to_owned(), value]);
        }
    }
    Ok(table.print(context.streams)?)
}
