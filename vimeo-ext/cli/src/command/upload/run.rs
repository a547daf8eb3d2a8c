//! All files of one command line, a few at a time.

use std::sync::Arc;

use futures_util::StreamExt;
use serde_json::{Value, json};
use vimeo_ext::Vimeo;
use vimeo_ext::upload::{Journal, UploadOptions};

use super::batch::UploadBatch;
use super::extras::PostUploadSteps;
use super::files::sizes;
use super::one::{Report, one};
use super::outcome::tell;
use super::{UploadArgs, transfer_options};
use crate::context::{Context, CredentialSource};
use crate::exit::{Exit, Failure, Result};
use crate::progress::{Board, Show, State};

/// What all files have in common.
pub(super) struct Job<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) args: &'a UploadArgs,
    pub(super) vimeo: Vimeo,
    pub(super) journal: Option<Journal>,
    pub(super) options: UploadOptions,
    pub(super) batch: Arc<UploadBatch>,
    pub(super) board: Arc<Board>,
    pub(super) show: Show,
    pub(super) extras: PostUploadSteps,
    /// The URI of the folder.
    pub(super) folder: Option<String>,
}

pub(crate) async fn run(context: &Context<'_>, args: UploadArgs) -> Result<Exit> {
    context.may_write("an upload")?;
    let _ = context.filter()?;
    let (reports, batch) = match upload(context, &args).await {
        Ok(uploaded) => uploaded,
        // Programs find every file in the document, also when none of them was begun with.
        Err(failure) if context.global.json.is_some() => {
            let files = args.files.iter().map(|file| file.display().to_string());
            return not_begun(context, files.collect(), failure).await;
        }
        Err(failure) => return Err(failure),
    };
    let exit = tell(context, &reports).await?;
    context.streams.flush()?;
    batch.finish()?;
    Ok(exit)
}

/// Prints the document of a run that did not come to its files.
async fn not_begun(context: &Context<'_>, files: Vec<String>, failure: Failure) -> Result<Exit> {
    let list: Vec<Value> = files
        .iter()
        .map(|file| {
            json!({
                "file": file, "uri": null, "link": null, "state": "failed", "code": failure.exit.code(),
                "error": failure.json(),
            })
        })
        .collect();
    context.document(&json!({ "files": list })).await?;
    Err(failure)
}

async fn upload(
    context: &Context<'_>,
    args: &UploadArgs,
) -> Result<(Vec<(String, Report)>, Arc<UploadBatch>)> {
    if args.name.is_some() && args.files.len() > 1 {
        return Err(Failure::usage("--name is for one file")
            .next("leave it out: each file's own name becomes its title"));
    }
    if args.files.len() > 1 && (args.picture.is_some() || !args.text_track.is_empty()) {
        return Err(Failure::usage("--picture and --text-track are for one file"));
    }
    let files = sizes(&args.files)?;
    let extras = PostUploadSteps::read(args)?;
    let options = transfer_options(context, &args.transfer)?;
    let kind = args.transfer.progress(context)?;
    let identity = context.identity().await?;
    let who = match &identity.from {
        CredentialSource::Account(name) => format!("{name} at {}", identity.base_url),
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
        context
            .on_interrupt_hint("run the same command again: it goes on where the server stands".to_owned());
    }
    let at_once = args.transfer.at_once(context);
    let batch = Arc::new(UploadBatch::open(batches, &who, &args.files));
    let folder = extras.folder_uri(&vimeo).await?;
    let job = Job { context, args, vimeo, journal, options, batch, board, show, extras, folder };
    let reports: Vec<Report> = {
        let job = &job;
        let each = args.files.iter().enumerate().map(|(place, file)| async move {
            let report = one(job, place, file).await;
            job.board.state(
                place,
                match report.failure() {
                    None => State::Done,
                    Some(failure) => State::Failed(failure.exit),
                },
            );
            report
        });
        futures_util::stream::iter(each).buffered(at_once).collect().await
    };
    context.on_interrupt_hint(None);
    let Job { batch, show, .. } = job;
    show.stop();
    let names = args.files.iter().map(|file| file.display().to_string());
    Ok((names.zip(reports).collect(), batch))
}
