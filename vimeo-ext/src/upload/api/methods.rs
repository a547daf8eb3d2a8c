//! The ways in: what a client does with files.

use std::path::PathBuf;
use std::time::Duration;

use vimeo_api::types::TextTrackType;

use crate::upload::IntoSource;
use crate::upload::{
    AnimatedThumbnail, CreateVideo, DelegatedUpload, FormBacked, FromUrl, PendingUploads, PictureTarget,
    Replace, ThumbnailAt, UploadMany, UploadPicture, UploadTextTrack, UploadVideo, VideoRef, WaitTranscoded,
};
use crate::{Error, Vimeo};

/// Files: uploads and what follows them.
impl Vimeo {
    /// Uploads a video: a path, an open file, bytes in memory or any [`Source`](crate::upload::Source).
    ///
    /// Needs the scope `upload`, and an app with upload access. An upload of a path that is killed goes on with the same
    /// video when it is called again: see [`journal`](crate::CreateVideo::journal).
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// let video = vimeo
    ///     .upload("film.mp4")
    ///     .name("Surf")
    ///     .on_progress(|progress| tracing::info!(sent = progress.sent, total = progress.total))
    ///     .send()
    ///     .await?;
    /// tracing::info!(uri = video.uri, "uploaded");
    /// # Ok(())
    /// # }
    /// ```
    pub fn upload(&self, source: impl IntoSource) -> UploadVideo {
        UploadVideo::from_source(self.clone(), source)
    }

    /// Gives a video another file, under the same URI.
    ///
    /// Needs the scope `upload`. Resumes as [`upload`](Self::upload) does.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// let replaced = vimeo.replace("/videos/76979871", "second-cut.mp4").send().await?;
    /// tracing::info!(video = replaced.video.uri(), version = replaced.version_uri, "replaced");
    /// # Ok(())
    /// # }
    /// ```
    pub fn replace(&self, video: impl Into<VideoRef>, source: impl IntoSource) -> Replace {
        Replace::new(self.clone(), video.into(), source)
    }

    /// Uploads many files, a few at a time, each a video of its own.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// use vimeo_ext::api::types::VideoViewPrivacy;
    /// let uploads = vimeo.upload_many(["a.mp4", "b.mp4"]);
    /// let uploads = uploads.each(|upload, _| upload.privacy(VideoViewPrivacy::Nobody));
    /// for result in uploads.send().await? {
    ///     match result.outcome {
    ///         Ok(uploaded) => tracing::info!(file = result.name, video = uploaded.video_uri, "uploaded"),
    ///         Err(error) => tracing::error!(file = result.name, %error, "not uploaded"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn upload_many(&self, paths: impl IntoIterator<Item = impl Into<PathBuf>>) -> UploadMany {
        UploadMany::new(self.clone(), paths.into_iter().map(Into::into).collect())
    }

    /// Creates a video whose file Vimeo fetches from an address, which has to stay good for a day or more.
    ///
    /// Needs the scope `upload`. Whether Vimeo could fetch it, [`wait_transcoded`](Self::wait_transcoded) tells.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// let video = vimeo.upload_from_url("https://example.com/film.mp4").name("Surf").send().await?;
    /// vimeo.wait_transcoded(&video).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn upload_from_url(&self, url: impl Into<String>) -> CreateVideo<FromUrl> {
        CreateVideo::from_url(self.clone(), url.into())
    }

    /// Creates a video whose file a browser sends with an HTML form, and goes to `redirect_url` afterwards.
    ///
    /// Needs the scope `upload`.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// let form = vimeo.upload_form("https://example.com/uploaded").name("Surf").send().await?;
    /// let page = form.html.as_ref().map(|html| format!("<html><body>{}</body></html>", html.expose()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn upload_form(&self, redirect_url: impl Into<String>) -> CreateVideo<FormBacked> {
        CreateVideo::by_form(self.clone(), redirect_url.into())
    }

    /// Creates a video of `size` bytes for somebody else to send: a process, or a browser, that has the file and not the
    /// token.
    ///
    /// Needs the scope `upload`.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), Box<dyn std::error::Error>> {
    /// use vimeo_ext::upload::{Upload, UploadTicket};
    /// let ticket = serde_json::to_string(&vimeo.upload_ticket(4096).name("Surf").send().await?)?;
    /// // Elsewhere, without the token:
    /// let ticket: UploadTicket = serde_json::from_str(&ticket)?;
    /// Upload::new(ticket, "film.mp4").run().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn upload_ticket(&self, size: u64) -> CreateVideo<DelegatedUpload> {
        CreateVideo::delegated(self.clone(), size)
    }

    /// Waits until Vimeo has transcoded a video, or cannot.
    ///
    /// Vimeo tells nobody when it is done, so it is asked, ever less often.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// use std::time::Duration;
    /// let video = vimeo.upload("film.mp4").send().await?;
    /// vimeo.wait_transcoded(&video).timeout(Duration::from_secs(3600)).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait_transcoded(&self, video: impl Into<VideoRef>) -> WaitTranscoded {
        WaitTranscoded::new(self.clone(), video.into())
    }

    /// Takes a thumbnail out of a video, at a time of it in whole seconds.
    ///
    /// Needs the scope `upload`.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// use std::time::Duration;
    /// vimeo.thumbnail_at(76979871, Duration::from_secs(12)).activate(true).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn thumbnail_at(&self, video: impl Into<VideoRef>, time: Duration) -> ThumbnailAt {
        ThumbnailAt::new(self.clone(), video.into(), time)
    }

    /// Makes an animated thumbnail out of a part of a video, in whole seconds; at most 6 s long.
    ///
    /// Needs the scope `create`.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// use std::time::Duration;
    /// let seconds = Duration::from_secs;
    /// let set = vimeo.animated_thumbnail(76979871, seconds(12), seconds(4)).send().await?;
    /// tracing::info!(sizes = ?set.sizes, "made");
    /// # Ok(())
    /// # }
    /// ```
    pub fn animated_thumbnail(
        &self,
        video: impl Into<VideoRef>,
        start: Duration,
        length: Duration,
    ) -> AnimatedThumbnail {
        AnimatedThumbnail::new(self.clone(), video.into(), start, length)
    }

    /// Uploads a picture for a video, a user or anything else that has pictures; for which, see [`PictureTarget`].
    ///
    /// Needs the scope `upload`, and `edit` to switch it on.
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
        UploadPicture::new(self.clone(), target.into(), file)
    }

    /// Uploads a text track for a video, such as captions or subtitles, in a language.
    ///
    /// Needs the scope `upload`, and `edit` to switch it on.
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
        video: impl Into<VideoRef>,
        kind: TextTrackType,
        language: impl Into<String>,
        file: impl IntoSource,
    ) -> UploadTextTrack {
        UploadTextTrack::new(self.clone(), video.into(), kind, language.into(), file)
    }

    /// The uploads that were begun and not finished, to be resumed, adopted or discarded.
    ///
    /// # Errors
    ///
    /// When the journal would be in the platform's state folder, and there is none.
    pub fn pending_uploads(&self) -> Result<PendingUploads, Error> {
        PendingUploads::of(self.clone())
    }
}
