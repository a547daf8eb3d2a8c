//! What can go wrong on the way to a token.

use std::sync::Arc;
use std::time::Duration;

use vimeo_api::ResponseOrigin;

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
    /// There is no way to a new token.
    #[error(
        "the client has no way to a new access token; give it a refresher or an app, or set another token"
    )]
    NoRefresher,
    /// The redirect URI, or what came back to it, is no URL or query.
    #[error("{0}")]
    InvalidCallback(String),
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
    NoTokenInResponse(&'static str),
    /// The user did not enter the code in time.
    #[error("the device code expired after {after:?} without a login; ask for a new one")]
    DeviceExpired {
        /// How long it was good for.
        after: Duration,
    },
    /// Vimeo refused, or could not be asked.
    #[error(transparent)]
    Call(Box<vimeo_api::Error>),
    /// No token could be had: by the program's refresher, or from Vimeo for the app alone. Shared, because many calls can
    /// have waited for it.
    #[error("{0}")]
    Refresh(#[source] Arc<RefreshError>),
}

impl AuthError {
    /// The call that failed, where one did: for its status, its headers and what Vimeo said.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) {
    /// let error = vimeo.auth().client_credentials("public").await.unwrap_err();
    /// let wrong_secret = error.call().is_some_and(|call| call.is_unauthorized());
    /// # }
    /// ```
    pub fn call(&self) -> Option<&vimeo_api::Error> {
        match self {
            Self::Call(call) => Some(call),
            Self::Refresh(refresh) => refresh.call(),
            _ => None,
        }
    }
}

impl From<vimeo_api::Error> for AuthError {
    fn from(error: vimeo_api::Error) -> Self {
        Self::Call(Box::new(error))
    }
}

/// Why there is no new token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// Only the user can help: calls fail with [`vimeo_api::Error::LoginRequired`] until
    /// [`Vimeo::set_access_token`](crate::Vimeo::set_access_token).
    #[error("{0}")]
    LoginRequired(String),
    /// The program lets the account make no calls, whatever its token is good for: they fail with
    /// [`vimeo_api::Error::Middleware`] until [`Vimeo::set_access_token`](crate::Vimeo::set_access_token).
    #[error("{0}")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Vimeo does not take what the token is asked for with, such as the app's client identifier or client secret: calls
    /// fail with [`vimeo_api::Error::AppCredentialsRejected`] until a client is made with others.
    #[error("Vimeo gives no access token for these credentials: {0}")]
    Credentials(#[source] Box<AuthError>),
    /// It may work the next time: an old token that has not expired is used on.
    #[error("no new access token could be had: {0}")]
    Temporary(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Vimeo was asked for a token and gave none, and may the next time: as [`Temporary`](Self::Temporary).
    #[error("no new access token could be had: {0}")]
    GrantFailed(#[source] Box<AuthError>),
}

impl RefreshError {
    /// Only the user can help.
    pub fn login_required(reason: impl Into<String>) -> Self {
        Self::LoginRequired(reason.into())
    }

    /// The account may make no calls.
    pub fn refused(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Refused(source.into())
    }

    /// Vimeo was asked for a token and did not give one. It is temporary where asking again may help: no answer came, or
    /// one with a `5xx` or `429`, or one that something before the API sent.
    pub fn from_grant(error: AuthError) -> Self {
        let is_final = match &error {
            AuthError::NoApp => true,
            AuthError::Call(call) => match &**call {
                vimeo_api::Error::Invalid { .. } => true,
                call => call.api().is_some_and(|answer| {
                    answer.origin() == ResponseOrigin::Api
                        && matches!(answer.status().as_u16(), 400 | 401 | 403 | 404)
                }),
            },
            _ => false,
        };
        if is_final { Self::Credentials(Box::new(error)) } else { Self::GrantFailed(Box::new(error)) }
    }

    /// Whether it may work the next time.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Temporary(_) | Self::GrantFailed(_))
    }

    /// The call that failed, where Vimeo was asked for a token and gave none.
    pub fn call(&self) -> Option<&vimeo_api::Error> {
        match self {
            Self::Credentials(error) | Self::GrantFailed(error) => error.call(),
            Self::LoginRequired(_) | Self::Refused(_) | Self::Temporary(_) => None,
        }
    }

    /// It may work the next time.
    pub fn temporary(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Temporary(source.into())
    }
}
