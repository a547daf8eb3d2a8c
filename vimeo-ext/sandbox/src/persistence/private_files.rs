//! Files and folders for their user alone: mode 0600 and 0700, and no link in the place of a file is followed.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// Creates a folder and those above it that are missing, or takes one that nobody else may write in.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    refuse_shared(path)
}

/// Makes a folder private that the sandbox itself has made.
#[cfg(unix)]
pub(crate) fn restrict_folder(path: &Path) -> io::Result<()> {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))
}

/// Other systems give a folder the rights of the folder that it is in.
#[cfg(not(unix))]
pub(crate) fn restrict_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Whoever may write in a folder decides what a name in it means.
#[cfg(unix)]
fn refuse_shared(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;

    let mode = std::fs::metadata(path)?.mode() & 0o7777;
    if mode & 0o022 == 0 {
        return Ok(());
    }
    let message =
        format!("other users may write in it (mode {mode:04o}); use a folder of your own, or chmod 700 it");
    Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
}

#[cfg(not(unix))]
fn refuse_shared(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Opens a file for reading and for writing at its end; creates it where it is missing.
pub(crate) fn open_or_create(path: &Path) -> io::Result<File> {
    match create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => open(path),
        created => created,
    }
}

/// Creates a file, for reading and for writing at its end. There must be nothing of this name, no link either.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Opens a file that is there, for reading and for writing at its end. A file that others may read or write is made
/// private.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let named = std::fs::symlink_metadata(path)?;
    // Opening a pipe or a device can have effects of its own.
    if !named.is_file() {
        return Err(not_regular());
    }
    let file = OpenOptions::new().read(true).append(true).open(path)?;
    let opened = file.metadata()?;
    if !is_same(&named, &opened) {
        return Err(not_regular());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
        if opened.mode() & 0o077 != 0 {
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        }
    }
    Ok(file)
}

fn not_regular() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is a link or no regular file")
}

/// Whether what was opened is what the name meant, and not what a link led to that was put there in between.
#[cfg(unix)]
fn is_same(named: &std::fs::Metadata, opened: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    (named.dev(), named.ino()) == (opened.dev(), opened.ino())
}

#[cfg(not(unix))]
fn is_same(_: &std::fs::Metadata, opened: &std::fs::Metadata) -> bool {
    opened.is_file()
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _, Write as _};
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn created_files_and_folders_are_private() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        create_folder(&below).unwrap();
        assert_eq!((mode(&folder.path().join("a")), mode(&below)), (0o700, 0o700));
        let path = below.join("file");
        let mut file = open_or_create(&path).unwrap();
        file.write_all(b"one").unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(create(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);

        // One that an earlier release has left for all to read.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let mut file = open_or_create(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        file.write_all(b"two").unwrap();
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "onetwo");
    }

    #[test]
    fn links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let victim = folder.path().join("victim");
        std::fs::write(&victim, "precious").unwrap();
        let link = folder.path().join("link");
        for target in [&victim, &folder.path().join("nowhere"), &folder.path().to_owned()] {
            symlink(target, &link).unwrap();
            open_or_create(&link).unwrap_err();
            open(&link).unwrap_err();
            create(&link).unwrap_err();
            std::fs::remove_file(&link).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
        assert!(!folder.path().join("nowhere").exists());
    }

    #[test]
    fn folders_that_others_may_write_in_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for (mode, taken) in [(0o700, true), (0o755, true), (0o775, false), (0o777, false), (0o1777, false)] {
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(create_folder(folder.path()).is_ok(), taken, "{mode:o}");
        }
    }
}
