//! Worlds on the disk: what was acknowledged is there after a crash.
//!
//! A folder holds a snapshot of all worlds and a log of what changed since, both under a number that counts up. A request
//! that changed something is answered once its line of the log is on the disk; requests that come together share the
//! wait. State is kept, not requests: what a line says is how things are, and reading it again does nothing anew.

mod files;
mod format;

use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::Value;
use tokio::sync::watch;

use crate::world::State;
use crate::world::registry::{Cell, Worlds};
use files::Files;
pub use format::StateError;
use format::{Change, raw_document};
pub(crate) use format::{Read, document, read, understood};

/// Writes down what changes, in the order in which it changed.
#[derive(Debug)]
pub(crate) struct Store {
    /// Lines that were handed to the writer. Counted while the line is handed over, so that the count is its place.
    handed: Mutex<Handed>,
    /// How many of them are on the disk, or why no more will be.
    durable: watch::Receiver<Result<u64, String>>,
}

#[derive(Debug)]
struct Handed {
    lines: u64,
    writer: Sender<Job>,
}

enum Job {
    Line(Vec<u8>),
    /// The log may from now on be replaced by a snapshot of these worlds.
    Watch(Weak<Worlds>),
    End,
}

/// A store that was opened, and the worlds that it held.
pub(crate) struct Opened {
    pub(crate) store: Arc<Store>,
    pub(crate) worlds: Vec<Read>,
}

impl Store {
    /// Opens a folder, which is made when it is not there. Nobody else may have it open.
    pub(crate) fn open(folder: &Path) -> Result<Opened, OpenError> {
        let (mut files, raw) = Files::open(folder)?;
        let snapshot = raw_document(&raw).map_err(std::io::Error::from)?;
        let worlds = understood(raw, &folder.display().to_string())?;
        // A log that broke off in the middle of a line is not written on: a new pair of files begins after it.
        files.begin_anew(&snapshot)?;
        let (writer, jobs) = mpsc::channel();
        let (sent, durable) = watch::channel(Ok(0));
        let thread = std::thread::Builder::new().name("sandbox-state".to_owned());
        thread.spawn(move || Writer { files, jobs, durable: sent, written: 0, worlds: Weak::new() }.run())?;
        let store = Arc::new(Self { handed: Mutex::new(Handed { lines: 0, writer }), durable });
        Ok(Opened { store, worlds })
    }

    /// Lets the log be replaced by a snapshot of `worlds` when it has grown.
    pub(crate) fn watch(&self, worlds: &Arc<Worlds>) {
        self.hand(Job::Watch(Arc::downgrade(worlds)));
    }

    /// Writes what changed in an open world.
    pub(crate) fn append(&self, cell: &Cell, state: &mut State) {
        let turned = state.clock_moved(cell.clock.mode());
        match state.take_changes() {
            Ok(changes) if changes.is_empty() && !turned => {}
            Ok(changes) => self.line(cell, [("state", Value::Object(changes))]),
            Err(error) => tracing::error!(%error, world = cell.id, "what changed cannot be written down"),
        }
    }

    /// Writes all of a world.
    pub(crate) fn append_whole(&self, cell: &Cell) {
        let mut state = cell.hold();
        let whole = serde_json::to_value(format::written(cell, &state));
        // What is in the whole is no change any more.
        let settled = state.take_changes();
        match whole.and_then(|whole| settled.map(|_| whole)) {
            Ok(Value::Object(whole)) => self.line(cell, whole),
            Ok(_) => {}
            Err(error) => tracing::error!(%error, world = cell.id, "a world cannot be written down"),
        }
    }

    /// Writes that a world has ended.
    pub(crate) fn append_end(&self, world: u64) {
        self.hand_line(&Change { world, set: None });
    }

    fn line<K: Into<String>>(&self, cell: &Cell, set: impl IntoIterator<Item = (K, Value)>) {
        let mut set: serde_json::Map<String, Value> =
            set.into_iter().map(|(name, value)| (name.into(), value)).collect();
        match serde_json::to_value(cell.clock.mode()) {
            Ok(clock) => drop(set.insert("clock".to_owned(), clock)),
            Err(error) => tracing::error!(%error, "a clock cannot be written down"),
        }
        self.hand_line(&Change { world: cell.id, set: Some(set) });
    }

    fn hand_line(&self, change: &Change) {
        match serde_json::to_vec(change) {
            Ok(mut line) => {
                line.push(b'\n');
                self.hand(Job::Line(line));
            }
            Err(error) => tracing::error!(%error, "a line of the log cannot be written"),
        }
    }

    fn hand(&self, job: Job) {
        let mut handed = self.handed.lock().unwrap_or_else(PoisonError::into_inner);
        handed.lines += u64::from(matches!(job, Job::Line(_)));
        // The writer outlives the store; if it is gone all the same, nothing becomes durable and `kept` says so.
        let _ = handed.writer.send(job);
    }

    /// Waits until all that was handed over so far is on the disk.
    pub(crate) async fn kept(&self) -> Result<(), String> {
        let lines = self.handed.lock().unwrap_or_else(PoisonError::into_inner).lines;
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
        self.hand(Job::End);
    }

    /// Waits until the folder was let go.
    pub(crate) async fn closed(&self) {
        let mut durable = self.durable.clone();
        while durable.changed().await.is_ok() {}
    }
}

/// Whether a document is a state that this release can read.
#[cfg(feature = "cli")]
pub(crate) fn check(document: &[u8], place: &str) -> Result<(), StateError> {
    understood(read(document, place)?, place).map(drop)
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
    jobs: Receiver<Job>,
    durable: watch::Sender<Result<u64, String>>,
    written: u64,
    worlds: Weak<Worlds>,
}

impl Writer {
    fn run(mut self) {
        while let Ok(job) = self.jobs.recv() {
            // All that waits goes to the disk at once.
            let mut lines = Vec::new();
            let mut count = 0;
            let mut ended = false;
            for job in std::iter::once(job).chain(self.jobs.try_iter()) {
                match job {
                    Job::Line(line) => {
                        lines.extend_from_slice(&line);
                        count += 1;
                    }
                    Job::Watch(worlds) => self.worlds = worlds,
                    Job::End => ended = true,
                }
            }
            if let Err(error) = self.files.append(&lines).and_then(|()| {
                self.written += count;
                self.tell(Ok(self.written));
                self.tidy()
            }) {
                tracing::error!(%error, "the state cannot be written");
                self.tell(Err(error.to_string()));
                return;
            }
            if ended {
                return;
            }
        }
    }

    fn tell(&self, how: Result<u64, String>) {
        self.durable.send_modify(|durable| *durable = how);
    }

    /// Begins anew with a snapshot when the log has become long.
    fn tidy(&mut self) -> std::io::Result<()> {
        if !self.files.is_long() {
            return Ok(());
        }
        let Some(worlds) = self.worlds.upgrade() else { return Ok(()) };
        // With every world held still, what was handed over is in the snapshot and needs no line of its own.
        let snapshot = worlds.hold_all(|held| {
            let snapshot = document(held)?;
            for job in self.jobs.try_iter() {
                match job {
                    Job::Line(_) => self.written += 1,
                    Job::Watch(worlds) => self.worlds = worlds,
                    // The sandbox ends as the channel closes, which is seen next.
                    Job::End => {}
                }
            }
            Ok::<_, std::io::Error>(snapshot)
        })?;
        self.files.begin_anew(&snapshot)?;
        self.tell(Ok(self.written));
        Ok(())
    }
}
