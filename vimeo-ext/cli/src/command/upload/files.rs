//! The files of a command line, looked at before anything is asked of Vimeo.

use std::path::{Path, PathBuf};

use crate::exit::{Failure, Result};

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
    let metadata = std::fs::metadata(file).map_err(|error| {
        Failure::file("open", file, &error).next("look at the spelling, and where you are: pwd")
    })?;
    if metadata.is_dir() {
        return Err(Failure::usage(format!("{} is a folder", file.display()))
            .next(format!("name the files in it, as in {}", file.join("*.mp4").display())));
    }
    if metadata.is_file() && metadata.len() == 0 {
        return Err(Failure::usage(format!("{} is empty; no video was created", file.display())));
    }
    let name = file
        .file_name()
        .map_or_else(|| file.display().to_string(), |name| name.to_string_lossy().into_owned());
    Ok((name, metadata.len()))
}
