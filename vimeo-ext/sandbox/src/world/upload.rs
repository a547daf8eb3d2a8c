//! The receiving end of one tus upload.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::config::Keep;
use crate::ids;

/// What arrived of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredUpload {
    /// The size that was announced, in bytes.
    pub size: u64,
    /// How many bytes have arrived.
    pub received: u64,
    /// The SHA-256 of the bytes that have arrived, as lower-case hexadecimal digits.
    pub sha256: String,
    /// Whether all have.
    pub complete: bool,
}

/// One upload: its announced size and what came of it.
pub(crate) struct Upload {
    pub(crate) ticket: String,
    pub(crate) video: u64,
    pub(crate) version: u64,
    pub(crate) size: u64,
    sink: Mutex<Sink>,
    /// Held by the request that writes; a newer one asks the older to let go.
    pub(crate) turn: tokio::sync::Mutex<()>,
    pub(crate) let_go: tokio::sync::Notify,
}

struct Sink {
    received: u64,
    hasher: Sha256,
    kept: Kept,
}

enum Kept {
    Nothing,
    Memory(Vec<u8>),
    File(PathBuf, File),
}

/// Why bytes were not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    #[error("{0} bytes more than announced")]
    TooMany(u64),
    #[error("cannot keep the bytes: {0}")]
    Disk(#[from] std::io::Error),
}

impl Upload {
    pub(crate) fn new(
        ticket: String,
        video: u64,
        version: u64,
        size: u64,
        keep: &Keep,
    ) -> std::io::Result<Self> {
        let kept = match keep {
            Keep::Nothing => Kept::Nothing,
            Keep::Memory => Kept::Memory(Vec::new()),
            Keep::Folder(folder) => {
                let path = folder.join(&ticket);
                let file = OpenOptions::new().create(true).truncate(true).write(true).open(&path)?;
                Kept::File(path, file)
            }
        };
        Ok(Self {
            ticket,
            video,
            version,
            size,
            sink: Mutex::new(Sink { received: 0, hasher: Sha256::new(), kept }),
            turn: tokio::sync::Mutex::new(()),
            let_go: tokio::sync::Notify::new(),
        })
    }

    fn sink(&self) -> std::sync::MutexGuard<'_, Sink> {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn received(&self) -> u64 {
        self.sink().received
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.received() >= self.size
    }

    /// Takes the next bytes, all or none.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), WriteError> {
        let mut sink = self.sink();
        let after = sink.received + bytes.len() as u64;
        if after > self.size {
            return Err(WriteError::TooMany(after - self.size));
        }
        match &mut sink.kept {
            Kept::Nothing => {}
            Kept::Memory(kept) => kept.extend_from_slice(bytes),
            Kept::File(_, file) => file.write_all(bytes)?,
        }
        sink.hasher.update(bytes);
        sink.received = after;
        Ok(())
    }

    pub(crate) fn stored(&self) -> StoredUpload {
        let sink = self.sink();
        StoredUpload {
            size: self.size,
            received: sink.received,
            sha256: ids::hex(&sink.hasher.clone().finalize()),
            complete: sink.received >= self.size,
        }
    }

    /// The bytes that arrived, where they are kept.
    pub(crate) fn bytes(&self) -> Option<std::io::Result<Bytes>> {
        match &self.sink().kept {
            Kept::Nothing => None,
            Kept::Memory(kept) => Some(Ok(Bytes::copy_from_slice(kept))),
            Kept::File(path, _) => Some(std::fs::read(path).map(Bytes::from)),
        }
    }
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload")
            .field("ticket", &self.ticket)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The SHA-256 of `abc`, from the standard's own example.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn bytes_are_counted_hashed_and_never_more_than_announced() {
        let folder = tempfile::tempdir().unwrap();
        for (keep, kept) in
            [(Keep::Nothing, false), (Keep::Memory, true), (Keep::Folder(folder.path().to_owned()), true)]
        {
            let upload = Upload::new("t".into(), 1, 2, 3, &keep).unwrap();
            upload.write(b"a").unwrap();
            assert!(!upload.is_complete());
            assert!(matches!(upload.write(b"bcd"), Err(WriteError::TooMany(1))));
            upload.write(b"bc").unwrap();
            let stored = upload.stored();
            assert_eq!((stored.received, stored.complete, stored.sha256.as_str()), (3, true, ABC));
            assert_eq!(upload.bytes().map(|bytes| bytes.unwrap().to_vec()), kept.then(|| b"abc".to_vec()));
        }
    }
}
