//! Has Vimeo fetch a file from an address, and waits until the video can be watched.
//!
//! The sandbox only plays that it fetches; with `--live` give an address in place of the file.

use crate::stage::{AnyError, Stage};
use vimeo_ext::api::types::VideoViewPrivacy;

pub(crate) async fn play(stage: Stage) -> Result<(), AnyError> {
    let Stage { vimeo, file, live, .. } = stage;
    let url = if live { file.to_string_lossy().into_owned() } else { "https://example.com/film.mp4".into() };
    let video = vimeo.upload_from_url(url).name("Surf").privacy(VideoViewPrivacy::Nobody).send().await?;
    println!("created {}", video.uri);
    let done = vimeo.wait_transcoded(&video).send().await?;
    println!("it can be watched, after {:?}", done.waited);
    Ok(())
}
