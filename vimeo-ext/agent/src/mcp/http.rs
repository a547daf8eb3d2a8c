//! Serves clients over HTTP.

mod caller_limits;
mod endpoint;
mod error_responses;
mod origins;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::caller_limits::MAX_CONNECTIONS;
use self::endpoint::Endpoint;
use super::accounts::ClientSource;
use super::api_key::ApiKeys;
use super::{ServerError, Settings};

/// The maximum size of a request body.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Options of a server over HTTP.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HttpOptions {
    /// The address to listen on. Port 0 lets the system pick one. For a [router](super::Server::into_router), the address that
    /// its service listens on.
    pub listen: SocketAddr,
    /// The API keys that are accepted.
    pub api_keys: ApiKeys,
    /// Whether the service that mounts a [router](super::Server::into_router) authenticates the callers. Default: no.
    pub authenticated_upstream: bool,
    /// Whether to accept calls without an API key if there are no API keys: from every program and user of this machine. The
    /// address must be a loopback address then. Default: no.
    pub allow_unauthenticated_loopback: bool,
    /// Host names under which clients may reach the server, in addition to those of this machine.
    pub allowed_hosts: Vec<String>,
    /// Origins of web pages that may call, such as `https://app.example.com`, in addition to the server's own. Default: none.
    /// Pages of other servers on this machine may not call either.
    pub allowed_origins: Vec<String>,
    /// The URL that clients use, without `/mcp` at its end, if the server is behind a proxy or nested in another service's
    /// router: `https://mcp.example.com`.
    pub public_url: Option<String>,
    /// Authorization servers that issue the API keys, for clients that can log in there.
    pub authorization_servers: Vec<String>,
    /// Stops the server when it is cancelled: running calls are stopped, and streams end. Default: a new token.
    pub shutdown: CancellationToken,
}

impl HttpOptions {
    /// Creates options with this address and the defaults.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            api_keys: ApiKeys::default(),
            authenticated_upstream: false,
            allow_unauthenticated_loopback: false,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            public_url: None,
            authorization_servers: Vec::new(),
            shutdown: CancellationToken::new(),
        }
    }

    /// Accepts these API keys.
    #[must_use]
    pub fn api_keys(mut self, api_keys: impl Into<ApiKeys>) -> Self {
        self.api_keys = api_keys.into();
        self
    }

    /// Leaves authentication to the service that mounts a [router](super::Server::into_router): its middleware puts an
    /// [`ApiKey`](super::ApiKey) into the extensions of each request that it admits. Requests without one are refused.
    #[must_use]
    pub fn authenticated_upstream(mut self) -> Self {
        self.authenticated_upstream = true;
        self
    }

    /// Accepts calls without an API key, from every program and user of this machine.
    #[must_use]
    pub fn allow_unauthenticated_loopback(mut self) -> Self {
        self.allow_unauthenticated_loopback = true;
        self
    }

    /// Accepts calls under these host names too.
    #[must_use]
    pub fn allowed_hosts(mut self, hosts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.allowed_hosts = hosts.into_iter().map(Into::into).collect();
        self
    }

    /// Accepts calls of web pages with these origins, such as an inspector's `http://localhost:6274`, and lets them read the
    /// responses.
    #[must_use]
    pub fn allowed_origins(mut self, origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.allowed_origins = origins.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the URL that clients use.
    #[must_use]
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.public_url = Some(url.into());
        self
    }

    /// Stops the server when this token is cancelled.
    #[must_use]
    pub fn shutdown(mut self, token: CancellationToken) -> Self {
        self.shutdown = token;
        self
    }

    /// Refuses API keys that are too short.
    fn check_api_keys(&self) -> Result<(), ServerError> {
        if self.api_keys.has_short() {
            return Err(ServerError::ApiKeyTooShort);
        }
        Ok(())
    }
}

/// A running server. It stops when it is dropped.
pub struct HttpServer {
    address: SocketAddr,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl HttpServer {
    /// Returns the address that the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL for clients on this machine.
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// Waits until the server stops. Dropping the future stops the server.
    pub async fn wait(mut self) {
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }

    /// Stops the server. Running calls are stopped too; an audit log records that.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl fmt::Debug for HttpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpServer").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Returns the routes of the protocol for another service's router, which needs API keys.
pub(super) fn router<S>(settings: Arc<Settings>, options: HttpOptions) -> Result<Router<S>, ServerError>
where
    S: Clone + Send + Sync + 'static,
{
    if options.api_keys.is_empty() && !options.authenticated_upstream {
        return Err(ServerError::NoApiKeys);
    }
    options.check_api_keys()?;
    let address = options.listen;
    Ok(Endpoint::new(settings, options, address)?.into_router())
}

pub(super) async fn serve(
    settings: Arc<Settings>,
    mut options: HttpOptions,
) -> Result<HttpServer, ServerError> {
    // Nobody is upstream of a server of its own.
    options.authenticated_upstream = false;
    if options.api_keys.is_empty() {
        if !options.listen.ip().is_loopback() {
            return Err(ServerError::AuthRequired(options.listen));
        }
        if matches!(settings.source, ClientSource::Multiple(_)) {
            return Err(ServerError::AmbiguousAccount);
        }
        if !options.allow_unauthenticated_loopback {
            return Err(ServerError::NoApiKeys);
        }
    }
    options.check_api_keys()?;
    let listen_error = |source| ServerError::Listen { address: options.listen, source };
    let listener = TcpListener::bind(options.listen).await.map_err(listen_error)?;
    let address = listener.local_addr().map_err(listen_error)?;

    // Dropping the server must not cancel the caller's token.
    options.shutdown = options.shutdown.child_token();
    let stop = options.shutdown.clone();
    let audit = settings.audit.clone();
    let router = Endpoint::new(settings, options, address)?.into_server_router();
    let accepting = accept(listener, router, MAX_CONNECTIONS, stop.clone());
    let stopped = stop.clone();
    let task = tokio::spawn(async move {
        stopped.run_until_cancelled(accepting).await;
        if let Some(audit) = audit {
            audit.flush_async().await;
        }
    });
    Ok(HttpServer { address, stop, task: Some(task) })
}

/// Serves at most `max_connections` at the same time, and closes those that send no request.
async fn accept(listener: TcpListener, router: Router, max_connections: usize, stop: CancellationToken) {
    let connections = Arc::new(Semaphore::new(max_connections));
    // Beyond the maximum, clients wait until another connection ends.
    while let Ok(permit) = Arc::clone(&connections).acquire_owned().await {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
            let _held = permit;
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
            if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!(%error, "a connection ended early");
            }
        }));
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::time::{Instant, timeout};

    use super::*;

    /// Starts a server that responds `here` to every request.
    async fn start_server(max_connections: usize) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(|| async { "here" });
        tokio::spawn(accept(listener, router, max_connections, CancellationToken::new()));
        address
    }

    /// Sends a request and keeps the connection open.
    async fn get(connection: &mut TcpStream) -> String {
        connection.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut response = [0; 1024];
        let read = connection.read(&mut response).await.unwrap();
        String::from_utf8_lossy(&response[..read]).into_owned()
    }

    #[tokio::test]
    async fn connections_beyond_the_maximum_wait() {
        let address = start_server(2).await;
        let mut first = TcpStream::connect(address).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        for connection in [&mut first, &mut second] {
            assert!(get(connection).await.ends_with("here"));
        }
        let mut third = TcpStream::connect(address).await.unwrap();
        let mut waiting = std::pin::pin!(get(&mut third));
        assert!(timeout(Duration::from_millis(200), &mut waiting).await.is_err());
        drop(first);
        assert!(waiting.await.ends_with("here"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_incomplete_request_head_times_out() {
        let mut slow = TcpStream::connect(start_server(2).await).await.unwrap();
        let start = Instant::now();
        slow.write_all(b"GET / HTTP/1.1\r\nhost: loc").await.unwrap();
        let mut rest = Vec::new();
        slow.read_to_end(&mut rest).await.unwrap();
        assert!(!String::from_utf8_lossy(&rest).contains("here"));
        let after = start.elapsed();
        assert!(after >= HEAD_TIMEOUT && after < HEAD_TIMEOUT * 2, "{after:?}");
    }
}
