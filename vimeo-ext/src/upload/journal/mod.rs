//! Uploads that outlive the process: one small file for each, so that one killed at any moment goes
//! on where the server stands and never makes a second video.

mod files;
mod identity;
mod path_text;
mod version_1;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use self::files::{Files, check_folder, create_private_folder};
pub use self::identity::Purpose;
pub(crate) use self::identity::{Identity, Owner};
use super::source::{Source, off_the_runtime, whole_sha256};
use crate::auth::AccountKey;
use crate::error::{UploadError, is_journal_id, journal_id_in};
use crate::hex::hex;
use crate::upload_ticket::{Fingerprint, UploadTicket};

/// The version of the entries that are written. Those of version 1 are read as well.
const VERSION: u32 = 2;

/// A folder with one small JSON file for each upload that is not finished.
///
/// The files hold upload links, which are secrets; on Unix only their owner can read them. A folder or a file that others
/// may write is refused, because it could lead an upload elsewhere. Files are
/// replaced whole, so a process or machine that dies while writing leaves the old or the new one.
///
/// ```no_run
/// # async fn create_video(size: u64) -> Result<vimeo_ext::upload::UploadTicket, vimeo_ext::upload::UploadError> { unimplemented!() }
/// # async fn demo() -> Result<(), vimeo_ext::upload::UploadError> {
/// use vimeo_ext::upload::{FileSource, Journal, Purpose, Source, ResumeState, Upload};
/// let journal = Journal::in_state_folder()?;
/// let mut source = FileSource::open("film.mp4").await?;
/// let mut claim = journal.lock(&mut source, Purpose::NewVideo).await?;
/// let ticket = match claim.resume_state() {
///     ResumeState::Resumable(ticket) => ticket.clone(),
///     ResumeState::New | ResumeState::OutcomeUnknown => {
///         let ticket = create_video(source.size()).await?;
///         claim.record(&ticket).await?;
///         ticket
///     }
/// };
/// Upload::new(ticket, source).journal(claim).run().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Journal {
    folder: PathBuf,
    sha256: bool,
}

/// One upload that is not finished.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PendingUpload {
    version: u32,
    /// The name of its files, which is not in them.
    #[serde(skip)]
    id: String,
    /// The file, as an absolute path.
    #[serde(with = "path_text")]
    pub path: PathBuf,
    /// What the upload is for, and whose it is.
    #[serde(flatten)]
    pub(crate) identity: Identity,
    /// What the file looked like when the upload began.
    pub fingerprint: Fingerprint,
    /// When the upload began.
    #[serde(rename = "begun")]
    pub started_at: DateTime<Utc>,
    /// When Vimeo was asked for the video; `None` when the process ended before, so that there is none.
    #[serde(rename = "asked", default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<DateTime<Utc>>,
    /// By how many seconds Vimeo's clock was ahead of this machine's when it was asked; `None` when no answer told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) server_clock_ahead: Option<i64>,
    /// The ticket; `None` when the process ended before the video was known to be created.
    pub ticket: Option<UploadTicket>,
    /// What the video was to be created with, as it was sent to Vimeo but without a password; null when that was not
    /// kept.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub settings: Value,
    /// The video's page, where the answer named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// The version that this upload fills, where it replaces the file of a video and the answer named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_uri: Option<String>,
}

impl PendingUpload {
    /// The name of this upload, to [`discard`](Journal::discard) it by.
    pub fn id(&self) -> String {
        self.id.clone()
    }

    /// What the upload is for.
    pub fn purpose(&self) -> &Purpose {
        &self.identity.purpose
    }

    /// The account that began it, where the client knew it by name.
    pub fn account(&self) -> Option<&str> {
        match &self.identity.owner.as_ref()?.account {
            AccountKey::Account(name) => Some(name),
            _ => None,
        }
    }

    /// The base URL of the API that it was begun at, where a client began it.
    pub fn api(&self) -> Option<&str> {
        Some(&self.identity.owner.as_ref()?.api)
    }

    /// Whether anything may have been created for it.
    fn is_begun(&self) -> bool {
        self.ticket.is_some() || self.requested_at.is_some()
    }
}

/// How far an earlier run of the same upload came.
#[derive(Debug, Clone, Copy)]
pub enum ResumeState<'a> {
    /// There was none.
    New,
    /// It ended after it began and before a ticket was recorded: a video may have been created
    /// that nobody knows of. Look for it before creating another.
    OutcomeUnknown,
    /// Its video exists: resume with this ticket.
    Resumable(&'a UploadTicket),
}

/// The right to work on one upload. No other process, and no other task, has it at the same time;
/// it ends when this is dropped or the process dies.
#[derive(Debug)]
pub struct JournalLock {
    entry: PendingUpload,
    is_new: bool,
    files: Files,
    lock: Lock,
}

/// Held, not read: the lock ends with the last of these. Whatever writes or removes the files holds one, because that goes
/// on in its thread when the future which asked for it is dropped, and nobody else may come in before it is over.
type Lock = Arc<File>;

impl Journal {
    /// A journal in `folder`, which is created when it is first written to.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), sha256: false }
    }

    /// Whether the SHA-256 of a whole file is kept and compared too, not only a sample of its ends. Default: no. The file
    /// is then read once more before its upload begins and whenever it is resumed.
    #[must_use]
    pub fn sha256(mut self, whole: bool) -> Self {
        self.sha256 = whole;
        self
    }

    /// A journal in the platform's folder for such things: on Linux
    /// `$XDG_STATE_HOME/vimeo/uploads`, elsewhere the user's local application data.
    ///
    /// # Errors
    /// [`UploadError::Io`] when the platform names no such folder, as for a user without a home.
    pub fn in_state_folder() -> Result<Self, UploadError> {
        match dirs::state_dir().or_else(dirs::data_local_dir) {
            Some(folder) => Ok(Self::in_folder(folder.join("vimeo").join("uploads"))),
            None => Err(UploadError::io(
                "find",
                "the user's state folder",
                io::Error::new(io::ErrorKind::NotFound, "name a folder for the journal instead"),
            )),
        }
    }

    /// The part of it that is one account's alone.
    pub(crate) fn of_account(mut self, account: &str) -> Self {
        // Not the name itself, which may be no name for a folder.
        let digest = hex(&Sha256::digest(account));
        self.folder.extend(["accounts", digest.as_str()]);
        self
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Claims the upload of a file, whether it is new or was begun before.
    ///
    /// Uploads of one file are told apart by their `purpose`; a program whose uploads differ in more, such as the account,
    /// names that in [`Purpose::Other`]. A new upload is written down at once, before anything is created for it.
    ///
    /// # Errors
    /// [`UploadError::InUse`] when another process or task has it; [`UploadError::Journal`] when
    /// the file is not what it was when the upload began, or the entry is damaged;
    /// [`UploadError::Io`] when the source has no path or the journal cannot be written.
    pub async fn lock(
        &self,
        source: &mut (impl Source + ?Sized),
        purpose: impl Into<Purpose>,
    ) -> Result<JournalLock, UploadError> {
        self.take(source, purpose.into().into(), Value::Null, true).await
    }

    /// As [`lock`](Self::lock), but not yet marked as asked for, and with the settings that the video is created with.
    /// What was begun before keeps the settings it was begun with.
    pub(crate) async fn lock_unrequested(
        &self,
        source: &mut (impl Source + ?Sized),
        identity: Identity,
        settings: Value,
    ) -> Result<JournalLock, UploadError> {
        self.take(source, identity, settings, false).await
    }

    async fn take(
        &self,
        source: &mut (impl Source + ?Sized),
        identity: Identity,
        settings: Value,
        asks: bool,
    ) -> Result<JournalLock, UploadError> {
        let name = source.name().to_owned();
        let refused = |reason: &str| {
            let error = io::Error::new(io::ErrorKind::InvalidInput, reason);
            UploadError::io("keep a journal of", name.clone(), error)
        };
        let Some(path) = source.path().map(Path::to_owned) else {
            return Err(refused("it was opened without a path"));
        };
        let Some(mut fingerprint) = source.fingerprint().await? else {
            return Err(refused("it cannot be told from another"));
        };
        if self.sha256 {
            fingerprint.sha256 = Some(whole_sha256(source).await?);
        }
        let folder = self.folder.clone();
        off_the_runtime(&name.clone(), "claim", move || {
            let path = path.canonicalize().map_err(|e| UploadError::io("find", &name, e))?;
            create_private_folder(&folder)?;
            let mut files = Files::new(&folder, &identity.id(&path));
            // An earlier release called it otherwise, and what it began goes on under that name.
            if let Some(id) = version_1::id(&identity, &path)
                && let earlier = Files::new(&folder, &id)
                && !files.entry.exists()
                && earlier.entry.exists()
            {
                files = earlier;
            }
            let lock = files.lock(&name)?;
            let (entry, is_new) = match files.read()? {
                Some(entry) if entry.is_begun() => {
                    if let Some(what) = entry.fingerprint.change(&fingerprint) {
                        return Err(files.unusable(format!("{name} {what}")));
                    }
                    (entry, false)
                }
                _ => {
                    let now = SystemTime::now().into();
                    let entry = PendingUpload {
                        version: VERSION,
                        id: files.id.clone(),
                        path,
                        identity,
                        fingerprint,
                        started_at: now,
                        requested_at: asks.then_some(now),
                        server_clock_ahead: None,
                        ticket: None,
                        settings,
                        page: None,
                        version_uri: None,
                    };
                    files.write(&entry)?;
                    (entry, true)
                }
            };
            Ok(JournalLock { entry, is_new, files, lock: Arc::new(lock) })
        })
        .await
    }

    /// Claims an upload by its [`id`](PendingUpload::id), whether or not its file is there; `None` when there is no such entry.
    pub(crate) async fn lock_entry(&self, id: &str) -> Result<Option<JournalLock>, UploadError> {
        if !is_journal_id(id) {
            return Ok(None);
        }
        let (folder, id) = (self.folder.clone(), id.to_owned());
        off_the_runtime(&id.clone(), "claim", move || {
            let files = Files::new(&folder, &id);
            if !check_folder(&folder)? || !files.entry.exists() {
                return Ok(None);
            }
            let lock = files.lock(&id)?;
            let Some(entry) = files.read()? else { return Ok(None) };
            Ok(Some(JournalLock { entry, is_new: false, files, lock: Arc::new(lock) }))
        })
        .await
    }

    /// All uploads that are not finished, the oldest first; a damaged entry is an error in its
    /// place. None when there is no such folder.
    ///
    /// # Errors
    /// [`UploadError::Io`] when the folder cannot be read.
    pub async fn list(&self) -> Result<Vec<Result<PendingUpload, UploadError>>, UploadError> {
        let folder = self.folder.clone();
        let name = folder.display().to_string();
        off_the_runtime(&name.clone(), "list", move || {
            let failed = |error| UploadError::io("list", &name, error);
            if !check_folder(&folder)? {
                return Ok(Vec::new());
            }
            let found = match std::fs::read_dir(&folder) {
                Ok(found) => found,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(failed(error)),
            };
            let mut entries = Vec::new();
            for item in found {
                let path = item.map_err(failed)?.path();
                let Some(id) = journal_id_in(&path) else { continue };
                entries.extend(Files::new(&folder, id).read().transpose());
            }
            entries.sort_by_key(|entry| entry.as_ref().ok().map(|entry| entry.started_at));
            Ok(entries)
        })
        .await
    }

    /// Forgets an upload by its [`id`](PendingUpload::id) or by the name of a damaged journal file;
    /// `false` when there was none. The video, if there is one, stays as it is.
    ///
    /// # Errors
    /// [`UploadError::InUse`] while it is running; [`UploadError::Io`] when the files cannot be
    /// removed.
    pub async fn discard(&self, id: &str) -> Result<bool, UploadError> {
        let folder = self.folder.clone();
        let id = journal_id_in(Path::new(id)).unwrap_or(id).to_owned();
        // What is no name of ours is never made part of a path.
        if !is_journal_id(&id) {
            return Ok(false);
        }
        off_the_runtime(&id.clone(), "discard", move || {
            let files = Files::new(&folder, &id);
            if !check_folder(&folder)? || !files.entry.exists() {
                return Ok(false);
            }
            let _lock = files.lock(&id)?;
            files.remove()?;
            Ok(true)
        })
        .await
    }
}

impl JournalLock {
    /// How far an earlier run came.
    pub fn resume_state(&self) -> ResumeState<'_> {
        match &self.entry.ticket {
            Some(ticket) => ResumeState::Resumable(ticket),
            None if self.is_new => ResumeState::New,
            None => ResumeState::OutcomeUnknown,
        }
    }

    /// The journal that it is in.
    pub(crate) fn journal(&self) -> Journal {
        Journal::in_folder(self.files.folder.clone())
    }

    /// The entry as it is written down.
    pub fn entry(&self) -> &PendingUpload {
        &self.entry
    }

    /// Writes the ticket down. Call it as soon as the video is created, before bytes are sent.
    ///
    /// # Errors
    /// [`UploadError::Io`] when it cannot be written; the entry before then stands.
    pub async fn record(&mut self, ticket: &UploadTicket) -> Result<(), UploadError> {
        let mut entry = self.entry.clone();
        entry.ticket = Some(ticket.clone());
        self.write(entry).await
    }

    /// Writes down what an answer told of Vimeo's clock, beside when Vimeo was asked.
    pub(crate) async fn note_server_clock(&mut self, ahead: TimeDelta) -> Result<(), UploadError> {
        let files = self.files.clone();
        let name = files.entry.display().to_string();
        // The mark, which says when it was asked, is made by whoever sends the request.
        let written = off_the_runtime(&name, "read", move || files.read()).await?;
        let mut entry = written.unwrap_or_else(|| self.entry.clone());
        entry.server_clock_ahead = Some(ahead.num_seconds());
        self.write(entry).await
    }

    /// Corrects when Vimeo was asked: what lies ahead was written down by a clock that has been set since.
    pub(crate) async fn note_asked(&mut self, asked: DateTime<Utc>) -> Result<(), UploadError> {
        let mut entry = self.entry.clone();
        entry.requested_at = Some(asked);
        self.write(entry).await
    }

    async fn write(&mut self, entry: PendingUpload) -> Result<(), UploadError> {
        let (files, lock) = (self.files.clone(), Arc::clone(&self.lock));
        let name = files.entry.display().to_string();
        self.entry = off_the_runtime(&name, "write", move || {
            let written = files.write(&entry);
            drop(lock);
            written.map(|()| entry)
        })
        .await?;
        Ok(())
    }

    /// What marks the upload as asked for: to be done last before Vimeo is asked, by whoever does that.
    pub(crate) fn mark(&self) -> Arc<JournalMarker> {
        Arc::new(JournalMarker {
            entry: self.entry.clone(),
            files: self.files.clone(),
            lock: Arc::clone(&self.lock),
        })
    }

    /// Has the page and the version written down with the ticket.
    pub(crate) fn note(&mut self, page: Option<String>, version_uri: Option<String>) {
        self.entry.page = page;
        self.entry.version_uri = version_uri;
    }

    /// Removes the entry, because the upload is finished or given up.
    ///
    /// # Errors
    /// [`UploadError::Io`] when the files cannot be removed.
    pub async fn finish(self) -> Result<(), UploadError> {
        let (files, lock) = (self.files, self.lock);
        let name = files.entry.display().to_string();
        off_the_runtime(&name, "remove", move || {
            let removed = files.remove();
            drop(lock);
            removed
        })
        .await
    }
}

/// Marks an upload as asked for.
#[derive(Debug)]
pub(crate) struct JournalMarker {
    entry: PendingUpload,
    files: Files,
    lock: Lock,
}

impl JournalMarker {
    /// Writes down that Vimeo is asked now.
    pub(crate) async fn write(&self) -> Result<(), UploadError> {
        let mut entry = self.entry.clone();
        entry.requested_at = Some(SystemTime::now().into());
        let (files, lock) = (self.files.clone(), Arc::clone(&self.lock));
        let name = files.entry.display().to_string();
        off_the_runtime(&name, "write", move || {
            let written = files.write(&entry);
            drop(lock);
            written
        })
        .await
    }
}

#[cfg(test)]
mod tests;
