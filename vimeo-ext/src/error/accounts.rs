//! The errors of accounts and connections.

use super::{AuthError, ConfigError};
use crate::ids::{AccountId, ConnectionId, InvalidAccountId, KeyId};
use crate::status::Status;

/// The error of an operation on an account or a connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountsError {
    /// The account ID is invalid.
    #[error(transparent)]
    InvalidId(#[from] InvalidAccountId),
    /// The store has no such account.
    #[error("account {account} not found; create it with get_or_create")]
    UnknownAccount {
        /// The account.
        account: AccountId,
    },
    /// The account has no valid token: its user has to log in.
    #[error("account {account} is {status}: its user must log in; send them to an authorization link")]
    LoginRequired {
        /// The account.
        account: AccountId,
        /// The status of the account.
        status: Status,
    },
    /// The account is disabled and makes no calls.
    #[error("account {account} is disabled; enable it first")]
    Disabled {
        /// The account.
        account: AccountId,
    },
    /// The account's status cannot change this way; see [`Status::can_become`].
    #[error("account {account} is {from} and cannot become {to}")]
    InvalidTransition {
        /// The account.
        account: AccountId,
        /// The current status.
        from: Status,
        /// The requested status.
        to: Status,
    },
    /// No pending login matches the callback: it was already used, has expired, or is forged.
    #[error(
        "no pending login matches this callback: it was already used, has expired, or is forged; start a new login"
    )]
    UnknownLogin,
    /// The user who logged in is not the user of the account.
    #[error(
        "account {account} belongs to {expected}, but {found} logged in; to change its user, disconnect it first"
    )]
    UserMismatch {
        /// The account.
        account: AccountId,
        /// The URI of the account's user.
        expected: String,
        /// The URI of the user who logged in.
        found: String,
    },
    /// The name of the connection is taken.
    #[error("a connection named {name:?} already exists; choose another name")]
    DuplicateName {
        /// The name of the connection.
        name: String,
    },
    /// A field of a connection is invalid. Nothing was sent or stored.
    #[error("{field} {reason}")]
    InvalidField {
        /// The name of the field.
        field: &'static str,
        /// What is wrong with its value.
        reason: &'static str,
    },
    /// Vimeo rejected the credentials. Nothing was stored.
    #[error("Vimeo rejected the {what}: {source}; nothing was stored")]
    CredentialsRejected {
        /// The rejected credentials, such as the app or the token.
        what: &'static str,
        /// The error of the call to Vimeo.
        #[source]
        source: Box<AuthError>,
    },
    /// The store has no such connection.
    #[error("connection {connection} not found")]
    UnknownConnection {
        /// The connection.
        connection: ConnectionId,
    },
    /// The connection is disabled and makes no calls.
    #[error("connection {name:?} is disabled; enable it first")]
    DisabledConnection {
        /// The name of the connection.
        name: String,
    },
    /// The record was changed concurrently. Nothing was written.
    #[error(
        "{what} is at version {found}, but the change was based on version {expected}; read it again and retry"
    )]
    StaleVersion {
        /// The record.
        what: String,
        /// The version that the change was based on.
        expected: u64,
        /// The version in the store.
        found: u64,
    },
    /// Other writers changed the account at every attempt to write it.
    #[error("account {account} is being changed by other writers; try again")]
    Contended {
        /// The account.
        account: AccountId,
    },
    /// A secret could not be encrypted or decrypted.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A call to Vimeo failed.
    #[error(transparent)]
    Vimeo(Box<AuthError>),
    /// The stored credentials are not valid for a client.
    #[error(transparent)]
    Config(Box<ConfigError>),
}

impl AccountsError {
    /// Returns the error of the failed call, if a call failed.
    pub fn call(&self) -> Option<&vimeo_api::Error> {
        match self {
            Self::CredentialsRejected { source, .. } | Self::Vimeo(source) => source.call(),
            _ => None,
        }
    }
}

impl From<AuthError> for AccountsError {
    fn from(error: AuthError) -> Self {
        Self::Vimeo(Box::new(error))
    }
}

impl From<ConfigError> for AccountsError {
    fn from(error: ConfigError) -> Self {
        Self::Config(Box::new(error))
    }
}

/// The error of encrypting or decrypting a secret. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The secret is encrypted with a key that is not in the key ring.
    #[error(
        "the secret is encrypted with key {key}, which is not in the key ring; add it with KeyRing::with_old; nothing was overwritten"
    )]
    UnknownKey {
        /// The ID of the key.
        key: KeyId,
    },
    /// The secret was altered, or belongs to another account.
    #[error(
        "cannot decrypt the secret of {owner}: it was altered or belongs to another account; restore it from a backup or log in again"
    )]
    Damaged {
        /// The owner of the secret.
        owner: String,
    },
    /// The secret is for another API than the one that this client calls. It was not sent.
    #[error(
        "the secret of {owner} is for the API at {encrypted_for}, but this client calls {api}; correct the base URL, or log in under another account"
    )]
    ApiMismatch {
        /// The owner of the secret.
        owner: String,
        /// The origin (scheme, host and port) that it is for.
        encrypted_for: String,
        /// The origin of this client's API.
        api: String,
    },
    /// The text is not a key.
    #[error("invalid key: expected 32 bytes in base64; create one with Key::generate")]
    InvalidKey,
    /// The secret is longer than the cipher allows.
    #[error("the secret is too long to encrypt")]
    TooLong,
}

/// The error of a store. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The record was changed concurrently.
    #[error("the record is at version {found}")]
    Stale {
        /// The current version.
        found: u64,
    },
    /// The record does not exist.
    #[error("record not found")]
    Missing,
    /// The name is taken.
    #[error("the name is taken")]
    DuplicateName,
    /// A record is unreadable.
    #[error("cannot read a record in the store: {0}; it may have been written by a newer version")]
    Damaged(String),
    /// The store is unavailable.
    #[error("the account store failed: {0}; try again when it is available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// Makes an [`Unavailable`](Self::Unavailable) error.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }
}
