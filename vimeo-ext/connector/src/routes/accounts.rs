//! Accounts by the caller's own identifier.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use http::StatusCode;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vimeo_ext::accounts::{Account, AccountId, AccountQuery, Status};

use crate::callers::Caller;
use crate::error::{ApiError, ApiResult, Problem};
use crate::extract::{AccountPath, JsonBody, QueryOf};
use crate::keys::AccountAccess;
use crate::recent::FailureKind;
use crate::service::Service;
use crate::upload_tokens;

pub(super) fn routes() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, create, disconnect))
        .routes(routes!(connect))
        .routes(routes!(verify))
        .routes(routes!(refresh))
        .routes(routes!(disable))
        .routes(routes!(enable))
}

/// An account: one Vimeo user, connected under the caller's own identifier.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccountBody {
    /// The caller's own identifier of the user.
    #[schema(example = "user 7")]
    identifier: String,
    /// Whether the account can be used.
    status: AccountStatus,
    /// Why the account has this status.
    reason: Option<String>,
    /// The URI of the Vimeo user, once one has logged in.
    #[schema(example = "/users/12345")]
    user: Option<String>,
    /// The scopes that Vimeo granted, if known.
    scopes: Option<Vec<String>>,
    /// When the access token expires, if it does.
    expires_at: Option<DateTime<Utc>>,
    /// How often the account was changed.
    version: u64,
    created_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
}

/// The status of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum AccountStatus {
    /// Its user has not logged in yet.
    Pending,
    /// Its access token was valid when it was last used or checked.
    Active,
    /// Its access token has expired; the user has to log in again.
    Expired,
    /// Vimeo rejected its access token; the user has to log in again.
    Revoked,
    /// A caller disabled it; it makes no calls.
    Disabled,
}

impl From<Status> for AccountStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::Active => Self::Active,
            Status::Expired => Self::Expired,
            Status::Revoked => Self::Revoked,
            Status::Disabled => Self::Disabled,
        }
    }
}

impl From<AccountStatus> for Status {
    fn from(status: AccountStatus) -> Self {
        match status {
            AccountStatus::Pending => Self::Pending,
            AccountStatus::Active => Self::Active,
            AccountStatus::Expired => Self::Expired,
            AccountStatus::Revoked => Self::Revoked,
            AccountStatus::Disabled => Self::Disabled,
        }
    }
}

impl From<Account> for AccountBody {
    fn from(account: Account) -> Self {
        Self {
            identifier: account.id.as_str().to_owned(),
            status: account.status.into(),
            reason: account.reason,
            user: account.user,
            scopes: account.scopes.map(|scopes| scopes.iter().map(ToString::to_string).collect()),
            expires_at: account.expires,
            version: account.version,
            created_at: account.created_at,
            changed_at: account.changed_at,
        }
    }
}

/// Which accounts to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only accounts with this status.
    #[param(inline)]
    status: Option<AccountStatus>,
    /// Only accounts of this Vimeo user, by its URI.
    user: Option<String>,
    /// Only accounts whose access token expires before this time.
    expires_before: Option<DateTime<Utc>>,
    /// The maximum number of accounts. Default: 50.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Where to continue: `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of accounts, sorted by identifier.
#[derive(Debug, Serialize, ToSchema)]
struct AccountPageBody {
    accounts: Vec<AccountBody>,
    /// Where the next page starts; null on the last page.
    next_cursor: Option<String>,
}

/// List accounts
#[utoipa::path(
    get, path = "/v1/accounts", tag = "accounts", params(ListQuery), security(("api_key" = [])),
    responses(
        (status = 200, description = "A page of the accounts that the API key may use.", body = AccountPageBody),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn list(
    State(service): State<Arc<Service>>,
    caller: Caller,
    QueryOf(query): QueryOf<ListQuery>,
) -> ApiResult<Json<AccountPageBody>> {
    let limit = query.limit.unwrap_or(50);
    if !(1..=1_000).contains(&limit) {
        return Err(ApiError::invalid_field("limit", "must be 1 to 1000"));
    }
    let cursor = query.cursor.as_deref().map(AccountId::new).transpose();
    let cursor = cursor.map_err(|error| ApiError::invalid_field("cursor", error.reason))?;
    let mut filter = AccountQuery::default().limit(limit);
    filter.status = query.status.map(Status::from);
    filter.user = query.user;
    filter.expires_before = query.expires_before;
    let (accounts, more) = match &caller.policy().accounts {
        AccountAccess::All => {
            filter.after = cursor;
            let page = service.accounts.list(filter).await?;
            (page.accounts, page.next.is_some())
        }
        AccountAccess::Prefix(prefix) => {
            let start = AccountId::new(prefix).ok();
            filter.after = cursor.into_iter().chain(start).max();
            let mut page = service.accounts.list(filter).await?;
            let found = page.accounts.len();
            page.accounts.retain(|account| account.id.as_str().starts_with(prefix.as_str()));
            let more = page.next.is_some() && page.accounts.len() == found;
            (page.accounts, more)
        }
        AccountAccess::Only(identifiers) => {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let mut accounts = Vec::new();
            let after = cursor.as_ref().map_or("", AccountId::as_str);
            let mut left = identifiers.iter().filter(|identifier| identifier.as_str() > after);
            let mut more = false;
            while let Some(identifier) = left.next() {
                let found = service.accounts.get(&AccountId::new(identifier)?).await?;
                accounts.extend(found.filter(|account| matches(account, &filter)));
                if accounts.len() == limit {
                    more = left.next().is_some();
                    break;
                }
            }
            (accounts, more)
        }
    };
    let next_cursor = accounts.last().filter(|_| more).map(|account| account.id.as_str().to_owned());
    Ok(Json(AccountPageBody { accounts: accounts.into_iter().map(AccountBody::from).collect(), next_cursor }))
}

/// Whether an account passes the filters of a query.
fn matches(account: &Account, filter: &AccountQuery) -> bool {
    filter.status.is_none_or(|status| account.status == status)
        && filter.user.as_ref().is_none_or(|user| account.user.as_ref() == Some(user))
        && filter.expires_before.is_none_or(|time| account.expires.is_some_and(|expires| expires < time))
}

/// Get an account
#[utoipa::path(
    get, path = "/v1/accounts/{identifier}", tag = "accounts", security(("api_key" = [])),
    params(("identifier" = String, Path, description = "The caller's own identifier.")),
    responses(
        (status = 200, description = "The account.", body = AccountBody),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn get(
    State(service): State<Arc<Service>>,
    AccountPath(id): AccountPath,
) -> ApiResult<Json<AccountBody>> {
    Ok(Json(existing(&service, &id).await?.into()))
}

/// Create an account, or get it if it exists
///
/// Idempotent: of concurrent requests, one creates the account and all return it.
#[utoipa::path(
    put, path = "/v1/accounts/{identifier}", tag = "accounts", security(("api_key" = [])),
    params(("identifier" = String, Path, description = "The caller's own identifier.")),
    responses(
        (status = 200, description = "The account.", body = AccountBody),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn create(
    State(service): State<Arc<Service>>,
    AccountPath(id): AccountPath,
) -> ApiResult<Json<AccountBody>> {
    Ok(Json(service.accounts.get_or_create(&id).await?.into()))
}

/// Disconnect an account
///
/// Revokes its access token at Vimeo and deletes it with all that the service stores of it.
#[utoipa::path(
    delete, path = "/v1/accounts/{identifier}", tag = "accounts", security(("api_key" = [])),
    params(("identifier" = String, Path, description = "The caller's own identifier.")),
    responses(
        (status = 204, description = "The account is gone."),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn disconnect(
    State(service): State<Arc<Service>>,
    AccountPath(id): AccountPath,
) -> ApiResult<StatusCode> {
    service.accounts.disconnect(&id).await?;
    // Another user can be connected under the same identifier later: old tokens must not upload to that user.
    upload_tokens::revoke_all(&*service.store, &id).await?;
    // If this fails, the next poll does it.
    if let Err(error) = service.polling.forget(id.as_str()).await {
        tracing::warn!(%error, account = %id, "the event subscriptions of a disconnected account were not deleted");
    }
    Ok(StatusCode::NO_CONTENT)
}

/// An access token that Vimeo granted elsewhere.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AccessTokenBody {
    /// The access token. Vimeo is asked for its user and scopes before it is stored, encrypted.
    #[schema(value_type = String, write_only, min_length = 1)]
    access_token: secrecy::SecretString,
}

/// Connect an account with an existing access token
#[utoipa::path(
    put, path = "/v1/accounts/{identifier}/access-token", tag = "accounts", request_body = AccessTokenBody,
    security(("api_key" = [])),
    params(("identifier" = String, Path, description = "The caller's own identifier.")),
    responses(
        (status = 200, description = "The account, now active.", body = AccountBody),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn connect(
    State(service): State<Arc<Service>>,
    AccountPath(id): AccountPath,
    JsonBody(body): JsonBody<AccessTokenBody>,
) -> ApiResult<Json<AccountBody>> {
    let text = body.access_token.expose_secret();
    if text.is_empty() || http::HeaderValue::from_str(text).is_err() {
        let reason =
            "is empty or has characters that an HTTP header cannot carry; was a line break copied with it?";
        return Err(ApiError::invalid_field("access_token", reason));
    }
    let token = vimeo_ext::AccessToken::new(body.access_token);
    Ok(Json(service.accounts.connect_with_token(&id, token).await?.account.into()))
}

/// Ask Vimeo whether the account's access token is valid
///
/// Updates the account's scopes and status. A rejected access token is not an error: the status says so.
#[utoipa::path(
    post, path = "/v1/accounts/{identifier}/verify", tag = "accounts", security(("api_key" = [])),
    params(("identifier" = String, Path, description = "The caller's own identifier.")),
    responses(
        (status = 200, description = "The account as it is now.", body = AccountBody),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn verify(
    State(service): State<Arc<Service>>,
    AccountPath(id): AccountPath,
) -> ApiResult<Json<AccountBody>> {
    Ok(Json(service.accounts.verify(&id).await?.into()))
}

/// Renew the account's access token
///
/// An access token that Vimeo accepts stays. Vimeo documents no way to renew another one, so its user has to log in again,
/// unless the service was built with a way of its own.
#[utoipa::path(
    post, path = "/v1/accounts/{identifier}/refresh", tag = "accounts", security(("api_key" = [])),
    params(("identifier" = String, Path, description = "The caller's own identifier.")),
    responses(
        (status = 200, description = "The account, with a valid access token.", body = AccountBody),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn refresh(
    State(service): State<Arc<Service>>,
    AccountPath(id): AccountPath,
) -> ApiResult<Json<AccountBody>> {
    let refreshed = service.accounts.refresh(&id).await;
    let account = refreshed.map_err(|error| ApiError::from(error).reported(FailureKind::Refresh, &id))?;
    Ok(Json(account.into()))
}

/// Why an account is disabled.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DisableBody {
    /// The reason, for people. Default: that a caller disabled the account.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// Disable an account: it makes no calls until it is enabled
#[utoipa::path(
    post, path = "/v1/accounts/{identifier}/disable", tag = "accounts", request_body = DisableBody,
    security(("api_key" = [])),
    params(("identifier" = String, Path, description = "The caller's own identifier.")),
    responses(
        (status = 200, description = "The account, now disabled.", body = AccountBody),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn disable(
    State(service): State<Arc<Service>>,
    AccountPath(id): AccountPath,
    JsonBody(body): JsonBody<DisableBody>,
) -> ApiResult<Json<AccountBody>> {
    let reason = body.reason.unwrap_or_else(|| "a caller disabled it".to_owned());
    if reason.chars().count() > 500 {
        return Err(ApiError::invalid_field("reason", "must have at most 500 characters"));
    }
    Ok(Json(service.accounts.disable(&id, &reason).await?.into()))
}

/// Enable a disabled account
#[utoipa::path(
    post, path = "/v1/accounts/{identifier}/enable", tag = "accounts", security(("api_key" = [])),
    params(("identifier" = String, Path, description = "The caller's own identifier.")),
    responses(
        (status = 200, description = "The account as it is now.", body = AccountBody),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn enable(
    State(service): State<Arc<Service>>,
    AccountPath(id): AccountPath,
) -> ApiResult<Json<AccountBody>> {
    Ok(Json(service.accounts.enable(&id).await?.into()))
}

/// Returns an account that exists.
async fn existing(service: &Service, id: &AccountId) -> ApiResult<Account> {
    let found = service.accounts.get(id).await?;
    found.ok_or_else(|| vimeo_ext::accounts::AccountsError::UnknownAccount { account: id.clone() }.into())
}
