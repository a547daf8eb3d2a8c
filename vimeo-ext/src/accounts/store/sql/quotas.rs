//! Quota pools: the rate limits that processes share. One statement reads many pools and one writes them (compare-and-swap), so
//! that no lock is held in between.
//!
//! The table is called `budgets`, because released versions created it.

/// The methods that read and write pools.
macro_rules! sql_quotas {
    ($database:ty) => {
        /// Reads the pools with these names, as stored.
        async fn read_quotas(&self, names: &[&str]) -> Result<HashMap<String, String>, StoreError> {
            let mut sql = sqlx::QueryBuilder::<$database>::new("SELECT name, pool FROM budgets WHERE name IN (");
            let mut list = sql.separated(", ");
            for name in pad_to_power_of_two(names) {
                list.push_bind(*name);
            }
            sql.push(")");
            let rows = sql.build_query_as::<(String, String)>().fetch_all(self.quotas()).await;
            Ok(rows.map_err(rows::store_error)?.into_iter().collect())
        }

        /// Writes the pools that have not changed since they were read, and returns their names.
        async fn update_quotas(
            &self,
            updates: &[PoolUpdate<'_>],
            now: i64,
        ) -> Result<Vec<String>, StoreError> {
            let mut sql = sqlx::QueryBuilder::<$database>::new("WITH changes (name, old, pool) AS (");
            sql.push_values(pad_to_power_of_two(updates), |mut row, update| {
                row.push_bind(update.name).push_bind(update.old.as_deref()).push_bind(update.pool.as_str());
            });
            // Rows are locked in the order of their names, so that two writers cannot deadlock.
            sql.push(
                "), same AS (SELECT budgets.name, changes.pool FROM changes JOIN budgets \
                 ON budgets.name = changes.name AND budgets.pool = changes.old ORDER BY budgets.name ",
            );
            sql.push(Self::LOCKING);
            sql.push(") UPDATE budgets SET changed = ").push_bind(now);
            sql.push(", pool = same.pool FROM same WHERE budgets.name = same.name RETURNING budgets.name");
            let names = sql.build_query_scalar::<String>().fetch_all(self.quotas()).await;
            names.map_err(rows::store_error)
        }

        /// Inserts pools with new names, and returns the names of those that did not exist.
        async fn insert_quotas(
            &self,
            updates: &[PoolUpdate<'_>],
            now: i64,
        ) -> Result<Vec<String>, StoreError> {
            let mut sql = sqlx::QueryBuilder::<$database>::new("INSERT INTO budgets (name, pool, changed) ");
            sql.push_values(pad_to_power_of_two(updates), |mut row, update| {
                row.push_bind(update.name).push_bind(update.pool.as_str()).push_bind(now);
            });
            sql.push(" ON CONFLICT (name) DO NOTHING RETURNING name");
            let names = sql.build_query_scalar::<String>().fetch_all(self.quotas()).await;
            names.map_err(rows::store_error)
        }
    };
}

/// The [`AccountStore`](super::super::AccountStore) method for shared rate limits.
macro_rules! sql_shared_quotas {
    () => {
        fn lease_quotas<'a>(&'a self, requests: &'a [LeaseRequest]) -> StoreFuture<'a, Vec<QuotaLease>> {
            Box::pin(async move {
                let now = requests.iter().map(|request| rows::millis(request.report.now)).max().unwrap_or(0);
                let mut batch = BatchLeases::new(requests);
                for _ in 0..MAX_ATTEMPTS {
                    let names = batch.names();
                    if names.is_empty() {
                        return Ok(batch.leases());
                    }
                    let updates = batch.updates(self.read_quotas(&names).await?)?;
                    let (new, existing): (Vec<_>, Vec<_>) =
                        updates.into_iter().partition(|update| update.old.is_none());
                    if !existing.is_empty() {
                        batch.mark_written(self.update_quotas(&existing, now).await?);
                    }
                    if !new.is_empty() {
                        batch.mark_written(self.insert_quotas(&new, now).await?);
                    }
                }
                Err(StoreError::unavailable(
                    "other processes changed the shared rate limits at every attempt",
                ))
            })
        }
    };
}

pub(in crate::accounts::store) use {sql_quotas, sql_shared_quotas};
