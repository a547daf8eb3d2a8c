//! The receiving end of an upload.
//!
//! A byte counts as received when it is accepted. A separate thread hashes and stores the bytes, so that more can be
//! read from the socket meanwhile. Reading the hash waits for that thread.

pub(crate) mod record;
mod store;

use std::sync::Arc;

use bytes::Bytes;
use sha2::Digest as _;
use tokio::sync::mpsc;

use crate::config::Config;
use crate::protocol::ids;
pub(crate) use store::is_ticket;
use store::{Content, Progress, Sink, Store};

/// The state of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredUpload {
    /// The announced size, in bytes.
    pub size: u64,
    /// How many bytes were received.
    pub received: u64,
    /// The SHA-256 of the received bytes, as lowercase hexadecimal digits; `None` if uploads are not hashed.
    pub sha256: Option<String>,
    /// Whether all bytes were received.
    pub complete: bool,
}

/// The size of a file that was not announced.
pub(crate) const UNKNOWN_SIZE: u64 = u64::MAX;

/// How many chunks may wait to be hashed. A chunk has at most a few hundred KiB, so this bounds the memory of an
/// upload.
const MAX_QUEUED_CHUNKS: usize = 16;

/// One upload: its announced size and its progress.
pub(crate) struct Upload {
    pub(crate) ticket: String,
    pub(crate) video: u64,
    pub(crate) version: u64,
    sink: Arc<Sink>,
    /// Held by the request that writes; a newer request cancels it.
    pub(crate) turn: tokio::sync::Mutex<()>,
    pub(crate) cancel_writer: tokio::sync::Notify,
}

/// Why bytes were rejected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    #[error("the upload exceeds its announced size by {0} bytes")]
    TooMany(u64),
    #[error("cannot store the bytes: {0}")]
    Disk(String),
}

/// Writes the bytes of one request to an upload. Accepted bytes are stored even after it is dropped.
pub(crate) struct Writer<'a> {
    upload: &'a Upload,
    /// Sends to the storing thread; `None` if bytes are only counted.
    chunks: Option<mpsc::Sender<Bytes>>,
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
        let progress = Progress { size, ..Progress::default() };
        Ok(Self::with_progress(ticket, (video, version), progress, store))
    }

    /// Returns an upload of which only the ticket is known.
    pub(crate) fn unknown(ticket: String) -> Self {
        Self::with_progress(ticket, (0, 0), Progress::default(), Store::new(false, Content::Nothing))
    }

    fn with_progress(ticket: String, (video, version): (u64, u64), progress: Progress, store: Store) -> Self {
        Self {
            ticket,
            video,
            version,
            sink: Arc::new(Sink::new(progress, store)),
            turn: tokio::sync::Mutex::new(()),
            cancel_writer: tokio::sync::Notify::new(),
        }
    }

    /// Continues to store bytes after the upload was restored, if the earlier bytes still exist.
    pub(crate) fn reattach_content(&self, config: &Config) {
        self.sink.store().reattach_content(&config.content, &self.ticket);
    }

    /// Waits until all received bytes are hashed and stored.
    pub(crate) fn flush(&self) {
        self.sink.wait_until_stored();
        let synced = match &self.sink.store().content {
            Content::File(file) => file.sync_data(),
            Content::Nothing | Content::Memory(_) => Ok(()),
        };
        if let Err(error) = synced {
            self.sink.progress().error.get_or_insert(error.to_string());
        }
    }

    pub(crate) fn received(&self) -> u64 {
        self.sink.progress().received
    }

    /// Returns the total number of bytes, or [`UNKNOWN_SIZE`].
    pub(crate) fn size(&self) -> u64 {
        self.sink.progress().size
    }

    /// Marks the received bytes as the whole file.
    pub(crate) fn end(&self) {
        let mut progress = self.sink.progress();
        progress.size = progress.received;
    }

    /// Discards the received bytes. No writer may be active.
    pub(crate) fn start_over(&self) -> std::io::Result<()> {
        self.sink.wait_until_stored();
        self.sink.store().start_over()?;
        let mut progress = self.sink.progress();
        progress.received = 0;
        progress.stored = 0;
        Ok(())
    }

    pub(crate) fn is_complete(&self) -> bool {
        let progress = self.sink.progress();
        progress.received >= progress.size
    }

    /// Returns a writer. Only one writer may be active at a time; `turn` ensures this.
    pub(crate) fn writer(&self) -> Result<Writer<'_>, WriteError> {
        if self.sink.only_counts() {
            return Ok(Writer { upload: self, chunks: None });
        }
        let (chunks, waiting) = mpsc::channel(MAX_QUEUED_CHUNKS);
        let (sink, from) = (Arc::clone(&self.sink), self.received());
        // A thread outside the runtime stores received bytes even if the runtime ends first.
        let thread = std::thread::Builder::new().name("sandbox-upload".to_owned());
        let spawned = thread.spawn(move || sink.store_all(from, waiting));
        spawned.map_err(|error| WriteError::Disk(error.to_string()))?;
        Ok(Writer { upload: self, chunks: Some(chunks) })
    }

    pub(crate) fn stored(&self) -> StoredUpload {
        let received = self.sink.wait_until_stored();
        let size = self.size();
        let hasher = self.sink.store().hasher.clone();
        StoredUpload {
            size,
            received,
            sha256: hasher.map(|hasher| ids::hex(&hasher.finalize())),
            complete: received >= size,
        }
    }

    /// Whether the received bytes are stored.
    pub(crate) fn has_bytes(&self) -> bool {
        !matches!(self.sink.store().content, Content::Nothing)
    }

    /// Reads up to `length` of the stored bytes, from `offset`.
    pub(crate) fn read_at(&self, offset: u64, length: u64) -> std::io::Result<Bytes> {
        self.sink.wait_until_stored();
        self.sink.store().content.read_at(offset, length)
    }

    /// Returns the received bytes, if they are stored.
    pub(crate) fn bytes(&self) -> Option<std::io::Result<Bytes>> {
        self.sink.wait_until_stored();
        self.sink.store().content.read()
    }
}

impl Writer<'_> {
    /// Writes the next bytes, all or none.
    pub(crate) async fn write(&self, bytes: Bytes) -> Result<(), WriteError> {
        // Reserve a slot first, so that counting and sending the bytes cannot be interrupted.
        let slot = match &self.chunks {
            Some(chunks) => {
                let slot = chunks.reserve().await;
                Some(slot.map_err(|_| WriteError::Disk("the storing thread has stopped".to_owned()))?)
            }
            None => None,
        };
        let mut progress = self.upload.sink.progress();
        if let Some(error) = &progress.error {
            return Err(WriteError::Disk(error.clone()));
        }
        let length = bytes.len() as u64;
        let after = progress.received.saturating_add(length);
        if after > progress.size {
            return Err(WriteError::TooMany(after.saturating_sub(progress.size)));
        }
        match slot {
            Some(slot) => {
                progress.received = after;
                slot.send(bytes);
            }
            None => self.upload.sink.count(&mut progress, length),
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

    /// The SHA-256 of `abc`, from the standard's example.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn config(content: ContentStorage) -> Config {
        Config { content, ..Config::default() }
    }

    #[tokio::test]
    async fn counts_and_hashes_bytes_up_to_the_announced_size() {
        let folder = tempfile::tempdir().unwrap();
        for (keep, kept) in [
            (ContentStorage::Nothing, false),
            (ContentStorage::Memory, true),
            (ContentStorage::Folder(folder.path().to_owned()), true),
        ] {
            let upload = Upload::new(TICKET.into(), 1, 2, 3, &config(keep.clone())).unwrap();
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
    async fn restored_upload_continues_at_its_offset() {
        let folder = tempfile::tempdir().unwrap();
        let keep = ContentStorage::Folder(folder.path().to_owned());
        let upload = Upload::new(TICKET.into(), 1, 2, 3, &config(keep.clone())).unwrap();
        upload.writer().unwrap().write(Bytes::from("a")).await.unwrap();
        upload.flush();
        let written = serde_json::to_string(&Record::of(&upload)).unwrap();
        // Received, but never recorded.
        upload.writer().unwrap().write(Bytes::from("x")).await.unwrap();
        upload.flush();

        let again = serde_json::from_str::<Record>(&written).unwrap().upload().unwrap();
        again.reattach_content(&config(keep));
        assert_eq!(again.received(), 1);
        again.writer().unwrap().write(Bytes::from("bc")).await.unwrap();
        assert_eq!(again.stored().sha256.as_deref(), Some(ABC));
        assert_eq!(again.bytes().unwrap().unwrap(), "abc");

        let elsewhere = serde_json::from_str::<Record>(&written).unwrap().upload().unwrap();
        elsewhere.reattach_content(&config(ContentStorage::Memory));
        assert!(elsewhere.bytes().is_none());
    }

    #[tokio::test]
    async fn successive_writers_preserve_order() {
        let upload = Upload::new(TICKET.into(), 1, 2, 50, &config(ContentStorage::Memory)).unwrap();
        for at in 0..50_u32 {
            upload.writer().unwrap().write(Bytes::from(vec![at as u8])).await.unwrap();
        }
        let expected: Vec<u8> = (0..50).collect();
        assert_eq!(upload.bytes().unwrap().unwrap(), expected);
    }

    #[tokio::test]
    async fn uploads_without_digest_are_counted_and_restored() {
        for keep in [ContentStorage::Nothing, ContentStorage::Memory] {
            let config = Config { digest: false, ..config(keep.clone()) };
            let upload = Upload::new(TICKET.into(), 1, 2, 3, &config).unwrap();
            upload.writer().unwrap().write(Bytes::from("ab")).await.unwrap();
            let refused = upload.writer().unwrap().write(Bytes::from("cd")).await;
            assert!(matches!(refused, Err(WriteError::TooMany(1))));
            upload.flush();
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
