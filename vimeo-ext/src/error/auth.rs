//! The errors of obtaining a token.

use std::sync::Arc;
use std::time::Duration;

use vimeo_api::ResponseOrigin;

/// The error of obtaining, checking or revoking a token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The client has no app credentials.
    #[error(
        "this needs the app's client ID and client secret; set them with VimeoBuilder::app or in VIMEO_CLIENT_ID and VIMEO_CLIENT_SECRET"
    )]
    NoApp,
    /// The client has no token to check or revoke.
    #[error("the client has no access token; set one or log in first")]
    NoToken,
    /// The client has neither a refresher nor an app.
    #[error(
        "the client cannot obtain a new access token; give it a refresher or an app, or set another token"
    )]
    NoRefresher,
    /// The redirect URI or the callback is invalid.
    #[error("{0}")]
    InvalidCallback(String),
    /// The operating system provides no random bytes, so a login would not be safe.
    #[error(
        "the operating system provides no random bytes ({0}); a login needs them for its state and code verifier"
    )]
    Randomness(String),
    /// The callback does not belong to this login: it may be forged.
    #[error("the callback's state does not match this login; start the login again, and do not use the code")]
    StateMismatch,
    /// The user or Vimeo denied the login.
    #[error("Vimeo returned no code: {error}{}; start the login again", description.as_ref().map(|text| format!(" ({text})")).unwrap_or_default())]
    Denied {
        /// The error code, such as `access_denied`.
        error: String,
        /// The description for people.
        description: Option<String>,
    },
    /// The response contained no access token.
    #[error("Vimeo's response to {0} contains no access token; try again")]
    NoTokenInResponse(&'static str),
    /// The user did not enter the code in time.
    #[error("the device code expired after {after:?} without a login; request a new one")]
    DeviceExpired {
        /// How long it was valid.
        after: Duration,
    },
    /// A call to Vimeo failed.
    #[error(transparent)]
    Call(Box<vimeo_api::Error>),
    /// No token could be obtained, from the program's refresher or from Vimeo for the app alone. Shared, because many calls may have
    /// waited for it.
    #[error("{0}")]
    Refresh(#[source] Arc<RefreshError>),
}

impl AuthError {
    /// Returns the error of the failed call, if a call failed: for its status, its headers and Vimeo's message.
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

/// Why no new token could be obtained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// The user has to log in: calls fail with [`vimeo_api::Error::LoginRequired`] until
    /// [`Vimeo::set_access_token`](crate::Vimeo::set_access_token).
    #[error("{0}")]
    LoginRequired(String),
    /// The program does not let the account make calls, even if its token is valid: they fail with
    /// [`vimeo_api::Error::Middleware`] until [`Vimeo::set_access_token`](crate::Vimeo::set_access_token).
    #[error("{0}")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Vimeo rejected the credentials of the token request, such as the app's client ID or client secret: calls fail with
    /// [`vimeo_api::Error::AppCredentialsRejected`] until a client is created with other credentials.
    #[error("Vimeo returns no access token for these credentials: {0}")]
    Credentials(#[source] Box<AuthError>),
    /// A retry may succeed. An old token that has not expired is still used.
    #[error("cannot obtain a new access token: {0}")]
    Temporary(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The token request to Vimeo failed, and a retry may succeed; as [`Temporary`](Self::Temporary).
    #[error("cannot obtain a new access token: {0}")]
    GrantFailed(#[source] Box<AuthError>),
}

impl RefreshError {
    /// Makes a [`LoginRequired`](Self::LoginRequired) error.
    pub fn login_required(reason: impl Into<String>) -> Self {
        Self::LoginRequired(reason.into())
    }

    /// Makes a [`Refused`](Self::Refused) error.
    pub fn refused(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Refused(source.into())
    }

    /// Makes an error of a failed token request. It is temporary if a retry may succeed: there was no response, or one with `5xx` or
    /// `429`, or one of an intermediary.
    pub fn from_grant(error: AuthError) -> Self {
        let is_final = match &error {
            AuthError::NoApp => true,
            AuthError::Call(call) => match &**call {
                vimeo_api::Error::Invalid { .. } => true,
                call => call.api().is_some_and(|response| {
                    response.origin() == ResponseOrigin::Api
                        && matches!(response.status().as_u16(), 400 | 401 | 403 | 404)
                }),
            },
            _ => false,
        };
        if is_final { Self::Credentials(Box::new(error)) } else { Self::GrantFailed(Box::new(error)) }
    }

    /// Whether a retry may succeed.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Temporary(_) | Self::GrantFailed(_))
    }

    /// Returns the error of the failed token request to Vimeo, if there was one.
    pub fn call(&self) -> Option<&vimeo_api::Error> {
        match self {
            Self::Credentials(error) | Self::GrantFailed(error) => error.call(),
            Self::LoginRequired(_) | Self::Refused(_) | Self::Temporary(_) => None,
        }
    }

    /// Makes a [`Temporary`](Self::Temporary) error.
    pub fn temporary(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Temporary(source.into())
    }
}
