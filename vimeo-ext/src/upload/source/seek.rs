//! Readers that can seek.

use std::io::SeekFrom;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

use super::file::Received;
use super::{BoxFuture, PIECE, Pieces, Source, off_the_runtime};
use crate::upload::error::{Change, UploadError};
use crate::upload::fingerprint::{Fingerprint, ends};

/// Any reader that can seek: a cursor, a decrypting reader, an object in a store.
///
/// For a file, [`FileSource`](super::FileSource) is faster. The upload starts at the reader's first
/// byte, wherever it stands.
#[derive(Debug)]
pub struct SeekSource<R> {
    name: String,
    size: u64,
    reader: Arc<Mutex<R>>,
    running: Option<JoinHandle<()>>,
}

impl<R> SeekSource<R>
where
    R: AsyncRead + AsyncSeek + Unpin + Send + 'static,
{
    /// Measures the reader by seeking to its end; `name` is used in messages.
    ///
    /// # Errors
    /// [`UploadError::Io`] when it cannot seek.
    ///
    /// ```
    /// # async fn demo() -> Result<(), vimeo_ext::upload::UploadError> {
    /// use vimeo_ext::upload::{SeekSource, Source};
    /// let source = SeekSource::new(std::io::Cursor::new(b"film"), "a cursor").await?;
    /// assert_eq!(source.size(), 4);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(demo()).unwrap();
    /// ```
    pub async fn new(mut reader: R, name: impl Into<String>) -> Result<Self, UploadError> {
        let name = name.into();
        let size =
            reader.seek(SeekFrom::End(0)).await.map_err(|error| UploadError::io("measure", &name, error))?;
        Ok(Self { name, size, reader: Arc::new(Mutex::new(reader)), running: None })
    }

    /// Ends the read before, if it still runs, so that the reader is free.
    async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
            // The only errors are that it was aborted, which was the wish, or that it panicked,
            // which its receiver sees as an early end.
            let _ = running.await;
        }
    }
}

impl<R> Source for SeekSource<R>
where
    R: AsyncRead + AsyncSeek + Unpin + Send + 'static,
{
    fn name(&self) -> &str {
        &self.name
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn read(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Pieces, UploadError>> {
        Box::pin(async move {
            self.stop().await;
            let (sender, receiver) = mpsc::channel(1);
            let (reader, name, size) = (Arc::clone(&self.reader), self.name.clone(), self.size);
            self.running = Some(tokio::spawn(async move {
                let mut reader = reader.lock().await;
                let mut at = range.start;
                while at < range.end {
                    let wanted = at..range.end.min(at.saturating_add(PIECE as u64));
                    let piece = exactly(&mut *reader, wanted.clone(), &name, size).await;
                    let failed = piece.is_err();
                    if sender.send(piece).await.is_err() || failed {
                        return;
                    }
                    at = wanted.end;
                }
            }));
            Ok(Box::pin(Received(receiver)) as Pieces)
        })
    }

    fn fingerprint(&mut self) -> BoxFuture<'_, Result<Option<Fingerprint>, UploadError>> {
        Box::pin(async move {
            self.stop().await;
            let mut reader = self.reader.lock().await;
            let (head, tail) = ends(self.size);
            let head = exactly(&mut *reader, head, &self.name, self.size).await?;
            let tail = exactly(&mut *reader, tail, &self.name, self.size).await?;
            let size = self.size;
            let hash = move || Ok(Some(Fingerprint::new(size, None, &head, &tail)));
            off_the_runtime(&self.name, "hash", hash).await
        })
    }
}

/// Reads a range of at most one piece, after looking whether the reader still has its size.
async fn exactly<R: AsyncRead + AsyncSeek + Unpin>(
    reader: &mut R,
    range: Range<u64>,
    name: &str,
    size: u64,
) -> Result<Bytes, UploadError> {
    let failed = |error| UploadError::io("read", name, error);
    let now = reader.seek(SeekFrom::End(0)).await.map_err(failed)?;
    if let Some(what) = Change::of_size(size, now) {
        return Err(UploadError::SourceChanged { name: name.to_owned(), what });
    }
    reader.seek(SeekFrom::Start(range.start)).await.map_err(failed)?;
    let length = (range.end - range.start) as usize;
    let mut buffer = BytesMut::with_capacity(length);
    while buffer.len() < length {
        let rest = (length - buffer.len()) as u64;
        if (&mut *reader).take(rest).read_buf(&mut buffer).await.map_err(failed)? == 0 {
            let what = Change::Shrank { from: size, to: range.start + buffer.len() as u64 };
            return Err(UploadError::SourceChanged { name: name.to_owned(), what });
        }
    }
    Ok(buffer.freeze())
}
