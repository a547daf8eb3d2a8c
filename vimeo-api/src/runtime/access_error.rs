//! Errors about permissions, quotas, rate limits and credentials. Each text names the remedy.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{ApiError, Operation, RateLimit, Scope, ScopeSet};

/// The access token lacks a scope that the operation needs.
#[derive(Debug)]
#[non_exhaustive]
pub struct MissingScope {
    /// The operation.
    pub operation: &'static Operation,
    /// The scopes of the token; `None` if they are unknown.
    pub granted: Option<ScopeSet>,
    /// Vimeo's response; `None` if the call was not sent.
    pub api_error: Option<ApiError>,
    /// The missing scope that Vimeo's response names.
    pub reported_scope: Option<Scope>,
}

impl MissingScope {
    /// Creates the error of a call that is not sent, or with `api_error` of a `403`.
    pub fn new(
        operation: &'static Operation,
        granted: Option<ScopeSet>,
        api_error: Option<ApiError>,
    ) -> Self {
        let reported_scope = api_error.as_ref().and_then(ApiError::missing_scope).map(Scope::from);
        Self { operation, granted, api_error, reported_scope }
    }

    /// Returns all scopes that the operation requires.
    pub fn needed(&self) -> &'static [Scope] {
        self.operation.scopes
    }

    /// Returns the scopes that the operation requires, and the one that Vimeo's response names.
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
        let (scope, it, that, requests) = match missing {
            [_] => ("scope", "it", "that scope", "requests it"),
            _ => ("scopes", "them", "those scopes", "requests them"),
        };
        write!(f, "{}: requires the {} {scope}; ", self.operation.id, Quoted(missing))?;
        match (&self.granted, reported_scope) {
            (Some(granted), None) => write!(f, "the access token has only `{granted}`")?,
            (_, Some(_)) => f.write_str("the access token does not have it")?,
            (None, None) => write!(f, "this token's scopes are unknown, so it may not have {it}")?,
        }
        match &self.api_error {
            Some(api_error) => write!(f, " ({api_error})")?,
            None => f.write_str("; nothing was sent")?,
        }
        write!(
            f,
            "; create a token with {that} in the app's settings, or send the user to an authorization link that {requests}"
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

/// Vimeo refused an upload for a reason other than the account's quota.
///
/// In addition to the `upload` scope, an app needs upload access, which Vimeo grants on request. Only a failing upload
/// reveals that an app does not have it.
#[derive(Debug)]
#[non_exhaustive]
pub struct UploadAccessDenied {
    /// Whether the token is known to have the `upload` scope. If so, the app lacks upload access.
    pub scope_known: bool,
    /// Vimeo's response.
    pub api_error: ApiError,
}

impl UploadAccessDenied {
    /// Creates the error of a `403` to a call that starts an upload.
    pub fn new(scope_known: bool, api_error: ApiError) -> Self {
        Self { scope_known, api_error }
    }
}

impl fmt::Display for UploadAccessDenied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remedy = match self.scope_known {
            true => {
                "the token has the `upload` scope, so the app or the account lacks upload access: request \
                     upload access on the app's page at developer.vimeo.com/apps, then make a new token"
            }
            false => {
                "the token lacks the `upload` scope or the app lacks upload access: check both on the \
                      app's page at developer.vimeo.com/apps"
            }
        };
        write!(f, "{}; {remedy}", self.api_error)
    }
}

impl std::error::Error for UploadAccessDenied {}

/// A quota of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quota {
    /// Storage, in bytes or in videos (error 4101).
    Storage,
    /// Uploads per week (error 4102) or per day (error 4104).
    Period,
}

impl Quota {
    /// Returns the quota of Vimeo's error code.
    pub(crate) fn of(error_code: Option<i64>) -> Option<Self> {
        match error_code {
            Some(4101) => Some(Self::Storage),
            Some(4102 | 4104) => Some(Self::Period),
            _ => None,
        }
    }
}

/// The upload exceeds a quota of the account.
#[derive(Debug)]
#[non_exhaustive]
pub struct QuotaExceeded {
    /// The exceeded quota.
    pub quota: Quota,
    /// Vimeo's response.
    pub api_error: ApiError,
}

impl QuotaExceeded {
    /// Creates the error of a response that names a quota.
    pub(crate) fn new(quota: Quota, api_error: ApiError) -> Self {
        Self { quota, api_error }
    }
}

impl fmt::Display for QuotaExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remedy = match self.quota {
            Quota::Storage => {
                "the account has as many bytes or videos as its plan allows: delete videos or upgrade the plan"
            }
            Quota::Period => {
                "the account's upload quota for this period is used up: wait for the next period or upgrade the plan"
            }
        };
        write!(f, "{}; {remedy}", self.api_error)
    }
}

impl std::error::Error for QuotaExceeded {}

/// Vimeo's error code for following users too fast, which is not the account's rate limit.
const FOLLOW_THROTTLE: i64 = 9006;

/// The account's rate limit is exceeded.
#[derive(Debug)]
#[non_exhaustive]
pub struct RateLimited {
    /// The operation.
    pub operation: String,
    /// How long to wait, if known.
    pub wait: Option<Duration>,
    /// When to retry, by the local clock, if known.
    pub retry_at: Option<DateTime<Utc>>,
    /// Vimeo's response; `None` if the call was not sent.
    pub api_error: Option<ApiError>,
    /// Whether other processes hold the calls that remain; see `RateLimiters::shared` of vimeo-ext.
    pub held_by_others: bool,
    /// Whether setting `fields` would help: the call requested all fields, and Vimeo has a higher limit for calls with `fields`.
    pub fields_help: bool,
}

impl RateLimited {
    /// Creates the error of a call that is not sent, or with `api_error` of a `429`.
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

    /// Sets whether the call could have set `fields` but did not. Ignored if something other than the account's rate limit
    /// refused the call.
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

    /// Sets the time of the retry.
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
            None => write!(f, "{}: the account's rate limit is exceeded; nothing was sent", self.operation)?,
        }
        match (self.retry_at, self.wait) {
            (Some(at), _) if self.held_by_others => {
                write!(
                    f,
                    "; the rest is held by other processes until {}",
                    at.format("%Y-%m-%d %H:%M:%S UTC")
                )?;
            }
            (Some(at), _) => write!(f, "; retry at {}", at.format("%Y-%m-%d %H:%M:%S UTC"))?,
            (None, Some(wait)) => write!(f, "; retry in {} s", wait.as_secs_f64().ceil())?,
            (None, None) => f.write_str("; retry later")?,
        }
        if self.fields_help {
            f.write_str(". Calls that set `fields` have a higher limit")?;
        }
        Ok(())
    }
}

impl std::error::Error for RateLimited {}

/// The user has to log in: Vimeo rejected the access token and it cannot be refreshed, or the token is the app's own and the
/// call needs a user's.
#[derive(Debug)]
#[non_exhaustive]
pub struct LoginRequired {
    /// The operation.
    pub operation: String,
    /// The account that the token belongs to, if that was set.
    pub account: Option<String>,
    /// Why there is no new token.
    pub reason: String,
    /// Vimeo's response; `None` if the call was not sent.
    pub api_error: Option<ApiError>,
    /// Whether the token is valid but belongs to no user.
    pub no_user: bool,
}

impl LoginRequired {
    /// Creates the error of a call that requires a new login.
    pub fn new(
        operation: impl Into<String>,
        account: Option<String>,
        reason: impl Into<String>,
        api_error: Option<ApiError>,
    ) -> Self {
        Self { operation: operation.into(), account, reason: reason.into(), api_error, no_user: false }
    }

    /// Creates the error of a call about the token's user that was made with an app token.
    pub fn no_user(operation: impl Into<String>, api_error: Option<ApiError>) -> Self {
        let reason = "this call needs the access token of a user, not the app's own";
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
            _ if self.no_user => f.write_str("; log in a user, or set the access token of one"),
            Some(account) => write!(f, "; account {account} has to log in again"),
            None => f.write_str("; log in again or set another access token"),
        }
    }
}

impl std::error::Error for LoginRequired {}

/// Vimeo rejected the app's client ID or client secret. Every further attempt with them fails too.
#[derive(Debug)]
#[non_exhaustive]
pub struct AppCredentialsRejected {
    /// The operation.
    pub operation: String,
    /// Vimeo's response to the token request.
    pub api_error: ApiError,
}

impl AppCredentialsRejected {
    /// Creates the error of a call for which no token could be obtained.
    pub fn new(operation: impl Into<String>, api_error: ApiError) -> Self {
        Self { operation: operation.into(), api_error }
    }
}

impl fmt::Display for AppCredentialsRejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: nothing was sent, because the app could not get an access token ({}); check its client ID and client \
             secret on the app's page at developer.vimeo.com/apps",
            self.operation, self.api_error
        )
    }
}

impl std::error::Error for AppCredentialsRejected {}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn operation(scopes: &'static [Scope]) -> Operation {
        Operation {
            id: "start_live_event",
            vimeo_name: "start_live_event",
            method: Method::POST,
            path: "/me/live_events",
            area: "live",
            summary: "Start",
            scopes,
            query: &[],
            has_body: false,
            paged: false,
            conditional: false,
        }
    }

    #[test]
    fn missing_scopes_are_counted() {
        static ONE: [Scope; 1] = [Scope::Create];
        static TWO: [Scope; 2] = [Scope::Create, Scope::Private];
        for (scopes, granted, expected) in [
            (
                &ONE[..],
                Some("public"),
                "requires the `create` scope; the access token has only `public`; nothing was sent; create a token with \
                 that scope in the app's settings, or send the user to an authorization link that requests it",
            ),
            (
                &TWO,
                None,
                "requires the `create` and `private` scopes; this token's scopes are unknown, so it may not have them; \
                 nothing was sent; create a token with those scopes in the app's settings, or send the user to an \
                 authorization link that requests them",
            ),
        ] {
            let operation = Box::leak(Box::new(operation(scopes)));
            let missing = MissingScope::new(operation, granted.map(ScopeSet::from), None);
            assert_eq!(missing.to_string(), format!("start_live_event: {expected}"));
        }
    }
}
