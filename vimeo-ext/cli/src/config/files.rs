//! Reads files that only their owner can write, and writes files atomically, under a lock, for their owner only.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::path::Path;

use vimeo_ext::private_files;

use crate::exit::{CliError, Result};

/// Maximum size of a file of settings, accounts, keys or tokens.
pub(crate) const MAX_FILE_BYTES: u64 = 1 << 20;

/// Reads a file of this program with at most `max_bytes` bytes. Refuses files and folders that other users can write,
/// and links: such a file decides which command is run and which token belongs to which account.
pub(crate) fn read(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    private_files::check_folder(folder_of(path))?;
    read_private(path, max_bytes)
}

fn read_private(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    let file = private_files::open(path, OpenOptions::new().read(true))?;
    let mut bytes = Vec::new();
    file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {max_bytes} bytes")));
    }
    Ok(bytes)
}

/// Reads a text file of this program, like [`read`].
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    text(read(path, MAX_FILE_BYTES)?)
}

/// Reads a file that the user wrote or named. Refuses files that other users can write or replace. Follows links and
/// checks their target.
pub(crate) fn read_named(path: &Path) -> io::Result<Vec<u8>> {
    let path = path.canonicalize()?;
    private_files::check_parents(&path)?;
    read_private(&path, MAX_FILE_BYTES)
}

/// Reads a text file, like [`read_named`].
pub(crate) fn read_named_text(path: &Path) -> io::Result<String> {
    text(read_named(path)?)
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "not valid UTF-8"))
}

/// Returns the folder that contains a file.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Replaces a file atomically. The file is readable only by its owner.
pub(crate) fn replace(path: &Path, text: &[u8]) -> Result<()> {
    let failed = |error: io::Error| CliError::io("write", path, &error);
    let folder = folder_of(path);
    private_files::create_folder(folder).map_err(failed)?;
    // Created with mode 0600.
    let mut temporary =
        tempfile::Builder::new().prefix(&temporary_prefix(path)).tempfile_in(folder).map_err(failed)?;
    temporary.write_all(text).map_err(failed)?;
    temporary.as_file().sync_all().map_err(failed)?;
    temporary.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Removes a file, if it exists, and temporary files left by processes that were killed while writing it.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    ignore_not_found(std::fs::remove_file(path))?;
    let prefix = temporary_prefix(path);
    for entry in std::fs::read_dir(folder_of(path)).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            ignore_not_found(std::fs::remove_file(entry.path()))?;
        }
    }
    Ok(())
}

/// Ignores "not found" errors of a removal.
pub(crate) fn ignore_not_found(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Returns the prefix of the temporary file names for a file.
fn temporary_prefix(path: &Path) -> String {
    format!(".{}.next-", path.file_name().unwrap_or_default().to_string_lossy())
}

/// Runs `work` while holding a file lock. The lock is released when the process ends.
pub(crate) fn with_lock<T>(lock: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let failed = |error: io::Error| CliError::io("lock", lock, &error);
    private_files::create_folder(folder_of(lock)).map_err(failed)?;
    let mut options = OpenOptions::new();
    let file = private_files::open(lock, options.create(true).truncate(false).write(true)).map_err(failed)?;
    // Held for the duration of one small write.
    file.lock().map_err(failed)?;
    work()
}

/// Creates a folder for a test, with the umask of most shells: group-writable files are refused.
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
    fn reads_files_up_to_the_size_limit() {
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
    fn remove_deletes_leftover_temporary_files() {
        let folder = test_folder();
        let path = folder.path().join("one.json");
        replace(&path, b"whole").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        let killed =
            tempfile::Builder::new().prefix(&temporary_prefix(&path)).tempfile_in(folder.path()).unwrap();
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
    fn refuses_files_that_others_can_write() {
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
