//! The result of a login: an access token and what Vimeo says about it.

use std::fmt;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::Deserialize;
use vimeo_api::{Secret, types};

use super::{AccessToken, AuthError};
use crate::ScopeSet;

/// An access token together with everything that Vimeo returned with it.
///
/// The granted scopes can be fewer than the requested ones; compare them with [`ScopeSet::difference`].
#[non_exhaustive]
pub struct Grant {
    /// The token, with its scopes and expiry.
    pub token: AccessToken,
    /// The user that the token acts for; `None` for an app-only token.
    pub user: Option<Box<types::User>>,
    /// The app that the token belongs to.
    pub app: Option<GrantedApp>,
    /// The refresh token. Vimeo rarely sends one and documents no use for it; it is returned for your own
    /// [`Refresher`](super::Refresher).
    pub refresh_token: Option<SecretString>,
}

/// The app that a token belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct GrantedApp {
    /// The app's name.
    #[serde(default)]
    pub name: Option<String>,
    /// The app's URI, for example `/apps/1`.
    #[serde(default)]
    pub uri: Option<String>,
}

impl Grant {
    /// Returns the granted scopes, if Vimeo reported them.
    pub fn scopes(&self) -> Option<&ScopeSet> {
        self.token.scopes()
    }

    /// Returns when the token expires, if Vimeo reported it.
    pub fn expires(&self) -> Option<DateTime<Utc>> {
        self.token.expires()
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("token", &self.token)
            .field("user", &self.user.as_ref().and_then(|user| user.uri.as_deref()))
            .field("app", &self.app)
            .field("refresh_token", &self.refresh_token.as_ref().map(|_| "[REDACTED]"))
            .finish()
    }
}

/// The JSON of a token response. A separate type, because the token must not be held as plain text.
#[derive(Deserialize)]
pub(super) struct TokenResponse {
    #[serde(default)]
    access_token: Option<Secret>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    expires_on: Option<DateTime<Utc>>,
    #[serde(default)]
    refresh_token: Option<Secret>,
    #[serde(default)]
    user: Option<Box<types::User>>,
    #[serde(default)]
    app: Option<GrantedApp>,
}

impl TokenResponse {
    /// Converts the response to a grant. `known` is the token that the request asked about, if any; it takes precedence over
    /// the token in the response, which may be masked.
    pub(super) fn into_grant(
        self,
        call: &'static str,
        known: Option<&SecretString>,
    ) -> Result<Grant, AuthError> {
        let secret: SecretString = match (known, self.access_token) {
            (Some(known), _) => known.clone(),
            (None, Some(secret)) if !secret.expose().is_empty() => secret.expose().into(),
            (None, _) => return Err(AuthError::NoTokenInResponse(call)),
        };
        let mut token = AccessToken::new(secret).with_expiry(self.expires_on);
        if let Some(scope) = self.scope {
            token = token.with_scopes(scope);
        }
        let refresh_token = self.refresh_token.map(|secret| secret.expose().into());
        Ok(Grant { token, user: self.user, app: self.app, refresh_token })
    }
}
