//! Connections.

/// The [`AccountStore`](super::super::AccountStore) methods for connections.
macro_rules! sql_connections {
    ($database:ty) => {
        fn insert_connection<'a>(&'a self, new: &'a ConnectionRecord) -> StoreFuture<'a, ()> {
            Box::pin(async move {
                let connection = &new.connection;
                let sql = format!(
                    "INSERT INTO connections ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                    rows::CONNECTION
                );
                let result = sqlx::query(&sql)
                    .bind(connection.id.as_str())
                    .bind(&connection.name)
                    .bind(connection.description.as_deref())
                    .bind(i64::from(connection.enabled))
                    .bind(&connection.client_identifier)
                    .bind(rows::signed(connection.version))
                    .bind(rows::millis(connection.created_at))
                    .bind(rows::millis(connection.changed_at))
                    .bind(new.secrets.key.as_str())
                    .bind(new.secrets.bytes.as_slice())
                    .execute(self.writes())
                    .await;
                result.map(|_| ()).map_err(rows::store_error)
            })
        }

        fn connection<'a>(
            &'a self,
            id: &'a ConnectionId,
        ) -> StoreFuture<'a, Option<ConnectionRecord>> {
            Box::pin(self.find_connection("id", id.as_str()))
        }

        fn connection_by_name<'a>(&'a self, name: &'a str) -> StoreFuture<'a, Option<ConnectionRecord>> {
            Box::pin(self.find_connection("name", name))
        }

        fn replace_connection<'a>(&'a self, record: &'a ConnectionRecord) -> StoreFuture<'a, ()> {
            Box::pin(async move {
                let connection = &record.connection;
                let sql = "UPDATE connections SET name = $1, description = $2, enabled = $3, \
                           client_identifier = $4, version = $5, changed = $6, key_id = $7, secrets = $8 \
                           WHERE id = $9 AND version = $10";
                let result = sqlx::query(sql)
                    .bind(&connection.name)
                    .bind(connection.description.as_deref())
                    .bind(i64::from(connection.enabled))
                    .bind(&connection.client_identifier)
                    .bind(rows::signed(connection.version))
                    .bind(rows::millis(connection.changed_at))
                    .bind(record.secrets.key.as_str())
                    .bind(record.secrets.bytes.as_slice())
                    .bind(connection.id.as_str())
                    .bind(rows::signed(connection.version.saturating_sub(1)))
                    .execute(self.writes())
                    .await;
                match result.map_err(rows::store_error)?.rows_affected() {
                    0 => Err(self.connection_conflict(&connection.id).await),
                    _ => Ok(()),
                }
            })
        }

        fn remove_connection<'a>(&'a self, id: &'a ConnectionId, version: u64) -> StoreFuture<'a, ()> {
            Box::pin(async move {
                let result = sqlx::query("DELETE FROM connections WHERE id = $1 AND version = $2")
                    .bind(id.as_str())
                    .bind(rows::signed(version))
                    .execute(self.writes())
                    .await;
                match result.map_err(rows::store_error)?.rows_affected() {
                    0 => Err(self.connection_conflict(id).await),
                    _ => Ok(()),
                }
            })
        }

        fn connections<'a>(
            &'a self,
            after: Option<&'a str>,
            limit: u32,
        ) -> StoreFuture<'a, Vec<ConnectionRecord>> {
            Box::pin(async move {
                let sql = format!(
                    "SELECT {} FROM connections WHERE name > $1 ORDER BY name LIMIT $2",
                    rows::CONNECTION
                );
                let found = sqlx::query_as::<_, ConnectionRow>(&sql)
                    .bind(after.unwrap_or_default())
                    .bind(i64::from(limit))
                    .fetch_all(self.reads())
                    .await;
                found.map_err(rows::store_error)?.into_iter().map(rows::connection).collect()
            })
        }
    };
}

pub(in crate::accounts::store) use sql_connections;
