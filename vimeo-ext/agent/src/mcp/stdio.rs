//! Serves one client on a pair of streams.

use std::time::Duration;

use rmcp::service::ServiceExt as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::ServerError;
use super::client_gone::DetectClientGone;
use super::handler::Handler;
use super::lines::LineTransport;

/// How long messages that were ready when the input ended may take to be written.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(200);

pub(crate) async fn serve_process(handler: Handler) -> Result<(), ServerError> {
    let (reader, writer) = rmcp::transport::stdio_pipes();
    serve(handler, reader, writer).await
}

/// Serves until the client is gone and the outcomes of its attempts are recorded.
pub(crate) async fn serve<R, W>(handler: Handler, reader: R, writer: W) -> Result<(), ServerError>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let audit = handler.settings.audit.clone();
    let served = serve_session(handler, reader, writer).await;
    if let Some(audit) = audit {
        audit.flush_async().await;
    }
    served
}

async fn serve_session<R, W>(handler: Handler, reader: R, writer: W) -> Result<(), ServerError>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let gone = CancellationToken::new();
    let handler = handler.with_client(gone.clone());
    let transport = DetectClientGone::new(LineTransport::new(reader, writer), gone.clone());
    let running = tokio::select! {
        running = handler.serve(transport) => running,
        () = async { gone.cancelled().await; tokio::time::sleep(SHUTDOWN_GRACE).await } => return Ok(()),
    };
    let running = match running {
        Ok(running) => running,
        // The client disconnected before it initialized the session.
        Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(ServerError::InitializeFailed(error.to_string())),
    };
    let cancel = running.cancellation_token();
    let mut waiting = std::pin::pin!(running.waiting());
    tokio::select! {
        _ = &mut waiting => return Ok(()),
        () = gone.cancelled() => {}
    }
    // Running calls have been dropped; the service still has to end.
    if timeout(SHUTDOWN_GRACE, &mut waiting).await.is_err() {
        cancel.cancel();
        let _ = timeout(SHUTDOWN_GRACE, waiting).await;
    }
    Ok(())
}
