//! Files and folders that only their owner can change, checked before they are trusted, as ssh does.
//!
//! Files that other users can write are not read: a journal entry decides where bytes go, and a database whose token
//! acts for whom.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

/// Creates a folder and its missing parents, accessible only to their owner; then checks who can write to it.
///
/// # Errors
///
/// As [`check_folder`], and if it cannot be created.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    check_folder(folder)
}

/// Checks that no other user can put files into a folder, or replace it with another folder.
///
/// # Errors
///
/// [`io::ErrorKind::PermissionDenied`], with the next step.
pub fn check_folder(folder: &Path) -> io::Result<()> {
    // A link to a folder is as safe as the folder.
    let folder = folder.canonicalize()?;
    let metadata = std::fs::metadata(&folder)?;
    if !metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is not a folder"));
    }
    check(&folder, &metadata)?;
    check_ancestors(&folder)
}

/// Checks that no other user can replace a file or folder, or a folder above it. In folders such as `/tmp`, only the
/// owner of an entry can.
///
/// # Errors
///
/// As [`check_folder`].
pub fn check_parents(path: &Path) -> io::Result<()> {
    check_ancestors(&path.canonicalize()?)
}

fn check_ancestors(path: &Path) -> io::Result<()> {
    for above in path.ancestors().skip(1) {
        check_ancestor(above, &std::fs::metadata(above)?)?;
    }
    Ok(())
}

/// Opens a file for reading or writing. A new file is readable only by its owner. Links are not followed.
///
/// # Errors
///
/// [`io::ErrorKind::PermissionDenied`] for a file that other users can write, a link, or anything but a regular file,
/// with the next step.
pub fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // Opening a pipe would wait for its other end.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.mode(0o600).custom_flags(flags.bits().cast_signed());
    }
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if is_link(path) => {
            return Err(refused(path, "is a link; use the path of the file itself", error));
        }
        Err(error) => return Err(error),
    };
    check_file(path, &file.metadata()?)?;
    Ok(file)
}

/// Checks that no other user can write a file, if it exists.
#[cfg(any(feature = "sqlite", all(test, unix)))]
pub(crate) fn check_if_exists(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) => check_file(path, &metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether an open file is still the one at its path, and not removed or replaced.
#[cfg(unix)]
pub fn is_same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let same = |a: &Metadata, b: &Metadata| a.dev() == b.dev() && a.ino() == b.ino();
    matches!((file.metadata(), std::fs::metadata(path)), (Ok(a), Ok(b)) if same(&a, &b))
}

/// On other systems an open file is not removed.
#[cfg(not(unix))]
pub fn is_same_file(_: &File, path: &Path) -> bool {
    path.exists()
}

fn check_file(path: &Path, metadata: &Metadata) -> io::Result<()> {
    if metadata.is_symlink() {
        return Err(denied(path, "is a link; use the path of the file itself"));
    }
    if metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
    }
    if !metadata.is_file() {
        return Err(denied(path, "is not a regular file"));
    }
    check(path, metadata)
}

fn is_link(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink())
}

fn denied(path: &Path, what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, format!("{} {what}", path.display()))
}

fn refused(path: &Path, what: &str, error: io::Error) -> io::Error {
    tracing::debug!(path = %path.display(), %error, "not opened");
    denied(path, what)
}

/// Checks the owner and the mode of a file or folder.
#[cfg(unix)]
fn check(path: &Path, metadata: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    match unsafe_because_of(metadata.uid(), metadata.mode(), rustix::process::geteuid().as_raw()) {
        None => Ok(()),
        Some(UnsafeFile::Owner) => Err(denied(
            path,
            &format!(
                "belongs to user {}; run `chown {}` on it, or use another path",
                metadata.uid(),
                rustix::process::geteuid().as_raw()
            ),
        )),
        Some(UnsafeFile::Mode) => {
            Err(denied(path, &format!("is writable by other users; run `chmod go-w {}`", path.display())))
        }
    }
}

#[cfg(not(unix))]
fn check(_: &Path, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Checks a folder above the path: a user who can write to it could replace what is below, except in folders such as
/// `/tmp`, where only owners can.
#[cfg(unix)]
fn check_ancestor(path: &Path, metadata: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    const STICKY: u32 = 0o1000;
    if metadata.mode() & 0o002 != 0 && metadata.mode() & STICKY == 0 {
        return Err(denied(path, &format!("is writable by everybody; run `chmod o-w {}`", path.display())));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_ancestor(_: &Path, _: &Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
#[derive(Debug, PartialEq, Eq)]
enum UnsafeFile {
    Owner,
    Mode,
}

/// Returns why a file is not trusted. The administrator is always trusted.
#[cfg(unix)]
fn unsafe_because_of(owner: u32, mode: u32, user: u32) -> Option<UnsafeFile> {
    if owner != user && owner != 0 {
        Some(UnsafeFile::Owner)
    } else if mode & 0o022 != 0 {
        Some(UnsafeFile::Mode)
    } else {
        None
    }
}

/// A folder for a test. Sets the usual umask, because files that a group can write are refused.
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) fn test_folder() -> tempfile::TempDir {
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    tempfile::tempdir().unwrap()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn trusts_only_owner_writable_files() {
        let table = [
            (1000, 0o100_600, None),
            (1000, 0o100_644, None),
            (1000, 0o40_755, None),
            (0, 0o100_644, None),
            (1000, 0o100_660, Some(UnsafeFile::Mode)),
            (1000, 0o100_602, Some(UnsafeFile::Mode)),
            (0, 0o41_777, Some(UnsafeFile::Mode)),
            (1001, 0o100_600, Some(UnsafeFile::Owner)),
            (1001, 0o40_777, Some(UnsafeFile::Owner)),
        ];
        for (owner, mode, expected) in table {
            assert_eq!(unsafe_because_of(owner, mode, 1000), expected, "{owner} {mode:o}");
        }
        assert_eq!(
            unsafe_because_of(1000, 0o100_600, 0),
            Some(UnsafeFile::Owner),
            "not by the administrator either"
        );
    }

    fn with_mode(path: &Path, mode: u32) {
        let changed = std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode));
        assert!(changed.is_ok(), "{changed:?}");
    }

    fn reading(path: &Path) -> io::Result<File> {
        open(path, OpenOptions::new().read(true))
    }

    #[test]
    fn files_are_private_and_refused_if_others_can_write() {
        let folder = test_folder();
        let path: PathBuf = folder.path().join("entry");
        let made = open(&path, OpenOptions::new().create(true).append(true)).unwrap();
        assert_eq!(made.metadata().unwrap().mode() & 0o777, 0o600);
        reading(&path).unwrap();
        for mode in [0o620, 0o602, 0o666] {
            with_mode(&path, mode);
            let error = reading(&path).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
            assert!(error.to_string().contains(&format!("chmod go-w {}", path.display())), "{error}");
            assert!(check_if_exists(&path).is_err());
        }
        with_mode(&path, 0o644);
        reading(&path).unwrap();

        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        for result in [reading(&link).map(drop), check_if_exists(&link)] {
            let error = result.unwrap_err();
            assert!(error.to_string().contains("is a link"), "{error}");
        }
        let dangling = folder.path().join("dangling");
        symlink(folder.path().join("elsewhere"), &dangling).unwrap();
        let error = open(&dangling, OpenOptions::new().create(true).append(true)).unwrap_err();
        assert!(error.to_string().contains("is a link"), "{error}");
        assert!(!folder.path().join("elsewhere").exists());
        check_if_exists(&folder.path().join("nothing")).unwrap();
        assert_eq!(reading(folder.path()).unwrap_err().kind(), io::ErrorKind::IsADirectory);
    }

    #[test]
    fn folders_are_private_and_refused_if_others_can_write() {
        let above = test_folder();
        let folder = above.path().join("state").join("uploads");
        create_folder(&folder).unwrap();
        assert_eq!(std::fs::metadata(above.path().join("state")).unwrap().mode() & 0o777, 0o700);
        with_mode(&folder, 0o770);
        let error = create_folder(&folder).unwrap_err();
        assert!(error.to_string().contains("chmod go-w"), "{error}");
        with_mode(&folder, 0o755);
        check_folder(&folder).unwrap();
        // Everybody could replace it, except with the sticky bit.
        with_mode(above.path(), 0o777);
        assert!(check_folder(&folder).unwrap_err().to_string().contains("chmod o-w"));
        with_mode(above.path(), 0o1777);
        check_folder(&folder).unwrap();
        let link = above.path().join("link");
        symlink(&folder, &link).unwrap();
        check_folder(&link).unwrap();
        with_mode(&folder, 0o777);
        assert!(check_folder(&link).is_err());
    }
}
