//! `vimeo uploads`: what was begun and not finished.

use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vimeo_ext::upload::{Journal, PendingUpload, UploadError};
use vimeo_ext::{PendingUploads, Reconciliation};

use super::upload::{Report, Transfer, tell, transfer_options};
use crate::context::{Context, CredentialSource};
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
    let video = |entry: &PendingUpload| entry.ticket.as_ref().map(|ticket| ticket.video_uri().to_owned());
    if context.global.json.is_some() || context.global.jq.is_some() {
        let list: Vec<Value> = entries
            .iter()
            .map(|entry| match entry {
                Ok(entry) => json!({
                    "id": entry.id(), "file": entry.path.display().to_string(), "video": video(entry), "size": entry.fingerprint.size,
                    "begun": entry.started_at.to_rfc3339(), "purpose": entry.purpose(), "account": entry.account(), "api": entry.api(),
                    "problem": null,
                }),
                Err(error) => json!({
                    "id": error.journal_entry(), "file": null, "video": null, "problem": error.to_string(),
                }),
            })
            .collect();
        context.document(&list).await?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["id", "file", "size", "video", "begun"]);
    for entry in &entries {
        table.row(match entry {
            Ok(entry) => [
                entry.id(),
                entry.path.display().to_string(),
                bytes(entry.fingerprint.size),
                video(entry).unwrap_or_else(|| "(not known)".to_owned()),
                entry.started_at.format("%Y-%m-%d %H:%M").to_string(),
            ],
            Err(error) => {
                let id = error.journal_entry().unwrap_or_default().to_owned();
                [id, "(damaged)".to_owned(), String::new(), "(not known)".to_owned(), String::new()]
            }
        });
    }
    table.print(context.streams)?;
    for error in entries.iter().filter_map(|entry| entry.as_ref().err()) {
        context.streams.note(&format!("vimeo: {error}"));
        if let Some(id) = error.journal_entry() {
            context.streams.note(&format!("next: vimeo uploads forget {id}"));
        }
    }
    if entries.is_empty() {
        context.streams.hint("every upload is finished");
    }
    Ok(Exit::Done)
}

/// An upload that is to be finished.
enum Wanted {
    Upload(Box<PendingUpload>),
    /// One that cannot be read, by its name.
    Damaged(String, Failure),
}

impl Wanted {
    fn name(&self) -> String {
        match self {
            Self::Upload(entry) => entry.path.display().to_string(),
            Self::Damaged(id, _) => id.clone(),
        }
    }
}

async fn resume(context: &Context<'_>, journal: Journal, args: ResumeArgs) -> Result<Exit> {
    context.may_write("an upload")?;
    let identity = context.identity().await?;
    let account = match &identity.from {
        CredentialSource::Account(name) => Some(name.clone()),
        _ => None,
    };
    let vimeo = context.client_with(identity, Some(journal))?;
    let unfinished = vimeo.pending_uploads()?;
    let wanted = chosen(context, &unfinished, &args.uploads, account.as_deref()).await?;
    if wanted.is_empty() {
        return Ok(Exit::Done);
    }
    let options = transfer_options(context, &args.transfer)?;
    let board = Arc::new(Board::new(wanted.iter().map(|wanted| match wanted {
        Wanted::Upload(entry) => {
            let name = entry.path.file_name().map(|name| name.to_string_lossy().into_owned());
            (name.unwrap_or_default(), entry.fingerprint.size)
        }
        Wanted::Damaged(id, _) => (id.clone(), 0),
    })));
    let show =
        Show::start(args.transfer.progress(context)?, Arc::clone(&board), context.streams.paint_err())?;
    let mut reports = Vec::new();
    for (place, wanted) in wanted.into_iter().enumerate() {
        let name = wanted.name();
        let result = match wanted {
            Wanted::Damaged(_, failure) => Err(failure),
            Wanted::Upload(entry) => {
                let rows = Arc::clone(&board);
                match prepare(&unfinished, &entry, args.video.as_deref()).await {
                    Ok(upload) => {
                        let upload = upload
                            .options(options.clone())
                            .on_progress(move |progress| rows.progress(place, progress));
                        let uploaded = upload.run().await.map_err(Failure::from);
                        uploaded.map(|uploaded| (uploaded.video_uri, entry.page))
                    }
                    Err(failure) => Err(failure),
                }
            }
        };
        let report = match result {
            Ok((uri, page)) => {
                board.state(place, State::Done);
                Report::uploaded(uri, page)
            }
            Err(failure) => {
                board.state(place, State::Failed(failure.exit));
                Report::failed(failure)
            }
        };
        reports.push((name, report));
    }
    show.stop();
    tell(context, &reports).await
}

async fn prepare(
    unfinished: &PendingUploads,
    entry: &PendingUpload,
    video: Option<&str>,
) -> Result<vimeo_ext::upload::Upload> {
    if let Some(video) = video {
        return Ok(unfinished.adopt(entry, video).await?);
    }
    if entry.ticket.is_some() || entry.requested_at.is_none() {
        return Ok(unfinished.resume(entry).await?);
    }
    // Whether its video was created is not known.
    match unfinished.reconcile(&entry.id()).await? {
        Reconciliation::Found { .. } => Ok(unfinished.resume(entry).await?),
        Reconciliation::Ambiguous(several) => {
            let list: Vec<&str> = several.iter().map(|one| one.uri.as_str()).collect();
            let first = list.first().copied().unwrap_or_default();
            let message =
                format!("its creation was never answered; {} wait for such a file", list.join(", "));
            Err(Failure::new(Exit::Other, message)
                .next(format!("vimeo uploads resume {} --video {first}  (or whichever it is)", entry.id())))
        }
        _ => Err(Failure::new(Exit::NotFound, "Vimeo never created a video for it, so it is forgotten")
            .next(format!("vimeo upload {}", entry.path.display()))),
    }
}

/// What is to be finished: the uploads of these names, or all that this account began, and what cannot be read.
async fn chosen(
    context: &Context<'_>,
    unfinished: &PendingUploads,
    names: &[String],
    account: Option<&str>,
) -> Result<Vec<Wanted>> {
    let mut entries = Vec::new();
    let mut others = 0usize;
    for entry in unfinished.list().await? {
        match entry {
            Ok(entry) if names.is_empty() && !unfinished.is_own(&entry) => others = others.saturating_add(1),
            Ok(entry) => entries.push(Wanted::Upload(Box::new(entry))),
            Err(error) => {
                let id = error.journal_entry().unwrap_or_default().to_owned();
                let failure = Failure::from(error).next(format!("vimeo uploads forget {id}"));
                entries.push(Wanted::Damaged(id, failure));
            }
        }
    }
    if names.is_empty() {
        match (entries.is_empty(), others) {
            (true, 0) => context.streams.hint("every upload is finished"),
            (_, 0) => {}
            (_, others) => context.streams.note(&format!(
                "note: {others} of another account or token are left; vimeo uploads list shows them"
            )),
        }
        return Ok(entries);
    }
    let mut chosen = Vec::new();
    for name in names {
        let place = entries.iter().position(|wanted| match wanted {
            Wanted::Upload(entry) => entry.id() == *name,
            Wanted::Damaged(id, _) => id == name,
        });
        let Some(place) = place else {
            return Err(Failure::new(Exit::NotFound, format!("no unfinished upload is called `{name}`"))
                .next("vimeo uploads list"));
        };
        let wanted = entries.swap_remove(place);
        if let Wanted::Upload(entry) = &wanted
            && let Some(owner) = entry.account()
            && account != Some(owner)
        {
            return Err(Failure::usage(format!("the upload {name} was begun as account {owner}"))
                .next(format!("vimeo --account {owner} uploads resume {name}")));
        }
        chosen.push(wanted);
    }
    Ok(chosen)
}

async fn forget(context: &Context<'_>, journal: &Journal, args: ForgetArgs) -> Result<Exit> {
    let names: Vec<String> = match args.all {
        true => {
            let entries = journal.list().await?;
            let id = |entry: Result<PendingUpload, UploadError>| match entry {
                Ok(entry) => Some(entry.id()),
                Err(error) => error.journal_entry().map(str::to_owned),
            };
            entries.into_iter().filter_map(id).collect()
        }
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
