//! Uploads many files, two at a time and with one bandwidth limit. A failure does not stop the other uploads.
//!
//! The file is uploaded three times, along with one that is missing.

use vimeo_ext::api::types::VideoViewPrivacy;
use vimeo_ext::upload::Bandwidth;

use crate::stage::{AnyError, Stage};

pub(crate) async fn run(stage: Stage) -> Result<(), AnyError> {
    let Stage { vimeo, file, .. } = stage;
    let folder = tempfile::tempdir()?;
    let mut files = vec![folder.path().join("missing.mp4")];
    for name in ["one.mp4", "two.mp4", "three.mp4"] {
        files.push(folder.path().join(name));
        std::fs::copy(&file, folder.path().join(name))?;
    }
    let uploads = vimeo
        .upload_many(files)
        .concurrency(2)
        .bandwidth(Bandwidth::new((100 * 1024 * 1024).try_into()?))
        .each(|upload, _| upload.privacy(VideoViewPrivacy::Nobody));
    for result in uploads.send().await? {
        match result.outcome {
            Ok(uploaded) => {
                println!("{}: {} bytes to {}", result.name, uploaded.size, uploaded.video_uri)
            }
            Err(error) => println!("{}: {error}", result.name),
        }
    }
    Ok(())
}
