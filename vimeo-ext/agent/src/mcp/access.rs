//! Who may call over HTTP: bearer tokens of the server's own.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use vimeo_ext::ScopeSet;
use vimeo_ext::hex::hex;

use super::ServerError;

/// A bearer token of this server's own, the accounts that it opens, and what may be done with them.
///
/// It is no token of Vimeo's: those stay with the server.
#[derive(Clone)]
pub struct ApiKey {
    hash: [u8; 32],
    accounts: BTreeSet<String>,
    scopes: Option<ScopeSet>,
    is_short: bool,
}

impl ApiKey {
    /// The fewest characters of a token. A server with a shorter one does not start.
    pub const MIN_LENGTH: usize = 32;

    /// A token, and the accounts of whoever has it. It has to be made at random, and to have [`MIN_LENGTH`](Self::MIN_LENGTH)
    /// characters or more.
    pub fn new(
        token: impl Into<SecretString>,
        accounts: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let token = token.into();
        let token = token.expose_secret();
        let is_short = token.chars().count() < Self::MIN_LENGTH;
        Self { is_short, ..Self::from_sha256(Sha256::digest(token).into(), accounts) }
    }

    /// A new token, made of 256 random bits, and the bearer that it is for. The token is known nowhere else: give it to the
    /// caller.
    ///
    /// # Errors
    ///
    /// [`ServerError::NoRandomBytes`] when the operating system gives no random bytes.
    pub fn generate(
        accounts: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<(Self, SecretString), ServerError> {
        let bytes = crate::tools::random_bytes::<32>().ok_or(ServerError::NoRandomBytes)?;
        let token = hex(&bytes);
        Ok((Self::new(token.as_str(), accounts), token.into()))
    }

    /// As [`new`](Self::new), for a token of which only the SHA-256 is known here.
    pub fn from_sha256(hash: [u8; 32], accounts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { hash, accounts: accounts.into_iter().map(Into::into).collect(), scopes: None, is_short: false }
    }

    /// Allows only what needs these scopes of Vimeo's, whatever the accounts' tokens may do: without `private` no video is
    /// shown that is not for everybody, as with [`Vimeo::limited_to`](vimeo_ext::Vimeo::limited_to). Default: all.
    #[must_use]
    pub fn scopes(mut self, scopes: impl Into<ScopeSet>) -> Self {
        self.scopes = Some(scopes.into());
        self
    }

    pub(crate) fn accounts(&self) -> &BTreeSet<String> {
        &self.accounts
    }

    /// Whether a tool that needs these scopes may be called.
    pub(crate) fn covers(&self, needed: &[&str]) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.contains_all(needed))
    }

    pub(crate) fn granted(&self) -> Option<&ScopeSet> {
        self.scopes.as_ref()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("token", &"[REDACTED]")
            .field("accounts", &self.accounts)
            .field("scopes", &self.scopes.as_ref().map(ToString::to_string))
            .finish()
    }
}

/// The bearer tokens that a server takes.
#[derive(Debug, Clone, Default)]
pub struct ApiKeys(Vec<Arc<ApiKey>>);

impl ApiKeys {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether one of them could be guessed.
    pub(crate) fn has_short(&self) -> bool {
        self.0.iter().any(|bearer| bearer.is_short)
    }

    /// Whose token it is. Every one is compared, each in constant time.
    pub(crate) fn find(&self, token: &str) -> Option<Arc<ApiKey>> {
        let hash: [u8; 32] = Sha256::digest(token).into();
        let mut found = None;
        for bearer in &self.0 {
            if bool::from(bearer.hash.ct_eq(&hash)) {
                found = Some(Arc::clone(bearer));
            }
        }
        found
    }
}

impl FromIterator<ApiKey> for ApiKeys {
    fn from_iter<I: IntoIterator<Item = ApiKey>>(bearers: I) -> Self {
        Self(bearers.into_iter().map(Arc::new).collect())
    }
}

impl<const N: usize> From<[ApiKey; N]> for ApiKeys {
    fn from(bearers: [ApiKey; N]) -> Self {
        bearers.into_iter().collect()
    }
}

/// Who calls.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// Whoever can reach this machine's own address, or started the process.
    Local,
    /// The holder of a token.
    Known(Arc<ApiKey>),
}

impl Caller {
    /// Tells callers apart, without a secret.
    pub(crate) fn id(&self) -> String {
        match self {
            Self::Local => "local".to_owned(),
            Self::Known(bearer) => format!("bearer {:.16}", hex(&bearer.hash)),
        }
    }

    /// The scopes that the caller is limited to; `None` when it may do all that the accounts may.
    pub(crate) fn granted(&self) -> Option<&ScopeSet> {
        match self {
            Self::Local => None,
            Self::Known(bearer) => bearer.granted(),
        }
    }

    /// Whether the caller may call a tool that needs these scopes.
    pub(crate) fn covers(&self, needed: &[&str]) -> bool {
        match self {
            Self::Local => true,
            Self::Known(bearer) => bearer.covers(needed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bearers_are_found_by_their_token_alone_and_show_nothing_of_it() {
        let bearers = ApiKeys::from([
            ApiKey::new("first-token", ["a", "b"]),
            ApiKey::new("second-token", ["c"]).scopes("public private"),
        ]);
        assert_eq!(bearers.find("first-token").unwrap().accounts().len(), 2);
        let second = bearers.find("second-token").unwrap();
        assert!(second.covers(&["private"]) && !second.covers(&["edit"]));
        for wrong in ["", "first-toke", "first-tokens", "FIRST-TOKEN"] {
            assert!(bearers.find(wrong).is_none(), "{wrong}");
        }
        assert!(!format!("{bearers:?}").contains("first"));
        let callers =
            [Caller::Known(bearers.find("first-token").unwrap()), Caller::Known(second), Caller::Local];
        assert_eq!(callers.iter().map(Caller::id).collect::<BTreeSet<_>>().len(), 3);
    }
}
