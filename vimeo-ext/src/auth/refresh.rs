//! New tokens for old ones.

use std::pin::Pin;

use super::{AccessToken, RefreshError};

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
