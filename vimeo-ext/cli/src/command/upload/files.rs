//! The files of a command line, looked at before anything is asked of Vimeo.

use std::path::{Path, PathBuf};

use crate::exit::{Exit, Failure, Result};

/// The names and sizes of the files, none of them named twice.
pub(super) fn sizes(files: &[PathBuf]) -> Result<Vec<(String, u64)>> {
    let mut seen = std::collections::HashSet::new();
    files
        .iter()
        .map(|file| {
            let found = file_size(file)?;
            if !seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())) {
                return Err(Failure::usage(format!("{} is named twice", file.display())));
            }
            Ok(found)
        })
        .collect()
}

/// The name and size of a file that can be uploaded.
pub(crate) fn file_size(file: &Path) -> Result<(String, u64)> {
    let size = regular_file(file, "no video was created")?;
    let name = file
        .file_name()
        .map_or_else(|| file.display().to_string(), |name| name.to_string_lossy().into_owned());
    Ok((name, size))
}

/// The size of something that can be read as a file, and holds something; `otherwise` is what then did not happen.
pub(super) fn regular_file(file: &Path, otherwise: &str) -> Result<u64> {
    let metadata = std::fs::metadata(file).map_err(|error| {
        // Whatever the system says of it: the name on the command line leads to no file.
        let mut failure = Failure::file("open", file, &error);
        failure.exit = Exit::Usage;
        failure.next("look at the spelling, and where you are: pwd")
    })?;
    if metadata.is_dir() {
        return Err(Failure::usage(format!("{} is a folder; {otherwise}", file.display()))
            .next(format!("name the files in it, as in {}", file.join("*.mp4").display())));
    }
    if !metadata.is_file() {
        return Err(Failure::usage(format!(
            "{} is a pipe or a device, no file; {otherwise}",
            file.display()
        ))
        .next(format!("copy what it gives into a file first: cat {} > film.mp4", file.display())));
    }
    if metadata.len() == 0 {
        return Err(Failure::usage(format!("{} is empty; {otherwise}", file.display())));
    }
    Ok(metadata.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_hold_something_can_be_sent() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("film.mp4"), "film").unwrap();
        std::fs::write(path("empty.mp4"), "").unwrap();
        assert_eq!(file_size(&path("film.mp4")).unwrap(), ("film.mp4".to_owned(), 4));
        let mut wrong = vec![
            (path("empty.mp4"), "is empty; no video was created"),
            (folder.path().to_owned(), "is a folder"),
            (path("missing.mp4"), "cannot open"),
            (path(&"x".repeat(5000)), "cannot open"),
        ];
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(path("round.mp4"), path("round.mp4")).unwrap();
            wrong.push((path("round.mp4"), "cannot open"));
            wrong.push((PathBuf::from("/dev/null"), "is a pipe or a device"));
        }
        for (file, words) in wrong {
            let failure = file_size(&file).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage, "{failure}");
            assert!(failure.message().contains(words), "{failure}");
        }
    }
}
