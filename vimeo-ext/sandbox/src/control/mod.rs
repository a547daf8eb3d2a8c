//! The control API, under `/_sandbox` on the API's port: lets tests in any language control the sandbox.
//!
//! Its requests are not logged, are not hit by faults and do not count against rate limits. With `?wait=true` the response is
//! sent once all events so far have been delivered to webhooks.

pub(crate) mod access;
pub(crate) mod clients;
mod events;
mod faults;
pub(crate) mod page;
mod rate_limit;
mod request_log;
mod stream;
mod time;
mod uploads;
mod videos;
mod worlds;

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::app::AppState;
use crate::app::credential::Credential;
use crate::persistence::MAX_DOCUMENT_BYTES;
use crate::protocol::query::Query;
use crate::request_log::bearer;
use crate::server::Connection;
use crate::world::registry::WorldHandle;
use crate::world::resolver::WorldResolver;
use access::Peer;
pub(crate) use worlds::description;

/// Limits fixtures, which contain the files that they upload.
const MAX_FIXTURE_BYTES: usize = 16 * 1024 * 1024;

/// Limits the body of any other request.
const MAX_BODY_BYTES: usize = 1024 * 1024;

fn max_body_bytes(path: &str) -> usize {
    match path.trim_end_matches('/') {
        "/_sandbox/state" => MAX_DOCUMENT_BYTES,
        "/_sandbox/seed" | "/_sandbox/worlds" => MAX_FIXTURE_BYTES,
        _ => MAX_BODY_BYTES,
    }
}

/// All endpoints, for the index and for 404 responses.
const PATHS: [&str; 25] = [
    "GET /_sandbox/health",
    "GET /_sandbox/worlds",
    "POST /_sandbox/worlds",
    "GET /_sandbox/worlds/{world}",
    "DELETE /_sandbox/worlds/{world}",
    "POST /_sandbox/reset",
    "POST /_sandbox/seed",
    "GET|POST /_sandbox/clock",
    "GET|POST /_sandbox/transitions",
    "GET|POST|DELETE /_sandbox/faults",
    "DELETE /_sandbox/faults/{fault}",
    "GET /_sandbox/faults/fired",
    "GET|DELETE /_sandbox/requests",
    "POST /_sandbox/requests/verify",
    "GET /_sandbox/requests/stream",
    "GET|POST /_sandbox/limits",
    "GET /_sandbox/videos",
    "GET /_sandbox/videos/{video}/file",
    "GET /_sandbox/clients",
    "GET /_sandbox/uploads",
    "GET|PUT /_sandbox/state",
    "GET /_sandbox/events",
    "POST /_sandbox/events/{event}/resend",
    "POST /_sandbox/trigger",
    "GET /_sandbox",
];

/// A control request with its body.
struct ControlRequest<'a> {
    app: &'a Arc<AppState>,
    /// Resolves the world if the query does not name one.
    resolver: WorldResolver<'a>,
    query: Query,
    token: Option<&'a str>,
    headers: &'a HeaderMap,
    body: Bytes,
}

/// The body of a successful response.
enum Reply {
    Json(StatusCode, Value),
    /// One JSON document per line.
    Lines(String),
    Document(Vec<u8>),
    /// A response of another form.
    Response(Response<Body>),
    Empty,
}

/// An error response.
#[derive(Debug)]
struct ControlError {
    status: StatusCode,
    message: String,
}

type Outcome = Result<Reply, ControlError>;

impl Reply {
    fn ok(body: Value) -> Outcome {
        Ok(Self::Json(StatusCode::OK, body))
    }
}

impl ControlError {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }
}

impl ControlRequest<'_> {
    /// Parses the JSON body; an empty body counts as `{}`.
    fn parse<T: DeserializeOwned>(&self) -> Result<T, ControlError> {
        let body: &[u8] = if self.body.trim_ascii().is_empty() { b"{}" } else { &self.body };
        // serde would read an array as the members of a struct in their order.
        if body.trim_ascii_start().starts_with(b"[") {
            return Err(ControlError::bad_request("The body must be a JSON object, not an array."));
        }
        let mut reader = serde_json::Deserializer::from_slice(body);
        let parsed = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let at = error.path().to_string();
            // These paths mean nothing to a reader.
            let prefix = if matches!(at.as_str(), "." | "?") { String::new() } else { format!("{at}: ") };
            ControlError::bad_request(format!("{prefix}{}", error.inner()))
        })?;
        reader.end().map_err(|error| ControlError::bad_request(error.to_string()))?;
        Ok(parsed)
    }

    /// The world that `?world=` or the token identifies. Without either: the world of the port, or the first one.
    fn world(&self) -> Result<Arc<WorldHandle>, ControlError> {
        if let Some(text) = self.query.get("world") {
            let handle = text.parse().ok().and_then(|id| self.app.worlds.get(id));
            return handle.ok_or_else(|| ControlError::not_found(format!("World {text} not found.")));
        }
        match self.token {
            Some(token) => {
                let handle = self.resolver.of(token);
                handle.ok_or_else(|| ControlError::not_found("No world has this token."))
            }
            None => self.resolver.first().map_err(|_| ControlError::not_found("The sandbox has no world.")),
        }
    }
}

/// The known query parameters. Others are rejected, since a misspelt `world` would silently select another world.
const PARAMETERS: [&str; 5] = ["world", "wait", "keep", "after", "stable"];

fn check_query(query: &Query) -> Result<(), ControlError> {
    match query.pairs().iter().find(|(name, _)| !PARAMETERS.contains(&name.as_str())) {
        None => Ok(()),
        Some((name, _)) => {
            let known = PARAMETERS.join(", ");
            Err(ControlError::bad_request(format!("{name}: unknown query parameter; known are {known}.")))
        }
    }
}

/// Handles a request to the control API.
pub(crate) async fn handle(
    app: &Arc<AppState>,
    parts: &http::request::Parts,
    connection: &Connection,
    body: Body,
) -> Response<Body> {
    let path: Vec<&str> = parts.uri.path().split('/').filter(|part| !part.is_empty()).skip(1).collect();
    if let Some(file) = page::file(&path) {
        return match authorize_page(app, parts, connection).await {
            Ok(()) => file,
            Err(error) => into_response(Err(error)),
        };
    }
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let outcome = match authorize(app, parts, connection).await.and_then(|()| check_query(&query)) {
        Ok(()) => match Limited::new(body, max_body_bytes(parts.uri.path())).collect().await {
            Ok(body) => {
                let token = bearer(&parts.headers);
                let request = ControlRequest {
                    app,
                    resolver: app.resolver(connection),
                    query,
                    token,
                    headers: &parts.headers,
                    body: body.to_bytes(),
                };
                // Only on request: a client that also receives the webhooks may be unable to do both at once.
                let waits = matches!(request.query.get("wait"), Some("true" | "1"));
                if waits && parts.method == Method::GET {
                    app.worlds.flush_deliveries().await;
                }
                let outcome = match blocking(&request, &parts.method, parts.uri.path()).await {
                    Some(outcome) => outcome,
                    None => dispatch(&request, &parts.method, parts.uri.path()),
                };
                if waits {
                    app.worlds.flush_deliveries().await;
                }
                match app.worlds.durable().await {
                    Ok(()) => outcome,
                    Err(reason) => Err(ControlError::new(StatusCode::INSUFFICIENT_STORAGE, reason)),
                }
            }
            Err(error) if error.is::<LengthLimitError>() => Err(ControlError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("The body is too large: the limit is {} bytes.", max_body_bytes(parts.uri.path())),
            )),
            Err(_) => Err(ControlError::bad_request("The body is incomplete.")),
        },
        Err(error) => Err(error),
    };
    into_response(outcome)
}

async fn authorize(
    app: &AppState,
    parts: &http::request::Parts,
    connection: &Connection,
) -> Result<(), ControlError> {
    let is_same_user = match &app.control {
        Credential::SameUser => connection.is_same_user().await,
        Credential::Token(_) | Credential::Unavailable => None,
    };
    access::admit(parts, Peer { is_local: connection.is_local(), is_same_user }, &app.control)
}

/// Responds with the page for people.
///
/// The page itself holds no secret: if the sandbox has a control token, the page asks for it.
pub(crate) async fn index_page(
    app: &AppState,
    parts: &http::request::Parts,
    connection: &Connection,
) -> Response<Body> {
    match authorize_page(app, parts, connection).await {
        Ok(()) => page::index(),
        Err(error) => into_response(Err(error)),
    }
}

async fn authorize_page(
    app: &AppState,
    parts: &http::request::Parts,
    connection: &Connection,
) -> Result<(), ControlError> {
    match authorize(app, parts, connection).await {
        Err(error) if error.status == StatusCode::UNAUTHORIZED => Ok(()),
        outcome => outcome,
    }
}

/// Handles what waits for the disk on a blocking thread: the export and import of all worlds, and the file of a video.
async fn blocking(request: &ControlRequest<'_>, method: &Method, path: &str) -> Option<Outcome> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).skip(1).collect();
    let app = Arc::clone(request.app);
    let body = request.body.clone();
    let result = match (method.as_str(), parts.as_slice()) {
        ("GET", ["state"]) => tokio::task::spawn_blocking(move || worlds::export(&app)).await,
        ("PUT", ["state"]) => tokio::task::spawn_blocking(move || worlds::import(&app, &body)).await,
        ("GET", ["videos", id, "file"]) => match videos::file(request, id) {
            Ok(file) => tokio::task::spawn_blocking(move || Ok(file.open())).await,
            Err(error) => return Some(Err(error)),
        },
        _ => return None,
    };
    Some(result.unwrap_or_else(|error| {
        let message = format!("{method} {path} was aborted: {error}.");
        Err(ControlError::new(StatusCode::INTERNAL_SERVER_ERROR, message))
    }))
}

fn dispatch(request: &ControlRequest<'_>, method: &Method, path: &str) -> Outcome {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).skip(1).collect();
    match (method.as_str(), parts.as_slice()) {
        ("GET", []) => Reply::ok(json!({"paths": PATHS})),
        ("GET", ["health"]) => worlds::health(request),
        ("GET", ["worlds"]) => worlds::list(request),
        ("POST", ["worlds"]) => worlds::create(request),
        ("GET", ["worlds", id]) => worlds::get(request, id),
        ("DELETE", ["worlds", id]) => worlds::remove(request, id),
        ("POST", ["reset"]) => worlds::reset(request),
        ("POST", ["seed"]) => worlds::seed(request),
        ("GET", ["uploads"]) => uploads::list(request),
        ("GET", ["limits"]) => rate_limit::get(request),
        ("POST", ["limits"]) => worlds::limit(request),
        ("GET", ["videos"]) => videos::list(request),
        ("GET", ["clients"]) => clients::list(request),
        ("GET", ["clock"]) => time::clock(request),
        ("POST", ["clock"]) => time::set_clock(request),
        ("GET", ["transitions"]) => time::transitions(request),
        ("POST", ["transitions"]) => time::set_transitions(request),
        ("GET", ["faults"]) => faults::list(request),
        ("POST", ["faults"]) => faults::set(request),
        ("DELETE", ["faults"]) => faults::clear(request),
        ("GET", ["faults", "fired"]) => faults::fired(request),
        ("DELETE", ["faults", id]) => faults::remove(request, id),
        ("GET", ["events"]) => events::list(request),
        ("POST", ["events", id, "resend"]) => events::resend(request, id),
        ("POST", ["trigger"]) => events::trigger(request),
        ("GET", ["requests" | "journal"]) => request_log::list(request),
        ("DELETE", ["requests" | "journal"]) => request_log::clear(request),
        ("GET", ["requests" | "journal", "stream"]) => stream::follow(request),
        ("POST", ["requests" | "journal", "verify"]) => request_log::verify(request),
        _ => Err(ControlError::not_found(format!(
            "Unknown endpoint {method} {path}; known are: {}.",
            PATHS.join(", ")
        ))),
    }
}

fn into_response(outcome: Outcome) -> Response<Body> {
    let (status, media, body) = match outcome {
        Ok(Reply::Json(status, body)) => (status, "application/json", body.to_string()),
        Ok(Reply::Lines(lines)) => (StatusCode::OK, "application/x-ndjson", lines),
        Ok(Reply::Document(document)) => {
            let mut response = Response::new(Body::from(document));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            return response;
        }
        Ok(Reply::Response(response)) => return response,
        Ok(Reply::Empty) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            return response;
        }
        Err(ControlError { status, message }) => {
            (status, "application/json", json!({"error": message}).to_string())
        }
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_bodies_only_for_state_and_fixtures() {
        for (path, limit) in [
            ("/_sandbox/state", MAX_DOCUMENT_BYTES),
            ("/_sandbox/state/", MAX_DOCUMENT_BYTES),
            ("/_sandbox/seed", MAX_FIXTURE_BYTES),
            ("/_sandbox/worlds", MAX_FIXTURE_BYTES),
            ("/_sandbox/faults", MAX_BODY_BYTES),
            ("/_sandbox/state/x", MAX_BODY_BYTES),
        ] {
            assert_eq!(max_body_bytes(path), limit, "{path}");
        }
    }
}
