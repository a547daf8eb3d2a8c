//! `vimeo serve`: the connector, an HTTP service for programs in any language.

mod keys;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::filter::LevelFilter;
use vimeo_agent::tools::AuditLog;
use vimeo_connector::{BuildError, Connector};
use vimeo_ext::RateLimiters;
use vimeo_ext::accounts::{AccountStore, Accounts, ServiceStore};

use super::store::{self, KeyArgs, accounts_error};
use crate::config::Folders;
use crate::context::Context;
use crate::exit::{CliError, ExitCode, Result};
use crate::logging::{self, LogFormat};
use crate::text::parse_bytes;

/// Serve accounts, connections, tools and upload tokens to programs in any language
///
/// Callers send an API key, which `vimeo serve keys create` creates. `GET /openapi.json` describes the routes, and
/// a browser shows the operator a page at `/`. SIGINT and
/// SIGTERM stop the service when its requests in flight are done. Logs go to standard error; RUST_LOG sets the level [default:
/// info].
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "The service speaks http: put a proxy with TLS before it if callers are on other machines.\n\n\
    Users log in with the app in VIMEO_CLIENT_ID and VIMEO_CLIENT_SECRET, whose redirect URI is the public URL \
    with /v1/callback. Several processes can share a PostgreSQL store, and then share the rate limits too; those on one machine \
    can share a spool folder.

\
    To serve, with a new encryption key for the accounts:\n  \
    openssl rand -base64 32 > accounts.key\n  \
    vimeo serve --key-file accounts.key --public-url https://connector.example.com --return-url https://app.example.com/\n\n\
    Examples:\n  \
    $ vimeo serve keys create 'my program'"
)]
pub(crate) struct ServeArgs {
    #[command(subcommand)]
    command: Option<ServeCommand>,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum ServeCommand {
    Keys(keys::KeysArgs),
}

#[derive(Debug, Args)]
struct ServerArgs {
    /// Address to listen on; port 0 picks a free port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8880")]
    listen: SocketAddr,
    /// URL under which callers and browsers reach the service [default: http:// and the address]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Let browsers return to this URL, and to what lies below it, after a login (repeatable)
    #[arg(long, value_name = "URL")]
    return_url: Vec<String>,
    /// Poll accounts with event subscriptions this often, 1m to 24h, for events that Vimeo has no webhooks for: changes of
    /// privacy, and comments [default: no polling]
    #[arg(long, value_name = "TIME", value_parser = crate::text::parse_duration)]
    poll_interval: Option<Duration>,
    /// Send polled events to loopback and private addresses too, and to these also over http
    #[arg(long, requires = "poll_interval")]
    deliver_to_private_addresses: bool,
    /// Log every attempted change to this file, one JSON object per line
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    audit_log: Option<PathBuf>,
    /// Serve no page for the operator at /
    #[arg(long)]
    no_page: bool,
    /// Accept uploads in parts, and keep the parts in this folder until Vimeo has the file [default: no uploads in parts]
    #[arg(long, value_name = "FOLDER", value_hint = clap::ValueHint::DirPath)]
    spool_folder: Option<PathBuf>,
    /// Maximum size of the parts on disk, such as 10G
    #[arg(long, value_name = "BYTES", default_value = "32G", value_parser = parse_bytes, requires = "spool_folder")]
    spool_limit: u64,
    /// Log as JSON, one object per line
    #[arg(long)]
    log_json: bool,
    #[command(flatten)]
    store: ServiceStoreArgs,
    #[command(flatten)]
    keys: KeyArgs,
}

/// Where the service keeps accounts and API keys.
#[derive(Debug, Args)]
struct ServiceStoreArgs {
    /// The store's URL: sqlite:///path/to/file or postgres://user@host/database [default: connector.db in the state folder]
    #[arg(long, value_name = "URL")]
    store: Option<String>,
}

impl ServiceStoreArgs {
    /// Opens the store. Creates the default file if it is missing, and one that `create` is for.
    async fn open(&self, keys: &KeyArgs, create: bool) -> Result<Arc<dyn ServiceStore>> {
        if let Some(url) = &self.store {
            return keys.open_or_create(url, create).await;
        }
        let file = Folders::from_env()?.connector_store();
        if let Some(folder) = file.parent() {
            create_private_folder(folder).map_err(|error| CliError::io("create", folder, &error))?;
        }
        keys.open_or_create(&format!("sqlite:{}", file.display()), true).await
    }

    /// Returns whether other processes are expected to use the store too.
    fn is_shared(&self) -> bool {
        self.store.as_deref().is_some_and(store::is_postgres)
    }
}

fn create_private_folder(folder: &std::path::Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

impl ServeArgs {
    /// Returns whether the command serves, rather than managing keys.
    pub(crate) fn is_server(&self) -> bool {
        self.command.is_none()
    }
}

pub(crate) async fn run(context: &Context<'_>, args: ServeArgs) -> Result<ExitCode> {
    match args.command {
        Some(ServeCommand::Keys(args)) => keys::run(context, args).await,
        None => serve(context, args.server).await,
    }
}

async fn serve(context: &Context<'_>, args: ServerArgs) -> Result<ExitCode> {
    let format = if args.log_json { LogFormat::Json } else { LogFormat::Text };
    logging::init(LevelFilter::INFO, format);
    if context.global.sandbox {
        return Err(CliError::usage("--sandbox ends with its command, but the service keeps its accounts")
            .with_next_step("start `vimeo sandbox`, then `vimeo serve --base-url` with its address"));
    }
    if args.public_url.is_none() && args.listen.ip().is_unspecified() {
        return Err(CliError::usage(format!("nobody can reach the service under {}", args.listen))
            .with_next_step("add --public-url with the URL that callers and browsers use"));
    }
    let key_ring = args.keys.key_ring()?;
    let audit = match &args.audit_log {
        Some(path) => {
            Some(AuditLog::open(path).map_err(|error| CliError::io("write the audit log", path, &error))?)
        }
        None => None,
    };
    let store = args.store.open(&args.keys, true).await?;
    let listener = TcpListener::bind(args.listen).await.and_then(|listener| {
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    let (listener, address) = listener.map_err(|error| {
        CliError::new(ExitCode::Other, format!("cannot listen on {}: {error}", args.listen))
            .with_next_step("use another port; port 0 picks a free one")
    })?;
    let public_url = args.public_url.unwrap_or_else(|| format!("http://{address}"));
    let public_url = public_url.trim_end_matches('/').to_owned();
    let mut app = context.app_builder()?;
    if args.store.is_shared() {
        app = app.rate_limiters(RateLimiters::shared(store.clone()));
    }
    let accounts = Accounts::builder(app.build()?, store.clone(), key_ring)
        .redirect_uri(format!("{public_url}/v1/callback"))
        .build()
        .await
        .map_err(accounts_error)?;
    let shutdown = CancellationToken::new();
    let mut connector = Connector::builder(accounts, store.clone())
        .public_url(&public_url)
        .return_urls(args.return_url)
        .audit_log(audit)
        .page(!args.no_page)
        .poll_interval(args.poll_interval)
        .deliver_to_private_addresses(args.deliver_to_private_addresses)
        .shutdown(shutdown.clone());
    if let Some(folder) = args.spool_folder {
        connector = connector.spool(folder, args.spool_limit);
    }
    let connector = connector.build().map_err(build_error)?;
    tokio::spawn(async move {
        stop_signal().await;
        shutdown.cancel();
        // A second signal ends the process at once.
        stop_signal().await;
        std::process::exit(i32::from(ExitCode::Interrupted.code()));
    });
    context.streams.note(&format!("listening on {public_url}"));
    let served = connector.serve(listener).await;
    // After this, the file of an SQLite store is complete without the files next to it.
    AccountStore::close(&*store).await;
    served.map_err(|error| CliError::new(ExitCode::Other, format!("cannot serve: {error}")))?;
    Ok(ExitCode::Done)
}

fn build_error(error: BuildError) -> CliError {
    let text = error.to_string();
    match error {
        BuildError::InvalidPublicUrl(_)
        | BuildError::InvalidReturnUrl(_)
        | BuildError::InsecureReturnUrl(_)
        | BuildError::InvalidPollInterval(_) => CliError::usage(text),
        BuildError::Spool { .. } => {
            CliError::new(ExitCode::Other, text).with_next_step("use another folder with --spool-folder")
        }
        _ => CliError::new(ExitCode::Other, text),
    }
}

/// Waits for the next signal that asks the process to stop.
#[cfg(unix)]
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn stop_signal() {
    let _ = tokio::signal::ctrl_c().await;
}
