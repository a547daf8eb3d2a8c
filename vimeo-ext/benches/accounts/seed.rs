//! Fills both databases with the same accounts.
//!
//! The accounts are made as everywhere, by [`Accounts`] with a token each, in a store in memory: status, scopes, expiry,
//! encryption and events are the library's own. What goes around it is the writing alone, many rows in a statement and ten
//! thousand accounts in a transaction.

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
use crate::answers::app;
use crate::places::{Place, SCHEMA, id, is_off, ring, token};

const BATCH: u64 = 10_000;
/// Rows of a statement: their values are as many as SQLite lets one have.
const ROWS: usize = 1_000;

struct Made {
    accounts: Vec<AccountRecord>,
    events: Vec<StatusEvent>,
}

pub(crate) async fn run(count: u64, places: Result<[Place; 2], AnyError>) -> Result<(), AnyError> {
    let began = Instant::now();
    let mut databases = Vec::new();
    for place in places? {
        // Makes the tables.
        drop(place.open().await?);
        databases.push(Database::open(&place).await?);
    }
    let batches = (0..count).step_by(BATCH as usize).map(|from| from..(from + BATCH).min(count));
    let mut made =
        stream::iter(batches).map(|numbers| async { tokio::spawn(make(numbers)).await? }).buffered(2);
    while let Some(made) = made.try_next().await? {
        for database in &mut databases {
            database.put(&made).await?;
        }
    }
    for database in &mut databases {
        database.settle().await?;
    }
    println!("{count} accounts in both databases after {:.0} s", began.elapsed().as_secs_f64());
    Ok(())
}

async fn make(numbers: Range<u64>) -> Result<Made, AnyError> {
    let store: Arc<dyn AccountStore> = Arc::new(MemoryStore::default());
    let accounts = Accounts::builder(app()?, Arc::clone(&store), ring()).build().await?;
    for number in numbers {
        let id = id(number)?;
        accounts.connect_with_token(&id, token(number)).await?;
        if is_off(number) {
            accounts.disable(&id, "the subscription has ended").await?;
        }
    }
    let mut made = Made { accounts: Vec::new(), events: store.events(0, u32::MAX).await? };
    let mut query = AccountQuery::default().limit(1_000);
    loop {
        let page = store.accounts(&query).await?;
        let Some(last) = page.last() else { return Ok(made) };
        query = query.after(last.account.id.clone());
        made.accounts.extend(page);
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
                // A seed that the power fails is begun anew.
                let options = SqliteConnectOptions::new().filename(file).synchronous(SqliteSynchronous::Off);
                Self::Sqlite(SqliteConnection::connect_with(&options).await?)
            }
            Place::Postgres(address) => {
                let options = PgConnectOptions::from_str(address)?.options([("search_path", SCHEMA)]);
                Self::Postgres(PgConnection::connect_with(&options).await?)
            }
        })
    }

    async fn put(&mut self, made: &Made) -> Result<(), AnyError> {
        match self {
            Self::Sqlite(connection) => put_sqlite(connection, made).await?,
            Self::Postgres(connection) => put_postgres(connection, made).await?,
        }
        Ok(())
    }

    /// What PostgreSQL does by itself after a while. SQLite does nothing by itself, and nothing is done for it.
    async fn settle(&mut self) -> Result<(), AnyError> {
        if let Self::Postgres(connection) = self {
            sqlx::query("VACUUM ANALYZE").execute(connection).await?;
        }
        Ok(())
    }
}

macro_rules! put {
    ($name:ident, $connection:ty, $database:ty) => {
        async fn $name(connection: &mut $connection, made: &Made) -> Result<(), sqlx::Error> {
            let mut transaction = connection.begin().await?;
            for records in made.accounts.chunks(ROWS) {
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
            for events in made.events.chunks(ROWS) {
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
