//! What is done for a video once its bytes are there; each once, also when the command is run again.

use std::path::{Path, PathBuf};
use vimeo_ext::api::types::TextTrackType;

use vimeo_agent::tools::{FolderId, VideoId};
use vimeo_ext::{Error, PictureTarget, UploadTextTrack, Vimeo};

use super::UploadArgs;
use super::batch::state_of;
use super::files::regular_file;
use super::run::Job;
use crate::exit::{Exit, Failure, Result};
use crate::reference;

/// Read from the command line before the first byte is sent.
pub(super) struct PostUploadSteps {
    /// The folder's path.
    pub(super) folder: Option<FolderId>,
    showcase: Option<String>,
    picture: Option<PathBuf>,
    /// Languages and files.
    text_tracks: Vec<(String, PathBuf)>,
}

impl PostUploadSteps {
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
        // What cannot be sent is found now, and not after an hour of uploading.
        for file in text_tracks.iter().map(|(_, file)| file).chain(&args.picture) {
            regular_file(file, "nothing was sent")?;
        }
        for (language, _) in &text_tracks {
            UploadTextTrack::check_language_tag(language)
                .map_err(|error| Failure::from(Error::from(error)))?;
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
        let Some(folder) = &self.folder else { return Ok(None) };
        if folder.owner().is_some() {
            return Ok(Some(folder.uri()));
        }
        let found = vimeo.get(&folder.uri()).fields("uri").send().await?;
        match found.get("uri").and_then(serde_json::Value::as_str) {
            Some(uri) => Ok(Some(uri.to_owned())),
            // What is no folder's URI would be refused, or worse, not be.
            None => Err(Failure::new(
                Exit::Other,
                format!("Vimeo names no URI for the folder {}", folder.number()),
            )
            .next("give the folder by its URI, as in --folder /users/7/projects/9")),
        }
    }

    /// Does what is still to be done, one thing after the other: what fails does not keep the rest from being tried.
    pub(super) async fn add(&self, job: &Job<'_>, file: &Path, uri: &str) -> Vec<Extra> {
        let mut extras = Vec::new();
        for (name, step, kind) in self.steps() {
            if job.batch.has_done(file, uri, &step) {
                extras.push(Extra { name, outcome: Ok(()) });
                continue;
            }
            let outcome = self.one(&job.vimeo, uri, kind).await;
            if outcome.is_ok()
                && let Err(failure) = job.batch.done(file, &step)
            {
                // It is done all the same; it would be done again.
                job.show.note(&format!("note: {failure}"));
            }
            extras.push(Extra { name, outcome });
        }
        extras
    }

    /// Each with a name for people and one that also says what it is done with.
    fn steps(&self) -> Vec<(String, String, Kind<'_>)> {
        let mut steps = Vec::new();
        if let Some(showcase) = &self.showcase {
            steps.push(("showcase".to_owned(), format!("showcase {showcase}"), Kind::Showcase(showcase)));
        }
        if let Some(picture) = &self.picture {
            let step = format!("picture {}", state_of(picture));
            steps.push(("picture".to_owned(), step, Kind::Picture(picture)));
        }
        for (language, track) in &self.text_tracks {
            let step = format!("text track {language} {}", state_of(track));
            steps.push((format!("text track {language}"), step, Kind::TextTrack(language, track)));
        }
        steps
    }

    async fn one(&self, vimeo: &Vimeo, uri: &str, kind: Kind<'_>) -> Result<()> {
        let video = reference::id::<VideoId>(uri)?;
        let uploaded = match kind {
            Kind::Showcase(showcase) => {
                vimeo.put(&format!("{showcase}{uri}")).send().await?;
                return Ok(());
            }
            Kind::Picture(file) => {
                vimeo.upload_picture(PictureTarget::video(video), file).activate(true).send().await?
            }
            Kind::TextTrack(language, file) => {
                vimeo
                    .upload_text_track(video, TextTrackType::Subtitles, language, file)
                    .active(true)
                    .send()
                    .await?
            }
        };
        match uploaded.active {
            true => Ok(()),
            false => Err(left_inactive(&uploaded.uri)),
        }
    }
}

/// What is done for a video.
#[derive(Clone, Copy)]
enum Kind<'a> {
    Showcase(&'a str),
    Picture(&'a Path),
    TextTrack(&'a str, &'a Path),
}

/// What became of one thing that was to be done for a video.
pub(super) struct Extra {
    /// For people, and for programs.
    pub(super) name: String,
    pub(super) outcome: Result<()>,
}

/// What was uploaded to be shown, and is not.
pub(crate) fn left_inactive(uri: &str) -> Failure {
    Failure::new(Exit::Partly, format!("{uri} is there, but Vimeo left it inactive: it is not shown"))
        .next(format!("vimeo api -X PATCH {uri} -F active=true"))
}
