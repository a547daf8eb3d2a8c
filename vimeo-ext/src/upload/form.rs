//! Creates a video whose file a browser sends with an HTML form.

use std::fmt;

use serde::Deserialize;
use vimeo_api::{InvalidId, Secret, VideoId, types};

use super::CreateVideo;
use super::create_video::with_embed_hosts;
use super::creation_call::create_only;
use super::creation_response::missing_video_uri;
use super::pull::check_url;
use crate::upload::UploadError;
use crate::{Error, Vimeo};

/// The approach of [`Vimeo::upload_form`]: a browser sends the file with a form.
pub struct FormBacked {
    redirect_url: String,
}

/// A video that waits for the file from a form.
///
/// The form and its link are secrets: they allow anyone to fill the video. `Debug` does not show them.
#[derive(Clone)]
#[non_exhaustive]
pub struct FormUpload {
    /// The video's URI, such as `/videos/123`.
    pub uri: String,
    /// The URL of the video's page.
    pub link: Option<String>,
    /// The HTML form, to be inserted into a page as it is.
    pub html: Option<Secret>,
    /// The link that the form sends the file to, for a form of your own.
    pub upload_link: Option<Secret>,
    /// The URL that the browser goes to afterwards, as Vimeo returned it.
    pub redirect_url: Option<String>,
}

impl TryFrom<&FormUpload> for VideoId {
    type Error = InvalidId;

    fn try_from(form: &FormUpload) -> Result<Self, InvalidId> {
        form.uri.parse()
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

/// Uploads by a browser's form.
impl Vimeo {
    /// Creates a video whose file a browser sends with an HTML form. The browser then goes to `redirect_url`.
    ///
    /// Requires the `upload` scope.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// let form = vimeo.upload_form("https://example.com/uploaded").name("Surf").send().await?;
    /// let page = form.html.as_ref().map(|html| format!("<html><body>{}</body></html>", html.expose()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn upload_form(&self, redirect_url: impl Into<String>) -> CreateVideo<FormBacked> {
        let approach = FormBacked { redirect_url: redirect_url.into() };
        CreateVideo::new(self.clone(), types::UploadApproach::Post, approach)
    }
}

impl CreateVideo<FormBacked> {
    /// Sets the size of the file in bytes. Default: not sent to Vimeo.
    pub fn size(mut self, bytes: u64) -> Self {
        self.body.upload.size = Some(bytes);
        self
    }

    /// Creates the video and returns the form.
    ///
    /// # Errors
    ///
    /// - [`MediaError::InvalidUrl`](crate::MediaError::InvalidUrl), before anything is sent.
    /// - [`Error::Call`] if Vimeo rejects the video.
    /// - [`UploadError::MissingUploadLink`] if the response has neither form nor link.
    /// - [`UploadError::OutcomeUnknown`] if the response is lost.
    pub async fn send(self) -> Result<FormUpload, Error> {
        let Self { vimeo, body, approach: FormBacked { redirect_url } } = self;
        let mut body = with_embed_hosts(body)?;
        check_url("the redirect URL", &redirect_url)?;
        body.upload.redirect_url = Some(redirect_url);
        let fields = "uri,link,upload.form,upload.upload_link,upload.redirect_url";
        let call = vimeo.api().videos().create_my_video(body).fields(fields);
        let created =
            create_only(call.into_call().with_response_type::<Created>(), "a video for a form").await?;
        let uri = created.uri.ok_or_else(missing_video_uri)?;
        let upload = created.upload.unwrap_or_default();
        if upload.form.is_none() && upload.upload_link.is_none() {
            return Err(UploadError::MissingUploadLink { video_uri: uri }.into());
        }
        let (html, upload_link) = (upload.form, upload.upload_link);
        Ok(FormUpload { uri, link: created.link, html, upload_link, redirect_url: upload.redirect_url })
    }
}
