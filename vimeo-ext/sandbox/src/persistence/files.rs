//! The files of a state folder, numbered in pairs: `snapshot-N.json` and `log-N.jsonl`.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::OpenError;
use super::format::{self, Change, Raw, StateError};
use crate::persistence::private_files;

/// A log shorter than this is never worth a new snapshot.
const MIN_COMPACTION_BYTES: u64 = 32 * 1024 * 1024;

/// The files that are in use.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    number: u64,
    log: File,
    /// Keeps others out; the system lets go of it with the process, however that ends.
    lock: File,
    log_size: u64,
    snapshot_size: u64,
}

/// A program that is being started at this moment has a copy of the handle until it runs, and closing ours alone would leave
/// the lock to that.
impl Drop for Files {
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

impl Files {
    pub(super) fn open(folder: &Path) -> Result<(Self, Raw), OpenError> {
        let lock = folder.join("lock");
        // Earlier releases left their folder open to others.
        if fs::symlink_metadata(&lock).is_ok_and(|lock| lock.is_file()) {
            private_files::restrict_folder(folder)?;
        }
        private_files::create_folder(folder)?;
        let lock = private_files::open_or_create(&lock)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = "another sandbox has it open";
                return Err(io::Error::new(io::ErrorKind::WouldBlock, message).into());
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let newest = numbers(folder)?.into_iter().max();
        let worlds = match newest {
            Some(number) => read(folder, number)?,
            None => Raw::new(),
        };
        let number = newest.unwrap_or(0);
        let log = open_log(folder, number)?;
        let folder = folder.to_owned();
        Ok((Self { folder, number, log, lock, log_size: 0, snapshot_size: 0 }, worlds))
    }

    /// Adds lines to the log; when this returns they are on the disk.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        self.log.write_all(lines)?;
        self.log_size += lines.len() as u64;
        self.log.sync_data()
    }

    /// Whether reading the log takes longer than reading a snapshot of the same would.
    pub(super) fn is_long(&self) -> bool {
        self.log_size > MIN_COMPACTION_BYTES.max(2 * self.snapshot_size)
    }

    /// Goes over to a new snapshot and an empty log. The old pair counts until the new one is whole.
    pub(super) fn compact(&mut self, snapshot: &[u8]) -> io::Result<()> {
        let number = self.number + 1;
        let log = open_log(&self.folder, number)?;
        let unfinished = self.folder.join("snapshot.new");
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = private_files::create(&unfinished)?;
        file.write_all(snapshot)?;
        file.sync_all()?;
        fs::rename(&unfinished, snapshot_path(&self.folder, number))?;
        sync_folder(&self.folder)?;
        for old in numbers(&self.folder)?.into_iter().filter(|old| *old < number) {
            fs::remove_file(snapshot_path(&self.folder, old))?;
        }
        // The first log of a folder has no snapshot beside it.
        let _ = fs::remove_file(log_path(&self.folder, self.number));
        self.log = log;
        self.number = number;
        self.log_size = 0;
        self.snapshot_size = snapshot.len() as u64;
        Ok(())
    }
}

fn snapshot_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("snapshot-{number}.json"))
}

fn log_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("log-{number}.jsonl"))
}

fn open_log(folder: &Path, number: u64) -> io::Result<File> {
    private_files::open_or_create(&log_path(folder, number))
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Elsewhere a folder cannot be opened as a file; renaming is as durable as the system makes it.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// The numbers of the snapshots that are there.
fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("snapshot-")?.strip_suffix(".json"));
        numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    Ok(numbers)
}

fn read(folder: &Path, number: u64) -> Result<Raw, OpenError> {
    let snapshot = snapshot_path(folder, number);
    let mut document = Vec::new();
    private_files::open(&snapshot)?.read_to_end(&mut document)?;
    let mut document = format::parse(&document, &snapshot.display().to_string())?;
    let path = log_path(folder, number);
    let mut log = Vec::new();
    match private_files::open(&path) {
        Ok(mut file) => drop(file.read_to_end(&mut log)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    for (place, line) in log.split_inclusive(|byte| *byte == b'\n').enumerate() {
        // A last line without its end was never acknowledged.
        let Some(line) = line.strip_suffix(b"\n") else { break };
        let change: Change = serde_json::from_slice(line).map_err(|source| StateError::Unreadable {
            place: format!("{}, line {}", path.display(), place + 1),
            source,
        })?;
        change.apply(&mut document.worlds);
    }
    // The lines are of the version of the snapshot that they follow.
    Ok(document.migrated()?)
}
