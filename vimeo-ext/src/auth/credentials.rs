//! Per-call credentials that replace the session's token.

use http::HeaderValue;
use vimeo_api::Error;

use super::AppCredentials;
use super::token::bearer;

/// A call option: credentials to use instead of the session's token.
#[derive(Clone)]
pub(crate) enum CallCredentials {
    /// The app's credentials, which the OAuth endpoints require.
    App(AppCredentials),
    /// The `Authorization` header of another access token.
    Token(HeaderValue),
}

impl CallCredentials {
    /// Uses this access token instead of the session's.
    pub(crate) fn token(secret: &str) -> Result<Self, Error> {
        bearer(secret).map(Self::Token).map_err(|reason| Error::invalid("access token", reason))
    }
}
