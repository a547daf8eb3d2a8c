//! The sandbox's own API, under `/_sandbox` on the API's port: what a test in another language steers it by.
//!
//! Its requests are in no journal, meet no fault, count against no limit. With `?wait=true` an answer comes when all that
//! happened until then has been told to webhooks.

pub(crate) mod access;
mod events;
mod faults;
mod request_log;
mod time;
mod uploads;
mod worlds;

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
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

/// The largest fixture: its files are in it.
const MAX_FIXTURE_BYTES: usize = 16 * 1024 * 1024;

/// The largest body of any other request.
const MAX_BODY_BYTES: usize = 1024 * 1024;

fn max_body_bytes(path: &str) -> usize {
    match path.trim_end_matches('/') {
        "/_sandbox/state" => MAX_DOCUMENT_BYTES,
        "/_sandbox/seed" | "/_sandbox/worlds" => MAX_FIXTURE_BYTES,
        _ => MAX_BODY_BYTES,
    }
}

/// What there is, for the index and for whoever asks for something else.
const PATHS: [&str; 21] = [
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
    "POST /_sandbox/limits",
    "GET /_sandbox/uploads",
    "GET|PUT /_sandbox/state",
    "GET /_sandbox/events",
    "POST /_sandbox/events/{event}/resend",
    "POST /_sandbox/trigger",
    "GET /_sandbox",
];

/// A request, read.
struct ControlRequest<'a> {
    app: &'a Arc<AppState>,
    /// The worlds that are meant where no number tells.
    resolver: WorldResolver<'a>,
    query: Query,
    token: Option<&'a str>,
    body: Bytes,
}

/// What is answered.
enum Reply {
    Json(StatusCode, Value),
    /// One JSON document a line.
    Lines(String),
    Document(Vec<u8>),
    Nothing,
}

/// Why not.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    message: String,
}

type Outcome = Result<Reply, Refused>;

impl Reply {
    fn ok(body: Value) -> Outcome {
        Ok(Self::Json(StatusCode::OK, body))
    }
}

impl Refused {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    fn missing(what: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, what)
    }
}

impl ControlRequest<'_> {
    /// The body, which must be JSON of the right form; an empty one stands for `{}`.
    fn read<T: DeserializeOwned>(&self) -> Result<T, Refused> {
        let body: &[u8] = if self.body.trim_ascii().is_empty() { b"{}" } else { &self.body };
        // A list would be taken for the members of an object in their order, which nobody means.
        if body.trim_ascii_start().starts_with(b"[") {
            return Err(Refused::bad("The body must be a JSON object, not a list."));
        }
        let mut reader = serde_json::Deserializer::from_slice(body);
        let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let at = error.path().to_string();
            // Neither of them is a place that a reader would know.
            let place = if matches!(at.as_str(), "." | "?") { String::new() } else { format!("{at}: ") };
            Refused::bad(format!("{place}{}", error.inner()))
        })?;
        reader.end().map_err(|error| Refused::bad(error.to_string()))?;
        Ok(read)
    }

    /// The world that `?world=` names, or the token; where neither is there, the port's own, or the first.
    fn handle(&self) -> Result<Arc<WorldHandle>, Refused> {
        if let Some(text) = self.query.get("world") {
            let handle = text.parse().ok().and_then(|id| self.app.worlds.get(id));
            return handle.ok_or_else(|| Refused::missing(format!("There is no world {text}.")));
        }
        match self.token {
            Some(token) => {
                let handle = self.resolver.of(token);
                handle.ok_or_else(|| Refused::missing("The token belongs to no world."))
            }
            None => self.resolver.first().map_err(|_| Refused::missing("There is no world.")),
        }
    }
}

/// What a query may hold. A name that is misspelt would silently mean another world.
const PARAMETERS: [&str; 5] = ["world", "wait", "keep", "after", "stable"];

fn check_query(query: &Query) -> Result<(), Refused> {
    match query.pairs().iter().find(|(name, _)| !PARAMETERS.contains(&name.as_str())) {
        None => Ok(()),
        Some((name, _)) => {
            let known = PARAMETERS.join(", ");
            Err(Refused::bad(format!("{name}: the query has no such parameter; there are: {known}.")))
        }
    }
}

/// Answers a request.
pub(crate) async fn answer(
    app: &Arc<AppState>,
    parts: &http::request::Parts,
    connection: &Connection,
    body: Body,
) -> Response<Body> {
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let outcome = match admitted(app, parts, connection).await.and_then(|()| check_query(&query)) {
        Ok(()) => match Limited::new(body, max_body_bytes(parts.uri.path())).collect().await {
            Ok(body) => {
                let token = bearer(&parts.headers);
                let request = ControlRequest {
                    app,
                    resolver: app.resolver(connection),
                    query,
                    token,
                    body: body.to_bytes(),
                };
                // Only on demand: whoever asks may be the one whom webhooks tell, and not be able to do both at once.
                let waits = matches!(request.query.get("wait"), Some("true" | "1"));
                if waits && parts.method == Method::GET {
                    app.worlds.flush_deliveries().await;
                }
                let outcome = match whole_state(&request, &parts.method, parts.uri.path()).await {
                    Some(outcome) => outcome,
                    None => dispatch(&request, &parts.method, parts.uri.path()),
                };
                if waits {
                    app.worlds.flush_deliveries().await;
                }
                match app.worlds.durable().await {
                    Ok(()) => outcome,
                    Err(reason) => Err(Refused::new(StatusCode::INSUFFICIENT_STORAGE, reason)),
                }
            }
            Err(error) if error.is::<LengthLimitError>() => Err(Refused::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("The body is too large; {} bytes are the most.", max_body_bytes(parts.uri.path())),
            )),
            Err(_) => Err(Refused::bad("The body broke off.")),
        },
        Err(refused) => Err(refused),
    };
    written(outcome)
}

async fn admitted(
    app: &AppState,
    parts: &http::request::Parts,
    connection: &Connection,
) -> Result<(), Refused> {
    let is_same_user = match &app.control {
        Credential::SameUser => connection.is_same_user().await,
        Credential::Token(_) | Credential::Missing => None,
    };
    access::admit(parts, Peer { is_local: connection.is_local(), is_same_user }, &app.control)
}

/// Carries all worlds away or here, beside the runtime's own threads: it waits for uploads to be on the disk, and takes
/// its time.
async fn whole_state(request: &ControlRequest<'_>, method: &Method, path: &str) -> Option<Outcome> {
    if path.trim_end_matches('/') != "/_sandbox/state" {
        return None;
    }
    let app = Arc::clone(request.app);
    let body = request.body.clone();
    let done = match *method {
        Method::GET => tokio::task::spawn_blocking(move || worlds::export(&app)).await,
        Method::PUT => tokio::task::spawn_blocking(move || worlds::import(&app, &body)).await,
        _ => return None,
    };
    Some(done.unwrap_or_else(|error| {
        Err(Refused::new(StatusCode::INTERNAL_SERVER_ERROR, format!("It was broken off: {error}.")))
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
        ("POST", ["limits"]) => worlds::limit(request),
        ("GET", ["clock"]) => time::clock(request),
        ("POST", ["clock"]) => time::turn(request),
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
        ("POST", ["requests" | "journal", "verify"]) => request_log::verify(request),
        _ => Err(Refused::missing(format!("There is no {method} {path}; there are: {}.", PATHS.join(", ")))),
    }
}

fn written(outcome: Outcome) -> Response<Body> {
    let (status, media, body) = match outcome {
        Ok(Reply::Json(status, body)) => (status, "application/json", body.to_string()),
        Ok(Reply::Lines(lines)) => (StatusCode::OK, "application/x-ndjson", lines),
        Ok(Reply::Document(document)) => {
            let mut response = Response::new(Body::from(document));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            return response;
        }
        Ok(Reply::Nothing) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            return response;
        }
        Err(Refused { status, message }) => {
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
    fn only_what_carries_much_may_be_large() {
        for (path, most) in [
            ("/_sandbox/state", MAX_DOCUMENT_BYTES),
            ("/_sandbox/state/", MAX_DOCUMENT_BYTES),
            ("/_sandbox/seed", MAX_FIXTURE_BYTES),
            ("/_sandbox/worlds", MAX_FIXTURE_BYTES),
            ("/_sandbox/faults", MAX_BODY_BYTES),
            ("/_sandbox/state/x", MAX_BODY_BYTES),
        ] {
            assert_eq!(max_body_bytes(path), most, "{path}");
        }
    }
}
