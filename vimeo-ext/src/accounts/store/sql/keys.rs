//! Keys in use.

/// The [`AccountStore`](super::super::AccountStore) method that counts the secrets that each key encrypts.
macro_rules! sql_keys {
    ($database:ty) => {
        fn keys_in_use(&self) -> StoreFuture<'_, Vec<KeyUsage>> {
            Box::pin(async move {
                let mut used = std::collections::BTreeMap::new();
                for (table, count) in [
                    ("accounts", (|used| &mut used.accounts) as fn(&mut KeyUsage) -> &mut u64),
                    ("connections", |used| &mut used.connections),
                    ("logins", |used| &mut used.logins),
                ] {
                    let sql = format!(
                        "SELECT key_id, COUNT(*) FROM {table} WHERE key_id IS NOT NULL GROUP BY key_id"
                    );
                    let rows = sqlx::query_as::<_, (String, i64)>(&sql).fetch_all(self.reads()).await;
                    for (key, number) in rows.map_err(rows::store_error)? {
                        let key = KeyId::new(key);
                        let entry = used.entry(key.clone()).or_insert_with(|| KeyUsage::unused(key));
                        *count(entry) = rows::unsigned(number)?;
                    }
                }
                Ok(used.into_values().collect())
            })
        }
    };
}

pub(in crate::accounts::store) use sql_keys;
