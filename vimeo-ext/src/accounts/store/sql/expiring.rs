//! Records that expire: logins and leases.

/// The [`AccountStore`](super::super::AccountStore) methods for records that expire.
macro_rules! sql_expiring {
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
                    .map_err(rows::store_error)?;
                let sql = "DELETE FROM logins WHERE account = $1 AND (expires <= $2 OR name NOT IN \
                           (SELECT name FROM logins WHERE account = $1 ORDER BY expires DESC, name DESC LIMIT $3))";
                sqlx::query(sql)
                    .bind(login.account.as_str())
                    .bind(rows::millis(now))
                    .bind(i64::from(LoginRecord::MAX_PENDING))
                    .execute(&mut *transaction)
                    .await
                    .map_err(rows::store_error)?;
                transaction.commit().await.map_err(rows::store_error)
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
                let Some((account, expires, key_id, bytes)) = row.await.map_err(rows::store_error)? else {
                    return Ok(None);
                };
                let login = LoginRecord {
                    key: key.to_owned(),
                    account: rows::id(account)?,
                    secrets: Ciphertext { key: KeyId::new(key_id), bytes },
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
                let result = sqlx::query(sql)
                    .bind(name)
                    .bind(holder)
                    .bind(rows::millis(until))
                    .bind(rows::millis(now))
                    .execute(self.writes())
                    .await;
                Ok(result.map_err(rows::store_error)?.rows_affected() > 0)
            })
        }

        fn release_lease<'a>(&'a self, name: &'a str, holder: &'a str) -> StoreFuture<'a, ()> {
            Box::pin(async move {
                let sql = "DELETE FROM leases WHERE name = $1 AND holder = $2";
                let result = sqlx::query(sql).bind(name).bind(holder).execute(self.writes()).await;
                result.map(|_| ()).map_err(rows::store_error)
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
                    let result = sqlx::query(sql).bind(rows::millis(time)).execute(self.writes()).await;
                    result.map_err(rows::store_error)?;
                }
                Ok(())
            })
        }
    };
}

pub(in crate::accounts::store) use sql_expiring;
