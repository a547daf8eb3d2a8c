//! Sets the thumbnail of a video, from an image and from a frame, and the logo of a showcase.

use std::time::Duration;
use vimeo_ext::api::types::VideoViewPrivacy;

use vimeo_ext::PictureTarget;

use crate::stage::{AnyError, Stage};

/// A GIF of one pixel; a path works as well.
const IMAGE: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\0\x80\xff\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

pub(crate) async fn run(stage: Stage) -> Result<(), AnyError> {
    let Stage { vimeo, file, .. } = stage;
    let video = vimeo.upload(&file).name("Surf").privacy(VideoViewPrivacy::Nobody).send().await?;
    let picture = vimeo.upload_picture(&video, IMAGE).activate(true).send().await?;
    println!("{} is the thumbnail of {}", picture.uri, video.uri);

    let still = vimeo.thumbnail_at(&video, Duration::from_secs(1)).send().await?;
    println!("{} is the frame at second 1", still.uri.unwrap_or_default());

    let showcase = vimeo.post("/me/albums").json(&serde_json::json!({"name": "Trailers"})).send().await?;
    let showcase = showcase.get("uri").and_then(|uri| uri.as_str()).unwrap_or_default();
    let logo = vimeo.upload_picture(PictureTarget::showcase_logo(showcase), IMAGE).activate(true);
    println!("{} is the logo of {showcase}", logo.send().await?.uri);
    Ok(())
}
