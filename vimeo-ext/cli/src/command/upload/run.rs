//! All files of one command line, a few at a time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};
use vimeo_ext::upload::{Journal, UploadOptions};
use vimeo_ext::{Error, MediaError, Vimeo};

use super::batch::Batch;
use super::extras::Extras;
use super::resume::{self, Answer};
use super::{UploadArgs, transfer_options};
use crate::context::{Context, From};
use crate::exit::{Exit, Failure, Result};
use crate::output::{Table, plain};
use crate::progress::{Board, Show, State};

/// What all files have in common.
struct Job<'a> {
    context: &'a Context<'a>,
    args: &'a UploadArgs,
    vimeo: Vimeo,
    journal: Option<Journal>,
    options: UploadOptions,
    batch: Arc<Batch>,
    board: Arc<Board>,
    show: Show,
    extras: Extras,
    /// The URI of the folder.
    folder: Option<String>,
}

/// A file that is a video now.
struct Uploaded {
    uri: String,
    link: Option<String>,
    transcoded: Option<bool>,
}

pub(crate) async fn run(context: &Context<'_>, args: UploadArgs) -> Result<Exit> {
    context.may_write("an upload")?;
    let _ = context.filter()?;
    if args.name.is_some() && args.files.len() > 1 {
        return Err(Failure::usage("--name is for one file")
            .next("leave it out: each file's own name becomes its title"));
    }
    if args.files.len() > 1 && (args.picture.is_some() || !args.text_track.is_empty()) {
        return Err(Failure::usage("--picture and --text-track are for one file"));
    }
    let files = sizes(&args.files)?;
    let extras = Extras::read(&args)?;
    let options = transfer_options(context, &args.transfer)?;
    let kind = args.transfer.progress(context)?;
    let identity = context.identity().await?;
    let who = match &identity.from {
        From::Account(name) => format!("{name} at {}", identity.base_url),
        _ => identity.base_url.clone(),
    };
    let journal = match args.transfer.no_resume {
        true => None,
        false => Some(Journal::in_folder(context.uploads().await?)),
    };
    let batches = journal.as_ref().map(|journal| journal.folder().with_file_name("batches"));
    let vimeo = context.client_with(identity, journal.clone())?;
    let board = Arc::new(Board::new(files));
    let show = Show::start(kind, Arc::clone(&board), context.streams.paint_err())?;
    if journal.is_some() && !context.global.sandbox {
        context.farewell("run the same command again: it goes on where the server stands".to_owned());
    }
    let at_once = args.transfer.at_once(context);
    let batch = Arc::new(Batch::open(batches, &who, &args.files));
    let folder = extras.folder_uri(&vimeo).await?;
    let job = Job { context, args: &args, vimeo, journal, options, batch, board, show, extras, folder };
    let results: Vec<Result<Uploaded>> = {
        let job = &job;
        let each = args.files.iter().enumerate().map(|(place, file)| async move {
            let result = one(job, place, file).await;
            job.board.state(
                place,
                match &result {
                    Ok(_) => State::Done,
                    Err(failure) => State::Failed(failure.exit),
                },
            );
            result
        });
        futures_util::stream::iter(each).buffered(at_once).collect().await
    };
    context.farewell(None);
    let Job { batch, show, .. } = job;
    show.stop();
    let exit = tell(context, &args.files, &results)?;
    if results.iter().all(Result::is_ok) {
        context.streams.flush()?;
        batch.finish()?;
    }
    match exit {
        Exit::Done | Exit::Pending => Ok(exit),
        // Each file's own failure was told.
        exit => Err(Failure::reported(exit)),
    }
}

/// The names and sizes of the files, each looked at before anything is asked of Vimeo.
fn sizes(files: &[PathBuf]) -> Result<Vec<(String, u64)>> {
    let mut seen = std::collections::HashSet::new();
    files
        .iter()
        .map(|file| {
            let found = file_size(file)?;
            if !seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())) {
                return Err(Failure::usage(format!("{} is named twice", file.display())));
            }
            Ok(found)
        })
        .collect()
}

/// The name and size of a file that can be uploaded.
pub(crate) fn file_size(file: &Path) -> Result<(String, u64)> {
    let metadata = std::fs::metadata(file).map_err(|error| {
        Failure::file("open", file, &error).next("look at the spelling, and where you are: pwd")
    })?;
    if metadata.is_dir() {
        return Err(Failure::usage(format!("{} is a folder", file.display()))
            .next(format!("name the files in it, as in {}", file.join("*.mp4").display())));
    }
    if metadata.is_file() && metadata.len() == 0 {
        return Err(Failure::usage(format!("{} is empty; no video was created", file.display())));
    }
    let name = file
        .file_name()
        .map_or_else(|| file.display().to_string(), |name| name.to_string_lossy().into_owned());
    Ok((name, metadata.len()))
}

async fn one(job: &Job<'_>, place: usize, file: &Path) -> Result<Uploaded> {
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

/// Prints what became of each file, and says how the whole ends.
fn tell(context: &Context<'_>, files: &[PathBuf], results: &[Result<Uploaded>]) -> Result<Exit> {
    let streams = context.streams;
    let state = |uploaded: &Uploaded| match uploaded.transcoded {
        None => "uploaded",
        Some(true) => "transcoded",
        Some(false) => "transcoding",
    };
    if context.global.json.is_some() || context.global.jq.is_some() {
        let list: Vec<Value> = files
            .iter()
            .zip(results)
            .map(|(file, result)| match result {
                Ok(uploaded) => json!({
                    "file": file, "uri": uploaded.uri, "link": uploaded.link, "state": state(uploaded),
                    "code": if uploaded.transcoded == Some(false) { Exit::Pending.code() } else { 0 },
                }),
                Err(failure) => json!({
                    "file": file, "uri": null, "link": null, "state": "failed", "code": failure.exit.code(),
                    "error": failure.json(),
                }),
            })
            .collect();
        context.document(&json!({ "files": list }))?;
    } else {
        let mut table = Table::new(&["file", "video", "page", "state"]);
        for (file, uploaded) in
            files.iter().zip(results).filter_map(|(file, result)| Some((file, result.as_ref().ok()?)))
        {
            let link = uploaded.link.clone().unwrap_or_default();
            table.row([file.display().to_string(), uploaded.uri.clone(), link, state(uploaded).to_owned()]);
        }
        table.print(streams)?;
    }
    streams.flush()?;
    let paint = streams.paint_err();
    for (file, failure) in
        files.iter().zip(results).filter_map(|(file, result)| Some((file, result.as_ref().err()?)))
    {
        let code = failure.exit.code();
        streams.note(&format!(
            "{} {}: {} (code {code})",
            paint.red("vimeo:"),
            plain(&file.display().to_string()),
            failure
        ));
        if let Some(next) = failure.next_step() {
            streams.note(&format!("{} {next}", paint.dim("next:")));
        }
    }
    Ok(together(results.iter().map(|result| match result {
        Ok(Uploaded { transcoded: Some(false), .. }) => Exit::Pending,
        Ok(_) => Exit::Done,
        Err(failure) => failure.exit,
    })))
}

/// One code for all: the common one, or 9 where they differ and not all went well.
fn together(codes: impl Iterator<Item = Exit>) -> Exit {
    let mut codes: Vec<Exit> = codes.collect();
    codes.sort_unstable();
    codes.dedup();
    match codes.as_slice() {
        [] => Exit::Done,
        [only] => *only,
        [Exit::Done, Exit::Pending] => Exit::Pending,
        _ => Exit::Partly,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_codes_become_one() {
        use Exit::{Done, Partly, Pending, Refused, Temporary, Usage};
        for (codes, one) in [
            (&[Done, Done][..], Done),
            (&[Done, Pending], Pending),
            (&[Refused, Refused], Refused),
            (&[Done, Refused, Usage], Partly),
            (&[Refused, Temporary], Partly),
            (&[], Done),
        ] {
            assert_eq!(together(codes.iter().copied()), one, "{codes:?}");
        }
    }
}
