//! An access token and what is known of it.

use std::fmt;

use chrono::{DateTime, Utc};
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::ScopeSet;

/// An access token, with its scopes and expiry where they are known.
///
/// ```
/// use vimeo_ext::{AccessToken, Scope};
/// let token = AccessToken::from("s3cret").with_scopes([Scope::Private, Scope::Upload]);
/// assert!(!format!("{token:?}").contains("s3cret"));
/// ```
#[derive(Clone)]
pub struct AccessToken {
    secret: SecretString,
    scopes: Option<ScopeSet>,
    expires: Option<DateTime<Utc>>,
}

impl AccessToken {
    /// A token of which nothing else is known.
    pub fn new(secret: impl Into<SecretString>) -> Self {
        Self { secret: secret.into(), scopes: None, expires: None }
    }

    /// Says which scopes it was granted; calls that need others then fail before they are sent.
    #[must_use]
    pub fn with_scopes(mut self, scopes: impl Into<ScopeSet>) -> Self {
        self.scopes = Some(scopes.into());
        self
    }

    /// Says when it expires; with a [`Refresher`](super::Refresher) it is then renewed before that.
    #[must_use]
    pub fn expiring(mut self, at: impl Into<Option<DateTime<Utc>>>) -> Self {
        self.expires = at.into();
        self
    }

    /// The token itself.
    pub fn secret(&self) -> &SecretString {
        &self.secret
    }

    /// The text of the token: for a store of your own, never for a log.
    pub fn expose(&self) -> &str {
        self.secret.expose_secret()
    }

    /// Its scopes, where they are known.
    pub fn scopes(&self) -> Option<&ScopeSet> {
        self.scopes.as_ref()
    }

    /// When it expires, where that is known.
    pub fn expires(&self) -> Option<DateTime<Utc>> {
        self.expires
    }

    pub(crate) fn header(&self) -> Result<HeaderValue, &'static str> {
        bearer(self.secret.expose_secret())
    }
}

/// The `Authorization` header for a token.
pub(super) fn bearer(secret: &str) -> Result<HeaderValue, &'static str> {
    if secret.is_empty() {
        return Err("it is empty");
    }
    if secret.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("bearer ")) {
        return Err("it begins with the word Bearer, which is put before it anyway; give the token alone");
    }
    let mut header = HeaderValue::from_str(&format!("Bearer {secret}"))
        .map_err(|_| "it has characters that no header can have; was a line end copied along?")?;
    header.set_sensitive(true);
    Ok(header)
}

impl From<&str> for AccessToken {
    fn from(secret: &str) -> Self {
        Self::new(secret)
    }
}

impl From<String> for AccessToken {
    fn from(secret: String) -> Self {
        Self::new(secret)
    }
}

impl From<SecretString> for AccessToken {
    fn from(secret: SecretString) -> Self {
        Self::new(secret)
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("secret", &"[REDACTED]")
            .field("scopes", &self.scopes.as_ref().map(ToString::to_string))
            .field("expires", &self.expires)
            .finish()
    }
}
