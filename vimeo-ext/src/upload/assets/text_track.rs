//! Captions, subtitles and other text along a video.

use std::fmt;

use language_tags::LanguageTag;
use vimeo_api::types;

use super::signed_file::{
    BufferedFile, LazySource, PENDING_ASSET_FIELDS, UploadedFile, Waiting, activate, unopened,
};
use crate::error::MediaError;
use crate::upload::VideoRef;
use crate::upload::api::media_type::Expected;
use crate::upload::{IntoSource, UploadOptions};
use crate::{Error, Vimeo};

/// An upload of a text track; from [`Vimeo::upload_text_track`].
#[must_use = "nothing is uploaded until send() is awaited"]
pub struct UploadTextTrack {
    vimeo: Vimeo,
    video: VideoRef,
    kind: types::TextTrackType,
    language: String,
    file: LazySource,
    name: Option<String>,
    media_type: Option<String>,
    active: Option<bool>,
    check_language: bool,
    options: UploadOptions,
}

impl UploadTextTrack {
    pub(crate) fn new(
        vimeo: Vimeo,
        video: VideoRef,
        kind: types::TextTrackType,
        language: String,
        file: impl IntoSource,
    ) -> Self {
        Self {
            vimeo,
            video,
            kind,
            language,
            file: unopened(file),
            name: None,
            media_type: None,
            active: None,
            check_language: true,
            options: UploadOptions::default(),
        }
    }

    /// The track's name. Default: the file's name, or the language tag where there is none.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Whether the player offers it. Set once the file is there. Default: Vimeo is not told, and does not.
    pub fn active(mut self, active: bool) -> Self {
        self.active = Some(active);
        self
    }

    /// Whether a language tag that is not registered with IANA is refused before anything is sent. Default: yes. Vimeo's
    /// own list, `GET /languages?filter=texttracks`, is shorter, and asked by nobody but Vimeo.
    pub fn check_language(mut self, check: bool) -> Self {
        self.check_language = check;
        self
    }

    /// Refuses what is no registered language tag, as [`send`](Self::send) does before it sends anything.
    ///
    /// # Errors
    ///
    /// [`MediaError::UnknownLanguage`] with the reason.
    ///
    /// ```
    /// use vimeo_ext::UploadTextTrack;
    /// assert!(UploadTextTrack::check_language_tag("pt-BR").is_ok());
    /// assert!(UploadTextTrack::check_language_tag("portuguese").is_err());
    /// ```
    pub fn check_language_tag(tag: &str) -> Result<(), MediaError> {
        check(tag)
    }

    /// The media type to send it as. Default: `text/vtt` for what begins as such, else none in particular.
    pub fn media_type(mut self, media_type: impl Into<String>) -> Self {
        self.media_type = Some(media_type.into());
        self
    }

    /// Timeouts, tries, bandwidth. Chunks are of no account: the file goes in one request.
    pub fn options(mut self, options: UploadOptions) -> Self {
        self.options = options;
        self
    }

    /// Creates the track, sends the file to its link without the token, and switches it on where that was asked for.
    ///
    /// # Errors
    ///
    /// [`Error::Upload`] when the file cannot be read, and [`MediaError::UnknownLanguage`],
    /// before anything is sent; [`Error::Media`] for what goes wrong with the link. A link
    /// that has expired is asked for anew, once.
    pub async fn send(self) -> Result<UploadedFile, Error> {
        if self.check_language {
            check(&self.language)?;
        }
        let video = self.video.id_for("create_video_text_track")?;
        let file = BufferedFile::open(self.file, Expected::Text, self.media_type).await?;
        let name = self.name.or_else(|| file.name()).unwrap_or_else(|| self.language.clone());
        let body = types::CreateTextTrackBody::new(self.language, name, self.kind);
        let create =
            self.vimeo.api().videos().create_video_text_track(video, body).fields(PENDING_ASSET_FIELDS);
        let create = create.into_call().with_response_type::<Waiting>();
        let mut uploaded = file.send(&self.vimeo, &self.options, create).await?;
        if let Some(active) = self.active {
            uploaded.active = activate(&self.vimeo, &uploaded.uri, active).await?;
        }
        Ok(uploaded)
    }
}

/// Refuses what is no language tag, or none that is registered.
fn check(tag: &str) -> Result<(), MediaError> {
    let wrong = |reason: String| MediaError::UnknownLanguage { tag: tag.to_owned(), reason };
    let parsed = LanguageTag::parse(tag).map_err(|error| wrong(error.to_string()))?;
    parsed.validate().map_err(|error| wrong(error.to_string()))
}

impl fmt::Debug for UploadTextTrack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadTextTrack")
            .field("video", &self.video)
            .field("kind", &self.kind)
            .field("language", &self.language)
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_those_that_languages_have() {
        for tag in ["de", "en-US", "pt-BR", "zh-Hans", "zh-TW", "es-419", "yue", "en-x-autogen", "EN-us"] {
            assert!(check(tag).is_ok(), "{tag}: {:?}", check(tag));
        }
        for tag in ["", "xx", "english", "en_US", "de-", "zz-DE", "en-ZZZ1", "ger man"] {
            let error = check(tag).unwrap_err();
            assert!(matches!(error, MediaError::UnknownLanguage { .. }), "{tag}");
        }
    }
}
