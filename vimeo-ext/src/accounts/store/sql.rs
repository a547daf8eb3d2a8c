//! The statements, written once: SQLite and PostgreSQL understand them alike.

/// Makes an [`AccountStore`](super::AccountStore) of a type that has `reads()` and `writes()`, pools of connections, and
/// `begin(notes)`, a transaction; one that notes an event lets no other that does come between.
macro_rules! sql_store {
    ($store:ty, $database:ty) => {
        impl $store {
            async fn note(
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
                    .map_err(rows::failed)?;
                Ok(())
            }

            async fn find(
                executor: impl sqlx::Executor<'_, Database = $database>,
                id: &AccountId,
            ) -> Result<Option<AccountRecord>, StoreError> {
                let sql = format!("SELECT {} FROM accounts WHERE id = $1", rows::ACCOUNT);
                let row = sqlx::query_as::<_, AccountRow>(&sql).bind(id.as_str()).fetch_optional(executor);
                row.await.map_err(rows::failed)?.map(rows::account).transpose()
            }

            /// Why a write against a version met nothing.
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

            async fn one_connection(
                &self,
                column: &str,
                value: &str,
            ) -> Result<Option<ConnectionRecord>, StoreError> {
                let sql = format!("SELECT {} FROM connections WHERE {column} = $1", rows::CONNECTION);
                let row =
                    sqlx::query_as::<_, ConnectionRow>(&sql).bind(value).fetch_optional(self.reads()).await;
                row.map_err(rows::failed)?.map(rows::connection).transpose()
            }

            async fn connection_conflict(&self, id: &ConnectionId) -> StoreError {
                match self.one_connection("id", id.as_str()).await {
                    Ok(Some(record)) => StoreError::Stale { found: record.connection.version },
                    Ok(None) => StoreError::Missing,
                    Err(error) => error,
                }
            }
        }

        impl AccountStore for $store {
            fn insert_account<'a>(
                &'a self,
                new: &'a AccountRecord,
                event: &'a StatusEvent,
            ) -> StoreFuture<'a, (AccountRecord, bool)> {
                Box::pin(async move {
                    let account = &new.account;
                    let mut transaction = self.begin(true).await?;
                    let sql = format!(
                        "INSERT INTO accounts ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
                         ON CONFLICT (id) DO NOTHING",
                        rows::ACCOUNT
                    );
                    let done = sqlx::query(&sql)
                        .bind(account.id.as_str())
                        .bind(account.status.as_str())
                        .bind(account.reason.as_deref())
                        .bind(account.user.as_deref())
                        .bind(account.scopes.as_ref().map(ToString::to_string))
                        .bind(account.expires.map(rows::millis))
                        .bind(rows::signed(account.version))
                        .bind(rows::millis(account.created_at))
                        .bind(rows::millis(account.changed_at))
                        .bind(new.secrets.as_ref().map(|sealed| sealed.key.as_str()))
                        .bind(new.secrets.as_ref().map(|sealed| sealed.bytes.as_slice()))
                        .execute(&mut *transaction)
                        .await
                        .map_err(rows::failed)?;
                    if done.rows_affected() == 0 {
                        let present = Self::find(&mut *transaction, &account.id).await?;
                        return present.map(|present| (present, false)).ok_or(StoreError::Missing);
                    }
                    Self::note(&mut transaction, event).await?;
                    transaction.commit().await.map_err(rows::failed)?;
                    Ok((new.clone(), true))
                })
            }

            fn account<'a>(&'a self, id: &'a AccountId) -> StoreFuture<'a, Option<AccountRecord>> {
                Box::pin(Self::find(self.reads(), id))
            }

            fn replace_account<'a>(
                &'a self,
                record: &'a AccountRecord,
                event: Option<&'a StatusEvent>,
            ) -> StoreFuture<'a, ()> {
                Box::pin(async move {
                    let account = &record.account;
                    let mut transaction = self.begin(event.is_some()).await?;
                    let sql = "UPDATE accounts SET status = $1, reason = $2, vimeo_user = $3, scopes = $4, \
                               expires = $5, version = $6, changed = $7, key_id = $8, secrets = $9 \
                               WHERE id = $10 AND version = $11";
                    let done = sqlx::query(sql)
                        .bind(account.status.as_str())
                        .bind(account.reason.as_deref())
                        .bind(account.user.as_deref())
                        .bind(account.scopes.as_ref().map(ToString::to_string))
                        .bind(account.expires.map(rows::millis))
                        .bind(rows::signed(account.version))
                        .bind(rows::millis(account.changed_at))
                        .bind(record.secrets.as_ref().map(|sealed| sealed.key.as_str()))
                        .bind(record.secrets.as_ref().map(|sealed| sealed.bytes.as_slice()))
                        .bind(account.id.as_str())
                        .bind(rows::signed(account.version.saturating_sub(1)))
                        .execute(&mut *transaction)
                        .await
                        .map_err(rows::failed)?;
                    if done.rows_affected() == 0 {
                        return Err(Self::account_conflict(&mut transaction, &account.id).await);
                    }
                    if let Some(event) = event {
                        Self::note(&mut transaction, event).await?;
                    }
                    transaction.commit().await.map_err(rows::failed)
                })
            }

            fn remove_account<'a>(
                &'a self,
                id: &'a AccountId,
                version: u64,
                event: &'a StatusEvent,
            ) -> StoreFuture<'a, ()> {
                Box::pin(async move {
                    let mut transaction = self.begin(true).await?;
                    let done = sqlx::query("DELETE FROM accounts WHERE id = $1 AND version = $2")
                        .bind(id.as_str())
                        .bind(rows::signed(version))
                        .execute(&mut *transaction)
                        .await
                        .map_err(rows::failed)?;
                    if done.rows_affected() == 0 {
                        return Err(Self::account_conflict(&mut transaction, id).await);
                    }
                    for sql in
                        ["DELETE FROM logins WHERE account = $1", "DELETE FROM events WHERE account = $1"]
                    {
                        let done = sqlx::query(sql).bind(id.as_str()).execute(&mut *transaction).await;
                        done.map_err(rows::failed)?;
                    }
                    Self::note(&mut transaction, event).await?;
                    transaction.commit().await.map_err(rows::failed)
                })
            }

            fn accounts<'a>(&'a self, query: &'a AccountQuery) -> StoreFuture<'a, Vec<AccountRecord>> {
                Box::pin(async move {
                    // Written for the filters that are set, so that each finds its index.
                    let start = query.after.as_ref().map_or("", AccountId::as_str).to_owned();
                    let mut sql = sqlx::QueryBuilder::<$database>::new("SELECT ");
                    sql.push(rows::ACCOUNT).push(" FROM accounts WHERE id > ").push_bind(start);
                    if let Some(status) = query.status {
                        sql.push(" AND status = ").push_bind(status.as_str());
                    }
                    if let Some(user) = &query.user {
                        sql.push(" AND vimeo_user = ").push_bind(user.clone());
                    }
                    if let Some(time) = query.expires_before {
                        sql.push(" AND expires < ").push_bind(rows::millis(time));
                    }
                    if let Some(key) = &query.sealed_without {
                        sql.push(" AND key_id <> ").push_bind(key.as_str().to_owned());
                    }
                    sql.push(" ORDER BY id LIMIT ").push_bind(i64::from(query.limit));
                    let found = sql.build_query_as::<AccountRow>().fetch_all(self.reads()).await;
                    found.map_err(rows::failed)?.into_iter().map(rows::account).collect()
                })
            }

            fn events(&self, after: u64, limit: u32) -> StoreFuture<'_, Vec<StatusEvent>> {
                Box::pin(async move {
                    let sql = format!(
                        "SELECT {} FROM events WHERE number > $1 ORDER BY number LIMIT $2",
                        rows::EVENT
                    );
                    let found = sqlx::query_as::<_, EventRow>(&sql)
                        .bind(rows::signed(after))
                        .bind(i64::from(limit))
                        .fetch_all(self.reads())
                        .await;
                    found.map_err(rows::failed)?.into_iter().map(rows::event).collect()
                })
            }

            fn last_event(&self) -> StoreFuture<'_, u64> {
                Box::pin(async move {
                    let sql = "SELECT COALESCE(MAX(number), 0) FROM events";
                    let number = sqlx::query_scalar::<_, i64>(sql).fetch_one(self.reads()).await;
                    rows::unsigned(number.map_err(rows::failed)?)
                })
            }

            fn put_login<'a>(&'a self, login: &'a LoginRecord) -> StoreFuture<'a, ()> {
                Box::pin(async move {
                    let sql = "INSERT INTO logins (name, account, expires, key_id, secrets) \
                               VALUES ($1, $2, $3, $4, $5)";
                    sqlx::query(sql)
                        .bind(&login.key)
                        .bind(login.account.as_str())
                        .bind(rows::millis(login.expires))
                        .bind(login.secrets.key.as_str())
                        .bind(login.secrets.bytes.as_slice())
                        .execute(self.writes())
                        .await
                        .map_err(rows::failed)?;
                    Ok(())
                })
            }

            fn take_login<'a>(
                &'a self,
                key: &'a str,
                now: DateTime<Utc>,
            ) -> StoreFuture<'a, Option<LoginRecord>> {
                Box::pin(async move {
                    let sql = "DELETE FROM logins WHERE name = $1 RETURNING account, expires, key_id, secrets";
                    let row = sqlx::query_as::<_, LoginRow>(sql).bind(key).fetch_optional(self.writes());
                    let Some((account, expires, key_id, bytes)) = row.await.map_err(rows::failed)? else {
                        return Ok(None);
                    };
                    let login = LoginRecord {
                        key: key.to_owned(),
                        account: rows::id(account)?,
                        secrets: Sealed { key: KeyId::new(key_id), bytes },
                        expires: rows::time(expires)?,
                    };
                    Ok(Some(login).filter(|login| login.expires > now))
                })
            }

            fn acquire_lease<'a>(
                &'a self,
                name: &'a str,
                holder: &'a str,
                now: DateTime<Utc>,
                until: DateTime<Utc>,
            ) -> StoreFuture<'a, bool> {
                Box::pin(async move {
                    let sql = "INSERT INTO leases (name, holder, expires) VALUES ($1, $2, $3) \
                               ON CONFLICT (name) DO UPDATE \
                               SET holder = excluded.holder, expires = excluded.expires \
                               WHERE leases.holder = excluded.holder OR leases.expires <= $4";
                    let done = sqlx::query(sql)
                        .bind(name)
                        .bind(holder)
                        .bind(rows::millis(until))
                        .bind(rows::millis(now))
                        .execute(self.writes())
                        .await;
                    Ok(done.map_err(rows::failed)?.rows_affected() > 0)
                })
            }

            fn release_lease<'a>(&'a self, name: &'a str, holder: &'a str) -> StoreFuture<'a, ()> {
                Box::pin(async move {
                    let sql = "DELETE FROM leases WHERE name = $1 AND holder = $2";
                    let done = sqlx::query(sql).bind(name).bind(holder).execute(self.writes()).await;
                    done.map(|_| ()).map_err(rows::failed)
                })
            }

            fn insert_connection<'a>(&'a self, new: &'a ConnectionRecord) -> StoreFuture<'a, ()> {
                Box::pin(async move {
                    let connection = &new.connection;
                    let sql = format!(
                        "INSERT INTO connections ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                        rows::CONNECTION
                    );
                    let done = sqlx::query(&sql)
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
                    done.map(|_| ()).map_err(rows::failed)
                })
            }

            fn connection<'a>(
                &'a self,
                id: &'a ConnectionId,
            ) -> StoreFuture<'a, Option<ConnectionRecord>> {
                Box::pin(self.one_connection("id", id.as_str()))
            }

            fn connection_named<'a>(&'a self, name: &'a str) -> StoreFuture<'a, Option<ConnectionRecord>> {
                Box::pin(self.one_connection("name", name))
            }

            fn replace_connection<'a>(&'a self, record: &'a ConnectionRecord) -> StoreFuture<'a, ()> {
                Box::pin(async move {
                    let connection = &record.connection;
                    let sql = "UPDATE connections SET name = $1, description = $2, enabled = $3, \
                               client_identifier = $4, version = $5, changed = $6, key_id = $7, secrets = $8 \
                               WHERE id = $9 AND version = $10";
                    let done = sqlx::query(sql)
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
                    match done.map_err(rows::failed)?.rows_affected() {
                        0 => Err(self.connection_conflict(&connection.id).await),
                        _ => Ok(()),
                    }
                })
            }

            fn remove_connection<'a>(&'a self, id: &'a ConnectionId, version: u64) -> StoreFuture<'a, ()> {
                Box::pin(async move {
                    let done = sqlx::query("DELETE FROM connections WHERE id = $1 AND version = $2")
                        .bind(id.as_str())
                        .bind(rows::signed(version))
                        .execute(self.writes())
                        .await;
                    match done.map_err(rows::failed)?.rows_affected() {
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
                    found.map_err(rows::failed)?.into_iter().map(rows::connection).collect()
                })
            }

            fn lease_budget<'a>(
                &'a self,
                name: &'a str,
                report: &'a BudgetReport,
            ) -> StoreFuture<'a, BudgetLease> {
                Box::pin(async move {
                    let mut transaction = self.begin(false).await?;
                    let sql = "INSERT INTO budgets (name, pool, changed) VALUES ($1, '', $2) \
                               ON CONFLICT (name) DO UPDATE SET changed = excluded.changed";
                    let now = rows::millis(report.now);
                    let done = sqlx::query(sql).bind(name).bind(now).execute(&mut *transaction).await;
                    // From here on the row is this transaction's.
                    done.map_err(rows::failed)?;
                    let text = sqlx::query_scalar::<_, String>("SELECT pool FROM budgets WHERE name = $1")
                        .bind(name)
                        .fetch_one(&mut *transaction)
                        .await
                        .map_err(rows::failed)?;
                    // What cannot be read is from another version; a window later all is known again.
                    let mut pool: BudgetPool = serde_json::from_str(&text).unwrap_or_default();
                    let lease = pool.lease(report);
                    let text = serde_json::to_string(&pool).map_err(StoreError::unavailable)?;
                    sqlx::query("UPDATE budgets SET pool = $1 WHERE name = $2")
                        .bind(text)
                        .bind(name)
                        .execute(&mut *transaction)
                        .await
                        .map_err(rows::failed)?;
                    transaction.commit().await.map_err(rows::failed)?;
                    Ok(lease)
                })
            }

            fn sweep(&self, now: DateTime<Utc>, events_before: DateTime<Utc>) -> StoreFuture<'_, ()> {
                Box::pin(async move {
                    for (sql, time) in [
                        ("DELETE FROM logins WHERE expires <= $1", now),
                        ("DELETE FROM leases WHERE expires <= $1", now),
                        ("DELETE FROM budgets WHERE changed < $1", events_before),
                        (
                            "DELETE FROM events WHERE happened < $1 \
                             AND number < (SELECT MAX(number) FROM events)",
                            events_before,
                        ),
                    ] {
                        let done = sqlx::query(sql).bind(rows::millis(time)).execute(self.writes()).await;
                        done.map_err(rows::failed)?;
                    }
                    Ok(())
                })
            }
        }
    };
}

pub(super) use sql_store;
