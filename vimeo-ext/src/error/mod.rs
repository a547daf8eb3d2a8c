//! What can go wrong.

use std::fmt;

#[cfg(feature = "accounts")]
mod accounts;
mod auth;
mod config;
#[cfg(feature = "upload")]
mod media;
#[cfg(feature = "upload")]
mod upload;

#[cfg(feature = "accounts")]
pub use self::accounts::{AccountsError, KeyError, StoreError};
pub use self::auth::{AuthError, RefreshError};
pub use self::config::ConfigError;
#[cfg(feature = "upload")]
pub use self::media::MediaError;
#[cfg(feature = "upload")]
pub use self::upload::{SizeSource, TransientError, UploadError};
#[cfg(feature = "upload")]
pub(crate) use self::upload::{is_journal_id, journal_id_in};
#[cfg(feature = "upload")]
use crate::upload_ticket::UploadTicket;

/// Why something did not work: one enum to match on.
///
/// ```no_run
/// # async fn demo(vimeo: vimeo_ext::Vimeo) {
/// use vimeo_ext::Error;
/// match vimeo.upload("film.mp4").send().await {
///     Ok(video) => tracing::info!(video = video.uri, "uploaded"),
///     Err(Error::Call(vimeo_ext::api::Error::QuotaExceeded(full))) => tracing::warn!(%full, "no room"),
///     Err(Error::Call(vimeo_ext::api::Error::MissingScope(scope))) => tracing::warn!(%scope, "new token needed"),
///     Err(Error::Upload { ticket: Some(ticket), source }) if source.is_resumable() => {
///         tracing::warn!(%source, "to be resumed");
///         keep(*ticket);
///     }
///     Err(error) => tracing::error!(%error, "failed"),
/// }
/// # }
/// # fn keep(_: vimeo_ext::upload::UploadTicket) {}
/// ```
///
/// `Debug` writes the same text as `Display` and the causes, so that a `main` that returns the error prints what to do next;
/// `{:#?}` shows the structure.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A call failed, or was refused before it was sent.
    #[error(transparent)]
    Call(#[from] vimeo_api::Error),

    /// The bytes of an upload did not all get there.
    #[cfg(feature = "upload")]
    #[error("{source}")]
    Upload {
        /// What happened.
        source: Box<UploadError>,
        /// What the upload can be resumed with, when the video had been created.
        ticket: Option<Box<UploadTicket>>,
    },

    /// A picture, a text track, or a wait for Vimeo's work came to nothing.
    #[cfg(feature = "upload")]
    #[error(transparent)]
    Media(Box<MediaError>),

    /// There is no token, or no way to one.
    #[error(transparent)]
    Auth(AuthError),

    /// The client cannot be set up as it was told.
    #[error(transparent)]
    Config(#[from] ConfigError),

    /// Something could not be done with an account or a connection.
    #[cfg(feature = "accounts")]
    #[error(transparent)]
    Accounts(Box<AccountsError>),
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return vimeo_api::write_report(self, f);
        }
        match self {
            Self::Call(error) => f.debug_tuple("Call").field(error).finish(),
            #[cfg(feature = "upload")]
            Self::Upload { source, ticket } => {
                f.debug_struct("Upload").field("source", source).field("ticket", ticket).finish()
            }
            #[cfg(feature = "upload")]
            Self::Media(error) => f.debug_tuple("Media").field(error).finish(),
            Self::Auth(error) => f.debug_tuple("Auth").field(error).finish(),
            Self::Config(error) => f.debug_tuple("Config").field(error).finish(),
            #[cfg(feature = "accounts")]
            Self::Accounts(error) => f.debug_tuple("Accounts").field(error).finish(),
        }
    }
}

impl Error {
    /// The error of the call at the root of it, where there is one: for its status, its headers and what Vimeo said.
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
            #[cfg(feature = "upload")]
            Self::Upload { source, .. } => source.call(),
            Self::Auth(error) => error.call(),
            #[cfg(feature = "upload")]
            Self::Media(_) => None,
            Self::Config(_) => None,
            #[cfg(feature = "accounts")]
            Self::Accounts(error) => error.call(),
        }
    }
}

/// What kind of failure the call at the root was; false where no call failed. See [`Error::call`].
impl Error {
    /// Whether what was asked for is not there, or not for this token to see.
    pub fn is_not_found(&self) -> bool {
        self.call().is_some_and(vimeo_api::Error::is_not_found)
    }

    /// Whether Vimeo did not take a parameter.
    pub fn is_invalid_parameter(&self) -> bool {
        self.call().is_some_and(vimeo_api::Error::is_invalid_parameter)
    }

    /// Whether the account has made as many calls as it may for now.
    pub fn is_rate_limited(&self) -> bool {
        self.call().is_some_and(vimeo_api::Error::is_rate_limited)
    }

    /// Whether the access token, or the app, is not taken.
    pub fn is_unauthorized(&self) -> bool {
        self.call().is_some_and(vimeo_api::Error::is_unauthorized)
    }

    /// Whether the token or the account may not do this.
    pub fn is_forbidden(&self) -> bool {
        self.call().is_some_and(vimeo_api::Error::is_forbidden)
    }

    /// Whether the call took too long.
    pub fn is_timeout(&self) -> bool {
        self.call().is_some_and(vimeo_api::Error::is_timeout)
    }

    /// Whether there was no connection, or it broke off.
    pub fn is_connection(&self) -> bool {
        self.call().is_some_and(vimeo_api::Error::is_connection)
    }

    /// Whether Vimeo, or a proxy before it, failed: any `5xx`.
    pub fn is_server_error(&self) -> bool {
        self.call().is_some_and(vimeo_api::Error::is_server_error)
    }

    /// The status of the response, if there was one.
    pub fn status(&self) -> Option<http::StatusCode> {
        self.call().and_then(vimeo_api::Error::status)
    }
}

#[cfg(feature = "upload")]
impl From<UploadError> for Error {
    fn from(source: UploadError) -> Self {
        Self::Upload { source: Box::new(source), ticket: None }
    }
}

impl From<AuthError> for Error {
    fn from(error: AuthError) -> Self {
        match error {
            // What failed was a call; it is found where calls' errors are.
            AuthError::Call(call) => Self::Call(*call),
            error => Self::Auth(error),
        }
    }
}

#[cfg(feature = "upload")]
impl From<crate::upload_ticket::InvalidTicket> for Error {
    fn from(error: crate::upload_ticket::InvalidTicket) -> Self {
        UploadError::from(error).into()
    }
}

#[cfg(feature = "accounts")]
impl From<crate::ids::InvalidAccountId> for Error {
    fn from(error: crate::ids::InvalidAccountId) -> Self {
        AccountsError::from(error).into()
    }
}

#[cfg(feature = "upload")]
impl From<MediaError> for Error {
    fn from(error: MediaError) -> Self {
        Self::Media(Box::new(error))
    }
}

#[cfg(feature = "accounts")]
impl From<AccountsError> for Error {
    fn from(error: AccountsError) -> Self {
        match error {
            // What failed was a call; it is found where calls' errors are.
            AccountsError::Vimeo(error) => (*error).into(),
            AccountsError::Config(error) => (*error).into(),
            error => Self::Accounts(Box::new(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_result_stays_small() {
        assert!(size_of::<Error>() <= 64, "{}", size_of::<Error>());
        assert!(size_of::<Result<vimeo_api::Response<()>, vimeo_api::Error>>() < 128);
        assert!(size_of::<vimeo_api::Error>() <= 64);
    }

    #[test]
    fn the_call_at_the_root_is_found() {
        let call = || vimeo_api::Error::invalid("get_video", "x");
        assert!(Error::from(call()).call().is_some());
        let refresh = RefreshError::from_grant(AuthError::from(call()));
        assert!(Error::from(AuthError::Refresh(Arc::new(refresh))).call().is_some());
        assert!(matches!(Error::from(AuthError::from(call())), Error::Call(_)));
        assert!(Error::from(AuthError::NoApp).call().is_none());
        #[cfg(feature = "upload")]
        assert!(unanswered(call()).call().is_some());
    }

    #[cfg(feature = "upload")]
    fn unanswered(call: vimeo_api::Error) -> Error {
        UploadError::OutcomeUnknown {
            what: "a video".to_owned(),
            requested_at: Default::default(),
            entry: None,
            source: Some(Box::new(call)),
        }
        .into()
    }
}
