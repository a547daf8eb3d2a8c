//! From a file to a video: creates the video with the token, hands its link to the upload engine.

use std::fmt;

use secrecy::SecretString;
use serde::Deserialize;
use vimeo_api::{ResourceUri, Secret, types};

use crate::upload::{
    BoxFuture, Progress, Source, Upload, UploadError, UploadOptions, UploadTicket, Uploaded,
};
use crate::{Error, Vimeo};

type OnProgress = Box<dyn FnMut(&Progress) + Send>;
type OnTicket = Box<dyn FnOnce(&UploadTicket) + Send>;

/// An upload of a new video; from [`Vimeo::upload`].
#[must_use = "an upload does nothing until send() is awaited"]
pub struct UploadVideo {
    vimeo: Vimeo,
    source: BoxFuture<'static, Result<Box<dyn Source>, UploadError>>,
    body: types::CreateVideoBody,
    options: UploadOptions,
    on_progress: Option<OnProgress>,
    on_ticket: Option<OnTicket>,
}

/// A video whose bytes have all arrived. Vimeo has yet to transcode it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NewVideo {
    /// Its URI, as `/videos/123`.
    pub uri: String,
    /// Its page.
    pub link: Option<String>,
    /// How the upload went.
    pub uploaded: Uploaded,
}

impl NewVideo {
    /// Its number, for the typed calls.
    pub fn id(&self) -> Option<u64> {
        self.uri.parse::<ResourceUri>().ok()?.id_of("videos")
    }
}

/// What of a created video the upload needs. Its own type, because the link must not be held as plain text.
#[derive(Deserialize)]
struct Created {
    #[serde(default)]
    uri: Option<String>,
    #[serde(default)]
    link: Option<String>,
    #[serde(default)]
    upload: Option<CreatedUpload>,
}

#[derive(Deserialize)]
struct CreatedUpload {
    #[serde(default)]
    upload_link: Option<Secret>,
}

impl UploadVideo {
    pub(crate) fn new(
        vimeo: Vimeo,
        source: BoxFuture<'static, Result<Box<dyn Source>, UploadError>>,
    ) -> Self {
        let body = types::CreateVideoBody::new(types::UploadInput::new("tus"));
        Self { vimeo, source, body, options: UploadOptions::default(), on_progress: None, on_ticket: None }
    }

    /// The title. Default: Vimeo's choice.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.body.name = Some(name.into());
        self
    }

    /// The description.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.body.description = Some(text.into());
        self
    }

    /// Who may see it, such as `nobody` or `unlisted`. Default: what the account's settings say.
    pub fn privacy(mut self, view: impl Into<types::VideoViewPrivacy>) -> Self {
        self.body.privacy.get_or_insert_default().view = Some(view.into());
        self
    }

    /// The password that viewers have to enter; sets the privacy to `password`.
    pub fn password(self, password: &SecretString) -> Self {
        use secrecy::ExposeSecret;
        let mut upload = self.privacy("password");
        upload.body.password = Some(password.expose_secret().into());
        upload
    }

    /// The folder to put it into, by its URI: `/users/7/projects/9`.
    pub fn folder(mut self, uri: impl Into<String>) -> Self {
        self.body.folder_uri = Some(uri.into());
        self
    }

    /// Changes whatever else `POST /me/videos` takes: embed settings, licence, language and so on.
    ///
    /// ```no_run
    /// # fn demo(vimeo: vimeo_ext::Vimeo) {
    /// let upload = vimeo.upload("film.mp4").settings(|body| body.locale("de").hide_from_vimeo(true));
    /// # }
    /// ```
    pub fn settings(mut self, change: impl FnOnce(types::CreateVideoBody) -> types::CreateVideoBody) -> Self {
        self.body = change(self.body);
        self
    }

    /// How the bytes are sent: chunks, timeouts, tries, bandwidth.
    pub fn options(mut self, options: UploadOptions) -> Self {
        self.options = options;
        self
    }

    /// Calls `callback` whenever there is progress. It runs between two writes: keep it short.
    pub fn on_progress(mut self, callback: impl FnMut(&Progress) + Send + 'static) -> Self {
        self.on_progress = Some(Box::new(callback));
        self
    }

    /// Calls `callback` once the video is created: whoever stores the ticket can finish the upload after a crash. It holds
    /// a secret link; keep it as you keep passwords.
    pub fn on_ticket(mut self, callback: impl FnOnce(&UploadTicket) + Send + 'static) -> Self {
        self.on_ticket = Some(Box::new(callback));
        self
    }

    /// Creates the video and uploads all bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Call`] when the video cannot be created, with variants of their own for a missing scope, missing upload
    /// access and a full quota; [`Error::Upload`] when the bytes did not all get there, with the ticket to resume with.
    pub async fn send(self) -> Result<NewVideo, Error> {
        let (upload, ticket, link) = self.create().await?;
        match upload.run().await {
            Ok(uploaded) => Ok(NewVideo { uri: ticket.video_uri().to_owned(), link, uploaded }),
            Err(source) => Err(Error::Upload { source: Box::new(source), ticket: Some(Box::new(ticket)) }),
        }
    }

    /// Creates the video and stops there: the ticket is what another process, or a browser, needs to send the bytes, without
    /// the access token. The source has to be there nonetheless, for its size.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), without [`Error::Upload`] for the bytes.
    pub async fn ticket(self) -> Result<UploadTicket, Error> {
        Ok(self.create().await?.1)
    }

    /// Creates the video and gives the upload before it runs, to be watched, paused and cancelled through
    /// [`Upload::controlled`].
    ///
    /// # Errors
    ///
    /// As [`ticket`](Self::ticket).
    pub async fn begin(self) -> Result<Upload, Error> {
        Ok(self.create().await?.0)
    }

    async fn create(self) -> Result<(Upload, UploadTicket, Option<String>), Error> {
        // First the source: without a file there shall be no video.
        let mut source = self.source.await?;
        let size = source.size();
        if size == 0 {
            return Err(UploadError::Empty.into());
        }
        let fingerprint = source.fingerprint().await?;
        let mut body = self.body;
        body.upload.size = Some(size);
        let call = self.vimeo.api().videos().create_my_video(&body).fields("uri,link,upload.upload_link");
        let created = call.send_as::<Created>().await?.into_inner();
        let link = created.upload.and_then(|upload| upload.upload_link);
        let Some(uri) = created.uri else {
            let reason = "Vimeo's answer to POST /me/videos names no video".to_owned();
            return Err(UploadError::BadTicket { reason }.into());
        };
        let Some(upload_link) = link else {
            return Err(UploadError::NoUploadLink { video_uri: uri }.into());
        };
        let ticket = UploadTicket::new(uri, upload_link.expose(), size)?.with_fingerprint(fingerprint);
        if let Some(callback) = self.on_ticket {
            callback(&ticket);
        }
        let mut upload =
            Upload::new(ticket.clone(), source).options(self.options).client(self.vimeo.links()?);
        if let Some(callback) = self.on_progress {
            upload = upload.on_progress(callback);
        }
        Ok((upload, ticket, created.link))
    }
}

impl fmt::Debug for UploadVideo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadVideo")
            .field("name", &self.body.name)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
