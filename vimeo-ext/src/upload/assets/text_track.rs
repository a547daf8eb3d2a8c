//! Uploads captions, subtitles and other text tracks.

use std::fmt;

use language_tags::LanguageTag;
use vimeo_api::{InvalidId, VideoId, types};

use super::signed_file::{
    BufferedFile, LazySource, PENDING_ASSET_FIELDS, PendingAsset, UploadedFile, activate,
};
use crate::error::MediaError;
use crate::upload::media_type::Expected;
use crate::upload::{IntoSource, UploadOptions, valid_id};
use crate::{Error, Vimeo};

/// An upload of a text track; from [`Vimeo::upload_text_track`].
#[must_use = "nothing is uploaded until send() is awaited"]
pub struct UploadTextTrack {
    vimeo: Vimeo,
    video: Result<VideoId, InvalidId>,
    kind: types::TextTrackType,
    language: String,
    file: LazySource,
    name: Option<String>,
    media_type: Option<String>,
    active: Option<bool>,
    check_language: bool,
    options: UploadOptions,
}

/// Uploads of text tracks.
impl Vimeo {
    /// Uploads a text track for a video, such as captions or subtitles, in a language.
    ///
    /// Requires the `upload` scope, and `edit` to activate the track.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// use vimeo_ext::api::types::TextTrackType;
    /// vimeo.upload_text_track(76979871, TextTrackType::Captions, "pt-BR", "captions.vtt").active(true).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn upload_text_track(
        &self,
        video: impl TryInto<VideoId, Error: Into<InvalidId>>,
        kind: types::TextTrackType,
        language: impl Into<String>,
        file: impl IntoSource,
    ) -> UploadTextTrack {
        UploadTextTrack {
            vimeo: self.clone(),
            video: video.try_into().map_err(Into::into),
            kind,
            language: language.into(),
            file: file.into_source(),
            name: None,
            media_type: None,
            active: None,
            check_language: true,
            options: UploadOptions::default(),
        }
    }
}

impl UploadTextTrack {
    /// Sets the name of the track. Default: the file's name, or the language tag for a source without a path.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets whether the player offers the track. It is set once the file is uploaded. Default: not sent to Vimeo; the track
    /// then stays inactive.
    pub fn active(mut self, active: bool) -> Self {
        self.active = Some(active);
        self
    }

    /// Sets whether a language tag that is not registered with IANA is an error before anything is sent. Default: yes.
    /// Vimeo's own list, `GET /languages?filter=texttracks`, is shorter and is not checked here.
    pub fn check_language(mut self, check: bool) -> Self {
        self.check_language = check;
        self
    }

    /// Checks a language tag as [`send`](Self::send) does before it sends anything.
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
        let unknown = |reason: String| MediaError::UnknownLanguage { tag: tag.to_owned(), reason };
        let parsed = LanguageTag::parse(tag).map_err(|error| unknown(error.to_string()))?;
        parsed.validate().map_err(|error| unknown(error.to_string()))
    }

    /// Sets the media type of the file. Default: `text/vtt` for a file that starts as WebVTT, otherwise a generic type.
    pub fn media_type(mut self, media_type: impl Into<String>) -> Self {
        self.media_type = Some(media_type.into());
        self
    }

    /// Sets timeouts, retries and bandwidth. Chunking has no effect: the file is sent in one request.
    pub fn options(mut self, options: UploadOptions) -> Self {
        self.options = options;
        self
    }

    /// Creates the track, sends the file to its link without the token, and activates the track if requested.
    ///
    /// # Errors
    ///
    /// Before anything is sent: [`Error::Upload`] if the file cannot be read, and [`MediaError::UnknownLanguage`]. Otherwise
    /// [`Error::Media`] for errors of the link. An expired link is renewed once.
    pub async fn send(self) -> Result<UploadedFile, Error> {
        if self.check_language {
            Self::check_language_tag(&self.language)?;
        }
        let video = valid_id("create_video_text_track", self.video)?;
        let file = BufferedFile::open(self.file, Expected::Text, self.media_type).await?;
        let name = self.name.or_else(|| file.name()).unwrap_or_else(|| self.language.clone());
        let body = types::CreateTextTrackBody::new(self.language, name, self.kind);
        let create =
            self.vimeo.api().videos().create_video_text_track(video, body).fields(PENDING_ASSET_FIELDS);
        let create = create.into_call().with_response_type::<PendingAsset>();
        let mut uploaded = file.send(&self.vimeo, &self.options, create).await?;
        if let Some(active) = self.active {
            uploaded.active = activate(&self.vimeo, &uploaded.uri, active).await?;
        }
        Ok(uploaded)
    }
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
    fn language_tags_are_checked_against_the_registry() {
        let check = UploadTextTrack::check_language_tag;
        for tag in ["de", "en-US", "pt-BR", "zh-Hans", "zh-TW", "es-419", "yue", "en-x-autogen", "EN-us"] {
            assert!(check(tag).is_ok(), "{tag}: {:?}", check(tag));
        }
        for tag in ["", "xx", "english", "en_US", "de-", "zz-DE", "en-ZZZ1", "ger man"] {
            let error = check(tag).unwrap_err();
            assert!(matches!(error, MediaError::UnknownLanguage { .. }), "{tag}");
        }
    }
}
