//! Creates a video with the token and has the bytes sent without it, as from another process or a browser.

use std::path::PathBuf;
use vimeo_ext::api::types::VideoViewPrivacy;

use vimeo_ext::upload::{Upload, UploadTicket};

use crate::stage::{AnyError, Stage};

pub(crate) async fn play(stage: Stage) -> Result<(), AnyError> {
    let Stage { vimeo, file, .. } = stage;
    // On the server, which knows no more of the file than its size.
    let size = std::fs::metadata(&file)?.len();
    let ticket = vimeo.upload_ticket(size).name("Surf").privacy(VideoViewPrivacy::Nobody).send().await?;
    println!("created {} for {size} bytes", ticket.video_uri());
    // The link in it is a secret: send it as you would a password.
    elsewhere(&serde_json::to_string(&ticket)?, file).await
}

/// On the machine that has the file, and no token.
async fn elsewhere(ticket: &str, file: PathBuf) -> Result<(), AnyError> {
    let ticket: UploadTicket = serde_json::from_str(ticket)?;
    let uploaded = Upload::new(ticket, file).run().await?;
    println!("{} bytes are there, verified: {}", uploaded.size, uploaded.verified);
    Ok(())
}
