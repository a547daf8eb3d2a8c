//! Stored connections: an app's credentials and an access token under a name.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vimeo_ext::accounts::{Connection, ConnectionId, ConnectionUpdate, NewConnection};
use vimeo_ext::auth::AppCredentials;

use crate::error::{ApiError, ApiResult, Problem};
use crate::extract::{JsonBody, PathOf, QueryOf};
use crate::service::Service;

pub(super) fn routes() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, remove))
}

/// A stored connection. Its secrets never come back.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ConnectionBody {
    connection_id: String,
    /// The name, unique in the store.
    name: String,
    description: Option<String>,
    /// A disabled connection makes no calls.
    enabled: bool,
    /// The client ID of the app.
    client_identifier: String,
    /// How often the connection was written. A change names the version that it is based on.
    version: u64,
}

impl From<Connection> for ConnectionBody {
    fn from(connection: Connection) -> Self {
        Self {
            connection_id: connection.id.as_str().to_owned(),
            name: connection.name,
            description: connection.description,
            enabled: connection.enabled,
            client_identifier: connection.client_identifier,
            version: connection.version,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// The maximum number of connections. Default: 50.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Where to continue: `nextCursor` of the page before.
    cursor: Option<String>,
}

/// A page of connections, sorted by name.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ConnectionPageBody {
    connections: Vec<ConnectionBody>,
    /// Where the next page starts; null on the last page.
    next_cursor: Option<String>,
}

/// List the connections
#[utoipa::path(
    get, path = "/v1/vimeo-connections", tag = "connections", params(ListQuery), security(("api_key" = [])),
    responses(
        (status = 200, description = "A page of the connections.", body = ConnectionPageBody),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn list(
    State(service): State<Arc<Service>>,
    QueryOf(query): QueryOf<ListQuery>,
) -> ApiResult<Json<ConnectionPageBody>> {
    let limit = query.limit.unwrap_or(50);
    if !(1..=1_000).contains(&limit) {
        return Err(ApiError::invalid_field("limit", "must be 1 to 1000"));
    }
    let found = service.accounts.connections().list(query.cursor.as_deref(), limit).await?;
    let is_full = u32::try_from(found.len()).is_ok_and(|found| found == limit);
    let next_cursor = found.last().filter(|_| is_full).map(|last| last.name.clone());
    Ok(Json(ConnectionPageBody {
        connections: found.into_iter().map(ConnectionBody::from).collect(),
        next_cursor,
    }))
}

/// A connection to store.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewConnectionBody {
    /// The name, unique in the store: letters, digits, spaces, `_` and `-`.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    #[schema(max_length = 250)]
    description: Option<String>,
    /// Default: true.
    enabled: Option<bool>,
    /// The client ID of the app.
    #[schema(min_length = 1, max_length = 500)]
    client_identifier: String,
    #[schema(value_type = String, write_only, min_length = 1, max_length = 500)]
    client_secret: SecretString,
    #[schema(value_type = String, write_only, min_length = 1, max_length = 500)]
    access_token: SecretString,
}

/// Store a connection
///
/// Vimeo is asked whether the credentials are valid. They are stored encrypted.
#[utoipa::path(
    post, path = "/v1/vimeo-connections", tag = "connections", request_body = NewConnectionBody,
    security(("api_key" = [])),
    responses(
        (status = 201, description = "The connection.", body = ConnectionBody),
        (status = 400, description = "A field is invalid.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The name is taken.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Vimeo rejected the credentials.", body = Problem,
            content_type = "application/problem+json"),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn create(
    State(service): State<Arc<Service>>,
    JsonBody(body): JsonBody<NewConnectionBody>,
) -> ApiResult<Response> {
    let app = AppCredentials::new(body.client_identifier, body.client_secret);
    let mut new = NewConnection::new(body.name, app, body.access_token).enabled(body.enabled.unwrap_or(true));
    if let Some(description) = body.description {
        new = new.description(description);
    }
    let created = service.accounts.connections().create(new).await?;
    Ok((StatusCode::CREATED, Json(ConnectionBody::from(created))).into_response())
}

#[derive(Deserialize)]
struct ConnectionPath {
    id: String,
}

/// Get a connection
#[utoipa::path(
    get, path = "/v1/vimeo-connections/{id}", tag = "connections", security(("api_key" = [])),
    params(("id" = String, Path, description = "The connection's ID.")),
    responses(
        (status = 200, description = "The connection.", body = ConnectionBody),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn get(
    State(service): State<Arc<Service>>,
    PathOf(ConnectionPath { id }): PathOf<ConnectionPath>,
) -> ApiResult<Json<ConnectionBody>> {
    Ok(Json(service.accounts.connections().get(&ConnectionId::new(id)).await?.into()))
}

/// A change of a connection. Members that are left out stay as they are.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ConnectionChangeBody {
    /// The version that the change is based on.
    version: u64,
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// Null removes it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 250)]
    description: Option<Option<String>>,
    enabled: Option<bool>,
    /// The client ID of the app, together with `clientSecret`.
    #[schema(min_length = 1, max_length = 500)]
    client_identifier: Option<String>,
    #[schema(value_type = Option<String>, write_only, min_length = 1, max_length = 500)]
    client_secret: Option<SecretString>,
    #[schema(value_type = Option<String>, write_only, min_length = 1, max_length = 500)]
    access_token: Option<SecretString>,
}

/// Tells null from a member that is left out.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Change a connection
#[utoipa::path(
    patch, path = "/v1/vimeo-connections/{id}", tag = "connections", request_body = ConnectionChangeBody,
    security(("api_key" = [])),
    params(("id" = String, Path, description = "The connection's ID.")),
    responses(
        (status = 200, description = "The connection as it is now.", body = ConnectionBody),
        (status = 409, description = "The connection was changed since, or the name is taken.", body = Problem,
            content_type = "application/problem+json"),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn update(
    State(service): State<Arc<Service>>,
    PathOf(ConnectionPath { id }): PathOf<ConnectionPath>,
    JsonBody(body): JsonBody<ConnectionChangeBody>,
) -> ApiResult<Json<ConnectionBody>> {
    let mut update = ConnectionUpdate::default();
    if let Some(name) = body.name {
        update = update.name(name);
    }
    if let Some(description) = body.description {
        update = update.description(description);
    }
    if let Some(enabled) = body.enabled {
        update = update.enabled(enabled);
    }
    match (body.client_identifier, body.client_secret) {
        (Some(id), Some(secret)) => update = update.app(AppCredentials::new(id, secret)),
        (None, None) => {}
        (Some(_), None) => {
            return Err(ApiError::invalid_field("clientSecret", "is needed with clientIdentifier"));
        }
        (None, Some(_)) => {
            return Err(ApiError::invalid_field("clientIdentifier", "is needed with clientSecret"));
        }
    }
    if let Some(token) = body.access_token {
        update = update.access_token(token);
    }
    let connections = service.accounts.connections();
    Ok(Json(connections.update(&ConnectionId::new(id), body.version, update).await?.into()))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RemoveQuery {
    /// The version that is deleted.
    version: u64,
}

/// Delete a connection
#[utoipa::path(
    delete, path = "/v1/vimeo-connections/{id}", tag = "connections", security(("api_key" = [])),
    params(("id" = String, Path, description = "The connection's ID."), RemoveQuery),
    responses(
        (status = 204, description = "The connection is gone."),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn remove(
    State(service): State<Arc<Service>>,
    PathOf(ConnectionPath { id }): PathOf<ConnectionPath>,
    QueryOf(query): QueryOf<RemoveQuery>,
) -> ApiResult<StatusCode> {
    service.accounts.connections().remove(&ConnectionId::new(id), query.version).await?;
    Ok(StatusCode::NO_CONTENT)
}
