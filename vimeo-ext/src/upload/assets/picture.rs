//! Uploads pictures.

use std::fmt;

use vimeo_api::Call;

use super::PictureTarget;
use super::signed_file::{
    BufferedFile, LazySource, PENDING_ASSET_FIELDS, PendingAsset, UploadedFile, activate,
};
use crate::upload::media_type::Expected;
use crate::upload::{IntoSource, UploadOptions};
use crate::{Error, Vimeo};

/// An upload of a picture; from [`Vimeo::upload_picture`].
#[must_use = "nothing is uploaded until send() is awaited"]
pub struct UploadPicture {
    vimeo: Vimeo,
    target: PictureTarget,
    file: LazySource,
    media_type: Option<String>,
    active: Option<bool>,
    options: UploadOptions,
}

/// Uploads of pictures.
impl Vimeo {
    /// Uploads a picture for a video, a user or any other object that has pictures; see [`PictureTarget`].
    ///
    /// Requires the `upload` scope, and `edit` to activate the picture.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// use vimeo_ext::PictureTarget;
    /// vimeo.upload_picture("/videos/76979871", "thumbnail.png").activate(true).send().await?;
    /// vimeo.upload_picture(PictureTarget::showcase_logo("/users/7/albums/9"), "logo.png").send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn upload_picture(&self, target: impl Into<PictureTarget>, file: impl IntoSource) -> UploadPicture {
        UploadPicture {
            vimeo: self.clone(),
            target: target.into(),
            file: file.into_source(),
            media_type: None,
            active: None,
            options: UploadOptions::default(),
        }
    }
}

impl UploadPicture {
    /// Sets whether the picture becomes the active one, in place of the one before. Default: not sent to Vimeo, which then
    /// adds the picture to the others.
    pub fn activate(mut self, active: bool) -> Self {
        self.active = Some(active);
        self
    }

    /// Sets the media type of the file. Default: detected from its first bytes.
    pub fn media_type(mut self, media_type: impl Into<String>) -> Self {
        self.media_type = Some(media_type.into());
        self
    }

    /// Sets timeouts, retries and bandwidth. Chunking has no effect: the file is sent in one request.
    pub fn options(mut self, options: UploadOptions) -> Self {
        self.options = options;
        self
    }

    /// Creates the picture, sends the file to its link without the token, and activates the picture if requested.
    ///
    /// # Errors
    ///
    /// [`Error::Upload`] if the file cannot be read, before anything is sent; otherwise [`Error::Media`] with a
    /// [`MediaError`](crate::MediaError). An expired link is renewed once.
    pub async fn send(self) -> Result<UploadedFile, Error> {
        let file = BufferedFile::open(self.file, Expected::Image, self.media_type).await?;
        let path = self.target.collection(&self.vimeo, self.active.is_some()).await?;
        let create: Call<PendingAsset> =
            self.vimeo.post(&path).fields(PENDING_ASSET_FIELDS).with_response_type();
        let mut uploaded = file.send(&self.vimeo, &self.options, create).await?;
        if let Some(active) = self.active {
            uploaded.active = activate(&self.vimeo, &uploaded.uri, active).await?;
        }
        Ok(uploaded)
    }
}

impl fmt::Debug for UploadPicture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadPicture")
            .field("target", &self.target)
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}
