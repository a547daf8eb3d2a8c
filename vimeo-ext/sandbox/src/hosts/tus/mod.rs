//! The upload host: receives files by tus or a browser's form, and images and text tracks by PUT, all at signed links.
//!
//! As at Vimeo, the API creates the upload; a client only requests its offset (HEAD) and sends from there (PATCH). Bytes count as
//! soon as they arrive, so an interrupted connection loses nothing that was received before.

mod form;

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::json;

use super::Exchange;
use crate::app::AppState;
use crate::clock::http_date;
use crate::faults::Effect;
use crate::protocol::error::ApiError;
use crate::protocol::links::{LinkTarget, Target};
use crate::protocol::names::UPLOAD_OFFSET;
use crate::protocol::query::Query;
use crate::router;
use crate::world::registry::WorldHandle;
use crate::world::upload::{Upload, WriteError, Writer};

const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
const OFFSET_MEDIA: &str = "application/offset+octet-stream";

/// Limits images and text tracks.
const MAX_FILE_BYTES: usize = 64 * 1024 * 1024;

/// Handles a request to the upload host.
pub(crate) async fn handle(app: &AppState, exchange: &Exchange, body: Body) -> Response<Body> {
    let parts = &exchange.parts;
    if app.worlds.config.refuse_upload_authorization && parts.headers.contains_key(header::AUTHORIZATION) {
        return plain(StatusCode::FORBIDDEN, "An Authorization header was sent to the upload host.");
    }
    let Some(link) = LinkTarget::parse(parts.uri.path()) else {
        return match parts.method {
            // The response to clients that try to create the upload themselves.
            Method::POST => plain(StatusCode::BAD_REQUEST, "Invalid bucket"),
            _ => plain(StatusCode::NOT_FOUND, "Not found."),
        };
    };
    let Some(handle) = app.resolver(&exchange.connection).get(link.world) else {
        return plain(StatusCode::NOT_FOUND, "Unknown link.");
    };
    exchange.log_entry.set_world(handle.id);
    let mut response = match &link.target {
        Target::File(ticket) => file(app, exchange, &handle, &link, ticket, body).await,
        Target::Form(ticket) => form::receive(app, exchange, &handle, &link, ticket, body).await,
        Target::Picture(id) => picture(exchange, &handle, &link, *id, body).await,
        Target::Captions(id) => captions(exchange, &handle, &link, *id, body).await,
    };
    if let Ok(date) = HeaderValue::try_from(http_date(handle.clock.now())) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{text}\n")));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// Whether the link is valid and has not expired. Vimeo does not distinguish the reasons in its response.
fn is_valid(exchange: &Exchange, handle: &WorldHandle, link: &LinkTarget) -> bool {
    let query = Query::parse(exchange.parts.uri.query().unwrap_or_default());
    let (state, now) = handle.write();
    link.check(state.seed, &query, now).is_ok()
}

// Files.

async fn file(
    app: &AppState,
    exchange: &Exchange,
    handle: &WorldHandle,
    link: &LinkTarget,
    ticket: &str,
    body: Body,
) -> Response<Body> {
    let parts = &exchange.parts;
    if parts.method == Method::POST {
        return plain(StatusCode::BAD_REQUEST, "Invalid bucket");
    }
    let mut response = if parts.method == Method::OPTIONS {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response.headers_mut().insert(TUS_VERSION, VERSION);
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("HEAD, OPTIONS, PATCH"));
        response
    } else if parts.method != Method::HEAD && parts.method != Method::PATCH {
        plain(StatusCode::METHOD_NOT_ALLOWED, "Uploads support HEAD and PATCH.")
    } else if parts.headers.get(&TUS_RESUMABLE) != Some(&VERSION) {
        let mut response = plain(StatusCode::PRECONDITION_FAILED, "unsupported version");
        response.headers_mut().insert(TUS_VERSION, VERSION);
        response
    } else {
        if exchange.effect() == Some(&Effect::LoseUpload) {
            handle.write().0.lose_upload(ticket);
        }
        let upload = is_valid(exchange, handle, link).then(|| handle.write().0.upload(ticket)).flatten();
        match upload {
            None => plain(StatusCode::NOT_FOUND, "The upload does not exist, or its link has expired."),
            Some(upload) if parts.method == Method::HEAD => offset_response(&upload),
            Some(upload) => {
                let response = receive_patch(exchange, handle, &upload, body).await;
                if app.worlds.are_durable() {
                    persist_progress(handle, upload).await;
                }
                response
            }
        }
    };
    response.headers_mut().insert(TUS_RESUMABLE, VERSION);
    response
}

/// Persists the progress of an upload.
async fn persist_progress(handle: &WorldHandle, upload: Arc<Upload>) {
    let video = upload.video;
    // Waits for the hash, and for the disk if bytes are stored.
    if let Err(error) = tokio::task::spawn_blocking(move || upload.flush()).await {
        tracing::error!(%error, "cannot persist the progress of an upload");
    }
    handle.write().0.mark_upload_changed(video);
}

fn offset_response(upload: &Upload) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(UPLOAD_OFFSET, HeaderValue::from(upload.received()));
    headers.insert(UPLOAD_LENGTH, HeaderValue::from(upload.size()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Reads `Upload-Offset` of a PATCH; returns an error if its headers are invalid.
fn parse_offset(headers: &HeaderMap) -> Result<u64, (StatusCode, &'static str)> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if text(&header::CONTENT_TYPE) != Some(OFFSET_MEDIA) {
        return Err((
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "A PATCH must have the Content-Type application/offset+octet-stream.",
        ));
    }
    let offset = text(&UPLOAD_OFFSET).and_then(|value| value.parse().ok());
    offset.ok_or((StatusCode::BAD_REQUEST, "Upload-Offset is missing or invalid."))
}

async fn receive_patch(
    exchange: &Exchange,
    handle: &WorldHandle,
    upload: &Arc<Upload>,
    body: Body,
) -> Response<Body> {
    let offset = match parse_offset(&exchange.parts.headers) {
        Ok(offset) => offset,
        Err((status, text)) => return plain(status, text),
    };
    // A client that lost its connection can return before the old request has noticed; cancel the old one.
    upload.cancel_writer.notify_waiters();
    let _turn = upload.turn.lock().await;
    if offset != upload.received() {
        return plain(StatusCode::CONFLICT, "Upload-Offset does not match the upload's offset.");
    }
    let length: Option<u64> = exchange
        .parts
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    if length.is_some_and(|length| offset.saturating_add(length) > upload.size()) {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, "The body exceeds the upload's size.");
    }
    let outcome = receive_body(exchange, upload, body).await;
    if upload.is_complete() {
        let (mut state, now) = handle.write();
        state.uploaded(upload.video, upload.version, now);
    }
    match outcome {
        ReceiveOutcome::Complete => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response.headers_mut().insert(UPLOAD_OFFSET, HeaderValue::from(upload.received()));
            response
        }
        ReceiveOutcome::Rejected(response) => *response,
        ReceiveOutcome::Incomplete => plain(StatusCode::BAD_REQUEST, "The body is incomplete."),
        ReceiveOutcome::Superseded => plain(StatusCode::LOCKED, "A newer request took over the upload."),
    }
}

enum ReceiveOutcome {
    Complete,
    Rejected(Box<Response<Body>>),
    Incomplete,
    /// A newer request for the same upload cancelled this one.
    Superseded,
}

/// Writes the body to the upload, frame by frame, up to the offset of a fault.
///
/// A newer request cancels this one at any point, even if a fault stalls it, since its client is gone.
async fn receive_body(exchange: &Exchange, upload: &Upload, body: Body) -> ReceiveOutcome {
    let cancel_writer = upload.cancel_writer.notified();
    tokio::select! {
        biased;
        outcome = write_body(exchange, upload, body) => outcome,
        () = cancel_writer => ReceiveOutcome::Superseded,
    }
}

async fn write_body(exchange: &Exchange, upload: &Upload, mut body: Body) -> ReceiveOutcome {
    let writer = match upload.writer() {
        Ok(writer) => writer,
        Err(error) => return write_failed(&error),
    };
    let mut received: u64 = 0;
    let mut fault_offset = exchange.fault_offset();
    while let Some(frame) = body.frame().await {
        let mut data = match frame.map(http_body::Frame::into_data) {
            Err(_) => return ReceiveOutcome::Incomplete,
            Ok(Err(_)) => continue,
            Ok(Ok(data)) => data,
        };
        if let Some(at) = fault_offset.filter(|at| received + data.len() as u64 >= *at) {
            fault_offset = None;
            let before = data.split_to(usize::try_from(at - received).unwrap_or(data.len()));
            if let Err(outcome) = write(exchange, &writer, before, &mut received).await {
                return outcome;
            }
            if let Some(response) = exchange.apply_fault().await {
                return ReceiveOutcome::Rejected(Box::new(response));
            }
        }
        if let Err(outcome) = write(exchange, &writer, data, &mut received).await {
            return outcome;
        }
    }
    // The body is shorter than the fault's offset: the fault takes effect at its end.
    if fault_offset.is_some()
        && let Some(response) = exchange.apply_fault().await
    {
        return ReceiveOutcome::Rejected(Box::new(response));
    }
    ReceiveOutcome::Complete
}

fn write_failed(error: &WriteError) -> ReceiveOutcome {
    let status = match error {
        WriteError::TooMany(_) => StatusCode::PAYLOAD_TOO_LARGE,
        WriteError::Disk(_) => StatusCode::INSUFFICIENT_STORAGE,
    };
    ReceiveOutcome::Rejected(Box::new(plain(status, &error.to_string())))
}

async fn write(
    exchange: &Exchange,
    writer: &Writer<'_>,
    data: Bytes,
    received: &mut u64,
) -> Result<(), ReceiveOutcome> {
    let length = data.len() as u64;
    writer.write(data).await.map_err(|error| write_failed(&error))?;
    *received += length;
    exchange.log_entry.update(|entry| entry.body_length = *received);
    Ok(())
}

// Images and text tracks.

/// Reads an image or text track.
async fn read_file(exchange: &Exchange, body: Body) -> Result<Bytes, Response<Body>> {
    let body = match http_body_util::Limited::new(body, MAX_FILE_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return Err(plain(StatusCode::BAD_REQUEST, "The body is incomplete or too large.")),
    };
    exchange.log_entry.update(|entry| entry.body_length = body.len() as u64);
    if exchange.fault_offset().is_some()
        && let Some(response) = exchange.apply_fault().await
    {
        return Err(response);
    }
    let media = exchange.parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = media.unwrap_or_default();
    // The link takes the raw file; sending it inside JSON or a multipart form is a common mistake. The type of a URL-encoded
    // form is accepted: curl, and therefore vimeo.php, sends any data under it.
    if media.starts_with("application/json") || media.starts_with("multipart/") {
        let text = format!("The link accepts the raw file with its own Content-Type, not {media}.");
        return Err(plain(StatusCode::BAD_REQUEST, &text));
    }
    if body.is_empty() {
        return Err(plain(StatusCode::BAD_REQUEST, "The file is empty."));
    }
    Ok(body)
}

async fn picture(
    exchange: &Exchange,
    handle: &WorldHandle,
    link: &LinkTarget,
    id: u64,
    body: Body,
) -> Response<Body> {
    if exchange.parts.method != Method::PUT {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "Send the image with PUT.");
    }
    if !is_valid(exchange, handle, link) {
        return plain(StatusCode::NOT_FOUND, "The link is unknown or has expired.");
    }
    if let Err(response) = read_file(exchange, body).await {
        return response;
    }
    let (mut state, now) = handle.write();
    let Some(path) = state.receive_picture(id, now) else {
        return plain(StatusCode::NOT_FOUND, "The picture was deleted.");
    };
    drop(state);
    // A different service of Vimeo's, which does not use the API's format.
    let body = json!({"Status": "success", "Notes": "", "Path": path});
    let mut response = Response::new(Body::from(body.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

async fn captions(
    exchange: &Exchange,
    handle: &WorldHandle,
    link: &LinkTarget,
    id: u64,
    body: Body,
) -> Response<Body> {
    if !is_valid(exchange, handle, link) {
        return plain(StatusCode::NOT_FOUND, "The link is unknown or has expired.");
    }
    match exchange.parts.method {
        Method::GET => {
            let (state, _) = handle.write();
            match state.text_track(id).and_then(|track| track.file.clone()) {
                Some(file) => {
                    let mut response = Response::new(Body::from(file));
                    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/vtt"));
                    response
                }
                None => plain(StatusCode::NOT_FOUND, "No file has been uploaded."),
            }
        }
        Method::PUT => {
            let file = match read_file(exchange, body).await {
                Ok(file) => file,
                Err(response) => return response,
            };
            let (mut state, now) = handle.write();
            if state.receive_text_track(id, file, now) {
                Response::new(Body::empty())
            } else {
                plain(StatusCode::NOT_FOUND, "The text track was deleted.")
            }
        }
        _ => {
            let message = "The link of a text track supports PUT and GET.";
            router::error_response(&ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                None,
                "Not supported.",
                message,
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_patch_headers() {
        for (media, offset, expected) in [
            (Some(OFFSET_MEDIA), Some("5"), Ok(5)),
            (Some("application/json"), Some("5"), Err(415)),
            (None, Some("5"), Err(415)),
            (Some(OFFSET_MEDIA), None, Err(400)),
            (Some(OFFSET_MEDIA), Some("-1"), Err(400)),
            (Some(OFFSET_MEDIA), Some("5.0"), Err(400)),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(media) = media {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
            }
            if let Some(offset) = offset {
                headers.insert(UPLOAD_OFFSET, HeaderValue::from_static(offset));
            }
            let read = parse_offset(&headers).map_err(|(status, _)| status.as_u16());
            assert_eq!(read, expected, "{media:?} {offset:?}");
        }
    }
}
