//! Uploads a single file, or resumes what an earlier run started.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use vimeo_ext::api::types::VideoViewPrivacy;
use vimeo_ext::{Error, MediaError};

use super::batch::UploadBatch;
use super::post_upload::StepResult;
use super::resume::with_reconciliation;
use super::run::UploadSession;
use crate::exit::{CliError, Result};
use crate::progress::FileState;

/// The outcome of a file.
#[derive(Default)]
pub(crate) struct Report {
    /// The video's URI as soon as it was created, even if the upload is incomplete.
    pub(super) uri: Option<String>,
    /// The link to the video's page.
    pub(super) link: Option<String>,
    /// Whether the file was uploaded.
    pub(super) is_uploaded: bool,
    /// Whether the video was transcoded in time; `None` without `--wait`, or if transcoding failed.
    pub(super) transcoded: Option<bool>,
    /// The results of the post-upload steps.
    pub(super) steps: Vec<StepResult>,
    /// Why the upload failed, or what failed after it.
    failure: Option<CliError>,
}

impl Report {
    /// The report of a failed upload.
    pub(crate) fn failed(failure: CliError) -> Self {
        let uri = failure.video().map(str::to_owned);
        Self { uri, failure: Some(failure), ..Self::default() }
    }

    /// The report of a completed upload.
    pub(crate) fn uploaded(uri: String, link: Option<String>) -> Self {
        Self { uri: Some(uri), link, is_uploaded: true, ..Self::default() }
    }

    /// Returns the first error.
    pub(crate) fn failure(&self) -> Option<&CliError> {
        self.failure.as_ref().or_else(|| self.steps.iter().find_map(|step| step.outcome.as_ref().err()))
    }

    /// Returns all errors, with the name of the failed step.
    pub(super) fn failures(&self) -> impl Iterator<Item = (Option<&str>, &CliError)> {
        let steps = self.steps.iter();
        let steps = steps.filter_map(|step| Some((Some(&*step.name), step.outcome.as_ref().err()?)));
        self.failure.iter().map(|failure| (None, failure)).chain(steps)
    }
}

/// Uploads or resumes a file and runs its post-upload steps.
pub(super) async fn upload_file(session: &UploadSession<'_>, index: usize, file: &Path) -> Report {
    let title = title(session, file);
    let settings = json!({
        "name": title,
        "description": session.args.description,
        "privacy": privacy(session),
        "folder": session.folder,
    });
    let finished = match session.stdin {
        None => find_finished(session, file, &settings).await,
        Some(_) => Ok(None),
    };
    let uploaded = match finished {
        Ok(Some(finished)) => Ok(finished),
        Ok(None) => create_or_resume(session, index, file, title, &settings).await,
        Err(failure) => Err(failure),
    };
    let (uri, link) = match uploaded {
        Ok(uploaded) => uploaded,
        Err(failure) => return Report::failed(with_stream_advice(session, failure)),
    };
    let mut report = Report::uploaded(uri.clone(), link);
    session.tracker.set_state(index, FileState::Finishing);
    report.steps = session.steps.run(session, file, &uri).await;
    if session.args.wait {
        session.tracker.set_state(index, FileState::Transcoding);
        match wait_transcoded(session, &uri).await {
            Ok(transcoded) => report.transcoded = Some(transcoded),
            Err(failure) => report.failure = Some(failure.with_video(Some(&uri))),
        }
    }
    report
}

/// Replaces the advice to resume if standard input was not written to disk: its video can only be deleted.
fn with_stream_advice(session: &UploadSession<'_>, failure: CliError) -> CliError {
    let is_stream = session.stdin.as_ref().is_some_and(|stdin| !stdin.is_resumable());
    let Some(video) = failure.video().filter(|_| is_stream).map(str::to_owned) else { return failure };
    failure.with_next_step(format!("vimeo videos delete {video}, then run the command again"))
}

fn title(session: &UploadSession<'_>, file: &Path) -> Option<String> {
    let of_file = || Some(file.file_stem()?.to_string_lossy().into_owned());
    session.args.name.clone().or_else(|| if session.stdin.is_some() { None } else { of_file() })
}

fn privacy<'a>(session: &'a UploadSession<'_>) -> Option<&'a VideoViewPrivacy> {
    session.args.privacy.as_ref().or(session.context.settings.privacy.as_ref())
}

/// Returns the video of a file that an earlier run of the same command line finished.
async fn find_finished(
    session: &UploadSession<'_>,
    file: &Path,
    settings: &Value,
) -> Result<Option<(String, Option<String>)>> {
    if let Some(other) = session.batch.find_with_other_settings(file, settings) {
        let name = file.display();
        session.display.note(&format!(
            "note: {name} was uploaded to {} before with other settings; that video stays unchanged",
            other.uri
        ));
    }
    let Some(record) = session.batch.find_with_settings(file, settings) else { return Ok(None) };
    if let Some(journal) = &session.journal {
        let entries = journal.list().await?;
        let is_unfinished = |uri: &str| {
            entries.iter().any(|entry| entry.ticket.as_ref().is_some_and(|ticket| ticket.video_uri() == uri))
        };
        if is_unfinished(&record.uri) {
            return Ok(None);
        }
    }
    match session.vimeo.get(&record.uri).fields("uri,link,upload.status").send().await {
        Ok(video) if video.pointer("/upload/status").and_then(Value::as_str) == Some("complete") => {
            session.display.note(&format!(
                "{} was already uploaded by an earlier run: {}",
                file.display(),
                record.uri
            ));
            let link = video.get("link").and_then(Value::as_str).map(str::to_owned);
            Ok(Some((record.uri, link)))
        }
        Ok(_) => Ok(None),
        // The video was deleted in the meantime.
        Err(error) if error.is_not_found() => {
            session.batch.remove(file)?;
            Ok(None)
        }
        Err(error) => Err(CliError::from(error).with_video(Some(&record.uri))),
    }
}

async fn create_or_resume(
    session: &UploadSession<'_>,
    index: usize,
    file: &Path,
    title: Option<String>,
    settings: &Value,
) -> Result<(String, Option<String>)> {
    let on_unknown = || {
        session.display.note(&format!(
            "note: {}: got no response to the request that creates its video; looking for it",
            file.display()
        ));
    };
    with_reconciliation(&session.vimeo, session.journal.as_ref(), on_unknown, async || {
        upload(session, index, file, title.clone(), settings).await
    })
    .await
}

async fn upload(
    session: &UploadSession<'_>,
    index: usize,
    file: &Path,
    title: Option<String>,
    settings: &Value,
) -> Result<(String, Option<String>), Error> {
    let (tracker, batch) = (Arc::clone(&session.tracker), Arc::clone(&session.batch));
    let (path, settings) = (file.to_owned(), settings.clone());
    let is_file = session.stdin.is_none();
    let create = match &session.stdin {
        Some(stdin) => session.vimeo.upload(stdin.source()?),
        None => session.vimeo.upload(file),
    };
    let mut create = create
        .options(session.options.clone())
        .on_progress(move |progress| tracker.progress(index, progress))
        .on_ticket(move |ticket| {
            // Ignore errors: the record only prevents a second video after a crash following the last byte.
            let _ = is_file.then(|| record(&batch, &path, &settings, ticket.video_uri()));
        });
    if let Some(title) = title {
        create = create.name(title);
    }
    if let Some(text) = &session.args.description {
        create = create.description(text);
    }
    if let Some(view) = privacy(session) {
        create = create.privacy(view.clone());
    }
    if let Some(folder) = &session.folder {
        create = create.folder(folder);
    }
    let video = create.send().await?;
    for warning in &video.warnings {
        let mark = session.display.paint().yellow("note:");
        session.display.note(&format!("{mark} {}: {warning}", file.display()));
    }
    let link = match video.link {
        Some(link) => Some(link),
        None => link_of(session, &video.uri).await,
    };
    Ok((video.uri, link))
}

/// Records which video a file is uploaded to. Blocks briefly to write a small file.
fn record(batch: &UploadBatch, file: &Path, settings: &Value, uri: &str) -> Result<()> {
    tokio::task::block_in_place(|| batch.record(file, settings, uri))
}

/// Returns the link to a video's page; `None` on errors.
async fn link_of(session: &UploadSession<'_>, uri: &str) -> Option<String> {
    let video = session.vimeo.get(uri).fields("link").send().await.ok()?;
    video.get("link").and_then(Value::as_str).map(str::to_owned)
}

/// Waits for transcoding. Returns whether the video was transcoded in time.
async fn wait_transcoded(session: &UploadSession<'_>, uri: &str) -> Result<bool> {
    let poll_interval = (Duration::from_millis(500), Duration::from_secs(20));
    let wait = session
        .vimeo
        .wait_transcoded(uri)
        .timeout(session.args.wait_timeout)
        .poll_interval(poll_interval.0, poll_interval.1);
    match wait.send().await {
        Ok(_) => Ok(true),
        Err(Error::Media(error)) if matches!(*error, MediaError::Timeout { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
