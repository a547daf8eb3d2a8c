//! Files, read on a blocking thread, in large pieces, into reused buffers.

use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::SystemTime;

use bytes::Bytes;
use futures_core::Stream;
use tokio::sync::mpsc;

use super::{BoxFuture, ByteStream, MAX_READ_LEN, Source};
use crate::error::UploadError;
use crate::upload_ticket::SourceChange;
use crate::upload_ticket::{Fingerprint, sample_ranges};

/// The number of pieces to read ahead of the network. One keeps disk and network busy at the same time; a second one
/// was not faster.
const READ_AHEAD: usize = 1;

/// A file, given by its path or already open.
///
/// A few MiB are in memory at a time, whatever the size. Size and modification time are checked with every piece, so
/// a file that is still being written is noticed before its last bytes are sent.
#[derive(Debug, Clone)]
pub struct FileSource {
    name: String,
    path: Option<PathBuf>,
    file: Arc<File>,
    stamp: FileStamp,
}

impl FileSource {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// [`UploadError::Io`] if the file is missing or not readable; [`UploadError::NotAFile`] for a folder, a pipe or
    /// a device.
    ///
    /// ```
    /// # async fn demo() {
    /// use vimeo_ext::upload::{FileSource, UploadError};
    /// let folder = FileSource::open(std::env::temp_dir()).await;
    /// assert!(matches!(folder, Err(UploadError::NotAFile { .. })));
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(demo());
    /// ```
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, UploadError> {
        let path = path.into();
        let name = path.display().to_string();
        let opened = {
            let (path, name) = (path.clone(), name.clone());
            run_blocking(&name.clone(), "open", move || {
                // Checked before it is opened: opening a pipe would wait for a writer.
                let metadata = std::fs::metadata(&path).map_err(|e| UploadError::io("open", &name, e))?;
                ensure_regular_file(&name, &metadata)?;
                File::open(&path).map_err(|e| UploadError::io("open", &name, e))
            })
            .await?
        };
        Self::from_std(opened, name, Some(path)).await
    }

    /// Uses an open file; `name` is used in messages.
    ///
    /// The upload starts at the first byte of the file, wherever its cursor is.
    ///
    /// # Errors
    /// [`UploadError::Io`] if its metadata cannot be read; [`UploadError::NotAFile`] if it is a folder, a pipe or a
    /// device.
    pub async fn from_file(file: tokio::fs::File, name: impl Into<String>) -> Result<Self, UploadError> {
        Self::from_std(file.into_std().await, name.into(), None).await
    }

    /// Uses an open file under a path, by which a journal finds its upload. Nothing is opened by the path, so a
    /// change of what is there does not matter.
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file).
    pub async fn from_opened(file: File, path: impl Into<PathBuf>) -> Result<Self, UploadError> {
        let path = path.into();
        Self::from_std(file, path.display().to_string(), Some(path)).await
    }

    pub(super) async fn from_std(
        file: File,
        name: String,
        path: Option<PathBuf>,
    ) -> Result<Self, UploadError> {
        let file = Arc::new(file);
        let stamp = {
            let (file, name) = (Arc::clone(&file), name.clone());
            run_blocking(&name.clone(), "inspect", move || {
                let metadata = file.metadata().map_err(|e| UploadError::io("inspect", &name, e))?;
                ensure_regular_file(&name, &metadata)?;
                Ok(FileStamp::from(&metadata))
            })
            .await?
        };
        Ok(Self { name, path, file, stamp })
    }

    /// Returns the current fingerprint.
    ///
    /// # Errors
    /// [`UploadError::SourceChanged`] if the file has changed since it was opened; [`UploadError::Io`] if it cannot
    /// be read.
    pub(crate) async fn current_fingerprint(&self) -> Result<Fingerprint, UploadError> {
        let reader = self.reader();
        let name = reader.name.clone();
        run_blocking(&name, "read", move || reader.fingerprint()).await
    }

    fn reader(&self) -> Reader {
        Reader { file: Arc::clone(&self.file), name: self.name.clone(), stamp: self.stamp }
    }
}

impl Source for FileSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn size(&self) -> u64 {
        self.stamp.size
    }

    fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    fn read(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<ByteStream, UploadError>> {
        let (sender, receiver) = mpsc::channel(READ_AHEAD);
        let reader = self.reader();
        // Not awaited: it ends when the range is read or the receiver is dropped. Reads are positional, so a leftover
        // read does not disturb the next one.
        drop(tokio::task::spawn_blocking(move || reader.run(range, &sender)));
        let pieces: ByteStream = Box::pin(ReceiverStream(receiver));
        Box::pin(std::future::ready(Ok(pieces)))
    }

    fn fingerprint(&mut self) -> BoxFuture<'_, Result<Option<Fingerprint>, UploadError>> {
        Box::pin(async move { Ok(Some(self.current_fingerprint().await?)) })
    }
}

/// Runs blocking work on the blocking thread pool.
pub(crate) async fn run_blocking<T: Send + 'static>(
    name: &str,
    action: &'static str,
    work: impl FnOnce() -> Result<T, UploadError> + Send + 'static,
) -> Result<T, UploadError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // Only if the runtime is shutting down.
        Err(error) => Err(UploadError::io(action, name, io::Error::other(error))),
    }
}

fn ensure_regular_file(name: &str, metadata: &Metadata) -> Result<(), UploadError> {
    let kind = metadata.file_type();
    if kind.is_file() {
        return Ok(());
    }
    let (what, advice) = if kind.is_dir() {
        ("a folder", "upload the files in it one by one")
    } else {
        ("a pipe or a device", "copy its output to a file first")
    };
    Err(UploadError::NotAFile { name: name.to_owned(), what, advice })
}

/// Size and modification time: detects most changes of a file with one system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileStamp {
    size: u64,
    modified: Option<SystemTime>,
}

impl From<&Metadata> for FileStamp {
    fn from(metadata: &Metadata) -> Self {
        Self { size: metadata.len(), modified: metadata.modified().ok() }
    }
}

impl FileStamp {
    fn change(self, now: Self) -> Option<SourceChange> {
        SourceChange::of_size(self.size, now.size)
            .or_else(|| (self.modified != now.modified).then_some(SourceChange::Modified))
    }
}

/// The part that runs on the blocking thread.
struct Reader {
    file: Arc<File>,
    name: String,
    stamp: FileStamp,
}

impl Reader {
    fn run(&self, range: Range<u64>, sender: &mpsc::Sender<Result<Bytes, UploadError>>) {
        let pool = BufferPool::default();
        let mut at = range.start;
        while at < range.end {
            let length = range.end.saturating_sub(at).min(MAX_READ_LEN as u64) as usize;
            let buffer = pool.take();
            let piece = self.piece(at, length, buffer, &pool);
            let failed = piece.is_err();
            // An error means that the receiver was dropped.
            if sender.blocking_send(piece).is_err() || failed {
                return;
            }
            at = at.saturating_add(length as u64);
        }
    }

    fn piece(
        &self,
        at: u64,
        length: usize,
        mut buffer: Vec<u8>,
        pool: &BufferPool,
    ) -> Result<Bytes, UploadError> {
        // A reused buffer is long enough already, so it is not zeroed again.
        if buffer.len() < length {
            buffer.resize(length, 0);
        }
        let filled = self.fill(at, buffer.get_mut(..length).unwrap_or_default())?;
        // Checked after the read, to notice a change before or during it.
        self.ensure_unchanged()?;
        if filled < length {
            // The size is right, but the bytes are missing.
            let what = SourceChange::Shrank { from: self.stamp.size, to: at.saturating_add(filled as u64) };
            return Err(UploadError::SourceChanged { name: self.name.clone(), what });
        }
        Ok(Bytes::from_owner(PooledBuf { buffer, length, pool: pool.clone() }))
    }

    fn fill(&self, at: u64, mut buffer: &mut [u8]) -> Result<usize, UploadError> {
        let mut filled: usize = 0;
        while !buffer.is_empty() {
            match read_at(&self.file, buffer, at.saturating_add(filled as u64)) {
                Ok(0) => break,
                Ok(read) => {
                    filled = filled.saturating_add(read);
                    buffer = buffer.get_mut(read..).unwrap_or_default();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(UploadError::io("read", &self.name, error)),
            }
        }
        Ok(filled)
    }

    fn ensure_unchanged(&self) -> Result<(), UploadError> {
        let metadata = self.file.metadata().map_err(|e| UploadError::io("inspect", &self.name, e))?;
        match self.stamp.change(FileStamp::from(&metadata)) {
            Some(what) => Err(UploadError::SourceChanged { name: self.name.clone(), what }),
            None => Ok(()),
        }
    }

    fn fingerprint(&self) -> Result<Fingerprint, UploadError> {
        let end = |range: Range<u64>| {
            let mut bytes = vec![0; range.end.saturating_sub(range.start) as usize];
            let filled = self.fill(range.start, &mut bytes)?;
            bytes.truncate(filled);
            Ok::<_, UploadError>(bytes)
        };
        let (head, tail) = sample_ranges(self.stamp.size);
        let (head, tail) = (end(head)?, end(tail)?);
        self.ensure_unchanged()?;
        let modified = self.stamp.modified.map(Into::into);
        Ok(Fingerprint::new(self.stamp.size, modified, &head, &tail))
    }
}

/// Reads at an offset; the cursor position is not used.
#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, at)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, at)
}

/// Unused buffers. The last one returned is the first one reused, because it is most likely still in the CPU cache.
#[derive(Clone, Default)]
struct BufferPool(Arc<Mutex<Vec<Vec<u8>>>>);

impl BufferPool {
    fn take(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn put(&self, buffer: Vec<u8>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
    }
}

/// A buffer that the HTTP client holds. It returns to the pool when the last view of it is dropped.
struct PooledBuf {
    buffer: Vec<u8>,
    length: usize,
    pool: BufferPool,
}

impl AsRef<[u8]> for PooledBuf {
    fn as_ref(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }
}

impl Drop for PooledBuf {
    fn drop(&mut self) {
        self.pool.put(std::mem::take(&mut self.buffer));
    }
}

/// The receiving end of a channel, as a stream.
pub(super) struct ReceiverStream(pub(super) mpsc::Receiver<Result<Bytes, UploadError>>);

impl Stream for ReceiverStream {
    type Item = Result<Bytes, UploadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}
