//! An account's tokens, and how they are written down.

use std::fmt;

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use vimeo_api::Secret;

use super::AccountRecord;
use super::keys::{KeyRing, Owner, Sealed};
use crate::AccessToken;
use crate::error::KeyError;

/// An account's access token, and its refresh token where Vimeo sent one.
#[derive(Clone)]
#[non_exhaustive]
pub struct Tokens {
    /// The token that calls go with.
    pub access: AccessToken,
    /// What a new one may be had with. Vimeo documents no use for it.
    pub refresh: Option<SecretString>,
}

impl Tokens {
    /// An access token alone.
    pub fn new(access: impl Into<AccessToken>) -> Self {
        Self { access: access.into(), refresh: None }
    }

    /// And a refresh token.
    #[must_use]
    pub fn with_refresh(mut self, token: impl Into<SecretString>) -> Self {
        self.refresh = Some(token.into());
        self
    }

    /// Seals them for an account, and for the API at this address alone.
    pub(super) fn seal(&self, keys: &KeyRing, account: &str, api: &str) -> Result<Sealed, KeyError> {
        let written = Written {
            api,
            access: self.access.secret().expose_secret(),
            refresh: self.refresh.as_ref().map(ExposeSecret::expose_secret),
        };
        let plain = Zeroizing::new(serde_json::to_vec(&written).map_err(|_| KeyError::TooLong)?);
        keys.seal(&Owner::Account(account), &plain)
    }

    /// The tokens of an account, and whether they are bound to the API at this address; `None` when it has none. Those of
    /// another API are not given out: sent there, they would be lost to it.
    pub(super) fn open(
        keys: &KeyRing,
        record: &AccountRecord,
        api: &str,
    ) -> Result<Option<(Self, bool)>, KeyError> {
        let Some(sealed) = &record.secrets else { return Ok(None) };
        let account = &record.account;
        let owner = Owner::Account(account.id.as_str());
        let plain = keys.open(&owner, sealed)?;
        let read: Read =
            serde_json::from_slice(&plain).map_err(|_| KeyError::Damaged { owner: owner.to_string() })?;
        let is_bound = read.api.is_some();
        owner.check_api(read.api, api)?;
        let mut access = AccessToken::new(read.access.expose()).expiring(account.expires);
        if let Some(scopes) = &account.scopes {
            access = access.with_scopes(scopes.clone());
        }
        let tokens = Self { access, refresh: read.refresh.map(|secret| secret.expose().into()) };
        Ok(Some((tokens, is_bound)))
    }

    pub(super) fn is(&self, token: &AccessToken) -> bool {
        self.access.secret().expose_secret() == token.secret().expose_secret()
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("access", &self.access)
            .field("refresh", &self.refresh.as_ref().map(|_| "[REDACTED]"))
            .finish()
    }
}

#[derive(Serialize)]
struct Written<'a> {
    api: &'a str,
    access: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh: Option<&'a str>,
}

#[derive(Deserialize)]
struct Read {
    /// Absent in what was written before it was kept: such tokens are bound to the API that takes them next.
    #[serde(default)]
    api: Option<String>,
    access: Secret,
    #[serde(default)]
    refresh: Option<Secret>,
}
