//! The device flow: logging a user in on a device without a browser.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::{Instant, sleep};
use vimeo_api::Secret;

use super::grant::TokenResponse;
use super::{Auth, AuthError, Grant};
use crate::ScopeSet;

/// The longest time to wait for a user to enter a device code, whatever lifetime the server reports.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Which errors mean "authorization pending": the user has not entered the device code yet.
///
/// Vimeo does not document the error code for this, so the program has to choose.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum PendingErrors {
    /// Every error ends the login. The default.
    #[default]
    None,
    /// These Vimeo error codes mean "pending".
    Codes(Vec<i64>),
    /// Every `4xx` response with a JSON body means "pending", until the device code expires.
    AnyClientError,
}

/// A pending login on a device: show the user the [code](Self::user_code) and the [link](Self::activate_link). Created by
/// [`Auth::device`].
///
/// ```no_run
/// use vimeo_ext::auth::PendingErrors;
/// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
/// let login = vimeo.auth().device("private upload").await?;
/// println!("Open {} and enter {}", login.activate_link().unwrap_or_default(), login.user_code());
/// let grant = login.wait(&PendingErrors::AnyClientError).await?;
/// # Ok(())
/// # }
/// ```
pub struct DeviceLogin {
    auth: Auth,
    device_code: SecretString,
    user_code: String,
    activate_link: Option<String>,
    authorize_link: Option<String>,
    scopes: ScopeSet,
    started_at: Instant,
    lifetime: Duration,
    interval: Duration,
}

/// The result of polling a [`DeviceLogin`] once.
#[derive(Debug)]
pub enum DevicePoll {
    /// The user has not entered the code yet.
    Pending,
    /// The user entered the code, and Vimeo granted a token.
    Granted(Box<Grant>),
}

#[derive(Deserialize)]
pub(super) struct DeviceCode {
    device_code: Secret,
    user_code: String,
    #[serde(default)]
    activate_link: Option<String>,
    #[serde(default)]
    authorize_link: Option<String>,
    #[serde(default)]
    expires_in: Option<u64>,
    #[serde(default)]
    interval: Option<u64>,
}

impl DeviceLogin {
    pub(super) fn new(auth: Auth, code: DeviceCode, scopes: ScopeSet) -> Self {
        Self {
            auth,
            device_code: code.device_code.expose().into(),
            user_code: code.user_code,
            activate_link: code.activate_link,
            authorize_link: code.authorize_link,
            scopes,
            started_at: Instant::now(),
            lifetime: Duration::from_secs(code.expires_in.unwrap_or(600)).min(MAX_LIFETIME),
            // RFC 8628's default if the server names none. At least one second, so that polling never spins.
            interval: Duration::from_secs(code.interval.unwrap_or(5).max(1)),
        }
    }

    /// Returns the code that the user has to enter.
    pub fn user_code(&self) -> &str {
        &self.user_code
    }

    /// Returns the link at which the user enters the code.
    pub fn activate_link(&self) -> Option<&str> {
        self.activate_link.as_deref()
    }

    /// Returns the link that Vimeo calls `authorize_link`.
    pub fn authorize_link(&self) -> Option<&str> {
        self.authorize_link.as_deref()
    }

    /// Returns how long the code is valid, counted from the start of the login: what Vimeo reports (10 minutes if it reports
    /// nothing), at most 24 hours.
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Returns the shortest interval at which Vimeo allows polling. Default: 5 seconds if Vimeo names none.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Polls once. `pending` decides which errors mean that the user has not entered the code yet.
    ///
    /// # Errors
    ///
    /// [`AuthError::DeviceExpired`] if the code has expired; [`AuthError::Call`] for every other error that does not mean
    /// "pending".
    pub async fn poll(&self, pending: &PendingErrors) -> Result<DevicePoll, AuthError> {
        if self.started_at.elapsed() >= self.lifetime {
            return Err(AuthError::DeviceExpired { after: self.lifetime });
        }
        let scope = self.scopes.to_string();
        let form = [
            ("grant_type", "device_grant"),
            ("user_code", self.user_code.as_str()),
            ("device_code", self.device_code.expose_secret()),
            ("scope", scope.as_str()),
        ];
        match self.auth.post_form::<TokenResponse>("/oauth/device/authorize", &form).await {
            Ok(response) => {
                Ok(DevicePoll::Granted(Box::new(response.into_grant("/oauth/device/authorize", None)?)))
            }
            Err(AuthError::Call(error)) if is_pending(&error, pending) => Ok(DevicePoll::Pending),
            Err(error) => Err(error),
        }
    }

    /// Polls every [`interval`](Self::interval) until the user has entered the code or the code expires.
    ///
    /// # Errors
    ///
    /// As [`poll`](Self::poll).
    pub async fn wait(&self, pending: &PendingErrors) -> Result<Grant, AuthError> {
        loop {
            // Never sleeps beyond the code's expiry, however long the interval is.
            sleep(self.interval.min(self.lifetime.saturating_sub(self.started_at.elapsed()))).await;
            if let DevicePoll::Granted(grant) = self.poll(pending).await? {
                return Ok(*grant);
            }
        }
    }
}

fn is_pending(error: &vimeo_api::Error, pending: &PendingErrors) -> bool {
    let Some(response) = error.api().filter(|response| response.status().is_client_error()) else {
        return false;
    };
    match pending {
        PendingErrors::None => false,
        PendingErrors::Codes(codes) => response.error_code().is_some_and(|code| codes.contains(&code)),
        PendingErrors::AnyClientError => {
            serde_json::from_slice::<serde_json::Value>(response.bytes()).is_ok()
        }
    }
}

impl fmt::Debug for DeviceLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceLogin")
            .field("activate_link", &self.activate_link)
            .field("scopes", &self.scopes.to_string())
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}
