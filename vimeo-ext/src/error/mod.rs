//! The errors of the crate.

use std::fmt;

#[cfg(feature = "accounts")]
mod accounts;
mod auth;
mod config;
#[cfg(feature = "download")]
mod download;
#[cfg(feature = "jobs")]
mod jobs;
#[cfg(feature = "upload")]
mod media;
#[cfg(feature = "upload")]
mod upload;

#[cfg(feature = "accounts")]
pub use self::accounts::{AccountsError, KeyError, StoreError};
pub use self::auth::{AuthError, RefreshError};
pub use self::config::ConfigError;
#[cfg(feature = "download")]
pub use self::download::{DownloadError, TransferFailure};
#[cfg(feature = "jobs")]
pub use self::jobs::JobError;
#[cfg(feature = "upload")]
pub use self::media::MediaError;
#[cfg(feature = "upload")]
pub use self::upload::{SizeSource, TransientError, UploadError};
#[cfg(feature = "upload")]
pub(crate) use self::upload::{is_journal_id, journal_id_in};
#[cfg(feature = "upload")]
use crate::upload_ticket::UploadTicket;

/// The error of this crate.
///
/// ```no_run
/// # async fn demo(vimeo: vimeo_ext::Vimeo) {
/// use vimeo_ext::Error;
/// match vimeo.upload("film.mp4").send().await {
///     Ok(video) => tracing::info!(video = video.uri, "uploaded"),
///     Err(Error::Call(vimeo_ext::api::Error::QuotaExceeded(quota))) => tracing::warn!(%quota, "quota exceeded"),
///     Err(Error::Call(vimeo_ext::api::Error::MissingScope(scope))) => tracing::warn!(%scope, "new token needed"),
///     Err(Error::Upload { ticket: Some(ticket), source }) if source.is_resumable() => {
///         tracing::warn!(%source, "the upload can be resumed");
///         store(*ticket);
///     }
///     Err(error) => tracing::error!(%error, "failed"),
/// }
/// # }
/// # fn store(_: vimeo_ext::upload::UploadTicket) {}
/// ```
///
/// `Debug` writes the text of `Display` and the sources, so that a `main` that returns the error prints what to do next. `{:#?}`
/// shows the structure.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A call failed, or was refused before it was sent.
    #[error(transparent)]
    Call(#[from] vimeo_api::Error),

    /// An upload failed.
    #[cfg(feature = "upload")]
    #[error("{source}")]
    Upload {
        /// The error of the upload.
        source: Box<UploadError>,
        /// The ticket to resume the upload with, if the video was created.
        ticket: Option<Box<UploadTicket>>,
    },

    /// A picture or text track could not be uploaded, or a wait for transcoding failed.
    #[cfg(feature = "upload")]
    #[error(transparent)]
    Media(Box<MediaError>),

    /// An AI job failed, or the wait for it did.
    #[cfg(feature = "jobs")]
    #[error(transparent)]
    Job(Box<JobError>),

    /// A file could not be downloaded.
    #[cfg(feature = "download")]
    #[error(transparent)]
    Download(Box<DownloadError>),

    /// A token could not be obtained, checked or revoked.
    #[error(transparent)]
    Auth(AuthError),

    /// The settings of the client are invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),

    /// An operation on an account or a connection failed.
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
            #[cfg(feature = "jobs")]
            Self::Job(error) => f.debug_tuple("Job").field(error).finish(),
            #[cfg(feature = "download")]
            Self::Download(error) => f.debug_tuple("Download").field(error).finish(),
            Self::Auth(error) => f.debug_tuple("Auth").field(error).finish(),
            Self::Config(error) => f.debug_tuple("Config").field(error).finish(),
            #[cfg(feature = "accounts")]
            Self::Accounts(error) => f.debug_tuple("Accounts").field(error).finish(),
        }
    }
}

impl Error {
    /// Returns the error of the failed call at the root, if there is one: for its status, its headers and Vimeo's message.
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
            #[cfg(feature = "jobs")]
            Self::Job(_) => None,
            #[cfg(feature = "download")]
            Self::Download(_) => None,
            Self::Config(_) => None,
            #[cfg(feature = "accounts")]
            Self::Accounts(error) => error.call(),
        }
    }
}

/// Predicates for the failed call at the root; false if no call failed. See [`Error::call`].
impl Error {
    /// Whether the requested item does not exist, or is not visible to this token.
    pub fn is_not_found(&self) -> bool {
        self.call().is_some_and(vimeo_api::Error::is_not_found)
    }

    /// Whether Vimeo rejected a parameter.
    pub fn is_invalid_parameter(&self) -> bool {
        self.call().is_some_and(vimeo_api::Error::is_invalid_parameter)
    }

    /// Whether the account has reached its rate limit.
    pub fn is_rate_limited(&self) -> bool {
        self.call().is_some_and(vimeo_api::Error::is_rate_limited)
    }

    /// Whether Vimeo rejected the access token or the app credentials.
    pub fn is_unauthorized(&self) -> bool {
        self.call().is_some_and(vimeo_api::Error::is_unauthorized)
    }

    /// Whether the token or the account is not permitted to do this.
    pub fn is_forbidden(&self) -> bool {
        self.call().is_some_and(vimeo_api::Error::is_forbidden)
    }

    /// Whether the call timed out.
    pub fn is_timeout(&self) -> bool {
        self.call().is_some_and(vimeo_api::Error::is_timeout)
    }

    /// Whether the connection failed or broke.
    pub fn is_connection(&self) -> bool {
        self.call().is_some_and(vimeo_api::Error::is_connection)
    }

    /// Whether Vimeo, or a proxy in front of it, failed with a `5xx`.
    pub fn is_server_error(&self) -> bool {
        self.call().is_some_and(vimeo_api::Error::is_server_error)
    }

    /// Returns the status of the response, if there was one.
    pub fn status(&self) -> Option<http::StatusCode> {
        self.call().and_then(vimeo_api::Error::status)
    }
}

#[cfg(feature = "jobs")]
impl From<JobError> for Error {
    fn from(error: JobError) -> Self {
        Self::Job(Box::new(error))
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
            // A failed call is always `Error::Call`.
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

#[cfg(feature = "download")]
impl From<DownloadError> for Error {
    fn from(error: DownloadError) -> Self {
        Self::Download(Box::new(error))
    }
}

#[cfg(feature = "accounts")]
impl From<AccountsError> for Error {
    fn from(error: AccountsError) -> Self {
        match error {
            // A failed call is always `Error::Call`.
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
    fn errors_and_results_are_small() {
        assert!(size_of::<Error>() <= 64, "{}", size_of::<Error>());
        assert!(size_of::<Result<vimeo_api::Response<()>, vimeo_api::Error>>() < 128);
        assert!(size_of::<vimeo_api::Error>() <= 64);
    }

    #[test]
    fn call_returns_the_error_at_the_root() {
        let call = || vimeo_api::Error::invalid("get_video", "x");
        assert!(Error::from(call()).call().is_some());
        let refresh = RefreshError::from_grant(AuthError::from(call()));
        assert!(Error::from(AuthError::Refresh(Arc::new(refresh))).call().is_some());
        assert!(matches!(Error::from(AuthError::from(call())), Error::Call(_)));
        assert!(Error::from(AuthError::NoApp).call().is_none());
        #[cfg(feature = "upload")]
        assert!(outcome_unknown(call()).call().is_some());
    }

    #[cfg(feature = "upload")]
    fn outcome_unknown(call: vimeo_api::Error) -> Error {
        UploadError::OutcomeUnknown {
            what: "a video".to_owned(),
            requested_at: Default::default(),
            entry: None,
            source: Some(Box::new(call)),
        }
        .into()
    }
}
