//! What is done for a video once its bytes are there; each once, also when the command is run again.

use std::path::{Path, PathBuf};

use vimeo_ext::tools::{FolderId, VideoId};
use vimeo_ext::{PictureTarget, Vimeo};

use super::UploadArgs;
use super::batch::Batch;
use crate::exit::{Failure, Result};
use crate::reference;

/// Read from the command line before the first byte is sent.
pub(super) struct Extras {
    /// The folder's path.
    pub(super) folder: Option<FolderId>,
    showcase: Option<String>,
    picture: Option<PathBuf>,
    /// Languages and files.
    text_tracks: Vec<(String, PathBuf)>,
}

impl Extras {
    pub(super) fn read(args: &UploadArgs) -> Result<Self> {
        let text_tracks = args
            .text_track
            .iter()
            .map(|pair| match pair.split_once('=') {
                Some((language, file)) if !language.is_empty() && !file.is_empty() => {
                    Ok((language.to_owned(), PathBuf::from(file)))
                }
                _ => Err(Failure::usage(format!("`{pair}` is no text track; write it as en=film.vtt"))),
            })
            .collect::<Result<Vec<_>>>()?;
        // Missing files are found now, and not after an hour of uploading.
        for file in text_tracks.iter().map(|(_, file)| file).chain(&args.picture) {
            std::fs::metadata(file).map_err(|error| Failure::file("open", file, &error))?;
        }
        Ok(Self {
            folder: args.folder.as_deref().map(reference::id).transpose()?,
            showcase: args.showcase.as_deref().map(reference::showcase).transpose()?,
            picture: args.picture.clone(),
            text_tracks,
        })
    }

    /// The folder's URI, as the creation of a video takes it: with the user in it.
    pub(super) async fn folder_uri(&self, vimeo: &Vimeo) -> Result<Option<String>> {
        let Some(folder) = self.folder else { return Ok(None) };
        if let Some(owner) = folder.owner() {
            return Ok(Some(format!("/users/{owner}/projects/{}", folder.number())));
        }
        let found = vimeo.get(&format!("/me/projects/{}", folder.number())).fields("uri").send().await?;
        match found.get("uri").and_then(serde_json::Value::as_str) {
            Some(uri) => Ok(Some(uri.to_owned())),
            None => Ok(Some(format!("/me/projects/{}", folder.number()))),
        }
    }

    pub(super) async fn add(&self, vimeo: &Vimeo, batch: &Batch, file: &Path, uri: &str) -> Result<()> {
        if let Some(showcase) = &self.showcase
            && !batch.has_done(file, "showcase")
        {
            vimeo.put(&format!("{showcase}{uri}")).send().await?;
            batch.done(file, "showcase")?;
        }
        let video = reference::id::<VideoId>(uri)?.number();
        if let Some(picture) = &self.picture
            && !batch.has_done(file, "picture")
        {
            vimeo
                .upload_picture(PictureTarget::video(video), picture.as_path())
                .activate(true)
                .send()
                .await?;
            batch.done(file, "picture")?;
        }
        for (language, track) in &self.text_tracks {
            let step = format!("text track {language}");
            if !batch.has_done(file, &step) {
                vimeo
                    .upload_text_track(video, "subtitles", language, track.as_path())
                    .active(true)
                    .send()
                    .await?;
                batch.done(file, &step)?;
            }
        }
        Ok(())
    }
}
