//! Worlds on the disk: what was acknowledged is there after a crash.
//!
//! A folder holds a snapshot of all worlds and a log of what changed since, both under a number that counts up. A request
//! that changed something is answered once its line of the log is on the disk; requests that come together share the
//! wait. State is kept, not requests: what a line says is how things are, and reading it again does nothing anew.

mod files;
mod format;
pub(crate) mod private_files;
pub(crate) mod table;

use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::{Map, Value};
use tokio::sync::watch;

use files::Files;
pub use format::StateError;
use format::{Change, raw_document};
pub(crate) use format::{Raw, document, read};

/// The largest document that is taken from elsewhere; one with a hundred thousand videos fits.
pub(crate) const MAX_DOCUMENT_BYTES: usize = 256 * 1024 * 1024;

/// Worlds that can be written down at any time.
pub(crate) trait Snapshot: Send + Sync {
    /// Writes a document of all worlds, with none of them changing meanwhile, and calls `meanwhile` before they may again.
    fn snapshot(&self, meanwhile: &mut dyn FnMut()) -> serde_json::Result<Vec<u8>>;
}

/// Writes down what changes, in the order in which it changed.
#[derive(Debug)]
pub(crate) struct Store {
    /// Lines that were handed to the writer. Counted while the line is handed over, so that the count is its place.
    queue: Mutex<WriteQueue>,
    /// How many of them are on the disk, or why no more will be.
    durable: watch::Receiver<Result<u64, String>>,
}

#[derive(Debug)]
struct WriteQueue {
    lines: u64,
    writer: Sender<WriterMessage>,
}

enum WriterMessage {
    Line(Vec<u8>),
    /// The log may from now on be replaced by a snapshot of these worlds.
    Watch(Weak<dyn Snapshot>),
    End,
}

/// A store that was opened, and the worlds that it held.
pub(crate) struct LoadedStore<T> {
    pub(crate) store: Arc<Store>,
    pub(crate) worlds: T,
}

impl Store {
    /// Opens a folder, which is made when it is not there. Nobody else may have it open. Where `read` cannot read the worlds in it,
    /// it stays as it is.
    pub(crate) fn open<T>(
        folder: &Path,
        read: impl FnOnce(Raw, &str) -> Result<T, StateError>,
    ) -> Result<LoadedStore<T>, OpenError> {
        let (mut files, raw) = Files::open(folder)?;
        let snapshot = raw_document(&raw).map_err(std::io::Error::from)?;
        let worlds = read(raw, &folder.display().to_string())?;
        // A log that broke off in the middle of a line is not written on: a new pair of files begins after it.
        files.compact(&snapshot)?;
        let (writer, messages) = mpsc::channel();
        let (sent, durable) = watch::channel(Ok(0));
        let thread = std::thread::Builder::new().name("sandbox-state".to_owned());
        thread.spawn(move || Writer { files, messages, durable: sent, written: 0, worlds: None }.run())?;
        let store = Arc::new(Self { queue: Mutex::new(WriteQueue { lines: 0, writer }), durable });
        Ok(LoadedStore { store, worlds })
    }

    /// Lets the log be replaced by a snapshot of `worlds` when it has grown.
    pub(crate) fn watch(&self, worlds: Weak<dyn Snapshot>) {
        self.hand(WriterMessage::Watch(worlds));
    }

    /// Writes what of a world is new: its members as in the document, tables by rows.
    pub(crate) fn append(&self, world: u64, set: Map<String, Value>) {
        self.hand_line(&Change { world, set: Some(set) });
    }

    /// Writes that a world has ended.
    pub(crate) fn append_end(&self, world: u64) {
        self.hand_line(&Change { world, set: None });
    }

    fn hand_line(&self, change: &Change) {
        match serde_json::to_vec(change) {
            Ok(mut line) => {
                line.push(b'\n');
                self.hand(WriterMessage::Line(line));
            }
            Err(error) => tracing::error!(%error, "a line of the log cannot be written"),
        }
    }

    fn hand(&self, message: WriterMessage) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.lines += u64::from(matches!(message, WriterMessage::Line(_)));
        // The writer outlives the store; if it is gone all the same, nothing becomes durable and `durable` says so.
        let _ = queue.writer.send(message);
    }

    /// Waits until all that was handed over so far is on the disk.
    pub(crate) async fn durable(&self) -> Result<(), String> {
        let lines = self.queue.lock().unwrap_or_else(PoisonError::into_inner).lines;
        let mut durable = self.durable.clone();
        let enough =
            |durable: &Result<u64, String>| durable.as_ref().map_or(true, |written| *written >= lines);
        match durable.wait_for(enough).await {
            Ok(reached) => reached.as_ref().map(|_| ()).map_err(Clone::clone),
            Err(_) => Err("the writer has stopped".to_owned()),
        }
    }
}

impl Store {
    /// Lets the folder go once all that was handed over is on the disk. What changes afterwards is not written.
    pub(crate) fn close(&self) {
        self.hand(WriterMessage::End);
    }

    /// Waits until the folder was let go.
    pub(crate) async fn closed(&self) {
        let mut durable = self.durable.clone();
        while durable.changed().await.is_ok() {}
    }
}

/// Why a folder cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    State(#[from] StateError),
}

/// The thread that writes.
struct Writer {
    files: Files,
    messages: Receiver<WriterMessage>,
    durable: watch::Sender<Result<u64, String>>,
    written: u64,
    worlds: Option<Weak<dyn Snapshot>>,
}

impl Writer {
    fn run(mut self) {
        while let Ok(message) = self.messages.recv() {
            // All that waits goes to the disk at once.
            let mut lines = Vec::new();
            let mut count = 0;
            let mut ended = false;
            for message in std::iter::once(message).chain(self.messages.try_iter()) {
                match message {
                    WriterMessage::Line(line) => {
                        lines.extend_from_slice(&line);
                        count += 1;
                    }
                    WriterMessage::Watch(worlds) => self.worlds = Some(worlds),
                    WriterMessage::End => ended = true,
                }
            }
            if let Err(error) = self.files.append(&lines).and_then(|()| {
                self.written += count;
                self.publish_durable(Ok(self.written));
                self.compact_if_long()
            }) {
                tracing::error!(%error, "the state cannot be written");
                self.publish_durable(Err(error.to_string()));
                return;
            }
            if ended {
                return;
            }
        }
    }

    fn publish_durable(&self, how: Result<u64, String>) {
        self.durable.send_modify(|durable| *durable = how);
    }

    /// Begins anew with a snapshot when the log has become long.
    fn compact_if_long(&mut self) -> std::io::Result<()> {
        if !self.files.is_long() {
            return Ok(());
        }
        let Some(worlds) = self.worlds.as_ref().and_then(Weak::upgrade) else { return Ok(()) };
        // With every world held still, what was handed over is in the snapshot and needs no line of its own.
        let snapshot = worlds.snapshot(&mut || {
            for message in self.messages.try_iter() {
                match message {
                    WriterMessage::Line(_) => self.written += 1,
                    WriterMessage::Watch(worlds) => self.worlds = Some(worlds),
                    // The sandbox ends as the channel closes, which is seen next.
                    WriterMessage::End => {}
                }
            }
        })?;
        self.files.compact(&snapshot)?;
        self.publish_durable(Ok(self.written));
        Ok(())
    }
}
