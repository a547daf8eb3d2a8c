//! The two hosts: every request is written to the journal, meets its fault, and is answered.

mod cors;
mod exchange;
mod tus;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, State};
use bytes::{Bytes, BytesMut};
use http::{HeaderName, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;

use crate::app::AppState;
use crate::faults::Phase;
use crate::protocol::error::{ApiError, INVALID_PARAMETER};
use crate::protocol::links::LinkTarget;
use crate::protocol::names;
use crate::request_log::Host;
use crate::server::Connection;
use crate::{control, router};
use exchange::Exchange;

const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// More than any request to the API is; files go to the other host.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// The routes of the API's host, with what controls the sandbox itself beside the API.
pub(crate) fn api_router(app: Arc<AppState>) -> Router {
    Router::new().fallback(api_host).with_state(app)
}

pub(crate) fn upload_router(app: Arc<AppState>) -> Router {
    Router::new().fallback(upload_host).with_state(app)
}

/// Both hosts behind one address: signed links are told by their path, which the API has nothing like.
pub(crate) fn shared_router(app: Arc<AppState>) -> Router {
    Router::new().fallback(either_host).with_state(app)
}

async fn either_host(
    app: State<Arc<AppState>>,
    connection: Extension<Connection>,
    request: Request<Body>,
) -> Response<Body> {
    let named = request.uri().host().or_else(|| request.headers().get(header::HOST)?.to_str().ok());
    let upload = named.is_some_and(|host| names::is_upload(host.split(':').next().unwrap_or_default()))
        || LinkTarget::parse(request.uri().path()).is_some();
    match upload {
        true => upload_host(app, connection, request).await,
        false => api_host(app, connection, request).await,
    }
}

async fn api_host(
    State(app): State<Arc<AppState>>,
    Extension(connection): Extension<Connection>,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    if names::is_control_path(parts.uri.path()) {
        return control::handle(&app, &parts, &connection, body).await;
    }
    if let Some(response) = cors::preflight(&parts) {
        return response;
    }
    let is_from_page = cors::is_from_page(&parts);
    let response = match Exchange::begin(&app, Host::Api, parts, connection) {
        Ok(exchange) => {
            let response = api_answer(&app, &exchange, body).await;
            exchange.end(response).await
        }
        Err(response) => *response,
    };
    if is_from_page { cors::expose(response) } else { response }
}

async fn api_answer(app: &AppState, exchange: &Exchange, body: Body) -> Response<Body> {
    if exchange.phase() == Some(Phase::Before)
        && let Some(response) = exchange.apply_fault().await
    {
        return response;
    }
    let body = match read(body, exchange).await {
        Read::All(body) => body,
        Read::Struck(response) => return response,
        Read::TooLarge => {
            let message = format!("A request to the API holds at most {MAX_BODY_BYTES} bytes.");
            return router::refusal(&ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                None,
                "Too large.",
                message,
            ));
        }
        Read::BrokenOff => {
            return router::refusal(&ApiError::bad_request(
                INVALID_PARAMETER,
                "The body broke off, or is no chunked body.",
            ));
        }
    };
    let request = router::request(&exchange.parts, body);
    let method = &exchange.parts.method;
    let resolver = app.resolver(&exchange.connection);
    let own_base = exchange.connection.own().and_then(|own| own.upload_base.as_deref());
    let upload_base = own_base.unwrap_or(&app.upload_base);
    let response = router::answer(&resolver, upload_base, method, &request, &exchange.log_entry);
    when_durable(app, method, response).await
}

/// The answer, once what it tells of is on the disk, where it is to be there.
async fn when_durable(app: &AppState, method: &Method, response: Response<Body>) -> Response<Body> {
    if method.is_safe() {
        return response;
    }
    match app.worlds.durable().await {
        Ok(()) => response,
        Err(reason) => {
            let message = format!("The state cannot be written: {reason}.");
            let status = StatusCode::INSUFFICIENT_STORAGE;
            router::refusal(&ApiError::new(status, None, "Something went wrong.", message))
        }
    }
}

enum Read {
    All(Bytes),
    Struck(Response<Body>),
    TooLarge,
    BrokenOff,
}

async fn read(mut body: Body, exchange: &Exchange) -> Read {
    let mut bytes = BytesMut::new();
    let mut strikes_at = exchange.strikes_at();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Read::BrokenOff };
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > MAX_BODY_BYTES {
            return Read::TooLarge;
        }
        bytes.extend_from_slice(&data);
        exchange.log_entry.update(|entry| entry.body_length = bytes.len() as u64);
        // A fault that only alters the answer must not cost the rest of the request.
        if strikes_at.take_if(|at| bytes.len() as u64 >= *at).is_some()
            && let Some(response) = exchange.apply_fault().await
        {
            return Read::Struck(response);
        }
    }
    // The body was shorter than where the fault waits: its end is where it strikes.
    if strikes_at.is_some()
        && let Some(response) = exchange.apply_fault().await
    {
        return Read::Struck(response);
    }
    Read::All(bytes.freeze())
}

async fn upload_host(
    State(app): State<Arc<AppState>>,
    Extension(connection): Extension<Connection>,
    request: Request<Body>,
) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    if let Some(response) = cors::preflight(&parts) {
        return response;
    }
    if let Some(method) = overridden_method(&parts) {
        parts.method = method;
    }
    let is_from_page = cors::is_from_page(&parts);
    let response = match Exchange::begin(&app, Host::Upload, parts, connection) {
        Ok(exchange) => upload_answer(&app, exchange, body).await,
        Err(response) => *response,
    };
    if is_from_page { cors::expose(response) } else { response }
}

async fn upload_answer(app: &AppState, exchange: Exchange, body: Body) -> Response<Body> {
    let response = match exchange.phase() {
        Some(Phase::Before) => match exchange.apply_fault().await {
            Some(response) => response,
            None => tus::answer(app, &exchange, body).await,
        },
        _ => tus::answer(app, &exchange, body).await,
    };
    let response = when_durable(app, &exchange.parts.method, response).await;
    exchange.end(response).await
}

/// The method that a client means that can send none but GET and POST: tus 1.0 has servers go by this header.
fn overridden_method(parts: &http::request::Parts) -> Option<Method> {
    let named = parts.headers.get(&METHOD_OVERRIDE).filter(|_| parts.method == Method::POST)?;
    [Method::HEAD, Method::PATCH]
        .into_iter()
        .find(|method| named.as_bytes().eq_ignore_ascii_case(method.as_str().as_bytes()))
}
