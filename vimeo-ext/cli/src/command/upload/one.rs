//! One file on its way to being a video, also when an earlier run began with it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use vimeo_ext::{Error, MediaError};

use super::batch::Batch;
use super::resume::{self, Answer};
use super::run::Job;
use crate::exit::Result;
use crate::progress::State;

/// A file that is a video now.
pub(super) struct Uploaded {
    pub(super) uri: String,
    pub(super) link: Option<String>,
    /// Whether it was transcoded in time; `None` where nobody waited for it.
    pub(super) transcoded: Option<bool>,
}

/// Uploads a file, or what is left of it, and does what else was asked for.
pub(super) async fn one(job: &Job<'_>, place: usize, file: &Path) -> Result<Uploaded> {
    let (uri, link) = match finished_before(job, file).await? {
        Some(known) => known,
        None => send(job, place, file).await?,
    };
    job.board.state(place, State::Finishing);
    job.extras.add(&job.vimeo, &job.batch, file, &uri).await?;
    let transcoded = match job.args.wait {
        true => {
            job.board.state(place, State::Transcoding);
            Some(wait(job, &uri).await?)
        }
        false => None,
    };
    Ok(Uploaded { uri, link, transcoded })
}

/// A file that an earlier run of the same command line finished.
async fn finished_before(job: &Job<'_>, file: &Path) -> Result<Option<(String, Option<String>)>> {
    let Some(known) = job.batch.known(file) else { return Ok(None) };
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
        Err(error) => Err(error.into()),
    }
}

async fn send(job: &Job<'_>, place: usize, file: &Path) -> Result<(String, Option<String>)> {
    let title = job.args.name.clone().or_else(|| Some(file.file_stem()?.to_string_lossy().into_owned()));
    // Asked once more when an earlier run's question turns out to have come to nothing.
    let mut settled = false;
    loop {
        match upload(job, place, file, title.clone()).await {
            Ok(done) => return Ok(done),
            Err(error) => match resume::unanswered(&error) {
                Some(id) if !settled => {
                    settled = true;
                    match resume::settle(&job.vimeo, id, title.as_deref()).await? {
                        Answer::NeverWas => {}
                        Answer::Found(upload, uri) => {
                            note(&job.batch, file, &uri)?;
                            let board = Arc::clone(&job.board);
                            let upload = upload
                                .options(job.options.clone())
                                .on_progress(move |progress| board.progress(place, progress));
                            upload.run().await?;
                            return Ok((uri.clone(), link_of(job, &uri).await));
                        }
                    }
                }
                _ => return Err(error.into()),
            },
        }
    }
}

async fn upload(
    job: &Job<'_>,
    place: usize,
    file: &Path,
    title: Option<String>,
) -> Result<(String, Option<String>), Error> {
    let (board, batch, path) = (Arc::clone(&job.board), Arc::clone(&job.batch), file.to_owned());
    let mut create = job
        .vimeo
        .upload(file)
        .options(job.options.clone())
        .on_progress(move |progress| board.progress(place, progress))
        .on_ticket(move |ticket| {
            // Without it a crash after the last byte could mean a second video; the upload itself is safe.
            let _ = note(&batch, &path, ticket.video_uri());
        });
    if let Some(title) = title {
        create = create.name(title);
    }
    if let Some(text) = &job.args.description {
        create = create.description(text);
    }
    if let Some(view) = job.args.privacy.as_deref().or(job.context.settings.privacy.as_deref()) {
        create = create.privacy(view);
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
fn note(batch: &Batch, file: &Path, uri: &str) -> Result<()> {
    tokio::task::block_in_place(|| batch.note(file, uri))
}

/// The page of a video; nothing to fail for.
async fn link_of(job: &Job<'_>, uri: &str) -> Option<String> {
    let video = job.vimeo.get(uri).fields("link").send().await.ok()?;
    video.get("link").and_then(Value::as_str).map(str::to_owned)
}

/// Whether it was transcoded in time.
async fn wait(job: &Job<'_>, uri: &str) -> Result<bool> {
    let pace = (Duration::from_millis(500), Duration::from_secs(20));
    let wait = job.vimeo.wait_transcoded(uri).timeout(job.args.wait_timeout).pace(pace.0, pace.1);
    match wait.send().await {
        Ok(_) => Ok(true),
        Err(Error::Media(error)) if matches!(*error, MediaError::StillAtWork { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
