//! From a file to a running upload, one video for each: what `upload` and `replace` have in common.
//!
//! The order is what makes it safe to kill the process at any moment. The journal is told that Vimeo is asked right before
//! the request goes out, and of the link before a byte is sent. Whoever comes later finds the link, or that nothing was
//! asked, or that asking was never answered; in no case is anything created a second time.

use std::fmt;
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use vimeo_api::types::UploadStatus;
use vimeo_api::{Call, ResponseOrigin, Secret};

use super::kept_settings;
use super::media_type::{self, Expected};
use crate::loopback::is_loopback;
use crate::pipeline::BeforeSend;
use crate::retry::{Effect, effect_of_error};
use crate::upload::{
    Bandwidth, BoxFuture, Chunking, Identity, IntoSource, Journal, JournalLocation, JournalLock,
    JournalMarker, Progress, Purpose, ResumeState, Source, Upload, UploadError, UploadHandle, UploadOptions,
    UploadTicket, Uploaded,
};
use crate::upload_ticket::link_problem;
use crate::{Error, Vimeo};

/// Something about a file that may be a mistake; the flow went on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Warning {
    /// The first bytes are those of another kind of file.
    MediaType {
        /// What it looks like, as a media type.
        found: String,
        /// What was expected, in words.
        expected: &'static str,
    },
    /// Vimeo gave the video another privacy than it was asked for, as where a plan has none of that kind.
    #[serde(rename = "other_privacy")]
    PrivacyMismatch {
        /// What was asked for.
        #[serde(rename = "asked")]
        requested: String,
        /// What Vimeo answered.
        found: String,
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
            Self::PrivacyMismatch { requested, found } => {
                write!(
                    f,
                    "its privacy was to be `{requested}`, but Vimeo made it `{found}`: change it or delete the video"
                )
            }
        }
    }
}

type OnProgress = Box<dyn FnMut(&Progress) + Send>;
type OnTicket = Box<dyn FnOnce(&UploadTicket) + Send>;

/// A file and how it is to be sent.
pub(crate) struct UploadJob {
    pub(crate) source: BoxFuture<'static, Result<Box<dyn Source>, UploadError>>,
    pub(crate) options: UploadOptions,
    /// `None`: what the client says.
    pub(crate) journal: Option<JournalLocation>,
    pub(crate) on_progress: Option<OnProgress>,
    pub(crate) on_ticket: Option<OnTicket>,
    /// In bytes; goes before the options.
    pub(crate) chunk_size: Option<u64>,
    /// In bytes per second; goes before the options.
    pub(crate) bandwidth: Option<u64>,
    /// Whether what an earlier run began is given up.
    pub(crate) start_over: bool,
}

impl UploadJob {
    pub(crate) fn new(source: impl IntoSource) -> Self {
        Self {
            source: source.into_source(),
            options: UploadOptions::default(),
            journal: None,
            on_progress: None,
            on_ticket: None,
            chunk_size: None,
            bandwidth: None,
            start_over: false,
        }
    }

    /// The options, with the numbers that were given beside them.
    fn take_options(&mut self) -> Result<UploadOptions, vimeo_api::Error> {
        let positive = |bytes: u64, what: &str| {
            let problem = || vimeo_api::Error::invalid("upload", format!("{what} is 0 bytes; give more"));
            NonZeroU64::new(bytes).ok_or_else(problem)
        };
        let mut options = std::mem::take(&mut self.options);
        if let Some(bytes) = self.chunk_size {
            options = options.chunking(Chunking::Fixed(positive(bytes, "the chunk size")?));
        }
        if let Some(bytes) = self.bandwidth {
            options = options.bandwidth(Bandwidth::new(positive(bytes, "the bandwidth per second")?));
        }
        Ok(options)
    }
}

/// What is to be created for the file.
pub(crate) struct UploadIntent {
    /// What it is for.
    pub(crate) purpose: Purpose,
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
    #[serde(default)]
    pub(crate) privacy: Option<CreatedPrivacy>,
}

#[derive(Deserialize)]
pub(crate) struct CreatedPrivacy {
    #[serde(default)]
    view: Option<Value>,
}

#[derive(Deserialize)]
pub(crate) struct CreatedUpload {
    #[serde(default)]
    pub(crate) approach: Option<String>,
    #[serde(default)]
    pub(crate) upload_link: Option<Secret>,
    #[serde(default)]
    pub(crate) size: Option<u64>,
}

impl Created {
    /// The ticket of the resumable upload that Vimeo opened for `video_uri`, if it opened one.
    pub(crate) fn ticket(
        &self,
        vimeo: &Vimeo,
        video_uri: String,
        size: u64,
    ) -> Result<UploadTicket, UploadError> {
        let upload = self.upload.as_ref();
        // What was asked for is tus: where the answer does not name the approach, it is that.
        let approach = upload.and_then(|upload| upload.approach.as_deref()).unwrap_or(TUS);
        if !approach.eq_ignore_ascii_case(TUS) {
            let approach = untrusted_word(approach);
            return Err(UploadError::UnexpectedApproach { video_uri, approach });
        }
        let Some(link) = upload.and_then(|upload| upload.upload_link.as_ref()) else {
            return Err(UploadError::MissingUploadLink { video_uri });
        };
        if let Some(problem) = link_problem(link.expose(), is_loopback(vimeo.api().base_url())) {
            return Err(UploadError::InvalidUploadLink { video_uri, reason: format!("it {problem}") });
        }
        Ok(UploadTicket::new(video_uri, link.expose(), size)?)
    }
}

/// What may be a mistake about a video that was to be created with these settings.
fn privacy_warning(created: &Created, settings: &Value) -> Option<Warning> {
    let asked = settings.pointer("/privacy/view").and_then(Value::as_str)?;
    let found = created.privacy.as_ref()?.view.as_ref()?.as_str()?;
    (asked != found)
        .then(|| Warning::PrivacyMismatch { requested: asked.to_owned(), found: untrusted_word(found) })
}

/// The approach of resumable uploads.
const TUS: &str = "tus";

/// A word that a server sent, short and plain enough for a message.
fn untrusted_word(word: &str) -> String {
    word.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')).take(40).collect()
}

/// An upload that is ready to run, and what is known of what it goes to.
pub(crate) struct StartedUpload {
    pub(crate) upload: Upload,
    pub(crate) ticket: UploadTicket,
    pub(crate) page: Option<String>,
    pub(crate) version_uri: Option<String>,
    /// Whether an earlier run created it.
    pub(crate) continued: bool,
    pub(crate) warnings: Vec<Warning>,
    /// Where it is written down, and under which name.
    pub(crate) entry: Option<(Journal, String)>,
}

/// How an upload ended that its owner may have given up.
pub(crate) async fn end(
    vimeo: &Vimeo,
    handle: &UploadHandle,
    ended: Result<Uploaded, UploadError>,
    ticket: UploadTicket,
    (version_uri, replaces): (Option<String>, bool),
    entry: Option<(Journal, String)>,
) -> Result<Uploaded, Error> {
    let source = match ended {
        Ok(uploaded) => return Ok(uploaded),
        Err(source) => Box::new(source),
    };
    if !matches!(*source, UploadError::Cancelled { .. }) || !handle.is_abandoned() {
        return Err(Error::Upload { source, ticket: Some(Box::new(ticket)) });
    }
    let claim = match entry {
        Some((journal, id)) => journal.lock_entry(&id).await?,
        None => None,
    };
    match (claim, replaces) {
        (Some(claim), _) => abandon(vimeo, claim).await?,
        (None, true) => delete_waiting(vimeo, version_uri.as_deref()).await?,
        (None, false) => delete_waiting(vimeo, Some(ticket.video_uri())).await?,
    }
    Err(Error::Upload { source, ticket: None })
}

/// Deletes what waits for the file of an upload, and forgets the upload.
pub(crate) async fn abandon(vimeo: &Vimeo, claim: JournalLock) -> Result<(), Error> {
    let entry = claim.entry();
    let waiting = match entry.purpose() {
        Purpose::NewVersion { .. } => entry.version_uri.as_deref(),
        _ => entry.ticket.as_ref().map(UploadTicket::video_uri),
    };
    delete_waiting(vimeo, waiting).await?;
    Ok(claim.finish().await?)
}

/// Deletes a video, or a version, that waits for its file. One that has it stays, and so does one of which Vimeo does not say.
async fn delete_waiting(vimeo: &Vimeo, uri: Option<&str>) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct UploadInfo {
        #[serde(default)]
        upload: Option<Upload>,
    }
    #[derive(Deserialize)]
    struct Upload {
        #[serde(default)]
        status: Option<UploadStatus>,
    }
    let Some(uri) = uri else { return Ok(()) };
    let found = vimeo.get(uri).fields("upload.status").with_response_type::<UploadInfo>().send().await;
    let status = match found {
        Ok(found) => found.into_inner().upload.and_then(|upload| upload.status),
        Err(error) if error.is_not_found() => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    match status {
        Some(UploadStatus::InProgress | UploadStatus::Error | UploadStatus::Canceled) => {}
        Some(UploadStatus::Complete) => {
            tracing::warn!(uri, "it has its file already, and is not deleted");
            return Ok(());
        }
        // A proxy's response, or a word of a later API: what it means is not known, and a deletion cannot be taken back.
        _ => return Err(UploadError::UnknownStatus { uri: uri.to_owned() }.into()),
    }
    match vimeo.delete(uri).send().await {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Creates what `call` creates, once the file is known to be one, or finds what an earlier run created.
pub(crate) async fn begin(
    vimeo: &Vimeo,
    mut transfer: UploadJob,
    intent: UploadIntent,
    call: impl FnOnce(&dyn Source) -> Call<Created>,
) -> Result<StartedUpload, Error> {
    let options = transfer.take_options()?;
    // First the source: without a file there shall be no video.
    let mut source = transfer.source.await?;
    if source.size() == 0 {
        return Err(UploadError::Empty.into());
    }
    let (_, warning) = media_type::look(&mut *source, Expected::Video).await?;
    let location = transfer.journal.unwrap_or_else(|| match vimeo.journal_location() {
        JournalLocation::In(journal) => JournalLocation::In(vimeo.part_of(journal)),
        other => other,
    });
    let mut claimed = claim(vimeo, location.clone(), &mut *source, &intent).await?;
    if transfer.start_over
        && let Some(earlier) =
            claimed.take_if(|claim| matches!(claim.resume_state(), ResumeState::Resumable(_)))
    {
        abandon(vimeo, earlier).await?;
        claimed = claim(vimeo, location, &mut *source, &intent).await?;
    }
    let mut claim = claimed;
    let entry = claim.as_ref().map(|claim| (claim.journal(), claim.entry().id()));
    let earlier = match &claim {
        Some(claim) => earlier(claim, &intent, source.name())?,
        None => None,
    };
    let continued = earlier.is_some();
    let mut warnings: Vec<Warning> = warning.into_iter().collect();
    let (ticket, page, version_uri) = match earlier {
        Some(known) => known,
        None => {
            let call = call(&*source);
            let (known, warning) = create(vimeo, &mut claim, &mut *source, intent, call).await?;
            warnings.extend(warning);
            known
        }
    };
    if let Some(callback) = transfer.on_ticket {
        callback(&ticket);
    }
    let mut upload = Upload::new(ticket.clone(), source)
        .options(options)
        .client(vimeo.link_client()?)
        .new_upload(!continued);
    if let Some(callback) = transfer.on_progress {
        upload = upload.on_progress(callback);
    }
    if let Some(claim) = claim {
        upload = upload.journal(claim);
    }
    Ok(StartedUpload { upload, ticket, page, version_uri, continued, warnings, entry })
}

type Known = (UploadTicket, Option<String>, Option<String>);

/// Claims the upload in the journal, where there is one and the source is a file that can be found again.
async fn claim(
    vimeo: &Vimeo,
    location: JournalLocation,
    source: &mut dyn Source,
    intent: &UploadIntent,
) -> Result<Option<JournalLock>, Error> {
    let (journal, asked_for) = match location {
        JournalLocation::Off => return Ok(None),
        JournalLocation::In(journal) => (journal, true),
        JournalLocation::StateFolder => match Journal::in_state_folder() {
            Ok(journal) => (vimeo.part_of(journal), false),
            Err(error) => {
                tracing::warn!(%error, "no journal: an upload that is killed will not be resumed");
                return Ok(None);
            }
        },
    };
    let (Some(_), Some(owner)) = (source.path(), vimeo.owner()) else { return Ok(None) };
    let identity = Identity { purpose: intent.purpose.clone(), owner: Some(owner) };
    match journal.lock_unrequested(source, identity, intent.settings.clone()).await {
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
fn earlier(claim: &JournalLock, intent: &UploadIntent, name: &str) -> Result<Option<Known>, Error> {
    let entry = claim.entry();
    match claim.resume_state() {
        ResumeState::New => Ok(None),
        ResumeState::OutcomeUnknown => Err(UploadError::OutcomeUnknown {
            what: format!("{} for {name}", intent.what),
            requested_at: entry.requested_at.unwrap_or(entry.started_at),
            entry: Some(entry.id()),
            source: None,
        }
        .into()),
        ResumeState::Resumable(ticket) => {
            let differing = kept_settings::differing(&entry.settings, &intent.settings);
            if !differing.is_empty() {
                return Err(UploadError::SettingsMismatch {
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
    vimeo: &Vimeo,
    claim: &mut Option<JournalLock>,
    source: &mut dyn Source,
    intent: UploadIntent,
    call: Call<Created>,
) -> Result<(Known, Option<Warning>), Error> {
    let fingerprint = match claim {
        Some(claim) => Some(claim.entry().fingerprint.clone()),
        None => source.fingerprint().await?,
    };
    let mark = claim.as_ref().map(JournalLock::mark);
    let what = format!("{} for {}", intent.what, source.name());
    let created = match ask(call, what, mark).await {
        Ok(created) => created,
        Err(Asked::Refused(error)) => {
            give_up(claim.take()).await;
            return Err(error);
        }
        Err(Asked::Unanswered(mut unanswered)) => {
            unanswered.entry = claim.as_ref().map(|claim| claim.entry().id());
            // Even what is no answer of Vimeo's mostly tells the time.
            let ahead = unanswered.source.headers().and_then(|headers| clock_ahead(headers, wall_clock()));
            if let (Some(claim), Some(ahead)) = (claim, ahead)
                && let Err(error) = claim.note_server_clock(ahead).await
            {
                tracing::warn!(%error, "the difference between Vimeo's clock and this one is not written down");
            }
            return Err(unanswered.into());
        }
    };
    let (video_uri, version_uri) = match intent.video_uri {
        Some(video) => (Some(video), created.uri.clone()),
        None => (created.uri.clone(), None),
    };
    let video_uri = video_uri.ok_or_else(no_video)?;
    let warning = privacy_warning(&created, &intent.settings);
    let ticket = match created.ticket(vimeo, video_uri, source.size()) {
        Ok(ticket) => ticket.with_fingerprint(fingerprint),
        // The video is known, and that nothing can be sent to it: an entry could only be refused again.
        Err(error) => {
            give_up(claim.take()).await;
            return Err(error.into());
        }
    };
    if let Some(claim) = claim {
        claim.note(created.link.clone(), version_uri.clone());
        // The video is there: better to fill it now than to leave it empty for want of a note.
        if let Err(error) = claim.record(&ticket).await {
            tracing::warn!(%error, video = ticket.video_uri(), "the upload cannot be resumed if it is killed");
        }
    }
    Ok(((ticket, created.link, version_uri), warning))
}

/// Creates a video for which there is nothing to send from here.
pub(crate) async fn create_only<T>(call: Call<T>, what: &str) -> Result<T, Error>
where
    T: DeserializeOwned + Send + 'static,
{
    ask(call, what.to_owned(), None).await.map_err(|asked| match asked {
        Asked::Refused(error) => error,
        Asked::Unanswered(unanswered) => unanswered.into(),
    })
}

/// How asking for something to be created came to nothing.
enum Asked {
    /// It surely was not.
    Refused(Error),
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
        UploadError::OutcomeUnknown { what, requested_at: asked, entry, source: Some(Box::new(source)) }
            .into()
    }
}

async fn ask<T>(call: Call<T>, what: String, mark: Option<Arc<JournalMarker>>) -> Result<T, Asked>
where
    T: DeserializeOwned + Send + 'static,
{
    // A call that is not sent because it could not be written down first: that is what went wrong, not the call.
    let unwritten = Arc::new(Mutex::new(None::<UploadError>));
    let kept = Arc::clone(&unwritten);
    let before = BeforeSend::new(move || {
        let (mark, kept) = (mark.clone(), Arc::clone(&kept));
        async move {
            let Some(mark) = mark else { return Ok(()) };
            mark.write().await.map_err(|error| {
                let layer = vimeo_api::Error::Middleware(error.to_string().into());
                *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                layer
            })
        }
    });
    let asked = wall_clock();
    match call.extension(before.clone()).send().await {
        Ok(created) => Ok(created.into_inner()),
        Err(error) if !before.is_done() => {
            let unwritten = unwritten.lock().unwrap_or_else(PoisonError::into_inner).take();
            Err(Asked::Refused(unwritten.map_or_else(|| error.into(), Error::from)))
        }
        Err(error) if surely_nothing_created(&error) => Err(Asked::Refused(error.into())),
        Err(source) => Err(Asked::Unanswered(Unanswered { what, asked, entry: None, source })),
    }
}

/// Whether a call that went out and failed surely left nothing behind.
fn surely_nothing_created(error: &vimeo_api::Error) -> bool {
    // Vimeo's own trouble has a number; any other 5xx may have happened behind its back.
    let is_own_trouble = error.api().is_some_and(|answer| {
        answer.status().is_server_error()
            && answer.origin() == ResponseOrigin::Api
            && answer.error_code().is_some()
    });
    is_own_trouble || effect_of_error(error) == Effect::Nothing
}

/// What this machine's clock says, as the journal writes it down.
pub(crate) fn wall_clock() -> DateTime<Utc> {
    SystemTime::now().into()
}

/// By how much the clock of whoever answered is ahead of `now`, as far as its `Date` tells.
pub(crate) fn clock_ahead(headers: &HeaderMap, now: DateTime<Utc>) -> Option<TimeDelta> {
    let date = headers.get(header::DATE)?.to_str().ok()?;
    let date = DateTime::parse_from_rfc2822(date.trim()).ok()?.with_timezone(&Utc);
    Some(date.signed_duration_since(now))
}

/// An answer that names no video.
pub(crate) fn no_video() -> Error {
    let reason = "Vimeo's answer names no video; look for it among the account's videos".to_owned();
    UploadError::InvalidTicket { reason }.into()
}

/// Takes back what the journal was told of something that did not come to be.
async fn give_up(claim: Option<JournalLock>) {
    if let Some(claim) = claim
        && let Err(error) = claim.finish().await
    {
        tracing::warn!(%error, "an upload that was not begun stays in the journal");
    }
}
