//! Pauses and resumes an upload, and waits until the video is transcoded.

use std::time::Duration;
use vimeo_ext::api::types::VideoViewPrivacy;

use crate::stage::{AnyError, Stage};

pub(crate) async fn run(stage: Stage) -> Result<(), AnyError> {
    let Stage { vimeo, file, .. } = stage;
    let upload = vimeo.upload(&file).name("Surf").privacy(VideoViewPrivacy::Nobody).begin().await?;
    let (upload, handle) = upload.controlled();
    handle.pause();
    let upload = tokio::spawn(upload);
    tokio::time::sleep(Duration::from_millis(50)).await;
    println!("paused at {} bytes", handle.progress().borrow().sent);
    handle.resume();
    let uploaded = upload.await??;
    println!("{} bytes in {:?} to {}", uploaded.size, uploaded.elapsed, uploaded.video_uri);

    let wait = vimeo.wait_transcoded(&uploaded.video_uri).on_state(|state| {
        let status = state.transcode.as_ref().map_or("not started".to_owned(), ToString::to_string);
        println!("transcoding: {status}");
    });
    wait.send().await?;
    println!("it can be played");
    Ok(())
}
