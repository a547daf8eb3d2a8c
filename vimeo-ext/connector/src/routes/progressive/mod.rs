//! Progressive uploads: parts of a file whose size is not known yet, in any order.

mod body;
mod errors;
mod part;

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::body::{CreatedProgressiveUploadBody, NewProgressiveUploadBody, ProgressiveUploadBody};
use self::part::{Part, wrong_length};
use super::uploads::{account_client, base_url, clean_file_name};
use crate::callers::bearer;
use crate::error::{ApiError, ApiResult, Problem};
use crate::extract::{JsonBody, PathOf, QueryOf};
use crate::progressive::ranges::{ContentRange, Received};
use crate::progressive::record::{Record, State as UploadState};
use crate::progressive::spool::{ID_LENGTH, Spool, SpoolError};
use crate::secret_text;
use crate::service::Service;
use crate::upload_tokens::{self, TokenError};

pub(super) fn token_routes() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new()
        .routes(routes!(begin, preflight_begin))
        .routes(routes!(receive, get, delete, preflight))
        .route_layer(from_fn(allow_origins))
}

/// Lets browsers of every origin call a route and read its response.
async fn allow_origins(request: axum::extract::Request, next: Next) -> Response {
    let is_preflight = request.method() == Method::OPTIONS;
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    let exposed = HeaderValue::from_static("location, retry-after");
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    if is_preflight {
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "DELETE, GET, OPTIONS, POST, PUT"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-range, content-type"),
            (header::ACCESS_CONTROL_MAX_AGE, "86400"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

/// The upload token in the URL.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct TokenQuery {
    /// The text of the upload token, unless the header `Authorization` has it.
    token: Option<String>,
}

/// The secret of an upload.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SecretQuery {
    /// The secret of the upload, as in `upload_url`, unless the header `Authorization` has it.
    secret: Option<String>,
}

#[derive(Deserialize)]
struct UploadPath {
    id: String,
}

/// Start a progressive upload with an upload token
///
/// The size of the file need not be known. Send the parts to `upload_url`, in any order, some at a time. The token is in the
/// query or in `Authorization: Bearer TOKEN`. Browsers of every origin can call this route.
#[utoipa::path(
    post, path = "/v1/progressive-uploads", tag = "uploads", request_body = NewProgressiveUploadBody,
    params(TokenQuery),
    responses(
        (status = 201, description = "The upload waits for parts.", body = CreatedProgressiveUploadBody,
            headers(("Location" = String, description = "`upload_url`"))),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn begin(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    QueryOf(query): QueryOf<TokenQuery>,
    JsonBody(body): JsonBody<NewProgressiveUploadBody>,
) -> ApiResult<Response> {
    let spool = spool(&service)?;
    let token = query.token.as_deref().or_else(|| bearer(&headers)).unwrap_or_default();
    let stored = upload_tokens::verify(&*service.store, token).await?;
    if body.file_name.as_ref().is_some_and(|name| name.chars().count() > 1_000) {
        return Err(ApiError::invalid_field("file_name", "must have at most 1000 characters"));
    }
    // The file of an account that cannot be used could not be sent.
    account_client(&service, &stored.token.account).await?;
    let new_id = secret_text::random_hex::<{ ID_LENGTH / 2 }>().map_err(TokenError::from)?;
    let secret = secret_text::random_secret().map_err(TokenError::from)?;
    let now = Utc::now();
    let record = Record {
        account: stored.token.account,
        token: stored.id.clone(),
        secret_sha256: secret_text::hash(&secret),
        video: stored.token.video,
        file_name: body.file_name.as_deref().and_then(clean_file_name),
        max_bytes: stored.token.max_bytes.unwrap_or(u64::MAX).min(spool.max_bytes()),
        created_at: now,
        changed_at: now,
        received: Received::default(),
        completed_at: None,
        video_uri: None,
        finished_at: None,
        error: None,
    };
    let (id, created) = (new_id.clone(), record.clone());
    blocking(&spool, move |spool| spool.create(&id, &created)).await?;
    // After the folder: a failure before would cost the token an upload.
    if let Err(error) = upload_tokens::take_upload(&*service.store, &stored.id).await {
        let id = new_id.clone();
        blocking(&spool, move |spool| spool.delete(&id)).await?;
        return Err(error.into());
    }
    let upload_url =
        format!("{}/v1/progressive-uploads/{new_id}?secret={secret}", base_url(&service, &headers));
    let location = HeaderValue::from_str(&upload_url).map(|mut location| {
        location.set_sensitive(true);
        (header::LOCATION, location)
    });
    let upload = ProgressiveUploadBody::new(new_id, record, 0);
    let mut response =
        (StatusCode::CREATED, Json(CreatedProgressiveUploadBody { upload, upload_url })).into_response();
    response.headers_mut().extend(location.ok());
    Ok(response)
}

/// Ask for the options of the route, as browsers do
#[utoipa::path(
    options, path = "/v1/progressive-uploads", tag = "uploads",
    responses((status = 204, description = "The headers have the options."))
)]
async fn preflight_begin() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// Send a part of a progressive upload
///
/// `Content-Range` tells where the part belongs: `bytes 0-999/*` while the size of the file is unknown. The last part has it:
/// `bytes 1000-1499/1500`. So does a request without a body: `bytes */1500`. Parts arrive in any order and some at a time. A
/// part that is sent again must have the same bytes; after the last one it is not stored any more. When no byte is missing, the
/// service sends the file to Vimeo. A part that was acknowledged is safe on disk.
#[utoipa::path(
    put, path = "/v1/progressive-uploads/{id}", tag = "uploads",
    request_body(content = String, content_type = "application/octet-stream", description = "The bytes of the part."),
    params(
        ("id" = String, Path, description = "The upload's ID."),
        SecretQuery,
        ("Content-Range" = String, Header, description = "`bytes FIRST-LAST/*`, `bytes FIRST-LAST/TOTAL` or `bytes */TOTAL`"),
    ),
    responses(
        (status = 200, description = "The part is stored.", body = ProgressiveUploadBody),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn receive(
    State(service): State<Arc<Service>>,
    PathOf(UploadPath { id }): PathOf<UploadPath>,
    QueryOf(query): QueryOf<SecretQuery>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<Json<ProgressiveUploadBody>> {
    let mut body = Part::new(body);
    let stored = store_part(&service, &id, &query, &headers, &mut body).await;
    match &stored {
        Ok(_) => service.metrics.count_part("stored", body.received),
        Err(error) => {
            service.metrics.count_part(error.code(), 0);
            body.discard().await;
        }
    }
    stored
}

async fn store_part(
    service: &Service,
    id: &str,
    query: &SecretQuery,
    headers: &HeaderMap,
    body: &mut Part,
) -> ApiResult<Json<ProgressiveUploadBody>> {
    let (spool, record) = authorized(service, id, query, headers).await?;
    let invalid = |reason| ApiError::invalid_field("Content-Range", reason);
    let range = headers.get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let range =
        ContentRange::parse(range.ok_or_else(|| invalid("is missing: it tells where the part belongs"))?)
            .map_err(invalid)?;
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length != range.size()) {
        return Err(wrong_length(range));
    }
    record.received.with(range, record.max_bytes).map_err(SpoolError::Refused)?;
    account_client(service, &record.account).await?;
    let part = match (range, record.state()) {
        (ContentRange::Total(_), _) => {
            body.expect_end().await.map_err(|_| wrong_length(range))?;
            None
        }
        (ContentRange::Part { .. }, UploadState::Receiving) => {
            let (id, size) = (id.to_owned(), range.size());
            let file = blocking(&spool, move |spool| spool.reserve(&id, size)).await?;
            Some(body.write_to(file, &spool, range).await?)
        }
        // A part that is sent again after the last one.
        (ContentRange::Part { .. }, _) => {
            body.discard().await;
            None
        }
    };
    let upload = id.to_owned();
    let (record, sent) = blocking(&spool, move |spool| {
        let record = spool.store(&upload, part, range, Utc::now())?;
        let sent = spool.sent(&upload);
        Ok((record, sent))
    })
    .await?;
    Ok(Json(ProgressiveUploadBody::new(id.to_owned(), record, sent)))
}

/// Get the state of a progressive upload
#[utoipa::path(
    get, path = "/v1/progressive-uploads/{id}", tag = "uploads",
    params(("id" = String, Path, description = "The upload's ID."), SecretQuery),
    responses(
        (status = 200, description = "The upload.", body = ProgressiveUploadBody),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn get(
    State(service): State<Arc<Service>>,
    PathOf(UploadPath { id }): PathOf<UploadPath>,
    QueryOf(query): QueryOf<SecretQuery>,
    headers: HeaderMap,
) -> ApiResult<Json<ProgressiveUploadBody>> {
    let (spool, record) = authorized(&service, &id, &query, &headers).await?;
    let upload = id.clone();
    let sent = blocking(&spool, move |spool| Ok(spool.sent(&upload))).await?;
    Ok(Json(ProgressiveUploadBody::new(id, record, sent)))
}

/// Delete a progressive upload and its parts
///
/// The upload token gets its upload back if parts were missing. A complete file that is being sent cannot be deleted here: delete
/// the video.
#[utoipa::path(
    delete, path = "/v1/progressive-uploads/{id}", tag = "uploads",
    params(("id" = String, Path, description = "The upload's ID."), SecretQuery),
    responses(
        (status = 204, description = "The upload is gone."),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn delete(
    State(service): State<Arc<Service>>,
    PathOf(UploadPath { id }): PathOf<UploadPath>,
    QueryOf(query): QueryOf<SecretQuery>,
    headers: HeaderMap,
) -> ApiResult<StatusCode> {
    let (spool, record) = authorized(&service, &id, &query, &headers).await?;
    let state = blocking(&spool, move |spool| spool.delete(&id)).await?;
    if state == UploadState::Receiving
        && let Err(error) = upload_tokens::return_upload(&*service.store, &record.token).await
    {
        tracing::debug!(?error, "the upload token is gone, or lost an upload that sent nothing");
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Ask for the options of the route, as browsers do
#[utoipa::path(
    options, path = "/v1/progressive-uploads/{id}", tag = "uploads",
    params(("id" = String, Path, description = "The upload's ID.")),
    responses((status = 204, description = "The headers have the options."))
)]
async fn preflight() -> StatusCode {
    StatusCode::NO_CONTENT
}

fn spool(service: &Service) -> ApiResult<Arc<Spool>> {
    service.spool.clone().ok_or_else(|| {
        let detail = "the service has no folder for progressive uploads; its operator can set one, and tus uploads at \
                      /v1/uploads need none";
        ApiError::new(StatusCode::NOT_IMPLEMENTED, "no_spool", detail)
    })
}

/// Returns the upload if the request has its secret.
async fn authorized(
    service: &Service,
    id: &str,
    query: &SecretQuery,
    headers: &HeaderMap,
) -> ApiResult<(Arc<Spool>, Record)> {
    let spool = spool(service)?;
    let secret = query.secret.as_deref().or_else(|| bearer(headers)).ok_or_else(|| {
        let detail = "the secret of the upload is missing; use the whole `upload_url`";
        ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    })?;
    let upload = id.to_owned();
    let record = blocking(&spool, move |spool| spool.read(&upload, Utc::now())).await?;
    match secret_text::has_hash(secret, &record.secret_sha256) {
        true => Ok((spool, record)),
        // As for an upload that does not exist.
        false => Err(SpoolError::Unknown.into()),
    }
}

/// Runs on a blocking thread.
async fn blocking<T: Send + 'static>(
    spool: &Arc<Spool>,
    run: impl FnOnce(&Spool) -> Result<T, SpoolError> + Send + 'static,
) -> ApiResult<T> {
    let spool = Arc::clone(spool);
    let done = tokio::task::spawn_blocking(move || run(&spool)).await;
    Ok(done.map_err(|error| ApiError::internal(&error))??)
}
