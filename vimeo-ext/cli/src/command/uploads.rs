//! `vimeo uploads`: unfinished uploads.

use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vimeo_ext::upload::{Journal, PendingUpload, UploadError};
use vimeo_ext::{PendingUploads, Reconciliation};

use super::upload::{Report, TransferArgs, print_reports, transfer_options};
use crate::context::Context;
use crate::exit::{CliError, ExitCode, Result};
use crate::output::{Table, bytes};
use crate::progress::{FileState, ProgressDisplay, ProgressTracker};

/// Manage unfinished uploads
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

/// List unfinished uploads
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  $ vimeo uploads list\n  $ vimeo uploads list --json")]
pub(crate) struct ListArgs {}

/// Resume unfinished uploads
#[derive(Debug, Args)]
#[command(
    after_help = "Scopes: none, because the transfer needs no token; private with --video.\n\nExamples:\n  $ vimeo uploads resume"
)]
pub(crate) struct ResumeArgs {
    /// Upload IDs, as shown by `vimeo uploads list` [default: all uploads started by this account]
    uploads: Vec<String>,
    /// Video of the upload, if the response to its creation was lost
    #[arg(long, value_name = "URI", requires = "uploads")]
    video: Option<String>,
    #[command(flatten)]
    transfer: TransferArgs,
}

/// Discard unfinished uploads without deleting their videos
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  $ vimeo uploads forget --all")]
pub(crate) struct ForgetArgs {
    /// Upload IDs, as shown by `vimeo uploads list`
    #[arg(required_unless_present = "all")]
    uploads: Vec<String>,
    /// Discard all unfinished uploads
    #[arg(long)]
    all: bool,
}

pub(crate) async fn run(context: &Context<'_>, args: UploadsArgs) -> Result<ExitCode> {
    let journal = Journal::in_folder(context.uploads().await?);
    match args.command {
        UploadsCommand::List(_) => list(context, &journal).await,
        UploadsCommand::Resume(args) => resume(context, journal, args).await,
        UploadsCommand::Forget(args) => forget(context, &journal, args).await,
    }
}

/// All entries: damaged ones first, then the oldest first.
pub(super) async fn all_entries(journal: &Journal) -> Result<Vec<Result<PendingUpload, UploadError>>> {
    let entries = journal.entries().await?;
    let damaged = entries.damaged.into_iter().map(|entry| Err(entry.error));
    Ok(damaged.chain(entries.pending.into_iter().map(Ok)).collect())
}

async fn list(context: &Context<'_>, journal: &Journal) -> Result<ExitCode> {
    let entries = all_entries(journal).await?;
    context.streams.start_pager();
    let video = |entry: &PendingUpload| entry.ticket.as_ref().map(|ticket| ticket.video_uri().to_owned());
    if context.wants_json() {
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
        context.print_json(&list).await?;
        return Ok(ExitCode::Done);
    }
    let mut table = Table::new(&["id", "file", "size", "video", "started"]);
    for entry in &entries {
        table.row(match entry {
            Ok(entry) => [
                entry.id(),
                entry.path.display().to_string(),
                bytes(entry.fingerprint.size),
                video(entry).unwrap_or_else(|| "(unknown)".to_owned()),
                entry.started_at.format("%Y-%m-%d %H:%M").to_string(),
            ],
            Err(error) => {
                let id = error.journal_entry().unwrap_or_default().to_owned();
                [id, "(damaged)".to_owned(), String::new(), "(unknown)".to_owned(), String::new()]
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
        context.streams.hint("no unfinished uploads");
    }
    Ok(ExitCode::Done)
}

/// An upload to resume.
enum ResumeTarget {
    Upload(Box<PendingUpload>),
    /// An unreadable journal entry, by its ID.
    Damaged(String, CliError),
}

impl ResumeTarget {
    fn name(&self) -> String {
        match self {
            Self::Upload(entry) => entry.path.display().to_string(),
            Self::Damaged(id, _) => id.clone(),
        }
    }
}

async fn resume(context: &Context<'_>, journal: Journal, args: ResumeArgs) -> Result<ExitCode> {
    context.check_write_allowed("uploading")?;
    let identity = context.identity().await?;
    let account = identity.account_name().map(str::to_owned);
    let vimeo = context.client_with(identity, Some(journal))?;
    let unfinished = vimeo.pending_uploads()?;
    let targets = select(context, &unfinished, &args.uploads, account.as_deref()).await?;
    if targets.is_empty() {
        return Ok(ExitCode::Done);
    }
    let options = transfer_options(context, &args.transfer)?;
    let tracker = Arc::new(ProgressTracker::new(targets.iter().map(|target| match target {
        ResumeTarget::Upload(entry) => {
            let name = entry.path.file_name().map(|name| name.to_string_lossy().into_owned());
            (name.unwrap_or_default(), entry.fingerprint.size)
        }
        ResumeTarget::Damaged(id, _) => (id.clone(), 0),
    })));
    let display = ProgressDisplay::start(
        args.transfer.progress(context)?,
        Arc::clone(&tracker),
        context.streams.paint_err(),
    )?;
    let mut reports = Vec::new();
    for (index, target) in targets.into_iter().enumerate() {
        let name = target.name();
        let result = match target {
            ResumeTarget::Damaged(_, failure) => Err(failure),
            ResumeTarget::Upload(entry) => {
                let rows = Arc::clone(&tracker);
                match prepare(&unfinished, &entry, args.video.as_deref()).await {
                    Ok(upload) => {
                        let upload = upload
                            .options(options.clone())
                            .on_progress(move |progress| rows.progress(index, progress));
                        let uploaded = upload.run().await.map_err(CliError::from);
                        uploaded.map(|uploaded| (uploaded.video_uri, entry.page))
                    }
                    Err(failure) => Err(failure),
                }
            }
        };
        let report = match result {
            Ok((uri, page)) => {
                tracker.set_state(index, FileState::Done);
                Report::uploaded(uri, page)
            }
            Err(failure) => {
                tracker.set_state(index, FileState::Failed(failure.exit));
                Report::failed(failure)
            }
        };
        reports.push((name, report));
    }
    display.stop();
    print_reports(context, &reports).await
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
    // It is unknown whether the video was created.
    match unfinished.reconcile(&entry.id()).await? {
        Reconciliation::Found { .. } => Ok(unfinished.resume(entry).await?),
        Reconciliation::Ambiguous(candidates) => {
            let list: Vec<&str> = candidates.iter().map(|candidate| candidate.uri.as_str()).collect();
            let first = list.first().copied().unwrap_or_default();
            let message =
                format!("Vimeo never responded to its creation; these videos match: {}", list.join(", "));
            Err(CliError::new(ExitCode::Other, message).with_next_step(format!(
                "vimeo uploads resume {} --video {first}  (or the one that applies)",
                entry.id()
            )))
        }
        _ => Err(CliError::new(
            ExitCode::NotFound,
            "Vimeo never created a video for this upload; it was discarded",
        )
        .with_next_step(format!("vimeo upload {}", entry.path.display()))),
    }
}

/// Selects the uploads with these IDs, or all that this account started, including unreadable entries.
async fn select(
    context: &Context<'_>,
    unfinished: &PendingUploads,
    names: &[String],
    account: Option<&str>,
) -> Result<Vec<ResumeTarget>> {
    let mut entries = Vec::new();
    let mut others = 0usize;
    for entry in all_entries(unfinished.journal()).await? {
        match entry {
            Ok(entry) if names.is_empty() && !unfinished.is_own(&entry) => others = others.saturating_add(1),
            Ok(entry) => entries.push(ResumeTarget::Upload(Box::new(entry))),
            Err(error) => {
                let id = error.journal_entry().unwrap_or_default().to_owned();
                let failure = CliError::from(error).with_next_step(format!("vimeo uploads forget {id}"));
                entries.push(ResumeTarget::Damaged(id, failure));
            }
        }
    }
    if names.is_empty() {
        match (entries.is_empty(), others) {
            (true, 0) => context.streams.hint("no unfinished uploads"),
            (_, 0) => {}
            (_, others) => context
                .streams
                .note(&format!("note: skipped {others} of another account or token; see vimeo uploads list")),
        }
        return Ok(entries);
    }
    let mut selected = Vec::new();
    for name in names {
        let position = entries.iter().position(|target| match target {
            ResumeTarget::Upload(entry) => entry.id() == *name,
            ResumeTarget::Damaged(id, _) => id == name,
        });
        let Some(index) = position else {
            return Err(CliError::new(ExitCode::NotFound, format!("no unfinished upload with ID `{name}`"))
                .with_next_step("vimeo uploads list"));
        };
        let target = entries.swap_remove(index);
        if let ResumeTarget::Upload(entry) = &target
            && let Some(owner) = entry.account()
            && account != Some(owner)
        {
            return Err(CliError::usage(format!("upload {name} was started by account {owner}"))
                .with_next_step(format!("vimeo --account {owner} uploads resume {name}")));
        }
        selected.push(target);
    }
    Ok(selected)
}

async fn forget(context: &Context<'_>, journal: &Journal, args: ForgetArgs) -> Result<ExitCode> {
    let names: Vec<String> = match args.all {
        true => {
            let entries = all_entries(journal).await?;
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
            return Err(CliError::new(ExitCode::NotFound, format!("no unfinished upload with ID `{name}`"))
                .with_next_step("vimeo uploads list"));
        }
        context.streams.note(&format!("discarded {name}"));
    }
    Ok(ExitCode::Done)
}
