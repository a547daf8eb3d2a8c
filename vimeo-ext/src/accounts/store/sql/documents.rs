//! Documents.

/// Implements [`DocumentStore`](super::super::DocumentStore) for a store; see [`sql_store`](super::sql_store).
macro_rules! sql_documents {
    ($store:ty) => {
        impl $store {
            /// Returns why a write against a version changed nothing.
            async fn document_conflict(&self, collection: &str, id: &str) -> StoreError {
                let sql = "SELECT version FROM documents WHERE collection = $1 AND id = $2";
                let found = sqlx::query_scalar::<_, i64>(sql).bind(collection).bind(id);
                match found.fetch_optional(self.writes()).await.map_err(rows::store_error) {
                    Ok(Some(version)) => match rows::unsigned(version) {
                        Ok(found) => StoreError::Stale { found },
                        Err(error) => error,
                    },
                    Ok(None) => StoreError::Missing,
                    Err(error) => error,
                }
            }
        }

        impl DocumentStore for $store {
            fn insert_document<'a>(
                &'a self,
                collection: &'a str,
                document: &'a Document,
                now: DateTime<Utc>,
            ) -> StoreFuture<'a, ()> {
                Box::pin(async move {
                    let sql = "INSERT INTO documents (collection, id, version, expires, content) \
                               VALUES ($1, $2, $3, $4, $5) ON CONFLICT (collection, id) DO UPDATE \
                               SET version = excluded.version, expires = excluded.expires, content = excluded.content \
                               WHERE documents.expires <= $6";
                    let result = sqlx::query(sql)
                        .bind(collection)
                        .bind(&document.id)
                        .bind(rows::signed(document.version))
                        .bind(document.expires.map(rows::millis))
                        .bind(document.content.as_slice())
                        .bind(rows::millis(now))
                        .execute(self.writes())
                        .await;
                    match result.map_err(rows::store_error)?.rows_affected() {
                        0 => Err(StoreError::DuplicateName),
                        _ => Ok(()),
                    }
                })
            }

            fn document<'a>(
                &'a self,
                collection: &'a str,
                id: &'a str,
                now: DateTime<Utc>,
            ) -> StoreFuture<'a, Option<Document>> {
                Box::pin(async move {
                    let sql = "SELECT id, version, expires, content FROM documents \
                               WHERE collection = $1 AND id = $2 AND (expires IS NULL OR expires > $3)";
                    let row = sqlx::query_as::<_, DocumentRow>(sql)
                        .bind(collection)
                        .bind(id)
                        .bind(rows::millis(now))
                        .fetch_optional(self.reads())
                        .await;
                    row.map_err(rows::store_error)?.map(rows::document).transpose()
                })
            }

            fn documents<'a>(
                &'a self,
                collection: &'a str,
                after: &'a str,
                limit: u32,
                now: DateTime<Utc>,
            ) -> StoreFuture<'a, Vec<Document>> {
                Box::pin(async move {
                    let sql = "SELECT id, version, expires, content FROM documents \
                               WHERE collection = $1 AND id > $2 AND (expires IS NULL OR expires > $3) \
                               ORDER BY id LIMIT $4";
                    let found = sqlx::query_as::<_, DocumentRow>(sql)
                        .bind(collection)
                        .bind(after)
                        .bind(rows::millis(now))
                        .bind(i64::from(limit))
                        .fetch_all(self.reads())
                        .await;
                    found.map_err(rows::store_error)?.into_iter().map(rows::document).collect()
                })
            }

            fn replace_document<'a>(
                &'a self,
                collection: &'a str,
                document: &'a Document,
            ) -> StoreFuture<'a, ()> {
                Box::pin(async move {
                    let sql = "UPDATE documents SET version = $1, expires = $2, content = $3 \
                               WHERE collection = $4 AND id = $5 AND version = $6";
                    let result = sqlx::query(sql)
                        .bind(rows::signed(document.version))
                        .bind(document.expires.map(rows::millis))
                        .bind(document.content.as_slice())
                        .bind(collection)
                        .bind(&document.id)
                        .bind(rows::signed(document.version.saturating_sub(1)))
                        .execute(self.writes())
                        .await;
                    match result.map_err(rows::store_error)?.rows_affected() {
                        0 => Err(self.document_conflict(collection, &document.id).await),
                        _ => Ok(()),
                    }
                })
            }

            fn take_document<'a>(
                &'a self,
                collection: &'a str,
                id: &'a str,
                now: DateTime<Utc>,
            ) -> StoreFuture<'a, Option<Document>> {
                Box::pin(async move {
                    let sql = "DELETE FROM documents WHERE collection = $1 AND id = $2 \
                               RETURNING id, version, expires, content";
                    let row = sqlx::query_as::<_, DocumentRow>(sql).bind(collection).bind(id);
                    let taken = row.fetch_optional(self.writes()).await.map_err(rows::store_error)?;
                    let taken = taken.map(rows::document).transpose()?;
                    Ok(taken.filter(|document| document.expires.is_none_or(|expires| expires > now)))
                })
            }

            fn sweep_documents(&self, now: DateTime<Utc>) -> StoreFuture<'_, ()> {
                Box::pin(async move {
                    let sql = "DELETE FROM documents WHERE expires <= $1";
                    let result = sqlx::query(sql).bind(rows::millis(now)).execute(self.writes()).await;
                    result.map(|_| ()).map_err(rows::store_error)
                })
            }
        }
    };
}

pub(in crate::accounts::store) use sql_documents;
