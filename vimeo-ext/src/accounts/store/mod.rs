//! Where accounts are kept.

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
use crate::rate_limit::{LeaseRequest, QuotaLease, QuotaStore};

/// What a store answers with.
pub type StoreFuture<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Where accounts, connections, logins that wait, leases and the order of status changes are kept.
///
/// A store sees no secret: what it gets is encrypted. It keeps the rules that need a single place: who was first, which
/// version is the latest, who holds a lease. Each method is one transaction: killed at any moment, it leaves what was
/// before or what comes after, and a status change is never there without its event.
///
/// Times come from the caller. Processes that share a store need clocks that agree to within a few seconds.
pub trait AccountStore: Send + Sync + 'static {
    /// Keeps a new account, or answers the one that has its id already. The second is whether it is new.
    fn insert_account<'a>(
        &'a self,
        new: &'a AccountRecord,
        event: &'a StatusEvent,
    ) -> StoreFuture<'a, (AccountRecord, bool)>;

    /// The account of this id.
    fn account<'a>(&'a self, id: &'a AccountId) -> StoreFuture<'a, Option<AccountRecord>>;

    /// Puts a record in the place of the one whose version is one less, and notes the event, if any.
    ///
    /// # Errors
    ///
    /// [`StoreError::Stale`] when the version is another, [`StoreError::Missing`] when there is none.
    fn replace_account<'a>(
        &'a self,
        record: &'a AccountRecord,
        event: Option<&'a StatusEvent>,
    ) -> StoreFuture<'a, ()>;

    /// Removes an account of this version, its logins that wait and its events, and notes the event.
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

    /// Accounts in the order of their ids, by bytes.
    fn accounts<'a>(&'a self, query: &'a AccountQuery) -> StoreFuture<'a, Vec<AccountRecord>>;

    /// Status changes after the one of this number, in their order, at most `limit`. Once one was seen, none with a lesser
    /// number appears.
    fn events(&self, after: u64, limit: u32) -> StoreFuture<'_, Vec<StatusEvent>>;

    /// The number of the latest status change; 0 when there was none.
    fn last_event(&self) -> StoreFuture<'_, u64>;

    /// Keeps a login until its user comes back, and drops those of the same account that have ended by `now`, and all but
    /// the [latest](LoginRecord::MAX_PENDING): who asks for links over and over does not fill the store.
    fn put_login<'a>(&'a self, login: &'a LoginRecord, now: DateTime<Utc>) -> StoreFuture<'a, ()>;

    /// Takes a login out, for good, if it has not expired by `now`. Of many who ask, one gets it.
    fn take_login<'a>(&'a self, key: &'a str, now: DateTime<Utc>) -> StoreFuture<'a, Option<LoginRecord>>;

    /// Takes or prolongs a lease: `true` when it is this holder's until `until`, `false` while another holds it.
    fn acquire_lease<'a>(
        &'a self,
        name: &'a str,
        holder: &'a str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> StoreFuture<'a, bool>;

    /// Gives a lease back, if this holder has it.
    fn release_lease<'a>(&'a self, name: &'a str, holder: &'a str) -> StoreFuture<'a, ()>;

    /// Uses a name that is good once, and remembers that until `until`: `true` for the first of all who ask. Here it is a
    /// lease of a holder that nobody else is.
    fn use_once<'a>(
        &'a self,
        name: &'a str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let holder = format!("{:032x}", fastrand::u128(..));
            self.acquire_lease(name, &holder, now, until).await
        })
    }

    /// Keeps a new connection.
    ///
    /// # Errors
    ///
    /// [`StoreError::DuplicateName`].
    fn insert_connection<'a>(&'a self, new: &'a ConnectionRecord) -> StoreFuture<'a, ()>;

    /// The connection of this id.
    fn connection<'a>(&'a self, id: &'a ConnectionId) -> StoreFuture<'a, Option<ConnectionRecord>>;

    /// The connection of this name.
    fn connection_by_name<'a>(&'a self, name: &'a str) -> StoreFuture<'a, Option<ConnectionRecord>>;

    /// Puts a record in the place of the one whose version is one less.
    ///
    /// # Errors
    ///
    /// [`StoreError::Stale`], [`StoreError::Missing`], [`StoreError::DuplicateName`].
    fn replace_connection<'a>(&'a self, record: &'a ConnectionRecord) -> StoreFuture<'a, ()>;

    /// Removes a connection of this version.
    ///
    /// # Errors
    ///
    /// [`StoreError::Stale`], [`StoreError::Missing`].
    fn remove_connection<'a>(&'a self, id: &'a ConnectionId, version: u64) -> StoreFuture<'a, ()>;

    /// Connections in the order of their names by bytes, after this name.
    fn connections<'a>(
        &'a self,
        after: Option<&'a str>,
        limit: u32,
    ) -> StoreFuture<'a, Vec<ConnectionRecord>>;

    /// Which keys the secrets in it are encrypted with, each once, in the order of their ids.
    fn keys_in_use(&self) -> StoreFuture<'_, Vec<KeyUsage>>;

    /// Takes what a process has learnt into the [pools](crate::rate_limit::QuotaPool) of these names, new where there is none,
    /// and answers what each gives it, in the order of the questions.
    fn lease_quotas<'a>(&'a self, asked: &'a [LeaseRequest]) -> StoreFuture<'a, Vec<QuotaLease>>;

    /// Drops logins and leases that have ended by `now`, and events from before `events_before`, but for the latest.
    fn sweep(&self, now: DateTime<Utc>, events_before: DateTime<Utc>) -> StoreFuture<'_, ()>;
}

/// A login that waits for its user to come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRecord {
    /// What it is found by: a digest of its state, so that who reads the store cannot forge a callback.
    pub key: String,
    /// Who logs in.
    pub account: AccountId,
    /// The login itself: state, PKCE verifier, redirect URI and scopes.
    pub secrets: Ciphertext,
    /// Until when its user may come back.
    pub expires: DateTime<Utc>,
}

/// How much is encrypted with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUsage {
    /// Which key.
    pub key: KeyId,
    /// How many accounts.
    pub accounts: u64,
    /// How many connections.
    pub connections: u64,
    /// How many logins, also such as have ended and were not swept yet.
    pub logins: u64,
}

impl KeyUsage {
    /// A key that nothing is encrypted with.
    pub fn unused(key: KeyId) -> Self {
        Self { key, accounts: 0, connections: 0, logins: 0 }
    }
}

impl LoginRecord {
    /// So many logins of one account wait at once; the one that ends last is the latest.
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
