//! Creates a video: the settings that all upload approaches share, and the upload of a file over tus.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;
use vimeo_api::{DomainName, InvalidId, VideoId, types};

use super::Warning;
use super::abandon::finish_or_abandon;
use super::creation_response::Created;
use super::start::{StartedUpload, UploadIntent, UploadJob, start};
use crate::upload::{
    IntoSource, Journal, Progress, Purpose, Upload, UploadHandle, UploadOptions, UploadTicket, Uploaded,
};
use crate::{Error, Vimeo};

/// The fields of a creation response that are read.
const CREATED_FIELDS: &str = "uri,link,upload.approach,upload.upload_link,privacy.view";

/// A builder that creates a video. `A` is the upload approach: how the file reaches Vimeo.
///
/// Settings that are not set take the account's defaults. To add tags, use `vimeo.api().videos()` after the upload.
#[must_use = "nothing is created until send() is awaited"]
pub struct CreateVideo<A> {
    pub(crate) vimeo: Vimeo,
    pub(crate) body: types::CreateVideoBody,
    pub(crate) approach: A,
}

/// The approach of [`Vimeo::upload`]: this process sends the bytes over tus.
pub struct SourceBacked(UploadJob);

/// An upload of a new video; from [`Vimeo::upload`].
pub type UploadVideo = CreateVideo<SourceBacked>;

/// A video whose file was uploaded completely. Vimeo still has to transcode it.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct NewVideo {
    /// The video's URI, such as `/videos/123`.
    pub uri: String,
    /// The URL of the video's page.
    pub link: Option<String>,
    /// Figures about the upload.
    pub uploaded: Uploaded,
    /// Whether this call resumed an upload that an earlier run started.
    pub continued: bool,
    /// Possible mistakes about the file.
    pub warnings: Vec<Warning>,
}

impl NewVideo {
    /// Returns the video's ID, which typed calls take.
    pub fn id(&self) -> Option<VideoId> {
        self.try_into().ok()
    }
}

impl TryFrom<&NewVideo> for VideoId {
    type Error = InvalidId;

    fn try_from(video: &NewVideo) -> Result<Self, InvalidId> {
        video.uri.parse()
    }
}

/// Uploads of new videos.
impl Vimeo {
    /// Uploads a video. The source is a path, an open file, bytes in memory, a reader of unknown size
    /// ([`Spooled`](crate::upload::Spooled)) or any [`Source`](crate::upload::Source).
    ///
    /// Requires the `upload` scope and an app with upload access. If the upload of a path is killed, the same call resumes
    /// it with the same video; see [`journal`](CreateVideo::journal).
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
        let job = SourceBacked(UploadJob::new(source));
        CreateVideo::new(self.clone(), types::UploadApproach::Tus, job)
    }
}

/// Settings of the new video.
impl<A> CreateVideo<A> {
    pub(crate) fn new(vimeo: Vimeo, name: types::UploadApproach, approach: A) -> Self {
        let body = types::CreateVideoBody::new(types::UploadInput::new(name));
        Self { vimeo, body, approach }
    }

    /// Sets the title. Default: chosen by Vimeo.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.body.name = Some(name.into());
        self
    }

    /// Sets the description.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.body.description = Some(text.into());
        self
    }

    /// Sets who can view the video, such as `nobody` or `unlisted`.
    pub fn privacy(mut self, view: types::VideoViewPrivacy) -> Self {
        self.body.privacy.get_or_insert_default().view = Some(view);
        self
    }

    /// Sets the password that viewers must enter, and the privacy to `password`.
    pub fn password(self, password: &SecretString) -> Self {
        let mut create = self.privacy(types::VideoViewPrivacy::Password);
        create.body.password = Some(password.expose_secret().into());
        create
    }

    /// Sets where the video can be embedded: `public`, `private` or `whitelist`.
    pub fn embed_privacy(mut self, embed: types::EmbedPrivacy) -> Self {
        self.body.privacy.get_or_insert_default().embed = Some(embed);
        self
    }

    /// Sets the only domains that can embed the video, and the embed privacy to `whitelist`. For a link to a site, its host
    /// is used. An invalid domain is an error before anything is sent.
    pub fn embed_domains(self, domains: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let mut create = self.embed_privacy(types::EmbedPrivacy::Whitelist);
        create.body.embed_domains = Some(domains.into_iter().map(Into::into).collect());
        create
    }

    /// Sets who can comment: `anybody`, `contacts` or `nobody`.
    pub fn comments(mut self, who: types::CommentPrivacy) -> Self {
        self.body.privacy.get_or_insert_default().comments = Some(who);
        self
    }

    /// Sets whether viewers can download the video.
    pub fn allow_download(mut self, allow: bool) -> Self {
        self.body.privacy.get_or_insert_default().download = Some(allow);
        self
    }

    /// Sets whether other users can add the video to their showcases, channels and groups.
    pub fn allow_adding(mut self, allow: bool) -> Self {
        self.body.privacy.get_or_insert_default().add = Some(allow);
        self
    }

    /// Sets whether the video is hidden outside of embeds from everybody but its owner.
    pub fn hide_from_vimeo(mut self, hide: bool) -> Self {
        self.body.hide_from_vimeo = Some(hide);
        self
    }

    /// Sets the folder for the video, by its URI: `/users/7/projects/9`.
    pub fn folder(mut self, uri: impl Into<String>) -> Self {
        self.body.folder_uri = Some(uri.into());
        self
    }

    /// Sets the Creative Commons license, such as `by-sa`.
    pub fn license(mut self, license: types::LicenseCode) -> Self {
        self.body.license = Some(license);
        self
    }

    /// Sets the spoken language, such as `de`.
    pub fn language(mut self, locale: impl Into<String>) -> Self {
        self.body.locale = Some(locale.into());
        self
    }

    /// Sets the codes of the content ratings; `GET /contentratings` lists them.
    pub fn content_rating(mut self, codes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.body.content_rating = Some(codes.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the look and the controls of the embedded player.
    pub fn embed(mut self, embed: types::CreateVideoEmbedInput) -> Self {
        self.body.embed = Some(Box::new(embed));
        self
    }

    /// Sets the properties of a 360° video.
    pub fn spatial(mut self, spatial: types::SpatialInput) -> Self {
        self.body.spatial = Some(Box::new(spatial));
        self
    }

    /// Sets whether the video has a review page.
    pub fn review_page(mut self, active: bool) -> Self {
        self.body.review_page = Some(Box::new(types::SwitchInput::default().active(active)));
        self
    }

    /// Changes the request body directly, for any other parameter of `POST /me/videos`.
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
}

impl<A> fmt::Debug for CreateVideo<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateVideo")
            .field("approach", &self.body.upload.approach)
            .field("name", &self.body.name)
            .finish_non_exhaustive()
    }
}

/// Replaces the links in `embed_domains` with their hosts, because Vimeo accepts no schemes.
pub(crate) fn with_embed_hosts(
    mut body: types::CreateVideoBody,
) -> Result<types::CreateVideoBody, vimeo_api::Error> {
    for domain in body.embed_domains.iter_mut().flatten() {
        let host = domain.parse::<DomainName>();
        let host = host.map_err(|error| {
            vimeo_api::Error::invalid("create_my_video", format!("embed_domains: {error}"))
        })?;
        *domain = host.to_string();
    }
    Ok(body)
}

/// Returns the settings that the journal stores: the request body without the password and the upload parameters.
fn persisted_settings(body: &types::CreateVideoBody) -> Value {
    let mut settings = serde_json::to_value(body).unwrap_or_default();
    if let Some(members) = settings.as_object_mut() {
        members.remove("password");
        members.remove("upload");
    }
    settings
}

/// The upload of the file.
impl CreateVideo<SourceBacked> {
    /// Sets how the bytes are sent: chunks, timeouts, retries, bandwidth.
    pub fn options(mut self, options: UploadOptions) -> Self {
        self.approach.0.options = options;
        self
    }

    /// Sets the maximum number of bytes per request; [`SUGGESTED_CHUNK`](crate::upload::SUGGESTED_CHUNK) is a good value.
    /// Default: all bytes in one request. 0 is an error from `send()`.
    ///
    /// ```no_run
    /// # fn demo(vimeo: vimeo_ext::Vimeo) {
    /// let upload = vimeo.upload("film.mp4").chunk_size(1 << 20).bandwidth(4 << 20);
    /// # }
    /// ```
    pub fn chunk_size(mut self, bytes: u64) -> Self {
        self.approach.0.chunk_size = Some(bytes);
        self
    }

    /// Limits the bytes per second. Default: no limit. 0 is an error from `send()`. For a limit that several uploads share,
    /// or that changes, set a [`Bandwidth`](crate::upload::Bandwidth) with [`options`](Self::options).
    pub fn bandwidth(mut self, bytes_per_second: u64) -> Self {
        self.approach.0.bandwidth = Some(bytes_per_second);
        self
    }

    /// Sets whether to abandon an earlier upload of the same file, whatever its settings: its incomplete video and its
    /// journal entry are deleted first. Default: no, the earlier upload is resumed. Requires the `delete` scope.
    ///
    /// If it is unknown whether the earlier upload created a video, or whether that video has its file, the call still fails.
    pub fn start_over(mut self, start_over: bool) -> Self {
        self.approach.0.start_over = start_over;
        self
    }

    /// Sets the journal that keeps the upload until it is finished, so that the same call resumes it with the same video
    /// after the process was killed; `None` for no journal. Default: the client's
    /// [`journal`](crate::VimeoBuilder::journal), which is in the platform's state folder unless set otherwise.
    ///
    /// Only files given by path are recorded. An upload is the same if the file, the account and the API address are the
    /// same. If its settings differ, the call fails with
    /// [`UploadError::SettingsMismatch`](crate::upload::UploadError::SettingsMismatch), which names both ways out.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// use vimeo_ext::upload::Journal;
    /// let journal = Journal::in_folder("uploads").sha256(true); // compares whole files before it resumes
    /// let video = vimeo.upload("film.mp4").journal(journal).send().await?;
    /// if video.continued {
    ///     tracing::info!(from = video.uploaded.resumed_from, "resumed the upload of an earlier run");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn journal(mut self, journal: impl Into<Option<Journal>>) -> Self {
        self.approach.0.journal = Some(journal.into().into());
        self
    }

    /// Calls `callback` on every progress. It runs between two writes: keep it short.
    pub fn on_progress(mut self, callback: impl FnMut(&Progress) + Send + 'static) -> Self {
        self.approach.0.on_progress = Some(Box::new(callback));
        self
    }

    /// Calls `callback` once the video is created, or found in the journal. With the ticket, another process can finish the
    /// upload. The ticket holds a secret link: store it like a password.
    pub fn on_ticket(mut self, callback: impl FnOnce(&UploadTicket) + Send + 'static) -> Self {
        self.approach.0.on_ticket = Some(Box::new(callback));
        self
    }

    /// Creates the video and uploads the whole file, or resumes an earlier upload of it.
    ///
    /// # Errors
    ///
    /// - [`Error::Call`] if the video cannot be created. A missing scope, missing upload access and a full quota have their
    ///   own variants.
    /// - [`Error::Upload`] if the file cannot be read or was not uploaded completely; then with the ticket to resume with.
    /// - [`UploadError::OutcomeUnknown`](crate::upload::UploadError::OutcomeUnknown) if Vimeo's response to the creation is
    ///   lost, so that a video may exist.
    pub async fn send(self) -> Result<NewVideo, Error> {
        let StartedUpload { upload, target, continued, warnings, .. } = self.start().await?;
        match upload.run().await {
            Ok(uploaded) => {
                let uri = target.ticket.video_uri().to_owned();
                Ok(NewVideo { uri, link: target.page, uploaded, continued, warnings })
            }
            Err(source) => {
                Err(Error::Upload { source: Box::new(source), ticket: Some(Box::new(target.ticket)) })
            }
        }
    }

    /// Creates the video only, and returns the ticket with which another process or a browser can send the bytes without
    /// the access token. The source is still needed for its size. Nothing is recorded in a journal, because the upload now
    /// belongs to the other process.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), except errors of the transfer.
    pub async fn ticket(self) -> Result<UploadTicket, Error> {
        Ok(self.journal(None).start().await?.target.ticket)
    }

    /// Creates the video, and returns the future that uploads the file with a handle that reports progress, pauses, resumes,
    /// cancels and abandons it.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), Box<dyn std::error::Error>> {
    /// let (upload, handle) = vimeo.upload("film.mp4").controlled().await?;
    /// let upload = tokio::spawn(upload);
    /// handle.pause();
    /// handle.resume();
    /// let video = upload.await??;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`ticket`](Self::ticket); those of the future are as [`send`](Self::send).
    pub async fn controlled(
        self,
    ) -> Result<(impl Future<Output = Result<NewVideo, Error>> + Send + 'static, UploadHandle), Error> {
        let vimeo = self.vimeo.clone();
        let StartedUpload { upload, target, continued, warnings, entry } = self.start().await?;
        let (running, handle) = upload.controlled();
        let control = handle.clone();
        let upload = async move {
            let (uri, link) = (target.ticket.video_uri().to_owned(), target.page.clone());
            let uploaded = finish_or_abandon(&vimeo, &control, running.await, target, false, entry).await?;
            Ok(NewVideo { uri, link, uploaded, continued, warnings })
        };
        Ok((upload, handle))
    }

    /// Creates the video and returns the upload before it runs. Running it takes no token.
    /// [`controlled`](Self::controlled) ends in the [`NewVideo`] instead.
    ///
    /// # Errors
    ///
    /// As [`ticket`](Self::ticket).
    pub async fn begin(self) -> Result<Upload, Error> {
        Ok(self.start().await?.upload)
    }

    async fn start(self) -> Result<StartedUpload, Error> {
        let Self { vimeo, body, approach: SourceBacked(job) } = self;
        let mut body = with_embed_hosts(body)?;
        let intent = UploadIntent {
            purpose: Purpose::NewVideo,
            what: "a video".to_owned(),
            settings: persisted_settings(&body),
            video_uri: None,
        };
        let api = vimeo.api().clone();
        start(&vimeo, job, intent, move |source| {
            body.upload.size = Some(source.size());
            let call = api.videos().create_my_video(body).fields(CREATED_FIELDS);
            call.into_call().with_response_type::<Created>()
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use vimeo_api::types::{CreateVideoBody, UploadApproach, UploadInput};

    use super::*;

    #[test]
    fn passwords_are_not_persisted() {
        let body = CreateVideoBody::new(UploadInput::new(UploadApproach::Tus))
            .name("Surf")
            .password("s3cret")
            .locale("de");
        assert_eq!(persisted_settings(&body), json!({"name": "Surf", "locale": "de"}));
    }
}
