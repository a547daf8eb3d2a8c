//! `vimeo picture`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use vimeo_agent::tools::VideoId;
use vimeo_ext::PictureTarget;

use crate::context::Context;
use crate::exit::{ExitCode, Result};
use crate::ids;

/// Upload a video thumbnail or your profile picture
#[derive(Debug, Args)]
#[command(after_help = "Scopes: upload; edit to activate it.\n\nExamples:\n  \
    $ vimeo picture 76979871 thumbnail.png\n  \
    $ vimeo picture me portrait.png --no-activate")]
pub(crate) struct PictureArgs {
    /// Video ID, URI or link, or `me` for your profile picture
    target: String,
    /// Image file
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
    /// Add the picture without activating it
    #[arg(long)]
    no_activate: bool,
}

pub(crate) async fn run(context: &Context<'_>, args: PictureArgs) -> Result<ExitCode> {
    let target = match args.target.as_str() {
        "me" => PictureTarget::me(),
        video => PictureTarget::video(ids::parse::<VideoId>(video)?),
    };
    context.check_write_allowed("uploading a picture")?;
    let vimeo = context.vimeo().await?;
    let mut upload = vimeo.upload_picture(target, args.file.as_path());
    if !args.no_activate {
        upload = upload.activate(true);
    }
    let picture = upload.send().await?;
    super::texttrack::print_status(context, &args.file, &picture, !args.no_activate, &json!({})).await
}
