//! Files that the command reads and writes.

use std::io::{self, Read as _, Write as _};
use std::path::Path;

use super::CliError;

/// The maximum size of a text file.
const MAX_TEXT_BYTES: usize = 16 * 1024 * 1024;

pub(super) async fn read_text(path: &Path) -> Result<String, CliError> {
    let text = String::from_utf8(read(path, MAX_TEXT_BYTES).await?);
    text.map_err(|error| CliError::Input(format!("cannot read {}: {error}", path.display())))
}

/// Reads a file of at most `max_bytes` bytes.
pub(super) async fn read(path: &Path, max_bytes: usize) -> Result<Vec<u8>, CliError> {
    blocking("read", path, move |path| {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path)?;
        let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX);
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        match bytes.len() > max_bytes {
            true => Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("the file exceeds {max_bytes} bytes"),
            )),
            false => Ok(bytes),
        }
    })
    .await
}

/// Writes a file atomically, readable only by its user. Writes directly to a pipe or a device.
pub(super) async fn write(path: &Path, bytes: Vec<u8>) -> Result<(), CliError> {
    blocking("write", path, move |path| {
        if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return std::fs::OpenOptions::new().write(true).open(path)?.write_all(&bytes);
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        // In the same folder, under an unpredictable name.
        let mut unfinished = tempfile::Builder::new().tempfile_in(folder.unwrap_or(Path::new(".")))?;
        unfinished.write_all(&bytes)?;
        unfinished.persist(path).map_err(|error| error.error)?;
        Ok(())
    })
    .await
}

async fn blocking<T: Send + 'static>(
    verb: &str,
    path: &Path,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> Result<T, CliError> {
    let own = path.to_owned();
    let done = tokio::task::spawn_blocking(move || work(&own)).await;
    let done = done.unwrap_or_else(|error| Err(io::Error::other(error)));
    done.map_err(|source| CliError::File { what: format!("cannot {verb} {}", path.display()), source })
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;

    #[tokio::test]
    async fn writes_private_files_and_replaces_links() {
        let folder = tempfile::tempdir().unwrap();
        let (path, victim) = (folder.path().join("ready"), folder.path().join("victim"));
        std::fs::write(&victim, "precious").unwrap();
        symlink(&victim, &path).unwrap();
        // The temporary name of earlier releases.
        symlink(&victim, folder.path().join("ready.unfinished")).unwrap();
        write(&path, b"line".to_vec()).await.unwrap();
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
        assert_eq!(read_text(&path).await.unwrap(), "line");
        let written = std::fs::symlink_metadata(&path).unwrap();
        assert_eq!((written.is_file(), written.mode() & 0o777), (true, 0o600));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
        assert!(matches!(read(&path, 3).await, Err(CliError::File { .. })));
    }
}
