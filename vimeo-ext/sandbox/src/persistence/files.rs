//! The files of a state folder, in numbered pairs: `snapshot-N.json` and `log-N.jsonl`.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::OpenError;
use super::format::{self, Change, Raw, StateError};
use crate::persistence::private_files;

/// The log size below which compaction is not worthwhile.
const MIN_COMPACTION_BYTES: u64 = 32 * 1024 * 1024;

/// The open files.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    number: u64,
    log: File,
    /// Excludes other processes; the system releases it when the process ends.
    lock: File,
    log_size: u64,
    snapshot_size: u64,
}

/// Unlocks explicitly: a child process that is just being spawned has a copy of the handle, so closing ours would not
/// release the lock.
impl Drop for Files {
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

impl Files {
    pub(super) fn open(folder: &Path) -> Result<(Self, Raw), OpenError> {
        let lock = folder.join("lock");
        // Earlier releases created folders that others could read.
        if fs::symlink_metadata(&lock).is_ok_and(|lock| lock.is_file()) {
            private_files::restrict_folder(folder)?;
        }
        private_files::create_folder(folder)?;
        let lock = private_files::open_or_create(&lock)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = "another sandbox has the folder open";
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

    /// Appends lines to the log; they are on disk when this returns.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        self.log.write_all(lines)?;
        self.log_size += lines.len() as u64;
        self.log.sync_data()
    }

    /// Returns whether reading the log takes longer than reading a snapshot of the same state.
    pub(super) fn is_long(&self) -> bool {
        self.log_size > MIN_COMPACTION_BYTES.max(2 * self.snapshot_size)
    }

    /// Switches to a new snapshot and an empty log. The old pair is valid until the new one is complete.
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
        // The first log of a folder has no snapshot.
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

/// Other systems cannot open a folder as a file; renaming is as durable as the system makes it.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Returns the numbers of the existing snapshots.
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
    for (index, line) in log.split_inclusive(|byte| *byte == b'\n').enumerate() {
        // A partial last line was never acknowledged.
        let Some(line) = line.strip_suffix(b"\n") else { break };
        let change: Change = serde_json::from_slice(line).map_err(|source| StateError::Unreadable {
            location: format!("{}, line {}", path.display(), index + 1),
            source,
        })?;
        change.apply(&mut document.worlds);
    }
    // Log lines have the version of their snapshot.
    Ok(document.migrated()?)
}
