//! The error of a tool call.

use std::fmt;

use chrono::{DateTime, Utc};
use http::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use vimeo_api::Error as CallError;
use vimeo_ext::ScopeSet;
use vimeo_ext::auth::AuthError;
use vimeo_ext::retry::{Effect, effect_of_error};

use super::Spec;
use super::untrusted::clean;

/// The kind of a [`ToolError`], for agents and programs that decide without reading prose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument is invalid; [`ToolError::field`] names it.
    Input,
    /// The access token lacks a scope.
    Scope,
    /// The access token is missing, revoked or expired.
    Auth,
    /// The object does not exist, or this token may not see it.
    NotFound,
    /// The account or the app may not do this: its plan, its quota, or another user's object.
    Plan,
    /// Too many calls; [`ToolError::retry_after_s`] says how long to wait.
    RateLimit,
    /// The call does not fit the current state, for example because the confirmed title is wrong; or the person declined.
    Conflict,
    /// The call would disclose something, and nobody could be asked for approval; `consent` in JSON.
    #[serde(rename = "consent")]
    Approval,
    /// Vimeo or the connection to it failed. The same call can work later.
    Temporary,
    /// Something may have been created; [`ToolError::next_step`] says how to find out.
    UnknownOutcome,
}

/// Why a tool call failed, for an agent to act on and typed for programs.
///
/// Its text is the message and the next step. No part of it contains a token, a secret or a signed link.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ToolError {
    /// The kind of error; `category` in JSON.
    #[serde(rename = "category")]
    pub kind: ErrorKind,
    /// What happened, and to what.
    pub message: String,
    /// What to do next.
    pub next_step: String,
    /// Whether repeating the same call can work.
    pub retryable: bool,
    /// Seconds to wait before a retry, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
    /// The invalid argument.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The ID of the API's operation that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// All scopes that the call needs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needed_scopes: Vec<String>,
    /// The scopes of the access token, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted_scopes: Option<Vec<String>>,
    /// The status of Vimeo's response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// A call that shows the outcome: the name of a tool, and its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<Value>,
    /// What was done before the failure.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub done_before: Vec<String>,
}

/// Boxed because a [`ToolError`] is large.
pub(crate) type BoxedError = Box<ToolError>;

/// Fails because of an invalid argument.
pub(crate) fn invalid<T>(
    field: impl Into<String>,
    message: impl Into<String>,
    next_step: impl Into<String>,
) -> Result<T, BoxedError> {
    Err(Box::new(ToolError::input(field, message, next_step)))
}

impl ToolError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            next_step: next_step.into(),
            retryable: false,
            retry_after_s: None,
            field: None,
            operation: None,
            needed_scopes: Vec::new(),
            granted_scopes: None,
            status: None,
            check: None,
            done_before: Vec::new(),
        }
    }

    /// Returns the error as JSON, for models.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_else(|_| json!({"message": self.message}))
    }

    /// Creates an error for an invalid argument.
    pub(crate) fn input(
        field: impl Into<String>,
        message: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Self {
        Self { field: Some(field.into()), ..Self::new(ErrorKind::Input, message, next_step) }
    }

    /// Creates an error that can be retried.
    fn temporary(message: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self { retryable: true, ..Self::new(ErrorKind::Temporary, message, next_step) }
    }

    /// Creates an error for missing scopes; nothing was sent.
    pub(crate) fn scope(name: &str, needed: &[&str], granted: &ScopeSet) -> Self {
        let (scopes, next_step) = match needed {
            [_] => ("scope", GRANT_SCOPE),
            _ => ("scopes", GRANT_SCOPES),
        };
        let message = format!(
            "{name} needs the {scopes} {}, but the token has {granted}; nothing was sent.",
            needed.join(" ")
        );
        Self {
            needed_scopes: needed.iter().map(|&scope| scope.to_owned()).collect(),
            granted_scopes: Some(granted.iter().map(ToString::to_string).collect()),
            ..Self::new(ErrorKind::Scope, message, next_step)
        }
    }

    /// Names a tool call that shows the outcome.
    pub(crate) fn check(mut self, tool: &str, arguments: Value) -> Self {
        self.check = Some(json!({"tool": tool, "arguments": arguments}));
        self
    }

    /// Names a tool call that shows the outcome, if that is unknown.
    pub(crate) fn check_if_unknown(self: Box<Self>, tool: &str, arguments: Value) -> BoxedError {
        if self.kind == ErrorKind::UnknownOutcome { Box::new(self.check(tool, arguments)) } else { self }
    }

    /// Converts the error of an API call with this method, made by the tool of `spec`.
    pub(crate) fn of_call(error: &CallError, spec: &Spec, method: &Method, now: DateTime<Utc>) -> Self {
        let mut converted = classify(error, spec, method, now);
        converted.status = error.status().map(|status| status.as_u16());
        converted.operation = operation(error);
        // Text from Vimeo or a proxy can contain anything.
        converted.message = clean(&converted.message, 500);
        converted
    }

    /// Converts the error of an upload, whose first call creates something.
    pub(crate) fn of_post(error: &vimeo_ext::Error, spec: &Spec, now: DateTime<Utc>) -> Self {
        match error.call() {
            Some(call) => Self::of_call(call, spec, &Method::POST, now),
            None => Self::of(error, spec, now),
        }
    }

    /// Converts the error of an upload or a login.
    pub(crate) fn of(error: &vimeo_ext::Error, spec: &Spec, now: DateTime<Utc>) -> Self {
        if let Some(call) = error.call() {
            return Self::of_call(call, spec, &Method::GET, now);
        }
        let message = clean(&error.to_string(), 500);
        match error {
            vimeo_ext::Error::Auth(AuthError::NoToken | AuthError::NoApp | AuthError::Refresh(_)) => {
                Self::new(ErrorKind::Auth, message, LOG_IN)
            }
            #[cfg(feature = "accounts")]
            vimeo_ext::Error::Accounts(error) => match **error {
                vimeo_ext::accounts::AccountsError::Contended { .. }
                | vimeo_ext::accounts::AccountsError::Store(_) => Self::temporary(message, RETRY_LATER),
                _ => Self::new(ErrorKind::Auth, message, LOG_IN),
            },
            vimeo_ext::Error::Upload { source, .. } if source.is_resumable() => {
                Self::temporary(message, "Resume the upload.")
            }
            vimeo_ext::Error::Upload { .. } => {
                Self::new(ErrorKind::Input, message, "Check the file and upload it again.")
            }
            _ => Self::new(ErrorKind::Temporary, message, "Try again later."),
        }
    }
}

const LOG_IN: &str = "Ask the person to log in to Vimeo again or to set a valid access token.";
const GRANT_SCOPE: &str = "Ask the person to log in again and grant the needed scope.";
const GRANT_SCOPES: &str = "Ask the person to log in again and grant the needed scopes.";
const RETRY_LATER: &str = "Try the same call again later.";

fn classify(error: &CallError, spec: &Spec, method: &Method, now: DateTime<Utc>) -> ToolError {
    let message = error.to_string();
    let new = |kind, next_step: &str| ToolError::new(kind, message.clone(), next_step);
    if *method == Method::POST && effect_of_error(error) != Effect::Nothing {
        return new(ErrorKind::UnknownOutcome, spec.check);
    }
    match error {
        CallError::Invalid { .. } => new(ErrorKind::Input, "Correct the arguments; nothing was sent."),
        CallError::MissingScope(missing) => ToolError {
            needed_scopes: missing.scopes().into_iter().map(ToString::to_string).collect(),
            granted_scopes: missing
                .granted
                .as_ref()
                .map(|granted| granted.iter().map(ToString::to_string).collect()),
            ..new(ErrorKind::Scope, if missing.scopes().len() == 1 { GRANT_SCOPE } else { GRANT_SCOPES })
        },
        CallError::UploadAccessDenied(_) => new(
            ErrorKind::Plan,
            "The app needs upload access, which its owner requests on developer.vimeo.com/apps.",
        ),
        CallError::QuotaExceeded(_) => new(
            ErrorKind::Plan,
            "The quota is used up. Free space or wait for the next period, then try again.",
        ),
        CallError::RateLimited(limited) => {
            let wait = limited.retry_at.and_then(|at| (at - now).to_std().ok()).or(limited.wait);
            ToolError {
                retryable: true,
                retry_after_s: wait.map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0)),
                ..new(ErrorKind::RateLimit, "Wait, then repeat the call. Make fewer calls.")
            }
        }
        CallError::LoginRequired(login) if login.no_user => new(
            ErrorKind::Auth,
            "Ask the person to log in to Vimeo or to set a user's access token: the app's own token belongs to no user.",
        ),
        CallError::LoginRequired(_) => new(ErrorKind::Auth, LOG_IN),
        CallError::AppCredentialsRejected(_) => {
            new(ErrorKind::Auth, "Ask the person to correct the app's client ID and client secret.")
        }
        _ if error.is_intermediary() => ToolError::temporary(
            message,
            "The response did not come from Vimeo. Ask the person to check the network, a proxy or a sign-in page, then \
             repeat the call.",
        ),
        CallError::Paging { .. } => new(ErrorKind::Conflict, "Start the list again without a cursor."),
        _ => classify_status(error, new),
    }
}

fn classify_status(error: &CallError, new: impl Fn(ErrorKind, &str) -> ToolError) -> ToolError {
    let retry_later = || ToolError { retryable: true, ..new(ErrorKind::Temporary, RETRY_LATER) };
    let Some(status) = error.status() else { return retry_later() };
    if error.is_not_found() {
        return new(
            ErrorKind::NotFound,
            "Check the ID: the object may be deleted, or hidden from this account. Find the ID with a list or search tool.",
        );
    }
    match status {
        _ if error.is_invalid_parameter() => {
            let field = error.invalid_parameters().iter().find_map(|parameter| parameter.field.clone());
            ToolError { field, ..new(ErrorKind::Input, "Correct the argument and call again.") }
        }
        StatusCode::UNAUTHORIZED => new(ErrorKind::Auth, LOG_IN),
        StatusCode::FORBIDDEN => new(
            ErrorKind::Plan,
            "This account may not do that because of its plan, the owner or the privacy settings. Do not repeat the call.",
        ),
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => {
            new(ErrorKind::Conflict, "Read the current state, then decide again.")
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => retry_later(),
        status if status.is_client_error() => new(ErrorKind::Input, "Correct the arguments and call again."),
        _ => retry_later(),
    }
}

fn operation(error: &CallError) -> Option<String> {
    match error {
        CallError::MissingScope(missing) => Some(missing.operation.id.to_owned()),
        CallError::Invalid { operation, .. }
        | CallError::TimedOut { operation, .. }
        | CallError::NoContent { operation, .. }
        | CallError::ResponseTooLarge { operation, .. }
        | CallError::Paging { operation, .. } => Some(operation.clone()),
        CallError::RateLimited(limited) => Some(limited.operation.clone()),
        CallError::LoginRequired(login) => Some(login.operation.clone()),
        CallError::AppCredentialsRejected(refused) => Some(refused.operation.clone()),
        _ => error.api().and_then(|api| api.operation()).map(|operation| operation.id.to_owned()),
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.message, self.next_step)
    }
}

impl std::error::Error for ToolError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_scopes_are_counted() {
        let granted = ScopeSet::from("public");
        for (needed, message, next_step) in [
            (&["edit"][..], "needs the scope edit,", "the needed scope."),
            (&["edit", "private"], "needs the scopes edit private,", "the needed scopes."),
        ] {
            let error = ToolError::scope("vimeo_video_edit", needed, &granted);
            assert!(error.message.contains(message) && error.next_step.ends_with(next_step), "{error}");
        }
    }
}
