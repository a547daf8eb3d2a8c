//! Kills an upload, as `kill -9` would, and resumes it by calling it again.

use std::time::Duration;

use vimeo_ext::upload::{Bandwidth, UploadOptions};

use crate::stage::{AnyError, Stage};

pub(crate) async fn run(stage: Stage) -> Result<(), AnyError> {
    let Stage { vimeo, file, live, .. } = stage;
    let size = std::fs::metadata(&file)?.len();
    println!("{} has {size} bytes", file.display());

    // Slow enough to be killed before it ends.
    let slow = UploadOptions::new().bandwidth(Bandwidth::new(size.min(1024 * 1024).try_into()?));
    let first = tokio::spawn(vimeo.upload(&file).name("Surf").options(slow).send());
    tokio::time::sleep(Duration::from_millis(if live { 3000 } else { 500 })).await;
    first.abort();
    // It was killed, or had ended before.
    if let Ok(ended) = first.await {
        ended?;
    }
    for upload in vimeo.pending_uploads()?.list().await? {
        let video = upload.ticket.as_ref().map(|ticket| ticket.video_uri().to_owned());
        println!("killed; unfinished: {} to {}", upload.path.display(), video.unwrap_or_default());
    }

    // The same call, as a new process would make it.
    let video = vimeo.upload(&file).name("Surf").send().await?;
    println!("{} is complete, resumed from byte {}", video.uri, video.uploaded.resumed_from);
    Ok(())
}
