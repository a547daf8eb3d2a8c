//! A picture for anything that has one.

use std::fmt;

use vimeo_api::Call;

use super::PictureTarget;
use super::signed_file::{
    BufferedFile, LazySource, PENDING_ASSET_FIELDS, UploadedFile, Waiting, activate, unopened,
};
use crate::upload::api::media_type::Expected;
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

impl UploadPicture {
    pub(crate) fn new(vimeo: Vimeo, target: PictureTarget, file: impl IntoSource) -> Self {
        let options = UploadOptions::default();
        Self { vimeo, target, file: unopened(file), media_type: None, active: None, options }
    }

    /// Whether it becomes the one that is shown, in place of the one before. Default: Vimeo is not told, and keeps it
    /// beside the others.
    pub fn activate(mut self, active: bool) -> Self {
        self.active = Some(active);
        self
    }

    /// The media type to send it as. Default: what its first bytes say.
    pub fn media_type(mut self, media_type: impl Into<String>) -> Self {
        self.media_type = Some(media_type.into());
        self
    }

    /// Timeouts, tries, bandwidth. Chunks are of no account: the file goes in one request.
    pub fn options(mut self, options: UploadOptions) -> Self {
        self.options = options;
        self
    }

    /// Creates the picture, sends the file to its link without the token, and switches it on where that was asked for.
    ///
    /// # Errors
    ///
    /// [`Error::Upload`] when the file cannot be read, before anything is sent; [`Error::Media`] for the rest:
    /// [`MediaError`](crate::MediaError) says which. A link that has expired is asked for anew, once.
    pub async fn send(self) -> Result<UploadedFile, Error> {
        let file = BufferedFile::open(self.file, Expected::Image, self.media_type).await?;
        let path = self.target.collection(&self.vimeo, self.active.is_some()).await?;
        let create: Call<Waiting> = self.vimeo.post(&path).fields(PENDING_ASSET_FIELDS).with_response_type();
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
