//! A new video out of a file that Vimeo fetches itself.

use serde::Deserialize;
use url::Url;
use vimeo_api::types;

use super::begin::{create_only, no_video};
use super::{CreateVideo, VideoRef};
use crate::error::MediaError;
use crate::{Error, Vimeo};

/// Vimeo fetches the file from an address.
pub struct FromUrl(String);

/// A video whose file Vimeo is to fetch: [`Vimeo::wait_transcoded`] tells whether it could.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PullUpload {
    /// Its URI, as `/videos/123`.
    pub uri: String,
    /// Its page.
    pub link: Option<String>,
}

impl PullUpload {
    /// Its number, for the typed calls.
    pub fn id(&self) -> Option<u64> {
        VideoRef::from(self).id()
    }
}

impl From<&PullUpload> for VideoRef {
    fn from(video: &PullUpload) -> Self {
        video.uri.as_str().into()
    }
}

#[derive(Deserialize)]
struct Created {
    #[serde(default)]
    uri: Option<String>,
    #[serde(default)]
    link: Option<String>,
}

impl CreateVideo<FromUrl> {
    pub(crate) fn from_url(vimeo: Vimeo, url: String) -> Self {
        Self::by(vimeo, types::UploadApproach::Pull, FromUrl(url))
    }

    /// Creates the video and leaves the rest to Vimeo.
    ///
    /// # Errors
    ///
    /// [`MediaError::InvalidUrl`] before anything is sent; [`Error::Call`] when Vimeo does not want it. That Vimeo could not
    /// fetch the file comes later, from [`Vimeo::wait_transcoded`]. When Vimeo's answer is lost, that is
    /// [`UploadError::OutcomeUnknown`](crate::upload::UploadError::OutcomeUnknown): a video may be there that nobody knows of.
    pub async fn send(self) -> Result<PullUpload, Error> {
        let Self { vimeo, mut body, way: FromUrl(url) } = self;
        body = super::create::checked(body)?;
        check("the file's address", &url)?;
        body.upload.link = Some(url.into());
        let call = vimeo.api().videos().create_my_video(body).fields("uri,link");
        let created =
            create_only(call.into_call().with_response_type::<Created>(), "a video for Vimeo to fetch")
                .await?;
        Ok(PullUpload { uri: created.uri.ok_or_else(no_video)?, link: created.link })
    }
}

/// Refuses what no browser could open.
pub(crate) fn check(what: &'static str, address: &str) -> Result<(), MediaError> {
    let wrong = |reason: &str| MediaError::InvalidUrl { what, reason: reason.to_owned() };
    let url = Url::parse(address).map_err(|error| wrong(&format!("it is no URL ({error})")))?;
    match url.scheme() {
        "http" | "https" if url.host().is_some() => Ok(()),
        scheme => Err(wrong(&format!("its scheme is {scheme}, not http or https"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_vimeo_could_open_is_an_address() {
        for good in ["https://example.com/film.mp4", "http://example.com/a?sig=s3cret"] {
            assert!(check("it", good).is_ok(), "{good}");
        }
        for bad in ["", "film.mp4", "/tmp/film.mp4", "file:///tmp/film.mp4", "s3://bucket/s3cret", "https://"]
        {
            let error = check("it", bad).unwrap_err().to_string();
            assert!(!error.contains("s3cret") && error.contains("nothing was sent"), "{error}");
        }
    }
}
