//! Account stores.

mod documents;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod lease_batch;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
mod postgres_tls;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod rows;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;

use chrono::{DateTime, Utc};

pub use documents::{Document, DocumentStore, ServiceStore};
pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::PostgresStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;

use super::{
    AccountId, AccountQuery, AccountRecord, Ciphertext, ConnectionId, ConnectionRecord, KeyId, StatusEvent,
};
use crate::auth::BoxFuture;
use crate::error::StoreError;
use crate::random_id::random_id;
use crate::rate_limit::{LeaseRequest, QuotaLease, QuotaStore};

/// The future that a method of a store returns.
pub type StoreFuture<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Stores accounts, connections, pending logins, leases and status events.
///
/// Implement this trait to keep accounts in your own database; [`MemoryStore`], `SqliteStore` and `PostgresStore` are provided.
///
/// A store never receives plain-text secrets: they are encrypted before. It enforces what needs a single authority: unique
/// names, optimistic concurrency (versions) and leases. Each method is one transaction: if the process is killed, either all of
/// its effects are stored or none, and a status change is never stored without its event.
///
/// Times come from the caller. Processes that share a store need clocks that agree to within a few seconds.
///
/// # Errors
///
/// Every method returns [`StoreError::Unavailable`] if the store cannot be reached, and [`StoreError::Damaged`] if a record cannot
/// be parsed. Other errors are listed with the methods.
pub trait AccountStore: Send + Sync + 'static {
    /// Closes the store's connections, after the calls in progress have finished. Later calls fail. A store in a file is then
    /// one file, which can be copied. By default does nothing.
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// Inserts an account and its event, unless the account exists. Returns the stored account, and whether it is new.
    fn insert_account<'a>(
        &'a self,
        new: &'a AccountRecord,
        event: &'a StatusEvent,
    ) -> StoreFuture<'a, (AccountRecord, bool)>;

    /// Returns the account with this ID.
    fn account<'a>(&'a self, id: &'a AccountId) -> StoreFuture<'a, Option<AccountRecord>>;

    /// Replaces an account whose stored version is one less than the record's, and inserts the event, if any.
    ///
    /// # Errors
    ///
    /// [`StoreError::Stale`] if the stored version differs; [`StoreError::Missing`] if there is no such account.
    fn replace_account<'a>(
        &'a self,
        record: &'a AccountRecord,
        event: Option<&'a StatusEvent>,
    ) -> StoreFuture<'a, ()>;

    /// Removes an account that is at this version, its pending logins and its events, and inserts the event.
    ///
    /// # Errors
    ///
    /// As [`replace_account`](Self::replace_account).
    fn remove_account<'a>(
        &'a self,
        id: &'a AccountId,
        version: u64,
        event: &'a StatusEvent,
    ) -> StoreFuture<'a, ()>;

    /// Returns a page of accounts, sorted by ID (byte order).
    fn accounts<'a>(&'a self, query: &'a AccountQuery) -> StoreFuture<'a, Vec<AccountRecord>>;

    /// Returns the status events after this number, in order, at most `limit`. Once an event has been visible, no event with a
    /// smaller number may appear.
    fn events(&self, after: u64, limit: u32) -> StoreFuture<'_, Vec<StatusEvent>>;

    /// Returns the number of the latest status event; 0 if there is none.
    fn last_event(&self) -> StoreFuture<'_, u64>;

    /// Inserts a pending login. Removes the account's logins that have expired by `now`, and all but its
    /// [latest 10](LoginRecord::MAX_PENDING), so that requesting links repeatedly does not fill the store.
    fn put_login<'a>(&'a self, login: &'a LoginRecord, now: DateTime<Utc>) -> StoreFuture<'a, ()>;

    /// Removes and returns a login if it has not expired by `now`. Of concurrent callers, one gets it.
    fn take_login<'a>(&'a self, key: &'a str, now: DateTime<Utc>) -> StoreFuture<'a, Option<LoginRecord>>;

    /// Acquires or extends a lease. Returns `true` if this holder has it until `until`, and `false` if another holder has it.
    fn acquire_lease<'a>(
        &'a self,
        name: &'a str,
        holder: &'a str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> StoreFuture<'a, bool>;

    /// Releases a lease if this holder has it.
    fn release_lease<'a>(&'a self, name: &'a str, holder: &'a str) -> StoreFuture<'a, ()>;

    /// Uses a name that may be used once, and remembers that until `until`. Returns `true` for the first caller only.
    ///
    /// The default implementation acquires a lease with a unique holder.
    fn use_once<'a>(
        &'a self,
        name: &'a str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move { self.acquire_lease(name, &random_id(), now, until).await })
    }

    /// Inserts a connection.
    ///
    /// # Errors
    ///
    /// [`StoreError::DuplicateName`] if its name or its ID exists.
    fn insert_connection<'a>(&'a self, new: &'a ConnectionRecord) -> StoreFuture<'a, ()>;

    /// Returns the connection with this ID.
    fn connection<'a>(&'a self, id: &'a ConnectionId) -> StoreFuture<'a, Option<ConnectionRecord>>;

    /// Returns the connection with this name.
    fn connection_by_name<'a>(&'a self, name: &'a str) -> StoreFuture<'a, Option<ConnectionRecord>>;

    /// Replaces a connection whose stored version is one less than the record's.
    ///
    /// # Errors
    ///
    /// [`StoreError::Stale`] if the stored version differs; [`StoreError::Missing`] if there is no such connection;
    /// [`StoreError::DuplicateName`] if another connection has its name.
    fn replace_connection<'a>(&'a self, record: &'a ConnectionRecord) -> StoreFuture<'a, ()>;

    /// Removes a connection that is at this version.
    ///
    /// # Errors
    ///
    /// [`StoreError::Stale`] if the stored version differs; [`StoreError::Missing`] if there is no such connection.
    fn remove_connection<'a>(&'a self, id: &'a ConnectionId, version: u64) -> StoreFuture<'a, ()>;

    /// Returns the connections with a greater name than `after`, sorted by name (byte order), at most `limit`.
    fn connections<'a>(
        &'a self,
        after: Option<&'a str>,
        limit: u32,
    ) -> StoreFuture<'a, Vec<ConnectionRecord>>;

    /// Returns the keys that encrypt secrets in this store, each once, sorted by key ID.
    fn keys_in_use(&self) -> StoreFuture<'_, Vec<KeyUsage>>;

    /// Applies each request's usage report to the [pool](crate::rate_limit::QuotaPool) that it names, creating missing pools, and
    /// returns the resulting leases, in the order of the requests.
    fn lease_quotas<'a>(&'a self, requests: &'a [LeaseRequest]) -> StoreFuture<'a, Vec<QuotaLease>>;

    /// Deletes logins and leases that have expired by `now`, and events from before `events_before` except for the latest one.
    fn sweep(&self, now: DateTime<Utc>, events_before: DateTime<Utc>) -> StoreFuture<'_, ()>;
}

/// A pending login: the user was sent to an authorization link and has not come back yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRecord {
    /// The login's key: a hash of its `state`, so that reading the store is not enough to forge a callback.
    pub key: String,
    /// The account that the login is for.
    pub account: AccountId,
    /// The encrypted login: state, PKCE verifier, redirect URI and scopes.
    pub secrets: Ciphertext,
    /// When the login expires.
    pub expires: DateTime<Utc>,
}

/// How many secrets one key encrypts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUsage {
    /// The ID of the key.
    pub key: KeyId,
    /// The number of accounts.
    pub accounts: u64,
    /// The number of connections.
    pub connections: u64,
    /// The number of logins, including expired ones that were not [swept](super::Accounts::sweep) yet.
    pub logins: u64,
}

impl KeyUsage {
    /// Creates the usage of a key that encrypts nothing.
    pub fn unused(key: KeyId) -> Self {
        Self { key, accounts: 0, connections: 0, logins: 0 }
    }
}

impl LoginRecord {
    /// The maximum number of pending logins of one account. The ones that expire last are kept.
    pub const MAX_PENDING: u32 = 10;
}

/// Every account store also shares rate limits; see [`RateLimiters::shared`](crate::RateLimiters::shared).
impl<S: AccountStore + ?Sized> QuotaStore for S {
    fn lease<'a>(
        &'a self,
        requests: &'a [LeaseRequest],
    ) -> BoxFuture<'a, Result<Vec<QuotaLease>, Box<dyn std::error::Error + Send + Sync>>> {
        Box::pin(async move { Ok(self.lease_quotas(requests).await?) })
    }
}
