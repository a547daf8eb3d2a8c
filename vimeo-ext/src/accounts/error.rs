//! What can go wrong with accounts.

use super::{AccountId, ConnectionId, KeyError, Status, StoreError};

/// Why something could not be done with an account or a connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountsError {
    /// That is no id.
    #[error("an account cannot be called so: {reason}; use 1 to 200 bytes of visible text")]
    BadId {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The store has no such account.
    #[error("there is no account {account}; make it with get_or_create")]
    UnknownAccount {
        /// Which.
        account: AccountId,
    },
    /// The account has no token that Vimeo takes: its user has to log in.
    #[error("account {account} is {status}: its user has to log in, send them to an authorization link")]
    NeedsLogin {
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
    NotAllowed {
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
    OtherUser {
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
    BadField {
        /// Which.
        field: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Vimeo does not take the credentials. Nothing was stored.
    #[error("Vimeo refuses the {what}: {source}; nothing was stored")]
    RefusedCredentials {
        /// Which of them.
        what: &'static str,
        /// What Vimeo said.
        #[source]
        source: Box<crate::Error>,
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
    Vimeo(Box<crate::Error>),
}

impl From<crate::Error> for AccountsError {
    fn from(error: crate::Error) -> Self {
        Self::Vimeo(Box::new(error))
    }
}

impl From<crate::auth::AuthError> for AccountsError {
    fn from(error: crate::auth::AuthError) -> Self {
        crate::Error::from(error).into()
    }
}
