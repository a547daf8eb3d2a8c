//! Where the bytes of an upload go: into the hash, if uploads are hashed, and into storage.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use crate::config::ContentStorage;
use crate::persistence::private_files;

/// The progress and the storage of an upload. The locks are acquired in this order, or one at a time.
pub(super) struct Sink {
    progress: Mutex<Progress>,
    progressed: Condvar,
    store: Mutex<Store>,
}

#[derive(Default)]
pub(super) struct Progress {
    /// The total number of bytes. For a form upload it is [`UNKNOWN_SIZE`](super::UNKNOWN_SIZE) until the file's end.
    pub(super) size: u64,
    /// Bytes that count as received.
    pub(super) received: u64,
    /// Bytes that were stored.
    pub(super) stored: u64,
    /// Why bytes could not be stored; hashing continues.
    pub(super) error: Option<String>,
}

pub(super) struct Store {
    /// `None` if uploads are not hashed.
    pub(super) hasher: Option<Sha256>,
    /// How many bytes were processed.
    pub(super) processed: u64,
    pub(super) content: Content,
}

pub(super) enum Content {
    Nothing,
    Memory(Vec<u8>),
    File(File),
}

impl Sink {
    pub(super) fn new(progress: Progress, store: Store) -> Self {
        Self { progress: Mutex::new(progress), progressed: Condvar::new(), store: Mutex::new(store) }
    }

    pub(super) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether bytes are only counted.
    pub(super) fn only_counts(&self) -> bool {
        let store = self.store();
        store.hasher.is_none() && matches!(store.content, Content::Nothing)
    }

    /// Counts bytes without storing them.
    pub(super) fn count(&self, progress: &mut Progress, bytes: u64) {
        progress.received += bytes;
        progress.stored += bytes;
        self.store().processed += bytes;
    }

    /// Stores chunks until the channel closes. Waits for the chunks of earlier requests, up to `from`.
    pub(super) fn store_all(&self, from: u64, mut chunks: mpsc::Receiver<Bytes>) {
        drop(self.progressed.wait_while(self.progress(), |progress| progress.stored < from));
        while let Some(chunk) = chunks.blocking_recv() {
            let content = self.store().add(&chunk);
            let mut progress = self.progress();
            progress.stored += chunk.len() as u64;
            if let Err(error) = content {
                progress.error.get_or_insert(error.to_string());
            }
            self.progressed.notify_all();
        }
    }

    /// Waits until all received bytes are stored; returns their number.
    pub(super) fn wait_until_stored(&self) -> u64 {
        let progress =
            self.progressed.wait_while(self.progress(), |progress| progress.stored < progress.received);
        progress.unwrap_or_else(PoisonError::into_inner).stored
    }
}

impl Store {
    /// Returns an empty store.
    pub(super) fn new(hashes: bool, content: Content) -> Self {
        Self { hasher: hashes.then(Sha256::new), processed: 0, content }
    }

    fn add(&mut self, chunk: &[u8]) -> std::io::Result<()> {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(chunk);
        }
        self.processed += chunk.len() as u64;
        match &mut self.content {
            Content::Nothing => Ok(()),
            Content::Memory(content) => {
                content.extend_from_slice(chunk);
                Ok(())
            }
            Content::File(file) => file.write_all(chunk),
        }
    }

    /// Discards the processed bytes.
    pub(super) fn start_over(&mut self) -> std::io::Result<()> {
        match &mut self.content {
            Content::Nothing => {}
            Content::Memory(content) => content.clear(),
            Content::File(file) => file.set_len(0)?,
        }
        self.hasher = self.hasher.is_some().then(Sha256::new);
        self.processed = 0;
        Ok(())
    }

    /// Continues to store bytes after the upload was restored, if the earlier bytes still exist.
    pub(super) fn reattach_content(&mut self, storage: &ContentStorage, ticket: &str) {
        self.content = match storage {
            ContentStorage::Memory if self.processed == 0 => Content::Memory(Vec::new()),
            ContentStorage::Folder(folder) => Content::reopen(folder, ticket, self.processed),
            ContentStorage::Nothing | ContentStorage::Memory => Content::Nothing,
        };
    }
}

/// Returns whether a text is a valid ticket: 32 hexadecimal digits. A ticket names a file, and a state can come from
/// anyone, so it must be neither a path nor the name of another file.
pub(crate) fn is_ticket(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Returns the path of an upload's file.
fn content_path(folder: &Path, ticket: &str) -> io::Result<PathBuf> {
    match is_ticket(ticket) {
        true => Ok(folder.join(ticket)),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "invalid upload ticket")),
    }
}

impl Content {
    pub(super) fn new(storage: &ContentStorage, ticket: &str) -> io::Result<Self> {
        Ok(match storage {
            ContentStorage::Nothing => Self::Nothing,
            ContentStorage::Memory => Self::Memory(Vec::new()),
            ContentStorage::Folder(folder) => {
                let file = private_files::open_or_create(&content_path(folder, ticket)?)?;
                // The same seed produces the same tickets, so an earlier run may have left a file.
                file.set_len(0)?;
                Self::File(file)
            }
        })
    }

    /// Returns the bytes, if they are stored.
    pub(super) fn read(&self) -> Option<io::Result<Bytes>> {
        match self {
            Self::Nothing => None,
            Self::Memory(content) => Some(Ok(Bytes::copy_from_slice(content))),
            Self::File(file) => Some(read_all(file)),
        }
    }

    /// Reads up to `length` bytes from `offset`.
    pub(super) fn read_at(&self, offset: u64, length: u64) -> io::Result<Bytes> {
        match self {
            Self::Nothing => Ok(Bytes::new()),
            Self::Memory(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                let end =
                    start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)).min(bytes.len());
                Ok(Bytes::copy_from_slice(bytes.get(start..end).unwrap_or_default()))
            }
            Self::File(file) => {
                let mut file: &File = file;
                let mut bytes = Vec::new();
                file.seek(io::SeekFrom::Start(offset))?;
                file.take(length).read_to_end(&mut bytes)?;
                Ok(bytes.into())
            }
        }
    }

    /// Reopens the file of an upload and truncates it to the acknowledged bytes.
    fn reopen(folder: &Path, ticket: &str, length: u64) -> Self {
        let open = || {
            let file = private_files::open(&content_path(folder, ticket)?)?;
            if file.metadata()?.len() < length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            file.set_len(length)?;
            Ok::<_, io::Error>(file)
        };
        match open() {
            Ok(file) => Self::File(file),
            Err(error) => {
                tracing::warn!(%error, "the bytes of an upload are no longer stored");
                Self::Nothing
            }
        }
    }
}

/// Reads through the open handle, because the name can mean another file by now. Writing always appends, wherever
/// reading is.
fn read_all(mut file: &File) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes.into())
}
