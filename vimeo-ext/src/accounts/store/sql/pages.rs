//! Pages of accounts, which are to come quickly whatever they are filtered by.
//!
//! A page is in the order of ids, so the straight way is to go along them and to pass over what the filters leave out.
//! That is quick as long as the filters let many through; of a million accounts of which three expire today it would read
//! all. The other way is to take the few from their index and to put them in order. Which one is better depends on how many
//! there are, so they are counted first, up to a number that is counted at once. Databases cannot be left to decide:
//! SQLite knows nothing of the values, and PostgreSQL forgets them once it has planned a statement for good.

use crate::accounts::AccountQuery;
use crate::accounts::store::rows;

/// Up to so many are put in order more quickly than a page of them is met on the straight way.
///
/// The first takes as long as there are many of them, the second as there are few, and the longer the larger the page is.
/// Of a million accounts both take as long about here, for a page of 50 as for one of 1,000.
fn sort_threshold(limit: u32) -> i64 {
    6_000 + 14 * i64::from(limit.min(1_000))
}

/// A filter that may let few through, and is not at the front of an index that is in the order of ids.
pub(in crate::accounts::store) struct Filter {
    pub(in crate::accounts::store) index: &'static str,
    /// What has to hold, in parts that exclude each other and each are one range of the index.
    pub(in crate::accounts::store) ranges: Vec<(&'static str, Bound)>,
    /// When it lets no more through, these are gone by.
    pub(in crate::accounts::store) sort_threshold: i64,
}

/// What a range ends at.
pub(in crate::accounts::store) enum Bound {
    Time(i64),
    Word(String),
}

impl Filter {
    pub(in crate::accounts::store) fn all(query: &AccountQuery) -> Vec<Self> {
        // A user has few accounts, and an index in the order of ids.
        if query.user.is_some() {
            return Vec::new();
        }
        let expiry = query.expires_before.map(|time| Self {
            index: "accounts_by_expiry",
            ranges: vec![("expires < ", Bound::Time(rows::millis(time)))],
            // The index knows the status, too. How many have both nobody knows, so the way whose length is known is gone
            // as far as for any page.
            sort_threshold: sort_threshold(if query.status.is_some() { u32::MAX } else { query.limit }),
        });
        let key = query.not_encrypted_with.as_ref().map(|key| {
            let bound = || Bound::Word(key.as_str().to_owned());
            let ranges = vec![("key_id < ", bound()), ("key_id > ", bound())];
            Self { index: "accounts_by_key", ranges, sort_threshold: sort_threshold(query.limit) }
        });
        expiry.into_iter().chain(key).collect()
    }
}

/// What finds a page.
macro_rules! sql_pages {
    ($database:ty) => {
        /// A page of accounts, by one of these filters of the query if it lets few through.
        async fn page(
            &self,
            query: &AccountQuery,
            filters: Vec<Filter>,
        ) -> Result<Vec<AccountRecord>, StoreError> {
            let mut narrow = None;
            for filter in filters {
                if self.count(&filter, filter.sort_threshold + 1).await? <= filter.sort_threshold {
                    narrow = Some(filter);
                    break;
                }
            }
            let mut sql = sqlx::QueryBuilder::<$database>::new("");
            let limit = i64::from(query.limit);
            if let Some(filter) = narrow {
                for (number, range) in filter.ranges.iter().enumerate() {
                    sql.push(if number == 0 { "WITH matching AS MATERIALIZED (" } else { " UNION ALL " });
                    sql.push("SELECT id FROM accounts ").push(Self::using(filter.index)).push(" WHERE ");
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
            // Planned anew each time, for these values.
            let found = sql.build_query_as::<AccountRow>().persistent(false).fetch_all(self.reads()).await;
            found.map_err(rows::failed)?.into_iter().map(rows::account).collect()
        }

        /// How many accounts a filter lets through; no further than `most`.
        async fn count(&self, filter: &Filter, most: i64) -> Result<i64, StoreError> {
            let mut sql = sqlx::QueryBuilder::<$database>::new("SELECT COUNT(*) FROM (");
            for (number, range) in filter.ranges.iter().enumerate() {
                sql.push(if number == 0 { "" } else { " UNION ALL " });
                sql.push("SELECT 1 FROM accounts WHERE ");
                Self::push_range(&mut sql, range);
            }
            sql.push(" LIMIT ").push_bind(most).push(") AS counted");
            sql.build_query_scalar::<i64>().fetch_one(self.reads()).await.map_err(rows::failed)
        }

        fn push_range(sql: &mut sqlx::QueryBuilder<'_, $database>, (words, bound): &(&'static str, Bound)) {
            sql.push(words);
            match bound {
                Bound::Time(millis) => sql.push_bind(*millis),
                Bound::Word(word) => sql.push_bind(word.clone()),
            };
        }

        /// Only what is asked for, so that each filter finds its index.
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
