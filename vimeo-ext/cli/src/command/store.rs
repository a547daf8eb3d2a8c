//! A store of many users' accounts and the keys to it, as commands are told of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use vimeo_ext::accounts::{AccountStore, Key, KeyRing, PostgresStore, SqliteStore, StoreError};

use crate::config;
use crate::context::variable;
use crate::exit::{Exit, Failure, Result};

/// What opens a store, beside its address.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// The schema of the tables in PostgreSQL
    #[arg(long, value_name = "NAME", default_value = "vimeo")]
    schema: String,

    /// A file with the key to write with; VIMEO_ACCOUNTS_KEY holds it when left out
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,

    /// A file with an old key; may be given more than once
    #[arg(long, value_name = "FILE")]
    old_key_file: Vec<PathBuf>,
}

impl KeyArgs {
    /// The keys, out of files or variables.
    pub(crate) fn ring(&self) -> Result<KeyRing> {
        let new = match &self.key_file {
            Some(path) => from_file(path)?,
            None => {
                let text = variable("VIMEO_ACCOUNTS_KEY")?.ok_or_else(|| {
                    Failure::usage("there is no key to write with").next(
                        "add --key-file FILE, or set VIMEO_ACCOUNTS_KEY; openssl rand -base64 32 makes one",
                    )
                })?;
                key(&text.into(), "VIMEO_ACCOUNTS_KEY")?
            }
        };
        let mut old = self.old_key_file.iter().map(|path| from_file(path)).collect::<Result<Vec<_>>>()?;
        if let Some(texts) = variable("VIMEO_ACCOUNTS_OLD_KEYS")?.map(Zeroizing::new) {
            for text in texts.split(',') {
                old.push(key(&text.into(), "VIMEO_ACCOUNTS_OLD_KEYS")?);
            }
        }
        Ok(old.into_iter().fold(KeyRing::new(new), KeyRing::with_old))
    }

    /// The store at this address, which is there already where it is a file.
    pub(crate) async fn open(&self, address: &str) -> Result<Arc<dyn AccountStore>> {
        let address = address.trim();
        if let Some(path) = address.strip_prefix("sqlite:") {
            let path = Path::new(path.strip_prefix("//").unwrap_or(path));
            // A store that is opened is made where there is none, which here is a slip of the pen.
            std::fs::metadata(path).map_err(|error| Failure::file("open", path, &error))?;
            return Ok(Arc::new(SqliteStore::open(path).await.map_err(unopened)?));
        }
        if address.starts_with("postgres:") || address.starts_with("postgresql:") {
            let store = PostgresStore::connect_in(&address.into(), &self.schema, 10).await;
            return Ok(Arc::new(store.map_err(unopened)?));
        }
        // Not shown: it may hold a password.
        Err(Failure::usage("the store's address is neither sqlite: nor postgres:")
            .next("write it as sqlite:///path/to/file or postgres://user@host/database"))
    }
}

fn from_file(path: &Path) -> Result<Key> {
    let bytes =
        Zeroizing::new(config::read_named(path).map_err(|error| Failure::file("read", path, &error))?);
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    key(&text.into(), &path.display().to_string())
}

fn key(text: &SecretString, place: &str) -> Result<Key> {
    Key::from_base64(text).map_err(|error| Failure::usage(format!("{place} holds no key: {error}")))
}

fn unopened(error: StoreError) -> Failure {
    Failure::new(Exit::Temporary, format!("the store cannot be opened: {error}"))
}
