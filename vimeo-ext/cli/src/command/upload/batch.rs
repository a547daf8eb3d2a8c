//! Records which files a command line has uploaded, so that running it again after a crash or a failure does not upload
//! a file twice.
//!
//! The journal records unfinished uploads and drops them when they finish. The batch records finished files, until all
//! files of the command line are done.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::step_key::{StepKey, read_steps};
use crate::config;
use crate::exit::{CliError, ExitCode, Result};

/// How long a finished file belongs to the command line. After that, the same command creates a new video.
const FILE_TTL: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The videos created for the files of a command line.
pub(crate) struct UploadBatch {
    /// `None` if nothing is recorded on disk.
    path: Option<PathBuf>,
    records: Mutex<BatchRecords>,
}

/// The version of batches that are written. Batches of version 1 have no version number, and their steps are strings.
const VERSION: u32 = 2;

#[derive(Debug, Serialize, Deserialize)]
struct BatchRecords {
    #[serde(default = "first_version")]
    version: u32,
    files: BTreeMap<String, FileRecord>,
}

fn first_version() -> u32 {
    1
}

impl Default for BatchRecords {
    fn default() -> Self {
        Self { version: VERSION, files: BTreeMap::new() }
    }
}

/// A file with its video.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileRecord {
    size: u64,
    modified: u128,
    /// When the record was written, in seconds since the Unix epoch.
    #[serde(default, rename = "noted")]
    recorded_at: u64,
    /// The settings that the video was created with. Records without settings match no settings.
    #[serde(default)]
    settings: Option<Value>,
    /// The video's URI.
    pub(crate) uri: String,
    /// The post-upload steps that were done.
    #[serde(default, deserialize_with = "read_steps")]
    steps: Vec<StepKey>,
}

impl UploadBatch {
    /// Opens the batch of these files for this account. Without a folder, nothing is recorded on disk.
    ///
    /// Fails if a later version of the command wrote the batch: it would be overwritten.
    pub(crate) fn open(folder: Option<PathBuf>, owner: &str, files: &[PathBuf]) -> Result<Self> {
        let path = folder.map(|folder| folder.join(format!("{}.json", file_name(owner, files))));
        let text =
            path.as_ref().and_then(|path| Some((path, config::read(path, config::MAX_FILE_BYTES).ok()?)));
        let records = match &text {
            Some((path, text)) => {
                check_version(path, text)?;
                // An unreadable batch is ignored: the journal still has the unfinished uploads.
                serde_json::from_slice(text).unwrap_or_default()
            }
            None => BatchRecords::default(),
        };
        Ok(Self { path, records: Mutex::new(records) })
    }

    /// Returns the record of this file with these settings.
    pub(crate) fn find_with_settings(&self, file: &Path, settings: &Value) -> Option<FileRecord> {
        self.find(file).filter(|record| record.settings.as_ref() == Some(settings))
    }

    /// Returns the record of this file with other settings.
    pub(crate) fn find_with_other_settings(&self, file: &Path, settings: &Value) -> Option<FileRecord> {
        self.find(file).filter(|record| record.settings.as_ref() != Some(settings))
    }

    fn find(&self, file: &Path) -> Option<FileRecord> {
        let (size, modified) = size_and_mtime(file)?;
        let now = seconds_now();
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let record = records.files.get(&key(file))?;
        let is_recent = now.saturating_sub(record.recorded_at) < FILE_TTL.as_secs();
        ((record.size, record.modified) == (size, modified) && is_recent).then(|| record.clone())
    }

    /// Records which video a file is uploaded to.
    pub(crate) fn record(&self, file: &Path, settings: &Value, uri: &str) -> Result<()> {
        let Some((size, modified)) = size_and_mtime(file) else { return Ok(()) };
        self.change(|records| {
            let record = FileRecord {
                size,
                modified,
                recorded_at: seconds_now(),
                settings: Some(settings.clone()),
                uri: uri.to_owned(),
                steps: Vec::new(),
            };
            match records.files.get(&key(file)) {
                Some(before) if before.uri == record.uri && before.settings == record.settings => false,
                _ => {
                    records.files.insert(key(file), record);
                    true
                }
            }
        })
    }

    /// Whether a post-upload step was done for a file's video.
    pub(crate) fn has_step(&self, file: &Path, uri: &str, step: &StepKey) -> bool {
        self.find(file).is_some_and(|record| record.uri == uri && record.steps.contains(step))
    }

    /// Records that a post-upload step was done.
    pub(crate) fn record_step(&self, file: &Path, step: &StepKey) -> Result<()> {
        self.change(|records| match records.files.get_mut(&key(file)) {
            Some(record) => {
                record.steps.push(step.clone());
                record.recorded_at = seconds_now();
                true
            }
            None => false,
        })
    }

    /// Removes the record of a file whose video was deleted.
    pub(crate) fn remove(&self, file: &Path) -> Result<()> {
        self.change(|records| records.files.remove(&key(file)).is_some())
    }

    /// Removes the batch when all files are done: from now on, the same command line creates new videos.
    pub(crate) fn finish(&self) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        config::remove(path).map_err(|error| CliError::io("remove", path, &error))
    }

    fn change(&self, change: impl FnOnce(&mut BatchRecords) -> bool) -> Result<()> {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let (true, Some(path)) = (change(&mut records), &self.path) else { return Ok(()) };
        records.version = VERSION;
        let text = serde_json::to_vec_pretty(&*records)
            .map_err(|error| CliError::new(ExitCode::Other, error.to_string()))?;
        config::replace(path, &text)
    }
}

/// Returns an error if a batch has a later version than this command reads. Its other members may have any form.
fn check_version(path: &Path, text: &[u8]) -> Result<()> {
    #[derive(Deserialize)]
    struct Versioned {
        #[serde(default = "first_version")]
        version: u32,
    }
    match serde_json::from_slice::<Versioned>(text) {
        Ok(Versioned { version }) if version > VERSION => {
            let message = format!(
                "a later version of this command has recorded earlier uploads of these files in {}: the file has \
                 version {version}, and this command reads up to version {VERSION}; nothing was uploaded",
                path.display()
            );
            Err(CliError::new(ExitCode::Other, message)
                .with_next_step("use that version of vimeo, or delete the file to upload all files again"))
        }
        _ => Ok(()),
    }
}

/// Returns a file's key: its path, or its bytes in hexadecimal if the path is not text, so that keys are unique.
pub(super) fn key(file: &Path) -> String {
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

pub(super) fn size_and_mtime(file: &Path) -> Option<(u64, u128)> {
    let metadata = std::fs::metadata(file).ok()?;
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((metadata.len(), modified.as_nanos()))
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Returns the batch's file name: a hash of the account and the files, the same in every process.
fn file_name(owner: &str, files: &[PathBuf]) -> String {
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    let parts = std::iter::once(owner.to_owned()).chain(files.iter().map(|file| key(file)));
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
    fn batches_persist_until_finished() {
        let folder = tempfile::tempdir().unwrap();
        let files = two_files(folder.path());
        let settings = json!({"name": "Surf"});
        let open = || UploadBatch::open(Some(folder.path().join("batches")), "anna", &files).unwrap();
        open().record(&files[0], &settings, "/videos/1").unwrap();
        let (showcase, picture) = (StepKey::showcase("/users/7/albums/9"), StepKey::picture(&files[1]));
        open().record_step(&files[0], &showcase).unwrap();

        let again = open();
        assert_eq!(again.find_with_settings(&files[0], &settings).unwrap().uri, "/videos/1");
        assert!(again.has_step(&files[0], "/videos/1", &showcase));
        assert!(!again.has_step(&files[0], "/videos/1", &picture));
        assert!(!again.has_step(&files[0], "/videos/2", &showcase), "another video");
        assert_eq!(again.find_with_settings(&files[1], &settings), None);
        let other = UploadBatch::open(Some(folder.path().join("batches")), "bert", &files).unwrap();
        assert_eq!(other.find_with_settings(&files[0], &settings), None);

        std::fs::write(&files[0], "changed").unwrap();
        assert_eq!(open().find_with_settings(&files[0], &settings), None, "another file under the same name");
        again.finish().unwrap();
        assert!(open().records.lock().unwrap().files.is_empty());
    }

    #[test]
    fn ignores_other_settings_and_expired_records() {
        let folder = tempfile::tempdir().unwrap();
        let files = two_files(folder.path());
        let batch = UploadBatch::open(None, "anna", &files).unwrap();
        let (draft, secret) = (json!({"name": "Draft"}), json!({"name": "Draft", "privacy": "nobody"}));
        batch.record(&files[0], &draft, "/videos/1").unwrap();
        assert_eq!(batch.find_with_settings(&files[0], &secret), None);
        assert_eq!(batch.find_with_other_settings(&files[0], &secret).unwrap().uri, "/videos/1");
        assert_eq!(batch.find_with_other_settings(&files[0], &draft), None);

        let age = |seconds: u64| {
            let mut records = batch.records.lock().unwrap();
            records.files.get_mut(&key(&files[0])).unwrap().recorded_at = seconds_now() - seconds;
        };
        age(FILE_TTL.as_secs() - 60);
        assert!(batch.find_with_settings(&files[0], &draft).is_some());
        age(FILE_TTL.as_secs() + 60);
        assert_eq!(batch.find_with_settings(&files[0], &draft), None);
        // A record from before settings were recorded.
        batch.records.lock().unwrap().files.get_mut(&key(&files[0])).unwrap().settings = None;
        age(0);
        assert_eq!(batch.find_with_settings(&files[0], &draft), None);
    }

    #[test]
    fn reads_records_of_earlier_versions() {
        let text = r#"{"files": {"/a": {"size": 1, "modified": 2, "noted": 3, "settings": {"name": "a"},
            "uri": "/videos/1", "steps": ["showcase /me/albums/1"]}}}"#;
        let records: BatchRecords = serde_json::from_str(text).unwrap();
        let record = &records.files["/a"];
        assert_eq!((record.recorded_at, record.steps.len(), &*record.uri), (3, 1, "/videos/1"));
        assert!(serde_json::to_string(&records).unwrap().contains(r#""noted":3"#));
    }

    #[test]
    fn steps_of_version_1_are_not_repeated() {
        let folder = config::test_folder();
        let files = two_files(folder.path());
        let (film, track) = (&files[0], &files[1]);
        let path = folder.path().join("batches").join(format!("{}.json", file_name("anna", &files)));
        std::fs::create_dir(folder.path().join("batches")).unwrap();
        let (film_key, track_key) = (key(film), key(track));
        let ((size, modified), (_, track_modified)) =
            (size_and_mtime(film).unwrap(), size_and_mtime(track).unwrap());
        // As an earlier release wrote it.
        let earlier = json!({"files": {film_key: {
            "size": size, "modified": u64::try_from(modified).unwrap(), "noted": seconds_now(),
            "settings": {"name": "Surf"}, "uri": "/videos/1",
            "steps": ["showcase /users/7/albums/9", format!("text track de {track_key} of 1 bytes at {track_modified}")],
        }}});
        config::replace(&path, earlier.to_string().as_bytes()).unwrap();
        let open = || UploadBatch::open(Some(folder.path().join("batches")), "anna", &files).unwrap();
        let batch = open();
        assert!(batch.has_step(film, "/videos/1", &StepKey::showcase("/users/7/albums/9")));
        assert!(batch.has_step(film, "/videos/1", &StepKey::text_track("de", track)));
        assert!(!batch.has_step(film, "/videos/1", &StepKey::text_track("en", track)));
        batch.record_step(film, &StepKey::picture(track)).unwrap();

        let written: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(written["version"], 2);
        assert!(open().has_step(film, "/videos/1", &StepKey::text_track("de", track)));
        std::fs::write(track, "another").unwrap();
        assert!(!open().has_step(film, "/videos/1", &StepKey::text_track("de", track)), "another content");
    }

    #[test]
    fn batches_of_later_versions_are_refused_and_stay() {
        let folder = config::test_folder();
        let files = two_files(folder.path());
        let open = || UploadBatch::open(Some(folder.path().to_owned()), "anna", &files);
        open().unwrap().record(&files[0], &json!({}), "/videos/1").unwrap();
        let path = folder.path().join(format!("{}.json", file_name("anna", &files)));
        let written = std::fs::read_to_string(&path).unwrap();
        assert!(written.contains("\"version\": 2"), "{written}");
        for later in
            [written.replace("\"version\": 2", "\"version\": 3"), r#"{"version": 4, "files": []}"#.to_owned()]
        {
            config::replace(&path, later.as_bytes()).unwrap();
            let error = open().err().unwrap();
            assert_eq!(error.exit, ExitCode::Other);
            let message = error.message();
            assert!(
                message.contains("a later version") && message.contains(&*path.to_string_lossy()),
                "{message}"
            );
            assert_eq!(std::fs::read_to_string(&path).unwrap(), later);
        }
        config::replace(&path, b"{").unwrap();
        assert!(open().is_ok(), "a damaged batch is ignored");
    }

    #[cfg(unix)]
    #[test]
    fn non_unicode_file_names_are_distinct() {
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
        let batch = UploadBatch::open(None, "anna", &files).unwrap();
        batch.record(&files[0], &Value::Null, "/videos/1").unwrap();
        assert!(batch.find_with_settings(&files[0], &Value::Null).is_some());
        assert_eq!(batch.find_with_settings(&files[1], &Value::Null), None);
        assert_ne!(file_name("anna", &files[..1]), file_name("anna", &files[1..]));
    }
}
