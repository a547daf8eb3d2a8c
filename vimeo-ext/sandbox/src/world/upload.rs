//! The receiving end of one upload.
//!
//! Bytes count when they are taken; they are hashed, and kept where they are to be, by a thread of their own, so that
//! the next ones can be read from the socket meanwhile. Whoever asks for the hash waits until it has caught up.

pub(crate) mod record;
mod store;

use std::sync::Arc;

use bytes::Bytes;
use sha2::Digest as _;
use tokio::sync::mpsc;

use crate::config::Config;
use crate::protocol::ids;
pub(crate) use store::is_ticket;
use store::{Content, Position, Sink, Store};

/// What arrived of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredUpload {
    /// The size that was announced, in bytes.
    pub size: u64,
    /// How many bytes have arrived.
    pub received: u64,
    /// The SHA-256 of the bytes that have arrived, as lower-case hexadecimal digits; `None` where the sandbox was told to
    /// take none.
    pub sha256: Option<String>,
    /// Whether all have.
    pub complete: bool,
}

/// The size of a file that nobody has announced.
pub(crate) const UNKNOWN: u64 = u64::MAX;

/// How many pieces may wait to be hashed. Pieces are a few hundred KiB at most, so this bounds the memory of an upload.
const MAX_QUEUED_CHUNKS: usize = 16;

/// One upload: its announced size and what came of it.
pub(crate) struct Upload {
    pub(crate) ticket: String,
    pub(crate) video: u64,
    pub(crate) version: u64,
    sink: Arc<Sink>,
    /// Held by the request that writes; a newer one asks the older to let go.
    pub(crate) turn: tokio::sync::Mutex<()>,
    pub(crate) cancel_writer: tokio::sync::Notify,
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
    /// To the thread that stores; `None` where bytes are only counted.
    pieces: Option<mpsc::Sender<Bytes>>,
}

impl Upload {
    pub(crate) fn new(
        ticket: String,
        video: u64,
        version: u64,
        size: u64,
        config: &Config,
    ) -> std::io::Result<Self> {
        let store = Store::new(config.digest, Content::new(&config.content, &ticket)?);
        let position = Position { size, ..Position::default() };
        Ok(Self::standing(ticket, (video, version), position, store))
    }

    /// An upload of which nothing but its ticket is known.
    pub(crate) fn unknown(ticket: String) -> Self {
        Self::standing(ticket, (0, 0), Position::default(), Store::new(false, Content::Nothing))
    }

    fn standing(ticket: String, (video, version): (u64, u64), position: Position, store: Store) -> Self {
        Self {
            ticket,
            video,
            version,
            sink: Arc::new(Sink::new(position, store)),
            turn: tokio::sync::Mutex::new(()),
            cancel_writer: tokio::sync::Notify::new(),
        }
    }

    /// Goes on keeping bytes after the upload was read back, where those that came before are still there.
    pub(crate) fn reattach_content(&self, config: &Config) {
        self.sink.store().reattach_content(&config.content, &self.ticket);
    }

    /// Waits until all that counts as arrived is hashed, and kept where it is to be.
    pub(crate) fn catch_up(&self) {
        self.sink.caught_up();
        let synced = match &self.sink.store().kept {
            Content::File(file) => file.sync_data(),
            Content::Nothing | Content::Memory(_) => Ok(()),
        };
        if let Err(error) = synced {
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
        self.sink.store().start_over()?;
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
        if self.sink.only_counts() {
            return Ok(Writer { upload: self, pieces: None });
        }
        let (pieces, waiting) = mpsc::channel(MAX_QUEUED_CHUNKS);
        let (sink, from) = (Arc::clone(&self.sink), self.received());
        // Not one of the runtime's threads: what was taken is stored even when the runtime ends before.
        let thread = std::thread::Builder::new().name("sandbox-upload".to_owned());
        let spawned = thread.spawn(move || sink.store_all(from, waiting));
        spawned.map_err(|error| WriteError::Disk(error.to_string()))?;
        Ok(Writer { upload: self, pieces: Some(pieces) })
    }

    pub(crate) fn stored(&self) -> StoredUpload {
        let received = self.sink.caught_up();
        let size = self.size();
        let hasher = self.sink.store().hasher.clone();
        StoredUpload {
            size,
            received,
            sha256: hasher.map(|hasher| ids::hex(&hasher.finalize())),
            complete: received >= size,
        }
    }

    /// The bytes that arrived, where they are kept.
    pub(crate) fn bytes(&self) -> Option<std::io::Result<Bytes>> {
        self.sink.caught_up();
        self.sink.store().kept.read()
    }
}

impl Writer<'_> {
    /// Takes the next bytes, all or none.
    pub(crate) async fn write(&self, bytes: Bytes) -> Result<(), WriteError> {
        // A place in the queue first: from then on nothing can come between counting the bytes and passing them on.
        let place = match &self.pieces {
            Some(pieces) => {
                let place = pieces.reserve().await;
                Some(place.map_err(|_| WriteError::Disk("the store has stopped".to_owned()))?)
            }
            None => None,
        };
        let mut position = self.upload.sink.position();
        if let Some(trouble) = &position.trouble {
            return Err(WriteError::Disk(trouble.clone()));
        }
        let length = bytes.len() as u64;
        let after = position.taken.saturating_add(length);
        if after > position.size {
            return Err(WriteError::TooMany(after.saturating_sub(position.size)));
        }
        match place {
            Some(place) => {
                position.taken = after;
                place.send(bytes);
            }
            None => self.upload.sink.count(&mut position, length),
        }
        Ok(())
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
    use super::record::Record;
    use super::*;
    use crate::config::ContentStorage;

    const TICKET: &str = "0123456789abcdef0123456789abcdef";

    /// The SHA-256 of `abc`, from the standard's own example.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn keeping(keep: ContentStorage) -> Config {
        Config { content: keep, ..Config::default() }
    }

    #[tokio::test]
    async fn bytes_are_counted_hashed_and_never_more_than_announced() {
        let folder = tempfile::tempdir().unwrap();
        for (keep, kept) in [
            (ContentStorage::Nothing, false),
            (ContentStorage::Memory, true),
            (ContentStorage::Folder(folder.path().to_owned()), true),
        ] {
            let upload = Upload::new(TICKET.into(), 1, 2, 3, &keeping(keep.clone())).unwrap();
            let writer = upload.writer().unwrap();
            writer.write(Bytes::from("a")).await.unwrap();
            assert!(!upload.is_complete());
            assert!(matches!(writer.write(Bytes::from("bcd")).await, Err(WriteError::TooMany(1))));
            drop(writer);
            upload.writer().unwrap().write(Bytes::from("bc")).await.unwrap();
            let stored = upload.stored();
            assert_eq!((stored.received, stored.complete, stored.sha256.as_deref()), (3, true, Some(ABC)));
            assert_eq!(upload.bytes().map(|bytes| bytes.unwrap().to_vec()), kept.then(|| b"abc".to_vec()));
        }
    }

    #[tokio::test]
    async fn an_upload_that_was_written_down_goes_on_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let keep = ContentStorage::Folder(folder.path().to_owned());
        let upload = Upload::new(TICKET.into(), 1, 2, 3, &keeping(keep.clone())).unwrap();
        upload.writer().unwrap().write(Bytes::from("a")).await.unwrap();
        upload.catch_up();
        let written = serde_json::to_string(&Record::of(&upload)).unwrap();
        // This arrives, but is never written down.
        upload.writer().unwrap().write(Bytes::from("x")).await.unwrap();
        upload.catch_up();

        let again = serde_json::from_str::<Record>(&written).unwrap().upload().unwrap();
        again.reattach_content(&keeping(keep));
        assert_eq!(again.received(), 1);
        again.writer().unwrap().write(Bytes::from("bc")).await.unwrap();
        assert_eq!(again.stored().sha256.as_deref(), Some(ABC));
        assert_eq!(again.bytes().unwrap().unwrap(), "abc");

        let elsewhere = serde_json::from_str::<Record>(&written).unwrap().upload().unwrap();
        elsewhere.reattach_content(&keeping(ContentStorage::Memory));
        assert!(elsewhere.bytes().is_none());
    }

    #[tokio::test]
    async fn many_writers_in_turn_keep_the_order() {
        let upload = Upload::new(TICKET.into(), 1, 2, 50, &keeping(ContentStorage::Memory)).unwrap();
        for at in 0..50_u32 {
            upload.writer().unwrap().write(Bytes::from(vec![at as u8])).await.unwrap();
        }
        let expected: Vec<u8> = (0..50).collect();
        assert_eq!(upload.bytes().unwrap().unwrap(), expected);
    }

    #[tokio::test]
    async fn without_a_digest_bytes_are_still_counted_kept_and_written_down() {
        for keep in [ContentStorage::Nothing, ContentStorage::Memory] {
            let config = Config { digest: false, ..keeping(keep.clone()) };
            let upload = Upload::new(TICKET.into(), 1, 2, 3, &config).unwrap();
            upload.writer().unwrap().write(Bytes::from("ab")).await.unwrap();
            let refused = upload.writer().unwrap().write(Bytes::from("cd")).await;
            assert!(matches!(refused, Err(WriteError::TooMany(1))));
            upload.catch_up();
            let written = serde_json::to_string(&Record::of(&upload)).unwrap();
            let again = serde_json::from_str::<Record>(&written).unwrap().upload().unwrap();
            again.writer().unwrap().write(Bytes::from("c")).await.unwrap();
            let stored = again.stored();
            assert_eq!((stored.received, stored.complete, stored.sha256), (3, true, None));
            assert_eq!(upload.bytes().is_some(), keep == ContentStorage::Memory);
            upload.start_over().unwrap();
            assert_eq!(upload.received(), 0);
        }
    }
}
