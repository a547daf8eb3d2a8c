//! Writing files whole, one process at a time, for their owner alone.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use crate::exit::{Failure, Result};

/// The most that is read of a file of settings, accounts, keys or tokens.
pub(crate) const LONGEST_FILE: u64 = 1 << 20;

/// Reads a file that has at most so many bytes.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {most} bytes")));
    }
    Ok(bytes)
}

/// Reads a file of text that this program, or a person, has written.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path, LONGEST_FILE)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "it holds no text in UTF-8"))
}

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
    let mut next = tempfile::Builder::new().prefix(&prefix(path)).tempfile_in(folder).map_err(failed)?;
    next.write_all(text).map_err(failed)?;
    next.as_file().sync_all().map_err(failed)?;
    next.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Removes a file, if it is there, and what processes that were killed have left of writing it.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let gone = |result: io::Result<()>| match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    gone(std::fs::remove_file(path))?;
    let prefix = prefix(path);
    for entry in std::fs::read_dir(path.parent().unwrap_or(Path::new("."))).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            gone(std::fs::remove_file(entry.path()))?;
        }
    }
    Ok(())
}

/// How the names begin that a file has while it is written.
fn prefix(path: &Path) -> String {
    format!(".{}.next-", path.file_name().unwrap_or_default().to_string_lossy())
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
    file.lock().map_err(failed)?;
    work()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_up_to_a_bound() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "12345678").unwrap();
        assert_eq!(read(file.path(), 8).unwrap(), b"12345678");
        assert_eq!(read(file.path(), 7).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read_text(file.path()).unwrap(), "12345678");
        std::fs::write(file.path(), b"\xff").unwrap();
        assert_eq!(read_text(file.path()).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn nothing_is_left_of_a_file_and_of_those_who_were_killed_while_they_wrote_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.json");
        replace(&path, b"whole").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        let killed = tempfile::Builder::new().prefix(&prefix(&path)).tempfile_in(folder.path()).unwrap();
        killed.keep().unwrap();
        let other = folder.path().join("another.json");
        replace(&other, b"stays").unwrap();
        for _ in 0..2 {
            remove(&path).unwrap();
            let left: Vec<_> =
                std::fs::read_dir(folder.path()).unwrap().map(|item| item.unwrap().path()).collect();
            assert!(left.iter().eq([&other]), "{left:?}");
        }
    }
}
