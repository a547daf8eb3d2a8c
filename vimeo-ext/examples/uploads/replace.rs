//! Uploads a video and replaces its file. The URI stays the same.

use crate::stage::{AnyError, Stage};
use vimeo_ext::api::types::VideoViewPrivacy;

pub(crate) async fn run(stage: Stage) -> Result<(), AnyError> {
    let Stage { vimeo, file, .. } = stage;
    let video = vimeo.upload(&file).name("Surf").privacy(VideoViewPrivacy::Nobody).send().await?;
    println!("uploaded {}", video.uri);

    let replaced = vimeo.replace(&video, &file).file_name("second cut").send().await?;
    println!("replaced its file: {}", replaced.version_uri.unwrap_or_default());
    Ok(())
}
