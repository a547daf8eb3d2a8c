//! A store in an SQLite file.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use tokio::time::{Instant, sleep};

use super::lease_batch::{BatchLeases, MAX_ATTEMPTS, PoolUpdate, pad_to_power_of_two};
use super::rows::{self, AccountRow, ConnectionRow, DocumentRow, EventRow, LoginRow, migration};
use super::sql::{Bound, Filter, sql_documents, sql_store};
use super::{AccountStore, Document, DocumentStore, KeyUsage, LoginRecord, StoreError, StoreFuture};
use crate::accounts::{
    AccountId, AccountQuery, AccountRecord, Ciphertext, ConnectionId, ConnectionRecord, KeyId, Status,
    StatusEvent,
};
use crate::private_files;
use crate::rate_limit::{LeaseRequest, QuotaLease};

/// Keeps accounts in an SQLite file. Any number of processes on one machine can share it.
///
/// Writes are on disk when a call returns, except for shared rate limits. While the file is open, SQLite keeps two more files
/// next to it, `-wal` and `-shm`; to copy an open database, use SQLite's backup. On Unix, a new file is accessible to its owner
/// only, and a file or folder that belongs to another user or is writable by others is rejected.
///
/// ```no_run
/// use vimeo_ext::accounts::SqliteStore;
/// # async fn demo() -> Result<(), vimeo_ext::accounts::StoreError> {
/// let store = SqliteStore::open("accounts.db").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqliteStore {
    reads: SqlitePool,
    /// One connection: SQLite allows one writer at a time, and waiting for the pool is cheaper than for the file lock.
    writes: SqlitePool,
    /// A separate connection for shared rate limits, which are updated often and can be lost without harm: it does not wait for
    /// the disk.
    quotas: SqlitePool,
}

/// How long a writer waits for writers of other processes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How often opening a busy file is retried. Switching a new file to write-ahead logging needs exclusive access, for which SQLite
/// ignores the busy timeout.
const BUSY_RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// Whether another connection has locked the file: `SQLITE_BUSY` (5) or one of its extended codes.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == 5)
}

impl SqliteStore {
    /// Opens a file, creates it if it does not exist, and migrates its tables.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the file cannot be opened, the file or its folder is writable by others, or a newer version
    /// has migrated the tables.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        let file = path.clone();
        tokio::task::spawn_blocking(move || create_private(&file))
            .await
            .map_err(StoreError::unavailable)?
            .map_err(StoreError::unavailable)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = |size| SqlitePoolOptions::new().max_connections(size).acquire_timeout(BUSY_TIMEOUT * 3);
        let started_at = Instant::now();
        let writes = loop {
            match pool(1).connect_with(options.clone()).await {
                Err(error) if is_busy(&error) && started_at.elapsed() < BUSY_TIMEOUT => {
                    sleep(BUSY_RETRY_INTERVAL).await;
                }
                connected => break connected.map_err(rows::store_error)?,
            }
        };
        let migrator = Migrator {
            migrations: Cow::Owned(vec![
                migration(1, "accounts", include_str!("../../../migrations/sqlite/0001_accounts.sql")),
                migration(2, "pages", include_str!("../../../migrations/sqlite/0002_pages.sql")),
                migration(3, "documents", include_str!("../../../migrations/sqlite/0003_documents.sql")),
            ]),
            ..Migrator::DEFAULT
        };
        // Two processes that open a new file at once must not both create its tables.
        let mut transaction = writes.begin_with("BEGIN IMMEDIATE").await.map_err(rows::store_error)?;
        migrator.run_direct(&mut *transaction).await.map_err(StoreError::unavailable)?;
        transaction.commit().await.map_err(rows::store_error)?;
        let reads = pool(4).connect_lazy_with(options.clone());
        let quotas = pool(1).connect_lazy_with(options.synchronous(SqliteSynchronous::Normal));
        Ok(Self { reads, writes, quotas })
    }

    /// SQLite has one writer at a time, so row locks are not needed.
    const LOCKING: &'static str = "";

    fn reads(&self) -> &SqlitePool {
        &self.reads
    }

    fn writes(&self) -> &SqlitePool {
        &self.writes
    }

    fn quotas(&self) -> &SqlitePool {
        &self.quotas
    }

    fn index_hint(index: &str) -> String {
        format!("INDEXED BY {index}")
    }

    async fn begin(&self, _: bool) -> Result<sqlx::Transaction<'static, sqlx::Sqlite>, StoreError> {
        // A transaction that starts by reading could not upgrade to writing if another writer was faster.
        self.writes.begin_with("BEGIN IMMEDIATE").await.map_err(rows::store_error)
    }

    /// Closes all connections, after the calls in progress have finished.
    pub async fn close(&self) {
        self.reads.close().await;
        self.writes.close().await;
        self.quotas.close().await;
    }
}

/// The suffixes of the files that SQLite keeps next to an open database.
const SQLITE_SUFFIXES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Creates the file if it does not exist, and checks that no other user can write it, its folder or the files next to it.
fn create_private(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    private_files::check_folder(folder.unwrap_or(Path::new(".")))?;
    private_files::open(path, OpenOptions::new().create(true).append(true))?;
    for suffix in SQLITE_SUFFIXES {
        let mut sibling = path.as_os_str().to_owned();
        sibling.push(suffix);
        private_files::check_if_exists(Path::new(&sibling))?;
    }
    Ok(())
}

sql_store!(SqliteStore, sqlx::Sqlite);
sql_documents!(SqliteStore);

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::accounts::Account;

    #[tokio::test]
    async fn query_plans_return_the_same_pages() {
        let folder = crate::private_files::test_folder();
        let store = SqliteStore::open(folder.path().join("accounts.db")).await.unwrap();
        let now = DateTime::from_timestamp_millis(1_700_000_000_000).unwrap();
        for number in 0..24 {
            let id = AccountId::new(format!("{number:02}")).unwrap();
            let status = [Status::Active, Status::Expired, Status::Active][number % 3];
            let mut account = Account::new(id, status, now);
            account.expires = (number % 2 == 0).then(|| now + TimeDelta::days(number as i64 * 7 % 24));
            account.user = Some(format!("/users/{}", number % 4));
            let key = ["a", "b", "c"].get(number / 2 % 4).copied();
            let secrets = key.map(|key| Ciphertext { key: KeyId::new(key), bytes: vec![1] });
            let event = StatusEvent::new(&account.id, None, Some(status), None, now);
            store.insert_account(&AccountRecord { account, secrets }, &event).await.unwrap();
        }
        let all = store.page(&AccountQuery::default(), Vec::new()).await.unwrap();
        let (mut queries, mut non_empty) = (0, 0);
        for filters in 0..32 {
            let mut query = AccountQuery::default().limit(if filters & 1 > 0 { 3 } else { 50 });
            query.status = (filters & 2 > 0).then_some(Status::Active);
            query.user = (filters & 4 > 0).then(|| "/users/2".to_owned());
            query.expires_before = (filters & 8 > 0).then(|| now + TimeDelta::days(13));
            query.not_encrypted_with = (filters & 16 > 0).then(|| KeyId::new("b"));
            for after in [None, Some("05"), Some("23")] {
                query.after = after.map(|id| AccountId::new(id).unwrap());
                let expected: Vec<_> =
                    all.iter()
                        .filter(|AccountRecord { account, secrets }| {
                            query.after.as_ref().is_none_or(|after| account.id > *after)
                                && query.status.is_none_or(|status| account.status == status)
                                && query.user.as_ref().is_none_or(|user| account.user.as_ref() == Some(user))
                                && query
                                    .expires_before
                                    .is_none_or(|time| account.expires.is_some_and(|expires| expires < time))
                                && query.not_encrypted_with.as_ref().is_none_or(|key| {
                                    secrets.as_ref().is_some_and(|sealed| sealed.key != *key)
                                })
                        })
                        .take(query.limit as usize)
                        .cloned()
                        .collect();
                for threshold in [Some(0), Some(8), None] {
                    let mut filters = Filter::all(&query);
                    for filter in &mut filters {
                        filter.sort_threshold = threshold.unwrap_or(filter.sort_threshold);
                    }
                    assert_eq!(
                        store.page(&query, filters).await.unwrap(),
                        expected,
                        "{query:?}, {threshold:?}"
                    );
                }
                queries += 1;
                non_empty += usize::from(!expected.is_empty());
            }
        }
        assert_eq!((all.len(), queries, non_empty), (24, 96, 48), "half of the queries match something");
    }
}
