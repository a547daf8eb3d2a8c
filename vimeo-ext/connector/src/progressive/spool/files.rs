//! The files of one upload: its locks, its record, and its bytes.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;

use vimeo_ext::durable_files::sync_folder;
use vimeo_ext::private_files;

use super::{SendLock, SpoolError};
use crate::progressive::record::Record;

/// The maximum size of a record, to read no more of a damaged one.
const MAX_RECORD_BYTES: u64 = 1024 * 1024;

/// How many bytes are compared at a time.
const COMPARED_BYTES: usize = 256 * 1024;

pub(super) fn not_found_is_unknown<T>(result: io::Result<T>) -> Result<T, SpoolError> {
    result.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => SpoolError::Unknown,
        _ => error.into(),
    })
}

/// Waits for the lock of an upload.
pub(super) fn lock_upload(folder: &Path) -> Result<File, SpoolError> {
    let path = folder.join("lock");
    let file = not_found_is_unknown(private_files::open(&path, OpenOptions::new().write(true)))?;
    file.lock()?;
    // It was deleted while this thread waited.
    if private_files::is_same_file(&file, &path) { Ok(file) } else { Err(SpoolError::Unknown) }
}

/// Locks an upload to send it, unless another process or task has locked it.
pub(super) fn try_lock_sending(folder: &Path) -> Result<Option<SendLock>, SpoolError> {
    let path = folder.join("sending");
    let file = private_files::open(&path, OpenOptions::new().create(true).truncate(false).write(true));
    let file = not_found_is_unknown(file)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(SendLock { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

pub(super) fn read_record(folder: &Path) -> Result<Record, SpoolError> {
    let bytes = not_found_is_unknown(read_bounded(&folder.join("upload.json"), MAX_RECORD_BYTES))?;
    Ok(serde_json::from_slice(&bytes).map_err(io::Error::from)?)
}

pub(super) fn read_bounded(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    private_files::open(path, OpenOptions::new().read(true))?.take(max_bytes).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Replaces the record. If the machine stops meanwhile, the old or the new one is left.
pub(super) fn write_record(folder: &Path, record: &Record) -> io::Result<()> {
    let path = folder.join("upload.json.new");
    let mut file = private_files::open(&path, OpenOptions::new().create(true).truncate(true).write(true))?;
    file.write_all(&serde_json::to_vec(record).map_err(io::Error::from)?)?;
    file.sync_all()?;
    std::fs::rename(&path, folder.join("upload.json"))?;
    sync_folder(folder)
}

pub(super) fn remove_data(folder: &Path) -> io::Result<()> {
    for name in ["data", "sent"] {
        match std::fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn copy(part: &mut File, data: &mut File, size: u64) -> io::Result<()> {
    if io::copy(&mut part.take(size), data)? == size {
        Ok(())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// Compares the next bytes of two files.
pub(super) fn compare(part: &mut File, data: &mut File, size: u64) -> Result<(), SpoolError> {
    let (mut left, mut right) = (vec![0; COMPARED_BYTES], vec![0; COMPARED_BYTES]);
    let mut remaining = size;
    while remaining > 0 {
        let length = usize::try_from(remaining).map_or(COMPARED_BYTES, |rest| rest.min(COMPARED_BYTES));
        let (Some(left), Some(right)) = (left.get_mut(..length), right.get_mut(..length)) else { break };
        part.read_exact(left)?;
        data.read_exact(right)?;
        if left != right {
            return Err(SpoolError::Conflict);
        }
        remaining = remaining.saturating_sub(length as u64);
    }
    Ok(())
}
