//! From a file to a running upload, one video for each: what `upload` and `replace` have in common.
//!
//! The order is what makes it safe to kill the process at any moment. The journal is told that Vimeo is asked right before
//! the request goes out, and of the link before a byte is sent. Whoever comes later finds the link, or that nothing was
//! asked, or that asking was never answered; in no case is anything created a second time.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use vimeo_api::{Call, Secret, Sent};

use super::media_type::{self, Expected};
use super::settings;
use crate::transport::Announcement;
use crate::upload::{
    BoxFuture, Claim, IntoSource, Journal, Mark, Progress, Source, Standing, Upload, UploadError,
    UploadOptions, UploadTicket,
};
use crate::{Error, Vimeo};

/// Where unfinished uploads of files are written down.
#[derive(Debug, Clone, Default)]
pub(crate) enum Journalling {
    /// In the platform's folder, where there is one that can be written to.
    #[default]
    StateFolder,
    In(Journal),
    Off,
}

impl From<Option<Journal>> for Journalling {
    fn from(journal: Option<Journal>) -> Self {
        journal.map_or(Self::Off, Self::In)
    }
}

/// Something about a file that may be a mistake; the flow went on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The first bytes are those of another kind of file.
    MediaType {
        /// What it looks like, as a media type.
        found: String,
        /// What was expected, in words.
        expected: &'static str,
    },
}

impl Warning {
    pub(crate) fn media_type(found: &str, expected: &'static str) -> Self {
        Self::MediaType { found: found.to_owned(), expected }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MediaType { found, expected } => write!(f, "this looks like {found}, not like {expected}"),
        }
    }
}

type OnProgress = Box<dyn FnMut(&Progress) + Send>;
type OnTicket = Box<dyn FnOnce(&UploadTicket) + Send>;

/// A file and how it is to be sent.
pub(crate) struct Transfer {
    pub(crate) source: BoxFuture<'static, Result<Box<dyn Source>, UploadError>>,
    pub(crate) options: UploadOptions,
    /// `None`: what the client says.
    pub(crate) journal: Option<Journalling>,
    pub(crate) on_progress: Option<OnProgress>,
    pub(crate) on_ticket: Option<OnTicket>,
}

impl Transfer {
    pub(crate) fn new(source: impl IntoSource) -> Self {
        Self {
            source: source.into_source(),
            options: UploadOptions::default(),
            journal: None,
            on_progress: None,
            on_ticket: None,
        }
    }
}

/// What is to be created for the file.
pub(crate) struct Intent {
    /// What it is for, without the account: `new video`.
    pub(crate) purpose: String,
    /// For messages: `a video`.
    pub(crate) what: String,
    /// What it is created with.
    pub(crate) settings: Value,
    /// The video, where it is there already.
    pub(crate) video_uri: Option<String>,
}

/// What of an answer the upload needs. Its own type, because the link must not be held as plain text.
#[derive(Deserialize)]
pub(crate) struct Created {
    #[serde(default)]
    pub(crate) uri: Option<String>,
    #[serde(default)]
    pub(crate) link: Option<String>,
    #[serde(default)]
    pub(crate) upload: Option<CreatedUpload>,
}

#[derive(Deserialize)]
pub(crate) struct CreatedUpload {
    #[serde(default)]
    pub(crate) upload_link: Option<Secret>,
    #[serde(default)]
    pub(crate) size: Option<u64>,
}

impl Created {
    pub(crate) fn upload_link(&self) -> Option<&Secret> {
        self.upload.as_ref()?.upload_link.as_ref()
    }
}

/// An upload that is ready to run, and what is known of what it goes to.
pub(crate) struct Begun {
    pub(crate) upload: Upload,
    pub(crate) ticket: UploadTicket,
    pub(crate) page: Option<String>,
    pub(crate) version_uri: Option<String>,
    /// Whether an earlier run created it.
    pub(crate) continued: bool,
    pub(crate) warnings: Vec<Warning>,
}

/// Creates what `call` creates, once the file is known to be one, or finds what an earlier run created.
pub(crate) async fn begin(
    vimeo: &Vimeo,
    transfer: Transfer,
    intent: Intent,
    call: impl FnOnce(&dyn Source) -> Call<Created>,
) -> Result<Begun, Error> {
    // First the source: without a file there shall be no video.
    let mut source = transfer.source.await?;
    if source.size() == 0 {
        return Err(UploadError::Empty.into());
    }
    let (_, warning) = media_type::look(&mut *source, Expected::Video).await?;
    let journalling = transfer.journal.unwrap_or_else(|| match vimeo.journalling() {
        Journalling::In(journal) => Journalling::In(vimeo.part_of(journal.clone())),
        other => other.clone(),
    });
    let mut claim = claim(vimeo, journalling, &mut *source, &intent).await?;
    let earlier = match &claim {
        Some(claim) => earlier(claim, &intent, source.name())?,
        None => None,
    };
    let continued = earlier.is_some();
    let (ticket, page, version_uri) = match earlier {
        Some(known) => known,
        None => {
            let call = call(&*source);
            create(&mut claim, &mut *source, intent, call).await?
        }
    };
    if let Some(callback) = transfer.on_ticket {
        callback(&ticket);
    }
    let mut upload = Upload::new(ticket.clone(), source).options(transfer.options).client(vimeo.links()?);
    if let Some(callback) = transfer.on_progress {
        upload = upload.on_progress(callback);
    }
    if let Some(claim) = claim {
        upload = upload.journal(claim);
    }
    Ok(Begun { upload, ticket, page, version_uri, continued, warnings: warning.into_iter().collect() })
}

type Known = (UploadTicket, Option<String>, Option<String>);

/// Claims the upload in the journal, where there is one and the source is a file that can be found again.
async fn claim(
    vimeo: &Vimeo,
    journalling: Journalling,
    source: &mut dyn Source,
    intent: &Intent,
) -> Result<Option<Claim>, Error> {
    let (journal, asked_for) = match journalling {
        Journalling::Off => return Ok(None),
        Journalling::In(journal) => (journal, true),
        Journalling::StateFolder => match Journal::in_state_folder() {
            Ok(journal) => (vimeo.part_of(journal), false),
            Err(error) => {
                tracing::warn!(%error, "no journal: an upload that is killed will not be resumed");
                return Ok(None);
            }
        },
    };
    let (Some(_), Some(who)) = (source.path(), vimeo.who()) else { return Ok(None) };
    let purpose = format!("{} {who}", intent.purpose);
    match journal.claim_unasked(source, purpose, intent.settings.clone()).await {
        Ok(claim) => Ok(Some(claim)),
        Err(error) if !asked_for && is_of_folder(&error, journal.folder()) => {
            tracing::warn!(%error, "no journal: an upload that is killed will not be resumed");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether it is the journal's folder that cannot be used, and not the file.
fn is_of_folder(error: &UploadError, folder: &Path) -> bool {
    matches!(error, UploadError::Io { name, .. } if Path::new(name).starts_with(folder))
}

/// What an earlier run created, if one did.
fn earlier(claim: &Claim, intent: &Intent, name: &str) -> Result<Option<Known>, Error> {
    let entry = claim.entry();
    match claim.standing() {
        Standing::New => Ok(None),
        Standing::Uncertain => Err(UploadError::Unanswered {
            what: format!("{} for {name}", intent.what),
            asked: entry.asked.unwrap_or(entry.begun),
            entry: Some(entry.id()),
            source: None,
        }
        .into()),
        Standing::Resumable(ticket) => {
            let differing = settings::differing(&entry.settings, &intent.settings);
            if !differing.is_empty() {
                return Err(UploadError::OtherSettings {
                    name: name.to_owned(),
                    video_uri: ticket.video_uri().to_owned(),
                    differing,
                    entry: entry.id(),
                }
                .into());
            }
            tracing::info!(video = ticket.video_uri(), source = name, "going on with an earlier upload");
            Ok(Some((ticket.clone(), entry.page.clone(), entry.version_uri.clone())))
        }
    }
}

async fn create(
    claim: &mut Option<Claim>,
    source: &mut dyn Source,
    intent: Intent,
    call: Call<Created>,
) -> Result<Known, Error> {
    let fingerprint = match claim {
        Some(claim) => Some(claim.entry().fingerprint.clone()),
        None => source.fingerprint().await?,
    };
    let mark = claim.as_ref().map(Claim::mark);
    let what = format!("{} for {}", intent.what, source.name());
    let created = match ask(call, what, mark).await {
        Ok(created) => created,
        Err(Asked::Refused(error)) => {
            give_up(claim.take()).await;
            return Err(error.into());
        }
        Err(Asked::Unanswered(mut unanswered)) => {
            unanswered.entry = claim.as_ref().map(|claim| claim.entry().id());
            return Err(unanswered.into());
        }
    };
    let upload_link = created.upload_link().map(|link| link.expose().to_owned());
    let (video_uri, version_uri) = match intent.video_uri {
        Some(video) => (Some(video), created.uri),
        None => (created.uri, None),
    };
    let video_uri = video_uri.ok_or_else(no_video)?;
    let Some(upload_link) = upload_link else {
        give_up(claim.take()).await;
        return Err(UploadError::NoUploadLink { video_uri }.into());
    };
    let ticket = UploadTicket::new(video_uri, upload_link, source.size())?.with_fingerprint(fingerprint);
    if let Some(claim) = claim {
        claim.note(created.link.clone(), version_uri.clone());
        // The video is there: better to fill it now than to leave it empty for want of a note.
        if let Err(error) = claim.record(&ticket).await {
            tracing::warn!(%error, video = ticket.video_uri(), "the upload cannot be resumed if it is killed");
        }
    }
    Ok((ticket, created.link, version_uri))
}

/// Creates a video for which there is nothing to send from here.
pub(crate) async fn create_only<T>(call: Call<T>, what: &str) -> Result<T, Error>
where
    T: DeserializeOwned + Send + 'static,
{
    ask(call, what.to_owned(), None).await.map_err(|asked| match asked {
        Asked::Refused(error) => error.into(),
        Asked::Unanswered(unanswered) => unanswered.into(),
    })
}

/// How asking for something to be created came to nothing.
enum Asked {
    /// It surely was not.
    Refused(vimeo_api::Error),
    /// It may have been.
    Unanswered(Unanswered),
}

struct Unanswered {
    what: String,
    asked: DateTime<Utc>,
    entry: Option<String>,
    source: vimeo_api::Error,
}

impl From<Unanswered> for Error {
    fn from(unanswered: Unanswered) -> Self {
        let Unanswered { what, asked, entry, source } = unanswered;
        UploadError::Unanswered { what, asked, entry, source: Some(Box::new(source)) }.into()
    }
}

async fn ask<T>(call: Call<T>, what: String, mark: Option<Arc<Mark>>) -> Result<T, Asked>
where
    T: DeserializeOwned + Send + 'static,
{
    let announcement = Announcement::of(mark);
    let asked = SystemTime::now().into();
    match call.extension(announcement.clone()).send().await {
        Ok(created) => Ok(created.into_inner()),
        Err(error) if !announcement.is_made() || surely_nothing_created(&error) => Err(Asked::Refused(error)),
        Err(source) => Err(Asked::Unanswered(Unanswered { what, asked, entry: None, source })),
    }
}

/// Whether a call that went out and failed surely left nothing behind. A gateway's `502` does not say so.
fn surely_nothing_created(error: &vimeo_api::Error) -> bool {
    match error.status() {
        Some(status) => status.is_client_error(),
        None => error.sent() == Sent::No,
    }
}

/// An answer that names no video.
pub(crate) fn no_video() -> Error {
    let reason = "Vimeo's answer names no video; look for it among the account's videos".to_owned();
    UploadError::BadTicket { reason }.into()
}

/// Takes back what the journal was told of something that did not come to be.
async fn give_up(claim: Option<Claim>) {
    if let Some(claim) = claim
        && let Err(error) = claim.finish().await
    {
        tracing::warn!(%error, "an upload that was not begun stays in the journal");
    }
}
