//! Tells a slow transfer from one that stands still.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::StreamExt;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::timeout;

/// Nothing moved for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stalled;

/// Waits for the answer to begin, for as long as the body of the request moves.
pub(super) async fn while_moving<T>(
    answer: impl Future<Output = T>,
    moved: &Notify,
    stall: Duration,
) -> Result<T, Stalled> {
    let mut answer = pin!(answer);
    loop {
        let pause = async {
            tokio::select! {
                biased;
                answer = &mut answer => Some(answer),
                () = moved.notified() => None,
            }
        };
        match timeout(stall, pause).await {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => {}
            Err(_) => return Err(Stalled),
        }
    }
}

/// Reads a body to its end, for as long as it moves.
pub(super) async fn collect<E>(
    pieces: impl Stream<Item = Result<Bytes, E>>,
    stall: Duration,
) -> Result<Result<Bytes, E>, Stalled> {
    let mut pieces = pin!(pieces);
    let mut first = Bytes::new();
    let mut whole: Option<BytesMut> = None;
    loop {
        let piece = match timeout(stall, pieces.next()).await {
            Err(_) => return Err(Stalled),
            Ok(None) => return Ok(Ok(whole.map_or(first, BytesMut::freeze))),
            Ok(Some(Err(error))) => return Ok(Err(error)),
            Ok(Some(Ok(piece))) => piece,
        };
        match &mut whole {
            Some(whole) => whole.extend_from_slice(&piece),
            // Most answers come in one piece, which then needs no copy.
            None if first.is_empty() => first = piece,
            None => {
                let mut both = BytesMut::with_capacity((first.len() + piece.len()) * 2);
                both.extend_from_slice(&first);
                both.extend_from_slice(&piece);
                whole = Some(both);
            }
        }
    }
}

/// How much of a large body is handed over at a time.
const PIECE: usize = 64 * 1024;

/// A large body that tells when a piece of it went out.
pub(super) struct Watched {
    left: Bytes,
    moved: Arc<Notify>,
}

impl Watched {
    /// The body, where it is large enough to be worth it, and what tells that it moved.
    pub(super) fn new(body: &Bytes) -> Option<(Self, Arc<Notify>)> {
        (body.len() > PIECE).then(|| {
            let moved = Arc::new(Notify::new());
            (Self { left: body.clone(), moved: Arc::clone(&moved) }, moved)
        })
    }
}

impl Body for Watched {
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
        self.moved.notify_one();
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
    use tokio::time::{Instant, sleep};

    use super::*;

    const STALL: Duration = Duration::from_secs(10);

    fn dripping(pieces: u64, every: u64) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::iter(0..pieces).then(move |_| async move {
            sleep(Duration::from_secs(every)).await;
            Ok(Bytes::from_static(b"x"))
        })
    }

    #[tokio::test(start_paused = true)]
    async fn t14_a_slow_answer_is_read_to_its_end_and_a_stalled_one_is_given_up() {
        let began = Instant::now();
        assert_eq!(collect(dripping(10, 6), STALL).await.unwrap().unwrap().len(), 10);
        assert_eq!(began.elapsed(), Duration::from_secs(60));

        let began = Instant::now();
        assert_eq!(collect(dripping(2, 11), STALL).await.unwrap_err(), Stalled);
        assert_eq!(began.elapsed(), STALL);
    }

    #[tokio::test(start_paused = true)]
    async fn t14_a_slow_body_is_sent_to_its_end_and_a_stalled_one_is_given_up() {
        // (pieces that go out, seconds between them, how it ends and when)
        for (pieces, every, result, seconds) in
            [(10, 6, Ok("done"), 60), (2, 6, Err(Stalled), 22), (0, 6, Err(Stalled), 10)]
        {
            let moved = Arc::new(Notify::new());
            let began = Instant::now();
            let sending = async {
                for _ in 0..pieces {
                    sleep(Duration::from_secs(every)).await;
                    moved.notify_one();
                }
                if pieces < 10 {
                    std::future::pending::<()>().await;
                }
                "done"
            };
            assert_eq!(while_moving(sending, &moved, STALL).await, result);
            assert_eq!(began.elapsed(), Duration::from_secs(seconds));
        }
    }

    #[tokio::test]
    async fn a_watched_body_is_sent_whole_with_its_length() {
        let body: Bytes = (0..200_000u32).map(|number| number as u8).collect();
        assert!(Watched::new(&Bytes::from_static(b"{}")).is_none());
        let (mut watched, _) = Watched::new(&body).unwrap();
        assert_eq!(watched.size_hint().exact(), Some(200_000));
        let mut sent = Vec::new();
        while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut watched).poll_frame(cx)).await {
            sent.extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
        assert_eq!(sent, body);
        assert!(watched.is_end_stream());
    }
}
