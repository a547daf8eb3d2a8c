//! Distinguishes a slow transfer from a stalled one.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::StreamExt;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::timeouts::{MAX_TIMEOUT, later};

/// No byte moved for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stalled;

/// Why a response body could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BodyReadError<E> {
    Stalled,
    Broken(E),
    TooLong,
}

/// Watches an exchange that can take any time as long as bytes move.
///
/// One timer serves the whole exchange. Progress only records the time, and the timer is moved on when it fires. A short call thus
/// sets it once.
pub(super) struct IdleWatch<'a> {
    stall: Duration,
    timer: Pin<&'a mut Sleep>,
    moved: Instant,
    /// The progress of the request's body, if it is large enough to watch.
    body: Option<LastProgress>,
}

impl<'a> IdleWatch<'a> {
    /// Creates the timer of an exchange that begins now; the caller pins it.
    pub(super) fn timer(now: Instant, stall: Duration) -> Sleep {
        sleep_until(later(now, stall))
    }

    pub(super) fn new(
        timer: Pin<&'a mut Sleep>,
        now: Instant,
        stall: Duration,
        body: Option<LastProgress>,
    ) -> Self {
        Self { stall: stall.min(MAX_TIMEOUT), timer, moved: now, body }
    }

    /// Waits for a part of the exchange. Its completion counts as progress.
    pub(super) async fn part<T>(&mut self, part: impl Future<Output = T>) -> Result<T, Stalled> {
        let mut part = pin!(part);
        let mut waited = false;
        poll_fn(|context| {
            if let Poll::Ready(done) = part.as_mut().poll(context) {
                // A part that was ready at once arrived with the previous part.
                if waited {
                    self.moved = Instant::now();
                }
                return Poll::Ready(Ok(done));
            }
            waited = true;
            loop {
                ready!(self.timer.as_mut().poll(context));
                let moved = self.body.as_ref().map_or(self.moved, |body| body.last().max(self.moved));
                let until = later(moved, self.stall);
                if until <= Instant::now() {
                    return Poll::Ready(Err(Stalled));
                }
                self.timer.as_mut().reset(until);
            }
        })
        .await
    }

    /// Reads a body into memory. A body of more than `limit` bytes is an error.
    pub(super) async fn collect<E>(
        &mut self,
        pieces: impl Stream<Item = Result<Bytes, E>>,
        limit: u64,
    ) -> Result<Bytes, BodyReadError<E>> {
        let mut left = limit;
        let mut pieces = pin!(pieces);
        let mut first = Bytes::new();
        let mut whole: Option<BytesMut> = None;
        loop {
            let piece = match self.part(pieces.next()).await {
                Ok(None) => return Ok(whole.map_or(first, BytesMut::freeze)),
                Ok(Some(Ok(piece))) => piece,
                Ok(Some(Err(error))) => return Err(BodyReadError::Broken(error)),
                Err(Stalled) => return Err(BodyReadError::Stalled),
            };
            left = left.checked_sub(piece.len() as u64).ok_or(BodyReadError::TooLong)?;
            match &mut whole {
                Some(whole) => whole.extend_from_slice(&piece),
                // Most responses arrive in one piece, which needs no copy.
                None if first.is_empty() => first = piece,
                None => {
                    let mut both =
                        BytesMut::with_capacity(first.len().saturating_add(piece.len()).saturating_mul(2));
                    both.extend_from_slice(&first);
                    both.extend_from_slice(&piece);
                    whole = Some(both);
                }
            }
        }
    }
}

/// The time of the last progress.
#[derive(Clone)]
pub(super) struct LastProgress(Arc<Mutex<Instant>>);

impl LastProgress {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn record(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The size of the frames of a large body.
const FRAME_SIZE: usize = 64 * 1024;

/// A large request body that records its progress.
pub(super) struct WatchedBody {
    left: Bytes,
    moved: LastProgress,
}

impl WatchedBody {
    /// Wraps a body and returns its progress; `None` if the body is too small to watch.
    pub(super) fn new(body: &Bytes) -> Option<(Self, LastProgress)> {
        (body.len() > FRAME_SIZE).then(|| {
            let moved = LastProgress::new();
            (Self { left: body.clone(), moved: moved.clone() }, moved)
        })
    }
}

impl Body for WatchedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let size = self.left.len().min(FRAME_SIZE);
        let piece = self.left.split_to(size);
        self.moved.record();
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use tokio::time::sleep;

    use super::*;

    const STALL: Duration = Duration::from_secs(10);

    fn dripping(pieces: u64, every: u64) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::iter(0..pieces).then(move |_| async move {
            sleep(Duration::from_secs(every)).await;
            Ok(Bytes::from_static(b"x"))
        })
    }

    async fn read(
        pieces: impl Stream<Item = Result<Bytes, Infallible>>,
    ) -> Result<usize, BodyReadError<Infallible>> {
        let now = Instant::now();
        let timer = pin!(IdleWatch::timer(now, STALL));
        let whole = IdleWatch::new(timer, now, STALL, None).collect(pieces, 100).await?;
        Ok(whole.len())
    }

    #[tokio::test(start_paused = true)]
    async fn stops_reading_at_the_size_limit() {
        for (pieces, result) in
            [(100, Ok(100)), (101, Err(BodyReadError::TooLong)), (u64::MAX, Err(BodyReadError::TooLong))]
        {
            assert_eq!(read(dripping(pieces, 0)).await, result, "{pieces}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn reads_slow_responses_and_fails_stalled_ones() {
        // (pieces, seconds between them, result, seconds in all)
        for (pieces, every, result, seconds) in
            [(10, 6, Ok(10), 60), (2, 11, Err(BodyReadError::Stalled), 10), (7, 9, Ok(7), 63)]
        {
            let started = Instant::now();
            assert_eq!(read(dripping(pieces, every)).await, result);
            assert_eq!(started.elapsed(), Duration::from_secs(seconds));
        }
        // It stalls after three pieces.
        let started = Instant::now();
        assert_eq!(read(dripping(3, 6).chain(stream::pending())).await, Err(BodyReadError::Stalled));
        assert_eq!(started.elapsed(), Duration::from_secs(28));
    }

    #[tokio::test(start_paused = true)]
    async fn sends_slow_bodies_and_fails_stalled_ones() {
        // (pieces sent, seconds between them, result, seconds in all)
        for (pieces, every, result, seconds) in
            [(10, 6, Ok("done"), 60), (2, 6, Err(Stalled), 22), (0, 6, Err(Stalled), 10)]
        {
            let moved = LastProgress::new();
            let started = Instant::now();
            let timer = pin!(IdleWatch::timer(started, STALL));
            let mut watch = IdleWatch::new(timer, started, STALL, Some(moved.clone()));
            let sending = async {
                for _ in 0..pieces {
                    sleep(Duration::from_secs(every)).await;
                    moved.record();
                }
                if pieces < 10 {
                    std::future::pending::<()>().await;
                }
                "done"
            };
            assert_eq!(watch.part(sending).await, result);
            assert_eq!(started.elapsed(), Duration::from_secs(seconds));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_unlimited_stall_timeout_never_fires() {
        let now = Instant::now();
        let timer = pin!(IdleWatch::timer(now, Duration::MAX));
        let mut watch = IdleWatch::new(timer, now, Duration::MAX, None);
        assert_eq!(watch.part(sleep(Duration::from_secs(10_000_000))).await, Ok(()));
    }

    #[tokio::test]
    async fn sends_a_watched_body_whole_with_its_length() {
        let body: Bytes = (0..200_000u32).map(|number| number as u8).collect();
        assert!(WatchedBody::new(&Bytes::from_static(b"{}")).is_none());
        let (mut watched, _) = WatchedBody::new(&body).unwrap();
        assert_eq!(watched.size_hint().exact(), Some(200_000));
        let mut sent = Vec::new();
        while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut watched).poll_frame(cx)).await {
            sent.extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
        assert_eq!(sent, body);
        assert!(watched.is_end_stream());
    }
}
