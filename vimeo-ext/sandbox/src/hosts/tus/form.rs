//! A file that a browser sends with a form.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderValue, Method, Response, StatusCode, header};
use multer::{Field, Multipart};

use super::{Taken, opens, plain, refused, write, write_down};
use crate::app::AppState;
use crate::hosts::Exchange;
use crate::protocol::links::LinkTarget;
use crate::world::registry::WorldHandle;
use crate::world::upload::Upload;
use crate::world::video::Source;

/// Takes the form's file and sends the browser on. A form that broke off is sent again from its beginning.
pub(super) async fn receive(
    app: &AppState,
    exchange: &Exchange,
    handle: &WorldHandle,
    place: &LinkTarget,
    ticket: &str,
    body: Body,
) -> Response<Body> {
    if exchange.parts.method != Method::POST {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "A form is sent with POST.");
    }
    let upload = opens(exchange, handle, place).then(|| handle.write().0.upload(ticket)).flatten();
    let Some(upload) = upload else {
        return plain(StatusCode::NOT_FOUND, "The form is not known, or has expired.");
    };
    let media = exchange.parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let Ok(boundary) = multer::parse_boundary(media.unwrap_or_default()) else {
        return plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "A form with a file is multipart/form-data.");
    };
    let _turn = upload.turn.lock().await;
    if upload.is_complete() {
        return plain(StatusCode::CONFLICT, "The form has been sent before.");
    }
    if let Err(error) = start_over(&upload).await {
        return plain(StatusCode::INSUFFICIENT_STORAGE, &error);
    }
    let taken = match file(Multipart::new(body.into_data_stream(), boundary)).await {
        Some(file) => take(exchange, &upload, file).await,
        None => return plain(StatusCode::BAD_REQUEST, "The form holds no file, or broke off."),
    };
    match taken {
        Taken::All if upload.received() == 0 => plain(StatusCode::BAD_REQUEST, "The file is empty."),
        Taken::All => {
            let redirect = finish(handle, &upload);
            if app.worlds.are_durable() {
                write_down(handle, Arc::clone(&upload)).await;
            }
            sent_on(redirect)
        }
        Taken::Refused(response) => *response,
        Taken::BrokenOff | Taken::LetGo => plain(StatusCode::BAD_REQUEST, "The form broke off."),
    }
}

/// Lets the video go on from its file; answers where the browser is to go.
fn finish(handle: &WorldHandle, upload: &Upload) -> Option<String> {
    upload.end();
    let (mut state, now) = handle.write();
    state.uploaded(upload.video, upload.version, now);
    match &state.video(Some(upload.video))?.version(upload.version)?.source {
        Source::Form(_, redirect) => redirect.clone(),
        _ => None,
    }
}

async fn start_over(upload: &Arc<Upload>) -> Result<(), String> {
    let upload = Arc::clone(upload);
    // It waits for the thread that stores the bytes.
    match tokio::task::spawn_blocking(move || upload.start_over()).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// The first part that is a file, whatever its name: that of Vimeo's own form is not known.
async fn file(mut parts: Multipart<'static>) -> Option<Field<'static>> {
    while let Ok(Some(part)) = parts.next_field().await {
        if part.file_name().is_some() {
            return Some(part);
        }
    }
    None
}

async fn take(exchange: &Exchange, upload: &Upload, mut file: Field<'static>) -> Taken {
    let writer = match upload.writer() {
        Ok(writer) => writer,
        Err(error) => return refused(&error),
    };
    let mut taken = 0;
    let mut strikes_at = exchange.strikes_at();
    loop {
        let piece = match file.chunk().await {
            Ok(Some(piece)) => piece,
            Ok(None) => break,
            Err(_) => return Taken::BrokenOff,
        };
        if let Err(refused) = write(exchange, &writer, piece, &mut taken).await {
            return refused;
        }
        if strikes_at.take_if(|at| taken >= *at).is_some()
            && let Some(response) = exchange.apply_fault().await
        {
            return Taken::Refused(Box::new(response));
        }
    }
    if strikes_at.is_some()
        && let Some(response) = exchange.apply_fault().await
    {
        return Taken::Refused(Box::new(response));
    }
    Taken::All
}

/// Where the app wants the browser to go; it stays where none was named.
fn sent_on(redirect: Option<String>) -> Response<Body> {
    let Some(Ok(location)) = redirect.map(HeaderValue::try_from) else {
        return plain(StatusCode::OK, "The file has arrived.");
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(header::LOCATION, location);
    response
}
