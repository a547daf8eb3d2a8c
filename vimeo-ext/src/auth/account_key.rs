//! Keys that identify accounts.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::AccessToken;
use crate::hex::hex;

/// Identifies an account without revealing a secret. The upload journal stores this key, so its serialized form must not
/// change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "name", rename_all = "snake_case")]
pub(crate) enum AccountKey {
    /// The name that the program gave the account.
    Account(String),
    /// The first 16 hexadecimal digits of the token's SHA-256 hash.
    Token(String),
    /// The client ID of an app without a user.
    App(String),
    /// A client with neither a user nor an app.
    NoApp,
    /// An unnamed account that only a refresher knows: a number that is unique in this process.
    Unknown(String),
}

impl AccountKey {
    /// Returns the key of an account: its name if it has one, otherwise its token's hash. The key is the same in every
    /// process.
    pub(crate) fn new(name: Option<&str>, token: Option<&AccessToken>) -> Option<Self> {
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

    /// Returns a new key, different from all earlier ones, for an account that only a refresher knows.
    pub(crate) fn unknown() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self::Unknown(NEXT.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// Returns the key of an app without a user.
    pub(crate) fn app(client_id: Option<&str>) -> Self {
        client_id.map_or(Self::NoApp, |id| Self::App(id.to_owned()))
    }

    /// Returns the kind of key and its value.
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

/// Formats the key as the name under which processes share the account's rate limit.
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
    fn name_takes_precedence_over_token_hash() {
        let token = AccessToken::from("s3cret");
        let key = |name, token| AccountKey::new(name, token).map(|key| key.to_string());
        assert_eq!(key(Some("7"), Some(&token)).as_deref(), Some("account 7"));
        // The form that earlier releases stored.
        assert_eq!(key(None, Some(&token)).as_deref(), Some("token 1ec1c26b50d5d3c5"));
        assert_eq!(key(None, None), None);
        assert_eq!(AccountKey::app(Some("a")).to_string(), "app a");
        assert_eq!(AccountKey::app(None).to_string(), "no app");
    }

    #[test]
    fn unknown_keys_are_unique() {
        let keys: std::collections::HashSet<_> = (0..100).map(|_| AccountKey::unknown()).collect();
        assert_eq!(keys.len(), 100);
    }
}
