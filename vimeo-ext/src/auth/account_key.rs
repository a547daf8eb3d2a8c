//! Telling accounts apart.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::AccessToken;
use crate::hex::hex;

/// Tells one account from another, without a secret. The upload journal keeps it, so its form must stay as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "name", rename_all = "snake_case")]
pub(crate) enum AccountKey {
    /// By the name that the program gave it.
    Account(String),
    /// By the beginning of its token's SHA-256.
    Token(String),
    /// An app without a user, by its client identifier.
    App(String),
    /// A client without a user and without an app.
    NoApp,
    /// One that a refresher alone knows, and has not named yet; a number of this process.
    Unknown(String),
}

impl AccountKey {
    /// An account by its name, else by its token: the same in every process.
    pub(crate) fn of(name: Option<&str>, token: Option<&AccessToken>) -> Option<Self> {
        match (name, token) {
            (Some(name), _) => Some(Self::Account(name.to_owned())),
            (None, Some(token)) => {
                let mut digest = hex(&Sha256::digest(token.secret().expose_secret()));
                digest.truncate(16);
                Some(Self::Token(digest))
            }
            (None, None) => None,
        }
    }

    /// An account that a refresher alone knows: another than all before.
    pub(crate) fn unknown() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self::Unknown(LAST.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// An app without a user.
    pub(crate) fn of_app(client_id: Option<&str>) -> Self {
        client_id.map_or(Self::NoApp, |id| Self::App(id.to_owned()))
    }

    /// The word for what it is, and its name.
    pub(crate) fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Account(name) => ("account", name),
            Self::Token(digest) => ("token", digest),
            Self::App(id) => ("app", id),
            Self::NoApp => ("app", ""),
            Self::Unknown(number) => ("refresher", number),
        }
    }
}

/// The name under which the account's rate limit is shared.
impl fmt::Display for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoApp => f.write_str("no app"),
            key => {
                let (kind, name) = key.parts();
                write!(f, "{kind} {name}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_for_more_than_a_token_and_no_secret_is_shown() {
        let token = AccessToken::from("s3cret");
        let key = |name, token| AccountKey::of(name, token).map(|key| key.to_string());
        assert_eq!(key(Some("7"), Some(&token)).as_deref(), Some("account 7"));
        // As earlier releases have written it down.
        assert_eq!(key(None, Some(&token)).as_deref(), Some("token 1ec1c26b50d5d3c5"));
        assert_eq!(key(None, None), None);
        assert_eq!(AccountKey::of_app(Some("a")).to_string(), "app a");
        assert_eq!(AccountKey::of_app(None).to_string(), "no app");
    }

    /// An address in memory is used again.
    #[test]
    fn accounts_that_only_a_refresher_knows_are_never_taken_for_each_other() {
        let keys: std::collections::HashSet<_> = (0..100).map(|_| AccountKey::unknown()).collect();
        assert_eq!(keys.len(), 100);
    }
}
