//! API keys: what the caller's own may do, and the list of all.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::callers::Caller;
use crate::error::{ApiError, ApiResult, Problem};
use crate::extract::QueryOf;
use crate::keys::{AccountAccess, KeyError, KeyId, KeyPolicy};
use crate::service::Service;

/// The routes that every API key may call.
pub(super) fn own_routes() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new().routes(routes!(own))
}

pub(super) fn routes() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// An API key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
struct ApiKeyBody {
    id: String,
    /// The name, for people.
    name: String,
    /// The accounts that the key is limited to, unless a prefix limits it; null for no such limit.
    accounts: Option<Vec<String>>,
    /// What the identifiers of the accounts start with that the key is limited to; null for no such limit.
    account_prefix: Option<String>,
    /// The groups of routes that the key may call.
    #[schema(example = json!(["accounts", "tools"]))]
    routes: Vec<&'static str>,
    /// The toolsets that the key offers; empty for the default ones.
    toolsets: Vec<String>,
    /// The kinds of disclosing calls that the key may make.
    allow: Vec<String>,
    /// Whether the key offers only tools that change nothing.
    read_only: bool,
    /// Vimeo's scopes that the key is limited to; null for no such limit.
    scopes: Option<String>,
    /// The rate limit of each process of the service for this key; null for no limit.
    requests_per_minute: Option<u32>,
    created_at: DateTime<Utc>,
    /// When the secret was last replaced.
    rotated_at: Option<DateTime<Utc>>,
}

impl ApiKeyBody {
    fn new(
        id: &KeyId,
        policy: &KeyPolicy,
        created_at: DateTime<Utc>,
        rotated_at: Option<DateTime<Utc>>,
    ) -> Self {
        let (accounts, account_prefix) = match &policy.accounts {
            AccountAccess::All => (None, None),
            AccountAccess::Prefix(prefix) => (None, Some(prefix.clone())),
            AccountAccess::Only(accounts) => (Some(accounts.iter().cloned().collect()), None),
        };
        Self {
            id: id.as_str().to_owned(),
            name: policy.name.clone(),
            accounts,
            account_prefix,
            routes: policy.routes.iter().map(|group| group.as_str()).collect(),
            toolsets: policy.toolsets.iter().cloned().collect(),
            allow: policy.allow.iter().cloned().collect(),
            read_only: policy.read_only,
            scopes: policy.scopes.clone(),
            requests_per_minute: policy.requests_per_minute.map(Into::into),
            created_at,
            rotated_at,
        }
    }
}

/// Get the API key of this request: what it may do
#[utoipa::path(
    get, path = "/v1/api-key", tag = "operation", security(("api_key" = [])),
    responses(
        (status = 200, description = "The API key, without its secret.", body = ApiKeyBody),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn own(caller: Caller) -> Json<ApiKeyBody> {
    let key = caller.verified();
    Json(ApiKeyBody::new(&key.id, &key.policy, key.created_at, key.rotated_at))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// The maximum number of keys. Default: 50.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Where to continue: `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of API keys, sorted by ID.
#[derive(Debug, Serialize, ToSchema)]
struct ApiKeyPageBody {
    api_keys: Vec<ApiKeyBody>,
    /// Where the next page starts; null on the last page.
    next_cursor: Option<String>,
}

/// List the API keys of the service
///
/// Only for keys that are limited to no accounts. `vimeo serve keys` creates, rotates and revokes keys.
#[utoipa::path(
    get, path = "/v1/api-keys", tag = "operation", params(ListQuery), security(("api_key" = [])),
    responses(
        (status = 200, description = "A page of the keys, without their secrets.", body = ApiKeyPageBody),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn list(
    State(service): State<Arc<Service>>,
    caller: Caller,
    QueryOf(query): QueryOf<ListQuery>,
) -> ApiResult<Json<ApiKeyPageBody>> {
    if caller.policy().accounts != AccountAccess::All {
        let detail = "this API key is limited to accounts, so it may not list the API keys of the service";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "route_not_allowed", detail));
    }
    let limit = query.limit.unwrap_or(50);
    if !(1..=1_000).contains(&limit) {
        return Err(ApiError::invalid_field("limit", "must be 1 to 1000"));
    }
    let after = query.cursor.map(KeyId::new);
    let found = service.keys.list(after.as_ref(), limit).await.map_err(|error| match error {
        KeyError::Store(error) => error.into(),
        error => ApiError::internal(&error),
    })?;
    let is_full = u32::try_from(found.len()).is_ok_and(|found| found == limit);
    let next_cursor = found.last().filter(|_| is_full).map(|last| last.id.as_str().to_owned());
    let body =
        |key: &crate::keys::ApiKeyInfo| ApiKeyBody::new(&key.id, &key.policy, key.created_at, key.rotated_at);
    Ok(Json(ApiKeyPageBody { api_keys: found.iter().map(body).collect(), next_cursor }))
}
