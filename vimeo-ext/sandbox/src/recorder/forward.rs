//! Forwards requests and records the exchanges.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::{Url, form_urlencoded};

use super::Recording;
use super::links::LinkTable;
use super::storage::{MAX_RECORDING_BYTES, Storage};
use super::target::{Target, join};
use crate::catalog::schema::Type;
use crate::catalog::{self, Found, Operation};
use crate::hosts::overridden_method;
use crate::protocol::{ids, names};
use crate::recording::redaction::Redactor;
use crate::recording::{BodyRecord, RecordingEntry, RequestRecord, ResponseRecord, UPLOAD_ROOT};
use crate::request_log::Host;

/// Limits bodies of API requests and all responses.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// The hash of a shorter upload could be reversed by trying.
const MIN_HASHED_BYTES: u64 = 1024;

/// Headers that belong to a connection, not to a message.
const CONNECTION_HEADERS: [HeaderName; 7] = [
    header::CONNECTION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// What all connections share.
pub(super) struct Shared {
    http: reqwest::Client,
    target: Target,
    links: LinkTable,
    timeout: Duration,
    next_seq: AtomicU64,
    storage: Mutex<Storage>,
}

/// Omits what was recorded.
impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("target", &self.target)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Why a request was not answered by the API.
#[derive(Debug, thiserror::Error)]
enum ForwardError {
    #[error("the body of the request is larger than {MAX_BODY_BYTES} bytes, the limit of a recording")]
    RequestTooLarge,
    #[error("the body of the request is incomplete")]
    IncompleteRequest,
    #[error("the request has no path that can be forwarded")]
    NoPath,
    #[error("no recorded response has this upload link")]
    UnknownUpload,
    #[error("{host} did not respond within {} seconds", .timeout.as_secs_f64())]
    Timeout { host: String, timeout: Duration },
    #[error("the response of {host} is larger than {MAX_BODY_BYTES} bytes, the limit of a recording")]
    ResponseTooLarge { host: String },
    #[error("cannot reach {host}: {reason}")]
    Http { host: String, reason: String },
    #[error("the exchange could not be stored: {0}")]
    NotStored(String),
}

impl ForwardError {
    fn status(&self) -> StatusCode {
        match self {
            Self::RequestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::IncompleteRequest | Self::NoPath => StatusCode::BAD_REQUEST,
            Self::UnknownUpload => StatusCode::NOT_FOUND,
            Self::Timeout { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::ResponseTooLarge { .. } | Self::Http { .. } => StatusCode::BAD_GATEWAY,
            Self::NotStored(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn not_stored(error: tokio::task::JoinError) -> Self {
        Self::NotStored(error.to_string())
    }

    /// Describes a failure without its URL, which can contain secrets.
    fn http(host: &str, error: reqwest::Error) -> Self {
        let error = error.without_url();
        let mut reason = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(next) = cause {
            reason = format!("{reason}: {next}");
            cause = next.source();
        }
        Self::Http { host: host.to_owned(), reason }
    }
}

/// A complete response.
struct ReceivedResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// An exchange with the API, to be stored.
struct ApiExchange {
    seq: u64,
    method: Method,
    path: String,
    query: String,
    authorization: Option<String>,
    media_type: String,
    body: Bytes,
    response_status: StatusCode,
    response_headers: HeaderMap,
    response_json: Option<Value>,
    response_length: usize,
    upload_links: Vec<String>,
}

pub(super) fn api_router(shared: &Arc<Shared>) -> Router {
    Router::new().fallback(api).with_state(Arc::clone(shared))
}

pub(super) fn upload_router(shared: &Arc<Shared>) -> Router {
    Router::new().fallback(upload).with_state(Arc::clone(shared))
}

/// A router for requests under Vimeo's host names.
pub(super) fn named_host_router(shared: &Arc<Shared>) -> Router {
    Router::new().fallback(named_host).with_state(Arc::clone(shared))
}

async fn api(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let result = shared.forward_api(request).await;
    shared.respond(result)
}

async fn upload(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let link = path_and_query(request.uri()).and_then(|path| shared.links.remote_upload(path));
    let result = shared.forward_upload(link, request).await;
    shared.respond(result)
}

async fn named_host(state: State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let host = request.uri().host().or_else(|| request.headers().get(header::HOST)?.to_str().ok());
    let host = host.unwrap_or_default().split(':').next().unwrap_or_default();
    if !names::is_upload(host) {
        return api(state, request).await;
    }
    let link = path_and_query(request.uri()).and_then(|path| join(&format!("https://{host}"), path));
    // A `Host` with a slash in it would name another host.
    let link = link.filter(|link| link.host_str().is_some_and(names::is_upload));
    let result = state.forward_upload(link, request).await;
    state.respond(result)
}

fn path_and_query(uri: &http::Uri) -> Option<&str> {
    uri.path_and_query().map(http::uri::PathAndQuery::as_str)
}

impl Shared {
    pub(super) fn new(
        http: reqwest::Client,
        target: Target,
        api: &Url,
        upload: &Url,
        timeout: Duration,
    ) -> Self {
        let redactor = Redactor::new(target.base().clone());
        Self {
            http,
            links: LinkTable::new(api, upload),
            target,
            timeout,
            next_seq: AtomicU64::new(1),
            storage: Mutex::new(Storage::new(redactor, MAX_RECORDING_BYTES)),
        }
    }

    pub(super) fn finish(&self) -> Recording {
        self.storage().recording()
    }

    fn storage(&self) -> MutexGuard<'_, Storage> {
        self.storage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn respond(&self, result: Result<Response<Body>, ForwardError>) -> Response<Body> {
        result.unwrap_or_else(|error| {
            self.storage().fail();
            tracing::warn!(%error, "a request was not recorded");
            let text = json!({"error": format!("The recorder failed: {error}.")}).to_string();
            let mut response = Response::new(Body::from(text));
            *response.status_mut() = error.status();
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        })
    }

    async fn forward_api(self: &Arc<Self>, request: Request<Body>) -> Result<Response<Body>, ForwardError> {
        let seq = self.next_seq.fetch_add(1, Ordering::Relaxed);
        let (parts, body) = request.into_parts();
        let url =
            path_and_query(&parts.uri).and_then(|path| self.target.url(path)).ok_or(ForwardError::NoPath)?;
        let body = Limited::new(body, MAX_BODY_BYTES).collect().await.map_err(|error| match error
            .downcast_ref::<LengthLimitError>(
        ) {
            Some(_) => ForwardError::RequestTooLarge,
            None => ForwardError::IncompleteRequest,
        })?;
        let body = body.to_bytes();
        let mut headers = forwarded_headers(&parts.headers);
        // A compressed response could not be redacted.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.remove(header::CONTENT_LENGTH);
        let host = url.authority().to_owned();
        let mut outgoing = self.http.request(parts.method.clone(), url).headers(headers);
        if !body.is_empty() || matches!(parts.method, Method::POST | Method::PUT | Method::PATCH) {
            outgoing = outgoing.body(body.clone());
        }
        let received = tokio::time::timeout(self.timeout, receive(&host, outgoing)).await;
        let received =
            received.map_err(|_| ForwardError::Timeout { host, timeout: self.timeout }).flatten()?;
        let shared = Arc::clone(self);
        let recorded =
            tokio::task::spawn_blocking(move || shared.record_api(seq, &parts, body, received)).await;
        recorded.map_err(ForwardError::not_stored)
    }

    /// Records an exchange and returns the response for the client.
    fn record_api(&self, seq: u64, parts: &Parts, body: Bytes, received: ReceivedResponse) -> Response<Body> {
        let ReceivedResponse { status, headers, body: response_body } = received;
        let path = parts.uri.path();
        let json: Option<Value> = serde_json::from_slice(&response_body).ok();
        let ty = response_type(operation(&parts.method, path), status);
        let creates = parts.method == Method::POST && status.is_success();
        let localized =
            json.as_ref().map(|json| self.links.localize(&self.target, ty, creates, &response_body, json));
        let (upload_links, client_body) = match localized {
            Some(localized) => (localized.upload_links, Bytes::from(localized.bytes)),
            None => (Vec::new(), response_body.clone()),
        };
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let scheme = text(header::AUTHORIZATION).split(' ').next().unwrap_or_default().to_ascii_lowercase();
        self.store_api(ApiExchange {
            seq,
            method: parts.method.clone(),
            path: path.to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            authorization: parts.headers.contains_key(header::AUTHORIZATION).then_some(scheme),
            media_type: text(header::CONTENT_TYPE).to_owned(),
            body,
            response_status: status,
            response_headers: headers.clone(),
            response_json: json,
            response_length: response_body.len(),
            upload_links,
        });
        let mut headers = passed_headers(&headers, parts.method == Method::HEAD);
        if let Some(location) = headers.get(header::LOCATION).and_then(|value| value.to_str().ok())
            && let Some(local) = self.links.local_api(&self.target, location)
            && let Ok(local) = HeaderValue::try_from(local)
        {
            headers.insert(header::LOCATION, local);
        }
        build_response(status, headers, client_body)
    }

    fn store_api(&self, exchange: ApiExchange) {
        let operation = operation(&exchange.method, &exchange.path);
        let request_type =
            operation.and_then(|operation| operation.body.as_ref()).map_or(Type::Any, |body| body.ty);
        let response_type = response_type(operation, exchange.response_status);
        self.storage().add(exchange.seq, |redactor| {
            for link in &exchange.upload_links {
                redactor.upload_link(link);
            }
            let query = redactor.query(&exchange.path, &exchange.query);
            let body = (!exchange.body.is_empty()).then(|| BodyRecord {
                bytes: exchange.body.len() as u64,
                sha256: None,
                shape: parsed_body(&exchange.media_type, &exchange.body)
                    .map(|json| redactor.shape(request_type, &json)),
            });
            let is_omitted = exchange.response_json.is_none() && exchange.response_length > 0;
            RecordingEntry {
                request: RequestRecord {
                    host: Host::Api,
                    method: exchange.method.to_string(),
                    path: redactor.path(&exchange.path),
                    query: query.text,
                    replaced: query.replaced,
                    authorization: exchange.authorization.map(|scheme| match scheme.as_str() {
                        "bearer" | "basic" => scheme,
                        _ => "other".to_owned(),
                    }),
                    body,
                },
                response: ResponseRecord {
                    status: exchange.response_status.as_u16(),
                    headers: redactor.headers(&exchange.response_headers),
                    body: exchange.response_json.map(|json| redactor.body(response_type, &json)),
                    omitted_bytes: is_omitted.then_some(exchange.response_length as u64),
                },
            }
        });
    }

    async fn forward_upload(
        self: &Arc<Self>,
        link: Option<Url>,
        request: Request<Body>,
    ) -> Result<Response<Body>, ForwardError> {
        let seq = self.next_seq.fetch_add(1, Ordering::Relaxed);
        let link = link.filter(|link| self.target.is_upload_link(link)).ok_or(ForwardError::UnknownUpload)?;
        let (parts, body) = request.into_parts();
        let mut headers = forwarded_headers(&parts.headers);
        // An upload link is a capability; the token is for the API.
        headers.remove(header::AUTHORIZATION);
        headers.remove(header::COOKIE);
        let host = link.authority().to_owned();
        let progress = Arc::new(UploadProgress::default());
        let mut outgoing = self.http.request(parts.method.clone(), link.clone()).headers(headers);
        if !http_body::Body::is_end_stream(&body) {
            let progress = Arc::clone(&progress);
            let stream = body.into_data_stream().inspect(move |chunk| {
                if let Ok(chunk) = chunk {
                    progress.add(chunk);
                }
            });
            outgoing = outgoing.body(reqwest::Body::wrap_stream(stream));
        }
        let received = tokio::select! {
            received = receive(&host, outgoing) => received?,
            () = progress.stopped(self.timeout) => {
                return Err(ForwardError::Timeout { host, timeout: self.timeout });
            }
        };
        let shared = Arc::clone(self);
        let record = move || shared.record_upload(seq, &parts, &link, &progress, received);
        tokio::task::spawn_blocking(record).await.map_err(ForwardError::not_stored)
    }

    fn record_upload(
        &self,
        seq: u64,
        parts: &Parts,
        link: &Url,
        progress: &UploadProgress,
        received: ReceivedResponse,
    ) -> Response<Body> {
        let ReceivedResponse { status, headers, body } = received;
        let location = headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
        let location = location.and_then(|location| link.join(location).ok());
        let local =
            location.as_ref().and_then(|location| self.links.local_upload(&self.target, location.as_str()));
        self.storage().add(seq, |redactor| {
            let number = redactor.upload_link(link.as_str());
            let mut response_headers = headers.clone();
            if let (Some(location), Some(_)) = (&location, &local)
                && let Ok(absolute) = HeaderValue::try_from(location.as_str())
            {
                redactor.upload_link(location.as_str());
                response_headers.insert(header::LOCATION, absolute);
            }
            let json: Option<Value> = serde_json::from_slice(&body).ok();
            let is_omitted = json.is_none() && !body.is_empty();
            RecordingEntry {
                request: RequestRecord {
                    host: Host::Upload,
                    method: overridden_method(parts).unwrap_or_else(|| parts.method.clone()).to_string(),
                    path: format!("{UPLOAD_ROOT}{number}"),
                    query: String::new(),
                    replaced: Vec::new(),
                    authorization: None,
                    body: progress.record(),
                },
                response: ResponseRecord {
                    status: status.as_u16(),
                    headers: redactor.headers(&response_headers),
                    body: json.map(|json| redactor.body(Type::Any, &json)),
                    omitted_bytes: is_omitted.then_some(body.len() as u64),
                },
            }
        });
        let mut headers = passed_headers(&headers, parts.method == Method::HEAD);
        if let Some(local) = local.and_then(|local| HeaderValue::try_from(local).ok()) {
            headers.insert(header::LOCATION, local);
        }
        build_response(status, headers, body)
    }
}

/// How much of an upload has been sent.
#[derive(Default)]
struct UploadProgress {
    sent: Mutex<(u64, Sha256)>,
}

impl UploadProgress {
    fn lock(&self) -> MutexGuard<'_, (u64, Sha256)> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, chunk: &[u8]) {
        let mut sent = self.lock();
        sent.0 += chunk.len() as u64;
        sent.1.update(chunk);
    }

    fn record(&self) -> Option<BodyRecord> {
        let sent = self.lock();
        let sha256 = (sent.0 >= MIN_HASHED_BYTES).then(|| ids::hex(&sent.1.clone().finalize()));
        (sent.0 > 0).then_some(BodyRecord { bytes: sent.0, sha256, shape: None })
    }

    /// Completes when no byte was sent for as long as `timeout`, at the latest after twice that time.
    async fn stopped(&self, timeout: Duration) {
        let mut before = self.lock().0;
        loop {
            tokio::time::sleep(timeout).await;
            let now = self.lock().0;
            if now == before {
                return;
            }
            before = now;
        }
    }
}

fn operation(method: &Method, path: &str) -> Option<&'static Operation> {
    match catalog::find(method, path) {
        Found::Operation(operation, _) => Some(operation),
        _ => None,
    }
}

/// Returns the type of a response's body.
fn response_type(operation: Option<&Operation>, status: StatusCode) -> Type {
    if !status.is_success() {
        return Type::Named("Error");
    }
    let Some(operation) = operation else { return Type::Any };
    let exact = operation.answers.iter().find(|(expected, _)| *expected == status).and_then(|(_, ty)| *ty);
    exact.or_else(|| operation.answer().map(|(_, ty)| ty)).unwrap_or(Type::Any)
}

/// Parses the body of a request, if it is JSON or a form.
fn parsed_body(media_type: &str, body: &[u8]) -> Option<Value> {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/x-www-form-urlencoded" => Some(
            form_urlencoded::parse(body)
                .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
                .collect(),
        ),
        _ => serde_json::from_slice(body).ok(),
    }
}

/// Sends a request and reads the complete response.
async fn receive(host: &str, request: reqwest::RequestBuilder) -> Result<ReceivedResponse, ForwardError> {
    let mut response = request.send().await.map_err(|error| ForwardError::http(host, error))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| ForwardError::http(host, error))? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(ForwardError::ResponseTooLarge { host: host.to_owned() });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(ReceivedResponse { status, headers, body: body.freeze() })
}

/// Returns the headers of a request that go on to the API.
fn forwarded_headers(headers: &HeaderMap) -> HeaderMap {
    let mut forwarded = without_connection_headers(headers);
    forwarded.remove(header::HOST);
    forwarded.remove(header::EXPECT);
    forwarded.remove(header::PROXY_AUTHORIZATION);
    forwarded
}

/// Returns the headers of a response that go on to the client.
fn passed_headers(headers: &HeaderMap, keeps_length: bool) -> HeaderMap {
    let mut passed = without_connection_headers(headers);
    if !keeps_length {
        passed.remove(header::CONTENT_LENGTH);
    }
    passed
}

fn without_connection_headers(headers: &HeaderMap) -> HeaderMap {
    let listed: Vec<String> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let mut passed = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        if !CONNECTION_HEADERS.contains(name) && !listed.iter().any(|listed| listed == name.as_str()) {
            passed.append(name.clone(), value.clone());
        }
    }
    passed
}

fn build_response(status: StatusCode, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
