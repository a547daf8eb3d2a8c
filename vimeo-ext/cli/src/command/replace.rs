//! `vimeo replace`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;
use vimeo_agent::tools::VideoId;

use super::upload::{TransferArgs, file_size, transfer_options, with_reconciliation};
use crate::context::Context;
use crate::exit::{ExitCode, Result};
use crate::ids;
use crate::output::Table;
use crate::progress::{FileState, ProgressDisplay, ProgressTracker};

/// Replace a video's file, keeping its URL, title and settings
///
/// If the upload is interrupted, run the same command again to resume it.
#[derive(Debug, Args)]
#[command(after_help = "Scope: upload.\n\nExamples:\n  $ vimeo replace 76979871 film.mp4")]
pub(crate) struct ReplaceArgs {
    /// Video ID, URI or link
    video: String,
    /// Video file
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
    #[command(flatten)]
    transfer: TransferArgs,
}

pub(crate) async fn run(context: &Context<'_>, args: ReplaceArgs) -> Result<ExitCode> {
    let video = ids::parse::<VideoId>(&args.video)?;
    context.check_write_allowed("replacing a video's file")?;
    let file = file_size(&args.file)?;
    let options = transfer_options(context, &args.transfer)?;
    let journal = args.transfer.journal(context).await?;
    let vimeo = context.client_with(context.identity().await?, journal.clone())?;
    let tracker = Arc::new(ProgressTracker::new([file]));
    let display = ProgressDisplay::start(
        args.transfer.progress(context)?,
        Arc::clone(&tracker),
        context.streams.paint_err(),
    )?;
    if !args.transfer.no_resume && !context.global.sandbox {
        context.on_interrupt_hint("run the same command again to resume the upload".to_owned());
    }
    let on_unknown =
        || display.note("note: got no response to the request that creates a version; looking for it");
    let result = with_reconciliation(&vimeo, journal.as_ref(), on_unknown, async || {
        let tracker = Arc::clone(&tracker);
        let replace = vimeo.replace(&video, args.file.as_path()).options(options.clone());
        replace.on_progress(move |progress| tracker.progress(0, progress)).send().await
    })
    .await;
    context.on_interrupt_hint(None);
    tracker.set_state(
        0,
        match &result {
            Ok(_) => FileState::Done,
            Err(failure) => FileState::Failed(failure.exit),
        },
    );
    display.stop();
    let replaced = result?;
    let name = args.file.display().to_string();
    for warning in &replaced.warnings {
        context.streams.note(&format!("note: {name}: {warning}"));
    }
    let (uri, version) = (replaced.video.uri().to_owned(), replaced.version_uri);
    if context.wants_json() {
        context.print_json(&json!({ "file": name, "uri": uri, "version": version })).await?;
        return Ok(ExitCode::Done);
    }
    let mut table = Table::new(&["file", "video", "version"]);
    table.row([name, uri, version.unwrap_or_default()]);
    table.print(context.streams)?;
    Ok(ExitCode::Done)
}
