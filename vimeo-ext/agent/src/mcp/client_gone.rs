//! Detects that a client is gone. rmcp reports it to its handlers only when they are done.

use rmcp::ErrorData;
use rmcp::model::{ErrorCode, JsonRpcMessage};
use rmcp::service::{RoleServer, RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio_util::sync::CancellationToken;

/// Marks the error of a call whose client is gone. The protocol does not use this code.
const CLIENT_GONE_CODE: ErrorCode = ErrorCode(-32098);

/// Returns the error of a call whose client is gone.
pub(crate) fn client_gone_error() -> ErrorData {
    ErrorData::new(CLIENT_GONE_CODE, "the client is gone", None)
}

/// A transport that cancels `gone` when its input ends or its output is closed, and does not send
/// [`client_gone_error`].
pub(crate) struct DetectClientGone<T> {
    inner: T,
    gone: CancellationToken,
}

impl<T> DetectClientGone<T> {
    pub(crate) fn new(inner: T, gone: CancellationToken) -> Self {
        Self { inner, gone }
    }
}

impl<T: Transport<RoleServer>> Transport<RoleServer> for DetectClientGone<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let skip = matches!(&message, JsonRpcMessage::Error(error) if error.error.code == CLIENT_GONE_CODE);
        let sending = (!skip).then(|| self.inner.send(message));
        let gone = self.gone.clone();
        async move {
            let sent = match sending {
                Some(sending) => sending.await,
                None => Ok(()),
            };
            // A client that does not read is gone, even if it still writes.
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
