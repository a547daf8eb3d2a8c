//! A new video for a file that is elsewhere: with another process, or in a browser.

use vimeo_api::types;

use super::CreateVideo;
use super::begin::{Created, create_only, no_video};
use crate::upload::{UploadError, UploadTicket};
use crate::{Error, Vimeo};

/// Whoever gets the ticket sends the bytes.
pub struct DelegatedUpload(u64);

impl CreateVideo<DelegatedUpload> {
    pub(crate) fn delegated(vimeo: Vimeo, size: u64) -> Self {
        Self::by(vimeo, types::UploadApproach::Tus, DelegatedUpload(size))
    }

    /// Creates the video. The ticket is all that is needed to send the bytes, without the access token: serialise it for
    /// another process, or give [`upload_link`](UploadTicket::upload_link) to a browser's tus client.
    ///
    /// # Errors
    ///
    /// [`Error::Call`] when the video cannot be created, and [`Error::Upload`] when its size is 0, when the answer holds no
    /// link or when it is lost.
    pub async fn send(self) -> Result<UploadTicket, Error> {
        let Self { vimeo, mut body, way: DelegatedUpload(size) } = self;
        body = super::create::checked(body)?;
        if size == 0 {
            return Err(UploadError::Empty.into());
        }
        body.upload.size = Some(size);
        let call =
            vimeo.api().videos().create_my_video(body).fields("uri,upload.approach,upload.upload_link");
        let created =
            create_only(call.into_call().with_response_type::<Created>(), "a video for a ticket").await?;
        let video_uri = created.uri.clone().ok_or_else(no_video)?;
        Ok(created.ticket(&vimeo, video_uri, size)?)
    }
}
