//! What is known of an account.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{AccountId, KeyId, Sealed, Status};
use crate::ScopeSet;

/// What is known of an account. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Account {
    /// What your program calls it.
    pub id: AccountId,
    /// How it stands.
    pub status: Status,
    /// Why it stands so, in words.
    pub reason: Option<String>,
    /// The Vimeo user it acts for, as `/users/7`; known once they have logged in.
    pub user: Option<String>,
    /// The scopes granted, where Vimeo named them.
    pub scopes: Option<ScopeSet>,
    /// When its token expires, where Vimeo said so.
    pub expires: Option<DateTime<Utc>>,
    /// Counts changes, from 1.
    pub version: u64,
    /// When it was first asked for.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
}

impl Account {
    /// One that has just been made; for stores and their tests.
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

/// An account as a store keeps it. Its secrets are encrypted before the store sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRecord {
    /// All that is no secret.
    pub account: Account,
    /// Its tokens, where it has some.
    pub secrets: Option<Sealed>,
}

/// Which accounts to list, in the order of their ids.
///
/// ```
/// use vimeo_ext::accounts::{AccountQuery, Status};
/// let query = AccountQuery::default().status(Status::Revoked).limit(20);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountQuery {
    /// Only accounts that stand so.
    pub status: Option<Status>,
    /// Only accounts that act for this user, as `/users/7`.
    pub user: Option<String>,
    /// Only accounts whose token expires before this.
    pub expires_before: Option<DateTime<Utc>>,
    /// Only accounts whose secrets are encrypted with another key.
    pub sealed_without: Option<KeyId>,
    /// Only accounts after this one: the last one of the page before.
    pub after: Option<AccountId>,
    /// At most so many, from 1 to 1,000. Default: 50.
    pub limit: u32,
}

impl Default for AccountQuery {
    fn default() -> Self {
        Self { status: None, user: None, expires_before: None, sealed_without: None, after: None, limit: 50 }
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

    /// Sets [`sealed_without`](Self::sealed_without).
    #[must_use]
    pub fn sealed_without(mut self, key: KeyId) -> Self {
        self.sealed_without = Some(key);
        self
    }

    /// Sets [`after`](Self::after).
    #[must_use]
    pub fn after(mut self, account: AccountId) -> Self {
        self.after = Some(account);
        self
    }

    /// Sets [`limit`](Self::limit).
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
    /// The accounts, in the order of their ids.
    pub accounts: Vec<Account>,
    /// What to ask for next; `None` at the end.
    pub next: Option<AccountQuery>,
}

/// A change of an account's status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StatusEvent {
    /// Its place in the order of all changes.
    pub number: u64,
    /// Whose status.
    pub account: AccountId,
    /// How it stood before; `None` when it was made.
    pub from: Option<Status>,
    /// How it stands now; `None` when it was forgotten.
    pub to: Option<Status>,
    /// Why, in words.
    pub reason: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

impl StatusEvent {
    /// A change that the store has not numbered yet.
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
