//! Readers of unknown size: written to a private file first, which is then uploaded like any file.
//!
//! While it is written, the file is named `*.part`; once it is complete, `*.spool`, by the hash of its bytes. So a process that
//! gets the same bytes again after a crash finds the file and its journal entry, and resumes. A file is locked by the
//! process that spools its bytes. A part file that nobody locks is the rest of a dead process; it is removed by the next one.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::{BoxFuture, ByteStream, FileSource, IntoSource, MAX_READ_LEN, Source, run_blocking};
use crate::error::UploadError;
use crate::hex::hex;
use crate::private_files;
use crate::upload::state_folder::state_folder;
use crate::upload_ticket::Fingerprint;

/// The default of [`Spooled::max_bytes`]: 32 GiB.
pub const DEFAULT_SPOOL_LIMIT: u64 = 32 * 1024 * 1024 * 1024;

/// How long a complete file whose process has died can be resumed.
const SPOOL_TTL: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The maximum number of uploads of the same bytes at a time.
const MAX_SAME: u32 = 1_000;

/// A reader of unknown size, such as a pipe or the output of an encoder.
///
/// Its bytes are written to a private file first, because Vimeo needs the size when the video is created. From then on
/// the upload is one of a file: it can be repeated, resumed and recorded in the [`Journal`](crate::upload::Journal). The file
/// is removed once the upload is finished or abandoned, or if Vimeo refuses to create the video. If the process dies before,
/// the same bytes resume the upload within seven days, as does [`PendingUploads::resume`](crate::PendingUploads::resume); later
/// the file is removed by the next process that spools to the folder.
///
/// If the size is known, a [`StreamSource`](crate::upload::StreamSource) sends the bytes without writing them to disk.
///
/// ```no_run
/// # async fn demo(vimeo: vimeo_ext::Vimeo, encoder: tokio::net::TcpStream) -> Result<(), vimeo_ext::Error> {
/// use vimeo_ext::upload::Spooled;
/// let video = vimeo.upload(Spooled::reader(encoder).max_bytes(8 << 30)).name("Surf").send().await?;
/// # Ok(())
/// # }
/// ```
pub struct Spooled<R> {
    reader: Pin<Box<R>>,
    name: String,
    folder: Option<PathBuf>,
    max_bytes: u64,
}

impl<R> fmt::Debug for Spooled<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spooled")
            .field("name", &self.name)
            .field("folder", &self.folder)
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}

impl<R: AsyncRead + Send + 'static> Spooled<R> {
    /// Creates a source of everything that `reader` returns until it ends.
    pub fn reader(reader: R) -> Self {
        Self {
            reader: Box::pin(reader),
            name: "the reader".to_owned(),
            folder: None,
            max_bytes: DEFAULT_SPOOL_LIMIT,
        }
    }

    /// Sets the name for messages. Default: `the reader`.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the folder of the file. It is created if it is missing, and refused if other users can write to it. Default:
    /// `vimeo/spool` in the platform's state folder.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Sets how many bytes are written to disk at most. Default: [`DEFAULT_SPOOL_LIMIT`].
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Reads everything into the file and returns it as a source, to know its size before the upload. An upload does this by
    /// itself.
    ///
    /// # Errors
    ///
    /// - [`UploadError::SpoolLimit`] if the reader has more than [`max_bytes`](Self::max_bytes).
    /// - [`UploadError::Empty`] if it has none.
    /// - [`UploadError::Io`] if it cannot be read or the file cannot be written.
    /// - [`UploadError::InUse`] if 1000 uploads of the same bytes are in progress.
    ///
    /// The file is removed on each of them.
    pub async fn spool(self) -> Result<SpooledSource, UploadError> {
        let Self { mut reader, name, folder, max_bytes } = self;
        let folder = SpoolFolder(match folder {
            Some(folder) => folder,
            None => state_folder("spool")?.join("spool"),
        });
        let at = folder.clone();
        let mut part = run_blocking(&name, "spool", move || at.create_part()).await?;
        loop {
            let piece =
                read_piece(&mut reader).await.map_err(|error| UploadError::io("read", &name, error))?;
            if piece.is_empty() {
                break;
            }
            if part.size.saturating_add(piece.len() as u64) > max_bytes {
                return Err(UploadError::SpoolLimit { name, max_bytes });
            }
            part = run_blocking(&name, "spool", move || part.write(&piece)).await?;
        }
        if part.size == 0 {
            return Err(UploadError::Empty);
        }
        let spool = {
            let name = name.clone();
            run_blocking(&name.clone(), "spool", move || folder.complete(part, &name)).await?
        };
        let path = spool.file.path.clone();
        let source = FileSource::from_std(spool.handle, name, Some(path)).await?;
        Ok(SpooledSource { file: Arc::new(spool.file), source, sha256: spool.sha256 })
    }
}

/// Reads up to [`MAX_READ_LEN`]; fewer bytes only at the end.
async fn read_piece(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<Bytes> {
    let mut piece = Vec::with_capacity(MAX_READ_LEN);
    reader.take(MAX_READ_LEN as u64).read_to_end(&mut piece).await?;
    Ok(piece.into())
}

impl<R: AsyncRead + Send + 'static> IntoSource for Spooled<R> {
    fn into_source(self) -> BoxFuture<'static, Result<Box<dyn Source>, UploadError>> {
        Box::pin(async move { Ok(Box::new(self.spool().await?) as Box<dyn Source>) })
    }
}

/// The bytes of a [`Spooled`] reader, in a file. Clones share the file, which is removed with the last one, unless a journal
/// needs it to resume. A journal removes it earlier, once an upload of it is finished or abandoned.
#[derive(Debug, Clone)]
pub struct SpooledSource {
    /// Before the source, whose lock keeps others from using the file.
    file: Arc<SpoolFile>,
    source: FileSource,
    sha256: String,
}

impl SpooledSource {
    /// Returns the SHA-256 of the bytes, in lower-case hex.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
}

impl Source for SpooledSource {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn size(&self) -> u64 {
        self.source.size()
    }

    fn path(&self) -> Option<&Path> {
        self.source.path()
    }

    fn is_spooled(&self) -> bool {
        true
    }

    fn retain(&mut self) {
        self.file.is_retained.store(true, Ordering::Relaxed);
    }

    fn release(&mut self) {
        self.file.is_retained.store(false, Ordering::Relaxed);
    }

    fn read(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<ByteStream, UploadError>> {
        self.source.read(range)
    }

    fn fingerprint(&mut self) -> BoxFuture<'_, Result<Option<Fingerprint>, UploadError>> {
        Box::pin(async move {
            let fingerprint = self.source.current_fingerprint().await?;
            // The same bytes that are spooled again have another modification time.
            Ok(Some(Fingerprint { modified: None, sha256: Some(self.sha256.clone()), ..fingerprint }))
        })
    }
}

/// A file in the spool, removed on drop unless it is retained.
#[derive(Debug)]
struct SpoolFile {
    path: PathBuf,
    is_retained: AtomicBool,
}

impl Drop for SpoolFile {
    fn drop(&mut self) {
        // Here, and not on another thread: it has to happen while the runtime shuts down as well.
        if !self.is_retained.load(Ordering::Relaxed)
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::debug!(path = %self.path.display(), %error, "a spool file was not removed");
        }
    }
}

/// Removes the file that was spooled for a finished upload.
pub(crate) fn remove_spool_file(path: &Path) -> Result<(), UploadError> {
    // A journal entry names no other files.
    if path.extension().is_none_or(|extension| extension != "spool") {
        return Ok(());
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(UploadError::io("remove", path.display().to_string(), error))
        }
        _ => Ok(()),
    }
}

/// A file that is being written, locked.
struct Part {
    /// Removed before the lock ends.
    file: SpoolFile,
    handle: File,
    hash: Sha256,
    size: u64,
}

impl Part {
    fn write(mut self, piece: &[u8]) -> Result<Self, UploadError> {
        self.handle.write_all(piece).map_err(|error| failed("write", &self.file.path, error))?;
        self.hash.update(piece);
        self.size = self.size.saturating_add(piece.len() as u64);
        Ok(self)
    }
}

/// A complete file, locked.
struct CompleteFile {
    file: SpoolFile,
    handle: File,
    sha256: String,
}

/// The folder of the spool. What creates or completes files in it, or removes those of dead processes, holds its lock.
#[derive(Debug, Clone)]
struct SpoolFolder(PathBuf);

impl SpoolFolder {
    /// Waits for the lock of the folder, which is held briefly.
    fn lock(&self) -> Result<File, UploadError> {
        private_files::create_folder(&self.0).map_err(|error| failed("use", &self.0, error))?;
        let path = self.0.join("lock");
        let options = &mut OpenOptions::new();
        let file = private_files::open(&path, options.create(true).truncate(false).write(true));
        file.and_then(|file| file.lock().map(|()| file)).map_err(|error| failed("lock", &path, error))
    }

    /// Creates an empty file, and removes what dead processes left.
    fn create_part(&self) -> Result<Part, UploadError> {
        let _lock = self.lock()?;
        self.remove_leftovers()?;
        let process = std::process::id();
        for number in 0u64.. {
            let path = self.0.join(format!("{process}-{number}.part"));
            match private_files::open(&path, OpenOptions::new().read(true).write(true).create_new(true)) {
                Ok(handle) => {
                    handle.try_lock().map_err(|error| failed("lock", &path, error.into()))?;
                    let file = SpoolFile { path, is_retained: AtomicBool::new(false) };
                    return Ok(Part { file, handle, hash: Sha256::new(), size: 0 });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed("create", &path, error)),
            }
        }
        Err(UploadError::InUse { name: self.0.display().to_string() })
    }

    /// Gives a written file its name, or uses the file with the same bytes that a dead process left.
    fn complete(&self, part: Part, name: &str) -> Result<CompleteFile, UploadError> {
        // The file is removed before its lock ends, as in a `Part`: the last variable is dropped first.
        let Part { handle, mut file, hash, size } = part;
        handle.sync_data().map_err(|error| failed("write", &file.path, error))?;
        let sha256 = hex(&hash.finalize());
        let _lock = self.lock()?;
        // All of them: an upload that is finished has removed its file, whatever number it had.
        let mut free = None;
        for number in 0..MAX_SAME {
            let path = self.0.join(format!("{sha256}.{number}.spool"));
            let earlier = match private_files::open(&path, OpenOptions::new().read(true)) {
                Ok(earlier) => earlier,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    free.get_or_insert(path);
                    continue;
                }
                Err(error) => return Err(failed("open", &path, error)),
            };
            if !try_lock(&earlier, &path)? {
                continue;
            }
            if earlier.metadata().is_ok_and(|metadata| metadata.len() == size) {
                tracing::info!(path = %path.display(), "using what an earlier process spooled");
                // A journal entry may need it, whatever becomes of this upload.
                let file = SpoolFile { path, is_retained: AtomicBool::new(true) };
                return Ok(CompleteFile { file, handle: earlier, sha256 });
            }
        }
        let Some(path) = free else { return Err(UploadError::InUse { name: name.to_owned() }) };
        std::fs::rename(&file.path, &path).map_err(|error| failed("rename", &file.path, error))?;
        file.path = path;
        Ok(CompleteFile { file, handle, sha256 })
    }

    /// Removes the files of dead processes: incomplete ones, and complete ones that are too old to be resumed.
    fn remove_leftovers(&self) -> Result<(), UploadError> {
        let entries = std::fs::read_dir(&self.0).map_err(|error| failed("list", &self.0, error))?;
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let is_leftover = match FileKind::of(&path) {
                Some(FileKind::Part) => true,
                Some(FileKind::Complete) => is_expired(&path),
                None => false,
            };
            if is_leftover
                && let Ok(file) = private_files::open(&path, OpenOptions::new().read(true))
                && try_lock(&file, &path)?
                && let Err(error) = std::fs::remove_file(&path)
            {
                tracing::warn!(path = %path.display(), %error, "what a dead process spooled was not removed");
            }
        }
        Ok(())
    }
}

/// What a file in the folder is, by its name. The folder can have other files too, which stay.
#[derive(Debug, PartialEq, Eq)]
enum FileKind {
    /// Being written, or the rest of a dead process: `PROCESS-NUMBER.part`.
    Part,
    /// `SHA256.NUMBER.spool`
    Complete,
}

impl FileKind {
    fn of(path: &Path) -> Option<Self> {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let (name, extension) = path.file_name()?.to_str()?.rsplit_once('.')?;
        match extension {
            "part" => {
                let (process, number) = name.split_once('-')?;
                (is_number(process) && is_number(number)).then_some(Self::Part)
            }
            "spool" => {
                let (hash, number) = name.split_once('.')?;
                let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
                (is_hash && is_number(number)).then_some(Self::Complete)
            }
            _ => None,
        }
    }
}

fn is_expired(path: &Path) -> bool {
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| SystemTime::now().duration_since(modified).is_ok_and(|age| age > SPOOL_TTL))
}

/// Locks a file unless another process or task has locked it, or has removed it since it was opened.
fn try_lock(file: &File, path: &Path) -> Result<bool, UploadError> {
    match file.try_lock() {
        Ok(()) => Ok(private_files::is_same_file(file, path)),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(failed("lock", path, error)),
    }
}

fn failed(action: &'static str, path: &Path, error: io::Error) -> UploadError {
    UploadError::io(action, path.display().to_string(), error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::private_files::test_folder;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.retain(|name| name != "lock");
        names.sort();
        names
    }

    async fn spool(folder: &Path, bytes: &'static [u8]) -> Result<SpooledSource, UploadError> {
        Spooled::reader(bytes).name("a pipe").folder(folder).max_bytes(9).spool().await
    }

    #[tokio::test]
    async fn the_private_file_lasts_until_the_last_clone() {
        let folder = test_folder();
        let mut source = spool(folder.path(), b"film").await.unwrap();
        assert_eq!((source.name(), source.size(), source.is_spooled()), ("a pipe", 4, true));
        assert_eq!(source.sha256(), hex(&Sha256::digest(b"film")));
        assert_eq!(names(folder.path()), [format!("{}.0.spool", source.sha256())]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let mode = std::fs::metadata(source.path().unwrap()).unwrap().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let clone = source.clone();
        drop(source);
        assert_eq!(names(folder.path()).len(), 1);
        source = clone;
        source.retain();
        drop(source);
        assert_eq!(names(folder.path()).len(), 1, "the journal removes it");
        let mut source = spool(folder.path(), b"film").await.unwrap();
        source.release();
        drop(source);
        assert_eq!(names(folder.path()), [""; 0], "no journal needs it any more");
    }

    #[tokio::test]
    async fn limit_empty_readers_and_dropped_ones_leave_no_file() {
        let folder = test_folder();
        let error = spool(folder.path(), b"ten bytes.").await.unwrap_err();
        assert!(
            matches!(&error, UploadError::SpoolLimit { name, max_bytes: 9 } if name == "a pipe"),
            "{error:?}"
        );
        spool(folder.path(), b"nine byte").await.unwrap();
        let error = spool(folder.path(), b"").await.unwrap_err();
        assert!(matches!(error, UploadError::Empty), "{error:?}");
        let (pipe, reader) = tokio::io::duplex(16);
        let mut endless = Box::pin(Spooled::reader(reader).folder(folder.path()).spool());
        while names(folder.path()).is_empty() {
            assert!(futures_util::FutureExt::now_or_never(&mut endless).is_none());
            tokio::task::yield_now().await;
        }
        // Once the file is created on its thread, the future holds it.
        for _ in 0..100 {
            assert!(futures_util::FutureExt::now_or_never(&mut endless).is_none());
            tokio::task::yield_now().await;
        }
        drop(endless);
        drop(pipe);
        while !names(folder.path()).is_empty() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn an_earlier_file_is_found_behind_a_finished_one() {
        let folder = test_folder();
        let finished = spool(folder.path(), b"film").await.unwrap();
        let mut interrupted = spool(folder.path(), b"film").await.unwrap();
        interrupted.retain();
        let path = interrupted.path().unwrap().to_owned();
        drop((finished, interrupted));
        let again = spool(folder.path(), b"film").await.unwrap();
        assert_eq!(again.path(), Some(&*path));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_removed_since_it_was_opened_is_not_used() {
        let folder = test_folder();
        let path = folder.path().join("film.spool");
        std::fs::write(&path, b"film").unwrap();
        let [present, removed] = [(); 2].map(|()| File::open(&path).unwrap());
        assert!(try_lock(&present, &path).unwrap());
        drop(present);
        std::fs::remove_file(&path).unwrap();
        assert!(!try_lock(&removed, &path).unwrap());
    }

    #[tokio::test]
    async fn the_rest_of_a_dead_process_is_used_or_removed() {
        let folder = test_folder();
        let first = spool(folder.path(), b"film").await.unwrap();
        let path = first.path().unwrap().to_owned();
        let same = spool(folder.path(), b"film").await.unwrap();
        assert_ne!(same.path(), Some(&*path), "the first one is in use");
        let mut first = first;
        first.retain();
        drop((first, same));
        // As after kill -9: files without a lock.
        std::fs::write(folder.path().join("1-0.part"), b"incomp").unwrap();
        let old = folder.path().join(format!("{}.0.spool", "0".repeat(64)));
        std::fs::write(&old, b"old").unwrap();
        let aged = SystemTime::now() - SPOOL_TTL - Duration::from_secs(60);
        File::options().write(true).open(&old).unwrap().set_modified(aged).unwrap();
        // What others keep in the folder is not removed.
        let foreign = ["film.mp4.part", "film.part", "notes.spool"].map(|name| folder.path().join(name));
        for path in &foreign {
            std::fs::write(path, b"foreign").unwrap();
            File::options().write(true).open(path).unwrap().set_modified(aged).unwrap();
        }
        let again = spool(folder.path(), b"film").await.unwrap();
        assert_eq!(again.path(), Some(&*path));
        for path in foreign {
            std::fs::remove_file(path).unwrap();
        }
        assert_eq!(names(folder.path()), [path.file_name().unwrap().to_str().unwrap()]);
        drop(again);
        assert!(path.exists(), "a journal entry may need it");
        remove_spool_file(&path).unwrap();
        assert!(!path.exists());
        let other = folder.path().join("film.mp4");
        std::fs::write(&other, b"film").unwrap();
        remove_spool_file(&other).unwrap();
        assert!(other.exists());
    }
}
