//! Post-upload steps of a video. Each is done once, even if the command is run again.

use std::path::{Path, PathBuf};
use vimeo_ext::api::types::TextTrackType;

use vimeo_agent::tools::{FolderId, VideoId};
use vimeo_ext::{Error, PictureTarget, UploadTextTrack, Vimeo};

use super::UploadArgs;
use super::files::regular_file;
use super::run::UploadSession;
use super::step_key::StepKey;
use crate::exit::{CliError, ExitCode, Result};
use crate::ids;

/// The steps from the command line, validated before the first byte is sent.
pub(super) struct PostUploadSteps {
    /// The folder to create the video in.
    pub(super) folder: Option<FolderId>,
    showcase: Option<String>,
    picture: Option<PathBuf>,
    /// Language tags and files.
    text_tracks: Vec<(String, PathBuf)>,
}

impl PostUploadSteps {
    pub(super) fn parse(args: &UploadArgs) -> Result<Self> {
        let text_tracks = args
            .text_track
            .iter()
            .map(|pair| match pair.split_once('=') {
                Some((language, file)) if !language.is_empty() && !file.is_empty() => {
                    Ok((language.to_owned(), PathBuf::from(file)))
                }
                _ => Err(CliError::usage(format!(
                    "invalid text track `{pair}`; use LANGUAGE=FILE, e.g. en=film.vtt"
                ))),
            })
            .collect::<Result<Vec<_>>>()?;
        // Find unusable files now, not after an hour of uploading.
        for file in text_tracks.iter().map(|(_, file)| file).chain(&args.picture) {
            regular_file(file, "nothing was sent")?;
        }
        for (language, _) in &text_tracks {
            UploadTextTrack::check_language_tag(language)
                .map_err(|error| CliError::from(Error::from(error)))?;
        }
        Ok(Self {
            folder: args.folder.as_deref().map(ids::parse).transpose()?,
            showcase: args.showcase.as_deref().map(ids::showcase).transpose()?,
            picture: args.picture.clone(),
            text_tracks,
        })
    }

    /// Returns the folder's URI with its owner, as required to create a video.
    pub(super) async fn folder_uri(&self, vimeo: &Vimeo) -> Result<Option<String>> {
        match &self.folder {
            Some(folder) => Ok(Some(ids::folder_with_owner(vimeo, folder).await?)),
            None => Ok(None),
        }
    }

    /// Runs the steps that are not done yet, one by one. A failed step does not prevent the others.
    pub(super) async fn run(&self, session: &UploadSession<'_>, file: &Path, uri: &str) -> Vec<StepResult> {
        let mut results = Vec::new();
        for (name, key, kind) in self.steps() {
            if session.batch.has_step(file, uri, &key) {
                results.push(StepResult { name, outcome: Ok(()) });
                continue;
            }
            let outcome = self.run_step(&session.vimeo, uri, kind).await;
            if outcome.is_ok()
                && let Err(failure) = session.batch.record_step(file, &key)
            {
                // The step is done, but the next run would repeat it.
                session.display.note(&format!("note: {failure}"));
            }
            results.push(StepResult { name, outcome });
        }
        results
    }

    /// Returns each step with its display name and the key it is recorded under.
    fn steps(&self) -> Vec<(String, StepKey, Step<'_>)> {
        let mut steps = Vec::new();
        if let Some(showcase) = &self.showcase {
            steps.push(("showcase".to_owned(), StepKey::showcase(showcase), Step::Showcase(showcase)));
        }
        if let Some(picture) = &self.picture {
            let key = StepKey::picture(picture);
            steps.push(("picture".to_owned(), key, Step::Picture(picture)));
        }
        for (language, track) in &self.text_tracks {
            let key = StepKey::text_track(language, track);
            steps.push((format!("text track {language}"), key, Step::TextTrack(language, track)));
        }
        steps
    }

    async fn run_step(&self, vimeo: &Vimeo, uri: &str, kind: Step<'_>) -> Result<()> {
        let video = ids::parse::<VideoId>(uri)?;
        let uploaded = match kind {
            Step::Showcase(showcase) => {
                vimeo.put(&format!("{showcase}{uri}")).send().await?;
                return Ok(());
            }
            Step::Picture(file) => {
                vimeo.upload_picture(PictureTarget::video(video), file).activate(true).send().await?
            }
            Step::TextTrack(language, file) => {
                vimeo
                    .upload_text_track(video, TextTrackType::Subtitles, language, file)
                    .active(true)
                    .send()
                    .await?
            }
        };
        match uploaded.active {
            true => Ok(()),
            false => Err(inactive_error(&uploaded.uri)),
        }
    }
}

/// A post-upload step.
#[derive(Clone, Copy)]
enum Step<'a> {
    Showcase(&'a str),
    Picture(&'a Path),
    TextTrack(&'a str, &'a Path),
}

/// The result of a step.
pub(super) struct StepResult {
    /// Display name, also used in JSON.
    pub(super) name: String,
    pub(super) outcome: Result<()>,
}

/// The error for a picture or text track that Vimeo left inactive.
pub(crate) fn inactive_error(uri: &str) -> CliError {
    CliError::new(
        ExitCode::Partly,
        format!("{uri} was uploaded, but Vimeo left it inactive, so it is not shown"),
    )
    .with_next_step(format!("vimeo api -X PATCH {uri} -F active=true"))
}
