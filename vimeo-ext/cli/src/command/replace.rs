//! `vimeo replace`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;
use vimeo_agent::tools::VideoId;
use vimeo_ext::upload::Journal;

use super::upload::{Transfer, failure_of, file_size, reconcile, transfer_options, unanswered, used_quota};
use crate::context::Context;
use crate::exit::{Exit, Result};
use crate::output::Table;
use crate::progress::{Board, Show, State};
use crate::reference;

/// Give a video another file; its address, title and settings stay
///
/// Interrupted, it goes on when the same command runs again.
#[derive(Debug, Args)]
#[command(after_help = "Scope: upload.\n\nExamples:\n  $ vimeo replace 76979871 film.mp4")]
pub(crate) struct ReplaceArgs {
    /// The video, by number, URI or link
    video: String,
    /// The new file
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
    #[command(flatten)]
    transfer: Transfer,
}

pub(crate) async fn run(context: &Context<'_>, args: ReplaceArgs) -> Result<Exit> {
    let video = reference::id::<VideoId>(&args.video)?;
    context.may_write("replacing a video's file")?;
    let file = file_size(&args.file)?;
    let options = transfer_options(context, &args.transfer)?;
    let journal = match args.transfer.no_resume {
        true => None,
        false => Some(Journal::in_folder(context.uploads().await?)),
    };
    let vimeo = context.client_with(context.identity().await?, journal.clone())?;
    let board = Arc::new(Board::new([file]));
    let show =
        Show::start(args.transfer.progress(context)?, Arc::clone(&board), context.streams.paint_err())?;
    if !args.transfer.no_resume && !context.global.sandbox {
        context
            .on_interrupt_hint("run the same command again: it goes on where the server stands".to_owned());
    }
    let mut reconciled = false;
    let result = loop {
        let rows = Arc::clone(&board);
        let replace = vimeo.replace(&video, args.file.as_path()).options(options.clone());
        match replace.on_progress(move |progress| rows.progress(0, progress)).send().await {
            Ok(replaced) => break Ok(replaced),
            Err(error) => match unanswered(&error) {
                Some(id) if !reconciled => {
                    reconciled = true;
                    show.note("note: no answer to whether a version was created; looking for it");
                    if let Err(failure) = reconcile(&vimeo, id, &error).await {
                        break Err(failure);
                    }
                }
                _ => {
                    let room = used_quota(&vimeo, &error).await;
                    break Err(failure_of(error, journal.as_ref()).with(&room));
                }
            },
        }
    };
    context.on_interrupt_hint(None);
    board.state(
        0,
        match &result {
            Ok(_) => State::Done,
            Err(failure) => State::Failed(failure.exit),
        },
    );
    show.stop();
    let replaced = result?;
    let name = args.file.display().to_string();
    for warning in &replaced.warnings {
        context.streams.note(&format!("note: {name}: {warning}"));
    }
    let (uri, version) = (replaced.video.uri().to_owned(), replaced.version_uri);
    if context.global.json.is_some() || context.global.jq.is_some() {
        context.document(&json!({ "file": name, "uri": uri, "version": version })).await?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["file", "video", "version"]);
    table.row([name, uri, version.unwrap_or_default()]);
    table.print(context.streams)?;
    Ok(Exit::Done)
}
