//! Sends complete uploads to Vimeo, in the background and after a restart.
//!
//! The upload journal makes it safe to kill the process at any moment: it records the creation request before it is sent, and
//! the link before any byte. Its entry is removed when Vimeo has the file. The record has the video's URI before that, so an
//! upload with a video and without a journal entry is finished, and none is sent twice.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::Utc;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep_until};
use vimeo_ext::accounts::{AccountId, Accounts};
use vimeo_ext::upload::{FileSource, Journal, Reconciliation, UploadError};
use vimeo_ext::{Error, Vimeo};

use super::record::{Record, StoredError};
use super::spool::{Spool, SpoolError};
use crate::error::ApiError;
use crate::metrics::Metrics;

/// How often the folder is searched for uploads that other processes left.
const SCAN_INTERVAL: Duration = Duration::from_secs(5);

/// How many uploads a process sends at a time.
const MAX_TRANSFERS: usize = 4;

/// The pause after a failed attempt; doubles up to the maximum.
const INITIAL_BACKOFF: Duration = Duration::from_secs(1);
const MAX_BACKOFF: Duration = Duration::from_secs(10 * 60);

/// How often the number of sent bytes is written.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);

/// Why an attempt failed.
#[derive(Debug)]
struct Failure {
    error: StoredError,
    /// Whether another attempt would fail too.
    is_final: bool,
}

impl Failure {
    fn new(code: &str, detail: impl Into<String>) -> Self {
        Self { error: StoredError { code: code.to_owned(), detail: detail.into() }, is_final: false }
    }

    fn of(error: &Error) -> Self {
        let shown = ApiError::from(error);
        let is_final = matches!(
            error,
            Error::Upload { source, .. }
                if matches!(**source, UploadError::LinkGone { .. } | UploadError::OffsetBeyondFile { .. })
        );
        Self { is_final, ..Self::new(shown.code(), shown.detail()) }
    }
}

impl From<UploadError> for Failure {
    fn from(error: UploadError) -> Self {
        Self::of(&error.into())
    }
}

impl From<SpoolError> for Failure {
    fn from(error: SpoolError) -> Self {
        tracing::error!(?error, "the spool failed");
        Self::new("internal", "the service failed; its log has the cause")
    }
}

/// The failed attempts to send an upload.
struct Retry {
    attempts: u32,
    at: Instant,
}

impl Retry {
    fn after(previous: Option<&Self>) -> Self {
        let attempts = previous.map_or(0, |retry| retry.attempts).saturating_add(1);
        let factor = 2u32.saturating_pow(attempts.saturating_sub(1).min(16));
        let now = Instant::now();
        let at = now.checked_add(INITIAL_BACKOFF.saturating_mul(factor).min(MAX_BACKOFF)).unwrap_or(now);
        Self { attempts, at }
    }
}

/// Sends uploads, and removes expired ones, until the future is dropped.
pub(crate) async fn run(spool: Arc<Spool>, accounts: Accounts, metrics: Arc<Metrics>) {
    let mut transfers: JoinSet<Result<(), ()>> = JoinSet::new();
    let mut in_flight: HashMap<tokio::task::Id, String> = HashMap::new();
    let mut retries: HashMap<String, Retry> = HashMap::new();
    loop {
        let complete = match scan(&spool, &metrics).await {
            Ok(complete) => complete,
            Err(error) => {
                tracing::error!(%error, "the spool cannot be read");
                Vec::new()
            }
        };
        retries.retain(|id, _| complete.contains(id));
        let now = Instant::now();
        for id in complete {
            let is_due = retries.get(&id).is_none_or(|retry| retry.at <= now);
            if is_due && transfers.len() < MAX_TRANSFERS && !in_flight.values().any(|other| *other == id) {
                let (spool, accounts, metrics) = (Arc::clone(&spool), accounts.clone(), Arc::clone(&metrics));
                let upload = id.clone();
                let task =
                    transfers.spawn(async move { attempt(&spool, &accounts, &metrics, &upload).await });
                in_flight.insert(task.id(), id);
            }
        }
        let next_scan = now.checked_add(SCAN_INTERVAL).unwrap_or(now);
        let wake_at =
            retries.values().map(|retry| retry.at).filter(|at| *at > now).fold(next_scan, Instant::min);
        tokio::select! {
            () = spool.completed.notified() => {}
            () = sleep_until(wake_at) => {}
            Some(ended) = transfers.join_next_with_id() => {
                let (task, result) = match ended {
                    Ok((task, result)) => (task, result),
                    Err(error) => (error.id(), Err(())),
                };
                if let Some(id) = in_flight.remove(&task) {
                    match result {
                        Ok(()) => retries.remove(&id),
                        Err(()) => retries.insert(id.clone(), Retry::after(retries.get(&id))),
                    };
                }
            }
        }
    }
}

/// Returns the uploads that are complete and not finished.
async fn scan(spool: &Arc<Spool>, metrics: &Metrics) -> std::io::Result<Vec<String>> {
    let spool = Arc::clone(spool);
    let scanned = tokio::task::spawn_blocking(move || {
        let complete = spool.sweep(Utc::now())?;
        Ok::<_, std::io::Error>((complete, spool.used_bytes()?))
    });
    let (complete, used) = scanned.await.map_err(std::io::Error::other)??;
    metrics.set_spool_bytes(used);
    Ok(complete)
}

/// Runs on a blocking thread.
async fn blocking<T: Send + 'static>(
    spool: &Arc<Spool>,
    run: impl FnOnce(&Spool) -> Result<T, SpoolError> + Send + 'static,
) -> Result<T, SpoolError> {
    let spool = Arc::clone(spool);
    let done = tokio::task::spawn_blocking(move || run(&spool)).await;
    done.map_err(|error| SpoolError::Io(std::io::Error::other(error)))?
}

/// Tries to send an upload, unless another process sends it, and records the result.
async fn attempt(spool: &Arc<Spool>, accounts: &Accounts, metrics: &Metrics, id: &str) -> Result<(), ()> {
    let upload = id.to_owned();
    let locked = blocking(spool, move |spool| spool.lock_to_send(&upload, Utc::now())).await;
    let (_lock, record) = match locked {
        Ok(Some(locked)) => locked,
        Ok(None) | Err(SpoolError::Unknown) => return Ok(()),
        Err(error) => {
            tracing::error!(upload = id, ?error, "a progressive upload cannot be read");
            return Err(());
        }
    };
    let upload = id.to_owned();
    let recorded = match send(spool, accounts, id, record).await {
        Ok(video_uri) => {
            tracing::info!(upload = id, video = video_uri, "sent a progressive upload");
            metrics.count_progressive_upload("done");
            blocking(spool, move |spool| spool.finish(&upload, Utc::now(), None)).await.map(|()| true)
        }
        Err(Failure { error, is_final }) => {
            tracing::warn!(upload = id, code = error.code, detail = error.detail, is_final, "not sent");
            metrics.count_progressive_upload(if is_final { "failed" } else { "retried" });
            blocking(spool, move |spool| match is_final {
                true => spool.finish(&upload, Utc::now(), Some(error)),
                false => spool.change(&upload, |_, record| {
                    record.error = Some(error);
                    Ok(())
                }),
            })
            .await
            .map(|()| is_final)
        }
    };
    match recorded {
        Ok(true) => Ok(()),
        Ok(false) => Err(()),
        Err(error) => {
            tracing::error!(upload = id, ?error, "the result of a progressive upload was not recorded");
            Err(())
        }
    }
}

/// Creates the video and sends the file, or resumes that. Returns the video's URI.
async fn send(spool: &Arc<Spool>, accounts: &Accounts, id: &str, record: Record) -> Result<String, Failure> {
    let account = AccountId::new(&record.account).map_err(ApiError::from).map_err(|error| of_api(&error))?;
    let client = accounts.client(&account).await.map_err(ApiError::from).map_err(|error| of_api(&error))?;
    let journal = Journal::in_folder(spool.journal(id)?);
    let entries = journal.entries().await?;
    if let Some(damaged) = entries.damaged.into_iter().next() {
        return Err(damaged.error.into());
    }
    match (entries.pending.first(), record.video_uri) {
        // The journal's entry was removed when Vimeo had the file.
        (None, Some(video_uri)) => return Ok(video_uri),
        (Some(pending), _) if pending.ticket.is_none() && pending.requested_at.is_some() => {
            reconcile(&client, &journal, &pending.id()).await?;
        }
        _ => {}
    }
    let (sender, ticket) = oneshot::channel();
    let sent = Arc::new(AtomicU64::new(0));
    let progress = Arc::clone(&sent);
    let source = FileSource::open(spool.data(id)?).await?;
    let upload = record.video.apply(client.upload(source), record.file_name);
    let upload = upload
        .journal(journal)
        .on_ticket(|ticket| drop(sender.send(ticket.video_uri().to_owned())))
        .on_progress(move |now| progress.store(now.acknowledged, Ordering::Relaxed))
        .begin()
        .await
        .map_err(|error| Failure::of(&error))?;
    let video_uri = ticket.await.map_err(|_| Failure::new("vimeo_failed", "Vimeo named no video"))?;
    let (upload_id, uri) = (id.to_owned(), video_uri.clone());
    blocking(spool, move |spool| {
        spool.change(&upload_id, |_, record| {
            record.video_uri = Some(uri);
            record.error = None;
            Ok(())
        })
    })
    .await?;
    let result = tokio::select! {
        result = upload.run() => result,
        never = record_progress(spool, id, &sent) => match never {},
    };
    result?;
    Ok(video_uri)
}

fn of_api(error: &ApiError) -> Failure {
    Failure::new(error.code(), error.detail())
}

/// Finds the video of a creation whose response is missing.
async fn reconcile(client: &Vimeo, journal: &Journal, entry: &str) -> Result<(), Failure> {
    let pending = client.pending_uploads_in(journal.clone());
    match pending.reconcile(entry).await.map_err(|error| Failure::of(&error))? {
        Reconciliation::Ambiguous(videos) => {
            let uris: Vec<String> = videos.into_iter().map(|video| video.uri).collect();
            let detail = format!(
                "Vimeo's response to the creation is missing, and several videos wait for a file of this size: {}; \
                 delete those that are not wanted",
                uris.join(", ")
            );
            Err(Failure::new("unknown_outcome", detail))
        }
        _ => Ok(()),
    }
}

/// Writes how many bytes Vimeo has, for `GET`.
async fn record_progress(spool: &Arc<Spool>, id: &str, sent: &AtomicU64) -> std::convert::Infallible {
    let mut ticks = interval(PROGRESS_INTERVAL);
    let mut recorded = 0;
    loop {
        ticks.tick().await;
        let now = sent.load(Ordering::Relaxed);
        if now != recorded {
            recorded = now;
            let id = id.to_owned();
            if let Err(error) = blocking(spool, move |spool| spool.record_sent(&id, now)).await {
                tracing::debug!(?error, "the progress was not recorded");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_the_maximum() {
        let mut retry = None;
        let mut pauses = Vec::new();
        for _ in 0..12 {
            let next = Retry::after(retry.as_ref());
            pauses.push(next.at.duration_since(Instant::now()).as_secs());
            retry = Some(next);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
    }
}
