//! The API host and the upload host: each request is logged, checked for faults, and handled.

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

use crate::app::{AppState, upload_target};
use crate::faults::Phase;
use crate::protocol::error::{ApiError, INVALID_PARAMETER};
use crate::protocol::links::LinkTarget;
use crate::protocol::names;
use crate::request_log::Host;
use crate::server::Connection;
use crate::{control, router};
use exchange::Exchange;

const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// Limits bodies of API requests; files go to the upload host.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// The router of the API host, which also serves the control API.
pub(crate) fn api_router(app: Arc<AppState>) -> Router {
    Router::new().fallback(api_host).with_state(app)
}

pub(crate) fn upload_router(app: Arc<AppState>) -> Router {
    Router::new().fallback(upload_host).with_state(app)
}

/// A router for both hosts at one address. Signed links are recognized by their path, which no API path resembles.
pub(crate) fn shared_router(app: Arc<AppState>) -> Router {
    Router::new().fallback(either_host).with_state(app)
}

async fn either_host(
    app: State<Arc<AppState>>,
    connection: Extension<Connection>,
    request: Request<Body>,
) -> Response<Body> {
    let requested_host = request.uri().host().or_else(|| request.headers().get(header::HOST)?.to_str().ok());
    let is_upload = requested_host
        .is_some_and(|host| names::is_upload(host.split(':').next().unwrap_or_default()))
        || LinkTarget::parse(request.uri().path()).is_some()
        || upload_target(request.uri().path()).is_some();
    match is_upload {
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
    if control::page::is_requested(&parts) {
        return control::index_page(&app, &parts, &connection).await;
    }
    if let Some(response) = cors::preflight(&parts) {
        return response;
    }
    let is_from_page = cors::is_from_page(&parts);
    let response = match Exchange::begin(&app, Host::Api, parts, connection) {
        Ok(exchange) => {
            let response = handle_api(&app, &exchange, body).await;
            exchange.end(response).await
        }
        Err(response) => *response,
    };
    if is_from_page { cors::expose(response) } else { response }
}

async fn handle_api(app: &AppState, exchange: &Exchange, body: Body) -> Response<Body> {
    if exchange.phase() == Some(Phase::Before)
        && let Some(response) = exchange.apply_fault().await
    {
        return response;
    }
    let body = match read_body(body, exchange).await {
        ReadOutcome::Complete(body) => body,
        ReadOutcome::Faulted(response) => return response,
        ReadOutcome::TooLarge => {
            let message = format!("The limit for an API request is {MAX_BODY_BYTES} bytes.");
            return router::error_response(&ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                None,
                "Too large.",
                message,
            ));
        }
        ReadOutcome::Incomplete => {
            return router::error_response(&ApiError::bad_request(
                INVALID_PARAMETER,
                "The body is incomplete, or its chunked encoding is invalid.",
            ));
        }
    };
    exchange.log_entry.set_request_body(&exchange.parts.headers, &body);
    let request = router::build_request(&exchange.parts, body);
    let method = &exchange.parts.method;
    let resolver = app.resolver(&exchange.connection);
    let own_base = exchange.connection.world_port().and_then(|own| own.upload_base.as_deref());
    let upload_base = own_base.unwrap_or(&app.upload_base);
    if let Some(response) =
        app.play_api(&exchange.parts, &exchange.connection, upload_base, &exchange.log_entry)
    {
        let operation = router::operation_name(method, &request.path);
        exchange.log_entry.update(|entry| entry.operation = operation);
        return response;
    }
    let response =
        router::handle(&resolver, &app.page_threads, upload_base, method, request, &exchange.log_entry).await;
    when_durable(app, method, response).await
}

/// Waits until the changes that the response reports are durable, if the sandbox stores its state.
async fn when_durable(app: &AppState, method: &Method, response: Response<Body>) -> Response<Body> {
    if method.is_safe() {
        return response;
    }
    match app.worlds.durable().await {
        Ok(()) => response,
        Err(reason) => {
            let message = format!("The state cannot be written: {reason}.");
            let status = StatusCode::INSUFFICIENT_STORAGE;
            router::error_response(&ApiError::new(status, None, "Something went wrong.", message))
        }
    }
}

enum ReadOutcome {
    Complete(Bytes),
    Faulted(Response<Body>),
    TooLarge,
    Incomplete,
}

async fn read_body(mut body: Body, exchange: &Exchange) -> ReadOutcome {
    let mut bytes = BytesMut::new();
    let mut fault_offset = exchange.fault_offset();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return ReadOutcome::Incomplete };
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > MAX_BODY_BYTES {
            return ReadOutcome::TooLarge;
        }
        bytes.extend_from_slice(&data);
        exchange.log_entry.update(|entry| entry.body_length = bytes.len() as u64);
        // A fault that only changes the response must not lose the rest of the body.
        if fault_offset.take_if(|at| bytes.len() as u64 >= *at).is_some()
            && let Some(response) = exchange.apply_fault().await
        {
            return ReadOutcome::Faulted(response);
        }
    }
    // The body is shorter than the fault's offset: the fault takes effect at its end.
    if fault_offset.is_some()
        && let Some(response) = exchange.apply_fault().await
    {
        return ReadOutcome::Faulted(response);
    }
    ReadOutcome::Complete(bytes.freeze())
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
        Ok(exchange) => handle_upload(&app, exchange, body).await,
        Err(response) => *response,
    };
    if is_from_page { cors::expose(response) } else { response }
}

async fn handle_upload(app: &AppState, exchange: Exchange, body: Body) -> Response<Body> {
    let response = match exchange.phase() {
        Some(Phase::Before) => match exchange.apply_fault().await {
            Some(response) => response,
            None => receive_upload(app, &exchange, body).await,
        },
        _ => receive_upload(app, &exchange, body).await,
    };
    let response = when_durable(app, &exchange.parts.method, response).await;
    exchange.end(response).await
}

async fn receive_upload(app: &AppState, exchange: &Exchange, body: Body) -> Response<Body> {
    let own_base = exchange.connection.world_port().and_then(|own| own.upload_base.as_deref());
    let upload_base = own_base.unwrap_or(&app.upload_base);
    let Some(response) = app.play_upload(&exchange.parts, upload_base, &exchange.log_entry) else {
        return tus::handle(app, exchange, body).await;
    };
    // The bytes of a played upload are counted only.
    let mut body = body;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        exchange.log_entry.update(|entry| entry.body_length += length);
    }
    response
}

/// The method in `X-HTTP-Method-Override`, for clients that can send only GET and POST. tus 1.0 requires servers to honor it.
pub(crate) fn overridden_method(parts: &http::request::Parts) -> Option<Method> {
    let requested = parts.headers.get(&METHOD_OVERRIDE).filter(|_| parts.method == Method::POST)?;
    [Method::HEAD, Method::PATCH]
        .into_iter()
        .find(|method| requested.as_bytes().eq_ignore_ascii_case(method.as_str().as_bytes()))
}
