//! An access token with its scopes and expiry.

use std::fmt;

use chrono::{DateTime, Utc};
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::ScopeSet;

/// An access token, with its scopes and expiry if they are known.
///
/// `Debug` output does not contain the token; use [`expose`](Self::expose) to read it.
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
    /// Creates a token whose scopes and expiry are unknown.
    pub fn new(secret: impl Into<SecretString>) -> Self {
        Self { secret: secret.into(), scopes: None, expires: None }
    }

    /// Sets the scopes that the token was granted. Calls that require other scopes then fail before they are sent.
    #[must_use]
    pub fn with_scopes(mut self, scopes: impl Into<ScopeSet>) -> Self {
        self.scopes = Some(scopes.into());
        self
    }

    /// Sets when the token expires. A client with a [`Refresher`](super::Refresher) then renews it 1 to 5 minutes before.
    #[must_use]
    pub fn with_expiry(mut self, at: impl Into<Option<DateTime<Utc>>>) -> Self {
        self.expires = at.into();
        self
    }

    /// Returns the token as a secret.
    pub fn secret(&self) -> &SecretString {
        &self.secret
    }

    /// Returns the token as plain text: for your own secret store, never for a log.
    pub fn expose(&self) -> &str {
        self.secret.expose_secret()
    }

    /// Returns the token's scopes, if they are known.
    pub fn scopes(&self) -> Option<&ScopeSet> {
        self.scopes.as_ref()
    }

    /// Returns when the token expires, if that is known.
    pub fn expires(&self) -> Option<DateTime<Utc>> {
        self.expires
    }

    pub(crate) fn header(&self) -> Result<HeaderValue, &'static str> {
        bearer(self.secret.expose_secret())
    }
}

/// Returns the `Authorization` header for a token.
pub(super) fn bearer(secret: &str) -> Result<HeaderValue, &'static str> {
    if secret.is_empty() {
        return Err("it is empty");
    }
    if secret.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("bearer ")) {
        return Err("it starts with the word Bearer, which is added automatically; give the token alone");
    }
    let mut header = HeaderValue::from_str(&format!("Bearer {secret}")).map_err(
        |_| "it contains characters that an HTTP header cannot carry; was a line break copied with it?",
    )?;
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
