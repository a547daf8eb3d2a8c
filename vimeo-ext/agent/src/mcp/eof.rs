//! Notices that a client is gone, which the protocol's library tells its handlers of only when they are done.

use rmcp::ErrorData;
use rmcp::model::{ErrorCode, JsonRpcMessage};
use rmcp::service::{RoleServer, RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
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

/// What marks the end of a call whose client is gone; the protocol does not use it.
const NOBODY: ErrorCode = ErrorCode(-32098);

/// How a call ends whose client is gone.
pub(crate) fn nobody() -> ErrorData {
    ErrorData::new(NOBODY, "the client is gone", None)
}

/// A transport that tells when its input ends or nobody reads its output, and leaves unsaid what nobody is there to hear.
pub(crate) struct Watched<T> {
    inner: T,
    tell: Tell,
}

impl<T> Watched<T> {
    pub(crate) fn new(inner: T, tell: Tell) -> Self {
        Self { inner, tell }
    }
}

impl<T: Transport<RoleServer>> Transport<RoleServer> for Watched<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let unsaid = matches!(&message, JsonRpcMessage::Error(error) if error.error.code == NOBODY);
        let sending = (!unsaid).then(|| self.inner.send(message));
        let tell = self.tell.clone();
        async move {
            let sent = match sending {
                Some(sending) => sending.await,
                None => Ok(()),
            };
            // Who does not read the answers is gone, though it may still write.
            if sent.is_err() {
                tell.gone();
            }
            sent
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        let message = self.inner.receive().await;
        if message.is_none() {
            self.tell.gone();
        }
        message
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.inner.close().await
    }
}
