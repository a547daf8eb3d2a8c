//! `vimeo picture`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use vimeo_agent::tools::VideoId;
use vimeo_ext::PictureTarget;

use crate::context::Context;
use crate::exit::{Exit, Result};
use crate::reference;

/// Upload a picture: the thumbnail of a video, or your portrait
#[derive(Debug, Args)]
#[command(after_help = "Scopes: upload; edit to show it.\n\nExamples:\n  \
    $ vimeo picture 76979871 thumbnail.png\n  \
    $ vimeo picture me portrait.png --no-activate")]
pub(crate) struct PictureArgs {
    /// The video, by number, URI or link; or `me`
    target: String,
    /// The picture
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
    /// Only add it, do not show it yet
    #[arg(long)]
    no_activate: bool,
}

pub(crate) async fn run(context: &Context<'_>, args: PictureArgs) -> Result<Exit> {
    let target = match args.target.as_str() {
        "me" => PictureTarget::me(),
        video => PictureTarget::video(reference::id::<VideoId>(video)?),
    };
    context.may_write("a new picture")?;
    let vimeo = context.vimeo().await?;
    let mut upload = vimeo.upload_picture(target, args.file.as_path());
    if !args.no_activate {
        upload = upload.activate(true);
    }
    let picture = upload.send().await?;
    super::texttrack::tell(context, &args.file, &picture, !args.no_activate, &json!({})).await
}
