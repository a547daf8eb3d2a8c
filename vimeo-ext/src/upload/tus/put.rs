//! Sends a small file to a signed link with one PUT request: pictures and text tracks, which have no offsets.
//!
//! The rules are those of the tus requests: no token, no redirects, a stall timeout instead of a limit on the total
//! time, and retries with growing waits. A PUT replaces what came before, so it is always safe to repeat.

use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::body::{StreamState, UploadBody};
use super::control::ControlSignal;
use super::options::UploadOptions;
use super::wire::{NoResponse, TusResponse, UploadClient, send_request};
use crate::error::{TransientError, UploadError};
use crate::timeouts::after;
use crate::upload::source::Source;

/// The outcome of a PUT.
#[derive(Debug)]
pub(crate) enum PutOutcome {
    /// The server has the file.
    Done,
    /// The link is no longer valid: 403, 404 or 410.
    LinkGone(u16),
}

/// Why the file was not uploaded.
#[derive(Debug)]
pub(crate) enum PutError {
    /// The file cannot be read, or the request cannot be built.
    Local(UploadError),
    /// The server rejected it.
    Refused { status: u16, body: String },
    /// The response is a web page instead of the server's response.
    WebPage { status: u16, body: String },
    /// All attempts failed.
    Exhausted { attempts: u32, last: TransientError, source: Option<Box<reqwest::Error>> },
}

/// Sends the whole source to `link`, whose host is `host`.
pub(crate) async fn put(
    client: &UploadClient,
    (link, host): (&str, &str),
    media_type: &str,
    source: &mut dyn Source,
    options: &UploadOptions,
) -> Result<PutOutcome, PutError> {
    let mut failures: u32 = 0;
    let mut failing_since = None;
    loop {
        let outcome = try_put(client, link, media_type, source, options).await;
        let earlier = failures;
        failures = earlier.saturating_add(1);
        let (last, retry_after, broken) = match outcome {
            Ok(TusResponse { status, body, is_web_page: true, .. }) => {
                return Err(PutError::WebPage { status, body });
            }
            Ok(TusResponse { status: 200..=299, .. }) => return Ok(PutOutcome::Done),
            Ok(TusResponse { status: status @ (403 | 404 | 410), .. }) => {
                return Ok(PutOutcome::LinkGone(status));
            }
            Ok(TusResponse { status: 429, retry_after, .. }) => {
                (TransientError::RateLimited, retry_after, None)
            }
            Ok(TusResponse { status: status @ (408 | 500..=599), retry_after, .. }) => {
                (TransientError::Server(status), retry_after, None)
            }
            Ok(TusResponse { status, body, .. }) => return Err(PutError::Refused { status, body }),
            Err(AttemptError::Local(error)) => return Err(PutError::Local(error)),
            Err(AttemptError::InvalidRequest(source)) => {
                return Err(PutError::Local(UploadError::Http { host: host.to_owned(), source: *source }));
            }
            Err(AttemptError::Failed(error, source)) => (error, None, source),
        };
        // A source that can be read only once cannot be sent again.
        if failures >= options.retry.attempts || source.min_offset() > 0 {
            return Err(PutError::Exhausted { attempts: failures, last, source: broken });
        }
        let delay = options.retry.transfer_delay(earlier, options.retry.random(), retry_after);
        let failing_since = *failing_since.get_or_insert_with(Instant::now);
        if failing_since.elapsed().saturating_add(delay) > options.retry.max_elapsed {
            return Err(PutError::Exhausted { attempts: failures, last, source: broken });
        }
        tracing::warn!(host, ?last, ?delay, "sending a file failed, retrying");
        sleep(delay).await;
    }
}

enum AttemptError {
    Local(UploadError),
    InvalidRequest(Box<reqwest::Error>),
    Failed(TransientError, Option<Box<reqwest::Error>>),
}

async fn try_put(
    client: &UploadClient,
    link: &str,
    media_type: &str,
    source: &mut dyn Source,
    options: &UploadOptions,
) -> Result<TusResponse, AttemptError> {
    let size = source.size();
    let pieces = source.read(0..size).await.map_err(AttemptError::Local)?;
    let stream_state = Arc::new(StreamState::new(0, size));
    // Nothing pauses it; the sender is held so that the body does not see it dropped.
    let signal = watch::Sender::new(ControlSignal::Run);
    let body = UploadBody::new(
        size,
        pieces,
        Arc::clone(&stream_state),
        signal.subscribe(),
        options.bandwidth.clone(),
    );
    let request = client.put(link).header(CONTENT_TYPE, media_type).body(reqwest::Body::wrap(body));
    let outcome = with_idle_timeout(
        send_request(request, link),
        &stream_state,
        options.stall_timeout,
        options.response_timeout,
    )
    .await;
    if let Some(error) = stream_state.take_failure() {
        return Err(AttemptError::Local(error));
    }
    match outcome {
        None => Err(AttemptError::Failed(TransientError::Stalled, None)),
        Some(Ok(response)) => Ok(response),
        Some(Err(NoResponse::InvalidRequest(source))) => Err(AttemptError::InvalidRequest(source)),
        Some(Err(NoResponse::Failed(error, source))) => Err(AttemptError::Failed(error, source)),
    }
}

/// Runs a request. Returns `None` if it made no progress for too long.
async fn with_idle_timeout<T>(
    request: impl Future<Output = T>,
    stream_state: &StreamState,
    stall_timeout: Duration,
    response_timeout: Duration,
) -> Option<T> {
    let mut request = std::pin::pin!(request);
    loop {
        let timeout = if stream_state.is_complete() { response_timeout } else { stall_timeout };
        tokio::select! {
            biased;
            outcome = &mut request => return Some(outcome),
            () = stream_state.progressed() => {}
            () = sleep_until(after(timeout)) => {
                if !stream_state.is_starved() {
                    return None;
                }
            }
        }
    }
}
