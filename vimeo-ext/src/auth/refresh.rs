//! New tokens for old ones.

use std::pin::Pin;

use vimeo_api::Sender;

use super::{AccessToken, AuthError};

/// A future in a box.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Gets a new access token when the old one expires or is refused.
///
/// Vimeo documents no way to refresh a token, so how it is done is the program's: a token server, a vault, a prompt.
/// However many calls need the new token at once, it is asked for once. A task of its own runs it, so it is not ended
/// when the call that needed it is dropped.
///
/// ```
/// use vimeo_ext::auth::{AccessToken, BoxFuture, RefreshError, Refresher};
///
/// struct Vault;
///
/// impl Refresher for Vault {
///     fn refresh<'a>(&'a self, _old: Option<&'a AccessToken>) -> BoxFuture<'a, Result<AccessToken, RefreshError>> {
///         Box::pin(async {
///             let secret = std::fs::read_to_string("/run/secrets/vimeo").map_err(RefreshError::temporary)?;
///             Ok(AccessToken::from(secret.trim()))
///         })
///     }
/// }
///
/// let vimeo = vimeo_ext::Vimeo::builder().refresher(Vault).build()?;
/// # Ok::<(), vimeo_ext::Error>(())
/// ```
pub trait Refresher: Send + Sync + 'static {
    /// A token to use from now on. `old` is the one that expired or was refused; `None` when there was none yet.
    fn refresh<'a>(
        &'a self,
        old: Option<&'a AccessToken>,
    ) -> BoxFuture<'a, Result<AccessToken, RefreshError>>;
}

/// Why there is no new token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// Only the user can help: calls fail with [`vimeo_api::Error::NeedsLogin`] until
    /// [`Vimeo::set_access_token`](crate::Vimeo::set_access_token).
    #[error("{0}")]
    NeedsLogin(String),
    /// The program lets the account make no calls, whatever its token is good for: they fail with
    /// [`vimeo_api::Error::Layer`] until [`Vimeo::set_access_token`](crate::Vimeo::set_access_token).
    #[error("{0}")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Vimeo does not take what the token is asked for with, such as the app's client identifier or client secret: calls
    /// fail with [`vimeo_api::Error::AppRefused`] until a client is made with others.
    #[error("Vimeo gives no access token for these credentials: {0}")]
    Credentials(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It may work the next time: an old token that has not expired is used on.
    #[error("no new access token could be had: {0}")]
    Temporary(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl RefreshError {
    /// Only the user can help.
    pub fn needs_login(reason: impl Into<String>) -> Self {
        Self::NeedsLogin(reason.into())
    }

    /// The account may make no calls.
    pub fn refused(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Refused(source.into())
    }

    /// Vimeo was asked for a token and did not give one. It is temporary where asking again may help: no answer came, or
    /// one with a `5xx` or `429`, or one that something before the API sent.
    pub fn of_grant(error: crate::Error) -> Self {
        let is_final = match &error {
            crate::Error::Call(vimeo_api::Error::Invalid { .. }) => true,
            crate::Error::Auth(AuthError::NoApp) => true,
            crate::Error::Call(call) => call.api().is_some_and(|answer| {
                answer.sender() == Sender::Api && matches!(answer.status().as_u16(), 400 | 401 | 403 | 404)
            }),
            _ => false,
        };
        if is_final { Self::Credentials(Box::new(error)) } else { Self::temporary(error) }
    }

    /// It may work the next time.
    pub fn temporary(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Temporary(source.into())
    }
}
