//! The file of an unfinished download, and what is needed to resume it. Blocking: call it outside the async runtime.
//!
//! `film.mp4.part` has the bytes, `film.mp4.part.json` says what they are and how many of them are certainly on the disk. After a
//! crash, only these count.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::durable_files::sync_folder;
use crate::error::DownloadError;
use crate::hex::hex;

/// How many bytes are written between two checkpoints.
const CHECKPOINT_INTERVAL: u64 = 32 * 1024 * 1024;

/// The longest checkpoint that is read.
const MAX_CHECKPOINT_LEN: u64 = 64 * 1024;

/// How many bytes are read at a time to hash what exists.
const HASH_BUFFER: usize = 256 * 1024;

/// What is known of the file on the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RemoteFile {
    /// The video and the rendition.
    pub(super) name: String,
    /// The size in bytes, once a response had it.
    pub(super) total: Option<u64>,
    /// The entity tag or time of the last change, once a response had one.
    pub(super) validator: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Checkpoint {
    file: RemoteFile,
    /// How many bytes are on the disk.
    synced: u64,
}

/// An unfinished download: locked, so that one process writes to it.
#[derive(Debug)]
pub(super) struct PartialFile {
    file: File,
    path: PathBuf,
    checkpoint_path: PathBuf,
    pub(super) remote: RemoteFile,
    hasher: Sha256,
    len: u64,
    synced: u64,
}

/// A complete file.
#[derive(Debug)]
pub(super) struct FinishedFile {
    pub(super) size: u64,
    pub(super) sha256: String,
}

impl PartialFile {
    /// Opens the unfinished download of `destination`, and keeps what it has of the file `name`.
    pub(super) fn open(destination: &Path, name: &str) -> Result<Self, DownloadError> {
        let path = with_suffix(destination, ".part");
        let checkpoint_path = with_suffix(destination, ".part.json");
        let failed = |source| failure(&path, source);
        if fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file()) {
            return Err(failed(io::Error::new(io::ErrorKind::AlreadyExists, "it is not a regular file")));
        }
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DownloadError::Busy { path }),
            Err(TryLockError::Error(error)) => return Err(failure(&path, error)),
        }
        let length = file.metadata().map_err(|source| failure(&path, source))?.len();
        let checkpoint = read_checkpoint(&checkpoint_path)
            .filter(|checkpoint| checkpoint.file.name == name && checkpoint.synced <= length)
            // Without a validator, nobody can tell whether the server still has the same file.
            .filter(|checkpoint| checkpoint.file.validator.is_some());
        let remote = RemoteFile { name: name.to_owned(), total: None, validator: None };
        let mut partial =
            Self { file, path, checkpoint_path, remote, hasher: Sha256::new(), len: 0, synced: 0 };
        if let Some(checkpoint) = checkpoint {
            partial.remote = checkpoint.file;
            partial.resume(checkpoint.synced).map_err(|source| failure(&partial.path, source))?;
        } else {
            partial.truncate().map_err(|source| failure(&partial.path, source))?;
        }
        Ok(partial)
    }

    /// Keeps the first bytes, and hashes them.
    fn resume(&mut self, kept: u64) -> io::Result<()> {
        self.file.set_len(kept)?;
        self.file.seek(SeekFrom::Start(0))?;
        let mut buffer = vec![0; HASH_BUFFER];
        loop {
            let read = self.file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            self.hasher.update(buffer.get(..read).unwrap_or_default());
            self.len = self.len.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        }
        self.synced = self.len;
        Ok(())
    }

    fn truncate(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        (self.hasher, self.len, self.synced) = (Sha256::new(), 0, 0);
        Ok(())
    }

    /// Returns how many bytes of the file there are.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Discards the bytes: the file on the server is another one.
    pub(super) fn start_over(&mut self) -> Result<(), DownloadError> {
        (self.remote.total, self.remote.validator) = (None, None);
        self.truncate().map_err(|source| failure(&self.path, source))
    }

    /// Appends bytes. Makes a checkpoint after each [`CHECKPOINT_INTERVAL`].
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), DownloadError> {
        self.file.write_all(bytes).map_err(|source| failure(&self.path, source))?;
        self.hasher.update(bytes);
        self.len = self.len.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if self.len.saturating_sub(self.synced) >= CHECKPOINT_INTERVAL { self.checkpoint() } else { Ok(()) }
    }

    /// Puts the bytes on the disk and notes their number.
    pub(super) fn checkpoint(&mut self) -> Result<(), DownloadError> {
        self.file.sync_data().map_err(|source| failure(&self.path, source))?;
        let checkpoint = Checkpoint { file: self.remote.clone(), synced: self.len };
        let text = serde_json::to_vec(&checkpoint).unwrap_or_default();
        let new = with_suffix(&self.checkpoint_path, ".new");
        write_synced(&new, &text)
            .and_then(|()| fs::rename(&new, &self.checkpoint_path))
            .map_err(|source| failure(&self.checkpoint_path, source))?;
        self.synced = self.len;
        Ok(())
    }

    /// Gives the file its name. Replaces an existing file only if `overwrite` is set.
    pub(super) fn finish(self, destination: &Path, overwrite: bool) -> Result<FinishedFile, DownloadError> {
        let failed = |source| failure(destination, source);
        self.file.sync_all().map_err(|source| failure(&self.path, source))?;
        if overwrite {
            fs::rename(&self.path, destination).map_err(failed)?;
        } else {
            // A link is never made over an existing file; a rename would replace it.
            match fs::hard_link(&self.path, destination) {
                Ok(()) => fs::remove_file(&self.path).map_err(|source| failure(&self.path, source))?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(DownloadError::Exists { path: destination.to_owned() });
                }
                // Not every file system has links.
                Err(_) if destination.symlink_metadata().is_err() => {
                    fs::rename(&self.path, destination).map_err(failed)?;
                }
                Err(_) => return Err(DownloadError::Exists { path: destination.to_owned() }),
            }
        }
        let folder = destination.parent().filter(|folder| !folder.as_os_str().is_empty());
        sync_folder(folder.unwrap_or(Path::new("."))).map_err(failed)?;
        let _ = fs::remove_file(&self.checkpoint_path);
        Ok(FinishedFile { size: self.len, sha256: hex(&self.hasher.finalize()) })
    }
}

fn read_checkpoint(path: &Path) -> Option<Checkpoint> {
    let mut text = Vec::new();
    File::open(path).ok()?.take(MAX_CHECKPOINT_LEN).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_data()
}

fn failure(path: &Path, source: io::Error) -> DownloadError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => DownloadError::DiskFull { path },
        _ => DownloadError::File { path, source },
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(folder: &Path) -> PartialFile {
        PartialFile::open(&folder.join("a.mp4"), "/videos/1 source").unwrap()
    }

    #[test]
    fn only_checkpointed_bytes_survive() {
        let folder = tempfile::tempdir().unwrap();
        let mut partial = opened(folder.path());
        partial.remote.validator = Some("\"v\"".to_owned());
        partial.append(b"abc").unwrap();
        partial.checkpoint().unwrap();
        partial.append(b"lost").unwrap();
        drop(partial);
        let mut partial = opened(folder.path());
        assert_eq!((partial.len(), partial.remote.validator.as_deref()), (3, Some("\"v\"")));
        partial.append(b"def").unwrap();
        let finished = partial.finish(&folder.path().join("a.mp4"), false).unwrap();
        assert_eq!((finished.size, finished.sha256), (6, hex(&Sha256::digest(b"abcdef"))));
        assert_eq!(fs::read(folder.path().join("a.mp4")).unwrap(), b"abcdef");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn bytes_of_another_file_are_discarded() {
        let folder = tempfile::tempdir().unwrap();
        let destination = folder.path().join("a.mp4");
        // (name, validator, kept)
        for (name, validator, kept) in [
            ("/videos/1 source", Some("\"v\""), 3),
            ("/videos/2 source", Some("\"v\""), 0),
            ("/videos/1 source", None, 0),
        ] {
            let mut partial = opened(folder.path());
            partial.start_over().unwrap();
            partial.remote.validator = validator.map(str::to_owned);
            partial.append(b"abc").unwrap();
            partial.checkpoint().unwrap();
            drop(partial);
            assert_eq!(PartialFile::open(&destination, name).unwrap().len(), kept, "{name} {validator:?}");
        }
        fs::write(folder.path().join("a.mp4.part.json"), "{").unwrap();
        assert_eq!(opened(folder.path()).len(), 0);
    }

    #[test]
    fn one_download_writes_to_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let _held = opened(folder.path());
        let second = PartialFile::open(&folder.path().join("a.mp4"), "/videos/1 source");
        assert!(matches!(second, Err(DownloadError::Busy { .. })), "{second:?}");
    }

    #[test]
    fn an_existing_file_is_replaced_only_if_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let destination = folder.path().join("a.mp4");
        fs::write(&destination, "old").unwrap();
        let mut partial = opened(folder.path());
        partial.append(b"new").unwrap();
        let refused = partial.finish(&destination, false);
        assert!(matches!(refused, Err(DownloadError::Exists { .. })), "{refused:?}");
        assert_eq!(fs::read(&destination).unwrap(), b"old");
        let mut partial = opened(folder.path());
        partial.append(b"new").unwrap();
        partial.finish(&destination, true).unwrap();
        assert_eq!(fs::read(&destination).unwrap(), b"new");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("other");
        fs::write(&other, "precious").unwrap();
        std::os::unix::fs::symlink(&other, folder.path().join("a.mp4.part")).unwrap();
        let opened = PartialFile::open(&folder.path().join("a.mp4"), "/videos/1 source");
        assert!(matches!(opened, Err(DownloadError::File { .. })), "{opened:?}");
        assert_eq!(fs::read(&other).unwrap(), b"precious");
    }
}
