//! `vimeo texttrack`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use vimeo_agent::tools::VideoId;
use vimeo_ext::UploadedFile;
use vimeo_ext::api::types::TextTrackType;

use super::upload::left_inactive;
use crate::context::Context;
use crate::exit::{Exit, Result};
use crate::output::Table;
use crate::reference;

/// Upload a text track for a video
#[derive(Debug, Args)]
#[command(after_help = "Scopes: upload; edit to switch it on.\n\nExamples:\n  \
    $ vimeo texttrack 76979871 film.vtt --language en --active")]
pub(crate) struct TexttrackArgs {
    /// The video, by number, URI or link
    video: String,
    /// The file, usually WebVTT
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
    /// Its language, as de or pt-BR
    #[arg(long, value_name = "TAG")]
    language: String,
    /// captions, chapters, descriptions, metadata or subtitles
    #[arg(long = "type", value_name = "TYPE", default_value = "subtitles")]
    kind: TextTrackType,
    /// What viewers see it as
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Switch it on, and others of its kind off
    #[arg(long)]
    active: bool,
}

pub(crate) async fn run(context: &Context<'_>, args: TexttrackArgs) -> Result<Exit> {
    let video = reference::id::<VideoId>(&args.video)?;
    context.may_write("a new text track")?;
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
    tell(context, &args.file, &track, args.active, &more).await
}

/// Prints what became of a small file: what Vimeo says of it, not what was asked for.
pub(super) async fn tell(
    context: &Context<'_>,
    file: &Path,
    uploaded: &UploadedFile,
    to_be_active: bool,
    more: &Value,
) -> Result<Exit> {
    let name = file.display().to_string();
    for warning in &uploaded.warnings {
        context.streams.note(&format!("note: {name}: {warning}"));
    }
    if let Some(left) = &uploaded.orphaned_uri {
        context.streams.note(&format!("note: {left} got no file, because its link had expired; delete it"));
    }
    if context.global.json.is_some() || context.global.jq.is_some() {
        let mut document = json!({ "file": name, "uri": uploaded.uri, "active": uploaded.active });
        if let (Some(document), Some(more)) = (document.as_object_mut(), more.as_object()) {
            document.extend(more.clone());
        }
        context.document(&document).await?;
    } else {
        let mut table = Table::new(&["file", "uri"]);
        table.row([name, uploaded.uri.clone()]);
        table.print(context.streams)?;
    }
    match to_be_active && !uploaded.active {
        true => Err(left_inactive(&uploaded.uri)),
        false => Ok(Exit::Done),
    }
}
