//! The way for devices without a browser.
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

/// No code is waited for any longer, whatever its answer says.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// What Vimeo answers while the user has not entered the code yet.
///
/// Vimeo does not document it, so the program has to say what it takes for "not yet".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DeviceErrorCodes {
    /// Nothing: any error ends the login. The default.
    #[default]
    None,
    /// These of Vimeo's error numbers.
    Codes(Vec<i64>),
    /// Every `4xx` answer with a JSON body, until the code expires.
    AnyClientError,
}

/// A login on a device that has begun: show the user the code and the link. From [`Auth::device`].
pub struct DeviceLogin {
    auth: Auth,
    device_code: SecretString,
    user_code: String,
    activate_link: Option<String>,
    authorize_link: Option<String>,
    scopes: ScopeSet,
    began: Instant,
    lifetime: Duration,
    interval: Duration,
}

/// How a login on a device stands.
#[derive(Debug)]
pub enum DevicePoll {
    /// The user has not entered the code yet.
    Pending,
    /// The user is logged in.
    TokenResponse(Box<Grant>),
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
            began: Instant::now(),
            lifetime: Duration::from_secs(code.expires_in.unwrap_or(600)).min(LONGEST),
            // RFC 8628's default where the server names none; never a loop without a pause.
            interval: Duration::from_secs(code.interval.unwrap_or(5).max(1)),
        }
    }

    /// What the user has to enter.
    pub fn user_code(&self) -> &str {
        &self.user_code
    }

    /// Where the user has to enter it.
    pub fn activate_link(&self) -> Option<&str> {
        self.activate_link.as_deref()
    }

    /// The link that Vimeo calls `authorize_link`.
    pub fn authorize_link(&self) -> Option<&str> {
        self.authorize_link.as_deref()
    }

    /// How long the code is good for, from when the login began; at the most a day.
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// How often Vimeo wants to be asked at the most.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Asks once. `pending` says which refusals mean "not yet".
    ///
    /// # Errors
    ///
    /// Every refusal that does not mean "not yet"; [`AuthError::DeviceExpired`] when the code is no longer good.
    pub async fn poll(&self, pending: &DeviceErrorCodes) -> Result<DevicePoll, AuthError> {
        if self.began.elapsed() >= self.lifetime {
            return Err(AuthError::DeviceExpired { after: self.lifetime });
        }
        let scope = self.scopes.to_string();
        let form = [
            ("grant_type", "device_grant"),
            ("user_code", self.user_code.as_str()),
            ("device_code", self.device_code.expose_secret()),
            ("scope", scope.as_str()),
        ];
        match self.auth.ask::<TokenResponse>("/oauth/device/authorize", &form).await {
            Ok(granted) => {
                Ok(DevicePoll::TokenResponse(Box::new(granted.into_grant("/oauth/device/authorize", None)?)))
            }
            Err(AuthError::Call(error)) if is_pending(&error, pending) => Ok(DevicePoll::Pending),
            Err(error) => Err(error),
        }
    }

    /// Asks until the user has entered the code, or it is no longer good.
    ///
    /// # Errors
    ///
    /// As [`poll`](Self::poll).
    pub async fn wait(&self, pending: &DeviceErrorCodes) -> Result<Grant, AuthError> {
        loop {
            // Whatever pause is asked for, no longer than the code is good for.
            sleep(self.interval.min(self.lifetime.saturating_sub(self.began.elapsed()))).await;
            if let DevicePoll::TokenResponse(grant) = self.poll(pending).await? {
                return Ok(*grant);
            }
        }
    }
}

fn is_pending(error: &vimeo_api::Error, pending: &DeviceErrorCodes) -> bool {
    let Some(answer) = error.api().filter(|answer| answer.status().is_client_error()) else { return false };
    match pending {
        DeviceErrorCodes::None => false,
        DeviceErrorCodes::Codes(codes) => answer.error_code().is_some_and(|code| codes.contains(&code)),
        DeviceErrorCodes::AnyClientError => {
            serde_json::from_slice::<serde_json::Value>(answer.bytes()).is_ok()
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
