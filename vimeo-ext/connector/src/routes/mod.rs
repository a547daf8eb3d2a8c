//! The routes of the HTTP API, and the document that describes them.

mod accounts;
mod connections;
mod events;
mod keys;
mod limits;
mod logins;
mod mcp;
mod operate;
mod page;
mod progressive;
mod recent;
mod subscriptions;
mod tools;
mod uploads;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use vimeo_agent::mcp::ServerError;

use crate::callers::authenticate;
use crate::error::ApiError;
use crate::keys::RouteGroup;
use crate::recent::Failure;
use crate::service::Service;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Vimeo connector",
        description = "Vimeo accounts, stored connections and tools, for programs in any language.",
        license(name = "MIT OR Apache-2.0")
    ),
    modifiers(&ApiKeySecurity),
    tags(
        (name = "accounts", description = "Vimeo accounts by the caller's own identifier."),
        (name = "events", description = "Subscriptions to events that Vimeo has no webhooks for."),
        (name = "tools", description = "Tools for agents and programs, run for an account."),
        (name = "connections", description = "An app's credentials and an access token, stored under a name."),
        (name = "uploads", description = "Tokens with which a browser or another server uploads."),
        (name = "operation", description = "Rate limits, recent errors, API keys, health, readiness and metrics."),
    )
)]
struct ApiDocument;

/// Adds the API key to the document.
struct ApiKeySecurity;

impl Modify for ApiKeySecurity {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document.components.get_or_insert_default().add_security_scheme("api_key", scheme);
    }
}

/// Returns the router of the service.
pub(crate) fn router(service: &Arc<Service>, with_page: bool) -> Result<Router, ServerError> {
    let guarded = |routes: OpenApiRouter<Arc<Service>>, group: RouteGroup| {
        let group = Some(group);
        routes.route_layer(from_fn_with_state((Arc::clone(service), group), authenticate))
    };
    let (router, document) = OpenApiRouter::with_openapi(ApiDocument::openapi())
        .merge(guarded(accounts::routes(), RouteGroup::Accounts))
        .merge(guarded(logins::routes(), RouteGroup::Accounts))
        .merge(guarded(events::routes(), RouteGroup::Accounts))
        .merge(guarded(limits::routes(), RouteGroup::Accounts))
        .merge(guarded(subscriptions::routes(), RouteGroup::Accounts))
        .merge(guarded(tools::routes(), RouteGroup::Tools))
        .merge(guarded(connections::routes(), RouteGroup::Connections))
        .merge(guarded(uploads::routes(), RouteGroup::Uploads))
        .merge(guarded(recent::upload_routes(), RouteGroup::Uploads))
        .merge(guarded(recent::error_routes(), RouteGroup::Operate))
        .merge(guarded(keys::routes(), RouteGroup::Operate))
        .merge(guarded(operate::guarded_routes(), RouteGroup::Operate))
        .merge(keys::own_routes().route_layer(from_fn_with_state((Arc::clone(service), None), authenticate)))
        .merge(operate::open_routes())
        .merge(logins::callback_routes())
        .merge(uploads::token_routes())
        .merge(progressive::token_routes())
        .split_for_parts();
    let document: Arc<str> = document.to_json().unwrap_or_default().into();
    let document = get(move || {
        let document = Arc::clone(&document);
        async move { ([(header::CONTENT_TYPE, "application/json")], document.to_string()) }
    });
    let page = if with_page { page::router() } else { Router::new() };
    let router = router
        .route("/openapi.json", document)
        .merge(page)
        .merge(mcp::router(service)?)
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(service), observe));
    Ok(router.with_state(Arc::clone(service)))
}

/// Counts and logs a request, and sets the headers of every response.
async fn observe(
    State(service): State<Arc<Service>>,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Response {
    let started_at = Instant::now();
    let in_flight = service.metrics.begin();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let mut response = next.run(request).await;
    drop(in_flight);
    let route = route.unwrap_or_else(|| "unknown".to_owned());
    let (status, elapsed) = (response.status().as_u16(), started_at.elapsed());
    service.metrics.count_response(&method, &route, status, elapsed);
    let failure = response.extensions_mut().remove::<Failure>();
    if let Some(failure) = failure.filter(Failure::is_for_operator) {
        let identifier = parameters.as_ref().ok().and_then(identifier);
        service.recent.add_failure(failure.at_route(&method, &route, identifier));
    }
    tracing::info!(%method, route, status, elapsed_ms = elapsed.as_secs_f64() * 1_000.0, "request");
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Returns the account in the path.
fn identifier(parameters: &RawPathParams) -> Option<&str> {
    parameters.iter().find(|(name, _)| *name == "identifier").map(|(_, identifier)| identifier)
}

async fn not_found() -> Response {
    let detail = "no route has this path; GET /openapi.json lists the routes";
    ApiError::new(StatusCode::NOT_FOUND, "unknown_route", detail).into_response()
}

async fn method_not_allowed() -> Response {
    let detail = "the route does not accept this method; GET /openapi.json lists the routes";
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).into_response()
}
