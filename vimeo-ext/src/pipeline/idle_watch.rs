//! Tells a slow transfer from one that stands still.
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

use crate::timeouts::{A_YEAR, later};

/// Nothing moved for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stalled;

/// Why a body was not read to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BodyReadError<E> {
    Stalled,
    Broken(E),
    TooLong,
}

/// An exchange that may take as long as it moves.
///
/// It has one timer for the whole of it. What moves only notes the time; the timer is set on when it fires, so that a
/// call that is soon over sets it once.
pub(super) struct IdleWatch<'a> {
    stall: Duration,
    timer: Pin<&'a mut Sleep>,
    moved: Instant,
    /// When the request's body moved, where that is worth watching.
    body: Option<ProgressGuard>,
}

impl<'a> IdleWatch<'a> {
    /// The timer of an exchange that begins now, to be pinned where that is.
    pub(super) fn timer(now: Instant, stall: Duration) -> Sleep {
        sleep_until(later(now, stall))
    }

    pub(super) fn new(
        timer: Pin<&'a mut Sleep>,
        now: Instant,
        stall: Duration,
        body: Option<ProgressGuard>,
    ) -> Self {
        Self { stall: stall.min(A_YEAR), timer, moved: now, body }
    }

    /// Waits for a part of the exchange, which is a move when it comes.
    pub(super) async fn part<T>(&mut self, part: impl Future<Output = T>) -> Result<T, Stalled> {
        let mut part = pin!(part);
        let mut waited = false;
        poll_fn(|context| {
            if let Poll::Ready(done) = part.as_mut().poll(context) {
                // What was there already came with the part before.
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

    /// Reads a body to its end, but no more than `limit` bytes: all of it is held in memory.
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
                // Most answers come in one piece, which then needs no copy.
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

/// When something moved last.
#[derive(Clone)]
pub(super) struct ProgressGuard(Arc<Mutex<Instant>>);

impl ProgressGuard {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much of a large body is handed over at a time.
const PIECE: usize = 64 * 1024;

/// A large body that notes when a piece of it went out.
pub(super) struct IdleBody {
    left: Bytes,
    moved: ProgressGuard,
}

impl IdleBody {
    /// The body, where it is large enough to be worth it, and what tells when it moved.
    pub(super) fn new(body: &Bytes) -> Option<(Self, ProgressGuard)> {
        (body.len() > PIECE).then(|| {
            let moved = ProgressGuard::new();
            (Self { left: body.clone(), moved: moved.clone() }, moved)
        })
    }
}

impl Body for IdleBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let size = self.left.len().min(PIECE);
        let piece = self.left.split_to(size);
        self.moved.now();
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
    async fn a_body_without_end_is_read_no_further_than_to_the_limit() {
        for (pieces, result) in
            [(100, Ok(100)), (101, Err(BodyReadError::TooLong)), (u64::MAX, Err(BodyReadError::TooLong))]
        {
            assert_eq!(read(dripping(pieces, 0)).await, result, "{pieces}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_response_is_read_to_its_end_and_a_stalled_one_fails() {
        // (pieces, seconds between them, how it ends and when)
        for (pieces, every, result, seconds) in
            [(10, 6, Ok(10), 60), (2, 11, Err(BodyReadError::Stalled), 10), (7, 9, Ok(7), 63)]
        {
            let began = Instant::now();
            assert_eq!(read(dripping(pieces, every)).await, result);
            assert_eq!(began.elapsed(), Duration::from_secs(seconds));
        }
        // It stands still after three pieces.
        let began = Instant::now();
        assert_eq!(read(dripping(3, 6).chain(stream::pending())).await, Err(BodyReadError::Stalled));
        assert_eq!(began.elapsed(), Duration::from_secs(28));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_is_sent_to_its_end_and_a_stalled_one_fails() {
        // (pieces that go out, seconds between them, how it ends and when)
        for (pieces, every, result, seconds) in
            [(10, 6, Ok("done"), 60), (2, 6, Err(Stalled), 22), (0, 6, Err(Stalled), 10)]
        {
            let moved = ProgressGuard::new();
            let began = Instant::now();
            let timer = pin!(IdleWatch::timer(began, STALL));
            let mut watch = IdleWatch::new(timer, began, STALL, Some(moved.clone()));
            let sending = async {
                for _ in 0..pieces {
                    sleep(Duration::from_secs(every)).await;
                    moved.now();
                }
                if pieces < 10 {
                    std::future::pending::<()>().await;
                }
                "done"
            };
            assert_eq!(watch.part(sending).await, result);
            assert_eq!(began.elapsed(), Duration::from_secs(seconds));
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
    async fn a_watched_body_is_sent_whole_with_its_length() {
        let body: Bytes = (0..200_000u32).map(|number| number as u8).collect();
        assert!(IdleBody::new(&Bytes::from_static(b"{}")).is_none());
        let (mut watched, _) = IdleBody::new(&body).unwrap();
        assert_eq!(watched.size_hint().exact(), Some(200_000));
        let mut sent = Vec::new();
        while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut watched).poll_frame(cx)).await {
            sent.extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
        assert_eq!(sent, body);
        assert!(watched.is_end_stream());
    }
}
