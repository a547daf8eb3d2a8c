//! What can go wrong with a call.

use std::fmt;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};

use super::report::write_report;
use super::{
    ApiError, AppCredentialsRejected, DecodeError, InvalidParameter, LoginRequired, MissingScope,
    QuotaExceeded, RateLimit, RateLimited, ResponseOrigin, UploadAccessDenied,
    rate_limit::{MAX_WINDOW, retry_after, time_until},
};

/// Why a call gave no value.
///
/// The text says what happened, to which operation, and what to do next; no variant shows a token, a request body or
/// a signed link.
///
/// `Debug` writes the same text and the causes, so that a `main` that returns the error prints what to do next; `{:#?}` shows
/// the structure.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The call cannot be sent as it is; no request was made.
    #[error("{operation}: {reason}; nothing was sent")]
    Invalid {
        /// What was called.
        operation: String,
        /// What is wrong with it.
        reason: String,
    },

    /// No answer came: the connection failed, broke off or took too long.
    #[error(transparent)]
    Connection(Box<ConnectionError>),

    /// The response has an error status, or is a redirect that was not followed. Most often it is Vimeo's;
    /// [`Error::is_intermediary`] says where it is not.
    #[error(transparent)]
    Api(Box<ApiError>),

    /// The answer is not what the operation answers with.
    #[error(transparent)]
    Decode(Box<DecodeError>),

    /// Vimeo reported success without the body that the operation answers with.
    #[error(
        "{operation}: Vimeo answered {status} without a body; ask for the resource again to see what became of it"
    )]
    NoContent {
        /// What was called.
        operation: String,
        /// The status.
        status: StatusCode,
        /// The headers of the answer.
        headers: Box<HeaderMap>,
    },

    /// The answer is longer than the client takes, so it was not read to its end.
    #[error(
        "{operation}: the response ({status}) is longer than {limit} bytes and was not read to its end; ask for fewer items a page or name the `fields` you need"
    )]
    ResponseTooLarge {
        /// What was called.
        operation: String,
        /// The status.
        status: StatusCode,
        /// The most bytes that are taken.
        limit: u64,
    },

    /// Vimeo answered that nothing changed since the time named in `If-Modified-Since`.
    #[error("{operation}: not modified; keep what you have")]
    NotModified {
        /// What was called.
        operation: String,
        /// The headers of the answer.
        headers: Box<HeaderMap>,
    },

    /// The token lacks a scope: stopped before the call was sent where its scopes are known, else what a `403` says.
    #[error(transparent)]
    MissingScope(Box<MissingScope>),

    /// Vimeo refused to take an upload, though not for want of room.
    #[error(transparent)]
    UploadAccessDenied(Box<UploadAccessDenied>),

    /// The account has no room for the upload.
    #[error(transparent)]
    QuotaExceeded(Box<QuotaExceeded>),

    /// The account has made as many calls as it may for now.
    #[error(transparent)]
    RateLimited(Box<RateLimited>),

    /// The access token is not, or no longer, taken, or is no user's where the call needs one.
    #[error(transparent)]
    LoginRequired(Box<LoginRequired>),

    /// Vimeo does not take the app's client identifier or client secret, so there is no token to call with.
    #[error(transparent)]
    AppCredentialsRejected(Box<AppCredentialsRejected>),

    /// The time that was allowed for the call is over.
    #[error("{operation}: no answer after {after:?}{}; allow more time or look what became of it",
        if *delivery == Delivery::NotSent { ", nothing was sent" } else { ", the call may have been carried out" })]
    TimedOut {
        /// What was called.
        operation: String,
        /// The time that was allowed.
        after: Duration,
        /// Whether Vimeo may have carried it out.
        delivery: Delivery,
    },

    /// The link to the next page cannot be followed: the walk over the list ends here.
    #[error("{operation}: {reason}; the items so far are whole")]
    Paging {
        /// Which list.
        operation: String,
        /// What is wrong with the link.
        reason: String,
    },

    /// A layer of the transport refused the call or failed.
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
    /// A call that cannot be sent as it is.
    pub fn invalid(operation: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { operation: operation.into(), reason: reason.into() }
    }

    /// The status of the answer, where there was one.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Decode(error) => Some(error.status()),
            Self::NoContent { status, .. } | Self::ResponseTooLarge { status, .. } => Some(*status),
            Self::NotModified { .. } => Some(StatusCode::NOT_MODIFIED),
            _ => self.api().map(ApiError::status),
        }
    }

    /// The headers of the answer, where there was one.
    pub fn headers(&self) -> Option<&HeaderMap> {
        match self {
            Self::Decode(error) => Some(error.headers()),
            Self::NoContent { headers, .. } | Self::NotModified { headers, .. } => Some(headers),
            _ => self.api().map(ApiError::headers),
        }
    }

    /// What Vimeo said, when it answered with an error status, whatever that was read as.
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

    /// Who sent the response, where there was one that says so.
    pub fn origin(&self) -> Option<ResponseOrigin> {
        match self {
            Self::Decode(error) => Some(error.origin()),
            _ => self.api().map(ApiError::origin),
        }
    }

    /// Whether a proxy, a firewall or a sign-in page answered in the API's place: with a page of HTML, a text or a
    /// redirect, whatever its status. It says nothing of the token, of what was asked for, or of what was carried out.
    pub fn is_intermediary(&self) -> bool {
        self.origin() == Some(ResponseOrigin::Intermediary)
    }

    /// The status, where the response may be Vimeo's.
    fn status_of_api(&self) -> Option<StatusCode> {
        self.status().filter(|_| !self.is_intermediary())
    }

    /// Vimeo's number for the error, such as 2204 for parameters it did not take.
    pub fn error_code(&self) -> Option<i64> {
        self.api()?.error_code()
    }

    /// Vimeo's message for developers.
    pub fn developer_message(&self) -> Option<&str> {
        self.api()?.developer_message()
    }

    /// The parameters that Vimeo did not take; empty for other errors.
    pub fn invalid_parameters(&self) -> &[InvalidParameter] {
        self.api().map(ApiError::invalid_parameters).unwrap_or_default()
    }

    /// What the answer said about the rate limit.
    pub fn rate_limit(&self) -> Option<RateLimit> {
        RateLimit::read(self.headers()?)
    }

    /// The id of the request, from a header of that name.
    ///
    /// No header of Vimeo's for it is on record; name the one that your answers carry.
    pub fn request_id(&self, header: &str) -> Option<&str> {
        self.headers()?.get(header)?.to_str().ok()
    }

    /// Whether what was asked for is not there, or not for this token to see: `404` or `410`, unless something before
    /// the API sent it.
    pub fn is_not_found(&self) -> bool {
        matches!(self.status_of_api(), Some(StatusCode::NOT_FOUND | StatusCode::GONE))
    }

    /// Whether Vimeo did not take a parameter; see [`invalid_parameters`](Self::invalid_parameters).
    pub fn is_invalid_parameter(&self) -> bool {
        matches!(self, Self::Invalid { .. })
            || self.error_code() == Some(2204)
            || !self.invalid_parameters().is_empty()
    }

    /// Whether the account has made as many calls as it may for now.
    pub fn is_rate_limited(&self) -> bool {
        matches!(self, Self::RateLimited(_)) || self.status() == Some(StatusCode::TOO_MANY_REQUESTS)
    }

    /// Whether the access token, or the app, is not taken. A `401` that something before the API sent does not count.
    pub fn is_unauthorized(&self) -> bool {
        matches!(self, Self::LoginRequired(_) | Self::AppCredentialsRejected(_))
            || self.status_of_api() == Some(StatusCode::UNAUTHORIZED)
    }

    /// Whether the token or the account may not do this. A `403` that something before the API sent does not count.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::MissingScope(_) | Self::UploadAccessDenied(_))
            || self.status_of_api() == Some(StatusCode::FORBIDDEN)
    }

    /// Whether it took too long.
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::TimedOut { .. } => true,
            Self::Connection(error) => error.is_timeout(),
            _ => false,
        }
    }

    /// Whether there was no connection, or it broke off.
    pub fn is_connection(&self) -> bool {
        matches!(self, Self::Connection(_))
    }

    /// Whether Vimeo, or a proxy before it, failed: any `5xx`.
    pub fn is_server_error(&self) -> bool {
        self.status().is_some_and(|status| status.is_server_error())
    }

    /// Whether Vimeo may have carried the call out although it failed.
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

    /// The error that an answer with an error status stands for.
    ///
    /// Transports give answers back as they came; this is how they are read when the call ends, and how a layer reads
    /// one that it stops at.
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

    /// A copy of a refusal, for a call that is cloned before it is sent.
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
    /// Surely not: it may be sent again, whatever it does.
    NotSent,
    /// It may have: look before sending a call again that creates something.
    Unknown,
    /// It did, and Vimeo answered.
    Delivered,
}

/// A request without an answer.
#[derive(Debug)]
pub struct ConnectionError {
    operation: String,
    delivery: Delivery,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl ConnectionError {
    /// For transports over reqwest. The URL is taken out of the error: it may carry a signature.
    pub fn new(operation: &str, error: reqwest::Error) -> Self {
        let delivery =
            if error.is_connect() || error.is_builder() { Delivery::NotSent } else { Delivery::Unknown };
        Self { operation: operation.to_owned(), delivery, source: Box::new(error.without_url()) }
    }

    /// For other transports. `delivery` says whether the request may have reached Vimeo; of an error of reqwest's that is known
    /// better. The text of the error is shown, so it must hold no secret.
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

    /// Whether the request may have reached Vimeo.
    pub fn delivery(&self) -> Delivery {
        self.delivery
    }

    /// Whether it took too long.
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
            (Delivery::NotSent, true) => "no connection in time; nothing was sent",
            (Delivery::NotSent, false) => "no connection; nothing was sent",
            (_, true) => "no answer in time; the call may have been carried out",
            (_, false) => "the connection broke off; the call may have been carried out",
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

/// What layers refuse with goes into the error of the call as it is.
macro_rules! from_access_errors {
    ($($refusal:ident),*) => {
        $(
            impl From<$refusal> for Error {
                fn from(refusal: $refusal) -> Self {
                    Self::$refusal(Box::new(refusal))
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
    fn what_main_prints_says_what_to_do() {
        let error = Error::invalid("get_me", "there is no token");
        assert_eq!(format!("{error:?}"), "get_me: there is no token; nothing was sent");
        assert!(format!("{error:#?}").starts_with("Invalid {"));
    }

    #[test]
    fn a_result_stays_small() {
        assert!(size_of::<Error>() <= 56, "{}", size_of::<Error>());
    }
}
