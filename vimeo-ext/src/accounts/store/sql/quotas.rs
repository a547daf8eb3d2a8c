//! RateLimiters that processes share: many are read and written with one statement each, and nobody waits for a lock meanwhile.

/// Reads and writes pools.
macro_rules! sql_quotas {
    ($database:ty) => {
        /// The pools of these names, as they are written.
        async fn quotas_of(&self, names: &[&str]) -> Result<HashMap<String, String>, StoreError> {
            let mut sql = sqlx::QueryBuilder::<$database>::new("SELECT name, pool FROM budgets WHERE name IN (");
            let mut list = sql.separated(", ");
            for name in pad_to_power_of_two(names) {
                list.push_bind(*name);
            }
            sql.push(")");
            let rows = sql.build_query_as::<(String, String)>().fetch_all(self.quotas()).await;
            Ok(rows.map_err(rows::failed)?.into_iter().collect())
        }

        /// Writes pools that nobody has changed since they were read; the names of those.
        async fn change_quotas(
            &self,
            changes: &[PoolUpdate<'_>],
            now: i64,
        ) -> Result<Vec<String>, StoreError> {
            let mut sql = sqlx::QueryBuilder::<$database>::new("WITH changes (name, old, pool) AS (");
            sql.push_values(pad_to_power_of_two(changes), |mut row, change| {
                row.push_bind(change.name).push_bind(change.old.as_deref()).push_bind(change.pool.as_str());
            });
            // They are locked in one order, so that no two writers wait for each other.
            sql.push(
                "), same AS (SELECT budgets.name, changes.pool FROM changes JOIN budgets \
                 ON budgets.name = changes.name AND budgets.pool = changes.old ORDER BY budgets.name ",
            );
            sql.push(Self::LOCKING);
            sql.push(") UPDATE budgets SET changed = ").push_bind(now);
            sql.push(", pool = same.pool FROM same WHERE budgets.name = same.name RETURNING budgets.name");
            let names = sql.build_query_scalar::<String>().fetch_all(self.quotas()).await;
            names.map_err(rows::failed)
        }

        /// Writes pools of new names; the names of those that were new.
        async fn insert_quotas(
            &self,
            changes: &[PoolUpdate<'_>],
            now: i64,
        ) -> Result<Vec<String>, StoreError> {
            let mut sql = sqlx::QueryBuilder::<$database>::new("INSERT INTO budgets (name, pool, changed) ");
            sql.push_values(pad_to_power_of_two(changes), |mut row, change| {
                row.push_bind(change.name).push_bind(change.pool.as_str()).push_bind(now);
            });
            sql.push(" ON CONFLICT (name) DO NOTHING RETURNING name");
            let names = sql.build_query_scalar::<String>().fetch_all(self.quotas()).await;
            names.map_err(rows::failed)
        }
    };
}

/// The method of an [`AccountStore`](super::super::AccountStore) that is about shared rate limits.
macro_rules! sql_shared_quotas {
    () => {
        fn lease_quotas<'a>(&'a self, asked: &'a [LeaseRequest]) -> StoreFuture<'a, Vec<QuotaLease>> {
            Box::pin(async move {
                let now = asked.iter().map(|question| rows::millis(question.report.now)).max().unwrap_or(0);
                let mut given = BatchLeases::new(asked);
                for _ in 0..MAX_ATTEMPTS {
                    let names = given.names();
                    if names.is_empty() {
                        return Ok(given.leases());
                    }
                    let changes = given.changes(self.quotas_of(&names).await?)?;
                    let (new, known): (Vec<_>, Vec<_>) =
                        changes.into_iter().partition(|change| change.old.is_none());
                    if !known.is_empty() {
                        given.written(self.change_quotas(&known, now).await?);
                    }
                    if !new.is_empty() {
                        given.written(self.insert_quotas(&new, now).await?);
                    }
                }
                Err(StoreError::unavailable("others changed the shared rate limits each time they were read"))
            })
        }
    };
}

pub(in crate::accounts::store) use {sql_quotas, sql_shared_quotas};
