//! Lets Vimeo fetch a file from a URL, and waits until the video is transcoded.
//!
//! The sandbox only simulates the fetch; with `--live`, pass a URL instead of the file.

use crate::stage::{AnyError, Stage};
use vimeo_ext::api::types::VideoViewPrivacy;

pub(crate) async fn run(stage: Stage) -> Result<(), AnyError> {
    let Stage { vimeo, file, live, .. } = stage;
    let url = if live { file.to_string_lossy().into_owned() } else { "https://example.com/film.mp4".into() };
    let video = vimeo.upload_from_url(url).name("Surf").privacy(VideoViewPrivacy::Nobody).send().await?;
    println!("created {}", video.uri);
    let done = vimeo.wait_transcoded(&video).send().await?;
    println!("it can be played, after {:?}", done.waited);
    Ok(())
}
