//! Refusals that have a remedy: each names what happened and what to do about it.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{ApiError, Operation, RateLimit, Scope, ScopeSet};

/// The access token lacks a scope that the operation needs.
#[derive(Debug)]
#[non_exhaustive]
pub struct MissingScope {
    /// What was called.
    pub operation: &'static Operation,
    /// The scopes of the token; `None` when they are not known.
    pub granted: Option<ScopeSet>,
    /// What Vimeo said; `None` when the call was stopped before it was sent.
    pub api_error: Option<ApiError>,
    /// The scope that Vimeo's answer names as missing.
    pub reported_scope: Option<Scope>,
}

impl MissingScope {
    /// A refusal to send, or with an `answer` the explanation of a `403`.
    pub fn new(
        operation: &'static Operation,
        granted: Option<ScopeSet>,
        api_error: Option<ApiError>,
    ) -> Self {
        let reported_scope = api_error.as_ref().and_then(ApiError::missing_scope).map(Scope::from);
        Self { operation, granted, api_error, reported_scope }
    }

    /// The scopes that the operation is known to need, all of them.
    pub fn needed(&self) -> &'static [Scope] {
        self.operation.scopes
    }

    /// The scopes that the call needs: those that the operation is known to need, and the one that Vimeo names.
    pub fn scopes(&self) -> Vec<&Scope> {
        let reported_scope = self
            .reported_scope
            .as_ref()
            .filter(|reported_scope| !self.operation.scopes.contains(reported_scope));
        self.operation.scopes.iter().chain(reported_scope).collect()
    }
}

impl fmt::Display for MissingScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reported_scope = self.reported_scope.as_ref();
        let missing = reported_scope.map_or(self.operation.scopes, std::slice::from_ref);
        write!(f, "{}: needs the scope {}, ", self.operation.id, Quoted(missing))?;
        match (&self.granted, reported_scope) {
            (Some(granted), None) => write!(f, "the access token has only `{granted}`")?,
            (_, Some(_)) => f.write_str("which the access token lacks")?,
            (None, None) => f.write_str("which this access token may lack, its scopes are not known")?,
        }
        match &self.api_error {
            Some(api_error) => write!(f, " ({api_error})")?,
            None => f.write_str("; nothing was sent")?,
        }
        f.write_str(
            "; make a token with that scope in the app's settings, or ask the user to log in for it again",
        )
    }
}

impl std::error::Error for MissingScope {}

struct Quoted<'a>(&'a [Scope]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.0.iter().enumerate() {
            write!(f, "{}`{scope}`", if index == 0 { "" } else { " and " })?;
        }
        Ok(())
    }
}

/// Vimeo refused to take an upload although it is not the account's quota that is in the way.
///
/// Beside the scope `upload` an app needs upload access, which Vimeo grants on request; calls reveal its absence only by
/// failing.
#[derive(Debug)]
#[non_exhaustive]
pub struct UploadAccessDenied {
    /// Whether the token is known to have the scope `upload`: if so, it is the app that lacks upload access.
    pub scope_known: bool,
    /// What Vimeo said.
    pub api_error: ApiError,
}

impl UploadAccessDenied {
    /// The explanation of a `403` to a call that begins an upload.
    pub fn new(scope_known: bool, api_error: ApiError) -> Self {
        Self { scope_known, api_error }
    }
}

impl fmt::Display for UploadAccessDenied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remedy = match self.scope_known {
            true => {
                "the token has the scope `upload`, so it is the app or the account that may not upload: request \
                     upload access on the app's page at developer.vimeo.com/apps, then make a new token"
            }
            false => {
                "either the token lacks the scope `upload` or the app lacks upload access: check both on the \
                      app's page at developer.vimeo.com/apps"
            }
        };
        write!(f, "{}; {remedy}", self.api_error)
    }
}

impl std::error::Error for UploadAccessDenied {}

/// What of an account is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quota {
    /// The storage (error 4101).
    Storage,
    /// The allowance of the current period: of a week (error 4102) or a day (error 4104).
    Period,
}

impl Quota {
    /// The quota that Vimeo's error number names.
    pub(crate) fn of(error_code: Option<i64>) -> Option<Self> {
        match error_code {
            Some(4101) => Some(Self::Storage),
            Some(4102 | 4104) => Some(Self::Period),
            _ => None,
        }
    }
}

/// The account has no room for the upload.
#[derive(Debug)]
#[non_exhaustive]
pub struct QuotaExceeded {
    /// What is full.
    pub quota: Quota,
    /// What Vimeo said.
    pub api_error: ApiError,
}

impl QuotaExceeded {
    /// The explanation of an answer that names a quota.
    pub(crate) fn new(quota: Quota, api_error: ApiError) -> Self {
        Self { quota, api_error }
    }
}

impl fmt::Display for QuotaExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remedy = match self.quota {
            Quota::Storage => {
                "the account holds as many bytes or as many videos as its plan allows: delete videos or change the plan"
            }
            Quota::Period => {
                "the account's allowance for this period is used up: wait for the next or change the plan"
            }
        };
        write!(f, "{}; {remedy}", self.api_error)
    }
}

impl std::error::Error for QuotaExceeded {}

/// Vimeo's number for a throttle of one action, the following of users, which is not the account's rate limit.
const FOLLOW_THROTTLE: i64 = 9006;

/// The account has made as many calls as it may for now.
#[derive(Debug)]
#[non_exhaustive]
pub struct RateLimited {
    /// What was called.
    pub operation: String,
    /// How long to wait, as far as it is known.
    pub wait: Option<Duration>,
    /// When to come back, by the clock here, as far as it is known.
    pub retry_at: Option<DateTime<Utc>>,
    /// What Vimeo said; `None` when the call was held back before it was sent.
    pub api_error: Option<ApiError>,
    /// Whether other processes hold the calls that remain; see `RateLimiters::shared` of vimeo-ext.
    pub held_by_others: bool,
    /// Whether naming `fields` would help: the call read something whole, and Vimeo allows more calls with `fields`.
    pub fields_help: bool,
}

impl RateLimited {
    /// A call held back, or with an `answer` a `429`.
    pub fn new(operation: impl Into<String>, wait: Option<Duration>, api_error: Option<ApiError>) -> Self {
        Self {
            operation: operation.into(),
            wait,
            retry_at: None,
            api_error,
            held_by_others: false,
            fields_help: false,
        }
    }

    /// Says whether the call could be made with `fields` and was made without. It is of no help where something else than
    /// the account's rate limit refused the call.
    #[must_use]
    pub fn advise_fields(mut self, could_name: bool) -> Self {
        let is_rate_limit = self.api_error.as_ref().is_none_or(|api_error| {
            api_error.error_code() != Some(FOLLOW_THROTTLE) && RateLimit::read(api_error.headers()).is_some()
        });
        self.fields_help = could_name && is_rate_limit;
        self
    }

    /// Sets [`held_by_others`](Self::held_by_others).
    #[must_use]
    pub fn held_by_others(mut self, held_by_others: bool) -> Self {
        self.held_by_others = held_by_others;
        self
    }

    /// Names the time at which to come back.
    #[must_use]
    pub fn at(mut self, retry_at: impl Into<Option<DateTime<Utc>>>) -> Self {
        self.retry_at = retry_at.into();
        self
    }
}

impl fmt::Display for RateLimited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.api_error {
            Some(api_error) => write!(f, "{api_error}")?,
            None if self.held_by_others => write!(
                f,
                "{}: this process has used its share of the account's rate limit; nothing was sent",
                self.operation
            )?,
            None => write!(f, "{}: held back by the account's rate limit; nothing was sent", self.operation)?,
        }
        match (self.retry_at, self.wait) {
            (Some(at), _) if self.held_by_others => {
                write!(
                    f,
                    "; the rest is held by other processes until {}",
                    at.format("%Y-%m-%d %H:%M:%S UTC")
                )?;
            }
            (Some(at), _) => write!(f, "; come back at {}", at.format("%Y-%m-%d %H:%M:%S UTC"))?,
            (None, Some(wait)) => write!(f, "; come back in {} s", wait.as_secs_f64().ceil())?,
            (None, None) => f.write_str("; come back later")?,
        }
        if self.fields_help {
            f.write_str(", and ask for `fields` to be allowed more calls")?;
        }
        Ok(())
    }
}

impl std::error::Error for RateLimited {}

/// Vimeo takes the access token no longer, and there is no way to a new one without the user; or the token is the app's
/// own, and the call needs a user's.
#[derive(Debug)]
#[non_exhaustive]
pub struct LoginRequired {
    /// What was called.
    pub operation: String,
    /// Whose token it was, where that was given.
    pub account: Option<String>,
    /// Why no new token could be had.
    pub reason: String,
    /// What Vimeo said; `None` when the call was not sent.
    pub api_error: Option<ApiError>,
    /// Whether the token is good, but acts for no user.
    pub no_user: bool,
}

impl LoginRequired {
    /// The account has to log in before this call can be made.
    pub fn new(
        operation: impl Into<String>,
        account: Option<String>,
        reason: impl Into<String>,
        api_error: Option<ApiError>,
    ) -> Self {
        Self { operation: operation.into(), account, reason: reason.into(), api_error, no_user: false }
    }

    /// The call is about the user of the token, and the token is one of the app alone.
    pub fn no_user(operation: impl Into<String>, api_error: Option<ApiError>) -> Self {
        let reason = "this call needs a user's access token, and the app's own acts for no user";
        Self { no_user: true, ..Self::new(operation, None, reason, api_error) }
    }
}

impl fmt::Display for LoginRequired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.api_error {
            Some(api_error) => write!(f, "{api_error}")?,
            None => write!(f, "{}: nothing was sent", self.operation)?,
        }
        write!(f, "; {}", self.reason)?;
        match &self.account {
            _ if self.no_user => f.write_str("; log a user in, or give an access token of one"),
            Some(account) => write!(f, "; account {account} has to log in again"),
            None => f.write_str("; log in again or give another access token"),
        }
    }
}

impl std::error::Error for LoginRequired {}

/// Vimeo does not take the app's client identifier or client secret. It stays so until they are others.
#[derive(Debug)]
#[non_exhaustive]
pub struct AppCredentialsRejected {
    /// What was called.
    pub operation: String,
    /// What Vimeo said when it was asked for a token.
    pub api_error: ApiError,
}

impl AppCredentialsRejected {
    /// The explanation of why a call has no token to go with.
    pub fn new(operation: impl Into<String>, api_error: ApiError) -> Self {
        Self { operation: operation.into(), api_error }
    }
}

impl fmt::Display for AppCredentialsRejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: nothing was sent, because there is no token for the app ({}); check its client identifier and client \
             secret on the app's page at developer.vimeo.com/apps",
            self.operation, self.api_error
        )
    }
}

impl std::error::Error for AppCredentialsRejected {}
