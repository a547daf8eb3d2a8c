//! Logins: the authorization link, and the callback that the browser comes back to.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use http::{Method, StatusCode, header};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vimeo_ext::ScopeSet;
use vimeo_ext::accounts::{AccountId, Document, LinkedAccount};
use vimeo_ext::hex::hex;

use super::accounts::AccountBody;
use crate::error::{ApiError, ApiResult, Problem};
use crate::extract::{AccountPath, JsonBody};
use crate::recent::FailureKind;
use crate::service::Service;

/// The collection of the documents that hold what to do when a browser comes back.
const COLLECTION: &str = "logins";

/// The maximum size of a callback's query.
const MAX_CALLBACK_BYTES: usize = 8 * 1024;

/// The parameters of a callback that are passed on to the caller.
const CALLBACK_PARAMETERS: [&str; 4] = ["code", "state", "error", "error_description"];

pub(super) fn routes() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new().routes(routes!(create_link)).routes(routes!(complete))
}

/// The routes that a browser calls, without an API key.
pub(super) fn callback_routes() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new().routes(routes!(callback))
}

/// Which link to create.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LinkBody {
    /// The scopes to ask for. Default: `public`.
    #[serde(default)]
    #[schema(example = json!(["public", "private", "upload"]))]
    scopes: Vec<String>,
    /// Where the browser is sent after the login, with `identifier` and `status` or `error` in its query. It must be one of the
    /// return URLs that the service's operator allows. Default: a page of the service.
    #[schema(format = "uri")]
    return_url: Option<String>,
    /// Who completes the login.
    #[serde(default)]
    completion: Completion,
}

/// Who completes a login.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Completion {
    /// The service, when the browser comes back. Anybody who opens the link connects their Vimeo account.
    #[default]
    Service,
    /// The caller, who knows whose browser came back: the browser is sent to the return URL with the query of the callback, and
    /// the caller passes that query to `POST /v1/accounts/{identifier}/login`.
    Caller,
}

/// A link to which to send the user's browser.
#[derive(Debug, Serialize, ToSchema)]
struct LinkResponse {
    /// Vimeo's page, where the user logs in and grants the scopes. The link works once.
    #[schema(format = "uri")]
    url: String,
    /// When the link stops to work.
    expires_at: DateTime<Utc>,
}

/// What to do when the browser comes back.
#[derive(Serialize, Deserialize)]
struct PendingLogin {
    identifier: String,
    return_url: Option<String>,
    completion: Completion,
}

/// Create an authorization link for an account, and the account if it does not exist
#[utoipa::path(
    post, path = "/v1/accounts/{identifier}/authorization-links", tag = "accounts", request_body = LinkBody,
    security(("api_key" = [])),
    params(("identifier" = String, Path, description = "The caller's own identifier.")),
    responses(
        (status = 201, description = "The link.", body = LinkResponse),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn create_link(
    State(service): State<Arc<Service>>,
    AccountPath(id): AccountPath,
    JsonBody(body): JsonBody<LinkBody>,
) -> ApiResult<Response> {
    if let Some(url) = &body.return_url
        && service.return_urls.check(url).is_none()
    {
        return Err(ApiError::invalid_field(
            "return_url",
            "is not one of the return URLs that this service allows",
        ));
    }
    if body.completion == Completion::Caller && body.return_url.is_none() {
        return Err(ApiError::invalid_field("return_url", "is needed if the caller completes the login"));
    }
    let scopes = match body.scopes.as_slice() {
        [] => ScopeSet::from("public"),
        scopes => ScopeSet::from(scopes.join(" ")),
    };
    let url = service.accounts.authorization_link(&id, scopes).await?;
    let state = url.query_pairs().find(|(name, _)| name == "state").map(|(_, state)| state.into_owned());
    let state = state.unwrap_or_default();
    let now = Utc::now();
    let pending = PendingLogin {
        identifier: id.as_str().to_owned(),
        return_url: body.return_url,
        completion: body.completion,
    };
    let content = serde_json::to_vec(&pending).map_err(|error| ApiError::internal(&error))?;
    let lifetime = TimeDelta::from_std(service.accounts.login_lifetime()).unwrap_or(TimeDelta::MAX);
    let expires_at = now.checked_add_signed(lifetime).unwrap_or(DateTime::<Utc>::MAX_UTC).trunc_subsecs(3);
    let document = Document::new(document_id(&state), content).expires(expires_at);
    service.store.insert_document(COLLECTION, &document, now).await?;
    let response = LinkResponse { url: url.into(), expires_at };
    Ok((StatusCode::CREATED, Json(response)).into_response())
}

/// What the browser came back with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CallbackBody {
    /// The URL that the browser came back to, or its query.
    #[schema(example = "code=…&state=…", max_length = 8192)]
    callback: String,
}

/// The result of a login.
#[derive(Debug, Serialize, ToSchema)]
struct LoginResponse {
    account: AccountBody,
    /// The scopes that were asked for but not granted.
    missing_scopes: Vec<String>,
}

impl From<LinkedAccount> for LoginResponse {
    fn from(linked: LinkedAccount) -> Self {
        Self {
            account: linked.account.into(),
            missing_scopes: linked.missing_scopes.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Complete the login of a browser that came back to the caller
///
/// The identifier must come from the caller's own session with that browser. The login of another account is rejected.
#[utoipa::path(
    post, path = "/v1/accounts/{identifier}/login", tag = "accounts", request_body = CallbackBody,
    security(("api_key" = [])),
    params(("identifier" = String, Path, description = "The caller's own identifier.")),
    responses(
        (status = 200, description = "The account, now active.", body = LoginResponse),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn complete(
    State(service): State<Arc<Service>>,
    AccountPath(id): AccountPath,
    JsonBody(body): JsonBody<CallbackBody>,
) -> ApiResult<Json<LoginResponse>> {
    if body.callback.len() > MAX_CALLBACK_BYTES {
        return Err(ApiError::invalid_field("callback", "is too long"));
    }
    let completed = service.accounts.complete_for(&id, &body.callback).await;
    let linked = completed.map_err(|error| ApiError::from(error).reported(FailureKind::Login, &id))?;
    Ok(Json(linked.into()))
}

/// The page that Vimeo sends the browser back to
#[utoipa::path(
    get, path = "/v1/callback", tag = "accounts",
    responses(
        (status = 200, description = "The account is connected.", content_type = "text/html"),
        (status = 303, description = "The browser is sent to the return URL."),
        (status = "default", description = "The login failed.", content_type = "text/html"),
    )
)]
async fn callback(State(service): State<Arc<Service>>, RawQuery(query): RawQuery) -> Response {
    let query = query.filter(|query| query.len() <= MAX_CALLBACK_BYTES).unwrap_or_default();
    let pending = match take(&service, &query).await {
        Ok(pending) => pending,
        Err(error) => return page(StatusCode::BAD_REQUEST, &failed(error.code())),
    };
    // The operator's list can have changed since the link was created.
    let return_url = pending.return_url.as_deref().map(|url| service.return_urls.check(url));
    let return_url = match return_url {
        Some(None) => return page(StatusCode::BAD_REQUEST, &failed("return_url")),
        Some(Some(url)) => Some(url),
        None => None,
    };
    if pending.completion == Completion::Caller {
        let Some(mut url) = return_url else { return page(StatusCode::BAD_REQUEST, &failed("return_url")) };
        // Parameters that Vimeo does not send could pretend a result.
        let of_vimeo = url::form_urlencoded::parse(query.as_bytes());
        append(&mut url, of_vimeo.filter(|(name, _)| CALLBACK_PARAMETERS.contains(&&**name)));
        return redirect(&url);
    }
    let result = match AccountId::new(&pending.identifier) {
        Ok(id) => service.accounts.complete_for(&id, &query).await.map_err(|error| {
            let error = ApiError::from(error).reported(FailureKind::Login, &id);
            let failure = error.to_failure();
            service.recent.add_failure(failure.at_route(&Method::GET, "/v1/callback", None));
            error
        }),
        Err(error) => Err(error.into()),
    };
    let (name, value) = match &result {
        Ok(_) => ("status", "active"),
        Err(error) => ("error", error.code()),
    };
    match (return_url, result) {
        (Some(mut url), _) => {
            append(&mut url, [("identifier", pending.identifier.as_str()), (name, value)].into_iter());
            redirect(&url)
        }
        (None, Ok(_)) => page(StatusCode::OK, "The Vimeo account is connected. You can close this window."),
        (None, Err(_)) => page(StatusCode::BAD_REQUEST, &failed(value)),
    }
}

fn failed(code: &str) -> String {
    format!("The Vimeo account was not connected ({code}). Go back and start the login again.")
}

/// Removes and returns what to do for the browser that came back with this query.
async fn take(service: &Service, query: &str) -> ApiResult<PendingLogin> {
    let unknown = || {
        let detail =
            "no login has this state: it was already used, has expired, or is forged; start a new login";
        ApiError::new(StatusCode::BAD_REQUEST, "unknown_login", detail)
    };
    let state = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "state");
    let state =
        state.map(|(_, state)| state.into_owned()).filter(|state| !state.is_empty()).ok_or_else(unknown)?;
    let taken = service.store.take_document(COLLECTION, &document_id(&state), Utc::now()).await?;
    let taken = taken.ok_or_else(unknown)?;
    serde_json::from_slice(&taken.content).map_err(|error| ApiError::internal(&error))
}

/// Returns the ID of a login's document: a hash of the state, so that reading the store is not enough to forge a callback.
fn document_id(state: &str) -> String {
    hex(&Sha256::digest(state))
}

fn append(url: &mut Url, pairs: impl Iterator<Item = (impl AsRef<str>, impl AsRef<str>)>) {
    url.query_pairs_mut().extend_pairs(pairs);
}

fn redirect(url: &Url) -> Response {
    ([(header::REFERRER_POLICY, "no-referrer")], Redirect::to(url.as_str())).into_response()
}

/// Returns a page for a person. The text has no markup of strangers.
fn page(status: StatusCode, text: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Vimeo login</title><p>{text}</p></html>"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (status, headers, html).into_response()
}
