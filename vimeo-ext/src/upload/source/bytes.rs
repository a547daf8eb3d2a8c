//! Bytes in memory.

use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;

use super::{BoxFuture, ByteStream, MAX_READ_LEN, Source, run_blocking};
use crate::error::UploadError;
use crate::upload_ticket::{Fingerprint, sample_ranges};

/// Bytes in memory. They are not copied.
#[derive(Debug, Clone)]
pub struct BytesSource {
    bytes: Bytes,
}

impl BytesSource {
    /// Creates a source of `bytes`.
    ///
    /// ```
    /// use vimeo_ext::upload::{BytesSource, Source};
    /// assert_eq!(BytesSource::new(&b"film"[..]).size(), 4);
    /// ```
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into() }
    }

    fn slice(&self, range: &Range<u64>) -> Bytes {
        let within = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(self.bytes.len());
        let end = within(range.end);
        self.bytes.slice(within(range.start).min(end)..end)
    }
}

impl Source for BytesSource {
    fn name(&self) -> &str {
        "the bytes in memory"
    }

    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<ByteStream, UploadError>> {
        let pieces: ByteStream = Box::pin(ChunkedBytes { rest: self.slice(&range) });
        Box::pin(std::future::ready(Ok(pieces)))
    }

    fn fingerprint(&mut self) -> BoxFuture<'_, Result<Option<Fingerprint>, UploadError>> {
        let size = self.size();
        let (head, tail) = sample_ranges(size);
        let (head, tail) = (self.slice(&head), self.slice(&tail));
        Box::pin(async move {
            let hash = move || Ok(Some(Fingerprint::new(size, None, &head, &tail)));
            run_blocking("the bytes in memory", "hash", hash).await
        })
    }
}

struct ChunkedBytes {
    rest: Bytes,
}

impl Stream for ChunkedBytes {
    type Item = Result<Bytes, UploadError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let length = self.rest.len().min(MAX_READ_LEN);
        Poll::Ready((length > 0).then(|| Ok(self.rest.split_to(length))))
    }
}
