//! What a login gives.

use std::fmt;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::Deserialize;
use vimeo_api::{Secret, types};

use super::{AccessToken, AuthError};
use crate::ScopeSet;

/// A token with all that came along.
///
/// The scopes granted can be fewer than those asked for: see [`ScopeSet::without`].
#[non_exhaustive]
pub struct Grant {
    /// The token, with its scopes and expiry.
    pub token: AccessToken,
    /// The user it acts for; `None` for a token of the app alone.
    pub user: Option<Box<types::User>>,
    /// The app it was given to.
    pub app: Option<GrantedApp>,
    /// A refresh token. Vimeo rarely sends one and documents no use for it; it is kept for your
    /// [`Refresher`](super::Refresher).
    pub refresh_token: Option<SecretString>,
}

/// The app that a token was given to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct GrantedApp {
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its URI, as `/apps/1`.
    #[serde(default)]
    pub uri: Option<String>,
}

impl Grant {
    /// The scopes granted, where Vimeo named them.
    pub fn scopes(&self) -> Option<&ScopeSet> {
        self.token.scopes()
    }

    /// When the token expires, where Vimeo said so.
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

/// A grant on the wire. Its own type, because the token must not be held as plain text.
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
    /// `known` is the token that was asked about. It counts, whatever the answer repeats of it: that may be masked.
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
        let mut token = AccessToken::new(secret).expiring(self.expires_on);
        if let Some(scope) = self.scope {
            token = token.with_scopes(scope);
        }
        let refresh_token = self.refresh_token.map(|secret| secret.expose().into());
        Ok(Grant { token, user: self.user, app: self.app, refresh_token })
    }
}
