//! Receives a file: requests the bytes that are missing until all of them are there.

use std::path::PathBuf;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http::header::{ACCEPT_ENCODING, IF_RANGE, RANGE};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use url::Url;
use vimeo_api::{SignedUrl, is_loopback};

use super::offer::Offer;
use super::partial::{FinishedFile, PartialFile};
use super::response::{Meaning, meaning, validator};
use super::{DownloadOptions, DownloadProgress, OnProgress};
use crate::error::{DownloadError, TransferFailure};
use crate::{Error, tls};

/// How many bytes are collected before they are written.
const WRITE_SIZE: usize = 1024 * 1024;

/// How many redirects of a link are followed.
const MAX_REDIRECTS: usize = 10;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Creates the HTTP client for links of files: it sends no token, and follows redirects to https only.
pub(super) fn client(api_is_loopback: bool) -> Result<reqwest::Client, DownloadError> {
    let redirects = reqwest::redirect::Policy::custom(move |attempt| {
        let may_follow = attempt.url().scheme() == "https" && !is_loopback(attempt.url())
            || api_is_loopback && is_loopback(attempt.url());
        if attempt.previous().len() > MAX_REDIRECTS || !may_follow {
            attempt.stop()
        } else {
            attempt.follow()
        }
    });
    let builder = tls::client_builder(tls::HttpVersions::Http1).map_err(DownloadError::Tls)?;
    let builder = builder.connect_timeout(CONNECT_TIMEOUT).redirect(redirects).referer(false);
    // Vimeo's links never lead to this machine, and a proxy does not see the sandbox's.
    let builder = if api_is_loopback { builder.no_proxy() } else { builder };
    builder.build().map_err(|error| DownloadError::Client(Box::new(error.without_url())))
}

/// A download in progress.
pub(super) struct Transfer {
    pub(super) client: reqwest::Client,
    /// The URI of the video, for messages.
    pub(super) uri: String,
    pub(super) offer: Offer,
    /// The name of the chosen file.
    pub(super) rendition: String,
    pub(super) options: DownloadOptions,
    pub(super) on_progress: Option<OnProgress>,
}

/// How one request ended.
enum AttemptEnd {
    Complete,
    LinkExpired(u16),
    Changed,
    Failed(TransferFailure, Option<Duration>, Option<Box<reqwest::Error>>),
    Refused(u16),
}

impl Transfer {
    /// Receives the missing bytes, and gives the file its name.
    pub(super) async fn run(
        mut self,
        mut partial: PartialFile,
        mut link: SignedUrl,
        destination: PathBuf,
    ) -> Result<FinishedFile, Error> {
        let retry = self.options.retry.clone();
        let mut failures: u32 = 0;
        let mut failing_since = None;
        let mut furthest = partial.len();
        loop {
            let end;
            (partial, end) = self.attempt(partial, &link).await?;
            if partial.len() > furthest {
                (furthest, failures, failing_since) = (partial.len(), 0, None);
            }
            let host = host_of(&link);
            let earlier = failures;
            let (last, retry_after, source) = match end {
                AttemptEnd::Complete => {
                    let overwrite = self.options.overwrite;
                    let finished = blocking(move || partial.finish(&destination, overwrite)).await?;
                    return Ok(finished);
                }
                AttemptEnd::Refused(status) => {
                    return Err(DownloadError::Refused { uri: self.uri, host, status }.into());
                }
                AttemptEnd::Changed => {
                    partial = blocking(move || partial.start_over().map(|()| partial)).await?;
                    furthest = 0;
                    (TransferFailure::Changed, None, None)
                }
                AttemptEnd::LinkExpired(status) => {
                    (_, link) = self.offer.request(Some(&self.rendition)).await?;
                    (TransferFailure::LinkExpired(status), None, None)
                }
                AttemptEnd::Failed(failure, retry_after, source) => (failure, retry_after, source),
            };
            failures = earlier.saturating_add(1);
            let began = *failing_since.get_or_insert_with(Instant::now);
            // A new link is tried at once.
            let delay = match last {
                TransferFailure::LinkExpired(_) if earlier == 0 => Duration::ZERO,
                _ => retry.transfer_delay(earlier, retry.random(), retry_after),
            };
            if failures >= retry.attempts || began.elapsed().saturating_add(delay) > retry.max_elapsed {
                // What arrived is kept for the next run.
                blocking(move || partial.checkpoint()).await?;
                let (uri, attempts) = (self.uri, failures);
                return Err(DownloadError::Exhausted { uri, host, attempts, last, source }.into());
            }
            tracing::warn!(uri = self.uri, host, %last, ?delay, "a download failed, retrying");
            sleep(delay).await;
        }
    }

    /// Sends one request and writes its body.
    async fn attempt(
        &mut self,
        mut partial: PartialFile,
        link: &SignedUrl,
    ) -> Result<(PartialFile, AttemptEnd), Error> {
        let offset = partial.len();
        if offset > 0 && partial.remote.total == Some(offset) {
            return Ok((partial, AttemptEnd::Complete));
        }
        let mut request = self.client.get(link.expose()).header(ACCEPT_ENCODING, "identity");
        if offset > 0 {
            request = request.header(RANGE, format!("bytes={offset}-"));
            if let Some(validator) = &partial.remote.validator {
                request = request.header(IF_RANGE, validator);
            }
        }
        let mut response = match timeout(self.options.stall_timeout, request.send()).await {
            Err(_) => {
                let failure = TransferFailure::Stalled(self.options.stall_timeout);
                return Ok((partial, AttemptEnd::Failed(failure, None, None)));
            }
            Ok(Err(error)) => {
                let failure =
                    if error.is_connect() { TransferFailure::Connect } else { TransferFailure::Dropped };
                let error = Box::new(error.without_url());
                return Ok((partial, AttemptEnd::Failed(failure, None, Some(error))));
            }
            Ok(Ok(response)) => response,
        };
        let status = response.status();
        let total = match meaning(status.as_u16(), response.headers(), offset, partial.remote.total) {
            Meaning::Complete => return Ok((partial, AttemptEnd::Complete)),
            Meaning::Changed => return Ok((partial, AttemptEnd::Changed)),
            Meaning::Refused(status) => return Ok((partial, AttemptEnd::Refused(status))),
            Meaning::LinkExpired(status) => return Ok((partial, AttemptEnd::LinkExpired(status))),
            Meaning::Failed(failure, retry_after) => {
                return Ok((partial, AttemptEnd::Failed(failure, retry_after, None)));
            }
            Meaning::Continues { total } => Some(total),
            Meaning::Whole { total } => total,
        };
        let validator = validator(response.headers());
        if status == StatusCode::OK {
            partial = blocking(move || partial.start_over().map(|()| partial)).await?;
            partial.remote.validator = validator;
        }
        partial.remote.total = total;
        self.receive(partial, &mut response, total).await
    }

    /// Writes a body. While bytes are written, the next ones arrive.
    async fn receive(
        &mut self,
        partial: PartialFile,
        response: &mut reqwest::Response,
        total: Option<u64>,
    ) -> Result<(PartialFile, AttemptEnd), Error> {
        let mut received = partial.len();
        let mut writing = Writing::Idle(Box::new(partial));
        let mut collected = BytesMut::new();
        let end = loop {
            let chunk = match timeout(self.options.stall_timeout, response.chunk()).await {
                Err(_) => {
                    break AttemptEnd::Failed(
                        TransferFailure::Stalled(self.options.stall_timeout),
                        None,
                        None,
                    );
                }
                Ok(Err(error)) => {
                    let error = Box::new(error.without_url());
                    break AttemptEnd::Failed(TransferFailure::Dropped, None, Some(error));
                }
                Ok(Ok(None)) if total.is_none_or(|total| total == received) => break AttemptEnd::Complete,
                Ok(Ok(None)) => break AttemptEnd::Failed(TransferFailure::Dropped, None, None),
                Ok(Ok(Some(chunk))) => chunk,
            };
            received = received.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
            if total.is_some_and(|total| received > total) {
                break AttemptEnd::Changed;
            }
            if let Some(bandwidth) = &self.options.bandwidth {
                sleep_until(bandwidth.reserve(chunk.len(), Instant::now())).await;
            }
            collected.extend_from_slice(&chunk);
            if let Some(callback) = &mut self.on_progress {
                callback(&DownloadProgress { received, total });
            }
            if collected.len() >= WRITE_SIZE {
                writing = writing.append(collected.split().freeze()).await?;
            }
        };
        let partial = writing.append(collected.freeze()).await?.finish().await?;
        Ok((partial, end))
    }
}

/// The file, or the task that writes to it.
enum Writing {
    Idle(Box<PartialFile>),
    Busy(tokio::task::JoinHandle<Result<PartialFile, DownloadError>>),
}

impl Writing {
    /// Waits for the bytes before, and begins to write these.
    async fn append(self, bytes: Bytes) -> Result<Self, DownloadError> {
        let mut partial = self.finish().await?;
        if bytes.is_empty() {
            return Ok(Self::Idle(Box::new(partial)));
        }
        Ok(Self::Busy(spawn_blocking(move || partial.append(&bytes).map(|()| partial))))
    }

    async fn finish(self) -> Result<PartialFile, DownloadError> {
        match self {
            Self::Idle(partial) => Ok(*partial),
            Self::Busy(task) => joined(task.await),
        }
    }
}

/// Runs blocking work outside the async runtime.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DownloadError> + Send + 'static,
) -> Result<T, DownloadError> {
    joined(spawn_blocking(work).await)
}

fn joined<T>(joined: Result<Result<T, DownloadError>, tokio::task::JoinError>) -> Result<T, DownloadError> {
    match joined {
        Ok(done) => done,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => {
            // The runtime shuts down.
            let source = std::io::Error::other(error);
            Err(DownloadError::File { path: "the file".into(), source })
        }
    }
}

/// Returns the host of a link, which is not secret.
fn host_of(link: &SignedUrl) -> String {
    let parsed = Url::parse(link.expose()).ok();
    parsed.and_then(|link| link.host_str().map(str::to_owned)).unwrap_or_else(|| "the link's host".to_owned())
}
