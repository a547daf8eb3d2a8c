//! Serves connections: a bounded number, with a time limit for the head of a request, and a graceful stop.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// The maximum number of open connections.
const MAX_CONNECTIONS: usize = 4_096;

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long requests in flight may take to finish when the service stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// The pause after a connection could not be accepted, for example because the process has too many open files.
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// Serves connections until `shutdown` is cancelled, then waits for the requests in flight.
pub(crate) async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    loop {
        let next = async {
            // Beyond the maximum, clients wait until another connection ends.
            let permit = Arc::clone(&connections).acquire_owned().await.ok()?;
            Some((permit, listener.accept().await))
        };
        let Some(Some((permit, accepted))) = shutdown.run_until_cancelled(next).await else { break };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_RETRY_INTERVAL).await;
                continue;
            }
        };
        // A response must not wait until the client has acknowledged the one before.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot send small packets at once");
        }
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
        let service = TowerToHyperService::new(router.clone());
        let connection = graceful.watch(server.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            let _held = permit;
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    if timeout(SHUTDOWN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still in flight when the service stopped");
    }
}
