//! Starts an upload: creates the video or version for a file, or resumes the one that an earlier run created.
//!
//! The order makes it safe to kill the process at any moment. The journal records the request right before it is sent, and
//! the upload link before any byte is sent. A later run finds the link, or that nothing was requested, or that the response
//! is missing. In none of these cases does it create a second video.

use std::num::NonZeroU64;
use std::path::Path;

use serde_json::Value;
use vimeo_api::Call;

use super::Warning;
use super::abandon::delete_target;
use super::creation_call::{CreateError, send_creation};
use super::creation_response::{Created, missing_video_uri, privacy_warning};
use super::media_type::{self, Expected};
use super::request_time::{server_clock_ahead, wall_clock};
use crate::upload::{
    Bandwidth, BoxFuture, Chunking, Identity, IntoSource, Journal, JournalLocation, JournalLock, Progress,
    Purpose, ResumeState, Source, Upload, UploadError, UploadOptions, UploadTicket,
};
use crate::{Error, Vimeo};

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
        delete_target(vimeo, &resumable).await?;
        resumable.remove_entry().await?;
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
            remove_entry(lock.take(), source).await;
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
            remove_entry(lock.take(), source).await;
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

/// Removes the journal entry of something that was not created. The source can be uploaded again: what was spooled is removed
/// with it.
async fn remove_entry(lock: Option<JournalLock>, source: &mut dyn Source) {
    let Some(lock) = lock else { return };
    match lock.remove_entry().await {
        Ok(()) => source.release(),
        Err(error) => {
            tracing::warn!(%error, "the journal entry of an upload that did not start was not removed");
        }
    }
}
