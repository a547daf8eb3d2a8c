//! Opens files for uploads, only beneath the allowed folders.
//!
//! A file is opened once, beneath the handle of its folder, and read through its own handle from then on. A checked path
//! is never opened again, because anyone who may write in the folder could have replaced the file by a symbolic link.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// An open file that may be uploaded, with its path.
#[derive(Debug)]
pub(crate) struct AllowedFile {
    pub(crate) file: File,
    pub(crate) path: PathBuf,
}

/// Where a file is: an allowed folder, and the file's path in it, without links and without `..`.
#[derive(Debug)]
struct FileLocation {
    folder: PathBuf,
    inside: PathBuf,
}

/// Opens the file at `path`; `None` if it is outside of the folders or does not exist.
pub(crate) fn open(folders: &[PathBuf], path: &Path) -> Option<AllowedFile> {
    let location = locate(folders, path)?;
    match location.open() {
        Ok(file) => Some(AllowedFile { file, path: location.folder.join(&location.inside) }),
        Err(error) => {
            tracing::debug!(%error, "cannot open a file for an upload");
            None
        }
    }
}

/// Resolves links. This is the only place that follows them; the resolved location is what is opened.
fn locate(folders: &[PathBuf], path: &Path) -> Option<FileLocation> {
    let path = path.canonicalize().ok()?;
    folders.iter().find_map(|folder| {
        let folder = folder.canonicalize().ok()?;
        let inside = path.strip_prefix(&folder).ok()?.to_path_buf();
        Some(FileLocation { folder, inside })
    })
}

impl FileLocation {
    /// Opens each path component beneath the handle of its parent, without following links.
    #[cfg(unix)]
    fn open(&self) -> io::Result<File> {
        use std::path::Component;

        use rustix::fs::{Mode, OFlags, open, openat};

        let through = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        // Without NONBLOCK, opening a pipe waits for a writer.
        let last = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let mut at = open(&self.folder, through, Mode::empty())?;
        let mut steps = self.inside.components().peekable();
        while let Some(step) = steps.next() {
            let Component::Normal(name) = step else { break };
            if steps.peek().is_none() {
                return Ok(File::from(openat(&at, name, last, Mode::empty())?));
            }
            at = openat(&at, name, through | OFlags::NOFOLLOW, Mode::empty())?;
        }
        Err(io::ErrorKind::InvalidInput.into())
    }

    /// Opens the file and checks that the path still leads to it, beneath the folder.
    #[cfg(not(unix))]
    fn open(&self) -> io::Result<File> {
        use same_file::Handle;

        let outside = || io::Error::from(io::ErrorKind::NotFound);
        let file = File::open(self.folder.join(&self.inside))?;
        let opened = Handle::from_file(file.try_clone()?)?;
        let now = self.folder.join(&self.inside).canonicalize()?;
        if !now.starts_with(&self.folder) || opened != Handle::from_path(&now)? {
            return Err(outside());
        }
        Ok(file)
    }
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use super::*;

    fn text(mut file: File) -> String {
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        text
    }

    /// A folder with `film.mp4` and `deep/er/film.mp4`, and one outside with a secret under the same names.
    fn folders() -> (tempfile::TempDir, tempfile::TempDir) {
        let (inside, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (folder, text) in [(&inside, "film"), (&outside, "secret")] {
            std::fs::create_dir_all(folder.path().join("deep/er")).unwrap();
            for file in ["film.mp4", "deep/er/film.mp4"] {
                std::fs::write(folder.path().join(file), text).unwrap();
            }
        }
        (inside, outside)
    }

    #[test]
    fn does_not_open_a_link_swapped_in_after_the_check() {
        for (path, swapped) in
            [("film.mp4", "film.mp4"), ("deep/er/film.mp4", "deep"), ("deep/er/film.mp4", "deep/er")]
        {
            let (inside, outside) = folders();
            let allowed = [inside.path().to_path_buf()];
            let location = locate(&allowed, &inside.path().join(path)).unwrap();
            assert_eq!(text(location.open().unwrap()), "film", "{path}");
            let at = inside.path().join(swapped);
            std::fs::rename(&at, inside.path().join("moved away")).unwrap();
            symlink(outside.path().join(swapped), &at).unwrap();
            assert!(location.open().is_err(), "{path} by a link at {swapped}");
            assert!(open(&allowed, &inside.path().join(path)).is_none(), "{path}");
        }
    }

    #[test]
    fn an_opened_file_survives_a_swap() {
        let (inside, outside) = folders();
        let film = inside.path().join("film.mp4");
        let opened = open(&[inside.path().to_path_buf()], &film).unwrap();
        std::fs::remove_file(&film).unwrap();
        symlink(outside.path().join("film.mp4"), &film).unwrap();
        assert_eq!(text(opened.file), "film");
    }

    #[test]
    fn only_links_within_the_folder_are_followed() {
        let (inside, outside) = folders();
        let at = |name: &str| inside.path().join(name);
        symlink(at("deep/er"), at("short")).unwrap();
        symlink(outside.path().join("film.mp4"), at("away")).unwrap();
        let name = inside.path().file_name().unwrap().to_str().unwrap();
        let elsewhere = outside.path().file_name().unwrap().to_str().unwrap();
        for (path, opens) in [
            ("film.mp4".to_owned(), true),
            ("short/film.mp4".to_owned(), true),
            ("deep/../film.mp4".to_owned(), true),
            (format!("../{name}/film.mp4"), true),
            ("away".to_owned(), false),
            (format!("../{elsewhere}/film.mp4"), false),
            ("none.mp4".to_owned(), false),
            (String::new(), false),
        ] {
            let found = open(&[inside.path().to_path_buf()], &at(&path));
            assert_eq!(found.map(|found| text(found.file)), opens.then(|| "film".to_owned()), "{path}");
        }
    }

    #[test]
    fn opening_a_pipe_does_not_wait_for_a_writer() {
        let (inside, _outside) = folders();
        let pipe = inside.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let opened = open(&[inside.path().to_path_buf()], &pipe).unwrap();
        assert!(!opened.file.metadata().unwrap().is_file());
    }
}
