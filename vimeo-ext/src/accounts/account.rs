//! Accounts, their records, queries and status events.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{AccountId, Ciphertext, KeyId, Status};
use crate::ScopeSet;

/// A connected Vimeo account: everything about it except its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Account {
    /// Your program's ID for the account.
    pub id: AccountId,
    /// The account's status.
    pub status: Status,
    /// Why the account has this status, for people to read.
    pub reason: Option<String>,
    /// The URI of the Vimeo user that the account acts for, for example `/users/7`. `None` until the user has logged in, and
    /// for an app-only token.
    pub user: Option<String>,
    /// The granted scopes, if Vimeo reported them.
    pub scopes: Option<ScopeSet>,
    /// When the access token expires, if Vimeo reported it.
    pub expires: Option<DateTime<Utc>>,
    /// The number of the current version. Starts at 1 and increases with each change.
    pub version: u64,
    /// When the account was created.
    pub created_at: DateTime<Utc>,
    /// When the account last changed.
    pub changed_at: DateTime<Utc>,
}

impl Account {
    /// Creates an account at version 1, for implementations of [`AccountStore`](super::AccountStore) and their tests. To create
    /// an account in a store, use [`Accounts::get_or_create`](super::Accounts::get_or_create).
    pub fn new(id: AccountId, status: Status, now: DateTime<Utc>) -> Self {
        Self {
            id,
            status,
            reason: None,
            user: None,
            scopes: None,
            expires: None,
            version: 1,
            created_at: now,
            changed_at: now,
        }
    }
}

/// An account as a store keeps it. Its tokens are encrypted before the store receives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRecord {
    /// Everything except the secrets.
    pub account: Account,
    /// The encrypted tokens; `None` if the account has none.
    pub secrets: Option<Ciphertext>,
}

/// Selects accounts for [`Accounts::list`](super::Accounts::list). All filters have to match. Accounts are sorted by ID.
///
/// ```
/// use vimeo_ext::accounts::{AccountQuery, Status};
/// let query = AccountQuery::default().status(Status::Revoked).limit(20);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountQuery {
    /// Only accounts with this status.
    pub status: Option<Status>,
    /// Only accounts that act for this Vimeo user, for example `/users/7`.
    pub user: Option<String>,
    /// Only accounts whose token expires before this time.
    pub expires_before: Option<DateTime<Utc>>,
    /// Only accounts whose tokens are encrypted with a different key.
    pub not_encrypted_with: Option<KeyId>,
    /// Only accounts with a greater ID: the last account of the previous page.
    pub after: Option<AccountId>,
    /// The maximum number of accounts on a page, from 1 to 1,000. Default: 50.
    pub limit: u32,
}

impl Default for AccountQuery {
    fn default() -> Self {
        Self {
            status: None,
            user: None,
            expires_before: None,
            not_encrypted_with: None,
            after: None,
            limit: 50,
        }
    }
}

impl AccountQuery {
    /// Sets [`status`](Self::status).
    #[must_use]
    pub fn status(mut self, status: Status) -> Self {
        self.status = Some(status);
        self
    }

    /// Sets [`user`](Self::user).
    #[must_use]
    pub fn user(mut self, uri: impl Into<String>) -> Self {
        self.user = Some(uri.into());
        self
    }

    /// Sets [`expires_before`](Self::expires_before).
    #[must_use]
    pub fn expires_before(mut self, time: DateTime<Utc>) -> Self {
        self.expires_before = Some(time);
        self
    }

    /// Sets [`not_encrypted_with`](Self::not_encrypted_with).
    #[must_use]
    pub fn not_encrypted_with(mut self, key: KeyId) -> Self {
        self.not_encrypted_with = Some(key);
        self
    }

    /// Sets [`after`](Self::after).
    #[must_use]
    pub fn after(mut self, account: AccountId) -> Self {
        self.after = Some(account);
        self
    }

    /// Sets [`limit`](Self::limit), clamped to 1 to 1,000.
    #[must_use]
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = limit.clamp(1, 1_000);
        self
    }
}

/// A page of accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountPage {
    /// The accounts, sorted by ID.
    pub accounts: Vec<Account>,
    /// The query for the next page; `None` if this is the last one.
    pub next: Option<AccountQuery>,
}

/// A change of an account's status. See [`Accounts::events`](super::Accounts::events).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StatusEvent {
    /// The event's sequence number. Later events of the same store have greater numbers.
    pub number: u64,
    /// The account whose status changed.
    pub account: AccountId,
    /// The status before; `None` if the account was created.
    pub from: Option<Status>,
    /// The status after; `None` if the account was disconnected.
    pub to: Option<Status>,
    /// Why the status changed, for people to read.
    pub reason: Option<String>,
    /// When the status changed.
    pub at: DateTime<Utc>,
}

impl StatusEvent {
    /// Creates an event without a sequence number; the store assigns one.
    pub fn new(
        account: &AccountId,
        from: Option<Status>,
        to: Option<Status>,
        reason: Option<String>,
        at: DateTime<Utc>,
    ) -> Self {
        Self { number: 0, account: account.clone(), from, to, reason, at }
    }
}
