//! Notices that a client is gone, which the protocol's library tells its handlers of only when they are done.

use rmcp::ErrorData;
use rmcp::model::{ErrorCode, JsonRpcMessage};
use rmcp::service::{RoleServer, RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio_util::sync::CancellationToken;

/// What marks the end of a call whose client is gone; the protocol does not use it.
const NOBODY: ErrorCode = ErrorCode(-32098);

/// How a call ends whose client is gone.
pub(crate) fn nobody() -> ErrorData {
    ErrorData::new(NOBODY, "the client is gone", None)
}

/// A transport that cancels `gone` when its input ends or nobody reads its output, and leaves unsaid what nobody is there to hear.
pub(crate) struct Watched<T> {
    inner: T,
    gone: CancellationToken,
}

impl<T> Watched<T> {
    pub(crate) fn new(inner: T, gone: CancellationToken) -> Self {
        Self { inner, gone }
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
        let gone = self.gone.clone();
        async move {
            let sent = match sending {
                Some(sending) => sending.await,
                None => Ok(()),
            };
            // Who does not read the answers is gone, though it may still write.
            if sent.is_err() {
                gone.cancel();
            }
            sent
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        let message = self.inner.receive().await;
        if message.is_none() {
            self.gone.cancel();
        }
        message
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.inner.close().await
    }
}
