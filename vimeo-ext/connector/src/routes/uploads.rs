//! Upload tokens, and the uploads that are made with them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vimeo_ext::Vimeo;
use vimeo_ext::accounts::{AccountId, AccountsError};
use vimeo_ext::api::types::VideoViewPrivacy;
use vimeo_ext::retry::{Effect, effect_of_error};
use vimeo_ext::upload::UploadTicket;

use crate::callers::Caller;
use crate::error::{ApiError, ApiResult, Problem};
use crate::extract::{AccountPath, JsonBody, PathOf, QueryOf};
use crate::keys::AccountAccess;
use crate::recent::StartedUpload;
use crate::service::Service;
use crate::upload_tokens::{self, StoredToken, TokenError, VideoSettings};

/// The version of the tus protocol.
const TUS_VERSION: HeaderValue = HeaderValue::from_static("1.0.0");

const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");

/// The maximum lifetime of a token: 7 days.
const MAX_LIFETIME_S: u32 = 7 * 24 * 60 * 60;

/// The maximum number of uploads of a token.
const MAX_UPLOADS: u32 = 10_000;

/// The maximum size of a file: what fits in a signed 64-bit number.
const MAX_UPLOAD_BYTES: u64 = i64::MAX.unsigned_abs();

/// The maximum number of tokens on a page.
const MAX_TOKENS: u32 = 1_000;

pub(super) fn routes() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(get, revoke)).routes(routes!(list_all))
}

/// The route that browsers call with an upload token.
pub(super) fn token_routes() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new().routes(routes!(begin, preflight))
}

/// What a new token permits.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewUploadTokenBody {
    /// How many seconds the token lives. Default: 3600.
    #[schema(minimum = 1, maximum = 604_800)]
    lifetime_s: Option<u32>,
    /// How many uploads can be started with the token. Default: 1.
    #[schema(minimum = 1, maximum = 10_000)]
    max_uploads: Option<u32>,
    /// The maximum size of each file, in bytes. Default: Vimeo's own limits.
    #[schema(minimum = 1)]
    max_bytes: Option<u64>,
    /// The settings of the videos.
    #[serde(default)]
    video: UploadVideoBody,
}

/// The settings of the videos that are uploaded with a token.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UploadVideoBody {
    /// The title. Default: the file name that the uploading program sends.
    #[schema(max_length = 128)]
    name: Option<String>,
    #[schema(max_length = 5000)]
    description: Option<String>,
    /// Who can watch the videos.
    #[schema(example = "nobody")]
    privacy_view: Option<String>,
    /// The URI of the folder that receives the videos.
    #[schema(example = "/users/12345/projects/67890")]
    folder: Option<String>,
}

/// An upload token.
#[derive(Debug, Serialize, ToSchema)]
struct UploadTokenBody {
    id: String,
    /// The identifier of the account that receives the videos.
    identifier: String,
    expires_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    max_uploads: u32,
    /// How many uploads can still be started.
    uploads_left: u32,
    max_bytes: Option<u64>,
    video: UploadVideoBody,
}

/// A new upload token, with its text, which is shown only once.
#[derive(Debug, Serialize, ToSchema)]
struct CreatedUploadTokenBody {
    #[serde(flatten)]
    token: UploadTokenBody,
    /// The URL for a tus client, which contains the token.
    #[schema(format = "uri")]
    upload_url: String,
}

impl From<StoredToken> for UploadTokenBody {
    fn from(stored: StoredToken) -> Self {
        let token = stored.token;
        Self {
            id: stored.id,
            identifier: token.account,
            expires_at: stored.expires_at,
            created_at: token.created_at,
            max_uploads: token.max_uploads,
            uploads_left: token.uploads_left,
            max_bytes: token.max_bytes,
            video: UploadVideoBody {
                name: token.video.name,
                description: token.video.description,
                privacy_view: token.video.privacy_view,
                folder: token.video.folder,
            },
        }
    }
}

/// Create an upload token for an account
///
/// A browser or another server uploads with its `upload_url` alone.
#[utoipa::path(
    post, path = "/v1/accounts/{identifier}/upload-tokens", tag = "uploads", request_body = NewUploadTokenBody,
    security(("api_key" = [])),
    params(("identifier" = String, Path, description = "The caller's own identifier.")),
    responses(
        (status = 201, description = "The token.", body = CreatedUploadTokenBody),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn create(
    State(service): State<Arc<Service>>,
    AccountPath(id): AccountPath,
    headers: HeaderMap,
    JsonBody(body): JsonBody<NewUploadTokenBody>,
) -> ApiResult<Response> {
    let lifetime = in_range("lifetime_s", body.lifetime_s, 3_600, MAX_LIFETIME_S)?;
    let max_uploads = in_range("max_uploads", body.max_uploads, 1, MAX_UPLOADS)?;
    if body.max_bytes == Some(0) {
        return Err(ApiError::invalid_field("max_bytes", "must be at least 1"));
    }
    let video = body.video;
    for (field, text, limit) in
        [("video.name", &video.name, 128), ("video.description", &video.description, 5_000)]
    {
        if text.as_ref().is_some_and(|text| text.chars().count() > limit) {
            return Err(ApiError::invalid_field(field, format!("must have at most {limit} characters")));
        }
    }
    if let Some(privacy) = &video.privacy_view {
        let known = privacy.parse::<VideoViewPrivacy>();
        let known =
            known.map_err(|error| ApiError::invalid_field("video.privacy_view", error.to_string()))?;
        if known == VideoViewPrivacy::Password {
            let reason = "needs a password, which an upload token cannot hold";
            return Err(ApiError::invalid_field("video.privacy_view", reason));
        }
    }
    let video = VideoSettings {
        name: video.name,
        description: video.description,
        privacy_view: video.privacy_view,
        folder: video.folder,
    };
    // A token of an account that cannot be used would only fail later.
    service.accounts.client(&id).await?;
    let lifetime = TimeDelta::seconds(lifetime.into());
    let created = upload_tokens::create(&*service.store, &id, lifetime, max_uploads, body.max_bytes, video);
    let (stored, text) = created.await?;
    let base = base_url(&service, &headers);
    let upload_url = format!("{base}/v1/uploads?token={}", text.expose_secret());
    let created = CreatedUploadTokenBody { token: stored.into(), upload_url };
    Ok((StatusCode::CREATED, Json(created)).into_response())
}

/// Returns the URL of the service, without a slash at the end.
pub(super) fn base_url(service: &Service, headers: &HeaderMap) -> String {
    match (&service.public_url, headers.get(header::HOST).and_then(|host| host.to_str().ok())) {
        (Some(url), _) => url.as_str().trim_end_matches('/').to_owned(),
        (None, Some(host)) => format!("http://{host}"),
        (None, None) => String::new(),
    }
}

fn in_range(field: &str, value: Option<u32>, default: u32, max: u32) -> ApiResult<u32> {
    match value.unwrap_or(default) {
        value if (1..=max).contains(&value) => Ok(value),
        _ => Err(ApiError::invalid_field(field, format!("must be 1 to {max}"))),
    }
}

/// Where a list of tokens continues.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// The maximum number of tokens. Default: 50.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Where to continue: `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of an account's upload tokens.
#[derive(Debug, Serialize, ToSchema)]
struct UploadTokenPageBody {
    upload_tokens: Vec<UploadTokenBody>,
    /// Where the next page starts; null on the last page.
    next_cursor: Option<String>,
}

/// List the upload tokens of an account
#[utoipa::path(
    get, path = "/v1/accounts/{identifier}/upload-tokens", tag = "uploads", security(("api_key" = [])),
    params(("identifier" = String, Path, description = "The caller's own identifier."), ListQuery),
    responses(
        (status = 200, description = "A page of the tokens that have not expired.", body = UploadTokenPageBody),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn list(
    State(service): State<Arc<Service>>,
    AccountPath(id): AccountPath,
    QueryOf(query): QueryOf<ListQuery>,
) -> ApiResult<Json<UploadTokenPageBody>> {
    let limit = in_range("limit", query.limit, 50, MAX_TOKENS)?;
    let after = query.cursor.unwrap_or_default();
    let found = upload_tokens::list(&*service.store, &id, &after, limit).await?;
    let is_full = u32::try_from(found.len()).is_ok_and(|found| found == limit);
    let next_cursor = found.last().filter(|_| is_full).map(|last| last.id.clone());
    Ok(Json(UploadTokenPageBody {
        upload_tokens: found.into_iter().map(UploadTokenBody::from).collect(),
        next_cursor,
    }))
}

#[derive(Deserialize)]
struct TokenPath {
    id: String,
}

fn unknown_token() -> ApiError {
    let detail = "the account has no such upload token: it was revoked or has expired";
    ApiError::new(StatusCode::NOT_FOUND, "unknown_upload_token", detail)
}

/// List the upload tokens of all accounts that the API key may use
///
/// A page can have fewer tokens than `limit`, or none, and still have a next page.
#[utoipa::path(
    get, path = "/v1/upload-tokens", tag = "uploads", params(ListQuery), security(("api_key" = [])),
    responses(
        (status = 200, description = "A page of the tokens, without their text.", body = UploadTokenPageBody),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn list_all(
    State(service): State<Arc<Service>>,
    caller: Caller,
    QueryOf(query): QueryOf<ListQuery>,
) -> ApiResult<Json<UploadTokenPageBody>> {
    let limit = in_range("limit", query.limit, 50, MAX_TOKENS)?;
    let after = query.cursor.unwrap_or_default();
    let access = &caller.policy().accounts;
    let (tokens, next_cursor) = match access {
        AccountAccess::Only(accounts) => {
            upload_tokens::list_of(&*service.store, accounts, &after, limit).await?
        }
        AccountAccess::All | AccountAccess::Prefix(_) => {
            let wanted = |account: &str| access.includes(account);
            upload_tokens::list_all(&*service.store, wanted, &after, limit).await?
        }
    };
    Ok(Json(UploadTokenPageBody {
        upload_tokens: tokens.into_iter().map(UploadTokenBody::from).collect(),
        next_cursor,
    }))
}

/// Get an upload token
#[utoipa::path(
    get, path = "/v1/accounts/{identifier}/upload-tokens/{id}", tag = "uploads", security(("api_key" = [])),
    params(
        ("identifier" = String, Path, description = "The caller's own identifier."),
        ("id" = String, Path, description = "The token's ID."),
    ),
    responses(
        (status = 200, description = "The token, without its text.", body = UploadTokenBody),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn get(
    State(service): State<Arc<Service>>,
    AccountPath(account): AccountPath,
    PathOf(TokenPath { id }): PathOf<TokenPath>,
) -> ApiResult<Json<UploadTokenBody>> {
    let found = upload_tokens::get(&*service.store, &account, &id).await?;
    found.map(|stored| Json(stored.into())).ok_or_else(unknown_token)
}

/// Revoke an upload token
///
/// Uploads that were started with it can be finished: their bytes go to Vimeo.
#[utoipa::path(
    delete, path = "/v1/accounts/{identifier}/upload-tokens/{id}", tag = "uploads", security(("api_key" = [])),
    params(
        ("identifier" = String, Path, description = "The caller's own identifier."),
        ("id" = String, Path, description = "The token's ID."),
    ),
    responses(
        (status = 204, description = "The token is gone."),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn revoke(
    State(service): State<Arc<Service>>,
    AccountPath(account): AccountPath,
    PathOf(TokenPath { id }): PathOf<TokenPath>,
) -> ApiResult<StatusCode> {
    match upload_tokens::revoke(&*service.store, &account, &id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(unknown_token()),
    }
}

/// The upload token in the URL.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct BeginQuery {
    /// The text of the upload token.
    #[serde(default)]
    token: String,
}

/// The video that receives the file.
#[derive(Debug, Serialize, ToSchema)]
struct BegunUpload {
    #[schema(example = "/videos/12345")]
    video_uri: String,
}

/// Start an upload with an upload token: a creation of the tus protocol
///
/// The response's `Location` is Vimeo's own upload link, so the bytes go straight to Vimeo. Browsers of every origin can call
/// this route.
#[utoipa::path(
    post, path = "/v1/uploads", tag = "uploads",
    params(
        BeginQuery,
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
        ("Upload-Length" = u64, Header, description = "The size of the file, in bytes."),
        ("Upload-Metadata" = Option<String>, Header, description = "`filename` and its value in base64."),
    ),
    responses(
        (status = 201, description = "The video waits for its bytes.", body = BegunUpload,
            headers(("Location" = String, description = "The upload link."))),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn begin(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    QueryOf(query): QueryOf<BeginQuery>,
) -> Response {
    let mut response = match create_video(&service, &headers, &query.token).await {
        Ok(ticket) => created(&ticket),
        Err(error) => error.into_response(),
    };
    add_tus_headers(&mut response);
    response
}

/// Ask for the options of the upload route, as browsers and tus clients do
#[utoipa::path(
    options, path = "/v1/uploads", tag = "uploads",
    responses((status = 204, description = "The headers have the options."))
)]
async fn preflight() -> Response {
    let allowed = "content-type, tus-resumable, upload-length, upload-metadata, upload-defer-length";
    let mut response = (
        StatusCode::NO_CONTENT,
        [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "OPTIONS, POST"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, allowed),
            (header::ACCESS_CONTROL_MAX_AGE, "86400"),
            (HeaderName::from_static("tus-extension"), "creation"),
            (HeaderName::from_static("tus-version"), "1.0.0"),
        ],
    )
        .into_response();
    add_tus_headers(&mut response);
    response
}

fn add_tus_headers(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(TUS_RESUMABLE, TUS_VERSION);
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    let exposed =
        HeaderValue::from_static("location, tus-resumable, tus-version, tus-extension, retry-after");
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
}

fn created(ticket: &UploadTicket) -> Response {
    let Ok(mut location) = HeaderValue::from_str(ticket.upload_link().expose_secret()) else {
        let detail = "Vimeo's upload link is not a header value";
        return ApiError::new(StatusCode::BAD_GATEWAY, "vimeo_failed", detail).into_response();
    };
    location.set_sensitive(true);
    let body = BegunUpload { video_uri: ticket.video_uri().to_owned() };
    (StatusCode::CREATED, [(header::LOCATION, location)], Json(body)).into_response()
}

async fn create_video(service: &Service, headers: &HeaderMap, token: &str) -> ApiResult<UploadTicket> {
    let stored = upload_tokens::verify(&*service.store, token).await?;
    if headers.get(&TUS_RESUMABLE) != Some(&TUS_VERSION) {
        let detail = "the header Tus-Resumable must be 1.0.0";
        return Err(ApiError::new(StatusCode::PRECONDITION_FAILED, "tus_version", detail));
    }
    let size = upload_length(headers).ok_or_else(|| {
        ApiError::invalid_field(
            "Upload-Length",
            "must be the size of the file in bytes, 1 to 9223372036854775807",
        )
    })?;
    if let Some(max) = stored.token.max_bytes.filter(|&max| size > max) {
        let detail = format!("the file has {size} bytes; this upload token takes at most {max}");
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "file_too_large", detail));
    }
    let file_name = headers.get("upload-metadata").and_then(|value| file_name(value.to_str().ok()?));
    let client = account_client(service, &stored.token.account).await?;
    upload_tokens::take_upload(&*service.store, &stored.id).await?;
    match upload_ticket(&client, size, stored.token.video, file_name).await {
        Ok(ticket) => {
            service.recent.add_upload(StartedUpload {
                at: Utc::now(),
                identifier: stored.token.account,
                upload_token: stored.id,
                bytes: size,
                video_uri: ticket.video_uri().to_owned(),
            });
            Ok(ticket)
        }
        Err(error) => {
            let created_nothing = error.call().is_some_and(|call| effect_of_error(call) == Effect::Nothing);
            if created_nothing
                && let Err(error) = upload_tokens::return_upload(&*service.store, &stored.id).await
            {
                tracing::warn!(
                    ?error,
                    token = stored.id,
                    "an upload token lost an upload that created nothing"
                );
            }
            Err(failed_creation(&error))
        }
    }
}

/// Returns the client of an upload token's account.
pub(super) async fn account_client(service: &Service, account: &str) -> ApiResult<Vimeo> {
    service.accounts.client(&AccountId::new(account)?).await.map_err(|error| match error {
        AccountsError::Store(error) => error.into(),
        error => account_unavailable(&error),
    })
}

fn failed_creation(error: &vimeo_ext::Error) -> ApiError {
    match error.call() {
        Some(vimeo_ext::api::Error::LoginRequired(_)) => account_unavailable(error),
        _ => ApiError::from(error),
    }
}

/// Returns the size that the client announces.
fn upload_length(headers: &HeaderMap) -> Option<u64> {
    let mut values = headers.get_all(&UPLOAD_LENGTH).iter();
    // Of two lengths, a proxy and the service could choose different ones.
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let text = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    text.parse().ok().filter(|size| (1..=MAX_UPLOAD_BYTES).contains(size))
}

/// Returns the error for an account that cannot receive videos. Who has only an upload token does not learn the account's
/// identifier, nor why.
fn account_unavailable(error: &dyn std::error::Error) -> ApiError {
    tracing::info!(%error, "an upload was refused: its account cannot be used");
    let detail = "the account of this upload token cannot receive videos now; ask who gave you the token";
    ApiError::new(StatusCode::CONFLICT, "account_unavailable", detail)
}

async fn upload_ticket(
    client: &Vimeo,
    size: u64,
    video: VideoSettings,
    file_name: Option<String>,
) -> Result<UploadTicket, vimeo_ext::Error> {
    video.apply(client.upload_ticket(size), file_name).send().await
}

/// Returns the file name in a header `Upload-Metadata`, without folders and control characters.
fn file_name(metadata: &str) -> Option<String> {
    let encoded = metadata.split(',').find_map(|pair| pair.trim().strip_prefix("filename "))?;
    let bytes = BASE64.decode(encoded.trim()).ok()?;
    clean_file_name(&String::from_utf8(bytes).ok()?)
}

/// Returns a file name without folders and control characters, shortened to what a title can have.
pub(super) fn clean_file_name(name: &str) -> Option<String> {
    let name = name.rsplit(['/', '\\']).next()?;
    let name: String = name.chars().filter(|letter| !letter.is_control()).take(128).collect();
    Some(name).filter(|name| !name.trim().is_empty())
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Unknown => {
                let detail = "the upload token is wrong, was revoked or has expired; ask for another one";
                Self::new(StatusCode::UNAUTHORIZED, "unknown_upload_token", detail)
            }
            TokenError::UsedUp => {
                let detail = "every upload of this upload token was started; ask for another token";
                Self::new(StatusCode::FORBIDDEN, "upload_token_used_up", detail)
            }
            TokenError::Contended => {
                let detail = "too many uploads start at once with this upload token; try again";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "contended", detail).retry_after(1)
            }
            TokenError::NoRandomBytes => {
                let detail = "the service's machine provides no random bytes";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
            }
            TokenError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_lose_folders_and_control_characters() {
        let encode = |name: &str| format!("type dmlkZW8=, filename {}", BASE64.encode(name));
        for (name, expected) in [
            ("Surf.mp4", Some("Surf.mp4")),
            ("../../etc/Surf.mp4", Some("Surf.mp4")),
            ("C:\\films\\Surf.mp4", Some("Surf.mp4")),
            ("Su\u{0}rf\n.mp4", Some("Surf.mp4")),
            ("folder/", None),
            (" ", None),
        ] {
            assert_eq!(file_name(&encode(name)).as_deref(), expected, "{name:?}");
        }
        assert_eq!(file_name("filename !!!"), None);
        assert_eq!(file_name("name U3VyZg=="), None);
        assert_eq!(file_name(&encode(&"x".repeat(200))).unwrap().len(), 128);
    }
}
