//! What is kept for a while: logins, leases and budgets.

/// The methods of an [`AccountStore`](super::super::AccountStore) that are about what ends by itself.
macro_rules! sql_passing {
    ($database:ty) => {
        fn put_login<'a>(&'a self, login: &'a LoginRecord, now: DateTime<Utc>) -> StoreFuture<'a, ()> {
            Box::pin(async move {
                let mut transaction = self.begin(false).await?;
                let sql = "INSERT INTO logins (name, account, expires, key_id, secrets) \
                           VALUES ($1, $2, $3, $4, $5)";
                sqlx::query(sql)
                    .bind(&login.key)
                    .bind(login.account.as_str())
                    .bind(rows::millis(login.expires))
                    .bind(login.secrets.key.as_str())
                    .bind(login.secrets.bytes.as_slice())
                    .execute(&mut *transaction)
                    .await
                    .map_err(rows::failed)?;
                let sql = "DELETE FROM logins WHERE account = $1 AND (expires <= $2 OR name NOT IN \
                           (SELECT name FROM logins WHERE account = $1 ORDER BY expires DESC, name DESC LIMIT $3))";
                sqlx::query(sql)
                    .bind(login.account.as_str())
                    .bind(rows::millis(now))
                    .bind(i64::from(LoginRecord::MOST))
                    .execute(&mut *transaction)
                    .await
                    .map_err(rows::failed)?;
                transaction.commit().await.map_err(rows::failed)
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

        fn lease_budget<'a>(
            &'a self,
            name: &'a str,
            report: &'a BudgetReport,
        ) -> StoreFuture<'a, BudgetLease> {
            Box::pin(async move {
                let now = rows::millis(report.now);
                for _ in 0..rows::BUDGET_TRIES {
                    let found = sqlx::query_scalar::<_, String>("SELECT pool FROM budgets WHERE name = $1")
                        .bind(name)
                        .fetch_optional(self.budgets())
                        .await
                        .map_err(rows::failed)?;
                    // What cannot be read is from another version; a window later all is known again.
                    let known = found.as_deref().and_then(|text| serde_json::from_str(text).ok());
                    let mut pool: BudgetPool = known.unwrap_or_default();
                    let lease = pool.lease(report);
                    let text = serde_json::to_string(&pool).map_err(StoreError::unavailable)?;
                    // Whoever was faster has changed it, and then it is read again.
                    let done = match found {
                        Some(found) => {
                            let sql =
                                "UPDATE budgets SET pool = $1, changed = $2 WHERE name = $3 AND pool = $4";
                            sqlx::query(sql).bind(text).bind(now).bind(name).bind(found)
                        }
                        None => {
                            let sql = "INSERT INTO budgets (pool, changed, name) VALUES ($1, $2, $3) \
                                       ON CONFLICT (name) DO NOTHING";
                            sqlx::query(sql).bind(text).bind(now).bind(name)
                        }
                    };
                    let done = done.execute(self.budgets()).await.map_err(rows::failed)?;
                    if done.rows_affected() == 1 {
                        return Ok(lease);
                    }
                }
                Err(StoreError::unavailable("others changed the shared budget each time it was read"))
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
    };
}

pub(in crate::accounts::store) use sql_passing;
