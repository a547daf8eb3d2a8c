//! The error of a call.

use std::fmt;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};

use super::report::write_report;
use super::{
    ApiError, AppCredentialsRejected, DecodeError, InvalidParameter, LoginRequired, MissingScope,
    QuotaExceeded, RateLimit, RateLimited, ResponseOrigin, UploadAccessDenied,
    rate_limit::{MAX_WINDOW, retry_after, time_until},
};

/// The error of a failed call.
///
/// `Display` says what happened, to which operation, and what to do next. No variant prints a token, a request body or a
/// signed link.
///
/// `Debug` prints the same text and the causes, so that a `main` that returns the error prints it too. `{:#?}` prints the
/// structure.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The call is invalid and was not sent.
    #[error("{operation}: {reason}; nothing was sent")]
    Invalid {
        /// The operation, or what else is invalid, such as `client` or `untyped call`.
        operation: String,
        /// What is wrong with the call.
        reason: String,
    },

    /// There was no response: the connection failed, was closed or timed out.
    #[error(transparent)]
    Connection(Box<ConnectionError>),

    /// The response has an error status, or is a redirect that was not followed. [`Error::is_intermediary`] reports whether
    /// a proxy sent it instead of Vimeo.
    #[error(transparent)]
    Api(Box<ApiError>),

    /// The response does not decode as the response type of the operation.
    #[error(transparent)]
    Decode(Box<DecodeError>),

    /// Vimeo reported success but sent no body, although the operation returns one.
    #[error("{operation}: Vimeo responded {status} without a body; get the resource to see the outcome")]
    NoContent {
        /// The operation, or method and path of an untyped call.
        operation: String,
        /// The HTTP status.
        status: StatusCode,
        /// The response headers.
        headers: Box<HeaderMap>,
    },

    /// The response exceeds the client's size limit and was not read completely.
    #[error(
        "{operation}: the response ({status}) is larger than {limit} bytes; request fewer items per page or set `fields`"
    )]
    ResponseTooLarge {
        /// The operation, or method and path of an untyped call.
        operation: String,
        /// The HTTP status.
        status: StatusCode,
        /// The size limit in bytes.
        limit: u64,
    },

    /// Vimeo responded 304: nothing has changed since the time in `If-Modified-Since`.
    #[error("{operation}: not modified; the copy that you have is current")]
    NotModified {
        /// The operation, or method and path of an untyped call.
        operation: String,
        /// The response headers.
        headers: Box<HeaderMap>,
    },

    /// The access token lacks a scope. Detected before sending if the token's scopes are known, otherwise from a `403`.
    #[error(transparent)]
    MissingScope(Box<MissingScope>),

    /// Vimeo refused the upload for a reason other than a quota.
    #[error(transparent)]
    UploadAccessDenied(Box<UploadAccessDenied>),

    /// The upload exceeds a quota of the account.
    #[error(transparent)]
    QuotaExceeded(Box<QuotaExceeded>),

    /// The account's rate limit is exceeded.
    #[error(transparent)]
    RateLimited(Box<RateLimited>),

    /// The access token is invalid, expired or revoked, or it belongs to no user although the call needs one.
    #[error(transparent)]
    LoginRequired(Box<LoginRequired>),

    /// Vimeo rejected the app's client ID or client secret, so there is no access token for the call.
    #[error(transparent)]
    AppCredentialsRejected(Box<AppCredentialsRejected>),

    /// The call exceeded its timeout.
    #[error("{operation} timed out after {after:?}; {}",
        if *delivery == Delivery::NotSent { "nothing was sent. Raise the timeout" }
        else { "Vimeo may have executed the call. Check its effect before retrying, or raise the timeout" })]
    TimedOut {
        /// The operation, or method and path of an untyped call.
        operation: String,
        /// The timeout.
        after: Duration,
        /// Whether Vimeo may have executed the call.
        delivery: Delivery,
    },

    /// The link to the next page is invalid; the list ends here.
    #[error("{operation}: {reason}; the items returned so far are complete")]
    Paging {
        /// The list operation.
        operation: String,
        /// What is wrong with the link.
        reason: String,
    },

    /// A middleware refused the call or failed.
    #[error(transparent)]
    Middleware(Box<dyn std::error::Error + Send + Sync>),
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return write_report(self, f);
        }
        match self {
            Self::Connection(error) => f.debug_tuple("Connection").field(error).finish(),
            Self::Api(error) => f.debug_tuple("Api").field(error).finish(),
            Self::Decode(error) => f.debug_tuple("Decode").field(error).finish(),
            Self::MissingScope(error) => f.debug_tuple("MissingScope").field(error).finish(),
            Self::UploadAccessDenied(error) => f.debug_tuple("UploadAccessDenied").field(error).finish(),
            Self::QuotaExceeded(error) => f.debug_tuple("QuotaExceeded").field(error).finish(),
            Self::RateLimited(error) => f.debug_tuple("RateLimited").field(error).finish(),
            Self::LoginRequired(error) => f.debug_tuple("LoginRequired").field(error).finish(),
            Self::AppCredentialsRejected(error) => {
                f.debug_tuple("AppCredentialsRejected").field(error).finish()
            }
            Self::Middleware(error) => f.debug_tuple("Middleware").field(error).finish(),
            Self::Invalid { operation, reason } => {
                f.debug_struct("Invalid").field("operation", operation).field("reason", reason).finish()
            }
            Self::Paging { operation, reason } => {
                f.debug_struct("Paging").field("operation", operation).field("reason", reason).finish()
            }
            Self::NoContent { operation, status, .. } => f
                .debug_struct("NoContent")
                .field("operation", operation)
                .field("status", status)
                .finish_non_exhaustive(),
            Self::ResponseTooLarge { operation, status, limit } => f
                .debug_struct("ResponseTooLarge")
                .field("operation", operation)
                .field("status", status)
                .field("limit", limit)
                .finish(),
            Self::NotModified { operation, .. } => {
                f.debug_struct("NotModified").field("operation", operation).finish_non_exhaustive()
            }
            Self::TimedOut { operation, after, delivery } => f
                .debug_struct("TimedOut")
                .field("operation", operation)
                .field("after", after)
                .field("delivery", delivery)
                .finish(),
        }
    }
}

impl Error {
    /// Creates the error of a call that cannot be sent.
    pub fn invalid(operation: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { operation: operation.into(), reason: reason.into() }
    }

    /// Returns the status of the response, if there was one.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Decode(error) => Some(error.status()),
            Self::NoContent { status, .. } | Self::ResponseTooLarge { status, .. } => Some(*status),
            Self::NotModified { .. } => Some(StatusCode::NOT_MODIFIED),
            _ => self.api().map(ApiError::status),
        }
    }

    /// Returns the response headers, if there was a response.
    pub fn headers(&self) -> Option<&HeaderMap> {
        match self {
            Self::Decode(error) => Some(error.headers()),
            Self::NoContent { headers, .. } | Self::NotModified { headers, .. } => Some(headers),
            _ => self.api().map(ApiError::headers),
        }
    }

    /// Returns Vimeo's error response, if there was one, for every variant that holds one.
    pub fn api(&self) -> Option<&ApiError> {
        match self {
            Self::Api(error) => Some(error),
            Self::MissingScope(error) => error.api_error.as_ref(),
            Self::UploadAccessDenied(error) => Some(&error.api_error),
            Self::QuotaExceeded(error) => Some(&error.api_error),
            Self::RateLimited(error) => error.api_error.as_ref(),
            Self::LoginRequired(error) => error.api_error.as_ref(),
            Self::AppCredentialsRejected(error) => Some(&error.api_error),
            _ => None,
        }
    }

    /// Returns who sent the response, if there was one.
    pub fn origin(&self) -> Option<ResponseOrigin> {
        match self {
            Self::Decode(error) => Some(error.origin()),
            _ => self.api().map(ApiError::origin),
        }
    }

    /// Whether a proxy, a firewall or a sign-in page sent the response instead of the API: an HTML page, a text or a
    /// redirect, with any status. Such a response says nothing about the token, the resource or the effect of the call.
    pub fn is_intermediary(&self) -> bool {
        self.origin() == Some(ResponseOrigin::Intermediary)
    }

    /// The status, unless an intermediary sent the response.
    fn status_of_api(&self) -> Option<StatusCode> {
        self.status().filter(|_| !self.is_intermediary())
    }

    /// Returns Vimeo's error code, such as 2204 for invalid parameters.
    pub fn error_code(&self) -> Option<i64> {
        self.api()?.error_code()
    }

    /// Returns Vimeo's message for developers.
    pub fn developer_message(&self) -> Option<&str> {
        self.api()?.developer_message()
    }

    /// Returns the parameters that Vimeo rejected; empty for other errors.
    pub fn invalid_parameters(&self) -> &[InvalidParameter] {
        self.api().map(ApiError::invalid_parameters).unwrap_or_default()
    }

    /// Returns the rate limit that the response reports.
    pub fn rate_limit(&self) -> Option<RateLimit> {
        RateLimit::read(self.headers()?)
    }

    /// Returns the request ID from the named response header.
    ///
    /// Vimeo documents no such header; pass the name of the one that your responses have.
    pub fn request_id(&self, header: &str) -> Option<&str> {
        self.headers()?.get(header)?.to_str().ok()
    }

    /// Whether the resource does not exist or is not visible to this token: `404` or `410`, unless an intermediary sent the
    /// response.
    pub fn is_not_found(&self) -> bool {
        matches!(self.status_of_api(), Some(StatusCode::NOT_FOUND | StatusCode::GONE))
    }

    /// Whether a parameter is invalid; see [`invalid_parameters`](Self::invalid_parameters).
    pub fn is_invalid_parameter(&self) -> bool {
        matches!(self, Self::Invalid { .. })
            || self.error_code() == Some(2204)
            || !self.invalid_parameters().is_empty()
    }

    /// Whether the account's rate limit is exceeded.
    pub fn is_rate_limited(&self) -> bool {
        matches!(self, Self::RateLimited(_)) || self.status() == Some(StatusCode::TOO_MANY_REQUESTS)
    }

    /// Whether Vimeo rejected the access token or the app credentials. A `401` from an intermediary does not count.
    pub fn is_unauthorized(&self) -> bool {
        matches!(self, Self::LoginRequired(_) | Self::AppCredentialsRejected(_))
            || self.status_of_api() == Some(StatusCode::UNAUTHORIZED)
    }

    /// Whether the token or the account lacks a permission. A `403` from an intermediary does not count.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::MissingScope(_) | Self::UploadAccessDenied(_))
            || self.status_of_api() == Some(StatusCode::FORBIDDEN)
    }

    /// Whether the call or its connection timed out.
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::TimedOut { .. } => true,
            Self::Connection(error) => error.is_timeout(),
            _ => false,
        }
    }

    /// Whether the connection failed or was closed.
    pub fn is_connection(&self) -> bool {
        matches!(self, Self::Connection(_))
    }

    /// Whether Vimeo or an intermediary failed: any `5xx` status.
    pub fn is_server_error(&self) -> bool {
        self.status().is_some_and(|status| status.is_server_error())
    }

    /// Returns whether Vimeo may have executed the failed call.
    pub fn delivery(&self) -> Delivery {
        match self {
            Self::Invalid { .. } | Self::AppCredentialsRejected(_) => Delivery::NotSent,
            _ if self.is_intermediary() => Delivery::Unknown,
            Self::Connection(error) => error.delivery(),
            Self::TimedOut { delivery, .. } => *delivery,
            Self::Middleware(_) => Delivery::Unknown,
            Self::MissingScope(_) | Self::RateLimited(_) | Self::LoginRequired(_) if self.api().is_none() => {
                Delivery::NotSent
            }
            _ => Delivery::Delivered,
        }
    }

    /// Classifies an error response.
    ///
    /// Transports return error responses unchanged. They are classified here when the call ends, or by a middleware that
    /// stops at one.
    pub fn from_api_error(error: ApiError) -> Self {
        if let Some(quota) = error.quota() {
            return Self::QuotaExceeded(Box::new(QuotaExceeded::new(quota, error)));
        }
        if error.status() == StatusCode::TOO_MANY_REQUESTS {
            let headers = error.headers();
            let now = SystemTime::now().into();
            let limit = RateLimit::read(headers).filter(|limit| limit.remaining == Some(0));
            let is_plausible = |wait: &Duration| *wait <= MAX_WINDOW && !wait.is_zero();
            let asked = retry_after(headers, now).filter(is_plausible);
            let reset =
                limit.and_then(|limit| limit.reset).filter(|at| is_plausible(&time_until(*at, headers, now)));
            let name = error.name().to_owned();
            return Self::RateLimited(Box::new(RateLimited::new(name, asked, Some(error)).at(reset)));
        }
        Self::Api(Box::new(error))
    }

    /// Copies the error of an invalid call, for a call that is cloned before it is sent.
    pub(crate) fn clone_for_retry(&self) -> Self {
        match self {
            Self::Invalid { operation, reason } => Self::invalid(operation.clone(), reason.clone()),
            other => Self::invalid("call", other.to_string()),
        }
    }
}

/// Whether a request reached Vimeo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It did not. Sending it again is safe.
    NotSent,
    /// Unknown. Before repeating a call that creates something, check its effect.
    Unknown,
    /// It did, and Vimeo responded.
    Delivered,
}

/// The error of a request without a response.
#[derive(Debug)]
pub struct ConnectionError {
    operation: String,
    delivery: Delivery,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl ConnectionError {
    /// Wraps an error of reqwest. Removes the URL, which can hold a signature.
    pub fn new(operation: &str, error: reqwest::Error) -> Self {
        let delivery =
            if error.is_connect() || error.is_builder() { Delivery::NotSent } else { Delivery::Unknown };
        Self { operation: operation.to_owned(), delivery, source: Box::new(error.without_url()) }
    }

    /// Wraps the error of another transport. `delivery` says whether the request may have reached Vimeo; for a
    /// [`reqwest::Error`] it is derived from the error instead. The text of the error is printed and must not hold a secret.
    pub fn from_source(
        operation: &str,
        delivery: Delivery,
        source: Box<dyn std::error::Error + Send + Sync>,
    ) -> Self {
        match source.downcast::<reqwest::Error>() {
            Ok(error) => Self::new(operation, *error),
            Err(source) => Self { operation: operation.to_owned(), delivery, source },
        }
    }

    /// Returns whether the request may have reached Vimeo.
    pub fn delivery(&self) -> Delivery {
        self.delivery
    }

    /// Whether the connection or the response timed out.
    pub fn is_timeout(&self) -> bool {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&*self.source);
        while let Some(error) = cause {
            let is_timeout =
                match (error.downcast_ref::<reqwest::Error>(), error.downcast_ref::<std::io::Error>()) {
                    (Some(error), _) => error.is_timeout(),
                    (_, Some(error)) => error.kind() == std::io::ErrorKind::TimedOut,
                    _ => false,
                };
            if is_timeout {
                return true;
            }
            cause = error.source();
        }
        false
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match (self.delivery, self.is_timeout()) {
            (Delivery::NotSent, true) => "connecting timed out; nothing was sent",
            (Delivery::NotSent, false) => "connecting failed; nothing was sent",
            (_, true) => "the response timed out; Vimeo may have executed the call",
            (_, false) => "the connection was closed; Vimeo may have executed the call",
        };
        write!(f, "{}: {what} ({})", self.operation, root_cause(&*self.source))
    }
}

impl std::error::Error for ConnectionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}

impl From<ConnectionError> for Error {
    fn from(error: ConnectionError) -> Self {
        Self::Connection(Box::new(error))
    }
}

/// Conversions from the errors that have a variant of their own.
macro_rules! from_access_errors {
    ($($error:ident),*) => {
        $(
            impl From<$error> for Error {
                fn from(error: $error) -> Self {
                    Self::$error(Box::new(error))
                }
            }
        )*
    };
}

from_access_errors!(
    MissingScope,
    UploadAccessDenied,
    QuotaExceeded,
    RateLimited,
    LoginRequired,
    AppCredentialsRejected
);

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_prints_the_display_text() {
        let error = Error::invalid("get_me", "the token is missing");
        assert_eq!(format!("{error:?}"), "get_me: the token is missing; nothing was sent");
        assert!(format!("{error:#?}").starts_with("Invalid {"));
    }

    #[test]
    fn error_fits_in_56_bytes() {
        assert!(size_of::<Error>() <= 56, "{}", size_of::<Error>());
    }
}
