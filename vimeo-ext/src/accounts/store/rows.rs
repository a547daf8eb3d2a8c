//! Conversion between records and rows, the same for every database.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use sqlx::migrate::{Migration, MigrationType};

use super::{Document, StoreError};
use crate::ScopeSet;
use crate::accounts::{
    Account, AccountId, AccountRecord, Ciphertext, Connection, ConnectionId, ConnectionRecord, KeyId, Status,
    StatusEvent,
};

pub(super) const ACCOUNT: &str =
    "id, status, reason, vimeo_user, scopes, expires, version, created, changed, key_id, secrets";
pub(super) type AccountRow = (
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
    i64,
    i64,
    i64,
    Option<String>,
    Option<Vec<u8>>,
);

pub(super) const CONNECTION: &str =
    "id, name, description, enabled, client_identifier, version, created, changed, key_id, secrets";
pub(super) type ConnectionRow = (String, String, Option<String>, i64, String, i64, i64, i64, String, Vec<u8>);

pub(super) const EVENT: &str = "number, account, from_status, to_status, reason, happened";
pub(super) type EventRow = (i64, String, Option<String>, Option<String>, Option<String>, i64);

/// A login's account, expiry, key ID and encrypted bytes.
pub(super) type LoginRow = (String, i64, String, Vec<u8>);

/// A document's ID, version, expiry and content.
pub(super) type DocumentRow = (String, i64, Option<i64>, Vec<u8>);

/// Creates a migration of the tables.
pub(super) fn migration(version: i64, name: &'static str, sql: &'static str) -> Migration {
    Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, Cow::Borrowed(sql), false)
}

fn damaged(what: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged(what.to_string())
}

pub(super) fn time(millis: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_millis(millis).ok_or_else(|| damaged("a timestamp is out of range"))
}

pub(super) fn millis(time: DateTime<Utc>) -> i64 {
    time.timestamp_millis()
}

/// Databases have signed integers only. No count of ours comes near their maximum.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| damaged("a count is negative"))
}

pub(super) fn id(text: String) -> Result<AccountId, StoreError> {
    AccountId::new(text).map_err(damaged)
}

fn status(text: &str) -> Result<Status, StoreError> {
    Status::parse(text).ok_or_else(|| damaged(format!("unknown account status {text:?}")))
}

pub(super) fn account(row: AccountRow) -> Result<AccountRecord, StoreError> {
    let (name, status_text, reason, user, scopes, expires, version, created, changed, key, bytes) = row;
    Ok(AccountRecord {
        account: Account {
            id: id(name)?,
            status: status(&status_text)?,
            reason,
            user,
            scopes: scopes.map(ScopeSet::from),
            expires: expires.map(time).transpose()?,
            version: unsigned(version)?,
            created_at: time(created)?,
            changed_at: time(changed)?,
        },
        secrets: key.zip(bytes).map(|(key, bytes)| Ciphertext { key: KeyId::new(key), bytes }),
    })
}

pub(super) fn connection(row: ConnectionRow) -> Result<ConnectionRecord, StoreError> {
    let (id, name, description, enabled, client_identifier, version, created, changed, key, bytes) = row;
    Ok(ConnectionRecord {
        connection: Connection {
            id: ConnectionId::new(id),
            name,
            description,
            enabled: enabled != 0,
            client_identifier,
            version: unsigned(version)?,
            created_at: time(created)?,
            changed_at: time(changed)?,
        },
        secrets: Ciphertext { key: KeyId::new(key), bytes },
    })
}

pub(super) fn event(row: EventRow) -> Result<StatusEvent, StoreError> {
    let (number, account, from, to, reason, happened) = row;
    let status = |text: Option<String>| text.as_deref().map(status).transpose();
    Ok(StatusEvent {
        number: unsigned(number)?,
        account: id(account)?,
        from: status(from)?,
        to: status(to)?,
        reason,
        at: time(happened)?,
    })
}

pub(super) fn document(row: DocumentRow) -> Result<Document, StoreError> {
    let (id, version, expires, content) = row;
    Ok(Document { id, version: unsigned(version)?, expires: expires.map(time).transpose()?, content })
}

/// Converts a database error. The only unique constraint that a statement can violate is that of a connection.
pub(super) fn store_error(error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::Database(database) if database.is_unique_violation() => StoreError::DuplicateName,
        _ => StoreError::unavailable(error),
    }
}
