//! The errors of the HTTP API: problem details (RFC 9457) with a stable code.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use vimeo_agent::tools::{ErrorKind, ToolError};
use vimeo_ext::accounts::{AccountId, AccountsError, InvalidAccountId, StoreError};
use vimeo_ext::auth::AuthError;

use crate::recent::{Failure, FailureKind, Subject};

/// The media type of errors.
pub(crate) const PROBLEM: &str = "application/problem+json";

/// The maximum length of a detail.
const MAX_DETAIL_CHARS: usize = 1_000;

/// Why a request failed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub(crate) status: u16,
    /// The stable name of the error, for programs.
    #[schema(example = "login_required")]
    pub(crate) code: &'static str,
    /// What happened, to what, and what to do next, for people.
    pub(crate) detail: String,
    /// The invalid field of the request, if one is to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<String>,
    /// How many seconds to wait before the request is repeated, if that helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after_s: Option<u64>,
    /// The error of the tool, if a tool failed: its category, the next step for a model, and more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool_error: Option<Value>,
    /// What the operator sees as failed, whatever the status.
    #[serde(skip)]
    pub(crate) subject: Option<Subject>,
}

/// An error response.
#[derive(Debug)]
pub(crate) struct ApiError(Box<Problem>);

pub(crate) type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem {
            status: status.as_u16(),
            code,
            detail: shortened(detail.into()),
            field: None,
            retry_after_s: None,
            tool_error: None,
            subject: None,
        }))
    }

    /// Shows this error to the operator as one of this kind, whatever its status.
    pub(crate) fn reported(mut self, kind: FailureKind, account: &AccountId) -> Self {
        self.0.subject = Some(Subject { kind, identifier: account.as_str().to_owned() });
        self
    }

    /// Returns the error as the operator sees it.
    pub(crate) fn to_failure(&self) -> Failure {
        let Problem { status, code, detail, subject, .. } = &*self.0;
        Failure::new(subject.clone(), *status, code, detail)
    }

    pub(crate) fn invalid_field(field: impl Into<String>, reason: impl Into<String>) -> Self {
        let (field, reason) = (field.into(), reason.into());
        Self::new(StatusCode::BAD_REQUEST, "invalid_field", format!("{field}: {reason}")).field(field)
    }

    pub(crate) fn field(mut self, field: impl Into<String>) -> Self {
        self.0.field = Some(field.into());
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }

    pub(crate) fn code(&self) -> &'static str {
        self.0.code
    }

    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

    /// An error whose cause is for the operator's log only.
    pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(%error, "a request failed inside the service");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the service failed; its log has the cause")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let failure = self.to_failure();
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, PROBLEM)], body).into_response();
        response.extensions_mut().insert(failure);
        let headers = response.headers_mut();
        if let Some(seconds) = self.0.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<InvalidAccountId> for ApiError {
    fn from(error: InvalidAccountId) -> Self {
        Self::invalid_field("identifier", error.reason)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Damaged(_) => Self::internal(&error),
            _ => {
                tracing::warn!(%error, "the store failed");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "store_unavailable",
                    "the service's store is unavailable; try again",
                )
                .retry_after(1)
            }
        }
    }
}

impl From<AccountsError> for ApiError {
    fn from(error: AccountsError) -> Self {
        let detail = error.to_string();
        let new = |status, code| Self::new(status, code, detail.clone());
        match error {
            AccountsError::InvalidId(error) => error.into(),
            AccountsError::UnknownAccount { account } => Self::new(
                StatusCode::NOT_FOUND,
                "unknown_account",
                format!("account {account} not found; create it with PUT /v1/accounts/{{identifier}}"),
            ),
            AccountsError::LoginRequired { .. } => new(StatusCode::CONFLICT, "login_required"),
            AccountsError::Disabled { .. } => new(StatusCode::CONFLICT, "account_disabled"),
            AccountsError::InvalidTransition { .. } => new(StatusCode::CONFLICT, "invalid_transition"),
            AccountsError::UnknownLogin => new(StatusCode::BAD_REQUEST, "unknown_login"),
            AccountsError::UserMismatch { .. } => new(StatusCode::CONFLICT, "user_mismatch"),
            AccountsError::DuplicateName { .. } => new(StatusCode::CONFLICT, "duplicate_name").field("name"),
            AccountsError::InvalidField { field, reason } => Self::invalid_field(camel_case(field), reason),
            AccountsError::CredentialsRejected { .. } => {
                new(StatusCode::UNPROCESSABLE_ENTITY, "credentials_rejected")
            }
            AccountsError::UnknownConnection { .. } => new(StatusCode::NOT_FOUND, "unknown_connection"),
            AccountsError::DisabledConnection { .. } => new(StatusCode::CONFLICT, "connection_disabled"),
            AccountsError::StaleVersion { .. } => new(StatusCode::CONFLICT, "stale_version").field("version"),
            AccountsError::Contended { .. } => {
                new(StatusCode::SERVICE_UNAVAILABLE, "contended").retry_after(1)
            }
            AccountsError::Store(error) => error.into(),
            AccountsError::Vimeo(error) => of_login(&error, detail),
            error => Self::internal(&error),
        }
    }
}

/// Converts the error of a call to Vimeo that a login or a check made.
fn of_login(error: &AuthError, detail: String) -> ApiError {
    match error {
        AuthError::Denied { .. } => ApiError::new(StatusCode::FORBIDDEN, "login_denied", detail),
        AuthError::InvalidCallback(_) => ApiError::new(StatusCode::BAD_REQUEST, "invalid_callback", detail),
        AuthError::NoApp => ApiError::new(
            StatusCode::NOT_IMPLEMENTED,
            "no_app",
            "the service has no app credentials, so nobody can log in; its operator can set them",
        ),
        AuthError::NoRefresher => ApiError::new(StatusCode::NOT_IMPLEMENTED, "no_refresher", detail),
        _ => ApiError::new(StatusCode::BAD_GATEWAY, "vimeo_failed", detail),
    }
}

/// The error of an upload.
impl From<&vimeo_ext::Error> for ApiError {
    fn from(error: &vimeo_ext::Error) -> Self {
        let detail = error.to_string();
        match error.call() {
            Some(vimeo_ext::api::Error::QuotaExceeded(_)) => {
                Self::new(StatusCode::FORBIDDEN, "quota_exceeded", detail)
            }
            Some(vimeo_ext::api::Error::MissingScope(_) | vimeo_ext::api::Error::UploadAccessDenied(_)) => {
                Self::new(StatusCode::FORBIDDEN, "not_permitted", detail)
            }
            Some(vimeo_ext::api::Error::RateLimited(limited)) => {
                let wait = limited.wait.map_or(60, |wait| wait.as_secs().saturating_add(1));
                Self::new(StatusCode::TOO_MANY_REQUESTS, "vimeo_rate_limit", detail).retry_after(wait)
            }
            Some(vimeo_ext::api::Error::LoginRequired(_)) => {
                Self::new(StatusCode::CONFLICT, "login_required", detail)
            }
            // Such as a folder that does not exist.
            Some(call) if call.is_not_found() || call.is_invalid_parameter() => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "rejected_by_vimeo", detail)
            }
            _ => Self::new(StatusCode::BAD_GATEWAY, "vimeo_failed", detail),
        }
    }
}

impl From<ToolError> for ApiError {
    fn from(error: ToolError) -> Self {
        let (status, code) = match error.kind {
            ErrorKind::Input => (StatusCode::BAD_REQUEST, "tool_input"),
            ErrorKind::Scope => (StatusCode::FORBIDDEN, "missing_scope"),
            ErrorKind::Auth => (StatusCode::CONFLICT, "login_required"),
            ErrorKind::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            ErrorKind::Plan => (StatusCode::FORBIDDEN, "not_permitted"),
            ErrorKind::RateLimit => (StatusCode::TOO_MANY_REQUESTS, "vimeo_rate_limit"),
            ErrorKind::Conflict => (StatusCode::CONFLICT, "conflict"),
            ErrorKind::Approval => (StatusCode::FORBIDDEN, "approval_required"),
            ErrorKind::UnknownOutcome => (StatusCode::BAD_GATEWAY, "unknown_outcome"),
            _ => (StatusCode::BAD_GATEWAY, "temporary"),
        };
        let mut converted = Self::new(status, code, error.to_string());
        converted.0.field = error.field.clone();
        converted.0.retry_after_s = error.retry_after_s;
        converted.0.tool_error = serde_json::to_value(&error).ok();
        converted
    }
}

/// Returns a detail without what goes beyond the maximum length, such as a long name that the caller sent.
fn shortened(mut detail: String) -> String {
    if let Some((end, _)) = detail.char_indices().nth(MAX_DETAIL_CHARS) {
        detail.truncate(end);
        detail.push('…');
    }
    detail
}

/// Converts a field's name from the library's form to the one of the HTTP API.
fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut text, part| {
        let mut letters = part.chars();
        text.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        text.push_str(letters.as_str());
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_the_names_of_the_http_api() {
        for (name, expected) in
            [("name", "name"), ("client_identifier", "clientIdentifier"), ("access_token", "accessToken")]
        {
            assert_eq!(camel_case(name), expected);
        }
    }
}
