//! The rate limits of accounts, as this process knows them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vimeo_ext::rate_limit::{RateLimitStatus, WindowStatus};

use crate::callers::Caller;
use crate::error::{ApiError, ApiResult, Problem};
use crate::extract::QueryOf;
use crate::service::Service;

pub(super) fn routes() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// The rate limits of an account at Vimeo, as this process knows them.
#[derive(Debug, Serialize, ToSchema)]
struct LimitsBody {
    /// The caller's own identifier of the account.
    identifier: String,
    /// One window per limit that Vimeo has reported; empty before the first response.
    windows: Vec<WindowBody>,
    /// Until when no call is sent, because Vimeo refused one.
    blocked_until: Option<DateTime<Utc>>,
    /// Calls in flight.
    in_flight: u64,
    /// Calls that wait for the limit.
    waiting: u64,
}

/// One limit of an account.
#[derive(Debug, Serialize, ToSchema)]
struct WindowBody {
    /// Calls that the window allows.
    limit: u64,
    /// Calls that remain, according to the last response.
    remaining: u64,
    /// Whether this is the limit for calls with `fields`, or the one for calls without.
    with_fields: bool,
    /// When the window ends; null if it has ended and no response has arrived since.
    resets_at: Option<DateTime<Utc>>,
}

impl LimitsBody {
    fn new(identifier: &str, status: RateLimitStatus) -> Self {
        Self {
            identifier: identifier.to_owned(),
            windows: status.windows.into_iter().map(WindowBody::from).collect(),
            blocked_until: status.blocked_until,
            in_flight: status.in_flight,
            waiting: status.waiting,
        }
    }
}

impl From<WindowStatus> for WindowBody {
    fn from(window: WindowStatus) -> Self {
        Self {
            limit: window.limit,
            remaining: window.remaining,
            with_fields: window.with_fields,
            resets_at: window.resets_at,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only this account.
    identifier: Option<String>,
    /// The maximum number of accounts. Default: 50.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// Where to continue: `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of rate limits, sorted by identifier.
#[derive(Debug, Serialize, ToSchema)]
struct LimitsPageBody {
    limits: Vec<LimitsBody>,
    /// Where the next page starts; null on the last page.
    next_cursor: Option<String>,
}

/// List the rate limits of the accounts that this process has called Vimeo for
#[utoipa::path(
    get, path = "/v1/limits", tag = "operation", params(ListQuery), security(("api_key" = [])),
    responses(
        (status = 200, description = "A page of the accounts that the API key may use.", body = LimitsPageBody),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn list(
    State(service): State<Arc<Service>>,
    caller: Caller,
    QueryOf(query): QueryOf<ListQuery>,
) -> ApiResult<Json<LimitsPageBody>> {
    let limit = query.limit.unwrap_or(50);
    if !(1..=1_000).contains(&limit) {
        return Err(ApiError::invalid_field("limit", "must be 1 to 1000"));
    }
    if let Some(identifier) = &query.identifier {
        caller.account(identifier)?;
    }
    let access = &caller.policy().accounts;
    let mut limits = Vec::new();
    let mut next_cursor = None;
    for (name, status) in service.accounts.rate_limiters().statuses() {
        let Some(identifier) = account_of(&name) else { continue };
        let is_wanted = query.identifier.as_deref().is_none_or(|wanted| wanted == identifier)
            && query.cursor.as_deref().is_none_or(|cursor| identifier > cursor)
            && access.includes(identifier);
        if !is_wanted {
            continue;
        }
        if limits.len() == limit {
            next_cursor = limits.last().map(|last: &LimitsBody| last.identifier.clone());
            break;
        }
        limits.push(LimitsBody::new(identifier, status));
    }
    Ok(Json(LimitsPageBody { limits, next_cursor }))
}

/// Returns the account of a rate limiter's name. Stored connections, whose limiters have similar names, are left out.
fn account_of(name: &str) -> Option<&str> {
    name.strip_prefix("account ").filter(|account| !account.starts_with("connection "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_accounts_have_rows() {
        for (name, expected) in [
            ("account user 7", Some("user 7")),
            ("account connection 0123", None),
            ("logins of app 1", None),
            ("token 0123", None),
        ] {
            assert_eq!(account_of(name), expected);
        }
    }
}
