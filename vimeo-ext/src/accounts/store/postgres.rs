//! A store for many machines.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgPool, PgPoolOptions};

use super::lease_batch::{BatchLeases, MAX_ATTEMPTS, PoolUpdate, pad_to_power_of_two};
use super::rows::{self, AccountRow, ConnectionRow, EventRow, LoginRow, migration};
use super::sql::{Bound, Filter, sql_store};
use super::{AccountStore, KeyUsage, LoginRecord, StoreError, StoreFuture};
use crate::accounts::{
    AccountId, AccountQuery, AccountRecord, Ciphertext, ConnectionId, ConnectionRecord, KeyId, Status,
    StatusEvent,
};
use crate::rate_limit::{LeaseRequest, QuotaLease};

/// Keeps accounts in PostgreSQL (12 or newer), which any number of processes on any number of machines may share.
///
/// Its tables are in a schema of their own, `vimeo`.
///
/// To another machine the connection is encrypted and the server's certificate is checked, as with `sslmode=verify-full`,
/// which needs the feature `postgres-tls`. An authority of your own is named in the address: `sslrootcert=ca.pem`. What asks
/// for less must stand there as well, as `sslmode=require`, `verify-ca` or `disable`; `prefer` and `allow`, and `PGSSLMODE` in the
/// environment, are refused. On this machine, over loopback or a socket, it is as the address says.
///
/// A statement waits 10 seconds for a lock and takes 60 at most, and a transaction that does nothing for 60 seconds is ended: a
/// process that is stuck holds the others up no longer.
///
/// ```no_run
/// use vimeo_ext::accounts::PostgresStore;
/// # async fn demo() -> Result<(), vimeo_ext::accounts::StoreError> {
/// let address = "postgres://app:secret@db.example.com/app?sslmode=verify-full&sslrootcert=/etc/app/ca.pem";
/// let store = PostgresStore::connect(&address.into()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresStore {
    pool: PgPool,
    /// Connections of their own for shared rate limits, which are asked for often and lost without harm: what they commit does not
    /// wait for the disk.
    quotas: PgPool,
}

/// How many connections shared rate limits have.
const QUOTA_CONNECTIONS: u32 = 2;

/// What those who write events lock, so that their numbers become visible in their order.
const EVENTS_LOCK: i64 = 0x7669_6d65_6f00;
/// What those who make the schema lock.
const SCHEMA_LOCK: i64 = 0x7669_6d65_6f01;

/// What ends a statement that waits for a process that is stuck, and such a process's transaction.
const SERVER_TIMEOUTS: [(&str, &str); 3] =
    [("lock_timeout", "10s"), ("statement_timeout", "60s"), ("idle_in_transaction_session_timeout", "60s")];

/// How long a call waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

impl PostgresStore {
    /// Connects, with at most 10 connections at once and two more for shared rate limits, and brings the tables up to date.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when the server cannot be reached, the connection would not be safe, or the tables are from a
    /// newer version.
    pub async fn connect(url: &SecretString) -> Result<Self, StoreError> {
        Self::connect_in(url, "vimeo", 10).await
    }

    /// As [`connect`](Self::connect), with another schema and another number of connections.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), and when the schema's name is other than lower-case letters, digits and `_`.
    pub async fn connect_in(url: &SecretString, schema: &str, connections: u32) -> Result<Self, StoreError> {
        let sound = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
        if schema.is_empty() || schema.len() > 60 || !schema.chars().all(sound) {
            return Err(StoreError::unavailable("the schema's name may hold a-z, 0-9 and _ only"));
        }
        let options = super::postgres_tls::options(url)?
            .application_name("vimeo-ext")
            .options([("search_path", schema)]);
        let pool = |size: u32| PgPoolOptions::new().max_connections(size).acquire_timeout(ACQUIRE_TIMEOUT);
        // New indexes on large tables take as long as they take.
        let setup = pool(1).connect_with(options.clone()).await.map_err(rows::failed)?;
        let mut transaction = setup.begin().await.map_err(rows::failed)?;
        lock(&mut transaction, SCHEMA_LOCK).await?;
        let sql = format!("CREATE SCHEMA IF NOT EXISTS {schema}");
        sqlx::query(&sql).execute(&mut *transaction).await.map_err(rows::failed)?;
        transaction.commit().await.map_err(rows::failed)?;
        let migrator = Migrator {
            migrations: Cow::Owned(vec![
                migration(1, "accounts", include_str!("../../../migrations/postgres/0001_accounts.sql")),
                migration(2, "pages", include_str!("../../../migrations/postgres/0002_pages.sql")),
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

    /// Writers of several rows wait for each other in their order.
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

    /// PostgreSQL takes no such words, and needs none: it looks at how many there are of each value.
    fn using(_: &str) -> &'static str {
        ""
    }

    async fn begin(&self, notes: bool) -> Result<sqlx::Transaction<'static, sqlx::Postgres>, StoreError> {
        let mut transaction = self.pool.begin().await.map_err(rows::failed)?;
        if notes {
            lock(&mut transaction, EVENTS_LOCK).await?;
        }
        Ok(transaction)
    }

    /// Ends the connections once what is under way is done.
    pub async fn close(&self) {
        self.pool.close().await;
        self.quotas.close().await;
    }
}

/// Until the transaction ends.
async fn lock(transaction: &mut sqlx::Transaction<'_, sqlx::Postgres>, key: i64) -> Result<(), StoreError> {
    let done = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(key).execute(&mut **transaction).await;
    done.map(|_| ()).map_err(rows::failed)
}

sql_store!(PostgresStore, sqlx::Postgres);

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}
