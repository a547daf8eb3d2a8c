//! The body of one PATCH: takes pieces from the source and hands them to the HTTP client, in
//! portions that fit the line, under the owner's control.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, Sleep};

use super::bandwidth::Bandwidth;
use super::control::ControlSignal;
use crate::error::UploadError;
use crate::upload::source::{BoxFuture, PIECE, Pieces};

/// The first portion of a request, before anything is known about the line.
const FIRST_PORTION: usize = 64 * 1024;
/// Small enough that the slowest line worth using takes one well within the stall timeout.
const LEAST_PORTION: usize = 16 * 1024;
/// A portion that went faster than this can be doubled; one that took longer than `SLOW` is halved.
const FAST: Duration = Duration::from_millis(50);
const SLOW: Duration = Duration::from_millis(500);

/// What the driver knows of a body that the HTTP client has taken away.
#[derive(Debug)]
pub(crate) struct StreamState {
    position: AtomicU64,
    end: u64,
    starved: AtomicBool,
    failure: Mutex<Option<UploadError>>,
    moved: Notify,
}

impl StreamState {
    pub(crate) fn new(start: u64, end: u64) -> Self {
        Self {
            position: AtomicU64::new(start),
            end,
            starved: AtomicBool::new(false),
            failure: Mutex::new(None),
            moved: Notify::new(),
        }
    }

    /// The offset up to which bytes were handed over.
    pub(crate) fn position(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }

    /// Whether all bytes of the range were handed over, so that the next move is the server's.
    pub(crate) fn is_complete(&self) -> bool {
        self.position() >= self.end
    }

    /// Whether it is the source, or a limit of our own, that nothing moves.
    pub(crate) fn is_starved(&self) -> bool {
        self.starved.load(Ordering::Relaxed)
    }

    /// Why the source ended the body early, if it did.
    pub(crate) fn take_failure(&self) -> Option<UploadError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits until bytes were handed over that were not yet reported.
    pub(crate) async fn moved(&self) {
        self.moved.notified().await;
    }

    fn hand_over(&self, bytes: usize) {
        self.position.fetch_add(bytes as u64, Ordering::Relaxed);
        self.starved.store(false, Ordering::Relaxed);
        self.moved.notify_one();
    }

    fn fail(&self, error: UploadError) -> BodyEnded {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        BodyEnded
    }
}

/// The body stopped before its end; the reason is with the driver.
#[derive(Debug, thiserror::Error)]
#[error("the upload's source ended the request")]
pub(crate) struct BodyEnded;

/// One PATCH's bytes.
pub(crate) struct UploadBody {
    remaining: u64,
    flow: Arc<StreamState>,
    // A body must be `Sync`, a source's stream need not be. Never locked, only reached through
    // `&mut`.
    inner: Mutex<Inner>,
}

struct Inner {
    pieces: Pieces,
    rest: Bytes,
    portion: usize,
    handed: Option<Instant>,
    wish: watch::Receiver<ControlSignal>,
    woken: Option<BoxFuture<'static, ()>>,
    bandwidth: Option<Bandwidth>,
    booked: Option<(Bytes, Pin<Box<Sleep>>)>,
}

impl UploadBody {
    /// A body of `length` bytes out of `pieces`.
    pub(crate) fn new(
        length: u64,
        pieces: Pieces,
        flow: Arc<StreamState>,
        wish: watch::Receiver<ControlSignal>,
        bandwidth: Option<Bandwidth>,
    ) -> Self {
        let inner = Inner {
            pieces,
            rest: Bytes::new(),
            portion: FIRST_PORTION,
            handed: None,
            wish,
            woken: None,
            bandwidth,
            booked: None,
        };
        Self { remaining: length, flow, inner: Mutex::new(inner) }
    }
}

impl http_body::Body for UploadBody {
    type Data = Bytes;
    type Error = BodyEnded;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyEnded>>> {
        let this = self.get_mut();
        if this.remaining == 0 {
            return Poll::Ready(None);
        }
        let inner = this.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        ready!(inner.poll_allowed(cx))?;
        match ready!(inner.poll_portion(cx, this.remaining, &this.flow)) {
            Ok(portion) => {
                this.remaining = this.remaining.saturating_sub(portion.len() as u64);
                this.flow.hand_over(portion.len());
                Poll::Ready(Some(Ok(Frame::data(portion))))
            }
            Err(error) => {
                this.remaining = 0;
                Poll::Ready(Some(Err(this.flow.fail(error))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}

impl Inner {
    /// Ready while the owner lets the upload run.
    fn poll_allowed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyEnded>> {
        loop {
            let wish = *self.wish.borrow_and_update();
            match wish {
                ControlSignal::Run => {
                    self.woken = None;
                    return Poll::Ready(Ok(()));
                }
                ControlSignal::Cancel => return Poll::Ready(Err(BodyEnded)),
                ControlSignal::Pause => {}
            }
            let woken = self.woken.get_or_insert_with(|| {
                let mut wish = self.wish.clone();
                // An error means that the driver is gone, and with it the request.
                Box::pin(async move { drop(wish.changed().await) })
            });
            ready!(woken.as_mut().poll(cx));
            self.woken = None;
            // The time of a pause says nothing about the line.
            self.handed = None;
        }
    }

    fn poll_portion(
        &mut self,
        cx: &mut Context<'_>,
        remaining: u64,
        flow: &StreamState,
    ) -> Poll<Result<Bytes, UploadError>> {
        if self.booked.is_none() {
            let portion = match ready!(self.poll_cut(cx, remaining, flow)) {
                Ok(portion) => portion,
                Err(error) => return Poll::Ready(Err(error)),
            };
            let Some(bandwidth) = &self.bandwidth else {
                return Poll::Ready(Ok(portion));
            };
            let now = Instant::now();
            let start = bandwidth.book(portion.len(), now);
            if start <= now {
                return Poll::Ready(Ok(portion));
            }
            self.booked = Some((portion, Box::pin(tokio::time::sleep_until(start))));
        }
        if let Some((_, sleep)) = &mut self.booked {
            flow.starved.store(true, Ordering::Relaxed);
            ready!(sleep.as_mut().poll(cx));
            self.handed = None;
        }
        let portion = self.booked.take().map(|(portion, _)| portion).unwrap_or_default();
        Poll::Ready(Ok(portion))
    }

    /// Cuts the next portion off the current piece.
    fn poll_cut(
        &mut self,
        cx: &mut Context<'_>,
        remaining: u64,
        flow: &StreamState,
    ) -> Poll<Result<Bytes, UploadError>> {
        self.adapt();
        while self.rest.is_empty() {
            match self.pieces.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(piece))) => self.rest = piece,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) => {
                    // Against the contract of a source, so it has no better name for it.
                    let error = std::io::ErrorKind::UnexpectedEof.into();
                    return Poll::Ready(Err(UploadError::io("read", "the source", error)));
                }
                Poll::Pending => {
                    flow.starved.store(true, Ordering::Relaxed);
                    self.handed = None;
                    return Poll::Pending;
                }
            }
        }
        self.handed = Some(Instant::now());
        let most = self.bandwidth.as_ref().map_or(PIECE, Bandwidth::slice);
        let length = self.portion.min(most).min(self.rest.len());
        let length = usize::try_from(remaining).map_or(length, |remaining| length.min(remaining));
        Poll::Ready(Ok(self.rest.split_to(length)))
    }

    /// Fits the portion to the line by how long the last one took to be asked after.
    ///
    /// The HTTP client asks for more when most of a portion went out. On a slow line a portion of
    /// 1 MiB could take longer than the stall timeout, and a moving transfer would look dead.
    fn adapt(&mut self) {
        let Some(handed) = self.handed.take() else { return };
        let took = handed.elapsed();
        if took < FAST {
            self.portion = self.portion.saturating_mul(2).min(PIECE);
        } else if took > SLOW {
            self.portion = (self.portion / 2).max(LEAST_PORTION);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::num::NonZeroU64;

    use http_body::Body;

    use super::*;
    use crate::upload::source::{BytesSource, Source};

    async fn body(
        bytes: usize,
        bandwidth: Option<Bandwidth>,
    ) -> (UploadBody, Arc<StreamState>, watch::Sender<ControlSignal>) {
        let (sender, wish) = watch::channel(ControlSignal::Run);
        let flow = Arc::new(StreamState::new(0, bytes as u64));
        let pieces = BytesSource::new(vec![7; bytes]).read(0..bytes as u64).await.unwrap();
        (UploadBody::new(bytes as u64, pieces, Arc::clone(&flow), wish, bandwidth), flow, sender)
    }

    async fn next(body: &mut UploadBody) -> Option<usize> {
        let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?;
        Some(frame.unwrap().into_data().unwrap().len())
    }

    #[tokio::test(start_paused = true)]
    async fn portions_grow_on_a_fast_line_and_shrink_on_a_slow_one() {
        let (mut body, flow, _wish) = body(8 * PIECE, None).await;
        assert_eq!(body.size_hint().exact(), Some(8 * PIECE as u64));
        for length in [64, 128, 256, 512] {
            assert_eq!(next(&mut body).await, Some(length * 1024));
        }
        // What is left of the first piece.
        assert_eq!(next(&mut body).await, Some(64 * 1024));
        assert_eq!(next(&mut body).await, Some(PIECE));
        assert_eq!(flow.position(), 2 * PIECE as u64);
        for length in [512, 256, 128, 64, 32, 16, 16] {
            tokio::time::advance(Duration::from_secs(20)).await;
            assert_eq!(next(&mut body).await, Some(length * 1024));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_limited_line_is_not_exceeded() {
        let rate = 1000;
        let (mut body, flow, _wish) = body(3000, Some(Bandwidth::new(NonZeroU64::new(rate).unwrap()))).await;
        let begun = Instant::now();
        while next(&mut body).await.is_some() {
            let most = rate as f64 * begun.elapsed().as_secs_f64() + 101.0;
            assert!((flow.position() as f64) <= most, "{} at {:?}", flow.position(), begun.elapsed());
        }
        assert_eq!(flow.position(), 3000);
        assert!(begun.elapsed() >= Duration::from_millis(2890), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_changes_while_bytes_go_out() {
        let line = Bandwidth::new(NonZeroU64::new(1000).unwrap());
        let (mut body, flow, _wish) = body(100_000, Some(line.clone())).await;
        let begun = Instant::now();
        while flow.position() < 2000 {
            next(&mut body).await.unwrap();
        }
        let slow = begun.elapsed();
        assert!((Duration::from_millis(1800)..=Duration::from_secs(2)).contains(&slow), "{slow:?}");
        line.change(NonZeroU64::new(10_000));
        while flow.position() < 22_000 {
            next(&mut body).await.unwrap();
        }
        let fast = begun.elapsed() - slow;
        assert!((Duration::from_millis(1900)..=Duration::from_millis(2100)).contains(&fast), "{fast:?}");
        line.change(None);
        while next(&mut body).await.is_some() {}
        assert!(begun.elapsed() - slow - fast <= Duration::from_millis(100), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_the_body_and_a_cancel_ends_it_within_one_portion() {
        let (mut body, flow, wish) = body(PIECE, None).await;
        assert_eq!(next(&mut body).await, Some(FIRST_PORTION));
        wish.send_replace(ControlSignal::Pause);
        let held = tokio::time::timeout(Duration::from_secs(3600), next(&mut body)).await;
        assert!(held.is_err(), "nothing goes out in an hour of pause");
        wish.send_replace(ControlSignal::Run);
        assert!(next(&mut body).await.is_some());
        let position = flow.position();
        wish.send_replace(ControlSignal::Cancel);
        let ended = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await.unwrap();
        assert!(ended.is_err());
        assert_eq!(flow.position(), position);
    }
}
