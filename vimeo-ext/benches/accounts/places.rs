//! The two databases and their accounts.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vimeo_ext::accounts::{AccountId, AccountStore, Key, KeyRing, PostgresStore, SqliteStore};

use crate::AnyError;

/// A database.
#[derive(Clone)]
pub(crate) enum Place {
    Sqlite(PathBuf),
    Postgres(String),
}

/// The PostgreSQL schema that the store creates.
pub(crate) const SCHEMA: &str = "vimeo";

/// One in this many accounts is disabled, so that filters have something to find.
pub(crate) const DISABLED_EVERY: u64 = 100;

impl Place {
    pub(crate) fn both(folder: &Path) -> Result<[Self; 2], AnyError> {
        let address = std::env::var("VIMEO_TEST_POSTGRES")
            .map_err(|_| "VIMEO_TEST_POSTGRES must contain the address of a PostgreSQL server")?;
        Ok([Self::Sqlite(folder.join("accounts.db")), Self::Postgres(address)])
    }

    pub(crate) async fn open(&self) -> Result<Arc<dyn AccountStore>, AnyError> {
        Ok(match self {
            Self::Sqlite(file) => Arc::new(SqliteStore::open(file).await?),
            Self::Postgres(address) => Arc::new(PostgresStore::connect(&address.as_str().into()).await?),
        })
    }

    /// Returns the number of accounts.
    pub(crate) async fn count(&self) -> Result<u64, AnyError> {
        let store = self.open().await?;
        // Each account has an event for its creation and one for its activation; a disabled one has a third.
        let events = store.last_event().await?;
        let count = events * DISABLED_EVERY / (2 * DISABLED_EVERY + 1);
        if count == 0 { Err(format!("{self} is empty; seed it first").into()) } else { Ok(count) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite(_) => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        })
    }
}

pub(crate) fn ring() -> KeyRing {
    KeyRing::new(Key::from_bytes([7; 32]))
}

pub(crate) fn id(number: u64) -> Result<AccountId, AnyError> {
    Ok(AccountId::new(format!("customer-{number:08}"))?)
}

pub(crate) fn token(number: u64) -> String {
    format!("{number:032x}")
}

pub(crate) fn is_disabled(number: u64) -> bool {
    number.is_multiple_of(DISABLED_EVERY)
}

/// Returns distinct enabled accounts in random order; at most half of all.
pub(crate) fn some(of: u64, count: usize) -> Vec<u64> {
    let count = count.min(of as usize / 2);
    let mut random = fastrand::Rng::with_seed(7);
    let mut seen = std::collections::HashSet::new();
    let all = std::iter::repeat_with(|| random.u64(..of));
    all.filter(|number| !is_disabled(*number) && seen.insert(*number)).take(count).collect()
}
