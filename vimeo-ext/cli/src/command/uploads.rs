//! `vimeo uploads`: what was begun and not finished.

use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vimeo_ext::Vimeo;
use vimeo_ext::upload::{Entry, Journal};

use super::upload::{Transfer, transfer_options};
use crate::context::Context;
use crate::exit::{Exit, Failure, Result};
use crate::output::{Table, bytes};
use crate::progress::{Board, Show, State};

/// Uploads that are not finished: list, finish or forget them
#[derive(Debug, Args)]
pub(crate) struct UploadsArgs {
    #[command(subcommand)]
    command: UploadsCommand,
}

#[derive(Debug, Subcommand)]
enum UploadsCommand {
    List(ListArgs),
    Resume(ResumeArgs),
    Forget(ForgetArgs),
}

/// List the uploads that are not finished
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  $ vimeo uploads list\n  $ vimeo uploads list --json")]
pub(crate) struct ListArgs {}

/// Finish uploads; without a name all that this account began
#[derive(Debug, Args)]
#[command(
    after_help = "Scope: none, as the bytes go without a token; private with --video.\n\nExamples:\n  $ vimeo uploads resume"
)]
pub(crate) struct ResumeArgs {
    /// Which, by the names that the list shows
    uploads: Vec<String>,
    /// The video that the upload goes to, when the answer to its creation was lost
    #[arg(long, value_name = "URI", requires = "uploads")]
    video: Option<String>,
    #[command(flatten)]
    transfer: Transfer,
}

/// Forget uploads; their videos, if there are any, stay as they are
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  $ vimeo uploads forget --all")]
pub(crate) struct ForgetArgs {
    /// Which, by the names that the list shows
    #[arg(required_unless_present = "all")]
    uploads: Vec<String>,
    /// All of them
    #[arg(long)]
    all: bool,
}

pub(crate) async fn run(context: &Context<'_>, args: UploadsArgs) -> Result<Exit> {
    let journal = Journal::in_folder(context.uploads().await?);
    match args.command {
        UploadsCommand::List(_) => list(context, &journal).await,
        UploadsCommand::Resume(args) => resume(context, journal, args).await,
        UploadsCommand::Forget(args) => forget(context, &journal, args).await,
    }
}

async fn list(context: &Context<'_>, journal: &Journal) -> Result<Exit> {
    let entries = journal.list().await?;
    context.streams.page();
    let video = |entry: &Entry| entry.ticket.as_ref().map(|ticket| ticket.video_uri().to_owned());
    if context.global.json.is_some() || context.global.jq.is_some() {
        let list: Vec<Value> = entries
            .iter()
            .map(|entry| match entry {
                Ok(entry) => json!({
                    "id": entry.id(), "file": entry.path, "video": video(entry), "size": entry.fingerprint.size,
                    "begun": entry.begun.to_rfc3339(), "for": entry.purpose, "problem": null,
                }),
                Err(error) => json!({ "id": null, "problem": error.to_string() }),
            })
            .collect();
        context.document(&list)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["id", "file", "size", "video", "begun"]);
    for entry in entries.iter().flatten() {
        table.row([
            entry.id(),
            entry.path.display().to_string(),
            bytes(entry.fingerprint.size),
            video(entry).unwrap_or_else(|| "(not known)".to_owned()),
            entry.begun.format("%Y-%m-%d %H:%M").to_string(),
        ]);
    }
    table.print(context.streams)?;
    for error in entries.iter().filter_map(|entry| entry.as_ref().err()) {
        context.streams.note(&format!("vimeo: {error}"));
    }
    if entries.is_empty() {
        context.streams.hint("every upload is finished");
    }
    Ok(Exit::Done)
}

async fn resume(context: &Context<'_>, journal: Journal, args: ResumeArgs) -> Result<Exit> {
    context.may_write("an upload")?;
    let wanted = chosen(&journal, &args.uploads).await?;
    if wanted.is_empty() {
        context.streams.hint("every upload is finished");
        return Ok(Exit::Done);
    }
    let vimeo = context.client_with(context.identity().await?, Some(journal))?;
    let options = transfer_options(context, &args.transfer)?;
    let board = Arc::new(Board::new(wanted.iter().map(|entry| {
        let name = entry.path.file_name().map(|name| name.to_string_lossy().into_owned());
        (name.unwrap_or_default(), entry.fingerprint.size)
    })));
    let show =
        Show::start(args.transfer.progress(context)?, Arc::clone(&board), context.streams.paint_err())?;
    let (mut table, mut failures) = (Table::new(&["file", "video"]), Vec::new());
    for (place, entry) in wanted.iter().enumerate() {
        let rows = Arc::clone(&board);
        let upload = prepare(&vimeo, entry, args.video.as_deref()).await;
        let result = match upload {
            Ok(upload) => {
                let upload = upload
                    .options(options.clone())
                    .on_progress(move |progress| rows.progress(place, progress));
                upload.run().await.map_err(Failure::from)
            }
            Err(failure) => Err(failure),
        };
        match result {
            Ok(uploaded) => {
                board.state(place, State::Done);
                table.row([entry.path.display().to_string(), uploaded.video_uri]);
            }
            Err(failure) => {
                board.state(place, State::Failed(failure.exit));
                failures.push((entry, failure));
            }
        }
    }
    show.stop();
    table.print(context.streams)?;
    for (entry, failure) in &failures {
        context.streams.note(&format!(
            "vimeo: {}: {failure} (code {})",
            entry.path.display(),
            failure.exit.code()
        ));
    }
    match failures.as_slice() {
        [] => Ok(Exit::Done),
        [(_, failure)] if wanted.len() == 1 => Err(Failure::reported(failure.exit)),
        _ => Err(Failure::reported(Exit::Partly)),
    }
}

async fn prepare(vimeo: &Vimeo, entry: &Entry, video: Option<&str>) -> Result<vimeo_ext::upload::Upload> {
    let unfinished = vimeo.unfinished()?;
    match video {
        Some(video) => Ok(unfinished.adopt(entry, video).await?),
        None => Ok(unfinished.resume(entry).await?),
    }
}

/// The entries of these names, or all that can be read.
async fn chosen(journal: &Journal, names: &[String]) -> Result<Vec<Entry>> {
    let entries: Vec<Entry> = journal.list().await?.into_iter().flatten().collect();
    if names.is_empty() {
        return Ok(entries);
    }
    names
        .iter()
        .map(|name| {
            entries.iter().find(|entry| entry.id() == *name).cloned().ok_or_else(|| {
                Failure::new(Exit::NotFound, format!("no unfinished upload is called `{name}`"))
                    .next("vimeo uploads list")
            })
        })
        .collect()
}

async fn forget(context: &Context<'_>, journal: &Journal, args: ForgetArgs) -> Result<Exit> {
    let names = match args.all {
        true => chosen(journal, &[]).await?.iter().map(Entry::id).collect(),
        false => args.uploads,
    };
    for name in names {
        if !journal.discard(&name).await? {
            return Err(Failure::new(Exit::NotFound, format!("no unfinished upload is called `{name}`"))
                .next("vimeo uploads list"));
        }
        context.streams.note(&format!("{name} is forgotten"));
    }
    Ok(Exit::Done)
}
