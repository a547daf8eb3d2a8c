//! What can go wrong with accounts.

use super::{AuthError, ConfigError};
use crate::ids::{AccountId, ConnectionId, InvalidAccountId, KeyId};
use crate::status::Status;

/// Why something could not be done with an account or a connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountsError {
    /// That is no id.
    #[error(transparent)]
    InvalidId(#[from] InvalidAccountId),
    /// The store has no such account.
    #[error("there is no account {account}; make it with get_or_create")]
    UnknownAccount {
        /// Which.
        account: AccountId,
    },
    /// The account has no token that Vimeo takes: its user has to log in.
    #[error("account {account} is {status}: its user has to log in, send them to an authorization link")]
    LoginRequired {
        /// Which.
        account: AccountId,
        /// How it stands.
        status: Status,
    },
    /// The account is switched off here and makes no calls.
    #[error("account {account} is disabled; enable it first")]
    Disabled {
        /// Which.
        account: AccountId,
    },
    /// An account that stands so cannot come to stand so.
    #[error("account {account} is {from} and cannot become {to}")]
    InvalidTransition {
        /// Which.
        account: AccountId,
        /// How it stands.
        from: Status,
        /// How it was to stand.
        to: Status,
    },
    /// The callback belongs to no login that waits: it was used before, is too late, or is forged.
    #[error(
        "the callback belongs to no login that waits for one: it is used, too late or forged; send the user to a new link"
    )]
    UnknownLogin,
    /// Someone else logged in than the user whom the account acts for.
    #[error(
        "account {account} acts for {expected}, but {found} logged in; disconnect it first to hand it over"
    )]
    UserMismatch {
        /// Which.
        account: AccountId,
        /// Whom it acts for.
        expected: String,
        /// Who logged in.
        found: String,
    },
    /// There is a connection of this name.
    #[error("there is a connection called {name:?} already; choose another name")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A field of a connection is not as it must be. Nothing was sent or stored.
    #[error("{field} {reason}")]
    InvalidField {
        /// Which.
        field: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Vimeo does not take the credentials. Nothing was stored.
    #[error("Vimeo refuses the {what}: {source}; nothing was stored")]
    CredentialsRejected {
        /// Which of them.
        what: &'static str,
        /// What Vimeo said.
        #[source]
        source: Box<AuthError>,
    },
    /// The store has no such connection.
    #[error("there is no connection {connection}")]
    UnknownConnection {
        /// Which.
        connection: ConnectionId,
    },
    /// The connection is switched off and makes no calls.
    #[error("connection {name:?} is disabled; enable it first")]
    DisabledConnection {
        /// Its name.
        name: String,
    },
    /// It was changed by somebody else meanwhile. Nothing was written.
    #[error(
        "{what} is at version {found}, the change was made against {expected}; read it again and decide anew"
    )]
    StaleVersion {
        /// What.
        what: String,
        /// The version that was named.
        expected: u64,
        /// The version in the store.
        found: u64,
    },
    /// Others changed the account over and over while this was to be written.
    #[error("account {account} is being changed by others; try again")]
    Contended {
        /// Which.
        account: AccountId,
    },
    /// A secret could not be encrypted or decrypted.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Vimeo refused, or could not be asked.
    #[error(transparent)]
    Vimeo(Box<AuthError>),
    /// No client can be made with what is stored.
    #[error(transparent)]
    Config(Box<ConfigError>),
}

impl AccountsError {
    /// The call that failed, where one did.
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

/// Why a secret could not be encrypted or decrypted. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It is encrypted with a key that is not in the ring.
    #[error(
        "the secret is encrypted with key {key}, which is not among the keys given; add it with KeyRing::with_old, nothing was overwritten"
    )]
    UnknownKey {
        /// Which key.
        key: KeyId,
    },
    /// It was changed, or belongs to another account.
    #[error(
        "the secret of {owner} cannot be decrypted: it was altered or belongs to another; restore it from a backup or log in again"
    )]
    Damaged {
        /// Whose secret.
        owner: String,
    },
    /// It is for the API at another address than the one that this client calls. It was not sent there.
    #[error(
        "the secret of {owner} is for the API at {sealed_for}, and this client calls {api}; set the base URL right, or log in again under another account"
    )]
    ApiMismatch {
        /// Whose secret.
        owner: String,
        /// The scheme, host and port that it is for.
        sealed_for: String,
        /// Those of this client.
        api: String,
    },
    /// The text is no key.
    #[error("a key is the base64 of 32 bytes; make one with Key::generate")]
    InvalidKey,
    /// There is more of it than the cipher takes.
    #[error("the secret is too long to be encrypted")]
    TooLong,
}

/// Why a store did not do what it was asked. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The record was changed meanwhile.
    #[error("the record is at version {found}")]
    Stale {
        /// The version it is at.
        found: u64,
    },
    /// There is no such record.
    #[error("there is no such record")]
    Missing,
    /// The name is taken.
    #[error("the name is taken")]
    DuplicateName,
    /// A record cannot be read.
    #[error("a record in the store cannot be read: {0}; was it written by a newer version?")]
    Damaged(String),
    /// The store cannot be reached or used.
    #[error("the account store failed: {0}; try again when it is there")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// The store cannot be reached or used.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }
}
