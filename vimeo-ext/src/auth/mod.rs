//! Access tokens: obtaining, verifying, renewing and revoking them.
//!
//! | to | use |
//! |---|---|
//! | use a token from the app's settings | [`VimeoBuilder::access_token`](crate::VimeoBuilder::access_token) |
//! | get an app-only token, without a user | [`Auth::client_credentials`] |
//! | log a user in through the browser (authorization code flow) | [`Auth::authorization`], [`Auth::exchange_code`] |
//! | log a user in on a television or in a terminal (device flow) | [`Auth::device`] |
//! | convert a token of Vimeo's old API (OAuth 1) | [`Auth::convert_oauth1`] |
//! | renew a token when it expires or Vimeo rejects it | [`Refresher`] |
//! | check or revoke a token | [`Auth::verify`], [`Auth::revoke`] |
//!
//! To serve many users, each with a token of their own, see the module `accounts` (feature `accounts`).

mod account_key;
mod app;
#[cfg(feature = "oauth")]
mod authorization;
mod credentials;
#[cfg(feature = "oauth")]
mod device;
mod grant;
mod grants;
mod refresh;
mod session;
mod token;

pub(crate) use account_key::AccountKey;
pub use app::AppCredentials;
#[cfg(feature = "oauth")]
pub use authorization::{Authorization, AuthorizationRequest};
pub(crate) use credentials::CallCredentials;
#[cfg(feature = "oauth")]
pub use device::{DeviceLogin, DevicePoll, PendingErrors};
pub use grant::{Grant, GrantedApp};
pub use grants::Auth;
pub(crate) use grants::GrantCache;
pub use refresh::{BoxFuture, Refresher};
pub(crate) use session::{ActiveToken, Session};
pub use token::AccessToken;

pub use crate::error::{AuthError, RefreshError};
