//! Worlds on disk: acknowledged changes survive a crash.
//!
//! A folder contains a snapshot of all worlds and a log of later changes, both with the same increasing number. A
//! request that changed something gets its response once its log line is on disk; concurrent requests share the wait.
//! The log stores state rather than requests: a line says how things are, so applying it twice has no further effect.

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

/// The maximum size of an imported document; one with a hundred thousand videos fits.
pub(crate) const MAX_DOCUMENT_BYTES: usize = 256 * 1024 * 1024;

/// Worlds that can be written at any time.
pub(crate) trait Snapshot: Send + Sync {
    /// Writes a document of all worlds with none of them changing, and calls `meanwhile` before they may change
    /// again.
    fn snapshot(&self, meanwhile: &mut dyn FnMut()) -> serde_json::Result<Vec<u8>>;
}

/// Writes changes in the order in which they occurred.
#[derive(Debug)]
pub(crate) struct Store {
    /// Lines sent to the writer. They are counted while they are sent, so that the count is the line's position.
    queue: Mutex<WriteQueue>,
    /// How many lines are on disk, or why writing failed.
    durable: watch::Receiver<Result<u64, String>>,
}

#[derive(Debug)]
struct WriteQueue {
    lines: u64,
    writer: Sender<WriterMessage>,
}

enum WriterMessage {
    Line(Vec<u8>),
    /// From now on, the log may be replaced by a snapshot of these worlds.
    Watch(Weak<dyn Snapshot>),
    End,
}

/// An open store and the worlds it contained.
pub(crate) struct LoadedStore<T> {
    pub(crate) store: Arc<Store>,
    pub(crate) worlds: T,
}

impl Store {
    /// Opens a folder exclusively, creating it if needed. If `read` fails, the folder stays as it is.
    pub(crate) fn open<T>(
        folder: &Path,
        read: impl FnOnce(Raw, &str) -> Result<T, StateError>,
    ) -> Result<LoadedStore<T>, OpenError> {
        let (mut files, raw) = Files::open(folder)?;
        let snapshot = raw_document(&raw).map_err(std::io::Error::from)?;
        let worlds = read(raw, &folder.display().to_string())?;
        // Never append to a log that may end in a partial line: start a new pair of files.
        files.compact(&snapshot)?;
        let (writer, messages) = mpsc::channel();
        let (sent, durable) = watch::channel(Ok(0));
        let thread = std::thread::Builder::new().name("sandbox-state".to_owned());
        thread.spawn(move || Writer { files, messages, durable: sent, written: 0, worlds: None }.run())?;
        let store = Arc::new(Self { queue: Mutex::new(WriteQueue { lines: 0, writer }), durable });
        Ok(LoadedStore { store, worlds })
    }

    /// Allows the log to be replaced by a snapshot of `worlds` once it has grown.
    pub(crate) fn watch(&self, worlds: Weak<dyn Snapshot>) {
        self.send(WriterMessage::Watch(worlds));
    }

    /// Appends changed members of a world, as in the document; tables by rows.
    pub(crate) fn append(&self, world: u64, set: Map<String, Value>) {
        self.send_line(&Change { world, set: Some(set) });
    }

    /// Appends the removal of a world.
    pub(crate) fn append_end(&self, world: u64) {
        self.send_line(&Change { world, set: None });
    }

    fn send_line(&self, change: &Change) {
        match serde_json::to_vec(change) {
            Ok(mut line) => {
                line.push(b'\n');
                self.send(WriterMessage::Line(line));
            }
            Err(error) => tracing::error!(%error, "cannot serialize a log line"),
        }
    }

    fn send(&self, message: WriterMessage) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.lines += u64::from(matches!(message, WriterMessage::Line(_)));
        // The writer outlives the store. If it has failed, `durable` returns the error.
        let _ = queue.writer.send(message);
    }

    /// Waits until everything appended so far is on disk.
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
    /// Closes the folder once everything appended is on disk. Later changes are not written.
    pub(crate) fn close(&self) {
        self.send(WriterMessage::End);
    }

    /// Waits until the folder is closed.
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

/// The writing thread.
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
            // Write everything that is queued at once.
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
                tracing::error!(%error, "cannot write the state");
                self.publish_durable(Err(error.to_string()));
                return;
            }
            if ended {
                return;
            }
        }
    }

    fn publish_durable(&self, result: Result<u64, String>) {
        self.durable.send_modify(|durable| *durable = result);
    }

    /// Replaces a long log with a snapshot.
    fn compact_if_long(&mut self) -> std::io::Result<()> {
        if !self.files.is_long() {
            return Ok(());
        }
        let Some(worlds) = self.worlds.as_ref().and_then(Weak::upgrade) else { return Ok(()) };
        // While all worlds are locked, queued lines are already part of the snapshot.
        let snapshot = worlds.snapshot(&mut || {
            for message in self.messages.try_iter() {
                match message {
                    WriterMessage::Line(_) => self.written += 1,
                    WriterMessage::Watch(worlds) => self.worlds = Some(worlds),
                    // The channel closes next, which ends the loop.
                    WriterMessage::End => {}
                }
            }
        })?;
        self.files.compact(&snapshot)?;
        self.publish_durable(Ok(self.written));
        Ok(())
    }
}
