//! Getting new access tokens.

use std::pin::Pin;

use super::{AccessToken, RefreshError};

/// A boxed future.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Gets a new access token when the current one expires or Vimeo rejects it.
///
/// Vimeo documents no way to refresh a token, so the program decides where a new one comes from: a token server, a secret
/// store, a prompt. If many calls need a new token at once, the refresher runs once. It runs in its own task, so it
/// continues even if the call that needed the token is dropped.
///
/// An async closure that receives the old token is a refresher:
///
/// ```
/// use vimeo_ext::auth::{AccessToken, RefreshError};
///
/// let vimeo = vimeo_ext::Vimeo::builder()
///     .refresher(|_old: Option<AccessToken>| async {
///         let secret = std::fs::read_to_string("/run/secrets/vimeo").map_err(RefreshError::temporary)?;
///         Ok(AccessToken::from(secret.trim()))
///     })
///     .build()?;
/// # Ok::<(), vimeo_ext::Error>(())
/// ```
///
/// Implement the trait for a type that has state of its own:
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
    /// Returns the token to use from now on. `old` is the token that expired or was rejected; `None` if there was none yet.
    ///
    /// # Errors
    ///
    /// [`RefreshError::Temporary`] if a later attempt can succeed; [`RefreshError::LoginRequired`] if the user has to log in,
    /// after which calls fail until [`Vimeo::set_access_token`](crate::Vimeo::set_access_token).
    fn refresh<'a>(
        &'a self,
        old: Option<&'a AccessToken>,
    ) -> BoxFuture<'a, Result<AccessToken, RefreshError>>;
}

impl<F, R> Refresher for F
where
    F: Fn(Option<AccessToken>) -> R + Send + Sync + 'static,
    R: Future<Output = Result<AccessToken, RefreshError>> + Send + 'static,
{
    fn refresh<'a>(
        &'a self,
        old: Option<&'a AccessToken>,
    ) -> BoxFuture<'a, Result<AccessToken, RefreshError>> {
        Box::pin(self(old.cloned()))
    }
}
