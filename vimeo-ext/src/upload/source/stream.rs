//! Readers that cannot seek. Bytes that the server has not acknowledged are buffered, to be sent again.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::file::ReceiverStream;
use super::{BoxFuture, ByteStream, Source};
use crate::error::UploadError;
use crate::upload_ticket::SourceChange;

/// The default size of the replay buffer of a [`StreamSource`]: 32 MiB.
pub const DEFAULT_REPLAY_BUFFER: u64 = 32 * 1024 * 1024;

/// The memory that is allocated at a time for reading.
const READ_LEN: usize = 256 * 1024;

/// Any reader of known size, such as a pipe or the body of a download.
///
/// Bytes that the server has not acknowledged are buffered, to be sent again after a failure, so one PATCH carries at
/// most as many as the buffer holds. Another process can resume if its reader starts at the first byte again: bytes
/// that the server has are read and dropped. A reader that ends early is an error; bytes beyond the size are not
/// read, unless the size has to be [exact](Self::exact).
pub struct StreamSource<R> {
    name: String,
    size: u64,
    buffer: u64,
    is_exact: bool,
    reader: Arc<tokio::sync::Mutex<R>>,
    replay: Arc<Mutex<ReplayBuffer>>,
    running: Option<JoinHandle<()>>,
}

impl<R> fmt::Debug for StreamSource<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamSource")
            .field("name", &self.name)
            .field("size", &self.size)
            .field("buffer", &self.buffer)
            .finish_non_exhaustive()
    }
}

impl<R: AsyncRead + Unpin + Send + 'static> StreamSource<R> {
    /// Creates a source of `reader`, which has `size` bytes; `name` is used in messages.
    ///
    /// ```
    /// use vimeo_ext::upload::{Source, StreamSource};
    /// let source = StreamSource::new(&b"film"[..], 4, "a pipe");
    /// assert_eq!(source.size(), 4);
    /// ```
    pub fn new(reader: R, size: u64, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            size,
            buffer: DEFAULT_REPLAY_BUFFER,
            is_exact: false,
            reader: Arc::new(tokio::sync::Mutex::new(reader)),
            replay: Arc::default(),
            running: None,
        }
    }

    /// Sets the size of the replay buffer, in bytes; at least 1. Default: [`DEFAULT_REPLAY_BUFFER`].
    ///
    /// A larger buffer means fewer requests.
    #[must_use]
    pub fn with_buffer(mut self, bytes: u64) -> Self {
        self.buffer = bytes.max(1);
        self
    }

    /// Requires that the reader ends after the size: otherwise [`UploadError::WrongStreamSize`], before the last bytes are
    /// sent, so that no part of a longer stream passes for the whole. Default: no.
    ///
    /// The last bytes are sent only once the reader has ended.
    #[must_use]
    pub fn exact(mut self) -> Self {
        self.is_exact = true;
        self
    }

    fn replay(&self) -> std::sync::MutexGuard<'_, ReplayBuffer> {
        // Nothing under this lock panics half-way.
        self.replay.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: AsyncRead + Unpin + Send + 'static> Source for StreamSource<R> {
    fn name(&self) -> &str {
        &self.name
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn min_offset(&self) -> u64 {
        self.replay().min_offset
    }

    fn replay_limit(&self) -> Option<u64> {
        Some(self.buffer)
    }

    fn acknowledge(&mut self, offset: u64) {
        self.replay().drop_below(offset);
    }

    fn read(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<ByteStream, UploadError>> {
        Box::pin(async move {
            if let Some(running) = self.running.take() {
                running.abort();
                // Aborted or panicked: in both cases the reader is free now.
                let _ = running.await;
            }
            let (sender, receiver) = mpsc::channel(1);
            let (reader, replay) = (Arc::clone(&self.reader), Arc::clone(&self.replay));
            let name = self.name.clone();
            let (size, is_exact) = (self.size, self.is_exact);
            self.running = Some(tokio::spawn(async move {
                let mut reader = reader.lock().await;
                let exact = is_exact.then_some(size);
                let outcome = serve_range(&mut *reader, &replay, range, exact, &sender).await;
                let error = match outcome {
                    Ok(()) => return,
                    Err(ReadStop::ReceiverDropped) => return,
                    Err(ReadStop::Ended { at }) if is_exact => {
                        UploadError::WrongStreamSize { name, announced: size, ended_at: Some(at) }
                    }
                    Err(ReadStop::TooLong) => {
                        UploadError::WrongStreamSize { name, announced: size, ended_at: None }
                    }
                    Err(ReadStop::Ended { at }) => {
                        UploadError::SourceChanged { name, what: SourceChange::Shrank { from: size, to: at } }
                    }
                    Err(ReadStop::Failed(error)) => UploadError::io("read", name, error),
                };
                let _ = sender.send(Err(error)).await;
            }));
            Ok(Box::pin(ReceiverStream(receiver)) as ByteStream)
        })
    }
}

enum ReadStop {
    ReceiverDropped,
    Ended {
        at: u64,
    },
    /// The reader has more bytes than it may have.
    TooLong,
    Failed(std::io::Error),
}

/// Sends a range: first the buffered bytes, then those of the reader, which are buffered as well. If the reader has to end
/// at `exact`, the bytes before are sent only once it has.
async fn serve_range<R: AsyncRead + Unpin>(
    reader: &mut R,
    replay: &Mutex<ReplayBuffer>,
    range: Range<u64>,
    exact: Option<u64>,
    sender: &mpsc::Sender<Result<Bytes, UploadError>>,
) -> Result<(), ReadStop> {
    let lock = || replay.lock().unwrap_or_else(PoisonError::into_inner);
    let mut at = range.start;
    let mut buffer = BytesMut::new();
    while at < range.end {
        let piece = lock().get(at, range.end);
        if let Some(piece) = piece {
            at = at.saturating_add(piece.len() as u64);
            if Some(at) == exact {
                ensure_ended(reader, replay).await?;
            }
            sender.send(Ok(piece)).await.map_err(|_| ReadStop::ReceiverDropped)?;
            continue;
        }
        // Never beyond the range, so that the buffer is not exceeded.
        let end = lock().end();
        // A new allocation only if the last one is full: buffered pieces would otherwise pin the unused rest of each.
        if buffer.capacity() == 0 {
            buffer.reserve(READ_LEN);
        }
        let wanted = range.end.saturating_sub(end).min(READ_LEN as u64);
        // Loses nothing if it is aborted: the bytes are buffered without another await.
        match (&mut *reader).take(wanted).read_buf(&mut buffer).await {
            Ok(0) => return Err(ReadStop::Ended { at: end }),
            Ok(_) => {
                let piece = buffer.split().freeze();
                lock().push(piece.clone(), at);
                // Bytes before `at` are only skipped: the server has them already.
                if end == at {
                    at = at.saturating_add(piece.len() as u64);
                    if Some(at) == exact {
                        ensure_ended(reader, replay).await?;
                    }
                    sender.send(Ok(piece)).await.map_err(|_| ReadStop::ReceiverDropped)?;
                }
            }
            Err(error) => return Err(ReadStop::Failed(error)),
        }
    }
    Ok(())
}

/// Fails if the reader has another byte. Remembers the result, because that byte can be read only once.
async fn ensure_ended<R: AsyncRead + Unpin>(
    reader: &mut R,
    replay: &Mutex<ReplayBuffer>,
) -> Result<(), ReadStop> {
    let lock = || replay.lock().unwrap_or_else(PoisonError::into_inner);
    let known = lock().has_ended;
    let has_ended = match known {
        Some(has_ended) => has_ended,
        None => {
            let has_ended = reader.read(&mut [0]).await.map_err(ReadStop::Failed)? == 0;
            lock().has_ended = Some(has_ended);
            has_ended
        }
    };
    if has_ended { Ok(()) } else { Err(ReadStop::TooLong) }
}

/// The bytes that were read and not acknowledged: `min_offset..end`.
#[derive(Default)]
struct ReplayBuffer {
    min_offset: u64,
    length: u64,
    pieces: VecDeque<Bytes>,
    /// Whether the reader ended at the exact size; `None` if that is not known yet.
    has_ended: Option<bool>,
}

impl ReplayBuffer {
    fn end(&self) -> u64 {
        self.min_offset.saturating_add(self.length)
    }

    /// Adds a piece. `needed` is the server's offset; bytes below it are dropped.
    fn push(&mut self, piece: Bytes, needed: u64) {
        self.length = self.length.saturating_add(piece.len() as u64);
        self.pieces.push_back(piece);
        // Only if an upload resumes ahead of the reader: otherwise `needed` is not acknowledged yet and stays.
        if self.end() <= needed {
            self.drop_below(needed.min(self.end()));
        }
    }

    /// Returns the bytes from `at`, up to `end` or the end of their piece.
    fn get(&self, at: u64, end: u64) -> Option<Bytes> {
        // The usual case, without a search through all pieces.
        if at >= self.end() {
            return None;
        }
        let mut start = self.min_offset;
        for piece in &self.pieces {
            let stop = start.saturating_add(piece.len() as u64);
            if at >= start && at < stop {
                let from = at.saturating_sub(start) as usize;
                let to = stop.min(end).max(at).saturating_sub(start) as usize;
                return Some(piece.slice(from..to));
            }
            start = stop;
        }
        None
    }

    /// Drops the bytes below `offset`, as far as they were read.
    fn drop_below(&mut self, offset: u64) {
        let mut excess = offset.saturating_sub(self.min_offset).min(self.length);
        self.min_offset = self.min_offset.saturating_add(excess);
        self.length = self.length.saturating_sub(excess);
        while excess > 0 {
            let Some(first) = self.pieces.front_mut() else { break };
            if first.len() as u64 > excess {
                first.advance(excess as usize);
                break;
            }
            excess = excess.saturating_sub(first.len() as u64);
            self.pieces.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replay(min_offset: u64, pieces: &[&'static [u8]]) -> ReplayBuffer {
        let mut replay = ReplayBuffer { min_offset, ..ReplayBuffer::default() };
        for piece in pieces {
            replay.push(Bytes::from_static(piece), min_offset);
        }
        replay
    }

    #[test]
    fn buffered_bytes_are_replayed_from_any_offset() {
        let replay = replay(10, &[b"abc", b"d", b"efgh"]);
        assert_eq!((replay.min_offset, replay.end()), (10, 18));
        // (from, to, bytes)
        let table: [(u64, u64, Option<&[u8]>); 8] = [
            (10, 18, Some(b"abc")),
            (11, 18, Some(b"bc")),
            (11, 12, Some(b"b")),
            (13, 18, Some(b"d")),
            (14, 16, Some(b"ef")),
            (17, 99, Some(b"h")),
            (18, 99, None),
            (9, 18, None),
        ];
        for (from, to, bytes) in table {
            assert_eq!(replay.get(from, to).as_deref(), bytes, "{from}..{to}");
        }
    }

    #[test]
    fn only_acknowledged_bytes_are_dropped() {
        let mut replay = replay(0, &[b"abc", b"d", b"efgh"]);
        // (acknowledged, min_offset, pieces left)
        for (offset, min_offset, pieces) in
            [(0, 0, 3), (2, 2, 3), (3, 3, 2), (5, 5, 1), (1, 5, 1), (99, 8, 0)]
        {
            replay.drop_below(offset);
            assert_eq!(
                (replay.min_offset, replay.end(), replay.pieces.len()),
                (min_offset, 8, pieces),
                "after {offset}"
            );
        }
    }

    #[tokio::test]
    async fn reads_no_further_than_the_range() {
        let replay = Mutex::new(ReplayBuffer::default());
        let (sender, mut receiver) = mpsc::channel(9);
        let mut reader = &b"films and more"[..];
        assert!(serve_range(&mut reader, &replay, 0..5, None, &sender).await.is_ok());
        assert_eq!(receiver.recv().await.unwrap().unwrap(), "films");
        assert_eq!(reader, b" and more", "what is replay must fit the replay buffer");
    }

    #[tokio::test]
    async fn an_exact_reader_has_to_end() {
        for (bytes, ends) in [(&b"film"[..], true), (b"films", false)] {
            let replay = Mutex::new(ReplayBuffer::default());
            let (sender, mut receiver) = mpsc::channel(9);
            let mut reader = bytes;
            let outcome = serve_range(&mut reader, &replay, 0..4, Some(4), &sender).await;
            assert_eq!(outcome.is_ok(), ends, "{bytes:?}");
            assert_eq!(receiver.try_recv().is_ok(), ends, "the last bytes are not sent too early");
        }
        // The end is read once; afterwards the bytes come from the replay buffer.
        let replay = Mutex::new(ReplayBuffer::default());
        let (sender, mut receiver) = mpsc::channel(9);
        let (mut pipe, mut reader) = tokio::io::duplex(16);
        tokio::io::AsyncWriteExt::write_all(&mut pipe, b"film").await.unwrap();
        let waiting = serve_range(&mut reader, &replay, 0..4, Some(4), &sender);
        assert!(futures_util::FutureExt::now_or_never(waiting).is_none(), "the reader has not ended");
        drop(pipe);
        for _ in 0..2 {
            assert!(serve_range(&mut reader, &replay, 0..4, Some(4), &sender).await.is_ok());
            assert_eq!(receiver.try_recv().unwrap().unwrap(), "film");
        }
    }

    #[tokio::test]
    async fn a_longer_reader_fails_again_after_its_excess_was_read() {
        let replay = Mutex::new(ReplayBuffer::default());
        let (sender, mut receiver) = mpsc::channel(9);
        let mut reader = &b"films"[..];
        for _ in 0..2 {
            let outcome = serve_range(&mut reader, &replay, 0..4, Some(4), &sender).await;
            assert!(matches!(outcome, Err(ReadStop::TooLong)));
            assert!(receiver.try_recv().is_err());
        }
    }

    #[tokio::test]
    async fn small_reads_do_not_pin_large_buffers() {
        let replay = Mutex::new(ReplayBuffer::default());
        let (sender, mut receiver) = mpsc::channel(1);
        let bytes = vec![7; READ_LEN];
        // Returns 1 KiB at a time.
        let (mut pipe, mut reader) = tokio::io::duplex(1024);
        let write = async { tokio::io::AsyncWriteExt::write_all(&mut pipe, &bytes).await.unwrap() };
        let given = serve_range(&mut reader, &replay, 0..READ_LEN as u64, None, &sender);
        let mut starts = Vec::new();
        let take = async {
            let mut taken = 0;
            while taken < READ_LEN {
                let piece = receiver.recv().await.unwrap().unwrap();
                taken += piece.len();
                starts.push(piece.as_ptr() as usize);
            }
        };
        let (given, (), ()) = tokio::join!(given, write, take);
        assert!(given.is_ok());
        let span = starts.iter().max().unwrap() - starts.iter().min().unwrap();
        assert!(starts.len() > 100 && span < READ_LEN, "{} pieces over {span} bytes", starts.len());
    }
}
