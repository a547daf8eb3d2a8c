//! Uploads all files of a command line, several in parallel.

use std::sync::Arc;

use futures_util::StreamExt;
use serde_json::{Value, json};
use vimeo_ext::Vimeo;
use vimeo_ext::upload::{Journal, UploadOptions};

use super::batch::UploadBatch;
use super::files::sizes;
use super::post_upload::PostUploadSteps;
use super::report::print_reports;
use super::single::{Report, upload_file};
use super::stdin::{StdinSource, is_stdin};
use super::{UploadArgs, transfer_options};
use crate::context::Context;
use crate::exit::{CliError, ExitCode, Result};
use crate::progress::{FileState, ProgressDisplay, ProgressTracker};

/// The state shared by all files of a run.
pub(super) struct UploadSession<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) args: &'a UploadArgs,
    pub(super) vimeo: Vimeo,
    pub(super) journal: Option<Journal>,
    pub(super) options: UploadOptions,
    pub(super) batch: Arc<UploadBatch>,
    pub(super) tracker: Arc<ProgressTracker>,
    pub(super) display: ProgressDisplay,
    pub(super) steps: PostUploadSteps,
    /// The URI of the folder.
    pub(super) folder: Option<String>,
    /// Standard input, if it is the file.
    pub(super) stdin: Option<StdinSource>,
}

pub(crate) async fn run(context: &Context<'_>, args: UploadArgs) -> Result<ExitCode> {
    context.check_write_allowed("uploading")?;
    let _ = context.filter()?;
    let (reports, batch) = match upload(context, &args).await {
        Ok(uploaded) => uploaded,
        // Programs find every file in the document, even if no upload was started.
        Err(failure) if context.global.json.is_some() => {
            let files = args.files.iter().map(|file| file.display().to_string());
            return report_not_started(context, files.collect(), failure).await;
        }
        Err(failure) => return Err(failure),
    };
    let exit = print_reports(context, &reports).await?;
    context.streams.flush()?;
    batch.finish()?;
    Ok(exit)
}

/// Prints the document of a run that failed before any upload started.
async fn report_not_started(
    context: &Context<'_>,
    files: Vec<String>,
    failure: CliError,
) -> Result<ExitCode> {
    let list: Vec<Value> = files
        .iter()
        .map(|file| {
            json!({
                "file": file, "uri": null, "link": null, "state": "failed", "code": failure.exit.code(),
                "error": failure.json(),
            })
        })
        .collect();
    context.print_json(&json!({ "files": list })).await?;
    Err(failure)
}

async fn upload(
    context: &Context<'_>,
    args: &UploadArgs,
) -> Result<(Vec<(String, Report)>, Arc<UploadBatch>)> {
    if args.name.is_some() && args.files.len() > 1 {
        return Err(CliError::usage("--name requires a single file")
            .with_next_step("remove --name: each file's name becomes its title"));
    }
    if args.files.len() > 1 && (args.picture.is_some() || !args.text_track.is_empty()) {
        return Err(CliError::usage("--picture and --text-track require a single file"));
    }
    // Standard input is read once everything else is known to be valid.
    let from_stdin = args.files.iter().any(|file| is_stdin(file));
    let mut files = if from_stdin { Vec::new() } else { sizes(&args.files)? };
    let steps = PostUploadSteps::parse(args)?;
    let options = transfer_options(context, &args.transfer)?;
    let mode = args.transfer.progress(context)?;
    let identity = context.identity().await?;
    let owner = match identity.account_name() {
        Some(name) => format!("{name} at {}", identity.base_url),
        None => identity.base_url.clone(),
    };
    let journal = args.transfer.journal(context).await?;
    // Only files can be recognized by their names.
    let batches = journal.as_ref().filter(|_| !from_stdin);
    let batches = batches.map(|journal| journal.folder().with_file_name("batches"));
    let batch = Arc::new(UploadBatch::open(batches, &owner, &args.files)?);
    let vimeo = context.client_with(identity, journal.clone())?;
    let folder = steps.folder_uri(&vimeo).await?;
    let stdin = StdinSource::open(context, &args.stdin, &args.files).await?;
    files.extend(stdin.as_ref().map(|stdin| ("standard input".to_owned(), stdin.size())));
    let tracker = Arc::new(ProgressTracker::new(files));
    let display = ProgressDisplay::start(mode, Arc::clone(&tracker), context.streams.paint_err())?;
    if journal.is_some() && !context.global.sandbox {
        match &stdin {
            None => context.on_interrupt_hint("run the same command again to resume the upload".to_owned()),
            Some(stdin) if stdin.is_resumable() => {
                context.on_interrupt_hint("vimeo uploads resume".to_owned());
            }
            Some(_) => {}
        }
    }
    let concurrency = args.transfer.concurrency(context);
    let session = UploadSession {
        context,
        args,
        vimeo,
        journal,
        options,
        batch,
        tracker,
        display,
        steps,
        folder,
        stdin,
    };
    let reports: Vec<Report> = {
        let session = &session;
        let each = args.files.iter().enumerate().map(|(index, file)| async move {
            let report = upload_file(session, index, file).await;
            session.tracker.set_state(
                index,
                match report.failure() {
                    None => FileState::Done,
                    Some(failure) => FileState::Failed(failure.exit),
                },
            );
            report
        });
        futures_util::stream::iter(each).buffered(concurrency).collect().await
    };
    context.on_interrupt_hint(None);
    let UploadSession { batch, display, .. } = session;
    display.stop();
    let names = args.files.iter().map(|file| file.display().to_string());
    Ok((names.zip(reports).collect(), batch))
}
