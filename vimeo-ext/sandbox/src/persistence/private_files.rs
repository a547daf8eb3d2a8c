//! Files and folders that only their user can access (mode 0600 and 0700). Links in place of files are not followed.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

#[cfg(feature = "tls")]
use secrecy::{ExposeSecret as _, SecretString};

/// Creates a folder and its missing parents, or accepts an existing one that no other user can write to.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    refuse_shared(path)
}

/// Makes a folder of the sandbox private.
#[cfg(unix)]
pub(crate) fn restrict_folder(path: &Path) -> io::Result<()> {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))
}

/// On other systems, a folder inherits the permissions of its parent.
#[cfg(not(unix))]
pub(crate) fn restrict_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Rejects a folder that other users can write to, because they could replace its files.
#[cfg(unix)]
fn refuse_shared(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;

    let mode = std::fs::metadata(path)?.mode() & 0o7777;
    if mode & 0o022 == 0 {
        return Ok(());
    }
    let message = format!(
        "other users can write to it (mode {mode:04o}); use a private folder, or run chmod 700 on it"
    );
    Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
}

#[cfg(not(unix))]
fn refuse_shared(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Opens a file for reading and appending, creating it if needed.
pub(crate) fn open_or_create(path: &Path) -> io::Result<File> {
    match create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => open(path),
        created => created,
    }
}

/// Creates a file for reading and appending. Fails if the name exists, even as a link.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Opens an existing file for reading and appending. Removes the permissions of other users.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let named = std::fs::symlink_metadata(path)?;
    // Opening a pipe or a device can have side effects.
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

/// Reads a secret of at most `max_bytes` bytes. Rejects a file that other users can read or write.
#[cfg(feature = "tls")]
pub(crate) fn read_secret(path: &Path, max_bytes: u64) -> io::Result<SecretString> {
    use std::io::Read as _;

    let named = std::fs::symlink_metadata(path)?;
    if !named.is_file() {
        return Err(not_regular());
    }
    let file = File::open(path)?;
    let opened = file.metadata()?;
    if !is_same(&named, &opened) {
        return Err(not_regular());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let mode = opened.mode() & 0o7777;
        if mode & 0o077 != 0 {
            let message = format!(
                "other users can access it (mode {mode:04o}); delete it, or run chmod 600 on it if nobody has"
            );
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
    }
    let mut text = String::new();
    file.take(max_bytes.saturating_add(1)).read_to_string(&mut text)?;
    // Zeroed when it is dropped, also if it is too large.
    let text = SecretString::from(text);
    match u64::try_from(text.expose_secret().len()).is_ok_and(|length| length <= max_bytes) {
        true => Ok(text),
        false => Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it exceeds {max_bytes} bytes"))),
    }
}

fn not_regular() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is a link or not a regular file")
}

/// Returns whether the opened file is the one inspected before, and not the target of a link created in between.
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
    fn creates_private_files_and_folders() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        create_folder(&below).unwrap();
        assert_eq!((mode(&folder.path().join("a")), mode(&below)), (0o700, 0o700));
        let path = below.join("file");
        let mut file = open_or_create(&path).unwrap();
        file.write_all(b"one").unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(create(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);

        // Earlier releases created files that everyone could read.
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
    fn does_not_follow_links() {
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
    fn refuses_folders_writable_by_others() {
        let folder = tempfile::tempdir().unwrap();
        for (mode, accepted) in
            [(0o700, true), (0o755, true), (0o775, false), (0o777, false), (0o1777, false)]
        {
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(create_folder(folder.path()).is_ok(), accepted, "{mode:o}");
        }
    }
}
