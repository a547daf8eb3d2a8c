//! Progressive uploads: parts of a file whose size is not known yet, in any order.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SubsecRound, Utc};
use futures_util::StreamExt;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout, timeout_at};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::uploads::{account_client, base_url, clean_file_name};
use crate::callers::bearer;
use crate::error::{ApiError, ApiResult, Problem};
use crate::extract::{JsonBody, PathOf, QueryOf};
use crate::progressive::ranges::{ContentRange, Received, Refusal};
use crate::progressive::record::{Record, State as UploadState};
use crate::progressive::spool::{ID_LENGTH, PartFile, Spool, SpoolError};
use crate::secret_text;
use crate::service::Service;
use crate::upload_tokens::{self, TokenError};

/// How long a client may send nothing while it sends a part.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a client may take for a part: this, and a second for each 16 KiB.
const MIN_PART_TIMEOUT: Duration = Duration::from_secs(60);
const MAX_PART_TIMEOUT: Duration = Duration::from_secs(6 * 60 * 60);
const MIN_BYTES_PER_SECOND: u64 = 16 * 1024;

/// How many bytes are collected before they are written.
const WRITE_BYTES: usize = 1024 * 1024;

/// How much of a refused part is read, so that the client sees the response rather than a closed connection.
const MAX_DISCARDED_BYTES: u64 = 8 * 1024 * 1024;
const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);

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

/// What is known of the file.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewProgressiveUploadBody {
    /// The name of the file: the title of the video, unless the upload token has one.
    #[schema(max_length = 1000)]
    file_name: Option<String>,
}

/// A progressive upload.
#[derive(Debug, Serialize, ToSchema)]
struct ProgressiveUploadBody {
    id: String,
    state: ProgressiveState,
    /// The received bytes, sorted, without overlaps.
    received: Vec<ReceivedRange>,
    received_bytes: u64,
    /// The size of the file; null until a part has told it.
    total_bytes: Option<u64>,
    /// How many bytes Vimeo has.
    sent_bytes: u64,
    /// The maximum size of the file.
    max_bytes: u64,
    /// The video, once it was created. It has its file when the state is `done`.
    #[schema(example = "/videos/12345")]
    video_uri: Option<String>,
    /// Why the upload failed. While the state is `sending`: why the last attempt did; the service tries again.
    error: Option<UploadErrorBody>,
    /// When the upload is removed. Every part extends the time.
    expires_at: DateTime<Utc>,
}

/// The state of a progressive upload.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ProgressiveState {
    /// Parts are missing.
    Receiving,
    /// The file is complete. The service sends it to Vimeo.
    Sending,
    /// Vimeo has the file.
    Done,
    /// The service has given up.
    Failed,
}

/// Bytes that were received, with the numbers of a `Content-Range`.
#[derive(Debug, Serialize, ToSchema)]
struct ReceivedRange {
    first: u64,
    last: u64,
}

/// Why an upload failed.
#[derive(Debug, Serialize, ToSchema)]
struct UploadErrorBody {
    #[schema(example = "quota_exceeded")]
    code: String,
    detail: String,
}

/// A new progressive upload, with its URL, which is shown only once.
#[derive(Debug, Serialize, ToSchema)]
struct CreatedProgressiveUploadBody {
    #[serde(flatten)]
    upload: ProgressiveUploadBody,
    /// The URL for the parts and the state. It contains the secret of this upload.
    #[schema(format = "uri")]
    upload_url: String,
}

impl ProgressiveUploadBody {
    fn new(id: String, record: Record, sent_bytes: u64) -> Self {
        let received_bytes = record.received.size();
        let expires_at = record.expires_at().trunc_subsecs(3);
        let state = match record.state() {
            UploadState::Receiving => ProgressiveState::Receiving,
            UploadState::Sending => ProgressiveState::Sending,
            UploadState::Done => ProgressiveState::Done,
            UploadState::Failed => ProgressiveState::Failed,
        };
        let sent_bytes = match state {
            ProgressiveState::Done => received_bytes,
            _ => sent_bytes.min(received_bytes),
        };
        let Received { ranges, total } = record.received;
        let received = ranges
            .into_iter()
            .map(|range| ReceivedRange { first: range.start, last: range.end.saturating_sub(1) });
        Self {
            id,
            state,
            received: received.collect(),
            received_bytes,
            total_bytes: total,
            sent_bytes,
            max_bytes: record.max_bytes,
            video_uri: record.video_uri,
            error: record.error.map(|error| UploadErrorBody { code: error.code, detail: error.detail }),
            expires_at,
        }
    }
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

fn wrong_length(range: ContentRange) -> ApiError {
    let detail =
        format!("the body must have {} bytes, as Content-Range says; nothing was stored", range.size());
    ApiError::new(StatusCode::BAD_REQUEST, "wrong_length", detail)
}

/// The body of a part.
struct Part {
    body: axum::body::BodyDataStream,
    received: u64,
    has_ended: bool,
}

impl Part {
    fn new(body: Body) -> Self {
        Self { body: body.into_data_stream(), received: 0, has_ended: false }
    }

    /// Returns the next bytes; `None` at the end.
    async fn next(&mut self) -> ApiResult<Option<axum::body::Bytes>> {
        match timeout(IDLE_TIMEOUT, self.body.next()).await {
            Ok(None) => {
                self.has_ended = true;
                Ok(None)
            }
            Ok(Some(Ok(bytes))) => {
                self.received = self.received.saturating_add(bytes.len() as u64);
                Ok(Some(bytes))
            }
            Ok(Some(Err(_))) => {
                self.has_ended = true;
                let detail = "the body ended early; nothing of the part was stored, send it again";
                Err(ApiError::new(StatusCode::BAD_REQUEST, "incomplete_part", detail))
            }
            Err(_) => {
                self.has_ended = true;
                Err(part_timeout())
            }
        }
    }

    /// Checks that there are no more bytes.
    async fn expect_end(&mut self) -> Result<(), ()> {
        loop {
            match self.next().await {
                Ok(None) => return Ok(()),
                Ok(Some(bytes)) if bytes.is_empty() => {}
                Ok(Some(_)) | Err(_) => return Err(()),
            }
        }
    }

    /// Writes exactly the bytes of the range to a file.
    async fn write_to(
        &mut self,
        file: PartFile,
        spool: &Arc<Spool>,
        range: ContentRange,
    ) -> ApiResult<PartFile> {
        let seconds = Duration::from_secs(range.size() / MIN_BYTES_PER_SECOND);
        let allowed = MIN_PART_TIMEOUT.saturating_add(seconds).min(MAX_PART_TIMEOUT);
        let now = Instant::now();
        let deadline = now.checked_add(allowed).unwrap_or(now);
        match timeout_at(deadline, self.write_all(file, spool, range)).await {
            Ok(written) => written,
            Err(_) => {
                self.has_ended = true;
                Err(part_timeout())
            }
        }
    }

    async fn write_all(
        &mut self,
        mut file: PartFile,
        spool: &Arc<Spool>,
        range: ContentRange,
    ) -> ApiResult<PartFile> {
        let mut collected = Vec::new();
        loop {
            let next = self.next().await?;
            if self.received > range.size() {
                return Err(wrong_length(range));
            }
            let is_end = next.is_none();
            collected.extend_from_slice(&next.unwrap_or_default());
            if collected.len() >= WRITE_BYTES || (is_end && !collected.is_empty()) {
                let bytes = std::mem::take(&mut collected);
                file = blocking(spool, move |_| file.write(&bytes)).await?;
            }
            if is_end {
                return if self.received == range.size() { Ok(file) } else { Err(wrong_length(range)) };
            }
        }
    }

    /// Reads what the client still sends, up to a limit.
    async fn discard(&mut self) {
        let mut discarded: u64 = 0;
        let rest = async {
            while !self.has_ended && discarded < MAX_DISCARDED_BYTES {
                let Ok(Some(bytes)) = self.next().await else { break };
                discarded = discarded.saturating_add(bytes.len() as u64);
            }
        };
        let _ = timeout(DISCARD_TIMEOUT, rest).await;
    }
}

fn part_timeout() -> ApiError {
    let detail = format!(
        "the part arrived too slowly, or not at all for {} s; nothing of it was stored, send it again or a smaller one",
        IDLE_TIMEOUT.as_secs()
    );
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail)
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

impl From<SpoolError> for ApiError {
    fn from(error: SpoolError) -> Self {
        let (status, code, detail) = match error {
            SpoolError::Unknown => (
                StatusCode::NOT_FOUND,
                "unknown_upload",
                "there is no such upload: its URL is wrong, or it has expired or was deleted".to_owned(),
            ),
            SpoolError::Refused(refusal) => return refusal.into(),
            SpoolError::Conflict => (
                StatusCode::CONFLICT,
                "part_conflict",
                "the part differs from bytes that were received before; these were kept".to_owned(),
            ),
            SpoolError::Full => {
                let detail = "the service has no space for the part now; try again later";
                return Self::new(StatusCode::INSUFFICIENT_STORAGE, "spool_full", detail).retry_after(60);
            }
            SpoolError::PartTooLarge { max_bytes } => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "part_too_large",
                format!("a part can have at most {max_bytes} bytes; send smaller parts"),
            ),
            SpoolError::TooManyParts => {
                let detail = "the upload receives too many parts at once; send fewer at a time";
                return Self::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_parts", detail).retry_after(1);
            }
            SpoolError::Complete => (
                StatusCode::CONFLICT,
                "upload_complete",
                "the file is complete and is being sent to Vimeo; delete the video instead".to_owned(),
            ),
            SpoolError::Io(error) => return Self::internal(&error),
        };
        Self::new(status, code, detail)
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let conflict = |code, detail| Self::new(StatusCode::CONFLICT, code, detail);
        match refusal {
            Refusal::TooLarge { max_bytes } => {
                let detail =
                    format!("the file would be too large; this upload takes at most {max_bytes} bytes");
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "file_too_large", detail)
            }
            Refusal::TotalConflict { total } => {
                conflict("total_conflict", format!("another part told that the file has {total} bytes"))
            }
            Refusal::BeyondTotal { total } => {
                conflict("beyond_total", format!("the part ends after the last of the file's {total} bytes"))
            }
            Refusal::TotalTooSmall { received_end } => {
                let last = received_end.saturating_sub(1);
                conflict("total_too_small", format!("byte {last} of the file was received before"))
            }
            Refusal::TooManyRanges { max } => conflict(
                "too_many_gaps",
                format!("the parts would leave {max} gaps or more; fill some first"),
            ),
        }
    }
}
