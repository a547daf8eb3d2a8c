//! Health, readiness and metrics, for the operator.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use http::header;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::callers::Caller;
use crate::error::{ApiError, ApiResult, Problem};
use crate::service::Service;

/// The media type of Prometheus' text format.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn open_routes() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(ready))
}

pub(super) fn guarded_routes() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// Whether the service works.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether the process serves requests
#[utoipa::path(
    get, path = "/healthz", tag = "operation",
    responses((status = 200, description = "It does.", body = Health))
)]
async fn health() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Whether the service can work: its store can be read, and it is not stopping
#[utoipa::path(
    get, path = "/readyz", tag = "operation",
    responses(
        (status = 200, description = "It can.", body = Health),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn ready(State(service): State<Arc<Service>>) -> ApiResult<Json<Health>> {
    if service.shutdown.is_cancelled() {
        let status = http::StatusCode::SERVICE_UNAVAILABLE;
        return Err(ApiError::new(status, "stopping", "the service is stopping"));
    }
    service.store.documents("api-keys", "", 1, Utc::now()).await?;
    service.store.last_event().await?;
    Ok(Json(Health { status: "ok" }))
}

/// The metrics, in Prometheus' text format
#[utoipa::path(
    get, path = "/metrics", tag = "operation", security(("api_key" = [])),
    responses(
        (status = 200, description = "The metrics.", content_type = "application/openmetrics-text"),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn metrics(State(service): State<Arc<Service>>, caller: Caller) -> ApiResult<Response> {
    caller.check_all_accounts()?;
    let text = service.metrics.encode().map_err(|error| ApiError::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, METRICS_TYPE)], text).into_response())
}
