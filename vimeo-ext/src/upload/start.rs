//! Starts an upload: creates the video or version for a file, or resumes the one that an earlier run created.
//!
//! The order makes it safe to kill the process at any moment. The journal records the request right before it is sent, and
//! the upload link before any byte is sent. A later run finds the link, or that nothing was requested, or that the response
//! is missing. In none of these cases does it create a second video.

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
use vimeo_api::{Call, ResponseOrigin, Secret, is_loopback};

use super::media_type::{self, Expected};
use crate::pipeline::BeforeSend;
use crate::retry::{Effect, effect_of_error};
use crate::upload::{
    Bandwidth, BoxFuture, Chunking, Identity, IntoSource, Journal, JournalLocation, JournalLock,
    JournalMarker, Progress, Purpose, ResumeState, Source, Upload, UploadError, UploadHandle, UploadOptions,
    UploadTicket, Uploaded,
};
use crate::upload_ticket::link_problem;
use crate::{Error, Vimeo};

/// A possible mistake that did not stop the upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Warning {
    /// The first bytes belong to another kind of file.
    MediaType {
        /// The detected media type.
        found: String,
        /// The kind of file that was expected, such as `a video`.
        expected: &'static str,
    },
    /// Vimeo set another privacy than the one requested, for example because the plan does not include it.
    #[serde(rename = "other_privacy")]
    PrivacyMismatch {
        /// The requested privacy.
        #[serde(rename = "asked")]
        requested: String,
        /// The privacy in Vimeo's response.
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
                    "privacy `{requested}` was requested, but Vimeo set `{found}`: change it or delete the video"
                )
            }
        }
    }
}

type OnProgress = Box<dyn FnMut(&Progress) + Send>;
type OnTicket = Box<dyn FnOnce(&UploadTicket) + Send>;

/// A file and how to send it.
pub(crate) struct UploadJob {
    pub(crate) source: BoxFuture<'static, Result<Box<dyn Source>, UploadError>>,
    pub(crate) options: UploadOptions,
    /// `None`: the client's setting.
    pub(crate) journal: Option<JournalLocation>,
    pub(crate) on_progress: Option<OnProgress>,
    pub(crate) on_ticket: Option<OnTicket>,
    /// In bytes; takes precedence over the options.
    pub(crate) chunk_size: Option<u64>,
    /// In bytes per second; takes precedence over the options.
    pub(crate) bandwidth: Option<u64>,
    /// Whether to abandon an upload that an earlier run started.
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

    /// Returns the options with `chunk_size` and `bandwidth` applied.
    fn take_options(&mut self) -> Result<UploadOptions, vimeo_api::Error> {
        let positive = |bytes: u64, what: &str| {
            let problem =
                || vimeo_api::Error::invalid("upload", format!("{what} is 0 bytes; use at least 1 byte"));
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

/// What to create for the file.
pub(crate) struct UploadIntent {
    pub(crate) purpose: Purpose,
    /// For messages: `a video`.
    pub(crate) what: String,
    /// The settings that the video is created with, as the journal stores them.
    pub(crate) settings: Value,
    /// The URI of the video, if it exists already.
    pub(crate) video_uri: Option<String>,
}

/// The part of a creation response that the upload needs. A type of its own, so that the link is never held as plain text.
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
    /// Returns the ticket of the tus upload that Vimeo opened for `video_uri`.
    pub(crate) fn ticket(
        &self,
        vimeo: &Vimeo,
        video_uri: String,
        size: u64,
    ) -> Result<UploadTicket, UploadError> {
        let upload = self.upload.as_ref();
        // tus was requested, so a response that does not name the approach means tus.
        let approach = upload.and_then(|upload| upload.approach.as_deref()).unwrap_or(TUS);
        if !approach.eq_ignore_ascii_case(TUS) {
            let approach = sanitize_value(approach);
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

/// Returns a warning if Vimeo set another privacy than the one requested.
fn privacy_warning(created: &Created, settings: &Value) -> Option<Warning> {
    let requested = settings.pointer("/privacy/view").and_then(Value::as_str)?;
    let found = created.privacy.as_ref()?.view.as_ref()?.as_str()?;
    let warning =
        || Warning::PrivacyMismatch { requested: requested.to_owned(), found: sanitize_value(found) };
    (requested != found).then(warning)
}

/// The approach of resumable uploads.
const TUS: &str = "tus";

/// Makes a value that a server sent short and plain enough for a message.
fn sanitize_value(value: &str) -> String {
    value.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')).take(40).collect()
}

/// An upload that is ready to run, and what is known of its target.
pub(crate) struct StartedUpload {
    pub(crate) upload: Upload,
    pub(crate) target: UploadTarget,
    /// Whether an earlier run created the video or version.
    pub(crate) continued: bool,
    pub(crate) warnings: Vec<Warning>,
    /// The journal and the ID of the upload's entry.
    pub(crate) entry: Option<(Journal, String)>,
}

/// Where the bytes of an upload go.
pub(crate) struct UploadTarget {
    pub(crate) ticket: UploadTicket,
    pub(crate) page: Option<String>,
    pub(crate) version_uri: Option<String>,
}

/// Returns the result of an upload; if its handle abandoned it, deletes the video, or the version if `is_replacement`.
pub(crate) async fn finish_or_abandon(
    vimeo: &Vimeo,
    handle: &UploadHandle,
    result: Result<Uploaded, UploadError>,
    UploadTarget { ticket, version_uri, .. }: UploadTarget,
    is_replacement: bool,
    entry: Option<(Journal, String)>,
) -> Result<Uploaded, Error> {
    let source = match result {
        Ok(uploaded) => return Ok(uploaded),
        Err(source) => Box::new(source),
    };
    if !matches!(*source, UploadError::Cancelled { .. }) || !handle.is_abandoned() {
        return Err(Error::Upload { source, ticket: Some(Box::new(ticket)) });
    }
    let lock = match entry {
        Some((journal, id)) => journal.lock_entry(&id).await?,
        None => None,
    };
    match (lock, is_replacement) {
        (Some(lock), _) => abandon(vimeo, lock).await?,
        (None, true) => delete_incomplete(vimeo, version_uri.as_deref()).await?,
        (None, false) => delete_incomplete(vimeo, Some(ticket.video_uri())).await?,
    }
    Err(Error::Upload { source, ticket: None })
}

/// Deletes the video or version that waits for the file of an upload, and removes the journal entry.
pub(crate) async fn abandon(vimeo: &Vimeo, lock: JournalLock) -> Result<(), Error> {
    let entry = lock.entry();
    let uri = match entry.purpose() {
        Purpose::NewVersion { .. } => entry.version_uri.as_deref(),
        _ => entry.ticket.as_ref().map(UploadTicket::video_uri),
    };
    delete_incomplete(vimeo, uri).await?;
    Ok(lock.finish().await?)
}

/// Deletes a video or version that waits for its file. Keeps one that has its file or whose status is unknown.
async fn delete_incomplete(vimeo: &Vimeo, uri: Option<&str>) -> Result<(), Error> {
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
            tracing::warn!(uri, "not deleted: the upload is complete");
            return Ok(());
        }
        // A proxy's response or a value of a later API: its meaning is unknown, and a deletion cannot be undone.
        _ => return Err(UploadError::UnknownStatus { uri: uri.to_owned() }.into()),
    }
    match vimeo.delete(uri).send().await {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Opens the file, then sends `call` to create the video or version, or finds the one that an earlier run created.
pub(crate) async fn start(
    vimeo: &Vimeo,
    mut job: UploadJob,
    intent: UploadIntent,
    call: impl FnOnce(&dyn Source) -> Call<Created>,
) -> Result<StartedUpload, Error> {
    let options = job.take_options()?;
    // The source comes first: without a file, no video is created.
    let mut source = job.source.await?;
    if source.size() == 0 {
        return Err(UploadError::Empty.into());
    }
    let (_, warning) = media_type::sniff_source(&mut *source, Expected::Video).await?;
    let location = job.journal.unwrap_or_else(|| match vimeo.journal_location() {
        JournalLocation::In(journal) => JournalLocation::In(vimeo.scoped_to_client(journal)),
        other => other,
    });
    let mut lock = lock_journal(vimeo, location.clone(), &mut *source, &intent).await?;
    if job.start_over
        && let Some(resumable) = lock.take_if(|lock| matches!(lock.resume_state(), ResumeState::Resumable(_)))
    {
        abandon(vimeo, resumable).await?;
        lock = lock_journal(vimeo, location, &mut *source, &intent).await?;
    }
    let entry = lock.as_ref().map(|lock| (lock.journal(), lock.entry().id()));
    let resumable = match &lock {
        Some(lock) => find_resumable(lock, &intent, source.name())?,
        None => None,
    };
    let continued = resumable.is_some();
    let mut warnings: Vec<Warning> = warning.into_iter().collect();
    let target = match resumable {
        Some(target) => target,
        None => {
            let call = call(&*source);
            let (target, warning) = create(vimeo, &mut lock, &mut *source, intent, call).await?;
            warnings.extend(warning);
            target
        }
    };
    if let Some(callback) = job.on_ticket {
        callback(&target.ticket);
    }
    let mut upload = Upload::new(target.ticket.clone(), source)
        .options(options)
        .client(vimeo.link_client()?)
        .new_upload(!continued);
    if let Some(callback) = job.on_progress {
        upload = upload.on_progress(callback);
    }
    if let Some(lock) = lock {
        upload = upload.journal(lock);
    }
    Ok(StartedUpload { upload, target, continued, warnings, entry })
}

/// Locks the upload's journal entry, if there is a journal and the source is a file that can be found again.
async fn lock_journal(
    vimeo: &Vimeo,
    location: JournalLocation,
    source: &mut dyn Source,
    intent: &UploadIntent,
) -> Result<Option<JournalLock>, Error> {
    let (journal, is_explicit) = match location {
        JournalLocation::Off => return Ok(None),
        JournalLocation::In(journal) => (journal, true),
        JournalLocation::StateFolder => match Journal::in_state_folder() {
            Ok(journal) => (vimeo.scoped_to_client(journal), false),
            Err(error) => {
                tracing::warn!(%error, "no journal: an upload that is killed cannot be resumed");
                return Ok(None);
            }
        },
    };
    let (Some(_), Some(owner)) = (source.path(), vimeo.owner()) else { return Ok(None) };
    let identity = Identity { purpose: intent.purpose.clone(), owner: Some(owner) };
    match journal.lock_unrequested(source, identity, intent.settings.clone()).await {
        Ok(lock) => Ok(Some(lock)),
        Err(error) if !is_explicit && is_about_folder(&error, journal.folder()) => {
            tracing::warn!(%error, "no journal: an upload that is killed cannot be resumed");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether the journal's folder, not the file, cannot be used.
fn is_about_folder(error: &UploadError, folder: &Path) -> bool {
    matches!(error, UploadError::Io { name, .. } if Path::new(name).starts_with(folder))
}

/// Returns the target that an earlier run created, if there is one.
///
/// # Errors
///
/// [`UploadError::OutcomeUnknown`] and [`UploadError::SettingsMismatch`].
fn find_resumable(
    lock: &JournalLock,
    intent: &UploadIntent,
    name: &str,
) -> Result<Option<UploadTarget>, Error> {
    let entry = lock.entry();
    match lock.resume_state() {
        ResumeState::New => Ok(None),
        ResumeState::OutcomeUnknown => Err(UploadError::OutcomeUnknown {
            what: format!("{} for {name}", intent.what),
            requested_at: entry.requested_at.unwrap_or(entry.started_at),
            entry: Some(entry.id()),
            source: None,
        }
        .into()),
        ResumeState::Resumable(ticket) => {
            let differing = entry.differing_settings(&intent.settings);
            if !differing.is_empty() {
                return Err(UploadError::SettingsMismatch {
                    name: name.to_owned(),
                    video_uri: ticket.video_uri().to_owned(),
                    differing,
                    entry: entry.id(),
                }
                .into());
            }
            tracing::info!(video = ticket.video_uri(), source = name, "resuming an earlier upload");
            Ok(Some(UploadTarget {
                ticket: ticket.clone(),
                page: entry.page.clone(),
                version_uri: entry.version_uri.clone(),
            }))
        }
    }
}

/// Creates the video or version and records its ticket in the journal.
async fn create(
    vimeo: &Vimeo,
    lock: &mut Option<JournalLock>,
    source: &mut dyn Source,
    intent: UploadIntent,
    call: Call<Created>,
) -> Result<(UploadTarget, Option<Warning>), Error> {
    let fingerprint = match lock {
        Some(lock) => Some(lock.entry().fingerprint.clone()),
        None => source.fingerprint().await?,
    };
    let marker = lock.as_ref().map(JournalLock::marker);
    let what = format!("{} for {}", intent.what, source.name());
    let created = match send_creation(call, what, marker).await {
        Ok(created) => created,
        Err(CreateError::NotCreated(error)) => {
            remove_entry(lock.take()).await;
            return Err(error);
        }
        Err(CreateError::OutcomeUnknown(mut unknown)) => {
            unknown.entry = lock.as_ref().map(|lock| lock.entry().id());
            // Even a response that is not Vimeo's usually has a `Date`.
            let ahead =
                unknown.source.headers().and_then(|headers| server_clock_ahead(headers, wall_clock()));
            if let (Some(lock), Some(ahead)) = (lock, ahead)
                && let Err(error) = lock.record_server_clock(ahead).await
            {
                tracing::warn!(%error, "the difference between Vimeo's clock and the local clock was not recorded");
            }
            return Err(unknown.into());
        }
    };
    let (video_uri, version_uri) = match intent.video_uri {
        Some(video) => (Some(video), created.uri.clone()),
        None => (created.uri.clone(), None),
    };
    let video_uri = video_uri.ok_or_else(missing_video_uri)?;
    let warning = privacy_warning(&created, &intent.settings);
    let ticket = match created.ticket(vimeo, video_uri, source.size()) {
        Ok(ticket) => ticket.with_fingerprint(fingerprint),
        // Nothing can be sent to this video: a run that resumed the entry would be refused again.
        Err(error) => {
            remove_entry(lock.take()).await;
            return Err(error.into());
        }
    };
    if let Some(lock) = lock {
        lock.set_video_details(created.link.clone(), version_uri.clone());
        // The video exists: filling it without a journal entry is better than leaving it empty.
        if let Err(error) = lock.record(&ticket).await {
            tracing::warn!(%error, video = ticket.video_uri(), "the upload cannot be resumed if it is killed");
        }
    }
    Ok((UploadTarget { ticket, page: created.link, version_uri }, warning))
}

/// Creates a video whose file is not sent from here.
pub(crate) async fn create_only<T>(call: Call<T>, what: &str) -> Result<T, Error>
where
    T: DeserializeOwned + Send + 'static,
{
    send_creation(call, what.to_owned(), None).await.map_err(|error| match error {
        CreateError::NotCreated(error) => error,
        CreateError::OutcomeUnknown(unknown) => unknown.into(),
    })
}

/// Why a creation failed.
enum CreateError {
    /// Nothing was created.
    NotCreated(Error),
    /// Something may have been created.
    OutcomeUnknown(UnknownOutcome),
}

struct UnknownOutcome {
    what: String,
    requested_at: DateTime<Utc>,
    entry: Option<String>,
    source: vimeo_api::Error,
}

impl From<UnknownOutcome> for Error {
    fn from(unknown: UnknownOutcome) -> Self {
        let UnknownOutcome { what, requested_at, entry, source } = unknown;
        UploadError::OutcomeUnknown { what, requested_at, entry, source: Some(Box::new(source)) }.into()
    }
}

/// Sends a creation call, and writes `marker` to the journal right before the request goes out.
async fn send_creation<T>(
    call: Call<T>,
    what: String,
    marker: Option<Arc<JournalMarker>>,
) -> Result<T, CreateError>
where
    T: DeserializeOwned + Send + 'static,
{
    // If the marker cannot be written, the call is not sent, and the journal's error is the one to return.
    let journal_error = Arc::new(Mutex::new(None::<UploadError>));
    let slot = Arc::clone(&journal_error);
    let before = BeforeSend::new(move || {
        let (marker, slot) = (marker.clone(), Arc::clone(&slot));
        async move {
            let Some(marker) = marker else { return Ok(()) };
            marker.write().await.map_err(|error| {
                let refused = vimeo_api::Error::Middleware(error.to_string().into());
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                refused
            })
        }
    });
    let requested_at = wall_clock();
    match call.extension(before.clone()).send().await {
        Ok(created) => Ok(created.into_inner()),
        Err(error) if !before.is_done() => {
            let journal_error = journal_error.lock().unwrap_or_else(PoisonError::into_inner).take();
            Err(CreateError::NotCreated(journal_error.map_or_else(|| error.into(), Error::from)))
        }
        Err(error) if certainly_not_created(&error) => Err(CreateError::NotCreated(error.into())),
        Err(source) => {
            Err(CreateError::OutcomeUnknown(UnknownOutcome { what, requested_at, entry: None, source }))
        }
    }
}

/// Whether a call that was sent and failed certainly created nothing.
fn certainly_not_created(error: &vimeo_api::Error) -> bool {
    // Vimeo's own server errors have an error code; with any other 5xx the request may have reached Vimeo.
    let is_api_error = error.api().is_some_and(|response| {
        response.status().is_server_error()
            && response.origin() == ResponseOrigin::Api
            && response.error_code().is_some()
    });
    is_api_error || effect_of_error(error) == Effect::Nothing
}

/// The local clock, in the form that the journal stores.
pub(crate) fn wall_clock() -> DateTime<Utc> {
    SystemTime::now().into()
}

/// Returns how far the responding server's clock is ahead of `now`, if its `Date` header tells.
pub(crate) fn server_clock_ahead(headers: &HeaderMap, now: DateTime<Utc>) -> Option<TimeDelta> {
    let date = headers.get(header::DATE)?.to_str().ok()?;
    let date = DateTime::parse_from_rfc2822(date.trim()).ok()?.with_timezone(&Utc);
    Some(date.signed_duration_since(now))
}

/// The error for a creation response without the URI of a video.
pub(crate) fn missing_video_uri() -> Error {
    let reason = "Vimeo's response has no video URI; look for the video in the account's list".to_owned();
    UploadError::InvalidTicket { reason }.into()
}

/// Removes the journal entry of something that was not created.
async fn remove_entry(lock: Option<JournalLock>) {
    if let Some(lock) = lock
        && let Err(error) = lock.finish().await
    {
        tracing::warn!(%error, "the journal entry of an upload that did not start was not removed");
    }
}
