//! Files and folders that nobody but their owner may change: looked at before they are trusted, as ssh does.
//!
//! What others may write is not read: an entry of a journal says where bytes go, and a database whose token acts for whom.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

/// Makes a folder, and those above it that are missing, which their owner alone can look into; then looks whether others may
/// write in it.
///
/// # Errors
///
/// As [`check_folder`], and when it cannot be made.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    check_folder(folder)
}

/// That nobody else may put files into a folder, or another folder in its place.
///
/// # Errors
///
/// [`io::ErrorKind::PermissionDenied`], with what to do.
pub fn check_folder(folder: &Path) -> io::Result<()> {
    // A link to a folder is as good as what it leads to.
    let folder = folder.canonicalize()?;
    let metadata = std::fs::metadata(&folder)?;
    if !metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is no folder"));
    }
    check(&folder, &metadata)?;
    check_above_all(&folder)
}

/// That nobody else may put another file or folder in the place of one, or of a folder above it. Where each owner has their
/// own, as in `/tmp`, nobody may.
///
/// # Errors
///
/// As [`check_folder`].
pub fn check_place(path: &Path) -> io::Result<()> {
    check_above_all(&path.canonicalize()?)
}

fn check_above_all(path: &Path) -> io::Result<()> {
    for above in path.ancestors().skip(1) {
        check_above(above, &std::fs::metadata(above)?)?;
    }
    Ok(())
}

/// Opens a file to read or write it; one that is made can be read by its owner alone. A link is not followed.
///
/// # Errors
///
/// [`io::ErrorKind::PermissionDenied`] for a file that others may write, a link, and what is no file, with what to do.
pub fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // Opening a pipe would wait for whoever is at its other end.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.mode(0o600).custom_flags(flags.bits().cast_signed());
    }
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if is_link(path) => {
            return Err(refused(path, "is a link; name the file that it leads to", error));
        }
        Err(error) => return Err(error),
    };
    check_file(path, &file.metadata()?)?;
    Ok(file)
}

/// That nobody else may write a file, if there is one.
#[cfg(any(feature = "sqlite", all(test, unix)))]
pub(crate) fn check_if_there(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) => check_file(path, &metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn check_file(path: &Path, metadata: &Metadata) -> io::Result<()> {
    if metadata.is_symlink() {
        return Err(denied(path, "is a link; name the file that it leads to"));
    }
    if metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
    }
    if !metadata.is_file() {
        return Err(denied(path, "is no regular file"));
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

/// The owner and the mode of a file or folder.
#[cfg(unix)]
fn check(path: &Path, metadata: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    match unsafe_because_of(metadata.uid(), metadata.mode(), rustix::process::geteuid().as_raw()) {
        None => Ok(()),
        Some(UnsafeFile::Owner) => Err(denied(
            path,
            &format!(
                "belongs to user {}; run `chown {}` on it, or use another",
                metadata.uid(),
                rustix::process::geteuid().as_raw()
            ),
        )),
        Some(UnsafeFile::Mode) => Err(denied(
            path,
            &format!("can be written by others than its owner; run `chmod go-w {}`", path.display()),
        )),
    }
}

#[cfg(not(unix))]
fn check(_: &Path, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// A folder above one: whoever may write there could put another in its place, but for folders such as `/tmp`, where each
/// owner has their own.
#[cfg(unix)]
fn check_above(path: &Path, metadata: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    const STICKY: u32 = 0o1000;
    if metadata.mode() & 0o002 != 0 && metadata.mode() & STICKY == 0 {
        return Err(denied(
            path,
            &format!("can be written by everybody; run `chmod o-w {}`", path.display()),
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_above(_: &Path, _: &Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
#[derive(Debug, PartialEq, Eq)]
enum UnsafeFile {
    Owner,
    Mode,
}

/// Why something is not trusted. The system's administrator may do everything anyway.
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

/// A folder for a test. What a group may write is refused, so files are made as most people's shells make them.
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
    fn only_what_its_owner_alone_may_write_is_trusted() {
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
    fn a_file_is_made_private_and_refused_once_others_may_write_it() {
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
            assert!(check_if_there(&path).is_err());
        }
        with_mode(&path, 0o644);
        reading(&path).unwrap();

        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        for result in [reading(&link).map(drop), check_if_there(&link)] {
            let error = result.unwrap_err();
            assert!(error.to_string().contains("is a link"), "{error}");
        }
        let dangling = folder.path().join("dangling");
        symlink(folder.path().join("elsewhere"), &dangling).unwrap();
        let error = open(&dangling, OpenOptions::new().create(true).append(true)).unwrap_err();
        assert!(error.to_string().contains("is a link"), "{error}");
        assert!(!folder.path().join("elsewhere").exists());
        check_if_there(&folder.path().join("nothing")).unwrap();
        assert_eq!(reading(folder.path()).unwrap_err().kind(), io::ErrorKind::IsADirectory);
    }

    #[test]
    fn a_folder_is_made_private_and_refused_once_others_may_write_in_it() {
        let above = test_folder();
        let folder = above.path().join("state").join("uploads");
        create_folder(&folder).unwrap();
        assert_eq!(std::fs::metadata(above.path().join("state")).unwrap().mode() & 0o777, 0o700);
        with_mode(&folder, 0o770);
        let error = create_folder(&folder).unwrap_err();
        assert!(error.to_string().contains("chmod go-w"), "{error}");
        with_mode(&folder, 0o755);
        check_folder(&folder).unwrap();
        // Everybody could put another in its place, unless each has their own there.
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
