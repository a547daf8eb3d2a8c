//! Reading what nobody else may have written, and writing files whole, one process at a time, for their owner alone.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::path::Path;

use vimeo_ext::private_files;

use crate::exit::{Failure, Result};

/// The most that is read of a file of settings, accounts, keys or tokens.
pub(crate) const LONGEST_FILE: u64 = 1 << 20;

/// Reads a file of this program's own that has at most so many bytes. One that others may write is refused, as is a folder
/// that others may write in, and a link: such a file can say which command is run and which token is whose.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    private_files::check_folder(folder_of(path))?;
    read_private(path, most)
}

fn read_private(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = private_files::open(path, OpenOptions::new().read(true))?;
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {most} bytes")));
    }
    Ok(bytes)
}

/// Reads a file of text that this program has written, as [`read`] does.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    text(read(path, LONGEST_FILE)?)
}

/// Reads a file that a person has written or named, if nobody else may write it or put another in its place. A link leads to
/// the file that is looked at.
pub(crate) fn read_named(path: &Path) -> io::Result<Vec<u8>> {
    let path = path.canonicalize()?;
    private_files::check_place(&path)?;
    read_private(&path, LONGEST_FILE)
}

/// Reads a file of text, as [`read_named`] does.
pub(crate) fn read_named_text(path: &Path) -> io::Result<String> {
    text(read_named(path)?)
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "it holds no text in UTF-8"))
}

/// The folder that a file is in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Replaces a file: whoever reads it sees the old or the new one, and only its owner sees it.
pub(crate) fn replace(path: &Path, text: &[u8]) -> Result<()> {
    let failed = |error: io::Error| Failure::file("write", path, &error);
    let folder = folder_of(path);
    private_files::create_folder(folder).map_err(failed)?;
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
    for entry in std::fs::read_dir(folder_of(path)).into_iter().flatten().flatten() {
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
    private_files::create_folder(folder_of(lock)).map_err(failed)?;
    let mut options = OpenOptions::new();
    let file = private_files::open(lock, options.create(true).truncate(false).write(true)).map_err(failed)?;
    // Held for the time of one small write.
    file.lock().map_err(failed)?;
    work()
}

/// A folder for a test. What a group may write is refused, so files are made as most people's shells make them.
#[cfg(test)]
pub(crate) fn test_folder() -> tempfile::TempDir {
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    tempfile::tempdir().unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_up_to_a_bound() {
        let folder = test_folder();
        let file = tempfile::NamedTempFile::new_in(folder.path()).unwrap();
        std::fs::write(file.path(), "12345678").unwrap();
        assert_eq!(read(file.path(), 8).unwrap(), b"12345678");
        assert_eq!(read(file.path(), 7).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read_text(file.path()).unwrap(), "12345678");
        std::fs::write(file.path(), b"\xff").unwrap();
        assert_eq!(read_text(file.path()).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn nothing_is_left_of_a_file_and_of_those_who_were_killed_while_they_wrote_it() {
        let folder = test_folder();
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

    #[cfg(unix)]
    #[test]
    fn what_others_may_have_written_is_not_read() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let folder = test_folder();
        let with_mode = |path: &Path, mode: u32| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        let own = folder.path().join("own");
        let path = own.join("accounts.toml");
        replace(&path, b"version = 1").unwrap();
        assert_eq!(read_text(&path).unwrap(), "version = 1");

        with_mode(&path, 0o664);
        for refused in [read_text(&path), read_named_text(&path)] {
            let error = refused.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
            assert!(error.to_string().contains("chmod go-w"), "{error}");
        }
        with_mode(&path, 0o600);

        let link = own.join("link");
        symlink(&path, &link).unwrap();
        assert!(read_text(&link).unwrap_err().to_string().contains("is a link"));
        assert_eq!(read_named_text(&link).unwrap(), "version = 1");

        with_mode(&own, 0o777);
        assert!(read_text(&path).unwrap_err().to_string().contains("chmod go-w"));
        for refused in [replace(&path, b"x"), with_lock(&own.join("lock"), || Ok(()))] {
            assert!(refused.unwrap_err().message().contains("chmod go-w"));
        }
        with_mode(&own, 0o700);
        assert_eq!(read_text(&path).unwrap(), "version = 1");
    }
}
