//! One file on its way to being a video, also when an earlier run began with it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use vimeo_ext::api::types::VideoViewPrivacy;
use vimeo_ext::{Error, MediaError};

use super::batch::UploadBatch;
use super::extras::Extra;
use super::run::Job;
use super::{quota, resume};
use crate::exit::{Failure, Result};
use crate::progress::State;

/// What became of a file.
#[derive(Default)]
pub(crate) struct Report {
    /// Its video, as soon as there is one, whether or not its file has arrived.
    pub(super) uri: Option<String>,
    /// The video's page.
    pub(super) link: Option<String>,
    /// Whether the file is there.
    pub(super) is_uploaded: bool,
    /// Whether it was transcoded in time; `None` where nobody waited for it, or Vimeo cannot.
    pub(super) transcoded: Option<bool>,
    /// What else was to be done.
    pub(super) extras: Vec<Extra>,
    /// Why it was not uploaded, or what went wrong after that.
    failure: Option<Failure>,
}

impl Report {
    /// A file of which no video came to be.
    pub(crate) fn failed(failure: Failure) -> Self {
        let uri = failure.video().map(str::to_owned);
        Self { uri, failure: Some(failure), ..Self::default() }
    }

    /// A file that has arrived.
    pub(crate) fn uploaded(uri: String, link: Option<String>) -> Self {
        Self { uri: Some(uri), link, is_uploaded: true, ..Self::default() }
    }

    /// What went wrong first.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref().or_else(|| self.extras.iter().find_map(|extra| extra.outcome.as_ref().err()))
    }

    /// All that went wrong, with what it was about.
    pub(super) fn failures(&self) -> impl Iterator<Item = (Option<&str>, &Failure)> {
        let extras = self.extras.iter();
        let extras = extras.filter_map(|extra| Some((Some(&*extra.name), extra.outcome.as_ref().err()?)));
        self.failure.iter().map(|failure| (None, failure)).chain(extras)
    }
}

/// Uploads a file, or what is left of it, and does what else was asked for.
pub(super) async fn one(job: &Job<'_>, place: usize, file: &Path) -> Report {
    let title = title(job, file);
    let settings = json!({
        "name": title,
        "description": job.args.description,
        "privacy": privacy(job),
        "folder": job.folder,
    });
    let uploaded = match finished_before(job, file, &settings).await {
        Ok(Some(known)) => Ok(known),
        Ok(None) => send(job, place, file, title, &settings).await,
        Err(failure) => Err(failure),
    };
    let (uri, link) = match uploaded {
        Ok(uploaded) => uploaded,
        Err(failure) => return Report::failed(failure),
    };
    let mut report = Report::uploaded(uri.clone(), link);
    job.board.state(place, State::Finishing);
    report.extras = job.extras.add(job, file, &uri).await;
    if job.args.wait {
        job.board.state(place, State::Transcoding);
        match wait(job, &uri).await {
            Ok(transcoded) => report.transcoded = Some(transcoded),
            Err(failure) => report.failure = Some(failure.about(Some(&uri))),
        }
    }
    report
}

fn title(job: &Job<'_>, file: &Path) -> Option<String> {
    job.args.name.clone().or_else(|| Some(file.file_stem()?.to_string_lossy().into_owned()))
}

fn privacy<'a>(job: &'a Job<'_>) -> Option<&'a VideoViewPrivacy> {
    job.args.privacy.as_ref().or(job.context.settings.privacy.as_ref())
}

/// A file that an earlier run of the same command line finished.
async fn finished_before(
    job: &Job<'_>,
    file: &Path,
    settings: &Value,
) -> Result<Option<(String, Option<String>)>> {
    if let Some(other) = job.batch.known_otherwise(file, settings) {
        let name = file.display();
        job.show.note(&format!(
            "note: {name} went to {} before, with other settings; that video stays as it is",
            other.uri
        ));
    }
    let Some(known) = job.batch.known(file, settings) else { return Ok(None) };
    if let Some(journal) = &job.journal {
        let entries = journal.list().await?;
        let unfinished = |uri: &str| {
            entries
                .iter()
                .flatten()
                .any(|entry| entry.ticket.as_ref().is_some_and(|ticket| ticket.video_uri() == uri))
        };
        if unfinished(&known.uri) {
            return Ok(None);
        }
    }
    match job.vimeo.get(&known.uri).fields("uri,link,upload.status").send().await {
        Ok(video) if video.pointer("/upload/status").and_then(Value::as_str) == Some("complete") => {
            job.show.note(&format!("{} was uploaded by an earlier run: {}", file.display(), known.uri));
            let link = video.get("link").and_then(Value::as_str).map(str::to_owned);
            Ok(Some((known.uri, link)))
        }
        Ok(_) => Ok(None),
        // Somebody has deleted it since.
        Err(error) if error.is_not_found() => {
            job.batch.forget(file)?;
            Ok(None)
        }
        Err(error) => Err(Failure::from(error).about(Some(&known.uri))),
    }
}

async fn send(
    job: &Job<'_>,
    place: usize,
    file: &Path,
    title: Option<String>,
    settings: &Value,
) -> Result<(String, Option<String>)> {
    // Asked once more when it is known what became of an earlier question.
    let mut reconciled = false;
    loop {
        match upload(job, place, file, title.clone(), settings).await {
            Ok(done) => return Ok(done),
            Err(error) => match resume::unanswered(&error) {
                Some(id) if !reconciled => {
                    reconciled = true;
                    job.show.note(&format!(
                        "note: {}: no answer to whether its video was created; looking for it",
                        file.display()
                    ));
                    resume::reconcile(&job.vimeo, id, &error).await?;
                }
                _ => {
                    let room = quota::used(&job.vimeo, &error).await;
                    return Err(super::failure_of(error, job.journal.as_ref()).with(&room));
                }
            },
        }
    }
}

async fn upload(
    job: &Job<'_>,
    place: usize,
    file: &Path,
    title: Option<String>,
    settings: &Value,
) -> Result<(String, Option<String>), Error> {
    let (board, batch) = (Arc::clone(&job.board), Arc::clone(&job.batch));
    let (path, settings) = (file.to_owned(), settings.clone());
    let mut create = job
        .vimeo
        .upload(file)
        .options(job.options.clone())
        .on_progress(move |progress| board.progress(place, progress))
        .on_ticket(move |ticket| {
            // Without it a crash after the last byte could mean a second video; the upload itself is safe.
            let _ = note(&batch, &path, &settings, ticket.video_uri());
        });
    if let Some(title) = title {
        create = create.name(title);
    }
    if let Some(text) = &job.args.description {
        create = create.description(text);
    }
    if let Some(view) = privacy(job) {
        create = create.privacy(view.clone());
    }
    if let Some(folder) = &job.folder {
        create = create.folder(folder);
    }
    let video = create.send().await?;
    for warning in &video.warnings {
        let mark = job.show.paint().yellow("note:");
        job.show.note(&format!("{mark} {}: {warning}", file.display()));
    }
    let link = match video.link {
        Some(link) => Some(link),
        None => link_of(job, &video.uri).await,
    };
    Ok((video.uri, link))
}

/// Writes down which video a file goes to. A small file, and the worker thread is told that it takes a moment.
fn note(batch: &UploadBatch, file: &Path, settings: &Value, uri: &str) -> Result<()> {
    tokio::task::block_in_place(|| batch.note(file, settings, uri))
}

/// The page of a video; nothing to fail for.
async fn link_of(job: &Job<'_>, uri: &str) -> Option<String> {
    let video = job.vimeo.get(uri).fields("link").send().await.ok()?;
    video.get("link").and_then(Value::as_str).map(str::to_owned)
}

/// Whether it was transcoded in time.
async fn wait(job: &Job<'_>, uri: &str) -> Result<bool> {
    let pace = (Duration::from_millis(500), Duration::from_secs(20));
    let wait = job.vimeo.wait_transcoded(uri).timeout(job.args.wait_timeout).poll_interval(pace.0, pace.1);
    match wait.send().await {
        Ok(_) => Ok(true),
        Err(Error::Media(error)) if matches!(*error, MediaError::Timeout { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
