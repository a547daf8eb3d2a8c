//! Creates a video with the token, and uploads its file without it, as another process or a browser would.

use std::path::PathBuf;
use vimeo_ext::api::types::VideoViewPrivacy;

use vimeo_ext::upload::{Upload, UploadTicket};

use crate::stage::{AnyError, Stage};

pub(crate) async fn run(stage: Stage) -> Result<(), AnyError> {
    let Stage { vimeo, file, .. } = stage;
    // On the server, which knows only the size of the file.
    let size = std::fs::metadata(&file)?.len();
    let ticket = vimeo.upload_ticket(size).name("Surf").privacy(VideoViewPrivacy::Nobody).send().await?;
    println!("created {} for {size} bytes", ticket.video_uri());
    // The ticket contains a secret link: send it like a password.
    elsewhere(&serde_json::to_string(&ticket)?, file).await
}

/// On the machine that has the file but not the token.
async fn elsewhere(ticket: &str, file: PathBuf) -> Result<(), AnyError> {
    let ticket: UploadTicket = serde_json::from_str(ticket)?;
    let uploaded = Upload::new(ticket, file).run().await?;
    println!("{} bytes uploaded, verified: {}", uploaded.size, uploaded.verified);
    Ok(())
}
