//! Fills both databases with the same accounts.
//!
//! [`Accounts`] creates the accounts, with a token each, in a memory store: status, scopes, expiry, encryption and events are the
//! library's own. Only the writing bypasses the library, with many rows per statement and ten thousand accounts per transaction.

use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use futures_util::{StreamExt, TryStreamExt, stream};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{Connection, PgConnection, Postgres, QueryBuilder, Sqlite, SqliteConnection};
use vimeo_ext::accounts::{
    AccountQuery, AccountRecord, AccountStore, Accounts, MemoryStore, Status, StatusEvent,
};

use crate::AnyError;
use crate::fake_vimeo::app;
use crate::places::{Place, SCHEMA, id, is_disabled, ring, token};

const BATCH: u64 = 10_000;
/// Rows per statement, limited by the number of values that SQLite allows.
const ROWS: usize = 1_000;

struct SeedBatch {
    accounts: Vec<AccountRecord>,
    events: Vec<StatusEvent>,
}

pub(crate) async fn run(count: u64, places: Result<[Place; 2], AnyError>) -> Result<(), AnyError> {
    let started = Instant::now();
    let mut databases = Vec::new();
    for place in places? {
        // Creates the tables.
        drop(place.open().await?);
        databases.push(Database::open(&place).await?);
    }
    let batches = (0..count).step_by(BATCH as usize).map(|from| from..(from + BATCH).min(count));
    let mut prepared =
        stream::iter(batches).map(|numbers| async { tokio::spawn(make(numbers)).await? }).buffered(2);
    while let Some(batch) = prepared.try_next().await? {
        for database in &mut databases {
            database.put(&batch).await?;
        }
    }
    for database in &mut databases {
        database.vacuum().await?;
    }
    println!("{count} accounts in both databases after {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

async fn make(numbers: Range<u64>) -> Result<SeedBatch, AnyError> {
    let store: Arc<dyn AccountStore> = Arc::new(MemoryStore::default());
    let accounts = Accounts::builder(app()?, Arc::clone(&store), ring()).build().await?;
    for number in numbers {
        let id = id(number)?;
        accounts.connect_with_token(&id, token(number)).await?;
        if is_disabled(number) {
            accounts.disable(&id, "the subscription has ended").await?;
        }
    }
    let mut batch = SeedBatch { accounts: Vec::new(), events: store.events(0, u32::MAX).await? };
    let mut query = AccountQuery::default().limit(1_000);
    loop {
        let page = store.accounts(&query).await?;
        let Some(last) = page.last() else { return Ok(batch) };
        query = query.after(last.account.id.clone());
        batch.accounts.extend(page);
    }
}

enum Database {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Database {
    async fn open(place: &Place) -> Result<Self, AnyError> {
        Ok(match place {
            Place::Sqlite(file) => {
                // After a power failure, the seed is started again.
                let options = SqliteConnectOptions::new().filename(file).synchronous(SqliteSynchronous::Off);
                Self::Sqlite(SqliteConnection::connect_with(&options).await?)
            }
            Place::Postgres(address) => {
                let options = PgConnectOptions::from_str(address)?.options([("search_path", SCHEMA)]);
                Self::Postgres(PgConnection::connect_with(&options).await?)
            }
        })
    }

    async fn put(&mut self, batch: &SeedBatch) -> Result<(), AnyError> {
        match self {
            Self::Sqlite(connection) => put_sqlite(connection, batch).await?,
            Self::Postgres(connection) => put_postgres(connection, batch).await?,
        }
        Ok(())
    }

    /// Runs what PostgreSQL would run by itself after a while. SQLite runs nothing by itself.
    async fn vacuum(&mut self) -> Result<(), AnyError> {
        if let Self::Postgres(connection) = self {
            sqlx::query("VACUUM ANALYZE").execute(connection).await?;
        }
        Ok(())
    }
}

macro_rules! put {
    ($name:ident, $connection:ty, $database:ty) => {
        async fn $name(connection: &mut $connection, batch: &SeedBatch) -> Result<(), sqlx::Error> {
            let mut transaction = connection.begin().await?;
            for records in batch.accounts.chunks(ROWS) {
                let mut sql = QueryBuilder::<$database>::new(
                    "INSERT INTO accounts (id, status, reason, vimeo_user, scopes, expires, version, created, \
                     changed, key_id, secrets) ",
                );
                sql.push_values(records, |mut row, AccountRecord { account, secrets }| {
                    row.push_bind(account.id.as_str())
                        .push_bind(account.status.as_str())
                        .push_bind(account.reason.as_deref())
                        .push_bind(account.user.as_deref())
                        .push_bind(account.scopes.as_ref().map(ToString::to_string))
                        .push_bind(account.expires.map(|time| time.timestamp_millis()))
                        .push_bind(account.version as i64)
                        .push_bind(account.created_at.timestamp_millis())
                        .push_bind(account.changed_at.timestamp_millis())
                        .push_bind(secrets.as_ref().map(|sealed| sealed.key.as_str()))
                        .push_bind(secrets.as_ref().map(|sealed| sealed.bytes.as_slice()));
                });
                sql.build().execute(&mut *transaction).await?;
            }
            for events in batch.events.chunks(ROWS) {
                let mut sql = QueryBuilder::<$database>::new(
                    "INSERT INTO events (account, from_status, to_status, reason, happened) ",
                );
                sql.push_values(events, |mut row, event| {
                    row.push_bind(event.account.as_str())
                        .push_bind(event.from.map(Status::as_str))
                        .push_bind(event.to.map(Status::as_str))
                        .push_bind(event.reason.as_deref())
                        .push_bind(event.at.timestamp_millis());
                });
                sql.build().execute(&mut *transaction).await?;
            }
            transaction.commit().await
        }
    };
}

put!(put_sqlite, SqliteConnection, Sqlite);
put!(put_postgres, PgConnection, Postgres);
