//! API keys: the server's own bearer tokens, which identify callers over HTTP.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use vimeo_ext::ScopeSet;
use vimeo_ext::hex::hex;

use super::ServerError;
use crate::tools::{self, Disclosure, Spec, ToolSelection};

/// An API key: a bearer token of this server, the accounts it may use, and the scopes it is limited to.
///
/// It is not an access token of Vimeo's. Those stay with the server.
#[derive(Clone)]
pub struct ApiKey {
    hash: [u8; 32],
    accounts: BTreeSet<String>,
    scopes: Option<ScopeSet>,
    selection: Option<ToolSelection>,
    allowed: Option<BTreeSet<Disclosure>>,
    is_short: bool,
}

impl ApiKey {
    /// The minimum length in characters. A server with a shorter key does not start.
    pub const MIN_LENGTH: usize = 32;

    /// Creates an API key from a token, with the accounts its caller may use. The token must be random and have at least
    /// [`MIN_LENGTH`](Self::MIN_LENGTH) characters.
    pub fn new(
        token: impl Into<SecretString>,
        accounts: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let token = token.into();
        let token = token.expose_secret();
        let is_short = token.chars().count() < Self::MIN_LENGTH;
        Self { is_short, ..Self::from_sha256(Sha256::digest(token).into(), accounts) }
    }

    /// Creates an API key with a new token of 256 random bits. The token is stored nowhere else: give it to the caller.
    ///
    /// # Errors
    ///
    /// [`ServerError::NoRandomBytes`] if the operating system provides no random bytes.
    pub fn generate(
        accounts: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<(Self, SecretString), ServerError> {
        let bytes = crate::tools::random_bytes::<32>().ok_or(ServerError::NoRandomBytes)?;
        let token = hex(&bytes);
        Ok((Self::new(token.as_str(), accounts), token.into()))
    }

    /// Creates an API key from the SHA-256 of a token, as [`new`](Self::new) does.
    pub fn from_sha256(hash: [u8; 32], accounts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            hash,
            accounts: accounts.into_iter().map(Into::into).collect(),
            scopes: None,
            selection: None,
            allowed: None,
            is_short: false,
        }
    }

    /// Limits the caller to these scopes of Vimeo's, whatever the accounts' access tokens allow. Without `private`, the caller
    /// sees only public videos, as with [`Vimeo::limited_to`](vimeo_ext::Vimeo::limited_to). Default: all scopes.
    #[must_use]
    pub fn scopes(mut self, scopes: impl Into<ScopeSet>) -> Self {
        self.scopes = Some(scopes.into());
        self
    }

    /// Offers only these of the server's tools to the caller, and the resources that they read. Default: all of them.
    #[must_use]
    pub fn selection(mut self, selection: ToolSelection) -> Self {
        self.selection = Some(selection);
        self
    }

    /// Allows the caller's calls that disclose something of these kinds without approval, in place of the
    /// [kinds that the server allows](super::Server::allow).
    #[must_use]
    pub fn allow(mut self, kinds: impl IntoIterator<Item = Disclosure>) -> Self {
        self.allowed = Some(kinds.into_iter().collect());
        self
    }

    pub(crate) fn accounts(&self) -> &BTreeSet<String> {
        &self.accounts
    }

    /// Returns whether the caller may call a tool that needs these scopes.
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

/// The API keys that a server accepts.
#[derive(Debug, Clone, Default)]
pub struct ApiKeys(Vec<Arc<ApiKey>>);

impl ApiKeys {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether one of them is too short.
    pub(crate) fn has_short(&self) -> bool {
        self.0.iter().any(|key| key.is_short)
    }

    /// Returns the API key of a token. Compares all keys, each in constant time.
    pub(crate) fn find(&self, token: &str) -> Option<Arc<ApiKey>> {
        let hash: [u8; 32] = Sha256::digest(token).into();
        let mut found = None;
        for key in &self.0 {
            if bool::from(key.hash.ct_eq(&hash)) {
                found = Some(Arc::clone(key));
            }
        }
        found
    }
}

impl FromIterator<ApiKey> for ApiKeys {
    fn from_iter<I: IntoIterator<Item = ApiKey>>(keys: I) -> Self {
        Self(keys.into_iter().map(Arc::new).collect())
    }
}

impl<const N: usize> From<[ApiKey; N]> for ApiKeys {
    fn from(keys: [ApiKey; N]) -> Self {
        keys.into_iter().collect()
    }
}

/// Who makes a request.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// Anyone who can reach the loopback address, or who started the process.
    Local,
    /// The holder of an API key.
    Known(Arc<ApiKey>),
}

impl Caller {
    /// Returns an ID that is unique per caller and not secret.
    pub(crate) fn id(&self) -> String {
        match self {
            Self::Local => "local".to_owned(),
            Self::Known(key) => format!("bearer {:.16}", hex(&key.hash)),
        }
    }

    /// Returns the scopes that the caller is limited to; `None` if it is not limited.
    pub(crate) fn granted(&self) -> Option<&ScopeSet> {
        match self {
            Self::Local => None,
            Self::Known(key) => key.granted(),
        }
    }

    /// Returns which of the selected tools the caller is offered.
    pub(crate) fn selection(&self, selected: &ToolSelection) -> ToolSelection {
        let Self::Known(key) = self else { return selected.clone() };
        let Some(own) = &key.selection else { return selected.clone() };
        let names = tools::all().iter().map(|tool| tool.spec());
        let names = names.filter(|spec| own.includes(spec) && selected.includes(spec));
        ToolSelection {
            read_only: own.read_only || selected.read_only,
            no_destructive: own.no_destructive || selected.no_destructive,
            ..ToolSelection::only(names.map(|spec| spec.name.to_owned()))
        }
    }

    /// Returns whether the caller is offered a selected tool.
    pub(crate) fn is_offered(&self, selected: &ToolSelection, spec: &Spec) -> bool {
        selected.includes(spec) && self.may_use(spec)
    }

    /// Returns whether the caller may use a tool, whichever tools the server selects.
    pub(crate) fn may_use(&self, spec: &Spec) -> bool {
        match self {
            Self::Local => true,
            Self::Known(key) => key.selection.as_ref().is_none_or(|own| own.includes(spec)),
        }
    }

    /// Returns the kinds of disclosing calls that need no approval; `allowed` are the server's.
    pub(crate) fn allowed<'a>(&'a self, allowed: &'a BTreeSet<Disclosure>) -> &'a BTreeSet<Disclosure> {
        match self {
            Self::Local => allowed,
            Self::Known(key) => key.allowed.as_ref().unwrap_or(allowed),
        }
    }

    /// Returns whether the caller may call a tool that needs these scopes.
    pub(crate) fn covers(&self, needed: &[&str]) -> bool {
        match self {
            Self::Local => true,
            Self::Known(key) => key.covers(needed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_keys_by_token_and_hides_it() {
        let keys = ApiKeys::from([
            ApiKey::new("first-token", ["a", "b"]),
            ApiKey::new("second-token", ["c"]).scopes("public private"),
        ]);
        assert_eq!(keys.find("first-token").unwrap().accounts().len(), 2);
        let second = keys.find("second-token").unwrap();
        assert!(second.covers(&["private"]) && !second.covers(&["edit"]));
        for wrong in ["", "first-toke", "first-tokens", "FIRST-TOKEN"] {
            assert!(keys.find(wrong).is_none(), "{wrong}");
        }
        assert!(!format!("{keys:?}").contains("first"));
        let callers =
            [Caller::Known(keys.find("first-token").unwrap()), Caller::Known(second), Caller::Local];
        assert_eq!(callers.iter().map(Caller::id).collect::<BTreeSet<_>>().len(), 3);
    }
}
