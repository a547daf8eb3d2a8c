//! Accounts and their status events.

/// The [`AccountStore`](super::super::AccountStore) methods for accounts and their events.
macro_rules! sql_accounts {
    ($database:ty) => {
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
                let result = sqlx::query(&sql)
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
                    .map_err(rows::store_error)?;
                if result.rows_affected() == 0 {
                    let present = Self::find(&mut *transaction, &account.id).await?;
                    return present.map(|present| (present, false)).ok_or(StoreError::Missing);
                }
                Self::insert_event(&mut transaction, event).await?;
                transaction.commit().await.map_err(rows::store_error)?;
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
                let result = sqlx::query(sql)
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
                    .map_err(rows::store_error)?;
                if result.rows_affected() == 0 {
                    return Err(Self::account_conflict(&mut transaction, &account.id).await);
                }
                if let Some(event) = event {
                    Self::insert_event(&mut transaction, event).await?;
                }
                transaction.commit().await.map_err(rows::store_error)
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
                let result = sqlx::query("DELETE FROM accounts WHERE id = $1 AND version = $2")
                    .bind(id.as_str())
                    .bind(rows::signed(version))
                    .execute(&mut *transaction)
                    .await
                    .map_err(rows::store_error)?;
                if result.rows_affected() == 0 {
                    return Err(Self::account_conflict(&mut transaction, id).await);
                }
                for sql in ["DELETE FROM logins WHERE account = $1", "DELETE FROM events WHERE account = $1"]
                {
                    let result = sqlx::query(sql).bind(id.as_str()).execute(&mut *transaction).await;
                    result.map_err(rows::store_error)?;
                }
                Self::insert_event(&mut transaction, event).await?;
                transaction.commit().await.map_err(rows::store_error)
            })
        }

        fn accounts<'a>(&'a self, query: &'a AccountQuery) -> StoreFuture<'a, Vec<AccountRecord>> {
            Box::pin(self.page(query, Filter::all(query)))
        }

        fn events(&self, after: u64, limit: u32) -> StoreFuture<'_, Vec<StatusEvent>> {
            Box::pin(async move {
                let sql =
                    format!("SELECT {} FROM events WHERE number > $1 ORDER BY number LIMIT $2", rows::EVENT);
                let found = sqlx::query_as::<_, EventRow>(&sql)
                    .bind(rows::signed(after))
                    .bind(i64::from(limit))
                    .fetch_all(self.reads())
                    .await;
                found.map_err(rows::store_error)?.into_iter().map(rows::event).collect()
            })
        }

        fn last_event(&self) -> StoreFuture<'_, u64> {
            Box::pin(async move {
                let sql = "SELECT COALESCE(MAX(number), 0) FROM events";
                let number = sqlx::query_scalar::<_, i64>(sql).fetch_one(self.reads()).await;
                rows::unsigned(number.map_err(rows::store_error)?)
            })
        }
    };
}

pub(in crate::accounts::store) use sql_accounts;
