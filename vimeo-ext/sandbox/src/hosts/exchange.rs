//! A request in progress: its log entry, and the fault that hits it.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Collected};

use crate::app::AppState;
use crate::faults::{Effect, FaultHit, Phase, RequestTarget, mutate, notation};
use crate::protocol::error::{ApiError, TEMPORARILY_UNAVAILABLE};
use crate::protocol::names::UPLOAD_OFFSET;
use crate::request_log::{EntryHandle, Host};
use crate::router;
use crate::server::Connection;

/// The largest response body that is read again for the request log.
const MAX_RECORDED_BODY: u64 = 1024 * 1024;

/// Lets a request carry its own fault.
const FAULT: HeaderName = HeaderName::from_static("x-sandbox-fault");

/// A request in progress.
pub(crate) struct Exchange {
    pub(crate) parts: http::request::Parts,
    pub(crate) log_entry: EntryHandle,
    pub(crate) connection: Connection,
    fault: Option<FaultHit>,
}

/// The world that a request belongs to, if it exists.
fn world_of(
    app: &AppState,
    host: Host,
    parts: &http::request::Parts,
    connection: &Connection,
) -> Option<u64> {
    app.world_of(host, parts, connection).filter(|world| app.worlds.get(*world).is_some())
}

impl Exchange {
    pub(super) fn begin(
        app: &AppState,
        host: Host,
        parts: http::request::Parts,
        connection: Connection,
    ) -> Result<Self, Box<Response<Body>>> {
        let log_entry = app.request_log.begin(host, &parts);
        if let (Some(own), Host::Api) = (connection.world_port(), host) {
            log_entry.set_world(own.world);
        }
        let fault = match parts
            .headers
            .get(&FAULT)
            .map(|text| notation::parse_header(text.to_str().unwrap_or_default()))
        {
            Some(Ok((effect, phase))) => {
                let world = world_of(app, host, &parts, &connection);
                Some(app.faults.fire_once(effect, phase, log_entry.seq(), world))
            }
            Some(Err(message)) => {
                log_entry.update(|entry| entry.status = Some(400));
                let message = format!("X-Sandbox-Fault: {message}.");
                let error = ApiError::new(StatusCode::BAD_REQUEST, None, "Invalid fault.", message);
                return Err(Box::new(router::error_response(&error)));
            }
            None if app.faults.pending() == 0 => None,
            None => {
                let path = parts.uri.path();
                let operation =
                    (host == Host::Api).then(|| router::operation_name(&parts.method, path)).flatten();
                let world = world_of(app, host, &parts, &connection);
                let target = RequestTarget { host, method: &parts.method, path, operation, world };
                app.faults.match_request(&target, log_entry.seq())
            }
        };
        if let Some(hit) = &fault {
            // Nothing else records the operation and the world if the fault replaces the response.
            let operation = (host == Host::Api)
                .then(|| router::operation_name(&parts.method, parts.uri.path()))
                .flatten();
            log_entry.update(|entry| (entry.fault, entry.operation) = (Some(hit.fault), operation));
            if let Some(world) = hit.world {
                log_entry.set_world(world);
            }
        }
        Ok(Self { parts, log_entry, connection, fault })
    }

    pub(crate) fn phase(&self) -> Option<Phase> {
        self.fault.as_ref().map(|fault| fault.phase)
    }

    pub(crate) fn effect(&self) -> Option<&Effect> {
        self.fault.as_ref().map(|fault| &fault.effect)
    }

    /// The offset in the body at which the fault takes effect.
    pub(crate) fn fault_offset(&self) -> Option<u64> {
        match self.phase() {
            Some(Phase::MidBody(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// Applies the fault: returns the response that replaces the real one; `None` if the fault only changes the real response,
    /// or has no effect here.
    pub(crate) async fn apply_fault(&self) -> Option<Response<Body>> {
        match self.effect()? {
            Effect::Status(status) => Some(self.status_response(*status)),
            Effect::Html(status) => Some(html_response(*status)),
            Effect::Body(status, media, body) => Some(body_response(*status, media, body)),
            Effect::Reset => {
                self.connection.reset();
                Some(Response::new(Body::empty()))
            }
            Effect::Stall => std::future::pending().await,
            Effect::Truncate(_)
            | Effect::Dribble { .. }
            | Effect::WrongShape(_)
            | Effect::UnknownValue(_)
            | Effect::WrongOffset(_)
            | Effect::LoseUpload => None,
        }
    }

    fn status_response(&self, status: u16) -> Response<Body> {
        let creates_picture =
            self.parts.method == Method::POST && self.parts.uri.path().ends_with("/pictures");
        // Recorded from Vimeo: the creation of a picture can fail for a moment.
        let code = (status == 503 && creates_picture).then_some(TEMPORARILY_UNAVAILABLE);
        let message = match code {
            Some(_) => "This is an injected fault. Please try again.",
            None => "This is an injected fault.",
        };
        router::error_response(&ApiError::new(status_of(status), code, "Something went wrong.", message))
    }

    /// Finishes the exchange: applies faults that are due after the request was processed, then logs the response.
    pub(super) async fn end(self, response: Response<Body>) -> Response<Body> {
        let response = match self.phase() {
            Some(Phase::AfterCommit) => match self.apply_fault().await {
                Some(replacement) => replacement,
                None => response,
            },
            _ => response,
        };
        let response = match self.effect() {
            Some(effect) => mutate::mutate(response, effect).await,
            None => response,
        };
        self.log_response(&response);
        self.record_details(response).await
    }

    /// Records the response's headers and the beginning of its body. A body that is not in memory stays as it is.
    async fn record_details(&self, response: Response<Body>) -> Response<Body> {
        let (parts, body) = response.into_parts();
        let is_in_memory = body.size_hint().exact().is_some_and(|size| size <= MAX_RECORDED_BODY);
        // The server does not send the body of a response to HEAD.
        if !is_in_memory || self.parts.method == Method::HEAD {
            self.log_entry.set_response(&parts.headers, &Bytes::new());
            return Response::from_parts(parts, body);
        }
        let bytes = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
        self.log_entry.set_response(&parts.headers, &bytes);
        Response::from_parts(parts, Body::from(bytes))
    }

    fn log_response(&self, response: &Response<Body>) {
        let reset = matches!(self.effect(), Some(Effect::Reset));
        let offset =
            response.headers().get(UPLOAD_OFFSET).and_then(|value| value.to_str().ok()?.parse().ok());
        self.log_entry.update(|entry| {
            entry.status = (!reset).then(|| response.status().as_u16());
            entry.response_offset = offset;
        });
    }
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn html_response(status: u16) -> Response<Body> {
    let page = format!(
        "<!DOCTYPE html>\n<html><head><title>{status}</title></head><body><h1>{status}</h1>\
         <p>A gateway in front of the API gave up.</p></body></html>\n"
    );
    body_response(status, "text/html; charset=utf-8", page.as_bytes())
}

fn body_response(status: u16, media: &str, body: &[u8]) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_vec()));
    *response.status_mut() = status_of(status);
    if let Ok(media) = HeaderValue::from_str(media) {
        response.headers_mut().insert(header::CONTENT_TYPE, media);
    }
    response
}
