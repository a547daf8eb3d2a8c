//! The body of a part: bounded in size and time.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use futures_util::StreamExt;
use http::StatusCode;
use tokio::time::{Instant, timeout, timeout_at};

use super::blocking;
use crate::error::{ApiError, ApiResult};
use crate::progressive::ranges::ContentRange;
use crate::progressive::spool::{PartFile, Spool};

/// How long a client may send nothing while it sends a part.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a client may take for a part: this, and a second for each 16 KiB.
const MIN_PART_TIMEOUT: Duration = Duration::from_secs(60);
const MAX_PART_TIMEOUT: Duration = Duration::from_secs(6 * 60 * 60);
const MIN_BYTES_PER_SECOND: u64 = 16 * 1024;

/// How many bytes are collected before they are written.
const WRITE_BYTES: usize = 1024 * 1024;

/// How much of a refused part is read, so that the client sees the response rather than a closed connection.
const MAX_DISCARDED_BYTES: u64 = 8 * 1024 * 1024;
const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn wrong_length(range: ContentRange) -> ApiError {
    let detail =
        format!("the body must have {} bytes, as Content-Range says; nothing was stored", range.size());
    ApiError::new(StatusCode::BAD_REQUEST, "wrong_length", detail)
}

/// The body of a part.
pub(super) struct Part {
    body: BodyDataStream,
    pub(super) received: u64,
    has_ended: bool,
}

impl Part {
    pub(super) fn new(body: Body) -> Self {
        Self { body: body.into_data_stream(), received: 0, has_ended: false }
    }

    /// Returns the next bytes; `None` at the end.
    async fn next(&mut self) -> ApiResult<Option<Bytes>> {
        match timeout(IDLE_TIMEOUT, self.body.next()).await {
            Ok(None) => {
                self.has_ended = true;
                Ok(None)
            }
            Ok(Some(Ok(bytes))) => {
                self.received = self.received.saturating_add(bytes.len() as u64);
                Ok(Some(bytes))
            }
            Ok(Some(Err(_))) => {
                self.has_ended = true;
                let detail = "the body ended early; nothing of the part was stored, send it again";
                Err(ApiError::new(StatusCode::BAD_REQUEST, "incomplete_part", detail))
            }
            Err(_) => {
                self.has_ended = true;
                Err(part_timeout())
            }
        }
    }

    /// Checks that there are no more bytes.
    pub(super) async fn expect_end(&mut self) -> Result<(), ()> {
        loop {
            match self.next().await {
                Ok(None) => return Ok(()),
                Ok(Some(bytes)) if bytes.is_empty() => {}
                Ok(Some(_)) | Err(_) => return Err(()),
            }
        }
    }

    /// Writes exactly the bytes of the range to a file.
    pub(super) async fn write_to(
        &mut self,
        file: PartFile,
        spool: &Arc<Spool>,
        range: ContentRange,
    ) -> ApiResult<PartFile> {
        let seconds = Duration::from_secs(range.size() / MIN_BYTES_PER_SECOND);
        let allowed = MIN_PART_TIMEOUT.saturating_add(seconds).min(MAX_PART_TIMEOUT);
        let now = Instant::now();
        let deadline = now.checked_add(allowed).unwrap_or(now);
        match timeout_at(deadline, self.write_all(file, spool, range)).await {
            Ok(written) => written,
            Err(_) => {
                self.has_ended = true;
                Err(part_timeout())
            }
        }
    }

    async fn write_all(
        &mut self,
        mut file: PartFile,
        spool: &Arc<Spool>,
        range: ContentRange,
    ) -> ApiResult<PartFile> {
        let mut collected = Vec::new();
        loop {
            let next = self.next().await?;
            if self.received > range.size() {
                return Err(wrong_length(range));
            }
            let is_end = next.is_none();
            collected.extend_from_slice(&next.unwrap_or_default());
            if collected.len() >= WRITE_BYTES || (is_end && !collected.is_empty()) {
                let bytes = std::mem::take(&mut collected);
                file = blocking(spool, move |_| file.write(&bytes)).await?;
            }
            if is_end {
                return if self.received == range.size() { Ok(file) } else { Err(wrong_length(range)) };
            }
        }
    }

    /// Reads what the client still sends, up to a limit.
    pub(super) async fn discard(&mut self) {
        let mut discarded: u64 = 0;
        let rest = async {
            while !self.has_ended && discarded < MAX_DISCARDED_BYTES {
                let Ok(Some(bytes)) = self.next().await else { break };
                discarded = discarded.saturating_add(bytes.len() as u64);
            }
        };
        let _ = timeout(DISCARD_TIMEOUT, rest).await;
    }
}

fn part_timeout() -> ApiError {
    let detail = format!(
        "the part arrived too slowly, or not at all for {} s; nothing of it was stored, send it again or a smaller one",
        IDLE_TIMEOUT.as_secs()
    );
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail)
}
