//! The files of one journal entry: locking, reading, replacing and removing them.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::entry::{PendingUpload, VERSION};
use crate::durable_files::sync_folder;
use crate::error::UploadError;
use crate::private_files;

/// How long to wait for a lock that somebody else holds.
const LOCK_WAIT: Duration = Duration::from_millis(250);
const LOCK_RETRY_INTERVAL: Duration = Duration::from_millis(5);

/// The maximum number of bytes read; an intact entry is far smaller.
const MAX_ENTRY_LEN: u64 = 4 * 1024 * 1024;

/// Read first, to check the version.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// The paths of the files of one entry.
#[derive(Debug, Clone)]
pub(super) struct Files {
    pub(super) folder: PathBuf,
    pub(super) id: String,
    pub(super) entry: PathBuf,
    /// Renamed to `entry` once it is written. Its name must not change: `remove` also deletes what an earlier release left.
    pub(super) temp: PathBuf,
    lock: PathBuf,
}

impl Files {
    pub(super) fn new(folder: &Path, id: &str) -> Self {
        Self {
            folder: folder.to_owned(),
            id: id.to_owned(),
            entry: folder.join(format!("{id}.json")),
            temp: folder.join(format!("{id}.next")),
            lock: folder.join(format!("{id}.lock")),
        }
    }

    pub(super) fn unusable(&self, reason: String) -> UploadError {
        UploadError::Journal { name: self.entry.display().to_string(), reason }
    }

    /// Acquires the lock. Blocks briefly if somebody else holds it, because an upload that was just dropped is about
    /// to release it.
    pub(super) fn lock(&self, name: &str) -> Result<File, UploadError> {
        let failed = |error| UploadError::io("lock", self.lock.display().to_string(), error);
        let begun = Instant::now();
        loop {
            let file = open_private(&self.lock).map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if begun.elapsed() < LOCK_WAIT => {
                    std::thread::sleep(LOCK_RETRY_INTERVAL);
                    continue;
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(UploadError::InUse { name: name.to_owned() });
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
            // The previous holder may have removed the file between our opening and locking it. A third process would
            // then lock a new file of the same name.
            if private_files::is_same_file(&file, &self.lock) {
                return Ok(file);
            }
        }
    }

    pub(super) fn read(&self) -> Result<Option<PendingUpload>, UploadError> {
        let failed = |error| UploadError::io("read", self.entry.display().to_string(), error);
        let file = match private_files::open(&self.entry, OpenOptions::new().read(true)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut text = Vec::new();
        file.take(MAX_ENTRY_LEN).read_to_end(&mut text).map_err(failed)?;
        // The text of a serde error could contain a part of the upload link.
        let unreadable = |error: serde_json::Error| {
            let (line, column) = (error.line(), error.column());
            self.unusable(format!("invalid content at line {line}, column {column}"))
        };
        let Version { version } = serde_json::from_slice(&text).map_err(unreadable)?;
        if !(1..=VERSION).contains(&version) {
            return Err(self.unusable(format!(
                "its version is {version}, but this release reads versions up to {VERSION}"
            )));
        }
        let entry: PendingUpload = serde_json::from_slice(&text).map_err(unreadable)?;
        Ok(Some(PendingUpload { version: VERSION, id: self.id.clone(), ..entry }))
    }

    /// Replaces the entry atomically: a reader sees the old or the new one.
    pub(super) fn write(&self, entry: &PendingUpload) -> Result<(), UploadError> {
        let failed = |error| UploadError::io("write", self.entry.display().to_string(), error);
        let text = serde_json::to_vec_pretty(entry).map_err(|e| failed(io::Error::other(e)))?;
        let mut file = open_private(&self.temp).map_err(failed)?;
        file.set_len(0).map_err(failed)?;
        file.write_all(&text).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        std::fs::rename(&self.temp, &self.entry).map_err(failed)?;
        sync_folder(&self.folder).map_err(failed)
    }

    /// Removes all files, the lock last.
    pub(super) fn remove(&self) -> Result<(), UploadError> {
        for path in [&self.temp, &self.entry, &self.lock] {
            match std::fs::remove_file(path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // Some systems cannot remove an open file. An empty lock file does no harm.
                Err(_) if path == &self.lock => {}
                Err(error) => {
                    return Err(UploadError::io("remove", path.display().to_string(), error));
                }
            }
        }
        Ok(())
    }
}

/// Opens a file for writing that only its owner can read and write.
fn open_private(path: &Path) -> io::Result<File> {
    private_files::open(path, OpenOptions::new().create(true).truncate(false).write(true))
}

/// Creates the journal's folder if it is missing, and checks who can write to it.
pub(super) fn create_private_folder(folder: &Path) -> Result<(), UploadError> {
    private_files::create_folder(folder)
        .map_err(|error| UploadError::io("use", folder.display().to_string(), error))
}

/// Checks who can write to the journal's folder. Returns `false` if there is none.
pub(super) fn check_folder(folder: &Path) -> Result<bool, UploadError> {
    match private_files::check_folder(folder) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(UploadError::io("use", folder.display().to_string(), error)),
    }
}
