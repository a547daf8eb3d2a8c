//! Checks the files of a command line before anything is sent.

use std::path::{Path, PathBuf};

use crate::exit::{CliError, ExitCode, Result};

/// Returns the names and sizes of the files. Duplicates are errors.
pub(super) fn sizes(files: &[PathBuf]) -> Result<Vec<(String, u64)>> {
    let mut seen = std::collections::HashSet::new();
    files
        .iter()
        .map(|file| {
            let name_and_size = file_size(file)?;
            if !seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())) {
                return Err(CliError::usage(format!("{} is given twice", file.display())));
            }
            Ok(name_and_size)
        })
        .collect()
}

/// Returns the name and size of a file to upload.
pub(crate) fn file_size(file: &Path) -> Result<(String, u64)> {
    let size = regular_file(file, "no video was created")?;
    let name = file
        .file_name()
        .map_or_else(|| file.display().to_string(), |name| name.to_string_lossy().into_owned());
    Ok((name, size))
}

/// Returns the size of a regular, non-empty file. `consequence` completes the error messages.
pub(super) fn regular_file(file: &Path, consequence: &str) -> Result<u64> {
    let metadata = std::fs::metadata(file).map_err(|error| {
        // Any error means that the name on the command line is wrong.
        let mut failure = CliError::io("open", file, &error);
        failure.exit = ExitCode::Usage;
        failure.with_next_step("check the spelling and the current folder: pwd")
    })?;
    if metadata.is_dir() {
        return Err(CliError::usage(format!("{} is a folder; {consequence}", file.display()))
            .with_next_step(format!("give the files in it, e.g. {}", file.join("*.mp4").display())));
    }
    if !metadata.is_file() {
        return Err(CliError::usage(format!(
            "{} is a pipe or a device, not a file; {consequence}",
            file.display()
        ))
        .with_next_step(format!("copy its data to a file first: cat {} > film.mp4", file.display())));
    }
    if metadata.len() == 0 {
        return Err(CliError::usage(format!("{} is empty; {consequence}", file.display())));
    }
    Ok(metadata.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_only_regular_nonempty_files() {
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
            assert_eq!(failure.exit, ExitCode::Usage, "{failure}");
            assert!(failure.message().contains(words), "{failure}");
        }
    }
}
