//! The SQL statements, shared by SQLite and PostgreSQL.

mod accounts;
mod connections;
mod documents;
mod expiring;
mod keys;
mod pages;
mod quotas;

pub(super) use accounts::sql_accounts;
pub(super) use connections::sql_connections;
pub(super) use documents::sql_documents;
pub(super) use expiring::sql_expiring;
pub(super) use keys::sql_keys;
pub(super) use pages::{Bound, Filter, sql_pages};
pub(super) use quotas::{sql_quotas, sql_shared_quotas};

/// Implements [`AccountStore`](super::AccountStore) for a type that has:
///
/// - `reads()`, `writes()` and `quotas()`: connection pools;
/// - `begin(writes_event)`: starts a transaction; transactions that write events are serialized;
/// - `index_hint(index)`: the SQL that makes a statement use an index, or nothing;
/// - `LOCKING`: the SQL that makes a statement lock the rows that it reads, in order, or nothing.
macro_rules! sql_store {
    ($store:ty, $database:ty) => {
        impl $store {
            super::sql::sql_pages!($database);
            super::sql::sql_quotas!($database);

            async fn insert_event(
                transaction: &mut sqlx::Transaction<'_, $database>,
                event: &StatusEvent,
            ) -> Result<(), StoreError> {
                let sql = "INSERT INTO events (account, from_status, to_status, reason, happened) \
                           VALUES ($1, $2, $3, $4, $5)";
                sqlx::query(sql)
                    .bind(event.account.as_str())
                    .bind(event.from.map(Status::as_str))
                    .bind(event.to.map(Status::as_str))
                    .bind(event.reason.as_deref())
                    .bind(rows::millis(event.at))
                    .execute(&mut **transaction)
                    .await
                    .map_err(rows::store_error)?;
                Ok(())
            }

            async fn find(
                executor: impl sqlx::Executor<'_, Database = $database>,
                id: &AccountId,
            ) -> Result<Option<AccountRecord>, StoreError> {
                let sql = format!("SELECT {} FROM accounts WHERE id = $1", rows::ACCOUNT);
                let row = sqlx::query_as::<_, AccountRow>(&sql).bind(id.as_str()).fetch_optional(executor);
                row.await.map_err(rows::store_error)?.map(rows::account).transpose()
            }

            /// Returns why a write against a version changed nothing.
            async fn account_conflict(
                transaction: &mut sqlx::Transaction<'_, $database>,
                id: &AccountId,
            ) -> StoreError {
                match Self::find(&mut **transaction, id).await {
                    Ok(Some(record)) => StoreError::Stale { found: record.account.version },
                    Ok(None) => StoreError::Missing,
                    Err(error) => error,
                }
            }

            async fn find_connection(
                &self,
                column: &str,
                value: &str,
            ) -> Result<Option<ConnectionRecord>, StoreError> {
                let sql = format!("SELECT {} FROM connections WHERE {column} = $1", rows::CONNECTION);
                let row =
                    sqlx::query_as::<_, ConnectionRow>(&sql).bind(value).fetch_optional(self.reads()).await;
                row.map_err(rows::store_error)?.map(rows::connection).transpose()
            }

            async fn connection_conflict(&self, id: &ConnectionId) -> StoreError {
                match self.find_connection("id", id.as_str()).await {
                    Ok(Some(record)) => StoreError::Stale { found: record.connection.version },
                    Ok(None) => StoreError::Missing,
                    Err(error) => error,
                }
            }
        }

        impl AccountStore for $store {
            fn close(&self) -> crate::auth::BoxFuture<'_, ()> {
                // The method of the type, not of the trait.
                Box::pin(<$store>::close(self))
            }

            super::sql::sql_accounts!($database);
            super::sql::sql_connections!($database);
            super::sql::sql_keys!($database);
            super::sql::sql_expiring!($database);
            super::sql::sql_shared_quotas!();
        }
    };
}

pub(super) use sql_store;
