//! A store in PostgreSQL.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgPool, PgPoolOptions};

use super::lease_batch::{BatchLeases, MAX_ATTEMPTS, PoolUpdate, pad_to_power_of_two};
use super::rows::{self, AccountRow, ConnectionRow, DocumentRow, EventRow, LoginRow, migration};
use super::sql::{Bound, Filter, sql_documents, sql_store};
use super::{AccountStore, Document, DocumentStore, KeyUsage, LoginRecord, StoreError, StoreFuture};
use crate::accounts::{
    AccountId, AccountQuery, AccountRecord, Ciphertext, ConnectionId, ConnectionRecord, KeyId, Status,
    StatusEvent,
};
use crate::rate_limit::{LeaseRequest, QuotaLease};

/// Keeps accounts in PostgreSQL (12 or newer). Any number of processes on any number of machines can share it.
///
/// Its tables are in their own schema, `vimeo`.
///
/// # TLS
///
/// Connections to another machine are encrypted, and the server's certificate is verified, as with `sslmode=verify-full`. This
/// requires the feature `postgres-tls`. To trust your own certificate authority, add `sslrootcert=ca.pem` to the URL.
///
/// To weaken this, set `sslmode=require`, `verify-ca` or `disable` in the URL. `prefer` and `allow` are rejected, and so is a
/// `PGSSLMODE` environment variable that asks for less than `verify-full`. Connections to this machine, over loopback or a
/// socket, use what the URL says.
///
/// # Timeouts
///
/// A statement waits up to 10 seconds for a lock and runs up to 60 seconds, and a transaction that is idle for 60 seconds is
/// aborted, so that a process that hangs does not block the others.
///
/// ```no_run
/// use vimeo_ext::accounts::PostgresStore;
/// # async fn demo() -> Result<(), vimeo_ext::accounts::StoreError> {
/// let url = "postgres://app:secret@db.example.com/app?sslmode=verify-full&sslrootcert=/etc/app/ca.pem";
/// let store = PostgresStore::connect(&url.into()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresStore {
    pool: PgPool,
    /// Separate connections for shared rate limits, which are updated often and can be lost without harm: their commits do not
    /// wait for the disk.
    quotas: PgPool,
}

/// The number of connections for shared rate limits.
const QUOTA_CONNECTIONS: u32 = 2;

/// The advisory lock for writing events, so that event numbers become visible in order.
const EVENTS_LOCK: i64 = 0x7669_6d65_6f00;
/// The advisory lock for creating the schema.
const SCHEMA_LOCK: i64 = 0x7669_6d65_6f01;

/// Server-side timeouts for statements that wait for another process, and for idle transactions.
const SERVER_TIMEOUTS: [(&str, &str); 3] =
    [("lock_timeout", "10s"), ("statement_timeout", "60s"), ("idle_in_transaction_session_timeout", "60s")];

/// How long a call waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

impl PostgresStore {
    /// Connects to a server, with up to 10 connections and two more for shared rate limits, and migrates the tables.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the server cannot be reached, the connection would be less safe than
    /// [required](Self#tls), or a newer version has migrated the tables.
    pub async fn connect(url: &SecretString) -> Result<Self, StoreError> {
        Self::connect_in(url, "vimeo", 10).await
    }

    /// Connects as [`connect`](Self::connect) does, with this schema and this many connections.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), and if the schema's name is longer than 60 characters or contains anything other than
    /// lowercase ASCII letters, digits and `_`.
    pub async fn connect_in(url: &SecretString, schema: &str, connections: u32) -> Result<Self, StoreError> {
        let is_valid = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
        if schema.is_empty() || schema.len() > 60 || !schema.chars().all(is_valid) {
            return Err(StoreError::unavailable("invalid schema name: use 1 to 60 of a-z, 0-9 and _"));
        }
        let options = super::postgres_tls::options(url)?
            .application_name("vimeo-ext")
            .options([("search_path", schema)]);
        let pool = |size: u32| PgPoolOptions::new().max_connections(size).acquire_timeout(ACQUIRE_TIMEOUT);
        // Without timeouts: creating an index on a large table can take long.
        let setup = pool(1).connect_with(options.clone()).await.map_err(rows::store_error)?;
        let mut transaction = setup.begin().await.map_err(rows::store_error)?;
        lock(&mut transaction, SCHEMA_LOCK).await?;
        let sql = format!("CREATE SCHEMA IF NOT EXISTS {schema}");
        sqlx::query(&sql).execute(&mut *transaction).await.map_err(rows::store_error)?;
        transaction.commit().await.map_err(rows::store_error)?;
        let migrator = Migrator {
            migrations: Cow::Owned(vec![
                migration(1, "accounts", include_str!("../../../migrations/postgres/0001_accounts.sql")),
                migration(2, "pages", include_str!("../../../migrations/postgres/0002_pages.sql")),
                migration(3, "documents", include_str!("../../../migrations/postgres/0003_documents.sql")),
            ]),
            ..Migrator::DEFAULT
        };
        migrator.run(&setup).await.map_err(StoreError::unavailable)?;
        setup.close().await;
        let options = options.options(SERVER_TIMEOUTS);
        Ok(Self {
            pool: pool(connections.max(1)).connect_lazy_with(options.clone()),
            quotas: pool(QUOTA_CONNECTIONS)
                .connect_lazy_with(options.options([("synchronous_commit", "off")])),
        })
    }

    /// Locks the rows in order, so that concurrent writers of several rows cannot deadlock.
    const LOCKING: &'static str = "FOR UPDATE OF budgets";

    fn reads(&self) -> &PgPool {
        &self.pool
    }

    fn writes(&self) -> &PgPool {
        &self.pool
    }

    fn quotas(&self) -> &PgPool {
        &self.quotas
    }

    /// PostgreSQL has no index hints. Its planner knows how frequent each value is.
    fn index_hint(_: &str) -> &'static str {
        ""
    }

    async fn begin(
        &self,
        writes_event: bool,
    ) -> Result<sqlx::Transaction<'static, sqlx::Postgres>, StoreError> {
        let mut transaction = self.pool.begin().await.map_err(rows::store_error)?;
        if writes_event {
            lock(&mut transaction, EVENTS_LOCK).await?;
        }
        Ok(transaction)
    }

    /// Closes all connections, after the calls in progress have finished.
    pub async fn close(&self) {
        self.pool.close().await;
        self.quotas.close().await;
    }
}

/// Acquires an advisory lock until the transaction ends.
async fn lock(transaction: &mut sqlx::Transaction<'_, sqlx::Postgres>, key: i64) -> Result<(), StoreError> {
    let done = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(key).execute(&mut **transaction).await;
    done.map(|_| ()).map_err(rows::store_error)
}

sql_store!(PostgresStore, sqlx::Postgres);
sql_documents!(PostgresStore);

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}
