//! Uploads by a browser's form.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderValue, Method, Response, StatusCode, header};
use multer::{Field, Multipart};

use super::{ReceiveOutcome, is_valid, persist_progress, plain, write, write_failed};
use crate::app::AppState;
use crate::hosts::Exchange;
use crate::protocol::links::LinkTarget;
use crate::world::registry::WorldHandle;
use crate::world::upload::Upload;
use crate::world::video::Source;

/// Receives the form's file and redirects the browser. An interrupted form can be sent again from its beginning.
pub(super) async fn receive(
    app: &AppState,
    exchange: &Exchange,
    handle: &WorldHandle,
    link: &LinkTarget,
    ticket: &str,
    body: Body,
) -> Response<Body> {
    if exchange.parts.method != Method::POST {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "Send the form with POST.");
    }
    let upload = is_valid(exchange, handle, link).then(|| handle.write().0.upload(ticket)).flatten();
    let Some(upload) = upload else {
        return plain(StatusCode::NOT_FOUND, "The form is unknown or has expired.");
    };
    let media = exchange.parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let Ok(boundary) = multer::parse_boundary(media.unwrap_or_default()) else {
        return plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The form must be multipart/form-data.");
    };
    let _turn = upload.turn.lock().await;
    if upload.is_complete() {
        return plain(StatusCode::CONFLICT, "The form was already sent.");
    }
    if let Err(error) = start_over(&upload).await {
        return plain(StatusCode::INSUFFICIENT_STORAGE, &error);
    }
    let outcome = match next_file(Multipart::new(body.into_data_stream(), boundary)).await {
        Some(file) => receive_file(exchange, &upload, file).await,
        None => return plain(StatusCode::BAD_REQUEST, "The form has no file or is incomplete."),
    };
    match outcome {
        ReceiveOutcome::Complete if upload.received() == 0 => {
            plain(StatusCode::BAD_REQUEST, "The file is empty.")
        }
        ReceiveOutcome::Complete => {
            let redirect = finish(handle, &upload);
            if app.worlds.are_durable() {
                persist_progress(handle, Arc::clone(&upload)).await;
            }
            redirect_response(redirect)
        }
        ReceiveOutcome::Rejected(response) => *response,
        ReceiveOutcome::Incomplete | ReceiveOutcome::Superseded => {
            plain(StatusCode::BAD_REQUEST, "The form is incomplete.")
        }
    }
}

/// Completes the upload; returns the URL to redirect the browser to.
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
    // Waits for the thread that stores the bytes.
    match tokio::task::spawn_blocking(move || upload.start_over()).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// The first part that is a file, whatever its name; the name in Vimeo's own form is unknown.
async fn next_file(mut parts: Multipart<'static>) -> Option<Field<'static>> {
    while let Ok(Some(part)) = parts.next_field().await {
        if part.file_name().is_some() {
            return Some(part);
        }
    }
    None
}

async fn receive_file(exchange: &Exchange, upload: &Upload, mut file: Field<'static>) -> ReceiveOutcome {
    let writer = match upload.writer() {
        Ok(writer) => writer,
        Err(error) => return write_failed(&error),
    };
    let mut received = 0;
    let mut fault_offset = exchange.fault_offset();
    loop {
        let chunk = match file.chunk().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => break,
            Err(_) => return ReceiveOutcome::Incomplete,
        };
        if let Err(outcome) = write(exchange, &writer, chunk, &mut received).await {
            return outcome;
        }
        if fault_offset.take_if(|at| received >= *at).is_some()
            && let Some(response) = exchange.apply_fault().await
        {
            return ReceiveOutcome::Rejected(Box::new(response));
        }
    }
    if fault_offset.is_some()
        && let Some(response) = exchange.apply_fault().await
    {
        return ReceiveOutcome::Rejected(Box::new(response));
    }
    ReceiveOutcome::Complete
}

/// Redirects the browser to the app's URL, if one was given.
fn redirect_response(redirect: Option<String>) -> Response<Body> {
    let Some(Ok(location)) = redirect.map(HeaderValue::try_from) else {
        return plain(StatusCode::OK, "The file was received.");
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(header::LOCATION, location);
    response
}
