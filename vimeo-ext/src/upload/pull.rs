//! Creates a video whose file Vimeo fetches from a URL.

use serde::Deserialize;
use url::Url;
use vimeo_api::{InvalidId, VideoId, types};

use super::CreateVideo;
use super::create_video::with_embed_hosts;
use super::creation_call::create_only;
use super::creation_response::missing_video_uri;
use crate::error::MediaError;
use crate::{Error, Vimeo};

/// The approach of [`Vimeo::upload_from_url`]: Vimeo fetches the file.
pub struct FromUrl(String);

/// A video whose file Vimeo fetches. [`Vimeo::wait_transcoded`] reports whether it succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PullUpload {
    /// The video's URI, such as `/videos/123`.
    pub uri: String,
    /// The URL of the video's page.
    pub link: Option<String>,
}

impl PullUpload {
    /// Returns the video's ID, which typed calls take.
    pub fn id(&self) -> Option<VideoId> {
        self.try_into().ok()
    }
}

impl TryFrom<&PullUpload> for VideoId {
    type Error = InvalidId;

    fn try_from(video: &PullUpload) -> Result<Self, InvalidId> {
        video.uri.parse()
    }
}

#[derive(Deserialize)]
struct Created {
    #[serde(default)]
    uri: Option<String>,
    #[serde(default)]
    link: Option<String>,
}

/// Uploads that Vimeo fetches.
impl Vimeo {
    /// Creates a video whose file Vimeo fetches from a URL. The URL has to stay valid for a day or more.
    ///
    /// Requires the `upload` scope. [`wait_transcoded`](Self::wait_transcoded) reports whether Vimeo fetched the file.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// let video = vimeo.upload_from_url("https://example.com/film.mp4").name("Surf").send().await?;
    /// vimeo.wait_transcoded(&video).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn upload_from_url(&self, url: impl Into<String>) -> CreateVideo<FromUrl> {
        CreateVideo::new(self.clone(), types::UploadApproach::Pull, FromUrl(url.into()))
    }
}

impl CreateVideo<FromUrl> {
    /// Creates the video. Vimeo fetches the file afterwards.
    ///
    /// # Errors
    ///
    /// - [`MediaError::InvalidUrl`], before anything is sent.
    /// - [`Error::Call`] if Vimeo rejects the video. If Vimeo cannot fetch the file, [`Vimeo::wait_transcoded`] fails.
    /// - [`UploadError::OutcomeUnknown`](crate::upload::UploadError::OutcomeUnknown) if Vimeo's response is lost, so that a
    ///   video may exist.
    pub async fn send(self) -> Result<PullUpload, Error> {
        let Self { vimeo, body, approach: FromUrl(url) } = self;
        let mut body = with_embed_hosts(body)?;
        check_url("the file's URL", &url)?;
        body.upload.link = Some(url.into());
        let call = vimeo.api().videos().create_my_video(body).fields("uri,link");
        let created =
            create_only(call.into_call().with_response_type::<Created>(), "a video for Vimeo to fetch")
                .await?;
        Ok(PullUpload { uri: created.uri.ok_or_else(missing_video_uri)?, link: created.link })
    }
}

/// Rejects a URL that a browser could not open. `what` names it in the error.
pub(crate) fn check_url(what: &'static str, url: &str) -> Result<(), MediaError> {
    let invalid = |reason: &str| MediaError::InvalidUrl { what, reason: reason.to_owned() };
    let url = Url::parse(url).map_err(|error| invalid(&format!("it is not a URL ({error})")))?;
    match url.scheme() {
        "http" | "https" if url.host().is_some() => Ok(()),
        scheme => Err(invalid(&format!("its scheme is {scheme}, not http or https"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_urls_are_accepted() {
        for valid in ["https://example.com/film.mp4", "http://example.com/a?sig=s3cret"] {
            assert!(check_url("it", valid).is_ok(), "{valid}");
        }
        for invalid in
            ["", "film.mp4", "/tmp/film.mp4", "file:///tmp/film.mp4", "s3://bucket/s3cret", "https://"]
        {
            let error = check_url("it", invalid).unwrap_err().to_string();
            assert!(!error.contains("s3cret") && error.contains("nothing was sent"), "{error}");
        }
    }
}
