//! Seekable readers.

use std::io::SeekFrom;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

use super::file::ReceiverStream;
use super::{BoxFuture, ByteStream, MAX_READ_LEN, Source, run_blocking};
use crate::error::UploadError;
use crate::upload_ticket::SourceChange;
use crate::upload_ticket::{Fingerprint, sample_ranges};

/// Any seekable reader: a cursor, a decrypting reader, an object in a store.
///
/// For a file, [`FileSource`](super::FileSource) is faster. The upload starts at the reader's first byte, wherever
/// its cursor is.
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
    /// Gets the size by seeking to the end; `name` is used in messages.
    ///
    /// # Errors
    /// [`UploadError::Io`] if it cannot seek.
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

    /// Ends a read that is still running, so that the reader is free.
    async fn stop_reading(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
            // The only errors are that the task was aborted, as intended, or that it panicked, which its receiver
            // sees as an early end.
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

    fn read(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<ByteStream, UploadError>> {
        Box::pin(async move {
            self.stop_reading().await;
            let (sender, receiver) = mpsc::channel(1);
            let (reader, name, size) = (Arc::clone(&self.reader), self.name.clone(), self.size);
            self.running = Some(tokio::spawn(async move {
                let mut reader = reader.lock().await;
                let mut at = range.start;
                while at < range.end {
                    let wanted = at..range.end.min(at.saturating_add(MAX_READ_LEN as u64));
                    let piece = read_exact_range(&mut *reader, wanted.clone(), &name, size).await;
                    let failed = piece.is_err();
                    if sender.send(piece).await.is_err() || failed {
                        return;
                    }
                    at = wanted.end;
                }
            }));
            Ok(Box::pin(ReceiverStream(receiver)) as ByteStream)
        })
    }

    fn fingerprint(&mut self) -> BoxFuture<'_, Result<Option<Fingerprint>, UploadError>> {
        Box::pin(async move {
            self.stop_reading().await;
            let mut reader = self.reader.lock().await;
            let (head, tail) = sample_ranges(self.size);
            let head = read_exact_range(&mut *reader, head, &self.name, self.size).await?;
            let tail = read_exact_range(&mut *reader, tail, &self.name, self.size).await?;
            let size = self.size;
            let hash = move || Ok(Some(Fingerprint::new(size, None, &head, &tail)));
            run_blocking(&self.name, "hash", hash).await
        })
    }
}

/// Reads a range of at most one piece, after checking that the size has not changed.
async fn read_exact_range<R: AsyncRead + AsyncSeek + Unpin>(
    reader: &mut R,
    range: Range<u64>,
    name: &str,
    size: u64,
) -> Result<Bytes, UploadError> {
    let failed = |error| UploadError::io("read", name, error);
    let now = reader.seek(SeekFrom::End(0)).await.map_err(failed)?;
    if let Some(what) = SourceChange::of_size(size, now) {
        return Err(UploadError::SourceChanged { name: name.to_owned(), what });
    }
    reader.seek(SeekFrom::Start(range.start)).await.map_err(failed)?;
    let length = range.end.saturating_sub(range.start) as usize;
    let mut buffer = BytesMut::with_capacity(length);
    while buffer.len() < length {
        let rest = length.saturating_sub(buffer.len()) as u64;
        if (&mut *reader).take(rest).read_buf(&mut buffer).await.map_err(failed)? == 0 {
            let what =
                SourceChange::Shrank { from: size, to: range.start.saturating_add(buffer.len() as u64) };
            return Err(UploadError::SourceChanged { name: name.to_owned(), what });
        }
    }
    Ok(buffer.freeze())
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use tokio::io::ReadBuf;

    use super::*;

    /// Hangs in its first read, like a lost connection to a store, and never again.
    struct HangsOnFirstRead {
        hung: bool,
        inner: io::Cursor<Vec<u8>>,
    }

    impl AsyncRead for HangsOnFirstRead {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if !std::mem::replace(&mut self.hung, true) {
                return Poll::Pending;
            }
            Pin::new(&mut self.inner).poll_read(cx, buffer)
        }
    }

    impl AsyncSeek for HangsOnFirstRead {
        fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
            Pin::new(&mut self.inner).start_seek(position)
        }

        fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
            Pin::new(&mut self.inner).poll_complete(cx)
        }
    }

    async fn next(pieces: &mut ByteStream) -> Option<Result<Bytes, UploadError>> {
        poll_fn(|cx| pieces.as_mut().poll_next(cx)).await
    }

    #[tokio::test(start_paused = true)]
    async fn new_read_does_not_wait_for_a_hanging_one() {
        let reader = HangsOnFirstRead { hung: false, inner: io::Cursor::new(b"film".to_vec()) };
        let mut source = SeekSource::new(reader, "a store").await.unwrap();
        let mut hanging = source.read(0..4).await.unwrap();
        let waited = tokio::time::timeout(Duration::from_secs(60), next(&mut hanging)).await;
        assert!(waited.is_err());
        let mut pieces = source.read(1..4).await.unwrap();
        let piece = tokio::time::timeout(Duration::from_secs(60), next(&mut pieces)).await;
        assert_eq!(piece.unwrap().unwrap().unwrap(), "ilm");
        assert!(next(&mut pieces).await.is_none());
    }

    #[tokio::test]
    async fn size_changes_are_reported() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.mp4");
        std::fs::write(&path, b"film").unwrap();
        let reader = tokio::fs::File::open(&path).await.unwrap();
        let mut source = SeekSource::new(reader, "a film").await.unwrap();
        for (bytes, change) in [
            (&b"films"[..], SourceChange::Grew { from: 4, to: 5 }),
            (&b"fil"[..], SourceChange::Shrank { from: 4, to: 3 }),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let mut pieces = source.read(0..4).await.unwrap();
            let error = next(&mut pieces).await.unwrap().unwrap_err();
            let UploadError::SourceChanged { name, what } = error else { panic!("{error:?}") };
            assert_eq!((name.as_str(), what), ("a film", change));
        }
    }
}
