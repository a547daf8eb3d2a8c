//! Telling accounts apart.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

use super::AccessToken;
use crate::hex::hex;

/// Tells one account from another, without a secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AccountKey(String);

impl AccountKey {
    /// An account by its name, else by its token: the same in every process.
    pub(crate) fn of(name: Option<&str>, token: Option<&AccessToken>) -> Option<Self> {
        match (name, token) {
            (Some(name), _) => Some(Self(format!("account {name}"))),
            (None, Some(token)) => {
                let mut digest = hex(&Sha256::digest(token.secret().expose_secret()));
                digest.truncate(16);
                Some(Self(format!("token {digest}")))
            }
            (None, None) => None,
        }
    }

    /// An account that a refresher alone knows, and has not named yet: another than all before.
    pub(crate) fn unknown() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(format!("refresher {}", LAST.fetch_add(1, Ordering::Relaxed)))
    }

    /// An app without a user.
    pub(crate) fn of_app(client_id: Option<&str>) -> Self {
        Self(client_id.map_or_else(|| "no app".to_owned(), |id| format!("app {id}")))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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
        assert_eq!(AccountKey::of_app(Some("a")).as_str(), "app a");
        assert_eq!(AccountKey::of_app(None).as_str(), "no app");
    }

    /// An address in memory is used again.
    #[test]
    fn accounts_that_only_a_refresher_knows_are_never_taken_for_each_other() {
        let keys: std::collections::HashSet<_> = (0..100).map(|_| AccountKey::unknown()).collect();
        assert_eq!(keys.len(), 100);
    }
}
