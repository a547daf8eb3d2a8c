//! What happened recently in this process, for the operator.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::callers::Caller;
use crate::error::{ApiError, ApiResult, Problem};
use crate::extract::QueryOf;
use crate::keys::AccountAccess;
use crate::recent::{Failure, StartedUpload};
use crate::service::Service;

pub(super) fn error_routes() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new().routes(routes!(errors))
}

pub(super) fn upload_routes() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new().routes(routes!(uploads))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RecentQuery {
    /// The maximum number of entries. Default: 50.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

impl RecentQuery {
    fn limit(&self) -> ApiResult<usize> {
        match self.limit.unwrap_or(50) {
            limit @ 1..=1_000 => Ok(limit),
            _ => Err(ApiError::invalid_field("limit", "must be 1 to 1000")),
        }
    }
}

/// Recent errors, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct RecentErrorsBody {
    errors: Vec<Failure>,
}

/// List the recent errors of this process: failed tools, logins and token refreshes, and responses with a status of 500 or more
///
/// The process keeps 250 of each kind in memory. A key that is limited to accounts sees only the errors of those.
#[utoipa::path(
    get, path = "/v1/errors", tag = "operation", params(RecentQuery), security(("api_key" = [])),
    responses(
        (status = 200, description = "The errors, without secrets and links.", body = RecentErrorsBody),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn errors(
    State(service): State<Arc<Service>>,
    caller: Caller,
    QueryOf(query): QueryOf<RecentQuery>,
) -> ApiResult<Json<RecentErrorsBody>> {
    let access = &caller.policy().accounts;
    let errors = service.recent.failures(query.limit()?, |failure| match failure.identifier() {
        Some(identifier) => access.includes(identifier),
        None => *access == AccountAccess::All,
    });
    Ok(Json(RecentErrorsBody { errors }))
}

/// Recent uploads, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct RecentUploadsBody {
    uploads: Vec<StartedUpload>,
}

/// List the uploads that upload tokens started in this process
///
/// The process keeps the newest 500 in memory.
#[utoipa::path(
    get, path = "/v1/recent-uploads", tag = "uploads", params(RecentQuery), security(("api_key" = [])),
    responses(
        (status = 200, description = "The uploads of the accounts that the API key may use.", body = RecentUploadsBody),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn uploads(
    State(service): State<Arc<Service>>,
    caller: Caller,
    QueryOf(query): QueryOf<RecentQuery>,
) -> ApiResult<Json<RecentUploadsBody>> {
    let access = &caller.policy().accounts;
    let uploads = service.recent.uploads(query.limit()?, |upload| access.includes(&upload.identifier));
    Ok(Json(RecentUploadsBody { uploads }))
}
