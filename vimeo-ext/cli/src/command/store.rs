//! Opens account stores: the arguments that select one and its keys, and its errors.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use vimeo_ext::Error;
use vimeo_ext::accounts::{
    Accounts, AccountsError, Connections, Key, KeyError, KeyRing, PostgresStore, ServiceStore, SqliteStore,
    StoreError,
};

use crate::config;
use crate::context::{Context, env_var};
use crate::exit::{CliError, ExitCode, Result};

/// A store of accounts and connections.
#[derive(Debug, Args)]
#[command(next_help_heading = "Store")]
pub(crate) struct StoreArgs {
    /// The store's URL: sqlite:///path/to/file or postgres://user@host/database; with a password, pass it in VIMEO_STORE
    #[arg(long, value_name = "URL")]
    store: String,

    #[command(flatten)]
    keys: KeyArgs,
}

impl StoreArgs {
    /// Opens the accounts of an existing store.
    pub(crate) async fn accounts(&self, context: &Context<'_>) -> Result<Accounts> {
        self.open(context, false, None).await
    }

    /// Opens the connections of an existing store.
    pub(crate) async fn connections(&self, context: &Context<'_>) -> Result<Connections> {
        Ok(self.accounts(context).await?.connections())
    }

    /// Opens the accounts. `create` creates a missing SQLite file; users come back from a login to `redirect_uri`.
    pub(crate) async fn open(
        &self,
        context: &Context<'_>,
        create: bool,
        redirect_uri: Option<String>,
    ) -> Result<Accounts> {
        let keys = self.keys.key_ring()?;
        let store = self.keys.open_or_create(&self.store, create).await?;
        let mut builder = Accounts::builder(context.app(None)?, store, keys);
        if let Some(uri) = redirect_uri {
            builder = builder.redirect_uri(uri);
        }
        builder.build().await.map_err(accounts_error)
    }
}

/// Converts the error of an operation on a store, with what to do next on the command line.
pub(crate) fn accounts_error(error: AccountsError) -> CliError {
    use AccountsError as Accounts;
    let text = error.to_string();
    match error {
        Accounts::Key(KeyError::ApiMismatch { .. }) => {
            CliError::usage(text).with_next_step("set --base-url to the API that the secret is for")
        }
        Accounts::Key(_) => CliError::usage(format!("cannot decrypt the store's secrets: {text}"))
            .with_next_step("add the key they are encrypted with: --key-file FILE, --old-key-file FILE"),
        Accounts::InvalidId(_) | Accounts::InvalidField { .. } => CliError::usage(text),
        Accounts::UnknownAccount { account } => {
            CliError::new(ExitCode::NotFound, format!("the store has no account `{account}`"))
                .with_next_step("vimeo accounts list")
        }
        Accounts::UnknownConnection { connection } => CliError::new(
            ExitCode::NotFound,
            format!("the store has no connection with the name or ID `{connection}`"),
        )
        .with_next_step("vimeo connections list"),
        Accounts::LoginRequired { account, status } => {
            CliError::new(ExitCode::Auth, format!("account {account} is {status}: its user must log in"))
                .with_next_step(format!("vimeo accounts link '{account}'"))
        }
        Accounts::CredentialsRejected { .. } | Accounts::UnknownLogin => CliError::new(ExitCode::Auth, text),
        Accounts::Disabled { account } => {
            CliError::new(ExitCode::Refused, format!("account {account} is disabled"))
                .with_next_step(format!("vimeo accounts enable '{account}'"))
        }
        Accounts::DisabledConnection { name } => {
            CliError::new(ExitCode::Refused, format!("connection {name} is disabled"))
                .with_next_step(format!("vimeo connections enable '{name}'"))
        }
        Accounts::UserMismatch { .. }
        | Accounts::DuplicateName { .. }
        | Accounts::InvalidTransition { .. } => CliError::new(ExitCode::Refused, text),
        Accounts::StaleVersion { .. } => CliError::new(ExitCode::WriteRefused, text)
            .with_next_step("read the connection again with vimeo connections show"),
        Accounts::Contended { .. } | Accounts::Store(StoreError::Unavailable(_)) => {
            CliError::new(ExitCode::Temporary, text)
        }
        Accounts::Vimeo(error) => CliError::from(*error),
        error @ Accounts::Config(_) => CliError::from(Error::from(error)),
        _ => CliError::new(ExitCode::Other, text),
    }
}

/// What is needed to open a store, besides its URL.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// PostgreSQL schema of the store's tables
    #[arg(long, value_name = "NAME", default_value = "vimeo")]
    schema: String,

    /// File with the current key [default: the value of VIMEO_ACCOUNTS_KEY]
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,

    /// File with an old key (repeatable)
    #[arg(long, value_name = "FILE")]
    old_key_file: Vec<PathBuf>,
}

impl KeyArgs {
    /// Reads the keys from files or environment variables.
    pub(crate) fn key_ring(&self) -> Result<KeyRing> {
        let new = match &self.key_file {
            Some(path) => from_file(path)?,
            None => {
                let text = env_var("VIMEO_ACCOUNTS_KEY")?.ok_or_else(|| {
                    CliError::usage("no current key given").with_next_step(
                        "add --key-file FILE or set VIMEO_ACCOUNTS_KEY; create a key with openssl rand -base64 32",
                    )
                })?;
                key(&text.into(), "VIMEO_ACCOUNTS_KEY")?
            }
        };
        let mut old = self.old_key_file.iter().map(|path| from_file(path)).collect::<Result<Vec<_>>>()?;
        if let Some(texts) = env_var("VIMEO_ACCOUNTS_OLD_KEYS")?.map(Zeroizing::new) {
            for text in texts.split(',') {
                old.push(key(&text.into(), "VIMEO_ACCOUNTS_OLD_KEYS")?);
            }
        }
        Ok(old.into_iter().fold(KeyRing::new(new), KeyRing::with_old))
    }

    /// Opens the store at this URL. A SQLite file must exist already.
    pub(crate) async fn open(&self, address: &str) -> Result<Arc<dyn ServiceStore>> {
        self.open_or_create(address, false).await
    }

    /// Opens the store at this URL. `create` creates a missing SQLite file.
    pub(crate) async fn open_or_create(&self, address: &str, create: bool) -> Result<Arc<dyn ServiceStore>> {
        let address = address.trim();
        if let Some(path) = address.strip_prefix("sqlite:") {
            let path = Path::new(path.strip_prefix("//").unwrap_or(path));
            if !create {
                // `SqliteStore::open` would create a missing file; here a missing file is a typo.
                std::fs::metadata(path).map_err(|error| CliError::io("open", path, &error))?;
            }
            return Ok(Arc::new(SqliteStore::open(path).await.map_err(open_failed)?));
        }
        if is_postgres(address) {
            let store = PostgresStore::connect_in(&address.into(), &self.schema, 10).await;
            return Ok(Arc::new(store.map_err(open_failed)?));
        }
        // Do not show the URL: it can contain a password.
        Err(CliError::usage("the store's URL must start with sqlite: or postgres:")
            .with_next_step("use sqlite:///path/to/file or postgres://user@host/database"))
    }
}

/// Returns whether a store's URL names a PostgreSQL server.
pub(crate) fn is_postgres(url: &str) -> bool {
    let url = url.trim();
    url.starts_with("postgres:") || url.starts_with("postgresql:")
}

fn from_file(path: &Path) -> Result<Key> {
    let bytes = Zeroizing::new(config::read_named(path).map_err(|error| CliError::io("read", path, &error))?);
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    key(&text.into(), &path.display().to_string())
}

fn key(text: &SecretString, source: &str) -> Result<Key> {
    Key::from_base64(text)
        .map_err(|error| CliError::usage(format!("{source} does not contain a valid key: {error}")))
}

fn open_failed(error: StoreError) -> CliError {
    CliError::new(ExitCode::Temporary, format!("cannot open the store: {error}"))
}
