//! A new video out of a file that a browser sends with an HTML form.

use std::fmt;

use serde::Deserialize;
use vimeo_api::{Secret, types};

use super::begin::{create_only, no_video};
use super::pull::check;
use super::{CreateVideo, VideoRef};
use crate::upload::UploadError;
use crate::{Error, Vimeo};

/// A browser sends the file with a form.
pub struct FormBacked {
    redirect_url: String,
}

/// A video that waits for a browser's form.
///
/// The form and its link are secrets: whoever has them can fill the video. `Debug` does not show them.
#[derive(Clone)]
#[non_exhaustive]
pub struct FormUpload {
    /// The video, as `/videos/123`.
    pub uri: String,
    /// Its page.
    pub link: Option<String>,
    /// The HTML form, to be put into a page as it is.
    pub html: Option<Secret>,
    /// Where the form sends the file, for a form of one's own.
    pub upload_link: Option<Secret>,
    /// Where the browser goes afterwards, as Vimeo understood it.
    pub redirect_url: Option<String>,
}

impl From<&FormUpload> for VideoRef {
    fn from(form: &FormUpload) -> Self {
        form.uri.as_str().into()
    }
}

impl fmt::Debug for FormUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FormUpload")
            .field("uri", &self.uri)
            .field("html", &self.html)
            .field("upload_link", &self.upload_link)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Created {
    #[serde(default)]
    uri: Option<String>,
    #[serde(default)]
    link: Option<String>,
    #[serde(default)]
    upload: Option<CreatedForm>,
}

#[derive(Deserialize, Default)]
struct CreatedForm {
    #[serde(default)]
    form: Option<Secret>,
    #[serde(default)]
    upload_link: Option<Secret>,
    #[serde(default)]
    redirect_url: Option<String>,
}

impl CreateVideo<FormBacked> {
    pub(crate) fn by_form(vimeo: Vimeo, redirect_url: String) -> Self {
        Self::by(vimeo, types::UploadApproach::Post, FormBacked { redirect_url })
    }

    /// The size of the file in bytes, where it is known. Default: Vimeo is not told.
    pub fn size(mut self, bytes: u64) -> Self {
        self.body.upload.size = Some(bytes);
        self
    }

    /// Creates the video and gives the form.
    ///
    /// # Errors
    ///
    /// [`MediaError::InvalidUrl`](crate::MediaError::InvalidUrl) before anything is sent; [`Error::Call`] when Vimeo does
    /// not want it; [`UploadError::MissingUploadLink`] when its answer holds neither form nor link; and
    /// [`UploadError::OutcomeUnknown`] when its answer is lost.
    pub async fn send(self) -> Result<FormUpload, Error> {
        let Self { vimeo, mut body, way: FormBacked { redirect_url } } = self;
        body = super::create::checked(body)?;
        check("the address to go to afterwards", &redirect_url)?;
        body.upload.redirect_url = Some(redirect_url);
        let fields = "uri,link,upload.form,upload.upload_link,upload.redirect_url";
        let call = vimeo.api().videos().create_my_video(body).fields(fields);
        let created =
            create_only(call.into_call().with_response_type::<Created>(), "a video for a form").await?;
        let uri = created.uri.ok_or_else(no_video)?;
        let upload = created.upload.unwrap_or_default();
        if upload.form.is_none() && upload.upload_link.is_none() {
            return Err(UploadError::MissingUploadLink { video_uri: uri }.into());
        }
        let (html, upload_link) = (upload.form, upload.upload_link);
        Ok(FormUpload { uri, link: created.link, html, upload_link, redirect_url: upload.redirect_url })
    }
}
