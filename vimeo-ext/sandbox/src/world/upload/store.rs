//! Where the bytes of an upload go: into the hash where one is taken, and to where they are kept.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use crate::config::ContentStorage;
use crate::persistence::private_files;

/// How far an upload is, and what became of its bytes. The locks are taken in this order, or one at a time.
pub(super) struct Sink {
    position: Mutex<Position>,
    moved: Condvar,
    store: Mutex<Store>,
}

#[derive(Default)]
pub(super) struct Position {
    /// How many bytes there will be; of a form's file that shows at its end, and until then it is
    /// [`UNKNOWN`](super::UNKNOWN).
    pub(super) size: u64,
    /// Bytes that count as arrived.
    pub(super) taken: u64,
    /// Bytes that went through the store.
    pub(super) stored: u64,
    /// Why bytes could not be kept; the hash goes on without.
    pub(super) trouble: Option<String>,
}

pub(super) struct Store {
    /// `None` where nobody asked for a hash.
    pub(super) hasher: Option<Sha256>,
    /// How many bytes went through.
    pub(super) passed: u64,
    pub(super) kept: Content,
}

pub(super) enum Content {
    Nothing,
    Memory(Vec<u8>),
    File(File),
}

impl Sink {
    pub(super) fn new(position: Position, store: Store) -> Self {
        Self { position: Mutex::new(position), moved: Condvar::new(), store: Mutex::new(store) }
    }

    pub(super) fn position(&self) -> MutexGuard<'_, Position> {
        self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether bytes are nothing but counted.
    pub(super) fn only_counts(&self) -> bool {
        let store = self.store();
        store.hasher.is_none() && matches!(store.kept, Content::Nothing)
    }

    /// Counts bytes that nothing else is done with.
    pub(super) fn count(&self, position: &mut Position, bytes: u64) {
        position.taken += bytes;
        position.stored += bytes;
        self.store().passed += bytes;
    }

    /// Stores pieces until no more come. An earlier request's pieces, up to `from`, go first.
    pub(super) fn store_all(&self, from: u64, mut pieces: mpsc::Receiver<Bytes>) {
        drop(self.moved.wait_while(self.position(), |position| position.stored < from));
        while let Some(piece) = pieces.blocking_recv() {
            let kept = self.store().add(&piece);
            let mut position = self.position();
            position.stored += piece.len() as u64;
            if let Err(error) = kept {
                position.trouble.get_or_insert(error.to_string());
            }
            self.moved.notify_all();
        }
    }

    /// Waits until all that was taken is stored; answers how much that is.
    pub(super) fn caught_up(&self) -> u64 {
        let position = self.moved.wait_while(self.position(), |position| position.stored < position.taken);
        position.unwrap_or_else(PoisonError::into_inner).stored
    }
}

impl Store {
    /// A store that has seen nothing yet.
    pub(super) fn new(hashes: bool, kept: Content) -> Self {
        Self { hasher: hashes.then(Sha256::new), passed: 0, kept }
    }

    fn add(&mut self, piece: &[u8]) -> std::io::Result<()> {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(piece);
        }
        self.passed += piece.len() as u64;
        match &mut self.kept {
            Content::Nothing => Ok(()),
            Content::Memory(kept) => {
                kept.extend_from_slice(piece);
                Ok(())
            }
            Content::File(file) => file.write_all(piece),
        }
    }

    /// Forgets what went through.
    pub(super) fn start_over(&mut self) -> std::io::Result<()> {
        match &mut self.kept {
            Content::Nothing => {}
            Content::Memory(kept) => kept.clear(),
            Content::File(file) => file.set_len(0)?,
        }
        self.hasher = self.hasher.is_some().then(Sha256::new);
        self.passed = 0;
        Ok(())
    }

    /// Goes on keeping bytes after the upload was read back, where those that came before are still there.
    pub(super) fn reattach_content(&mut self, keep: &ContentStorage, ticket: &str) {
        self.kept = match keep {
            ContentStorage::Memory if self.passed == 0 => Content::Memory(Vec::new()),
            ContentStorage::Folder(folder) => Content::reopened(folder, ticket, self.passed),
            ContentStorage::Nothing | ContentStorage::Memory => Content::Nothing,
        };
    }
}

/// Whether a text can be a ticket: 32 hexadecimal digits. A ticket names a file, and a state can come from anybody, so it
/// must be neither a path nor the name of a file that somebody else would make.
pub(crate) fn is_ticket(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The file of an upload's bytes.
fn content_path(folder: &Path, ticket: &str) -> io::Result<PathBuf> {
    match is_ticket(ticket) {
        true => Ok(folder.join(ticket)),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "an upload's ticket is no name of a file")),
    }
}

impl Content {
    pub(super) fn new(keep: &ContentStorage, ticket: &str) -> io::Result<Self> {
        Ok(match keep {
            ContentStorage::Nothing => Self::Nothing,
            ContentStorage::Memory => Self::Memory(Vec::new()),
            ContentStorage::Folder(folder) => {
                let file = private_files::open_or_create(&content_path(folder, ticket)?)?;
                // The same seed gives the same tickets: there can be a file of an earlier run.
                file.set_len(0)?;
                Self::File(file)
            }
        })
    }

    /// The bytes, where they are kept.
    pub(super) fn read(&self) -> Option<io::Result<Bytes>> {
        match self {
            Self::Nothing => None,
            Self::Memory(kept) => Some(Ok(Bytes::copy_from_slice(kept))),
            Self::File(file) => Some(read_all(file)),
        }
    }

    /// The file of an upload cut to the bytes that count; what came after was never acknowledged.
    fn reopened(folder: &Path, ticket: &str, length: u64) -> Self {
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
                tracing::warn!(%error, "the bytes of an upload are not kept any more");
                Self::Nothing
            }
        }
    }
}

/// Reads by the handle: the name can mean another file by now. Writing is at the end wherever reading is.
fn read_all(mut file: &File) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes.into())
}
