//! A store in one file.

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
use super::rows::{self, AccountRow, ConnectionRow, EventRow, LoginRow, migration};
use super::sql::{Bound, Filter, sql_store};
use super::{AccountStore, KeyUsage, LoginRecord, StoreError, StoreFuture};
use crate::accounts::{
    AccountId, AccountQuery, AccountRecord, Ciphertext, ConnectionId, ConnectionRecord, KeyId, Status,
    StatusEvent,
};
use crate::private_files;
use crate::rate_limit::{LeaseRequest, QuotaLease};

/// Keeps accounts in one file with SQLite, which any number of processes of one machine may share.
///
/// What a call has written is on the disk when it returns, but for shared rate limits. Beside the file there are two more while it is open, `-wal` and
/// `-shm`; copy it with SQLite's own backup, not while it is in use. On Unix a new file is its owner's alone, and a file or
/// folder that belongs to another user, or that others may write, is refused.
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
    /// One connection: SQLite has one writer at a time, and they wait better here than in its file's lock.
    writes: SqlitePool,
    /// Another connection for shared rate limits, which are asked for often and lost without harm: it does not wait for the disk.
    quotas: SqlitePool,
}

/// So long a writer waits for those of other processes.
const BUSY: Duration = Duration::from_secs(10);

/// The first to open a new file turns it to write-ahead logging, for which it wants the file alone; SQLite does not let
/// the others wait for that by itself.
const PAUSE: Duration = Duration::from_millis(20);

/// Whether another connection has the file: SQLite's code 5, in whatever extended form.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == 5)
}

impl SqliteStore {
    /// Opens a file, or makes it, and brings its tables up to date.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when the file cannot be used, others may write it or its folder, or it is from a newer version.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        let made = path.clone();
        tokio::task::spawn_blocking(move || make_private(&made))
            .await
            .map_err(StoreError::unavailable)?
            .map_err(StoreError::unavailable)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY);
        let pool = |size| SqlitePoolOptions::new().max_connections(size).acquire_timeout(BUSY * 3);
        let began = Instant::now();
        let writes = loop {
            match pool(1).connect_with(options.clone()).await {
                Err(error) if is_busy(&error) && began.elapsed() < BUSY => sleep(PAUSE).await,
                connected => break connected.map_err(rows::failed)?,
            }
        };
        let migrator = Migrator {
            migrations: Cow::Owned(vec![
                migration(1, "accounts", include_str!("../../../migrations/sqlite/0001_accounts.sql")),
                migration(2, "pages", include_str!("../../../migrations/sqlite/0002_pages.sql")),
            ]),
            ..Migrator::DEFAULT
        };
        // Two processes that open a new file at once must not both make its tables.
        let mut transaction = writes.begin_with("BEGIN IMMEDIATE").await.map_err(rows::failed)?;
        migrator.run_direct(&mut *transaction).await.map_err(StoreError::unavailable)?;
        transaction.commit().await.map_err(rows::failed)?;
        let reads = pool(4).connect_lazy_with(options.clone());
        let quotas = pool(1).connect_lazy_with(options.synchronous(SqliteSynchronous::Normal));
        Ok(Self { reads, writes, quotas })
    }

    /// Writes go one by one anyway.
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

    fn using(index: &str) -> String {
        format!("INDEXED BY {index}")
    }

    async fn begin(&self, _: bool) -> Result<sqlx::Transaction<'static, sqlx::Sqlite>, StoreError> {
        // Not a transaction that begins by reading: it could not become a writer when another one was faster.
        self.writes.begin_with("BEGIN IMMEDIATE").await.map_err(rows::failed)
    }

    /// Ends the connections once what is under way is done.
    pub async fn close(&self) {
        self.reads.close().await;
        self.writes.close().await;
        self.quotas.close().await;
    }
}

/// The files that SQLite keeps beside the database while it is open.
const SQLITE_SUFFIXES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Makes the file where there is none, and looks whether anybody else may write it, those beside it or their folder.
fn make_private(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    private_files::check_folder(folder.unwrap_or(Path::new(".")))?;
    private_files::open(path, OpenOptions::new().create(true).append(true))?;
    for suffix in SQLITE_SUFFIXES {
        let mut beside = path.as_os_str().to_owned();
        beside.push(suffix);
        private_files::check_if_there(Path::new(&beside))?;
    }
    Ok(())
}

sql_store!(SqliteStore, sqlx::Sqlite);

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
    async fn a_page_is_the_same_whichever_way_it_is_found() {
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
        let (mut asked, mut found) = (0, 0);
        for parts in 0..32 {
            let mut query = AccountQuery::default().limit(if parts & 1 > 0 { 3 } else { 50 });
            query.status = (parts & 2 > 0).then_some(Status::Active);
            query.user = (parts & 4 > 0).then(|| "/users/2".to_owned());
            query.expires_before = (parts & 8 > 0).then(|| now + TimeDelta::days(13));
            query.not_encrypted_with = (parts & 16 > 0).then(|| KeyId::new("b"));
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
                for few in [Some(0), Some(8), None] {
                    let mut filters = Filter::all(&query);
                    for filter in &mut filters {
                        filter.sort_threshold = few.unwrap_or(filter.sort_threshold);
                    }
                    assert_eq!(store.page(&query, filters).await.unwrap(), expected, "{query:?}, {few:?}");
                }
                asked += 1;
                found += usize::from(!expected.is_empty());
            }
        }
        assert_eq!((all.len(), asked, found), (24, 96, 48), "not all of them find nothing");
    }
}
