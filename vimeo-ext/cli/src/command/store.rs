//! Arguments that select an account store and its keys.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use vimeo_ext::accounts::{AccountStore, Key, KeyRing, PostgresStore, SqliteStore, StoreError};

use crate::config;
use crate::context::env_var;
use crate::exit::{CliError, ExitCode, Result};

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
    pub(crate) async fn open(&self, address: &str) -> Result<Arc<dyn AccountStore>> {
        let address = address.trim();
        if let Some(path) = address.strip_prefix("sqlite:") {
            let path = Path::new(path.strip_prefix("//").unwrap_or(path));
            // `SqliteStore::open` would create a missing file; here a missing file is a typo.
            std::fs::metadata(path).map_err(|error| CliError::io("open", path, &error))?;
            return Ok(Arc::new(SqliteStore::open(path).await.map_err(open_failed)?));
        }
        if address.starts_with("postgres:") || address.starts_with("postgresql:") {
            let store = PostgresStore::connect_in(&address.into(), &self.schema, 10).await;
            return Ok(Arc::new(store.map_err(open_failed)?));
        }
        // Do not show the URL: it can contain a password.
        Err(CliError::usage("the store's URL must start with sqlite: or postgres:")
            .with_next_step("use sqlite:///path/to/file or postgres://user@host/database"))
    }
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
