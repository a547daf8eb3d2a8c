//! What a new video is created with, whichever way its bytes come.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use vimeo_api::{DomainName, Error, types};

use crate::Vimeo;

/// A video that is to be created; `W` is the way its bytes come.
///
/// What is not set here is what the account's settings say. Tags are no part of it: add them afterwards, with
/// `vimeo.api().videos()`.
#[must_use = "nothing is created until send() is awaited"]
pub struct CreateVideo<W> {
    pub(crate) vimeo: Vimeo,
    pub(crate) body: types::CreateVideoBody,
    pub(crate) way: W,
}

/// The body with the hosts of its domains alone: Vimeo takes no schemes.
pub(crate) fn checked(mut body: types::CreateVideoBody) -> Result<types::CreateVideoBody, Error> {
    for domain in body.embed_domains.iter_mut().flatten() {
        let host = domain.parse::<DomainName>();
        let host =
            host.map_err(|error| Error::invalid("create_my_video", format!("embed_domains: {error}")))?;
        *domain = host.to_string();
    }
    Ok(body)
}

impl<W> CreateVideo<W> {
    pub(crate) fn by(vimeo: Vimeo, approach: types::UploadApproach, way: W) -> Self {
        let body = types::CreateVideoBody::new(types::UploadInput::new(approach));
        Self { vimeo, body, way }
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

    /// Who may see it, such as `nobody` or `unlisted`.
    pub fn privacy(mut self, view: types::VideoViewPrivacy) -> Self {
        self.body.privacy.get_or_insert_default().view = Some(view);
        self
    }

    /// The password that viewers have to enter; sets the privacy to `password`.
    pub fn password(self, password: &SecretString) -> Self {
        let mut create = self.privacy(types::VideoViewPrivacy::Password);
        create.body.password = Some(password.expose_secret().into());
        create
    }

    /// Where it may be embedded: `public`, `private` or `whitelist`.
    pub fn embed_privacy(mut self, embed: types::EmbedPrivacy) -> Self {
        self.body.privacy.get_or_insert_default().embed = Some(embed);
        self
    }

    /// The domains that alone may embed it; sets the embed privacy to `whitelist`. Of a link to a site its host is taken;
    /// what is no domain is refused before anything is sent.
    pub fn embed_domains(self, domains: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let mut create = self.embed_privacy(types::EmbedPrivacy::Whitelist);
        create.body.embed_domains = Some(domains.into_iter().map(Into::into).collect());
        create
    }

    /// Who may comment: `anybody`, `contacts` or `nobody`.
    pub fn comments(mut self, who: types::CommentPrivacy) -> Self {
        self.body.privacy.get_or_insert_default().comments = Some(who);
        self
    }

    /// Whether viewers may download it.
    pub fn allow_download(mut self, allow: bool) -> Self {
        self.body.privacy.get_or_insert_default().download = Some(allow);
        self
    }

    /// Whether others may add it to their showcases, channels and groups.
    pub fn allow_adding(mut self, allow: bool) -> Self {
        self.body.privacy.get_or_insert_default().add = Some(allow);
        self
    }

    /// Whether it is hidden from everybody but its owner outside of embeds.
    pub fn hide_from_vimeo(mut self, hide: bool) -> Self {
        self.body.hide_from_vimeo = Some(hide);
        self
    }

    /// The folder to put it into, by its URI: `/users/7/projects/9`.
    pub fn folder(mut self, uri: impl Into<String>) -> Self {
        self.body.folder_uri = Some(uri.into());
        self
    }

    /// The Creative Commons licence, such as `by-sa`.
    pub fn license(mut self, license: types::LicenseCode) -> Self {
        self.body.license = Some(license);
        self
    }

    /// The language spoken in it, such as `de`.
    pub fn language(mut self, locale: impl Into<String>) -> Self {
        self.body.locale = Some(locale.into());
        self
    }

    /// The codes of the content ratings that apply; `GET /contentratings` lists them.
    pub fn content_rating(mut self, codes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.body.content_rating = Some(codes.into_iter().map(Into::into).collect());
        self
    }

    /// How the embedded player looks and what it offers.
    pub fn embed(mut self, embed: types::CreateVideoEmbedInput) -> Self {
        self.body.embed = Some(Box::new(embed));
        self
    }

    /// The settings of a 360° video.
    pub fn spatial(mut self, spatial: types::SpatialInput) -> Self {
        self.body.spatial = Some(Box::new(spatial));
        self
    }

    /// Whether there is a page to review it.
    pub fn review_page(mut self, active: bool) -> Self {
        self.body.review_page = Some(Box::new(types::SwitchInput::default().active(active)));
        self
    }

    /// Changes the body of the call at will: whatever else `POST /me/videos` takes.
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

impl<W> fmt::Debug for CreateVideo<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateVideo")
            .field("approach", &self.body.upload.approach)
            .field("name", &self.body.name)
            .finish_non_exhaustive()
    }
}
