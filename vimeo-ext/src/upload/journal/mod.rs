//! The journal: one small file per unfinished upload, so that a process that is killed at any moment can resume its uploads
//! from the server's offset and never creates a second video.

mod entry;
mod files;
mod identity;
mod lock;
mod path_text;
mod version_1;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value;
use sha2::{Digest, Sha256};

use self::entry::VERSION;
pub use self::entry::{DamagedEntry, JournalEntries, PendingUpload};
use self::files::{Files, check_folder, create_private_folder};
pub use self::identity::Purpose;
pub(crate) use self::identity::{Identity, Owner};
pub(crate) use self::lock::JournalMarker;
pub use self::lock::{JournalLock, ResumeState};
use super::source::{Source, run_blocking, whole_sha256};
use super::state_folder::state_folder;
use crate::error::{UploadError, is_journal_id, journal_id_in};
use crate::hex::hex;

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
        Ok(Self::in_folder(state_folder("journal")?.join("uploads")))
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
        let spooled = source.is_spooled();
        let lock = run_blocking(&name.clone(), "lock", move || {
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
                        spooled,
                    };
                    files.write(&entry)?;
                    (entry, true)
                }
            };
            Ok(JournalLock { entry, is_new, files, lock: Arc::new(lock) })
        })
        .await?;
        source.retain();
        Ok(lock)
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

    /// Reads all entries: the unfinished uploads, and the entries that cannot be read. Returns none if the folder does not
    /// exist.
    ///
    /// # Errors
    /// [`UploadError::Io`] if the folder cannot be read.
    pub async fn entries(&self) -> Result<JournalEntries, UploadError> {
        let folder = self.folder.clone();
        let name = folder.display().to_string();
        run_blocking(&name.clone(), "list", move || {
            let failed = |error| UploadError::io("list", &name, error);
            let mut entries = JournalEntries::default();
            if !check_folder(&folder)? {
                return Ok(entries);
            }
            let found = match std::fs::read_dir(&folder) {
                Ok(found) => found,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(entries),
                Err(error) => return Err(failed(error)),
            };
            for item in found {
                let path = item.map_err(failed)?.path();
                let Some(id) = journal_id_in(&path) else { continue };
                match Files::new(&folder, id).read() {
                    Ok(entry) => entries.pending.extend(entry),
                    Err(error) => entries.damaged.push(DamagedEntry { id: id.to_owned(), error }),
                }
            }
            entries.pending.sort_by_key(|upload| upload.started_at);
            Ok(entries)
        })
        .await
    }

    /// Returns all unfinished uploads, oldest first; see [`entries`](Self::entries).
    ///
    /// # Errors
    /// [`UploadError::Io`] if the folder cannot be read.
    pub async fn list(&self) -> Result<Vec<PendingUpload>, UploadError> {
        Ok(self.entries().await?.pending)
    }

    /// Returns the entries that cannot be read; see [`entries`](Self::entries).
    ///
    /// # Errors
    /// [`UploadError::Io`] if the folder cannot be read.
    pub async fn damaged(&self) -> Result<Vec<DamagedEntry>, UploadError> {
        Ok(self.entries().await?.damaged)
    }

    /// Removes an entry by its [`id`](PendingUpload::id) or by the file name of a damaged entry. Returns `false` if there is
    /// none. The video is not changed; what was [spooled](super::Spooled) for the upload is removed.
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
            // A damaged entry does not tell.
            let entry = files.read().ok().flatten();
            files.remove()?;
            if let Some(entry) = entry {
                entry.remove_spool_file()?;
            }
            Ok(true)
        })
        .await
    }
}

#[cfg(test)]
mod tests;
