//! `vimeo texttrack`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use vimeo_agent::tools::VideoId;
use vimeo_ext::UploadedFile;
use vimeo_ext::api::types::TextTrackType;

use super::upload::inactive_error;
use crate::context::Context;
use crate::exit::{ExitCode, Result};
use crate::ids;
use crate::output::Table;

/// Upload a text track to a video
#[derive(Debug, Args)]
#[command(after_help = "Scopes: upload; edit to activate it.\n\nExamples:\n  \
    $ vimeo texttrack 76979871 film.vtt --language en --active")]
pub(crate) struct TexttrackArgs {
    /// Video ID, URI or link
    video: String,
    /// Text track file, usually WebVTT
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
    /// Language tag, e.g. de or pt-BR
    #[arg(long, value_name = "TAG")]
    language: String,
    /// Track type: captions, chapters, descriptions, metadata or subtitles
    #[arg(long = "type", value_name = "TYPE", default_value = "subtitles")]
    kind: TextTrackType,
    /// Name shown to viewers
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Activate it, which deactivates other tracks of its type
    #[arg(long)]
    active: bool,
}

pub(crate) async fn run(context: &Context<'_>, args: TexttrackArgs) -> Result<ExitCode> {
    let video = ids::parse::<VideoId>(&args.video)?;
    context.check_write_allowed("uploading a text track")?;
    let vimeo = context.vimeo().await?;
    let mut upload = vimeo.upload_text_track(video, args.kind.clone(), &args.language, args.file.as_path());
    if let Some(name) = &args.name {
        upload = upload.name(name);
    }
    if args.active {
        upload = upload.active(true);
    }
    let track = upload.send().await?;
    let more = json!({ "language": args.language, "type": args.kind });
    print_status(context, &args.file, &track, args.active, &more).await
}

/// Prints the state of an uploaded picture or text track as Vimeo reports it.
pub(super) async fn print_status(
    context: &Context<'_>,
    file: &Path,
    uploaded: &UploadedFile,
    activate: bool,
    more: &Value,
) -> Result<ExitCode> {
    let name = file.display().to_string();
    for warning in &uploaded.warnings {
        context.streams.note(&format!("note: {name}: {warning}"));
    }
    if let Some(left) = &uploaded.orphaned_uri {
        context.streams.note(&format!("note: {left} has no file because its upload link expired; delete it"));
    }
    if context.wants_json() {
        let mut document = json!({ "file": name, "uri": uploaded.uri, "active": uploaded.active });
        if let (Some(document), Some(more)) = (document.as_object_mut(), more.as_object()) {
            document.extend(more.clone());
        }
        context.print_json(&document).await?;
    } else {
        let mut table = Table::new(&["file", "uri"]);
        table.row([name, uploaded.uri.clone()]);
        table.print(context.streams)?;
    }
    match activate && !uploaded.active {
        true => Err(inactive_error(&uploaded.uri)),
        false => Ok(ExitCode::Done),
    }
}
