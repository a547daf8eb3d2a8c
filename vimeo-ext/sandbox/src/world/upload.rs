//! The receiving end of one upload.
//!
//! Bytes count when they are taken; they are hashed, and kept where they are to be, by a thread of their own, so that
//! the next ones can be read from the socket meanwhile. Whoever asks for the hash waits until it has caught up.

use std::fs::{File, OpenOptions};
use std::io::{Seek as _, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::digest::common::hazmat::SerializableState as _;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

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

/// The size of a file that nobody has announced.
pub(crate) const UNKNOWN: u64 = u64::MAX;

/// How many pieces may wait to be hashed. Pieces are a few hundred KiB at most, so this bounds the memory of an upload.
const WAITING: usize = 16;

/// One upload: its announced size and what came of it.
pub(crate) struct Upload {
    pub(crate) ticket: String,
    pub(crate) video: u64,
    pub(crate) version: u64,
    sink: Arc<Sink>,
    /// Held by the request that writes; a newer one asks the older to let go.
    pub(crate) turn: tokio::sync::Mutex<()>,
    pub(crate) let_go: tokio::sync::Notify,
}

struct Sink {
    position: Mutex<Position>,
    moved: Condvar,
    store: Mutex<Store>,
}

#[derive(Default)]
struct Position {
    /// How many bytes there will be; of a form's file that shows at its end, and until then it is [`UNKNOWN`].
    size: u64,
    /// Bytes that count as arrived.
    taken: u64,
    /// Bytes that are in the hash.
    stored: u64,
    /// Why bytes could not be kept; the hash goes on without.
    trouble: Option<String>,
}

struct Store {
    hasher: Sha256,
    /// How many bytes are in the hash.
    hashed: u64,
    kept: Kept,
}

enum Kept {
    Nothing,
    Memory(Vec<u8>),
    File(PathBuf, File),
}

/// The file of an upload cut to the bytes that count; what came after was never acknowledged.
fn reopen(path: PathBuf, length: u64) -> Kept {
    let open = || {
        let mut file = OpenOptions::new().write(true).open(&path)?;
        if file.metadata()?.len() < length {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        file.set_len(length)?;
        file.seek(std::io::SeekFrom::End(0))?;
        Ok::<_, std::io::Error>(file)
    };
    match open() {
        Ok(file) => Kept::File(path, file),
        Err(error) => {
            tracing::warn!(%error, "the bytes of an upload are not kept any more");
            Kept::Nothing
        }
    }
}

/// How an upload is written: how far it is, and the hash in the middle of its work, so that it goes on without the
/// bytes that came before.
pub(crate) mod record {
    use std::sync::Arc;

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::{Record, Upload};

    pub(crate) fn serialize<S: Serializer>(upload: &Arc<Upload>, serializer: S) -> Result<S::Ok, S::Error> {
        upload.record().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Upload>, D::Error> {
        let record = Record::deserialize(deserializer)?;
        record.upload().map(Arc::new).ok_or_else(|| D::Error::custom("an upload's hash cannot be read"))
    }
}

#[derive(Serialize, Deserialize)]
struct Record {
    ticket: String,
    video: u64,
    version: u64,
    size: u64,
    received: u64,
    hash: String,
}

impl Upload {
    fn record(&self) -> Record {
        let store = self.sink.store();
        Record {
            ticket: self.ticket.clone(),
            video: self.video,
            version: self.version,
            size: self.size(),
            received: store.hashed,
            hash: STANDARD.encode(store.hasher.serialize()),
        }
    }
}

impl Record {
    fn upload(self) -> Option<Upload> {
        let hash = STANDARD.decode(&self.hash).ok()?;
        let hasher = Sha256::deserialize(hash.as_slice().try_into().ok()?).ok()?;
        let (taken, stored) = (self.received, self.received);
        let position = Position { size: self.size, taken, stored, trouble: None };
        let store = Store { hasher, hashed: self.received, kept: Kept::Nothing };
        Some(Upload::standing(self.ticket, (self.video, self.version), position, store))
    }
}

/// Why bytes were not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    #[error("{0} bytes more than announced")]
    TooMany(u64),
    #[error("cannot keep the bytes: {0}")]
    Disk(String),
}

/// Takes the bytes of one request into an upload. Ends when it is dropped; what it took is stored all the same.
pub(crate) struct Writer<'a> {
    upload: &'a Upload,
    pieces: mpsc::Sender<Bytes>,
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
        let store = Store { hasher: Sha256::new(), hashed: 0, kept };
        let position = Position { size, ..Position::default() };
        Ok(Self::standing(ticket, (video, version), position, store))
    }

    /// An upload of which nothing but its ticket is known.
    pub(crate) fn unknown(ticket: String) -> Self {
        let position = Position::default();
        Self::standing(
            ticket,
            (0, 0),
            position,
            Store { hasher: Sha256::new(), hashed: 0, kept: Kept::Nothing },
        )
    }

    fn standing(ticket: String, (video, version): (u64, u64), position: Position, store: Store) -> Self {
        let sink = Sink { position: Mutex::new(position), moved: Condvar::new(), store: Mutex::new(store) };
        Self {
            ticket,
            video,
            version,
            sink: Arc::new(sink),
            turn: tokio::sync::Mutex::new(()),
            let_go: tokio::sync::Notify::new(),
        }
    }

    /// Goes on keeping bytes after the upload was read back, where those that came before are still there.
    pub(crate) fn keep_on(&self, keep: &Keep) {
        let mut store = self.sink.store();
        store.kept = match keep {
            Keep::Memory if store.hashed == 0 => Kept::Memory(Vec::new()),
            Keep::Folder(folder) => reopen(folder.join(&self.ticket), store.hashed),
            Keep::Nothing | Keep::Memory => Kept::Nothing,
        };
    }

    /// Waits until all that counts as arrived is hashed, and kept where it is to be.
    pub(crate) fn catch_up(&self) {
        self.sink.caught_up();
        if let Kept::File(_, file) = &self.sink.store().kept
            && let Err(error) = file.sync_data()
        {
            self.sink.position().trouble.get_or_insert(error.to_string());
        }
    }

    pub(crate) fn received(&self) -> u64 {
        self.sink.position().taken
    }

    /// How many bytes there will be in all, or [`UNKNOWN`].
    pub(crate) fn size(&self) -> u64 {
        self.sink.position().size
    }

    /// What has arrived is all there is.
    pub(crate) fn end(&self) {
        let mut position = self.sink.position();
        position.size = position.taken;
    }

    /// Forgets what has arrived. No writer may be at work.
    pub(crate) fn start_over(&self) -> std::io::Result<()> {
        self.sink.caught_up();
        let mut store = self.sink.store();
        match &mut store.kept {
            Kept::Nothing => {}
            Kept::Memory(kept) => kept.clear(),
            Kept::File(_, file) => {
                file.set_len(0)?;
                file.rewind()?;
            }
        }
        store.hasher = Sha256::new();
        store.hashed = 0;
        let mut position = self.sink.position();
        position.taken = 0;
        position.stored = 0;
        Ok(())
    }

    pub(crate) fn is_complete(&self) -> bool {
        let position = self.sink.position();
        position.taken >= position.size
    }

    /// Begins to take bytes. Only one writer may be at work at a time; `turn` sees to it.
    pub(crate) fn writer(&self) -> Result<Writer<'_>, WriteError> {
        let (pieces, waiting) = mpsc::channel(WAITING);
        let (sink, from) = (Arc::clone(&self.sink), self.received());
        // Not one of the runtime's threads: what was taken is stored even when the runtime ends before.
        let thread = std::thread::Builder::new().name("sandbox-upload".to_owned());
        let spawned = thread.spawn(move || sink.store_all(from, waiting));
        spawned.map_err(|error| WriteError::Disk(error.to_string()))?;
        Ok(Writer { upload: self, pieces })
    }

    pub(crate) fn stored(&self) -> StoredUpload {
        let received = self.sink.caught_up();
        let size = self.size();
        StoredUpload {
            size,
            received,
            sha256: ids::hex(&self.sink.store().hasher.clone().finalize()),
            complete: received >= size,
        }
    }

    /// The bytes that arrived, where they are kept.
    pub(crate) fn bytes(&self) -> Option<std::io::Result<Bytes>> {
        self.sink.caught_up();
        match &self.sink.store().kept {
            Kept::Nothing => None,
            Kept::Memory(kept) => Some(Ok(Bytes::copy_from_slice(kept))),
            Kept::File(path, _) => Some(std::fs::read(path).map(Bytes::from)),
        }
    }
}

impl Writer<'_> {
    /// Takes the next bytes, all or none.
    pub(crate) async fn write(&self, bytes: Bytes) -> Result<(), WriteError> {
        // A place in the queue first: from then on nothing can come between counting the bytes and passing them on.
        let place =
            self.pieces.reserve().await.map_err(|_| WriteError::Disk("the store has stopped".to_owned()))?;
        let mut position = self.upload.sink.position();
        if let Some(trouble) = &position.trouble {
            return Err(WriteError::Disk(trouble.clone()));
        }
        let after = position.taken + bytes.len() as u64;
        if after > position.size {
            return Err(WriteError::TooMany(after - position.size));
        }
        position.taken = after;
        place.send(bytes);
        Ok(())
    }
}

impl Sink {
    fn position(&self) -> MutexGuard<'_, Position> {
        self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores pieces until no more come. An earlier request's pieces, up to `from`, go first.
    fn store_all(&self, from: u64, mut pieces: mpsc::Receiver<Bytes>) {
        drop(self.moved.wait_while(self.position(), |position| position.stored < from));
        while let Some(piece) = pieces.blocking_recv() {
            let kept = {
                let mut store = self.store();
                store.hasher.update(&piece);
                store.hashed += piece.len() as u64;
                store.kept.add(&piece)
            };
            let mut position = self.position();
            position.stored += piece.len() as u64;
            if let Err(error) = kept {
                position.trouble.get_or_insert(error.to_string());
            }
            self.moved.notify_all();
        }
    }

    /// Waits until all that was taken is stored; answers how much that is.
    fn caught_up(&self) -> u64 {
        let position = self.moved.wait_while(self.position(), |position| position.stored < position.taken);
        position.unwrap_or_else(PoisonError::into_inner).stored
    }
}

impl Kept {
    fn add(&mut self, piece: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Nothing => Ok(()),
            Self::Memory(kept) => {
                kept.extend_from_slice(piece);
                Ok(())
            }
            Self::File(_, file) => file.write_all(piece),
        }
    }
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload")
            .field("ticket", &self.ticket)
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The SHA-256 of `abc`, from the standard's own example.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[tokio::test]
    async fn bytes_are_counted_hashed_and_never_more_than_announced() {
        let folder = tempfile::tempdir().unwrap();
        for (keep, kept) in
            [(Keep::Nothing, false), (Keep::Memory, true), (Keep::Folder(folder.path().to_owned()), true)]
        {
            let upload = Upload::new("t".into(), 1, 2, 3, &keep).unwrap();
            let writer = upload.writer().unwrap();
            writer.write(Bytes::from("a")).await.unwrap();
            assert!(!upload.is_complete());
            assert!(matches!(writer.write(Bytes::from("bcd")).await, Err(WriteError::TooMany(1))));
            drop(writer);
            upload.writer().unwrap().write(Bytes::from("bc")).await.unwrap();
            let stored = upload.stored();
            assert_eq!((stored.received, stored.complete, stored.sha256.as_str()), (3, true, ABC));
            assert_eq!(upload.bytes().map(|bytes| bytes.unwrap().to_vec()), kept.then(|| b"abc".to_vec()));
        }
    }

    #[tokio::test]
    async fn an_upload_that_was_written_down_goes_on_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let keep = Keep::Folder(folder.path().to_owned());
        let upload = Upload::new("t".into(), 1, 2, 3, &keep).unwrap();
        upload.writer().unwrap().write(Bytes::from("a")).await.unwrap();
        upload.catch_up();
        let written = serde_json::to_string(&upload.record()).unwrap();
        // This arrives, but is never written down.
        upload.writer().unwrap().write(Bytes::from("x")).await.unwrap();
        upload.catch_up();

        let again = serde_json::from_str::<Record>(&written).unwrap().upload().unwrap();
        again.keep_on(&keep);
        assert_eq!(again.received(), 1);
        again.writer().unwrap().write(Bytes::from("bc")).await.unwrap();
        assert_eq!(again.stored().sha256, ABC);
        assert_eq!(again.bytes().unwrap().unwrap(), "abc");

        let elsewhere = serde_json::from_str::<Record>(&written).unwrap().upload().unwrap();
        elsewhere.keep_on(&Keep::Memory);
        assert!(elsewhere.bytes().is_none());
    }

    #[tokio::test]
    async fn many_writers_in_turn_keep_the_order() {
        let upload = Upload::new("t".into(), 1, 2, 50, &Keep::Memory).unwrap();
        for at in 0..50_u32 {
            upload.writer().unwrap().write(Bytes::from(vec![at as u8])).await.unwrap();
        }
        let expected: Vec<u8> = (0..50).collect();
        assert_eq!(upload.bytes().unwrap().unwrap(), expected);
    }
}
