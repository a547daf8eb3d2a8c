//! What can go wrong on the way to a token.

use std::sync::Arc;
use std::time::Duration;

use super::RefreshError;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The client knows no app.
    #[error(
        "this needs the app's client identifier and secret; give them with VimeoBuilder::app or in VIMEO_CLIENT_ID and VIMEO_CLIENT_SECRET"
    )]
    NoApp,
    /// There is no token that could be checked or revoked.
    #[error("the client has no access token; give one or log in first")]
    NoToken,
    /// The redirect URI, or what came back to it, is no URL or query.
    #[error("{0}")]
    BadCallback(String),
    /// The operating system gives no random bytes, so that no login can be begun safely.
    #[error(
        "the operating system gives no random bytes ({0}); a login needs them for its state and code verifier"
    )]
    Randomness(String),
    /// What came back does not belong to the login that was begun here: it may have been forged.
    #[error(
        "the callback's state is not the one of this login; begin the login again, and do not use the code"
    )]
    StateMismatch,
    /// The user, or Vimeo, said no.
    #[error("Vimeo gave no code: {error}{}; begin the login again", description.as_ref().map(|text| format!(" ({text})")).unwrap_or_default())]
    Denied {
        /// The word for it, such as `access_denied`.
        error: String,
        /// The words for people.
        description: Option<String>,
    },
    /// The answer held no access token.
    #[error("Vimeo's answer to {0} holds no access token; try again")]
    NoTokenInAnswer(&'static str),
    /// The user did not enter the code in time.
    #[error("the device code expired after {after:?} without a login; ask for a new one")]
    DeviceExpired {
        /// How long it was good for.
        after: Duration,
    },
    /// No token could be had: by the program's refresher, or from Vimeo for the app alone. Shared, because many calls can
    /// have waited for it.
    #[error("{0}")]
    Refresh(#[source] Arc<RefreshError>),
}
