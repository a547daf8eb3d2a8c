//! The files of progressive uploads: a folder for each, in a folder that several processes on a machine can share.
//!
//! | in the folder of an upload | is |
//! |---|---|
//! | `upload.json` | the record, replaced as a whole |
//! | `data` | the bytes that were received, each at its offset |
//! | `*.part` | a part that is being received, locked by its process; without a lock, the rest of a dead process |
//! | `sent` | how many bytes Vimeo has |
//! | `journal/` | the upload journal while the file is sent |
//! | `lock`, `sending` | locked while the record changes, and while a process sends the file |
//!
//! The functions block: call them on a blocking thread.

mod files;
mod usage;

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use vimeo_ext::durable_files::sync_folder;
use vimeo_ext::private_files;

use self::files::{
    compare, copy, lock_upload, not_found_is_unknown, read_bounded, read_record, remove_data,
    try_lock_sending, write_record,
};
use self::usage::usage_of;
use super::ranges::{ContentRange, Refusal};
use super::record::{Record, State, StoredError};

/// The length of an upload's ID, in hexadecimal digits.
pub(crate) const ID_LENGTH: usize = 32;

/// The maximum number of parts of an upload that are received at a time.
const MAX_PARTS: usize = 8;

/// The maximum number of uploads in the folder.
const MAX_UPLOADS: usize = 10_000;

/// The folder of progressive uploads.
#[derive(Debug)]
pub(crate) struct Spool {
    folder: PathBuf,
    max_bytes: u64,
    part_number: AtomicU64,
    /// Wakes the sender after an upload is complete.
    pub(crate) completed: Notify,
}

/// Why an upload cannot be read or changed.
#[derive(Debug)]
pub(crate) enum SpoolError {
    /// It does not exist, has expired or was deleted.
    Unknown,
    Refused(Refusal),
    /// The part differs from bytes that were received before.
    Conflict,
    /// There is no space for the part now.
    Full,
    /// There is never space for a part of this size.
    PartTooLarge {
        max_bytes: u64,
    },
    /// The upload receives too many parts at once.
    TooManyParts,
    /// The file is complete, so the upload cannot be deleted.
    Complete,
    Io(io::Error),
}

impl From<io::Error> for SpoolError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}

/// A part that is being received. Its file is removed on drop.
#[derive(Debug)]
pub(crate) struct PartFile {
    path: PathBuf,
    /// Locked.
    file: File,
}

impl PartFile {
    /// Appends to the part.
    pub(crate) fn write(mut self, bytes: &[u8]) -> Result<Self, SpoolError> {
        self.file.write_all(bytes)?;
        Ok(self)
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        // Before the lock ends with the file, so that nobody else removes it.
        if let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a part file was not removed");
        }
    }
}

/// The right to send an upload's file, across processes; ends on drop.
#[derive(Debug)]
pub(crate) struct SendLock {
    _file: File,
}

impl Spool {
    /// Opens the folder, and creates it if it is missing.
    ///
    /// # Errors
    ///
    /// If it cannot be written, or other users can write to it.
    pub(crate) fn open(folder: PathBuf, max_bytes: u64) -> io::Result<Self> {
        private_files::create_folder(&folder)?;
        let folder = folder.canonicalize()?;
        let spool = Self { folder, max_bytes, part_number: AtomicU64::new(0), completed: Notify::new() };
        drop(spool.lock()?);
        Ok(spool)
    }

    pub(crate) fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// Waits for the lock of the whole folder, which is held briefly.
    fn lock(&self) -> io::Result<File> {
        let path = self.folder.join("lock");
        let file = private_files::open(&path, OpenOptions::new().create(true).truncate(false).write(true))?;
        file.lock()?;
        Ok(file)
    }

    /// Returns an upload's folder. Only an ID becomes part of a path.
    fn upload_folder(&self, id: &str) -> Result<PathBuf, SpoolError> {
        if !is_id(id) {
            return Err(SpoolError::Unknown);
        }
        Ok(self.folder.join(id))
    }

    /// Returns the path of an upload's data.
    pub(crate) fn data(&self, id: &str) -> Result<PathBuf, SpoolError> {
        Ok(self.upload_folder(id)?.join("data"))
    }

    /// Returns the folder of an upload's journal.
    pub(crate) fn journal(&self, id: &str) -> Result<PathBuf, SpoolError> {
        Ok(self.upload_folder(id)?.join("journal"))
    }

    /// Creates an upload.
    pub(crate) fn create(&self, id: &str, record: &Record) -> Result<(), SpoolError> {
        let folder = self.upload_folder(id)?;
        let _lock = self.lock()?;
        if self.ids()?.len() >= MAX_UPLOADS {
            return Err(SpoolError::Full);
        }
        let incomplete = self.folder.join(format!("{id}.new"));
        private_files::create_folder(&incomplete)?;
        write_record(&incomplete, record)?;
        let data = incomplete.join("data");
        private_files::open(&data, OpenOptions::new().create_new(true).write(true))?.sync_all()?;
        let lock = incomplete.join("lock");
        private_files::open(&lock, OpenOptions::new().create_new(true).write(true))?;
        sync_folder(&incomplete)?;
        std::fs::rename(&incomplete, &folder)?;
        sync_folder(&self.folder)?;
        Ok(())
    }

    /// Reads an upload that has not expired.
    pub(crate) fn read(&self, id: &str, now: DateTime<Utc>) -> Result<Record, SpoolError> {
        let record = read_record(&self.upload_folder(id)?)?;
        if record.expires_at() <= now { Err(SpoolError::Unknown) } else { Ok(record) }
    }

    /// Changes an upload's record while no other thread or process does.
    pub(crate) fn change<T>(
        &self,
        id: &str,
        change: impl FnOnce(&Path, &mut Record) -> Result<T, SpoolError>,
    ) -> Result<T, SpoolError> {
        let folder = self.upload_folder(id)?;
        let _lock = lock_upload(&folder)?;
        let mut record = read_record(&folder)?;
        let before = record.clone();
        let changed = change(&folder, &mut record)?;
        if record != before {
            write_record(&folder, &record)?;
        }
        Ok(changed)
    }

    /// Reserves the space of a part, and returns the file that receives it.
    pub(crate) fn reserve(&self, id: &str, size: u64) -> Result<PartFile, SpoolError> {
        let folder = self.upload_folder(id)?;
        // Until a part is stored, its bytes exist twice.
        let needed = size.saturating_mul(2);
        if needed > self.max_bytes {
            return Err(SpoolError::PartTooLarge { max_bytes: self.max_bytes / 2 });
        }
        let _lock = self.lock()?;
        if usage_of(&folder)?.parts >= MAX_PARTS {
            return Err(SpoolError::TooManyParts);
        }
        if self.used_bytes_locked()?.saturating_add(needed) > self.max_bytes {
            return Err(SpoolError::Full);
        }
        let part = loop {
            let number = self.part_number.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("{}-{number}.part", std::process::id()));
            let mut options = OpenOptions::new();
            match private_files::open(&path, options.read(true).write(true).create_new(true)) {
                // A process in another container can have the same number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                file => break PartFile { file: not_found_is_unknown(file)?, path },
            }
        };
        part.file.try_lock().map_err(io::Error::from)?;
        // Other processes see how much space the part needs.
        part.file.set_len(size)?;
        Ok(part)
    }

    /// Stores a part whose file is complete. Bytes that were received before must be the same.
    pub(crate) fn store(
        &self,
        id: &str,
        part: Option<PartFile>,
        range: ContentRange,
        now: DateTime<Utc>,
    ) -> Result<Record, SpoolError> {
        let stored = self.change(id, |folder, record| {
            if record.expires_at() <= now {
                return Err(SpoolError::Unknown);
            }
            let received = record.received.with(range, record.max_bytes).map_err(SpoolError::Refused)?;
            if record.state() != State::Receiving {
                // The file is complete, and perhaps removed: the part is one that was sent again.
                return Ok(record.clone());
            }
            if let (Some(mut part), ContentRange::Part { range, .. }) = (part, range) {
                let data = folder.join("data");
                let mut data = private_files::open(&data, OpenOptions::new().read(true).write(true))?;
                for (piece, is_known) in record.received.pieces(range) {
                    part.file.seek(SeekFrom::Start(piece.start.saturating_sub(range.start)))?;
                    data.seek(SeekFrom::Start(piece.start))?;
                    if is_known {
                        compare(&mut part.file, &mut data, piece.size())?;
                    } else {
                        copy(&mut part.file, &mut data, piece.size())?;
                    }
                }
                data.sync_all()?;
            }
            if received.is_complete() {
                // A killed process may have written bytes beyond the end without acknowledging them.
                let data = private_files::open(&folder.join("data"), OpenOptions::new().write(true))?;
                data.set_len(received.size())?;
                data.sync_all()?;
            }
            record.received = received;
            record.changed_at = now;
            record.completed_at = record.received.is_complete().then_some(now);
            Ok(record.clone())
        })?;
        if stored.state() == State::Sending {
            self.completed.notify_one();
        }
        Ok(stored)
    }

    /// Deletes an upload that is not complete, or is finished. Returns what its state was.
    pub(crate) fn delete(&self, id: &str) -> Result<State, SpoolError> {
        let folder = self.upload_folder(id)?;
        let lock = lock_upload(&folder)?;
        let state = read_record(&folder)?.state();
        if state == State::Sending {
            return Err(SpoolError::Complete);
        }
        self.remove(id, &folder)?;
        drop(lock);
        Ok(state)
    }

    /// Removes an upload's folder, whose lock the caller holds.
    fn remove(&self, id: &str, folder: &Path) -> io::Result<()> {
        // Renamed first: a folder that is removed in part would be a damaged upload.
        let removed = self.folder.join(format!("{id}.gone"));
        std::fs::rename(folder, &removed)?;
        match std::fs::remove_dir_all(removed) {
            // Another process removed it, or a part of it, at the same time.
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Locks a complete upload to send it; `None` if another process or task sends it, or there is nothing to send.
    pub(crate) fn lock_to_send(
        &self,
        id: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<(SendLock, Record)>, SpoolError> {
        let Some(lock) = try_lock_sending(&self.upload_folder(id)?)? else { return Ok(None) };
        let record = self.read(id, now)?;
        Ok((record.state() == State::Sending).then_some((lock, record)))
    }

    /// Records how many bytes Vimeo has. The number is only for display.
    pub(crate) fn record_sent(&self, id: &str, bytes: u64) -> Result<(), SpoolError> {
        let path = self.upload_folder(id)?.join("sent");
        let file = private_files::open(&path, OpenOptions::new().create(true).truncate(true).write(true));
        Ok(file?.write_all(bytes.to_string().as_bytes())?)
    }

    /// Returns how many bytes Vimeo has.
    pub(crate) fn sent(&self, id: &str) -> u64 {
        let Ok(folder) = self.upload_folder(id) else { return 0 };
        let text = read_bounded(&folder.join("sent"), 20).unwrap_or_default();
        String::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    /// Ends an upload, and removes its data.
    pub(crate) fn finish(
        &self,
        id: &str,
        now: DateTime<Utc>,
        error: Option<StoredError>,
    ) -> Result<(), SpoolError> {
        self.change(id, |_, record| {
            record.finish(now, error);
            Ok(())
        })?;
        // After the record: without its data, the upload could not be sent again.
        Ok(remove_data(&self.upload_folder(id)?)?)
    }

    /// Returns the IDs of all uploads.
    fn ids(&self) -> io::Result<Vec<String>> {
        let mut ids = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            if let Some(name) = entry?.file_name().to_str().filter(|name| is_id(name)) {
                ids.push(name.to_owned());
            }
        }
        Ok(ids)
    }

    /// Returns the uploads that are complete and not finished. Removes those that have expired, and what dead processes left.
    pub(crate) fn sweep(&self, now: DateTime<Utc>) -> io::Result<Vec<String>> {
        let mut complete = Vec::new();
        for id in self.ids()? {
            match self.sweep_upload(&id, now) {
                Ok(State::Sending) => complete.push(id),
                Ok(_) | Err(SpoolError::Unknown) => {}
                Err(error) => tracing::warn!(upload = id, ?error, "a progressive upload cannot be read"),
            }
        }
        // Under the lock, no other process creates uploads.
        let _lock = self.lock()?;
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            let is_leftover = stem.is_some_and(is_id)
                && path.extension().is_some_and(|extension| extension == "new" || extension == "gone");
            if is_leftover
                && let Err(error) = std::fs::remove_dir_all(&path)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(%error, "the rest of a deleted upload was not removed");
            }
        }
        Ok(complete)
    }

    fn sweep_upload(&self, id: &str, now: DateTime<Utc>) -> Result<State, SpoolError> {
        let folder = self.upload_folder(id)?;
        let record = read_record(&folder)?;
        match record.state() {
            State::Done | State::Failed if record.expires_at() > now => {
                // A process that was killed before may have left it.
                remove_data(&folder)?;
            }
            State::Receiving | State::Done | State::Failed if record.expires_at() <= now => {
                let lock = lock_upload(&folder)?;
                if read_record(&folder)?.expires_at() <= now {
                    self.remove(id, &folder)?;
                }
                drop(lock);
            }
            State::Sending if record.expires_at() <= now => {
                let error = record.error.unwrap_or_else(|| StoredError {
                    code: "expired".to_owned(),
                    detail: "the file could not be sent to Vimeo in time; upload it again".to_owned(),
                });
                // The process that is sending it may still succeed.
                if let Some(_lock) = try_lock_sending(&folder)? {
                    self.finish(id, now, Some(error))?;
                }
                return Ok(State::Failed);
            }
            _ => {}
        }
        Ok(record.state())
    }

    /// Returns how many bytes the files take on disk, with the space that is reserved for parts.
    pub(crate) fn used_bytes(&self) -> io::Result<u64> {
        let _lock = self.lock()?;
        self.used_bytes_locked()
    }

    fn used_bytes_locked(&self) -> io::Result<u64> {
        let mut used: u64 = 0;
        for id in self.ids()? {
            used = used.saturating_add(usage_of(&self.folder.join(id))?.bytes);
        }
        Ok(used)
    }
}

fn is_id(text: &str) -> bool {
    text.len() == ID_LENGTH && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::super::ranges::{ByteRange, Received};
    use super::*;
    use crate::upload_tokens::VideoSettings;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    fn record(now: DateTime<Utc>) -> Record {
        Record {
            account: "a".to_owned(),
            token: String::new(),
            secret_sha256: String::new(),
            video: VideoSettings::default(),
            file_name: None,
            max_bytes: 1_000_000,
            created_at: now,
            changed_at: now,
            received: Received::default(),
            completed_at: None,
            video_uri: None,
            finished_at: None,
            error: None,
        }
    }

    fn spool(folder: &tempfile::TempDir) -> Spool {
        Spool::open(folder.path().join("spool"), 1_000_000).unwrap()
    }

    fn range(start: u64, end: u64, total: Option<u64>) -> ContentRange {
        ContentRange::Part { range: ByteRange { start, end }, total }
    }

    fn store(spool: &Spool, range: ContentRange, bytes: &[u8]) -> Record {
        let part = spool.reserve(ID, range.size()).unwrap().write(bytes).unwrap();
        spool.store(ID, Some(part), range, Utc::now()).unwrap()
    }

    #[test]
    fn what_a_dead_process_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let spool = spool(&folder);
        let now = Utc::now();
        spool.create(ID, &record(now)).unwrap();
        store(&spool, range(0, 4, None), b"film");
        let upload = spool.folder.join(ID);
        // As after kill -9: a part without a lock, bytes that were not acknowledged, a half-written record, a half-created and a
        // half-deleted upload.
        let leftovers = [upload.join("1-0.part"), upload.join("upload.json.new")];
        for path in &leftovers {
            private_files::open(path, OpenOptions::new().create(true).write(true))
                .unwrap()
                .set_len(900_000)
                .unwrap();
        }
        let data = upload.join("data");
        let mut data = private_files::open(&data, OpenOptions::new().write(true)).unwrap();
        data.seek(SeekFrom::Start(4)).unwrap();
        data.write_all(b"garbage").unwrap();
        let folders =
            ["new", "gone"].map(|extension| spool.folder.join(format!("{}.{extension}", "1".repeat(32))));
        for path in &folders {
            std::fs::create_dir(path).unwrap();
        }
        let spool = Spool::open(spool.folder, 1_000_000).unwrap();
        assert_eq!(spool.read(ID, now).unwrap().received.size(), 4);
        assert_eq!(spool.sweep(now).unwrap(), [""; 0]);
        assert!(folders.iter().all(|path| !path.exists()));
        let complete = store(&spool, range(4, 8, Some(8)), b"FILM");
        assert!(!leftovers[0].exists());
        assert_eq!(complete.state(), State::Sending);
        assert_eq!(std::fs::read(spool.data(ID).unwrap()).unwrap()[..8], *b"filmFILM");
        assert_eq!(spool.sweep(now).unwrap(), [ID]);
    }

    #[test]
    fn the_data_ends_with_the_last_byte() {
        let folder = tempfile::tempdir().unwrap();
        let spool = spool(&folder);
        spool.create(ID, &record(Utc::now())).unwrap();
        let path = spool.data(ID).unwrap();
        // Bytes that a killed process wrote without acknowledging them, beyond what becomes the end.
        let mut data = private_files::open(&path, OpenOptions::new().write(true)).unwrap();
        data.write_all(b"longer than the film").unwrap();
        store(&spool, range(0, 4, Some(4)), b"film");
        assert_eq!(std::fs::read(path).unwrap(), b"film");
    }

    #[test]
    fn one_task_sends_an_upload() {
        let folder = tempfile::tempdir().unwrap();
        let spool = spool(&folder);
        let now = Utc::now();
        spool.create(ID, &record(now)).unwrap();
        assert!(spool.lock_to_send(ID, now).unwrap().is_none(), "it is not complete");
        store(&spool, range(0, 4, Some(4)), b"film");
        let (lock, _) = spool.lock_to_send(ID, now).unwrap().unwrap();
        assert!(spool.lock_to_send(ID, now).unwrap().is_none());
        drop(lock);
        assert!(spool.lock_to_send(ID, now).unwrap().is_some());
        spool.finish(ID, now, None).unwrap();
        assert!(spool.lock_to_send(ID, now).unwrap().is_none());
        assert!(!spool.data(ID).unwrap().exists());
    }

    #[test]
    fn expired_uploads_are_removed_or_fail() {
        let folder = tempfile::tempdir().unwrap();
        let spool = spool(&folder);
        let now = Utc::now();
        spool.create(ID, &record(now)).unwrap();
        let later = now + TimeDelta::hours(25);
        assert!(matches!(spool.read(ID, later), Err(SpoolError::Unknown)));
        spool.sweep(now + TimeDelta::hours(23)).unwrap();
        assert!(spool.read(ID, now).is_ok());
        spool.sweep(later).unwrap();
        assert!(matches!(spool.read(ID, now), Err(SpoolError::Unknown)));
        spool.create(ID, &record(now)).unwrap();
        store(&spool, range(0, 4, Some(4)), b"film");
        let later = now + TimeDelta::days(8);
        assert_eq!(spool.sweep(later).unwrap(), [""; 0]);
        let failed = spool.read(ID, later).unwrap();
        assert_eq!((failed.state(), failed.error.unwrap().code), (State::Failed, "expired".to_owned()));
        assert!(!spool.data(ID).unwrap().exists());
    }

    #[test]
    fn reserved_space_counts_until_the_part_ends() {
        let folder = tempfile::tempdir().unwrap();
        let spool = spool(&folder);
        spool.create(ID, &record(Utc::now())).unwrap();
        let first = spool.reserve(ID, 400_000).unwrap();
        assert!(matches!(spool.reserve(ID, 200_000), Err(SpoolError::Full)));
        assert!(matches!(spool.reserve(ID, 600_000), Err(SpoolError::PartTooLarge { max_bytes: 500_000 })));
        drop(first);
        assert_eq!(spool.used_bytes().unwrap(), 0);
        let parts: Vec<_> = (0..MAX_PARTS).map(|_| spool.reserve(ID, 10).unwrap()).collect();
        assert!(matches!(spool.reserve(ID, 10), Err(SpoolError::TooManyParts)));
        drop(parts);
        for id in ["", "..", "../x", "0123456789ABCDEF0123456789ABCDEF"] {
            assert!(matches!(spool.reserve(id, 10), Err(SpoolError::Unknown)), "{id}");
        }
    }
}
