//! The journal: one small file per unfinished upload, so that a process that is killed at any moment can resume its uploads
//! from the server's offset and never creates a second video.

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
use super::source::{Source, run_blocking, whole_sha256};
use crate::auth::AccountKey;
use crate::error::{UploadError, is_journal_id, journal_id_in};
use crate::hex::hex;
use crate::upload_ticket::{Fingerprint, UploadTicket};

/// The version of entries that are written. Entries of version 1 are read as well.
const VERSION: u32 = 2;

/// A folder with one small JSON file per unfinished upload.
///
/// The files hold upload links, which are secrets; on Unix only their owner can read them. A folder or file that other users
/// can write is refused, because it could redirect an upload. Files are replaced as a whole: if the process or machine dies
/// while writing, the old or the new file is left.
///
/// ```no_run
/// # async fn create_video(size: u64) -> Result<vimeo_ext::upload::UploadTicket, vimeo_ext::upload::UploadError> { unimplemented!() }
/// # async fn demo() -> Result<(), vimeo_ext::upload::UploadError> {
/// use vimeo_ext::upload::{FileSource, Journal, Purpose, Source, ResumeState, Upload};
/// let journal = Journal::in_state_folder()?;
/// let mut source = FileSource::open("film.mp4").await?;
/// let mut lock = journal.lock(&mut source, Purpose::NewVideo).await?;
/// let ticket = match lock.resume_state() {
///     ResumeState::Resumable(ticket) => ticket.clone(),
///     ResumeState::New | ResumeState::OutcomeUnknown => {
///         let ticket = create_video(source.size()).await?;
///         lock.record(&ticket).await?;
///         ticket
///     }
/// };
/// Upload::new(ticket, source).journal(lock).run().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Journal {
    folder: PathBuf,
    sha256: bool,
}

/// An unfinished upload: one entry of a [`Journal`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PendingUpload {
    version: u32,
    /// The name of the entry's files, which is not stored in them.
    #[serde(skip)]
    id: String,
    /// The absolute path of the file.
    #[serde(with = "path_text")]
    pub path: PathBuf,
    #[serde(flatten)]
    pub(crate) identity: Identity,
    /// The fingerprint of the file when the upload started.
    pub fingerprint: Fingerprint,
    /// When the upload started.
    #[serde(rename = "begun")]
    pub started_at: DateTime<Utc>,
    /// When the creation request was sent; `None` if the process ended before, so that no video exists.
    #[serde(rename = "asked", default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<DateTime<Utc>>,
    /// How many seconds Vimeo's clock was ahead of the local clock at the request; `None` if no response told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) server_clock_ahead: Option<i64>,
    /// The ticket; `None` if the process ended before the video was known to be created.
    pub ticket: Option<UploadTicket>,
    /// The settings of the video as they were sent to Vimeo, without the password; null if they were not stored.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub settings: Value,
    /// The URL of the video's page, if the response has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// The version that this upload fills, if it replaces the file of a video and the response names the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_uri: Option<String>,
}

impl PendingUpload {
    /// Returns the ID of the upload; [`discard`](Journal::discard) takes it.
    pub fn id(&self) -> String {
        self.id.clone()
    }

    /// Returns what the upload is for.
    pub fn purpose(&self) -> &Purpose {
        &self.identity.purpose
    }

    /// Returns the account that started the upload, if the client had an account name.
    pub fn account(&self) -> Option<&str> {
        match &self.identity.owner.as_ref()?.account {
            AccountKey::Account(name) => Some(name),
            _ => None,
        }
    }

    /// Returns the base URL of the API, if a client started the upload.
    pub fn api(&self) -> Option<&str> {
        Some(&self.identity.owner.as_ref()?.api)
    }

    /// Returns the names of the settings that differ from `settings`. None differ if the entry stores none.
    pub(crate) fn differing_settings(&self, settings: &Value) -> Vec<String> {
        differing_members(&self.settings, settings)
    }

    /// Whether a video may have been created for it.
    fn may_have_video(&self) -> bool {
        self.ticket.is_some() || self.requested_at.is_some()
    }
}

fn differing_members(stored: &Value, requested: &Value) -> Vec<String> {
    let (Some(stored), Some(requested)) = (stored.as_object(), requested.as_object()) else {
        return Vec::new();
    };
    let mut names: Vec<&String> = stored.keys().chain(requested.keys()).collect();
    names.sort();
    names.dedup();
    names.into_iter().filter(|name| stored.get(*name) != requested.get(*name)).cloned().collect()
}

/// A journal entry that cannot be read.
#[derive(Debug)]
#[non_exhaustive]
pub struct DamagedEntry {
    /// The ID of the entry; [`discard`](Journal::discard) takes it.
    pub id: String,
    /// Why the entry cannot be read.
    pub error: UploadError,
}

/// How far an earlier run of the same upload came.
#[derive(Debug, Clone, Copy)]
pub enum ResumeState<'a> {
    /// There was no earlier run.
    New,
    /// The earlier run ended before it recorded a ticket: a video may exist. Look for it before you create another one.
    OutcomeUnknown,
    /// The video exists: resume with this ticket.
    Resumable(&'a UploadTicket),
}

/// An exclusive lock on the journal entry of one upload, across processes and tasks. It is released on drop, or when the
/// process dies.
#[derive(Debug)]
pub struct JournalLock {
    entry: PendingUpload,
    is_new: bool,
    files: Files,
    lock: FileLock,
}

/// Held for its lock only, which ends with the last clone. Every thread that writes or removes the files holds one: it keeps
/// running if the future that started it is dropped, and nobody else may lock the entry before it is done.
type FileLock = Arc<File>;

impl Journal {
    /// Returns a journal in `folder`. The folder is created on the first write.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), sha256: false }
    }

    /// Sets whether to store and compare the SHA-256 of whole files, not only of their first and last MiB. Default: no. The
    /// file is then read one more time before its upload starts and each time it is resumed.
    #[must_use]
    pub fn sha256(mut self, whole: bool) -> Self {
        self.sha256 = whole;
        self
    }

    /// Returns a journal in the platform's state folder: on Linux `$XDG_STATE_HOME/vimeo/uploads`, elsewhere in the user's
    /// local application data.
    ///
    /// # Errors
    /// [`UploadError::Io`] if the platform has no such folder, for example for a user without a home.
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

    /// Returns the part of the journal that belongs to one account.
    pub(crate) fn for_account(mut self, account: &str) -> Self {
        // The name itself may not be a valid folder name.
        let digest = hex(&Sha256::digest(account));
        self.folder.extend(["accounts", digest.as_str()]);
        self
    }

    /// Returns the journal's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Locks the entry of a file's upload, and creates the entry if the upload is new.
    ///
    /// `purpose` distinguishes the uploads of one file. If the uploads of your program differ in more, such as the account,
    /// put that into [`Purpose::Other`]. A new upload is recorded immediately, before anything is created for it.
    ///
    /// # Errors
    /// - [`UploadError::InUse`] if another process or task holds the lock.
    /// - [`UploadError::Journal`] if the file has changed since the upload started, or the entry is damaged.
    /// - [`UploadError::Io`] if the source has no path or the journal cannot be written.
    pub async fn lock(
        &self,
        source: &mut (impl Source + ?Sized),
        purpose: impl Into<Purpose>,
    ) -> Result<JournalLock, UploadError> {
        self.lock_inner(source, purpose.into().into(), Value::Null, true).await
    }

    /// As [`lock`](Self::lock), but does not mark a new upload as requested, and stores the settings of the video. An upload
    /// that exists keeps its settings.
    pub(crate) async fn lock_unrequested(
        &self,
        source: &mut (impl Source + ?Sized),
        identity: Identity,
        settings: Value,
    ) -> Result<JournalLock, UploadError> {
        self.lock_inner(source, identity, settings, false).await
    }

    async fn lock_inner(
        &self,
        source: &mut (impl Source + ?Sized),
        identity: Identity,
        settings: Value,
        is_requested: bool,
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
            return Err(refused("it has no fingerprint"));
        };
        if self.sha256 {
            fingerprint.sha256 = Some(whole_sha256(source).await?);
        }
        let folder = self.folder.clone();
        run_blocking(&name.clone(), "lock", move || {
            let path = path.canonicalize().map_err(|e| UploadError::io("find", &name, e))?;
            create_private_folder(&folder)?;
            let mut files = Files::new(&folder, &identity.id(&path));
            // An entry that an earlier release started keeps the name of that release.
            if let Some(id) = version_1::id(&identity, &path)
                && let earlier = Files::new(&folder, &id)
                && !files.entry.exists()
                && earlier.entry.exists()
            {
                files = earlier;
            }
            let lock = files.lock(&name)?;
            let (entry, is_new) = match files.read()? {
                Some(entry) if entry.may_have_video() => {
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
                        requested_at: is_requested.then_some(now),
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

    /// Locks an entry by its [`id`](PendingUpload::id), even if its file is missing. Returns `None` if there is no such entry.
    pub(crate) async fn lock_entry(&self, id: &str) -> Result<Option<JournalLock>, UploadError> {
        if !is_journal_id(id) {
            return Ok(None);
        }
        let (folder, id) = (self.folder.clone(), id.to_owned());
        run_blocking(&id.clone(), "lock", move || {
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

    /// Returns all unfinished uploads, oldest first. Entries that cannot be read are in [`damaged`](Self::damaged). Returns
    /// an empty list if the folder does not exist.
    ///
    /// # Errors
    /// [`UploadError::Io`] if the folder cannot be read.
    pub async fn list(&self) -> Result<Vec<PendingUpload>, UploadError> {
        let mut uploads: Vec<PendingUpload> =
            self.read_all().await?.into_iter().filter_map(|(_, entry)| entry.ok()).collect();
        uploads.sort_by_key(|upload| upload.started_at);
        Ok(uploads)
    }

    /// Returns the entries that cannot be read, for example because other users can write them or a later release wrote
    /// them.
    ///
    /// # Errors
    /// [`UploadError::Io`] if the folder cannot be read.
    pub async fn damaged(&self) -> Result<Vec<DamagedEntry>, UploadError> {
        let entries = self.read_all().await?;
        let damaged =
            |(id, entry): (String, Result<_, UploadError>)| Some(DamagedEntry { id, error: entry.err()? });
        Ok(entries.into_iter().filter_map(damaged).collect())
    }

    /// Reads all entries, each with its ID.
    async fn read_all(&self) -> Result<Vec<(String, Result<PendingUpload, UploadError>)>, UploadError> {
        let folder = self.folder.clone();
        let name = folder.display().to_string();
        run_blocking(&name.clone(), "list", move || {
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
                let entry = Files::new(&folder, id).read().transpose();
                entries.extend(entry.map(|entry| (id.to_owned(), entry)));
            }
            Ok(entries)
        })
        .await
    }

    /// Removes an entry by its [`id`](PendingUpload::id) or by the file name of a damaged entry. Returns `false` if there is
    /// none. The video is not changed.
    ///
    /// # Errors
    /// [`UploadError::InUse`] while the upload runs; [`UploadError::Io`] if the files cannot be removed.
    pub async fn discard(&self, id: &str) -> Result<bool, UploadError> {
        let folder = self.folder.clone();
        let id = journal_id_in(Path::new(id)).unwrap_or(id).to_owned();
        // Only a valid ID becomes part of a path.
        if !is_journal_id(&id) {
            return Ok(false);
        }
        run_blocking(&id.clone(), "discard", move || {
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
    /// Returns how far an earlier run came.
    pub fn resume_state(&self) -> ResumeState<'_> {
        match &self.entry.ticket {
            Some(ticket) => ResumeState::Resumable(ticket),
            None if self.is_new => ResumeState::New,
            None => ResumeState::OutcomeUnknown,
        }
    }

    /// Returns the journal of the entry.
    pub(crate) fn journal(&self) -> Journal {
        Journal::in_folder(self.files.folder.clone())
    }

    /// Returns the locked entry.
    pub fn entry(&self) -> &PendingUpload {
        &self.entry
    }

    /// Records the ticket. Call this as soon as the video is created, before bytes are sent.
    ///
    /// # Errors
    /// [`UploadError::Io`] if the entry cannot be written; it is then unchanged.
    pub async fn record(&mut self, ticket: &UploadTicket) -> Result<(), UploadError> {
        let mut entry = self.entry.clone();
        entry.ticket = Some(ticket.clone());
        self.write(entry).await
    }

    /// Records how far Vimeo's clock was ahead at the request.
    pub(crate) async fn record_server_clock(&mut self, ahead: TimeDelta) -> Result<(), UploadError> {
        let files = self.files.clone();
        let name = files.entry.display().to_string();
        // Read again: the marker wrote `requested_at` when the request was sent.
        let written = run_blocking(&name, "read", move || files.read()).await?;
        let mut entry = written.unwrap_or_else(|| self.entry.clone());
        entry.server_clock_ahead = Some(ahead.num_seconds());
        self.write(entry).await
    }

    /// Corrects a request time in the future, which was recorded by a clock that has been set since.
    pub(crate) async fn correct_requested_at(
        &mut self,
        requested_at: DateTime<Utc>,
    ) -> Result<(), UploadError> {
        let mut entry = self.entry.clone();
        entry.requested_at = Some(requested_at);
        self.write(entry).await
    }

    async fn write(&mut self, entry: PendingUpload) -> Result<(), UploadError> {
        let (files, lock) = (self.files.clone(), Arc::clone(&self.lock));
        let name = files.entry.display().to_string();
        self.entry = run_blocking(&name, "write", move || {
            let written = files.write(&entry);
            drop(lock);
            written.map(|()| entry)
        })
        .await?;
        Ok(())
    }

    /// Returns the marker that records the creation request. Write it right before the request is sent.
    pub(crate) fn marker(&self) -> Arc<JournalMarker> {
        Arc::new(JournalMarker {
            entry: self.entry.clone(),
            files: self.files.clone(),
            lock: Arc::clone(&self.lock),
        })
    }

    /// Sets the page and the version; the next [`record`](Self::record) writes them.
    pub(crate) fn set_video_details(&mut self, page: Option<String>, version_uri: Option<String>) {
        self.entry.page = page;
        self.entry.version_uri = version_uri;
    }

    /// Removes the entry, because the upload is finished or abandoned.
    ///
    /// # Errors
    /// [`UploadError::Io`] if the files cannot be removed.
    pub async fn finish(self) -> Result<(), UploadError> {
        let (files, lock) = (self.files, self.lock);
        let name = files.entry.display().to_string();
        run_blocking(&name, "remove", move || {
            let removed = files.remove();
            drop(lock);
            removed
        })
        .await
    }
}

/// Records in the entry that the creation request is being sent.
#[derive(Debug)]
pub(crate) struct JournalMarker {
    entry: PendingUpload,
    files: Files,
    lock: FileLock,
}

impl JournalMarker {
    /// Writes the entry with the current time as the time of the request.
    pub(crate) async fn write(&self) -> Result<(), UploadError> {
        let mut entry = self.entry.clone();
        entry.requested_at = Some(SystemTime::now().into());
        let (files, lock) = (self.files.clone(), Arc::clone(&self.lock));
        let name = files.entry.display().to_string();
        run_blocking(&name, "write", move || {
            let written = files.write(&entry);
            drop(lock);
            written
        })
        .await
    }
}

#[cfg(test)]
mod tests;
