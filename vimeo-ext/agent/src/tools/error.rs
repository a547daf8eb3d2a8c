//! What a tool says when it did not do what it was asked.

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

/// What kind of trouble it is, so that an agent can decide without reading prose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The arguments will not do; `field` names the one.
    Input,
    /// The token lacks a scope.
    Scope,
    /// The token is not, or no longer, taken.
    Auth,
    /// What was asked for is not there, or not for this token to see.
    NotFound,
    /// The account or the app may not do it: its plan, its quota, another's video.
    Plan,
    /// Too many calls for now; `retry_after_s` says how long.
    RateLimit,
    /// It does not fit what is there: another title than the confirmed one, or the person declined.
    Conflict,
    /// The call would disclose something, and nobody could be asked whether it may.
    Approval,
    /// Vimeo or the line to it failed; the same call may work later.
    Temporary,
    /// Something may have been created; `next_step` says how to find out.
    UnknownOutcome,
}

/// Why a tool failed: for an agent to act on, and typed for programs.
///
/// As text it is the message and the next step. No part of it holds a token, a secret or a signed link.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ToolError {
    /// What kind of trouble it is.
    #[serde(rename = "category")]
    pub kind: ErrorKind,
    /// What happened, to what.
    pub message: String,
    /// What to do now.
    pub next_step: String,
    /// Whether the same call can work when it is made again.
    pub retryable: bool,
    /// How many seconds to wait before that, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
    /// The argument that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The API's operation that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The scopes that are needed, all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needed_scopes: Vec<String>,
    /// The scopes that the token has, where they are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted_scopes: Option<Vec<String>>,
    /// The status that Vimeo answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// A call that tells what became of it: the name of a tool, and its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<Value>,
    /// What was done before it failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub done_before: Vec<String>,
}

/// Large, and made only when something failed.
pub(crate) type Failed = Box<ToolError>;

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

    /// The error as a model gets it.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_else(|_| json!({"message": self.message}))
    }

    /// An argument that will not do.
    pub(crate) fn input(
        field: impl Into<String>,
        message: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Self {
        Self { field: Some(field.into()), ..Self::new(ErrorKind::Input, message, next_step) }
    }

    /// The token lacks scopes; nothing was sent.
    pub(crate) fn scope(name: &str, needed: &[&str], granted: &ScopeSet) -> Self {
        Self {
            needed_scopes: needed.iter().map(|&scope| scope.to_owned()).collect(),
            granted_scopes: Some(granted.iter().map(ToString::to_string).collect()),
            ..Self::new(
                ErrorKind::Scope,
                format!(
                    "{name} needs the scopes {}, the token has {granted}; nothing was sent",
                    needed.join(" ")
                ),
                "Ask the person to log in again and grant the needed scopes.",
            )
        }
    }

    /// Names a call of a tool that tells what became of it.
    pub(crate) fn check(mut self, tool: &str, arguments: Value) -> Self {
        self.check = Some(json!({"tool": tool, "arguments": arguments}));
        self
    }

    /// What a failed call of the API means to an agent. `spec` is the tool, `method` what was called.
    pub(crate) fn of_call(error: &CallError, spec: &Spec, method: &Method, now: DateTime<Utc>) -> Self {
        let mut failed = classify(error, spec, method, now);
        failed.status = error.status().map(|status| status.as_u16());
        failed.operation = operation(error);
        // What Vimeo or a proxy said can hold anything.
        failed.message = clean(&failed.message, 500);
        failed
    }

    /// As [`of`](Self::of), for a flow that creates with its first call.
    pub(crate) fn of_post(error: &vimeo_ext::Error, spec: &Spec, now: DateTime<Utc>) -> Self {
        match error.call() {
            Some(call) => Self::of_call(call, spec, &Method::POST, now),
            None => Self::of(error, spec, now),
        }
    }

    /// What a failed flow means to an agent: an upload or a log-in.
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
                | vimeo_ext::accounts::AccountsError::Store(_) => Self {
                    retryable: true,
                    ..Self::new(ErrorKind::Temporary, message, "Try the same call again in a while.")
                },
                _ => Self::new(ErrorKind::Auth, message, LOG_IN),
            },
            vimeo_ext::Error::Upload { source, .. } if source.is_resumable() => {
                Self { retryable: true, ..Self::new(ErrorKind::Temporary, message, "Resume the upload.") }
            }
            vimeo_ext::Error::Upload { .. } => {
                Self::new(ErrorKind::Input, message, "Check the file and upload it anew.")
            }
            _ => Self::new(ErrorKind::Temporary, message, "Try again later."),
        }
    }
}

const LOG_IN: &str = "Ask the person to log in to Vimeo again or to set a valid access token.";

fn classify(error: &CallError, spec: &Spec, method: &Method, now: DateTime<Utc>) -> ToolError {
    let message = error.to_string();
    let new = |kind, next_step: &str| ToolError::new(kind, message.clone(), next_step);
    let unknown = *method == Method::POST && effect_of_error(error) != Effect::Nothing;
    if unknown {
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
            ..new(ErrorKind::Scope, "Ask the person to log in again and grant the needed scopes.")
        },
        CallError::UploadAccessDenied(_) => new(
            ErrorKind::Plan,
            "The app needs upload access, which its owner requests on developer.vimeo.com/apps.",
        ),
        CallError::QuotaExceeded(_) => new(
            ErrorKind::Plan,
            "The account is full: free space or wait for the next period, then try again.",
        ),
        CallError::RateLimited(limited) => {
            let wait = limited.retry_at.and_then(|at| (at - now).to_std().ok()).or(limited.wait);
            ToolError {
                retryable: true,
                retry_after_s: wait.map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0)),
                ..new(ErrorKind::RateLimit, "Wait, then make the same call again; make fewer calls.")
            }
        }
        CallError::LoginRequired(login) if login.no_user => new(
            ErrorKind::Auth,
            "Ask the person to log in to Vimeo, or to set a user's access token: the app's own token acts for no user.",
        ),
        CallError::LoginRequired(_) => new(ErrorKind::Auth, LOG_IN),
        CallError::AppCredentialsRejected(_) => {
            new(ErrorKind::Auth, "Ask the person to correct the app's client identifier and client secret.")
        }
        _ if error.is_intermediary() => ToolError {
            retryable: true,
            ..new(
                ErrorKind::Temporary,
                "Something between here and Vimeo answered: ask the person to check the network, a proxy or a sign-in \
                 page, then make the same call again.",
            )
        },
        CallError::Paging { .. } => new(ErrorKind::Conflict, "Start the list again without a cursor."),
        _ => by_status(error, new),
    }
}

fn by_status(error: &CallError, new: impl Fn(ErrorKind, &str) -> ToolError) -> ToolError {
    let Some(status) = error.status() else {
        return ToolError {
            retryable: true,
            ..new(ErrorKind::Temporary, "Try the same call again in a while.")
        };
    };
    if error.is_not_found() {
        return new(
            ErrorKind::NotFound,
            "Check the id: it may be deleted, or not for this account to see. Find the right one with a \
             list or search tool.",
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
            "This account may not do that: its plan, the owner or the privacy settings stand against it. Do \
             not repeat the call.",
        ),
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => {
            new(ErrorKind::Conflict, "Read the current state, then decide again.")
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => {
            ToolError { retryable: true, ..new(ErrorKind::Temporary, "Try the same call again in a while.") }
        }
        status if status.is_client_error() => new(ErrorKind::Input, "Correct the arguments and call again."),
        _ => {
            ToolError { retryable: true, ..new(ErrorKind::Temporary, "Try the same call again in a while.") }
        }
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
