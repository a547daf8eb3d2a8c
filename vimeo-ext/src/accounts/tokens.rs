//! An account's tokens and their stored form.

use std::fmt;

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use vimeo_api::Secret;

use super::AccountRecord;
use super::keys::{Ciphertext, KeyRing, Owner};
use crate::AccessToken;
use crate::error::KeyError;

/// An account's access token, and its refresh token if Vimeo sent one.
///
/// `Debug` output does not contain the tokens.
#[derive(Clone)]
#[non_exhaustive]
pub struct Tokens {
    /// The access token.
    pub access: AccessToken,
    /// The refresh token. Vimeo documents no use for it.
    pub refresh: Option<SecretString>,
}

impl Tokens {
    /// Creates tokens without a refresh token.
    pub fn new(access: impl Into<AccessToken>) -> Self {
        Self { access: access.into(), refresh: None }
    }

    /// Sets the refresh token.
    #[must_use]
    pub fn with_refresh(mut self, token: impl Into<SecretString>) -> Self {
        self.refresh = Some(token.into());
        self
    }

    /// Returns the refresh token as plain text, if there is one: for your own token server, never for a log.
    pub fn expose_refresh(&self) -> Option<&str> {
        self.refresh.as_ref().map(ExposeSecret::expose_secret)
    }

    /// Encrypts the tokens for an account and for the API at this address.
    pub(super) fn encrypt(&self, keys: &KeyRing, account: &str, api: &str) -> Result<Ciphertext, KeyError> {
        let json = TokensJson {
            api,
            access: self.access.secret().expose_secret(),
            refresh: self.refresh.as_ref().map(ExposeSecret::expose_secret),
        };
        let plain = Zeroizing::new(serde_json::to_vec(&json).map_err(|_| KeyError::TooLong)?);
        keys.encrypt(&Owner::Account(account), &plain)
    }

    /// Decrypts the tokens of an account, and returns whether they are bound to the API at this address; `None` if the account
    /// has none. Fails for the tokens of another API, so that they are never sent to this one.
    pub(super) fn decrypt(
        keys: &KeyRing,
        record: &AccountRecord,
        api: &str,
    ) -> Result<Option<(Self, bool)>, KeyError> {
        let Some(ciphertext) = &record.secrets else { return Ok(None) };
        let account = &record.account;
        let owner = Owner::Account(account.id.as_str());
        let plain = keys.decrypt(&owner, ciphertext)?;
        let parsed: ParsedTokens =
            serde_json::from_slice(&plain).map_err(|_| KeyError::Damaged { owner: owner.to_string() })?;
        let is_bound = parsed.api.is_some();
        owner.check_api(parsed.api, api)?;
        let mut access = AccessToken::new(parsed.access.expose()).with_expiry(account.expires);
        if let Some(scopes) = &account.scopes {
            access = access.with_scopes(scopes.clone());
        }
        let tokens = Self { access, refresh: parsed.refresh.map(|secret| secret.expose().into()) };
        Ok(Some((tokens, is_bound)))
    }

    pub(super) fn has_access_token(&self, token: &AccessToken) -> bool {
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

/// The stored JSON, as it is written.
#[derive(Serialize)]
struct TokensJson<'a> {
    api: &'a str,
    access: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh: Option<&'a str>,
}

/// The stored JSON, as it is read.
#[derive(Deserialize)]
struct ParsedTokens {
    /// Absent in tokens that earlier versions stored: they are bound to the next API that accepts them.
    #[serde(default)]
    api: Option<String>,
    access: Secret,
    #[serde(default)]
    refresh: Option<Secret>,
}
