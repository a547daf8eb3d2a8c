//! What a call goes with, where it is not the session's token.

use http::HeaderValue;
use vimeo_api::Error;

use super::AppCredentials;
use super::token::bearer;

/// An option of one call: other credentials than the session's.
#[derive(Clone)]
pub(crate) enum CallCredentials {
    /// The app's, as the OAuth endpoints want them.
    App(AppCredentials),
    /// Another token's header.
    Token(HeaderValue),
}

impl CallCredentials {
    /// Another token than the session's.
    pub(crate) fn token(secret: &str) -> Result<Self, Error> {
        bearer(secret).map(Self::Token).map_err(|reason| Error::invalid("access token", reason))
    }
}
