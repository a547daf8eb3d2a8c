//! Writing files whole, one process at a time, for their owner alone.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use fs4::FileExt;

use crate::exit::{Failure, Result};

/// Makes a folder that only its owner can look into.
fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Replaces a file: whoever reads it sees the old or the new one, and only its owner sees it.
pub(crate) fn replace(path: &Path, text: &[u8]) -> Result<()> {
    let failed = |error: io::Error| Failure::file("write", path, &error);
    let folder = path.parent().unwrap_or(Path::new("."));
    private_folder(folder).map_err(failed)?;
    // Made with mode 0600.
    let mut next = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    next.write_all(text).map_err(failed)?;
    next.as_file().sync_all().map_err(failed)?;
    next.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Does something while no other process does something under the same lock. The lock ends with the process.
pub(crate) fn with_lock<T>(lock: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let failed = |error: io::Error| Failure::file("lock", lock, &error);
    private_folder(lock.parent().unwrap_or(Path::new("."))).map_err(failed)?;
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file: File = options.open(lock).map_err(failed)?;
    // Held for the time of one small write.
    FileExt::lock(&file).map_err(failed)?;
    work()
}
