//! Readers that cannot seek: what the server has not acknowledged is kept, to be sent again.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::file::BufferedChunk;
use super::{BoxFuture, Pieces, Source};
use crate::error::UploadError;
use crate::upload_ticket::SourceChange;

/// How much a [`StreamSource`] keeps to send again, unless told otherwise: 32 MiB.
pub const DEFAULT_REPLAY_BUFFER: u64 = 32 * 1024 * 1024;

/// Memory taken at a time to read into.
const READ: usize = 256 * 1024;

/// Any reader of known size, such as a pipe or the body of another download.
///
/// Bytes that the server has not acknowledged are kept in memory to be sent again after a broken
/// connection, so one PATCH carries at most as many as the buffer holds. Resuming in another
/// process works when the reader starts at the first byte again: what the server has is read and
/// dropped. A reader that ends early is an error; what it would give beyond the size is not read.
pub struct StreamSource<R> {
    name: String,
    size: u64,
    buffer: u64,
    reader: Arc<tokio::sync::Mutex<R>>,
    kept: Arc<Mutex<ReplayBuffer>>,
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
    /// A source over `reader`, which will give `size` bytes; `name` is used in messages.
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
            reader: Arc::new(tokio::sync::Mutex::new(reader)),
            kept: Arc::default(),
            running: None,
        }
    }

    /// Keeps up to `bytes` instead of [`DEFAULT_REPLAY_BUFFER`]; at least 1.
    ///
    /// A larger buffer means fewer requests.
    #[must_use]
    pub fn with_buffer(mut self, bytes: u64) -> Self {
        self.buffer = bytes.max(1);
        self
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, ReplayBuffer> {
        // Nothing that runs under this lock can panic half-way.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.kept().floor
    }

    fn replay_limit(&self) -> Option<u64> {
        Some(self.buffer)
    }

    fn acknowledge(&mut self, offset: u64) {
        self.kept().drop_below(offset);
    }

    fn read(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Pieces, UploadError>> {
        Box::pin(async move {
            if let Some(running) = self.running.take() {
                running.abort();
                // Aborted or panicked: in either case the reader is free now.
                let _ = running.await;
            }
            let (sender, receiver) = mpsc::channel(1);
            let (reader, kept) = (Arc::clone(&self.reader), Arc::clone(&self.kept));
            let name = self.name.clone();
            let size = self.size;
            self.running = Some(tokio::spawn(async move {
                let mut reader = reader.lock().await;
                let outcome = give(&mut *reader, &kept, range, &sender).await;
                let error = match outcome {
                    Ok(()) => return,
                    Err(Stop::Unwanted) => return,
                    Err(Stop::Ended { at }) => {
                        UploadError::SourceChanged { name, what: SourceChange::Shrank { from: size, to: at } }
                    }
                    Err(Stop::Failed(error)) => UploadError::io("read", name, error),
                };
                let _ = sender.send(Err(error)).await;
            }));
            Ok(Box::pin(BufferedChunk(receiver)) as Pieces)
        })
    }
}

enum Stop {
    Unwanted,
    Ended { at: u64 },
    Failed(std::io::Error),
}

/// Gives a range: what is kept first, then what the reader gives, which is kept on its way.
async fn give<R: AsyncRead + Unpin>(
    reader: &mut R,
    kept: &Mutex<ReplayBuffer>,
    range: Range<u64>,
    sender: &mpsc::Sender<Result<Bytes, UploadError>>,
) -> Result<(), Stop> {
    let lock = || kept.lock().unwrap_or_else(PoisonError::into_inner);
    let mut at = range.start;
    let mut buffer = BytesMut::new();
    while at < range.end {
        let piece = lock().get(at, range.end);
        if let Some(piece) = piece {
            at = at.saturating_add(piece.len() as u64);
            sender.send(Ok(piece)).await.map_err(|_| Stop::Unwanted)?;
            continue;
        }
        // Never beyond the range: what is kept must stay within the buffer.
        let end = lock().end();
        // A fresh one only when the last is full: what is kept would pin the unused rest of each.
        if buffer.capacity() == 0 {
            buffer.reserve(READ);
        }
        let wanted = range.end.saturating_sub(end).min(READ as u64);
        // Loses nothing when it is aborted: the bytes are kept without another await.
        match (&mut *reader).take(wanted).read_buf(&mut buffer).await {
            Ok(0) => return Err(Stop::Ended { at: end }),
            Ok(_) => {
                let piece = buffer.split().freeze();
                lock().push(piece.clone(), at);
                // Ahead of this the server has it already: it was only read to get past it.
                if end == at {
                    at = at.saturating_add(piece.len() as u64);
                    sender.send(Ok(piece)).await.map_err(|_| Stop::Unwanted)?;
                }
            }
            Err(error) => return Err(Stop::Failed(error)),
        }
    }
    Ok(())
}

/// The bytes that were read and not acknowledged: `floor..end`.
#[derive(Default)]
struct ReplayBuffer {
    floor: u64,
    length: u64,
    pieces: VecDeque<Bytes>,
}

impl ReplayBuffer {
    fn end(&self) -> u64 {
        self.floor.saturating_add(self.length)
    }

    /// Adds what was read; `needed` is where the server stands, and nothing below it is kept.
    fn push(&mut self, piece: Bytes, needed: u64) {
        self.length = self.length.saturating_add(piece.len() as u64);
        self.pieces.push_back(piece);
        // Only when an upload resumes ahead of what was read: elsewhere `needed` is not yet
        // acknowledged, and stays.
        if self.end() <= needed {
            self.drop_below(needed.min(self.end()));
        }
    }

    /// The bytes from `at`, up to `end` or the end of the piece they are in.
    fn get(&self, at: u64, end: u64) -> Option<Bytes> {
        // The usual case, in which a search through all pieces would be for nothing.
        if at >= self.end() {
            return None;
        }
        let mut start = self.floor;
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

    /// Forgets what lies below `offset`, as far as it was read.
    fn drop_below(&mut self, offset: u64) {
        let mut excess = offset.saturating_sub(self.floor).min(self.length);
        self.floor = self.floor.saturating_add(excess);
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

    fn kept(floor: u64, pieces: &[&'static [u8]]) -> ReplayBuffer {
        let mut kept = ReplayBuffer { floor, ..ReplayBuffer::default() };
        for piece in pieces {
            kept.push(Bytes::from_static(piece), floor);
        }
        kept
    }

    #[test]
    fn what_is_kept_is_given_again_from_any_place() {
        let kept = kept(10, &[b"abc", b"d", b"efgh"]);
        assert_eq!((kept.floor, kept.end()), (10, 18));
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
            assert_eq!(kept.get(from, to).as_deref(), bytes, "{from}..{to}");
        }
    }

    #[test]
    fn what_is_acknowledged_is_forgotten_and_nothing_else() {
        let mut kept = kept(0, &[b"abc", b"d", b"efgh"]);
        // (acknowledged, floor, pieces left)
        for (offset, floor, pieces) in [(0, 0, 3), (2, 2, 3), (3, 3, 2), (5, 5, 1), (1, 5, 1), (99, 8, 0)] {
            kept.drop_below(offset);
            assert_eq!((kept.floor, kept.end(), kept.pieces.len()), (floor, 8, pieces), "after {offset}");
        }
    }

    #[tokio::test]
    async fn no_more_is_read_than_the_range_asks_for() {
        let kept = Mutex::new(ReplayBuffer::default());
        let (sender, mut receiver) = mpsc::channel(9);
        let mut reader = &b"films and more"[..];
        assert!(give(&mut reader, &kept, 0..5, &sender).await.is_ok());
        assert_eq!(receiver.recv().await.unwrap().unwrap(), "films");
        assert_eq!(reader, b" and more", "what is kept must fit the replay buffer");
    }

    #[tokio::test]
    async fn small_reads_do_not_pin_large_buffers() {
        let kept = Mutex::new(ReplayBuffer::default());
        let (sender, mut receiver) = mpsc::channel(1);
        let bytes = vec![7; READ];
        // Gives 1 KiB at a time.
        let (mut pipe, mut reader) = tokio::io::duplex(1024);
        let write = async { tokio::io::AsyncWriteExt::write_all(&mut pipe, &bytes).await.unwrap() };
        let given = give(&mut reader, &kept, 0..READ as u64, &sender);
        let mut starts = Vec::new();
        let take = async {
            let mut taken = 0;
            while taken < READ {
                let piece = receiver.recv().await.unwrap().unwrap();
                taken += piece.len();
                starts.push(piece.as_ptr() as usize);
            }
        };
        let (given, (), ()) = tokio::join!(given, write, take);
        assert!(given.is_ok());
        let span = starts.iter().max().unwrap() - starts.iter().min().unwrap();
        assert!(starts.len() > 100 && span < READ, "{} pieces over {span} bytes", starts.len());
    }
}
