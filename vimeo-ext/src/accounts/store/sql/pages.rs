//! Pages of accounts: choosing a query plan that is fast for every combination of filters.
//!
//! A page is sorted by ID, so the simple plan scans the accounts in ID order and skips those that do not match. That is fast if
//! many accounts match, but of a million accounts of which three expire today it would read all. The other plan reads the
//! matching accounts from a filter's index and sorts them. Which plan is faster depends on the number of matches, so they are
//! counted first, up to a threshold that is counted quickly. The databases cannot choose: SQLite does not look at the bound
//! values, and PostgreSQL ignores them once it has cached a generic plan.

use crate::accounts::AccountQuery;
use crate::accounts::store::rows;

/// The number of matches up to which reading and sorting them is faster than scanning in ID order for a page of them.
///
/// Sorting takes longer the more matches there are; scanning takes longer the fewer there are and the larger the page is. With a
/// million accounts, both take about the same time here, for a page of 50 as well as for one of 1,000.
fn sort_threshold(limit: u32) -> i64 {
    6_000 + 14 * i64::from(limit.min(1_000))
}

/// A filter that may match few accounts, and whose index is not sorted by ID.
pub(in crate::accounts::store) struct Filter {
    pub(in crate::accounts::store) index: &'static str,
    /// The condition, as disjoint ranges of the index.
    pub(in crate::accounts::store) ranges: Vec<(&'static str, Bound)>,
    /// If the filter matches at most this many accounts, they are read from its index and sorted.
    pub(in crate::accounts::store) sort_threshold: i64,
}

/// The bound of a range.
pub(in crate::accounts::store) enum Bound {
    Time(i64),
    Text(String),
}

impl Filter {
    pub(in crate::accounts::store) fn all(query: &AccountQuery) -> Vec<Self> {
        // A user has few accounts, and their index is sorted by ID.
        if query.user.is_some() {
            return Vec::new();
        }
        let expiry = query.expires_before.map(|time| Self {
            index: "accounts_by_expiry",
            ranges: vec![("expires < ", Bound::Time(rows::millis(time)))],
            // The index contains the status too, but the number of accounts that match both is unknown. So the threshold is
            // that of the largest page.
            sort_threshold: sort_threshold(if query.status.is_some() { u32::MAX } else { query.limit }),
        });
        let key = query.not_encrypted_with.as_ref().map(|key| {
            let bound = || Bound::Text(key.as_str().to_owned());
            let ranges = vec![("key_id < ", bound()), ("key_id > ", bound())];
            Self { index: "accounts_by_key", ranges, sort_threshold: sort_threshold(query.limit) }
        });
        expiry.into_iter().chain(key).collect()
    }
}

/// The method that reads a page.
macro_rules! sql_pages {
    ($database:ty) => {
        /// Reads a page of accounts, through the index of one of these filters if it matches few accounts.
        async fn page(
            &self,
            query: &AccountQuery,
            filters: Vec<Filter>,
        ) -> Result<Vec<AccountRecord>, StoreError> {
            let mut selective = None;
            for filter in filters {
                if self.count(&filter, filter.sort_threshold + 1).await? <= filter.sort_threshold {
                    selective = Some(filter);
                    break;
                }
            }
            let mut sql = sqlx::QueryBuilder::<$database>::new("");
            let limit = i64::from(query.limit);
            if let Some(filter) = selective {
                for (number, range) in filter.ranges.iter().enumerate() {
                    sql.push(if number == 0 { "WITH matching AS MATERIALIZED (" } else { " UNION ALL " });
                    sql.push("SELECT id FROM accounts ").push(Self::index_hint(filter.index)).push(" WHERE ");
                    Self::push_range(&mut sql, range);
                    sql.push(" AND ");
                    Self::push_filters(&mut sql, query);
                }
                sql.push(") SELECT ").push(rows::ACCOUNT).push(" FROM accounts WHERE id IN ");
                sql.push("(SELECT id FROM matching ORDER BY id LIMIT ")
                    .push_bind(limit)
                    .push(") ORDER BY id");
            } else {
                sql.push("SELECT ").push(rows::ACCOUNT).push(" FROM accounts WHERE ");
                Self::push_filters(&mut sql, query);
                sql.push(" ORDER BY id LIMIT ").push_bind(limit);
            }
            // Not cached, so that the database plans for these values.
            let found = sql.build_query_as::<AccountRow>().persistent(false).fetch_all(self.reads()).await;
            found.map_err(rows::store_error)?.into_iter().map(rows::account).collect()
        }

        /// Counts the accounts that a filter matches, up to `limit`.
        async fn count(&self, filter: &Filter, limit: i64) -> Result<i64, StoreError> {
            let mut sql = sqlx::QueryBuilder::<$database>::new("SELECT COUNT(*) FROM (");
            for (number, range) in filter.ranges.iter().enumerate() {
                sql.push(if number == 0 { "" } else { " UNION ALL " });
                sql.push("SELECT 1 FROM accounts WHERE ");
                Self::push_range(&mut sql, range);
            }
            sql.push(" LIMIT ").push_bind(limit).push(") AS counted");
            sql.build_query_scalar::<i64>().fetch_one(self.reads()).await.map_err(rows::store_error)
        }

        fn push_range(
            sql: &mut sqlx::QueryBuilder<'_, $database>,
            (condition, bound): &(&'static str, Bound),
        ) {
            sql.push(condition);
            match bound {
                Bound::Time(millis) => sql.push_bind(*millis),
                Bound::Text(text) => sql.push_bind(text.clone()),
            };
        }

        /// Adds only the conditions that the query has, so that each filter can use its index.
        fn push_filters(sql: &mut sqlx::QueryBuilder<'_, $database>, query: &AccountQuery) {
            let start = query.after.as_ref().map_or("", AccountId::as_str).to_owned();
            sql.push("id > ").push_bind(start);
            if let Some(status) = query.status {
                sql.push(" AND status = ").push_bind(status.as_str());
            }
            if let Some(user) = &query.user {
                sql.push(" AND vimeo_user = ").push_bind(user.clone());
            }
            if let Some(time) = query.expires_before {
                sql.push(" AND expires < ").push_bind(rows::millis(time));
            }
            if let Some(key) = &query.not_encrypted_with {
                sql.push(" AND key_id <> ").push_bind(key.as_str().to_owned());
            }
        }
    };
}

pub(in crate::accounts::store) use sql_pages;
