//! The videos of a world, and the bytes that were uploaded.

use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::{ControlError, ControlRequest, Outcome, Reply};
use crate::clock::iso;
use crate::world::upload::{UNKNOWN_SIZE, Upload};
use crate::world::video::{Version, Video};

/// The page shows the newest videos only.
const MAX_LISTED: usize = 200;

/// The largest piece of a file that is in memory at a time.
const CHUNK_BYTES: u64 = 256 * 1024;

/// Lists the newest videos, newest first.
pub(super) fn list(request: &ControlRequest<'_>) -> Outcome {
    let handle = request.world()?;
    let (state, _) = handle.read();
    let videos: Vec<Value> = state.videos.values().rev().take(MAX_LISTED).map(summary).collect();
    Reply::ok(json!({"world": handle.id, "total": state.videos.len(), "videos": videos}))
}

fn summary(video: &Video) -> Value {
    let upload = shown_version(video).and_then(|version| version.source.upload());
    json!({
        "id": video.id,
        "uri": format!("/videos/{}", video.id),
        "name": video.name,
        "created": iso(video.created),
        "status": video.status(),
        "privacy": video.privacy.view,
        "size": upload.map(|upload| upload.size()).filter(|size| *size != UNKNOWN_SIZE),
        "received": upload.map_or(0, |upload| upload.received()),
        "has_file": upload.is_some_and(|upload| upload.is_complete() && upload.has_bytes()),
    })
}

/// The version that plays, or the newest one.
fn shown_version(video: &Video) -> Option<&Version> {
    video.current().or_else(|| video.latest())
}

/// The uploaded file of a video, and the range of it that the request names.
pub(super) struct RequestedFile {
    upload: Arc<Upload>,
    range: Option<String>,
}

/// Finds the uploaded file of a video.
pub(super) fn file(request: &ControlRequest<'_>, id: &str) -> Result<RequestedFile, ControlError> {
    let upload = {
        let handle = request.world()?;
        let (state, _) = handle.read();
        let video = id.parse().ok().and_then(|id: u64| state.videos.get(&id));
        let video = video.ok_or_else(|| ControlError::not_found(format!("The world has no video {id}.")))?;
        shown_version(video).and_then(|version| version.source.upload()).cloned()
    };
    let upload = upload.filter(|upload| upload.is_complete() && upload.has_bytes()).ok_or_else(|| {
        ControlError::not_found(format!(
            "The bytes of video {id} are not stored: start the sandbox with --keep-bytes, or SandboxBuilder::keep_bytes."
        ))
    })?;
    let range = request.headers.get(header::RANGE).and_then(|range| range.to_str().ok()).map(str::to_owned);
    Ok(RequestedFile { upload, range })
}

impl RequestedFile {
    /// Starts to send the file. Blocks: it reads the first bytes.
    pub(super) fn open(self) -> Reply {
        let Self { upload, range } = self;
        let length = upload.received();
        let (status, range) = match range.map_or(Requested::Whole, |range| requested_range(&range, length)) {
            Requested::Whole => (StatusCode::OK, 0..length),
            Requested::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
            Requested::Unsatisfiable => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
                insert(&mut response, header::CONTENT_RANGE, &format!("bytes */{length}"));
                return Reply::Response(response);
            }
        };
        let media_type = media_type(&upload);
        let content_length = range.end - range.start;
        let content_range = format!("bytes {}-{}/{length}", range.start, range.end.saturating_sub(1));
        let mut response = Response::new(Body::from_stream(chunks(upload, range)));
        *response.status_mut() = status;
        insert(&mut response, header::CONTENT_TYPE, media_type);
        insert(&mut response, header::CONTENT_LENGTH, &content_length.to_string());
        insert(&mut response, header::ACCEPT_RANGES, "bytes");
        // The bytes are from somebody else, and on the origin of the control API.
        insert(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        insert(&mut response, header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox");
        if status == StatusCode::PARTIAL_CONTENT {
            insert(&mut response, header::CONTENT_RANGE, &content_range);
        }
        Reply::Response(response)
    }
}

fn insert(response: &mut Response<Body>, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// The bytes of a range, in pieces that are read when they are wanted.
fn chunks(upload: Arc<Upload>, range: Range<u64>) -> impl stream::Stream<Item = std::io::Result<Bytes>> {
    stream::unfold((upload, range), |(upload, range)| async move {
        if range.is_empty() {
            return None;
        }
        let length = (range.end - range.start).min(CHUNK_BYTES);
        let (reader, start) = (Arc::clone(&upload), range.start);
        let read = tokio::task::spawn_blocking(move || reader.read_at(start, length)).await;
        let read = match read {
            Ok(Ok(bytes)) if !bytes.is_empty() => Ok(bytes),
            Ok(Ok(_)) => Err(std::io::ErrorKind::UnexpectedEof.into()),
            Ok(Err(error)) => Err(error),
            Err(error) => Err(std::io::Error::other(error)),
        };
        let next = match &read {
            Ok(bytes) => range.start.saturating_add(bytes.len() as u64)..range.end,
            Err(_) => range.end..range.end,
        };
        Some((read, (upload, next)))
    })
}

/// The media type that a browser can play, by the first bytes of the file.
fn media_type(upload: &Upload) -> &'static str {
    sniff(&upload.read_at(0, 12).unwrap_or_default())
}

fn sniff(start: &[u8]) -> &'static str {
    match start {
        [_, _, _, _, b'f', b't', b'y', b'p', b'q', b't', ..] => "video/quicktime",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "video/mp4",
        [0x1a, 0x45, 0xdf, 0xa3, ..] => "video/webm",
        [b'O', b'g', b'g', b'S', ..] => "video/ogg",
        _ => "application/octet-stream",
    }
}

/// What a `Range` header asks for.
#[derive(Debug, PartialEq)]
enum Requested {
    Whole,
    Part(Range<u64>),
    Unsatisfiable,
}

/// Reads a `Range` header. Of several ranges, or of a form that is not known, the whole file is sent, as RFC 9110 allows.
fn requested_range(header: &str, length: u64) -> Requested {
    let Some(range) = header.trim().strip_prefix("bytes=").filter(|range| !range.contains(',')) else {
        return Requested::Whole;
    };
    let Some((first, last)) = range.split_once('-') else { return Requested::Whole };
    let (first, last) = (first.trim(), last.trim());
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(length),
        (Ok(first), Err(_)) if last.is_empty() => first..length,
        (Err(_), Ok(suffix)) if first.is_empty() => length.saturating_sub(suffix)..length,
        _ => return Requested::Whole,
    };
    if range.is_empty() { Requested::Unsatisfiable } else { Requested::Part(range) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ranges() {
        for (header, length, requested) in [
            ("bytes=0-", 10, Requested::Part(0..10)),
            ("bytes=0-0", 10, Requested::Part(0..1)),
            ("bytes=2-5", 10, Requested::Part(2..6)),
            ("bytes=5-99", 10, Requested::Part(5..10)),
            ("bytes=-3", 10, Requested::Part(7..10)),
            ("bytes=-30", 10, Requested::Part(0..10)),
            ("bytes=10-", 10, Requested::Unsatisfiable),
            ("bytes=-0", 10, Requested::Unsatisfiable),
            ("bytes=0-", 0, Requested::Unsatisfiable),
            ("bytes=5-2", 10, Requested::Whole),
            ("bytes=0-1,4-5", 10, Requested::Whole),
            ("bytes=-", 10, Requested::Whole),
            ("bytes=x-y", 10, Requested::Whole),
            ("items=0-1", 10, Requested::Whole),
            ("bytes=0-18446744073709551615", 10, Requested::Part(0..10)),
        ] {
            assert_eq!(requested_range(header, length), requested, "{header}");
        }
    }

    #[test]
    fn media_types_are_told_by_the_first_bytes() {
        for (start, media_type) in [
            (&b"\0\0\0\x20ftypisom"[..], "video/mp4"),
            (b"\0\0\0\x14ftypqt  ", "video/quicktime"),
            (b"\x1a\x45\xdf\xa3....", "video/webm"),
            (b"<html><script>", "application/octet-stream"),
            (b"", "application/octet-stream"),
        ] {
            assert_eq!(sniff(start), media_type);
        }
    }
}
