//! What one command line has uploaded so far, so that the same one does not upload a file twice when it is run again
//! after a crash or after some files failed.
//!
//! The journal knows what is not finished; a file that is finished leaves it. This is the other half: it lasts until
//! all files of the command line are done.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::config;
use crate::exit::{Failure, Result};

/// The videos that the files of a command line went to.
pub(crate) struct Batch {
    /// `None` when nothing is to be written down.
    path: Option<PathBuf>,
    begun: Mutex<Begun>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Begun {
    files: BTreeMap<String, Known>,
}

/// A file that has a video.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    size: u64,
    modified: u128,
    /// Its video.
    pub(crate) uri: String,
    /// What else was done for it, each once.
    #[serde(default)]
    steps: Vec<String>,
}

impl Batch {
    /// That of these files for this account; `folder` is `None` when nothing is to be written down.
    pub(crate) fn open(folder: Option<PathBuf>, who: &str, files: &[PathBuf]) -> Self {
        let path = folder.map(|folder| folder.join(format!("{}.json", name(who, files))));
        // One that cannot be read is worth nothing: the journal still keeps what is not finished.
        let text = path.as_ref().and_then(|path| std::fs::read(path).ok());
        let begun = text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        Self { path, begun: Mutex::new(begun) }
    }

    /// The video that this very file went to, as far as this command line knows.
    pub(crate) fn known(&self, file: &Path) -> Option<Known> {
        let (size, modified) = look(file)?;
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.files.get(&key(file)).filter(|known| (known.size, known.modified) == (size, modified)).cloned()
    }

    /// Writes down which video a file goes to.
    pub(crate) fn note(&self, file: &Path, uri: &str) -> Result<()> {
        let Some((size, modified)) = look(file) else { return Ok(()) };
        self.change(|begun| {
            let known = Known { size, modified, uri: uri.to_owned(), steps: Vec::new() };
            match begun.files.get(&key(file)) {
                Some(before) if before.uri == known.uri => false,
                _ => {
                    begun.files.insert(key(file), known);
                    true
                }
            }
        })
    }

    /// Whether a step was done for a file.
    pub(crate) fn has_done(&self, file: &Path, step: &str) -> bool {
        self.known(file).is_some_and(|known| known.steps.iter().any(|done| done == step))
    }

    pub(crate) fn done(&self, file: &Path, step: &str) -> Result<()> {
        self.change(|begun| match begun.files.get_mut(&key(file)) {
            Some(known) => {
                known.steps.push(step.to_owned());
                true
            }
            None => false,
        })
    }

    /// Forgets a file whose video is gone.
    pub(crate) fn forget(&self, file: &Path) -> Result<()> {
        self.change(|begun| begun.files.remove(&key(file)).is_some())
    }

    /// All files are done: the same command line means new videos from now on.
    pub(crate) fn finish(&self) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        config::remove(path).map_err(|error| Failure::file("remove", path, &error))
    }

    fn change(&self, change: impl FnOnce(&mut Begun) -> bool) -> Result<()> {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let (true, Some(path)) = (change(&mut begun), &self.path) else { return Ok(()) };
        let text = serde_json::to_vec_pretty(&*begun)
            .map_err(|error| Failure::new(crate::exit::Exit::Other, error.to_string()))?;
        config::replace(path, &text)
    }
}

fn key(file: &Path) -> String {
    file.canonicalize().unwrap_or_else(|_| file.to_owned()).to_string_lossy().into_owned()
}

fn look(file: &Path) -> Option<(u64, u128)> {
    let metadata = std::fs::metadata(file).ok()?;
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((metadata.len(), modified.as_nanos()))
}

/// A name for the files of an account, the same in every process.
fn name(who: &str, files: &[PathBuf]) -> String {
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    let parts = std::iter::once(who.to_owned()).chain(files.iter().map(|file| key(file)));
    for byte in parts.flat_map(|part| part.into_bytes().into_iter().chain([0])) {
        hash = (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
    }
    format!("{hash:032x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_outlives_its_process_until_it_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> = ["a", "b"].map(|name| folder.path().join(name)).to_vec();
        for file in &files {
            std::fs::write(file, "x").unwrap();
        }
        let open = || Batch::open(Some(folder.path().join("batches")), "anna", &files);
        open().note(&files[0], "/videos/1").unwrap();
        open().done(&files[0], "showcase").unwrap();

        let again = open();
        assert_eq!(again.known(&files[0]).unwrap().uri, "/videos/1");
        assert!(again.has_done(&files[0], "showcase") && !again.has_done(&files[0], "picture"));
        assert_eq!(again.known(&files[1]), None);
        let other = Batch::open(Some(folder.path().join("batches")), "bert", &files);
        assert_eq!(other.known(&files[0]), None);

        std::fs::write(&files[0], "changed").unwrap();
        assert_eq!(open().known(&files[0]), None, "another file under the same name");
        again.finish().unwrap();
        assert!(open().begun.lock().unwrap().files.is_empty());
    }
}
