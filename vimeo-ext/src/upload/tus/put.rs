//! A small file to a signed link with one PUT: images and text tracks, which know no offsets.
//!
//! The same rules hold as for the two requests of tus: no token, no redirect, a stall timeout instead of a limit on the
//! whole, and tries with growing waits. A PUT replaces what came before, so it may be sent again whatever happened.

use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use tokio::sync::watch;
use tokio::time::{sleep, sleep_until};

use super::body::{StreamState, UploadBody};
use super::control::ControlSignal;
use super::options::UploadOptions;
use super::wire::{Answer, NoResponse, UploadClient, answer};
use crate::error::{TransientError, UploadError};
use crate::timeouts::after;
use crate::upload::source::Source;

/// What became of it.
#[derive(Debug)]
pub(crate) enum Put {
    /// The server has the file.
    Done,
    /// The link opens no longer: 403, 404 or 410.
    Gone(u16),
}

/// Why it did not get there.
#[derive(Debug)]
pub(crate) enum PutFailure {
    /// The file cannot be read, or the request cannot be made.
    Here(UploadError),
    /// The server does not want it.
    Refused { status: u16, body: String },
    /// A web page came instead of the server's answer.
    WebPage { status: u16, body: String },
    /// It broke as often as it was tried.
    Broke { attempts: u32, last: TransientError, source: Option<Box<reqwest::Error>> },
}

/// Sends all of `source` to `link`, whose host is `host`.
pub(crate) async fn put(
    client: &UploadClient,
    (link, host): (&str, &str),
    media_type: &str,
    source: &mut dyn Source,
    options: &UploadOptions,
) -> Result<Put, PutFailure> {
    let mut failures: u32 = 0;
    loop {
        let outcome = once(client, link, media_type, source, options).await;
        let earlier = failures;
        failures = earlier.saturating_add(1);
        let (last, retry_after, broken) = match outcome {
            Ok(Answer { status, body, is_web_page: true, .. }) => {
                return Err(PutFailure::WebPage { status, body });
            }
            Ok(Answer { status: 200..=299, .. }) => return Ok(Put::Done),
            Ok(Answer { status: status @ (403 | 404 | 410), .. }) => return Ok(Put::Gone(status)),
            Ok(Answer { status: 429, retry_after, .. }) => (TransientError::RateLimited, retry_after, None),
            Ok(Answer { status: status @ (408 | 500..=599), retry_after, .. }) => {
                (TransientError::Server(status), retry_after, None)
            }
            Ok(Answer { status, body, .. }) => return Err(PutFailure::Refused { status, body }),
            Err(Ended::Here(error)) => return Err(PutFailure::Here(error)),
            Err(Ended::Impossible(source)) => {
                return Err(PutFailure::Here(UploadError::Http { host: host.to_owned(), source: *source }));
            }
            Err(Ended::Broke(trouble, source)) => (trouble, None, source),
        };
        // What was given once only cannot be given again.
        if failures >= options.attempts || source.min_offset() > 0 {
            return Err(PutFailure::Broke { attempts: failures, last, source: broken });
        }
        let delay = options.backoff.wait(earlier, (options.jitter)(), retry_after);
        tracing::warn!(host, ?last, ?delay, "sending a file disturbed, trying again");
        sleep(delay).await;
    }
}

enum Ended {
    Here(UploadError),
    Impossible(Box<reqwest::Error>),
    Broke(TransientError, Option<Box<reqwest::Error>>),
}

async fn once(
    client: &UploadClient,
    link: &str,
    media_type: &str,
    source: &mut dyn Source,
    options: &UploadOptions,
) -> Result<Answer, Ended> {
    let size = source.size();
    let pieces = source.read(0..size).await.map_err(Ended::Here)?;
    let flow = Arc::new(StreamState::new(0, size));
    // Nobody pauses it; the sender is held so that the body does not find it gone.
    let wish = watch::Sender::new(ControlSignal::Run);
    let body = UploadBody::new(size, pieces, Arc::clone(&flow), wish.subscribe(), options.bandwidth.clone());
    let request = client.put(link).header(CONTENT_TYPE, media_type).body(reqwest::Body::wrap(body));
    let outcome = guard(answer(request, link), &flow, options.stall_timeout, options.response_timeout).await;
    if let Some(error) = flow.take_failure() {
        return Err(Ended::Here(error));
    }
    match outcome {
        None => Err(Ended::Broke(TransientError::Stalled, None)),
        Some(Ok(answer)) => Ok(answer),
        Some(Err(NoResponse::Impossible(source))) => Err(Ended::Impossible(source)),
        Some(Err(NoResponse::Broke(trouble, source))) => Err(Ended::Broke(trouble, source)),
    }
}

/// Sees a request through; `None` when nothing moved for too long.
async fn guard<T>(
    request: impl Future<Output = T>,
    flow: &StreamState,
    stall_timeout: Duration,
    response_timeout: Duration,
) -> Option<T> {
    let mut request = std::pin::pin!(request);
    loop {
        let patience = if flow.is_complete() { response_timeout } else { stall_timeout };
        tokio::select! {
            biased;
            outcome = &mut request => return Some(outcome),
            () = flow.moved() => {}
            () = sleep_until(after(patience)) => {
                if !flow.is_starved() {
                    return None;
                }
            }
        }
    }
}
