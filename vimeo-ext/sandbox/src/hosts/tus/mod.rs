//! The upload host: files by tus or by a browser's form, images and text tracks by one PUT, all by signed links.
//!
//! It behaves as Vimeo's does: the API has made the upload already, so a client only asks where it stands (HEAD) and sends
//! on from there (PATCH). Bytes count as soon as they arrive; a connection that breaks off costs nothing that came before.

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

/// Images and text tracks are small; a larger body is a mistake.
const MAX_FILE_BYTES: usize = 64 * 1024 * 1024;

/// Answers a request to the upload host.
pub(crate) async fn answer(app: &AppState, exchange: &Exchange, body: Body) -> Response<Body> {
    let parts = &exchange.parts;
    if app.worlds.config.refuse_foreign_tokens && parts.headers.contains_key(header::AUTHORIZATION) {
        return plain(StatusCode::FORBIDDEN, "An Authorization header was sent to the upload host.");
    }
    let Some(place) = LinkTarget::parse(parts.uri.path()) else {
        return match parts.method {
            // What clients meet that try to create the upload themselves.
            Method::POST => plain(StatusCode::BAD_REQUEST, "Invalid bucket"),
            _ => plain(StatusCode::NOT_FOUND, "Nothing is here."),
        };
    };
    let Some(handle) = app.resolver(&exchange.connection).get(place.world) else {
        return plain(StatusCode::NOT_FOUND, "The link is not known.");
    };
    exchange.log_entry.set_world(handle.id);
    let mut response = match &place.target {
        Target::File(ticket) => file(app, exchange, &handle, &place, ticket, body).await,
        Target::Form(ticket) => form::receive(app, exchange, &handle, &place, ticket, body).await,
        Target::Picture(id) => picture(exchange, &handle, &place, *id, body).await,
        Target::Captions(id) => captions(exchange, &handle, &place, *id, body).await,
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

/// Whether the link is ours and still opens; Vimeo's answer to a link that does not is the same whatever the reason.
fn opens(exchange: &Exchange, handle: &WorldHandle, place: &LinkTarget) -> bool {
    let query = Query::parse(exchange.parts.uri.query().unwrap_or_default());
    let (state, now) = handle.write();
    place.check(state.seed, &query, now).is_ok()
}

// Files.

async fn file(
    app: &AppState,
    exchange: &Exchange,
    handle: &WorldHandle,
    place: &LinkTarget,
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
        plain(StatusCode::METHOD_NOT_ALLOWED, "An upload takes HEAD and PATCH.")
    } else if parts.headers.get(&TUS_RESUMABLE) != Some(&VERSION) {
        let mut response = plain(StatusCode::PRECONDITION_FAILED, "unsupported version");
        response.headers_mut().insert(TUS_VERSION, VERSION);
        response
    } else {
        if exchange.effect() == Some(&Effect::LoseUpload) {
            handle.write().0.lose_upload(ticket);
        }
        let upload = opens(exchange, handle, place).then(|| handle.write().0.upload(ticket)).flatten();
        match upload {
            None => plain(StatusCode::NOT_FOUND, "The upload does not exist, or its link has expired."),
            Some(upload) if parts.method == Method::HEAD => standing(&upload),
            Some(upload) => {
                let response = receive(exchange, handle, &upload, body).await;
                if app.worlds.are_durable() {
                    write_down(handle, upload).await;
                }
                response
            }
        }
    };
    response.headers_mut().insert(TUS_RESUMABLE, VERSION);
    response
}

/// Writes down how far an upload is.
async fn write_down(handle: &WorldHandle, upload: Arc<Upload>) {
    let video = upload.video;
    // It waits for the hash, and for the disk where bytes are kept.
    if let Err(error) = tokio::task::spawn_blocking(move || upload.catch_up()).await {
        tracing::error!(%error, "an upload cannot be written down");
    }
    handle.write().0.upload_moved(video);
}

fn standing(upload: &Upload) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(UPLOAD_OFFSET, HeaderValue::from(upload.received()));
    headers.insert(UPLOAD_LENGTH, HeaderValue::from(upload.size()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What a PATCH says of itself, or why it cannot be taken.
fn announced(headers: &HeaderMap) -> Result<u64, (StatusCode, &'static str)> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if text(&header::CONTENT_TYPE) != Some(OFFSET_MEDIA) {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "A PATCH is application/offset+octet-stream."));
    }
    let offset = text(&UPLOAD_OFFSET).and_then(|value| value.parse().ok());
    offset.ok_or((StatusCode::BAD_REQUEST, "Upload-Offset is missing or no number."))
}

async fn receive(
    exchange: &Exchange,
    handle: &WorldHandle,
    upload: &Arc<Upload>,
    body: Body,
) -> Response<Body> {
    let offset = match announced(&exchange.parts.headers) {
        Ok(offset) => offset,
        Err((status, text)) => return plain(status, text),
    };
    // A client that lost its connection comes back before the old request has noticed: the old one lets go.
    upload.cancel_writer.notify_waiters();
    let _turn = upload.turn.lock().await;
    if offset != upload.received() {
        return plain(StatusCode::CONFLICT, "Upload-Offset is not where the upload stands.");
    }
    let length: Option<u64> = exchange
        .parts
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    if length.is_some_and(|length| offset.saturating_add(length) > upload.size()) {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, "These are more bytes than were announced.");
    }
    let taken = take(exchange, upload, body).await;
    if upload.is_complete() {
        let (mut state, now) = handle.write();
        state.uploaded(upload.video, upload.version, now);
    }
    match taken {
        Taken::All => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response.headers_mut().insert(UPLOAD_OFFSET, HeaderValue::from(upload.received()));
            response
        }
        Taken::Refused(response) => *response,
        Taken::BrokenOff => plain(StatusCode::BAD_REQUEST, "The body broke off."),
        Taken::LetGo => plain(StatusCode::LOCKED, "Another request has taken the upload over."),
    }
}

enum Taken {
    All,
    Refused(Box<Response<Body>>),
    BrokenOff,
    LetGo,
}

/// Takes the body into the upload, frame by frame, up to where a fault strikes.
///
/// A newer request ends this one at any point, also where a fault has made it stall: its client has long gone.
async fn take(exchange: &Exchange, upload: &Upload, body: Body) -> Taken {
    let cancel_writer = upload.cancel_writer.notified();
    tokio::select! {
        biased;
        taken = take_all(exchange, upload, body) => taken,
        () = cancel_writer => Taken::LetGo,
    }
}

async fn take_all(exchange: &Exchange, upload: &Upload, mut body: Body) -> Taken {
    let writer = match upload.writer() {
        Ok(writer) => writer,
        Err(error) => return refused(&error),
    };
    let mut taken: u64 = 0;
    let mut strikes_at = exchange.strikes_at();
    while let Some(frame) = body.frame().await {
        let mut data = match frame.map(http_body::Frame::into_data) {
            Err(_) => return Taken::BrokenOff,
            Ok(Err(_)) => continue,
            Ok(Ok(data)) => data,
        };
        if let Some(at) = strikes_at.filter(|at| taken + data.len() as u64 >= *at) {
            strikes_at = None;
            let before = data.split_to(usize::try_from(at - taken).unwrap_or(data.len()));
            if let Err(refused) = write(exchange, &writer, before, &mut taken).await {
                return refused;
            }
            if let Some(response) = exchange.apply_fault().await {
                return Taken::Refused(Box::new(response));
            }
        }
        if let Err(refused) = write(exchange, &writer, data, &mut taken).await {
            return refused;
        }
    }
    // The body was shorter than where the fault waits: its end is where it strikes.
    if strikes_at.is_some()
        && let Some(response) = exchange.apply_fault().await
    {
        return Taken::Refused(Box::new(response));
    }
    Taken::All
}

fn refused(error: &WriteError) -> Taken {
    let status = match error {
        WriteError::TooMany(_) => StatusCode::PAYLOAD_TOO_LARGE,
        WriteError::Disk(_) => StatusCode::INSUFFICIENT_STORAGE,
    };
    Taken::Refused(Box::new(plain(status, &error.to_string())))
}

async fn write(exchange: &Exchange, writer: &Writer<'_>, data: Bytes, taken: &mut u64) -> Result<(), Taken> {
    let length = data.len() as u64;
    writer.write(data).await.map_err(|error| refused(&error))?;
    *taken += length;
    exchange.log_entry.update(|entry| entry.body_length = *taken);
    Ok(())
}

// Images and text tracks.

/// Reads a small file whole.
async fn small(exchange: &Exchange, body: Body) -> Result<Bytes, Response<Body>> {
    let body = match http_body_util::Limited::new(body, MAX_FILE_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return Err(plain(StatusCode::BAD_REQUEST, "The body broke off, or is too large.")),
    };
    exchange.log_entry.update(|entry| entry.body_length = body.len() as u64);
    if exchange.strikes_at().is_some()
        && let Some(response) = exchange.apply_fault().await
    {
        return Err(response);
    }
    let media = exchange.parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = media.unwrap_or_default();
    // A file goes as it is; one wrapped in JSON or a form with parts is the mistake that users make. Bytes under the type
    // of a simple form are a file: curl, and so vimeo.php, names that type for whatever it is given to send.
    if media.starts_with("application/json") || media.starts_with("multipart/") {
        let text = format!(
            "The link takes the raw file under its own Content-Type, not JSON or a multipart form; this came as {media}."
        );
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
    place: &LinkTarget,
    id: u64,
    body: Body,
) -> Response<Body> {
    if exchange.parts.method != Method::PUT {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "An image is sent with PUT.");
    }
    if !opens(exchange, handle, place) {
        return plain(StatusCode::NOT_FOUND, "The link is not known, or has expired.");
    }
    if let Err(response) = small(exchange, body).await {
        return response;
    }
    let (mut state, now) = handle.write();
    let Some(path) = state.picture_arrived(id, now) else {
        return plain(StatusCode::NOT_FOUND, "The picture was deleted.");
    };
    drop(state);
    // Not the API's shape: a different service answers here.
    let body = json!({"Status": "success", "Notes": "", "Path": path});
    let mut response = Response::new(Body::from(body.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

async fn captions(
    exchange: &Exchange,
    handle: &WorldHandle,
    place: &LinkTarget,
    id: u64,
    body: Body,
) -> Response<Body> {
    if !opens(exchange, handle, place) {
        return plain(StatusCode::NOT_FOUND, "The link is not known, or has expired.");
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
                None => plain(StatusCode::NOT_FOUND, "No file was sent yet."),
            }
        }
        Method::PUT => {
            let file = match small(exchange, body).await {
                Ok(file) => file,
                Err(response) => return response,
            };
            let (mut state, now) = handle.write();
            if state.text_track_arrived(id, file, now) {
                Response::new(Body::empty())
            } else {
                plain(StatusCode::NOT_FOUND, "The text track was deleted.")
            }
        }
        _ => {
            let message = "A text track's link takes PUT and GET.";
            router::refusal(&ApiError::new(StatusCode::METHOD_NOT_ALLOWED, None, "Not supported.", message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_says_what_it_is() {
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
            let read = announced(&headers).map_err(|(status, _)| status.as_u16());
            assert_eq!(read, expected, "{media:?} {offset:?}");
        }
    }
}
