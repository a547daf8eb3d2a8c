//! Uploads captions for a video.

use crate::stage::{AnyError, Stage};
use vimeo_ext::api::types::{TextTrackType, VideoViewPrivacy};

/// Captions in memory; a path works as well.
const CAPTIONS: &[u8] = b"WEBVTT\n\n00:00.000 --> 00:02.000\nWaves\n";

pub(crate) async fn run(stage: Stage) -> Result<(), AnyError> {
    let Stage { vimeo, file, .. } = stage;
    let video = vimeo.upload(&file).name("Surf").privacy(VideoViewPrivacy::Nobody).send().await?;
    let track =
        vimeo.upload_text_track(&video, TextTrackType::Captions, "en", CAPTIONS).name("English").active(true);
    println!("{} has {}", video.uri, track.send().await?.uri);
    Ok(())
}
