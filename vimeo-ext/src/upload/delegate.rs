//! Creates a video whose file another process or a browser sends over tus.

use vimeo_api::types;

use super::CreateVideo;
use super::create_video::with_embed_hosts;
use super::creation_call::create_only;
use super::creation_response::{Created, missing_video_uri};
use crate::upload::{UploadError, UploadTicket};
use crate::{Error, Vimeo};

/// The approach of [`Vimeo::upload_ticket`]: the holder of the ticket sends the bytes.
pub struct DelegatedUpload(u64);

/// Uploads that another process finishes.
impl Vimeo {
    /// Creates a video of `size` bytes for a process or a browser that has the file but not the token.
    ///
    /// Requires the `upload` scope.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), Box<dyn std::error::Error>> {
    /// use vimeo_ext::upload::{Upload, UploadTicket};
    /// let ticket = serde_json::to_string(&vimeo.upload_ticket(4096).name("Surf").send().await?)?;
    /// // In another process, without the token:
    /// let ticket: UploadTicket = serde_json::from_str(&ticket)?;
    /// Upload::new(ticket, "film.mp4").run().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn upload_ticket(&self, size: u64) -> CreateVideo<DelegatedUpload> {
        CreateVideo::new(self.clone(), types::UploadApproach::Tus, DelegatedUpload(size))
    }
}

impl CreateVideo<DelegatedUpload> {
    /// Creates the video and returns its ticket, which is enough to send the bytes without the access token. Serialize it
    /// for another process, or pass its [`upload_link`](UploadTicket::upload_link) to a tus client in a browser.
    ///
    /// # Errors
    ///
    /// [`Error::Call`] if the video cannot be created; [`Error::Upload`] if the size is 0, or if the response has no upload
    /// link or is lost.
    pub async fn send(self) -> Result<UploadTicket, Error> {
        let Self { vimeo, body, approach: DelegatedUpload(size) } = self;
        let mut body = with_embed_hosts(body)?;
        if size == 0 {
            return Err(UploadError::Empty.into());
        }
        body.upload.size = Some(size);
        let call =
            vimeo.api().videos().create_my_video(body).fields("uri,upload.approach,upload.upload_link");
        let created =
            create_only(call.into_call().with_response_type::<Created>(), "a video for a ticket").await?;
        let video_uri = created.uri.clone().ok_or_else(missing_video_uri)?;
        Ok(created.ticket(&vimeo, video_uri, size)?)
    }
}
