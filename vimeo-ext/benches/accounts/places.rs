//! The two databases, and what is in them.

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

/// The schema of PostgreSQL that the store makes by itself.
pub(crate) const SCHEMA: &str = "vimeo";

/// One account in so many is switched off, so that filters have something to find.
pub(crate) const OFF: u64 = 100;

impl Place {
    pub(crate) fn both(folder: &Path) -> Result<[Self; 2], AnyError> {
        let address = std::env::var("VIMEO_TEST_POSTGRES")
            .map_err(|_| "VIMEO_TEST_POSTGRES is to hold the address of a PostgreSQL server")?;
        Ok([Self::Sqlite(folder.join("accounts.db")), Self::Postgres(address)])
    }

    pub(crate) async fn open(&self) -> Result<Arc<dyn AccountStore>, AnyError> {
        Ok(match self {
            Self::Sqlite(file) => Arc::new(SqliteStore::open(file).await?),
            Self::Postgres(address) => Arc::new(PostgresStore::connect(&address.as_str().into()).await?),
        })
    }

    /// How many accounts it holds.
    pub(crate) async fn count(&self) -> Result<u64, AnyError> {
        let store = self.open().await?;
        // Each account was made by one event and switched on by another; those that are off had a third.
        let events = store.last_event().await?;
        let count = events * OFF / (2 * OFF + 1);
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

pub(crate) fn is_off(number: u64) -> bool {
    number.is_multiple_of(OFF)
}

/// Accounts that are on, each once, in no order; fewer where there are hardly more.
pub(crate) fn some(of: u64, count: usize) -> Vec<u64> {
    let count = count.min(of as usize / 2);
    let mut random = fastrand::Rng::with_seed(7);
    let mut seen = std::collections::HashSet::new();
    let all = std::iter::repeat_with(|| random.u64(..of));
    all.filter(|number| !is_off(*number) && seen.insert(*number)).take(count).collect()
}
