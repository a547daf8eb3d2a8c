//! Notices the end of the input, which the protocol's library tells its handlers of only when they are done.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::watch;

/// Whether the client is gone.
#[derive(Clone)]
pub(crate) struct Gone(watch::Receiver<bool>);

impl Gone {
    /// Waits until it is; for ever when that cannot be told.
    pub(crate) async fn wait(&mut self) {
        if self.0.wait_for(|gone| *gone).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Tells that the client is gone.
#[derive(Clone)]
pub(crate) struct Tell(watch::Sender<bool>);

/// Both ends, for a client that is there.
pub(crate) fn pair() -> (Tell, Gone) {
    let (sender, receiver) = watch::channel(false);
    (Tell(sender), Gone(receiver))
}

impl Tell {
    pub(crate) fn gone(&self) {
        self.0.send_replace(true);
    }
}

/// A reader that tells of its end.
pub(crate) struct Watched<R> {
    inner: R,
    tell: Tell,
}

impl<R> Watched<R> {
    pub(crate) fn new(inner: R, tell: Tell) -> Self {
        Self { inner, tell }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Watched<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        let ended = match &polled {
            Poll::Ready(Ok(())) => buffer.filled().len() == before && buffer.remaining() > 0,
            Poll::Ready(Err(_)) => true,
            Poll::Pending => false,
        };
        if ended {
            self.tell.gone();
        }
        polled
    }
}
