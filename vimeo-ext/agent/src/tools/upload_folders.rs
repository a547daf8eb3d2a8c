//! Opening the files that agents name, beneath the folders that are allowed and nowhere else.
//!
//! A file is opened once, beneath the handle of its folder, and is read by its handle from then on. A name that was checked
//! is never opened again: whoever may write in the folder could have put a symbolic link there meanwhile.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// A file that may be uploaded: open, and the path that it was found at.
#[derive(Debug)]
pub(crate) struct AllowedFile {
    pub(crate) file: File,
    pub(crate) path: PathBuf,
}

/// Where a file is: an allowed folder, and the path of the file in it, which has no links and no `..`.
#[derive(Debug)]
struct FileLocation {
    folder: PathBuf,
    inside: PathBuf,
}

/// Opens the file at `path` if it is beneath one of the folders; `None` for what is outside and for what is not there.
pub(crate) fn open(folders: &[PathBuf], path: &Path) -> Option<AllowedFile> {
    let place = locate(folders, path)?;
    match place.open() {
        Ok(file) => Some(AllowedFile { file, path: place.folder.join(&place.inside) }),
        Err(error) => {
            tracing::debug!(%error, "a file for an upload was not opened");
            None
        }
    }
}

/// Links are followed here, and here alone: what is opened is the place that they led to.
fn locate(folders: &[PathBuf], path: &Path) -> Option<FileLocation> {
    let path = path.canonicalize().ok()?;
    folders.iter().find_map(|folder| {
        let folder = folder.canonicalize().ok()?;
        let inside = path.strip_prefix(&folder).ok()?.to_path_buf();
        Some(FileLocation { folder, inside })
    })
}

impl FileLocation {
    /// Goes down from the folder's handle, step by step, through real folders alone.
    #[cfg(unix)]
    fn open(&self) -> io::Result<File> {
        use std::path::Component;

        use rustix::fs::{Mode, OFlags, open, openat};

        let through = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        // A pipe would wait for a writer.
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

    /// Opens the file, and looks whether it is the one that is now at a path beneath the folder.
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
    fn a_file_that_becomes_a_link_between_the_check_and_the_opening_is_not_opened() {
        for (asked, swapped) in
            [("film.mp4", "film.mp4"), ("deep/er/film.mp4", "deep"), ("deep/er/film.mp4", "deep/er")]
        {
            let (inside, outside) = folders();
            let allowed = [inside.path().to_path_buf()];
            let place = locate(&allowed, &inside.path().join(asked)).unwrap();
            assert_eq!(text(place.open().unwrap()), "film", "{asked}");
            let at = inside.path().join(swapped);
            std::fs::rename(&at, inside.path().join("moved away")).unwrap();
            symlink(outside.path().join(swapped), &at).unwrap();
            assert!(place.open().is_err(), "{asked} by a link at {swapped}");
            assert!(open(&allowed, &inside.path().join(asked)).is_none(), "{asked}");
        }
    }

    #[test]
    fn what_was_opened_stays_what_it_was() {
        let (inside, outside) = folders();
        let film = inside.path().join("film.mp4");
        let opened = open(&[inside.path().to_path_buf()], &film).unwrap();
        std::fs::remove_file(&film).unwrap();
        symlink(outside.path().join("film.mp4"), &film).unwrap();
        assert_eq!(text(opened.file), "film");
    }

    #[test]
    fn links_within_the_folder_lead_to_files_of_it_and_others_nowhere() {
        let (inside, outside) = folders();
        let at = |name: &str| inside.path().join(name);
        symlink(at("deep/er"), at("short")).unwrap();
        symlink(outside.path().join("film.mp4"), at("away")).unwrap();
        let name = inside.path().file_name().unwrap().to_str().unwrap();
        let elsewhere = outside.path().file_name().unwrap().to_str().unwrap();
        for (asked, opens) in [
            ("film.mp4".to_owned(), true),
            ("short/film.mp4".to_owned(), true),
            ("deep/../film.mp4".to_owned(), true),
            (format!("../{name}/film.mp4"), true),
            ("away".to_owned(), false),
            (format!("../{elsewhere}/film.mp4"), false),
            ("none.mp4".to_owned(), false),
            (String::new(), false),
        ] {
            let found = open(&[inside.path().to_path_buf()], &at(&asked));
            assert_eq!(found.map(|found| text(found.file)), opens.then(|| "film".to_owned()), "{asked}");
        }
    }

    #[test]
    fn a_pipe_is_opened_without_waiting_for_a_writer() {
        let (inside, _outside) = folders();
        let pipe = inside.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let opened = open(&[inside.path().to_path_buf()], &pipe).unwrap();
        assert!(!opened.file.metadata().unwrap().is_file());
    }
}
