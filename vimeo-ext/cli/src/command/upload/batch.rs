//! What one command line has uploaded so far, so that the same one does not upload a file twice when it is run again
//! after a crash or after some files failed.
//!
//! The journal knows what is not finished; a file that is finished leaves it. This is the other half: it lasts until
//! all files of the command line are done.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config;
use crate::exit::{Failure, Result};

/// For so long a finished file counts as this command line's. After that the same command means a new video.
const LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The videos that the files of a command line went to.
pub(crate) struct UploadBatch {
    /// `None` when nothing is to be written down.
    path: Option<PathBuf>,
    begun: Mutex<StartedFiles>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct StartedFiles {
    files: BTreeMap<String, FileRecord>,
}

/// A file that has a video.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileRecord {
    size: u64,
    modified: u128,
    /// When it was written down, in seconds of the epoch.
    #[serde(default)]
    noted: u64,
    /// What the video was created with. What is not known is like nothing.
    #[serde(default)]
    settings: Option<Value>,
    /// Its video.
    pub(crate) uri: String,
    /// What else was done for it, each once.
    #[serde(default)]
    steps: Vec<String>,
}

impl UploadBatch {
    /// That of these files for this account; `folder` is `None` when nothing is to be written down.
    pub(crate) fn open(folder: Option<PathBuf>, who: &str, files: &[PathBuf]) -> Self {
        let path = folder.map(|folder| folder.join(format!("{}.json", name(who, files))));
        // One that cannot be read is worth nothing: the journal still keeps what is not finished.
        let text = path.as_ref().and_then(|path| config::read(path, config::LONGEST_FILE).ok());
        let begun = text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        Self { path, begun: Mutex::new(begun) }
    }

    /// The video that this very file went to with these settings, as far as this command line knows.
    pub(crate) fn known(&self, file: &Path, settings: &Value) -> Option<FileRecord> {
        self.find(file).filter(|known| known.settings.as_ref() == Some(settings))
    }

    /// The video that this very file went to with other settings.
    pub(crate) fn known_otherwise(&self, file: &Path, settings: &Value) -> Option<FileRecord> {
        self.find(file).filter(|known| known.settings.as_ref() != Some(settings))
    }

    fn find(&self, file: &Path) -> Option<FileRecord> {
        let (size, modified) = look(file)?;
        let now = seconds_now();
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let known = begun.files.get(&key(file))?;
        let is_young = now.saturating_sub(known.noted) < LIFETIME.as_secs();
        ((known.size, known.modified) == (size, modified) && is_young).then(|| known.clone())
    }

    /// Writes down which video a file goes to.
    pub(crate) fn note(&self, file: &Path, settings: &Value, uri: &str) -> Result<()> {
        let Some((size, modified)) = look(file) else { return Ok(()) };
        self.change(|begun| {
            let known = FileRecord {
                size,
                modified,
                noted: seconds_now(),
                settings: Some(settings.clone()),
                uri: uri.to_owned(),
                steps: Vec::new(),
            };
            match begun.files.get(&key(file)) {
                Some(before) if before.uri == known.uri && before.settings == known.settings => false,
                _ => {
                    begun.files.insert(key(file), known);
                    true
                }
            }
        })
    }

    /// Whether a step was done for a file's video.
    pub(crate) fn has_done(&self, file: &Path, uri: &str, step: &str) -> bool {
        self.find(file).is_some_and(|known| known.uri == uri && known.steps.iter().any(|done| done == step))
    }

    pub(crate) fn done(&self, file: &Path, step: &str) -> Result<()> {
        self.change(|begun| match begun.files.get_mut(&key(file)) {
            Some(known) => {
                known.steps.push(step.to_owned());
                known.noted = seconds_now();
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

    fn change(&self, change: impl FnOnce(&mut StartedFiles) -> bool) -> Result<()> {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let (true, Some(path)) = (change(&mut begun), &self.path) else { return Ok(()) };
        let text = serde_json::to_vec_pretty(&*begun)
            .map_err(|error| Failure::new(crate::exit::Exit::Other, error.to_string()))?;
        config::replace(path, &text)
    }
}

/// A file's name as a key: its path, and what of it is no text in hexadecimal, so that no two become one.
fn key(file: &Path) -> String {
    let path = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    match path.to_str() {
        Some(text) => text.to_owned(),
        None => path
            .as_os_str()
            .as_encoded_bytes()
            .iter()
            .fold("bytes:".to_owned(), |key, byte| format!("{key}{byte:02x}")),
    }
}

/// What tells one state of a file from another, for a step that was done with it.
pub(crate) fn state_of(file: &Path) -> String {
    let (size, modified) = look(file).unwrap_or_default();
    format!("{} of {size} bytes at {modified}", key(file))
}

fn look(file: &Path) -> Option<(u64, u128)> {
    let metadata = std::fs::metadata(file).ok()?;
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((metadata.len(), modified.as_nanos()))
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
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
    use serde_json::json;

    use super::*;

    fn two_files(folder: &Path) -> Vec<PathBuf> {
        let files = ["a", "b"].map(|name| folder.join(name)).to_vec();
        for file in &files {
            std::fs::write(file, "x").unwrap();
        }
        files
    }

    #[test]
    fn a_batch_outlives_its_process_until_it_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let files = two_files(folder.path());
        let settings = json!({"name": "Surf"});
        let open = || UploadBatch::open(Some(folder.path().join("batches")), "anna", &files);
        open().note(&files[0], &settings, "/videos/1").unwrap();
        open().done(&files[0], "showcase").unwrap();

        let again = open();
        assert_eq!(again.known(&files[0], &settings).unwrap().uri, "/videos/1");
        assert!(again.has_done(&files[0], "/videos/1", "showcase"));
        assert!(!again.has_done(&files[0], "/videos/1", "picture"));
        assert!(!again.has_done(&files[0], "/videos/2", "showcase"), "another video");
        assert_eq!(again.known(&files[1], &settings), None);
        let other = UploadBatch::open(Some(folder.path().join("batches")), "bert", &files);
        assert_eq!(other.known(&files[0], &settings), None);

        std::fs::write(&files[0], "changed").unwrap();
        assert_eq!(open().known(&files[0], &settings), None, "another file under the same name");
        again.finish().unwrap();
        assert!(open().begun.lock().unwrap().files.is_empty());
    }

    #[test]
    fn other_settings_and_old_runs_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let files = two_files(folder.path());
        let batch = UploadBatch::open(None, "anna", &files);
        let (draft, secret) = (json!({"name": "Draft"}), json!({"name": "Draft", "privacy": "nobody"}));
        batch.note(&files[0], &draft, "/videos/1").unwrap();
        assert_eq!(batch.known(&files[0], &secret), None);
        assert_eq!(batch.known_otherwise(&files[0], &secret).unwrap().uri, "/videos/1");
        assert_eq!(batch.known_otherwise(&files[0], &draft), None);

        let age = |seconds: u64| {
            let mut begun = batch.begun.lock().unwrap();
            begun.files.get_mut(&key(&files[0])).unwrap().noted = seconds_now() - seconds;
        };
        age(LIFETIME.as_secs() - 60);
        assert!(batch.known(&files[0], &draft).is_some());
        age(LIFETIME.as_secs() + 60);
        assert_eq!(batch.known(&files[0], &draft), None);
        // As it was written before the settings were kept.
        batch.begun.lock().unwrap().files.get_mut(&key(&files[0])).unwrap().settings = None;
        age(0);
        assert_eq!(batch.known(&files[0], &draft), None);
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_text_are_told_apart() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> = [b"\xff.mp4", b"\xfe.mp4"]
            .iter()
            .map(|name| folder.path().join(OsStr::from_bytes(&name[..])))
            .collect();
        for file in &files {
            std::fs::write(file, "x").unwrap();
            std::fs::File::options().write(true).open(file).unwrap().set_modified(UNIX_EPOCH).unwrap();
        }
        let batch = UploadBatch::open(None, "anna", &files);
        batch.note(&files[0], &Value::Null, "/videos/1").unwrap();
        assert!(batch.known(&files[0], &Value::Null).is_some());
        assert_eq!(batch.known(&files[1], &Value::Null), None);
        assert_ne!(name("anna", &files[..1]), name("anna", &files[1..]));
    }
}
