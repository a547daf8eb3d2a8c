//! Access tokens: getting, keeping, renewing, checking and revoking them.
//!
//! | how | with |
//! |---|---|
//! | a token from the app's settings | [`VimeoBuilder::access_token`](crate::VimeoBuilder::access_token) |
//! | for the app alone | [`Auth::client_credentials`] |
//! | a user through the browser | [`Auth::authorization`], [`Auth::complete`] |
//! | a user on a television or in a terminal | [`Auth::device`] |
//! | a token of Vimeo's old API | [`Auth::convert_oauth1`] |
//! | renew it when it expires or is refused | [`Refresher`] |

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
pub use device::{DeviceErrorCodes, DeviceLogin, DevicePoll};
pub use grant::{Grant, GrantedApp};
pub use grants::Auth;
pub(crate) use grants::GrantCache;
pub use refresh::{BoxFuture, Refresher};
pub(crate) use session::{ActiveToken, Session};
pub use token::AccessToken;

pub use crate::error::{AuthError, RefreshError};
