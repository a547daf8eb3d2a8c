//! The body of one PATCH request: passes pieces of the source to the HTTP client, in frames whose length fits the
//! connection, while the upload is not paused.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, Sleep};

use super::control::ControlSignal;
use crate::bandwidth::Bandwidth;
use crate::error::UploadError;
use crate::upload::source::{BoxFuture, ByteStream, MAX_READ_LEN};

/// The length of the first frame, before anything is known about the connection.
const INITIAL_FRAME_LEN: usize = 64 * 1024;
/// Small enough that a slow connection sends one well within the stall timeout.
const MIN_FRAME_LEN: usize = 16 * 1024;
/// If a frame was sent faster than this, the next one is twice as long; slower than `SLOW_FRAME`, half as long.
const FAST_FRAME: Duration = Duration::from_millis(50);
const SLOW_FRAME: Duration = Duration::from_millis(500);

/// What the driver sees of a body that the HTTP client owns.
#[derive(Debug)]
pub(crate) struct StreamState {
    position: AtomicU64,
    end: u64,
    is_starved: AtomicBool,
    failure: Mutex<Option<UploadError>>,
    progressed: Notify,
}

impl StreamState {
    pub(crate) fn new(start: u64, end: u64) -> Self {
        Self {
            position: AtomicU64::new(start),
            end,
            is_starved: AtomicBool::new(false),
            failure: Mutex::new(None),
            progressed: Notify::new(),
        }
    }

    /// Returns the offset up to which bytes were passed to the HTTP client.
    pub(crate) fn position(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }

    /// Whether all bytes of the range were passed on, so that the server has to respond next.
    pub(crate) fn is_complete(&self) -> bool {
        self.position() >= self.end
    }

    /// Whether the source, or our own bandwidth limit, is what holds the bytes back.
    pub(crate) fn is_starved(&self) -> bool {
        self.is_starved.load(Ordering::Relaxed)
    }

    /// Returns why the source ended the body early, if it did.
    pub(crate) fn take_failure(&self) -> Option<UploadError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits until bytes were passed on that were not reported yet.
    pub(crate) async fn progressed(&self) {
        self.progressed.notified().await;
    }

    fn record_sent(&self, bytes: usize) {
        self.position.fetch_add(bytes as u64, Ordering::Relaxed);
        self.is_starved.store(false, Ordering::Relaxed);
        self.progressed.notify_one();
    }

    fn fail(&self, error: UploadError) -> BodyEnded {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        BodyEnded
    }
}

/// The body ended early; the driver has the reason.
#[derive(Debug, thiserror::Error)]
#[error("the source of the upload ended the request")]
pub(crate) struct BodyEnded;

/// The bytes of one PATCH request.
pub(crate) struct UploadBody {
    remaining: u64,
    stream_state: Arc<StreamState>,
    // A body must be `Sync`, but the stream of a source is not. Never locked, only accessed through `&mut`.
    inner: Mutex<Inner>,
}

struct Inner {
    pieces: ByteStream,
    rest: Bytes,
    frame_len: usize,
    last_frame_at: Option<Instant>,
    signal: watch::Receiver<ControlSignal>,
    resumed: Option<BoxFuture<'static, ()>>,
    bandwidth: Option<Bandwidth>,
    throttled: Option<(Bytes, Pin<Box<Sleep>>)>,
}

impl UploadBody {
    /// Creates a body of `length` bytes of `pieces`.
    pub(crate) fn new(
        length: u64,
        pieces: ByteStream,
        stream_state: Arc<StreamState>,
        signal: watch::Receiver<ControlSignal>,
        bandwidth: Option<Bandwidth>,
    ) -> Self {
        let inner = Inner {
            pieces,
            rest: Bytes::new(),
            frame_len: INITIAL_FRAME_LEN,
            last_frame_at: None,
            signal,
            resumed: None,
            bandwidth,
            throttled: None,
        };
        Self { remaining: length, stream_state, inner: Mutex::new(inner) }
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
        ready!(inner.poll_running(cx))?;
        match ready!(inner.poll_throttled(cx, this.remaining, &this.stream_state)) {
            Ok(frame) => {
                this.remaining = this.remaining.saturating_sub(frame.len() as u64);
                this.stream_state.record_sent(frame.len());
                Poll::Ready(Some(Ok(Frame::data(frame))))
            }
            Err(error) => {
                this.remaining = 0;
                Poll::Ready(Some(Err(this.stream_state.fail(error))))
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
    /// Ready while the upload is running, not paused.
    fn poll_running(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyEnded>> {
        loop {
            let signal = *self.signal.borrow_and_update();
            match signal {
                ControlSignal::Run => {
                    self.resumed = None;
                    return Poll::Ready(Ok(()));
                }
                ControlSignal::Cancel => return Poll::Ready(Err(BodyEnded)),
                ControlSignal::Pause => {}
            }
            let resumed = self.resumed.get_or_insert_with(|| {
                let mut signal = self.signal.clone();
                // An error means that the driver was dropped, and with it the request.
                Box::pin(async move { drop(signal.changed().await) })
            });
            ready!(resumed.as_mut().poll(cx));
            self.resumed = None;
            // The time of a pause says nothing about the connection.
            self.last_frame_at = None;
        }
    }

    fn poll_throttled(
        &mut self,
        cx: &mut Context<'_>,
        remaining: u64,
        stream_state: &StreamState,
    ) -> Poll<Result<Bytes, UploadError>> {
        if self.throttled.is_none() {
            let frame = match ready!(self.poll_next_frame(cx, remaining, stream_state)) {
                Ok(frame) => frame,
                Err(error) => return Poll::Ready(Err(error)),
            };
            let Some(bandwidth) = &self.bandwidth else {
                return Poll::Ready(Ok(frame));
            };
            let now = Instant::now();
            let start = bandwidth.reserve(frame.len(), now);
            if start <= now {
                return Poll::Ready(Ok(frame));
            }
            self.throttled = Some((frame, Box::pin(tokio::time::sleep_until(start))));
        }
        if let Some((_, sleep)) = &mut self.throttled {
            stream_state.is_starved.store(true, Ordering::Relaxed);
            ready!(sleep.as_mut().poll(cx));
            self.last_frame_at = None;
        }
        let frame = self.throttled.take().map(|(frame, _)| frame).unwrap_or_default();
        Poll::Ready(Ok(frame))
    }

    /// Cuts the next frame off the current piece.
    fn poll_next_frame(
        &mut self,
        cx: &mut Context<'_>,
        remaining: u64,
        stream_state: &StreamState,
    ) -> Poll<Result<Bytes, UploadError>> {
        self.adapt_frame_len();
        while self.rest.is_empty() {
            match self.pieces.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(piece))) => self.rest = piece,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) => {
                    // This violates the contract of `Source`, so there is no better name.
                    let error = std::io::ErrorKind::UnexpectedEof.into();
                    return Poll::Ready(Err(UploadError::io("read", "the source", error)));
                }
                Poll::Pending => {
                    stream_state.is_starved.store(true, Ordering::Relaxed);
                    self.last_frame_at = None;
                    return Poll::Pending;
                }
            }
        }
        self.last_frame_at = Some(Instant::now());
        let most = self.bandwidth.as_ref().map_or(MAX_READ_LEN, Bandwidth::max_frame_len);
        let length = self.frame_len.min(most).min(self.rest.len());
        let length = usize::try_from(remaining).map_or(length, |remaining| length.min(remaining));
        Poll::Ready(Ok(self.rest.split_to(length)))
    }

    /// Adapts the frame length by the time since the last frame was requested.
    ///
    /// The HTTP client requests more when most of a frame was sent. On a slow connection a frame of 1 MiB could take
    /// longer than the stall timeout, and an active transfer would look stalled.
    fn adapt_frame_len(&mut self) {
        let Some(last_frame_at) = self.last_frame_at.take() else { return };
        let took = last_frame_at.elapsed();
        if took < FAST_FRAME {
            self.frame_len = self.frame_len.saturating_mul(2).min(MAX_READ_LEN);
        } else if took > SLOW_FRAME {
            self.frame_len = (self.frame_len / 2).max(MIN_FRAME_LEN);
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
        let (sender, signal) = watch::channel(ControlSignal::Run);
        let stream_state = Arc::new(StreamState::new(0, bytes as u64));
        let pieces = BytesSource::new(vec![7; bytes]).read(0..bytes as u64).await.unwrap();
        (
            UploadBody::new(bytes as u64, pieces, Arc::clone(&stream_state), signal, bandwidth),
            stream_state,
            sender,
        )
    }

    async fn next(body: &mut UploadBody) -> Option<usize> {
        let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?;
        Some(frame.unwrap().into_data().unwrap().len())
    }

    #[tokio::test(start_paused = true)]
    async fn frame_length_adapts_to_the_connection() {
        let (mut body, stream_state, _signal) = body(8 * MAX_READ_LEN, None).await;
        assert_eq!(body.size_hint().exact(), Some(8 * MAX_READ_LEN as u64));
        for length in [64, 128, 256, 512] {
            assert_eq!(next(&mut body).await, Some(length * 1024));
        }
        // The rest of the first piece.
        assert_eq!(next(&mut body).await, Some(64 * 1024));
        assert_eq!(next(&mut body).await, Some(MAX_READ_LEN));
        assert_eq!(stream_state.position(), 2 * MAX_READ_LEN as u64);
        for length in [512, 256, 128, 64, 32, 16, 16] {
            tokio::time::advance(Duration::from_secs(20)).await;
            assert_eq!(next(&mut body).await, Some(length * 1024));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn bandwidth_limit_is_not_exceeded() {
        let rate = 1000;
        let (mut body, stream_state, _signal) =
            body(3000, Some(Bandwidth::new(NonZeroU64::new(rate).unwrap()))).await;
        let started = Instant::now();
        while next(&mut body).await.is_some() {
            let most = rate as f64 * started.elapsed().as_secs_f64() + 101.0;
            assert!(
                (stream_state.position() as f64) <= most,
                "{} at {:?}",
                stream_state.position(),
                started.elapsed()
            );
        }
        assert_eq!(stream_state.position(), 3000);
        assert!(started.elapsed() >= Duration::from_millis(2890), "{:?}", started.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn bandwidth_limit_changes_during_a_request() {
        let bandwidth = Bandwidth::new(NonZeroU64::new(1000).unwrap());
        let (mut body, stream_state, _signal) = body(100_000, Some(bandwidth.clone())).await;
        let started = Instant::now();
        while stream_state.position() < 2000 {
            next(&mut body).await.unwrap();
        }
        let slow = started.elapsed();
        assert!((Duration::from_millis(1800)..=Duration::from_secs(2)).contains(&slow), "{slow:?}");
        bandwidth.change(NonZeroU64::new(10_000));
        while stream_state.position() < 22_000 {
            next(&mut body).await.unwrap();
        }
        let fast = started.elapsed() - slow;
        assert!((Duration::from_millis(1900)..=Duration::from_millis(2100)).contains(&fast), "{fast:?}");
        bandwidth.change(None);
        while next(&mut body).await.is_some() {}
        assert!(started.elapsed() - slow - fast <= Duration::from_millis(100), "{:?}", started.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn pause_holds_the_body_and_cancel_ends_it() {
        let (mut body, stream_state, signal) = body(MAX_READ_LEN, None).await;
        assert_eq!(next(&mut body).await, Some(INITIAL_FRAME_LEN));
        signal.send_replace(ControlSignal::Pause);
        let held = tokio::time::timeout(Duration::from_secs(3600), next(&mut body)).await;
        assert!(held.is_err(), "nothing is sent in an hour of pause");
        signal.send_replace(ControlSignal::Run);
        assert!(next(&mut body).await.is_some());
        let position = stream_state.position();
        signal.send_replace(ControlSignal::Cancel);
        let ended = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await.unwrap();
        assert!(ended.is_err());
        assert_eq!(stream_state.position(), position);
    }
}
