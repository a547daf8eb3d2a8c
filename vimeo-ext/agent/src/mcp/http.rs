//! Clients over HTTP.

mod caller_limits;
mod endpoint;
mod origins;
mod refusals;

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
use super::access::ApiKeys;
use super::accounts::Source;
use super::{ServerError, Settings};

/// The largest request that is read.
pub(crate) const LARGEST: usize = 1024 * 1024;

/// How long a client may take to send the head of a request.
const HEAD: Duration = Duration::from_secs(10);

/// How a server listens over HTTP.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HttpOptions {
    /// The address. Port 0 lets the system pick one. Of a [router](super::Server::into_router): the one that its service
    /// listens on.
    pub listen: SocketAddr,
    /// The bearer tokens that are taken.
    pub api_keys: ApiKeys,
    /// Whether calls without a bearer token are taken where there are no bearer tokens: from every program and user of this
    /// machine. The address has to be this machine's own then. Default: no.
    pub allow_unauthenticated_loopback: bool,
    /// Host names, beside those of this machine, under which clients may reach the server.
    pub allowed_hosts: Vec<String>,
    /// Origins of web pages that may call, such as `https://app.example.com`, beside the server's own. Default: none, not
    /// even pages that other servers on this machine serve.
    pub allowed_origins: Vec<String>,
    /// The address as clients see it, when a proxy stands before the server or a router of another service around it, without
    /// the `/mcp` at its end: `https://mcp.example.com`.
    pub public_url: Option<String>,
    /// Servers that give out the bearer tokens, for clients that can log in there.
    pub authorization_servers: Vec<String>,
    /// Stops the server when it is cancelled: what is under way is cut off, and streams end. Default: one that nobody else
    /// holds.
    pub shutdown: CancellationToken,
}

impl HttpOptions {
    /// Listening on this address.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            api_keys: ApiKeys::default(),
            allow_unauthenticated_loopback: false,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            public_url: None,
            authorization_servers: Vec::new(),
            shutdown: CancellationToken::new(),
        }
    }

    /// Takes these bearer tokens.
    #[must_use]
    pub fn api_keys(mut self, api_keys: impl Into<ApiKeys>) -> Self {
        self.api_keys = api_keys.into();
        self
    }

    /// Takes calls without a bearer token, from every program and user of this machine.
    #[must_use]
    pub fn allow_unauthenticated_loopback(mut self) -> Self {
        self.allow_unauthenticated_loopback = true;
        self
    }

    /// Takes calls under these host names too.
    #[must_use]
    pub fn allowed_hosts(mut self, hosts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.allowed_hosts = hosts.into_iter().map(Into::into).collect();
        self
    }

    /// Takes calls of web pages from these origins, such as an inspector's `http://localhost:6274`, and lets them read the
    /// answers.
    #[must_use]
    pub fn allowed_origins(mut self, origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.allowed_origins = origins.into_iter().map(Into::into).collect();
        self
    }

    /// Names the address as clients see it.
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

    /// Refuses bearer tokens that could be guessed.
    fn check_bearers(&self) -> Result<(), ServerError> {
        if self.api_keys.has_short() {
            return Err(ServerError::ApiKeyTooShort);
        }
        Ok(())
    }
}

/// A server that listens. It stops when it is dropped.
pub struct HttpServer {
    address: SocketAddr,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl HttpServer {
    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL for clients on this machine.
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// Waits until it stops. It is stopped if the wait is given up.
    pub async fn wait(mut self) {
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }

    /// Stops it: no new calls, and those under way are cut off, which an audit log notes.
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

/// The routes of the protocol, for a service that takes callers with a bearer token alone.
pub(super) fn router<S>(settings: Arc<Settings>, options: HttpOptions) -> Result<Router<S>, ServerError>
where
    S: Clone + Send + Sync + 'static,
{
    if options.api_keys.is_empty() {
        return Err(ServerError::NoApiKeys);
    }
    options.check_bearers()?;
    let address = options.listen;
    Ok(Endpoint::new(settings, options, address)?.into_router())
}

pub(super) async fn serve(
    settings: Arc<Settings>,
    mut options: HttpOptions,
) -> Result<HttpServer, ServerError> {
    if options.api_keys.is_empty() {
        if !options.listen.ip().is_loopback() {
            return Err(ServerError::AuthRequired(options.listen));
        }
        if matches!(settings.source, Source::Many(_)) {
            return Err(ServerError::AmbiguousAccount);
        }
        if !options.allow_unauthenticated_loopback {
            return Err(ServerError::NoApiKeys);
        }
    }
    options.check_bearers()?;
    let failed = |source| ServerError::Listen { address: options.listen, source };
    let listener = TcpListener::bind(options.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;

    // The server stops alone when it is dropped.
    options.shutdown = options.shutdown.child_token();
    let stop = options.shutdown.clone();
    let audit = settings.audit.clone();
    let router = Endpoint::new(settings, options, address)?.into_site();
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

/// Serves so many connections at once, and none for long without a request.
async fn accept(listener: TcpListener, router: Router, connections: usize, stop: CancellationToken) {
    let connections = Arc::new(Semaphore::new(connections));
    // Beyond the most, clients wait until another has gone.
    while let Ok(place) = Arc::clone(&connections).acquire_owned().await {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
            let _held = place;
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(HEAD);
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

    /// A site that says `here` to everything, over so many connections.
    async fn site(connections: usize) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(|| async { "here" });
        tokio::spawn(accept(listener, router, connections, CancellationToken::new()));
        address
    }

    /// ElicitationChannel, and keeps the connection.
    async fn ask(connection: &mut TcpStream) -> String {
        connection.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut answer = [0; 1024];
        let read = connection.read(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer[..read]).into_owned()
    }

    #[tokio::test]
    async fn connections_beyond_the_most_wait_until_another_has_gone() {
        let address = site(2).await;
        let mut first = TcpStream::connect(address).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        for connection in [&mut first, &mut second] {
            assert!(ask(connection).await.ends_with("here"));
        }
        let mut third = TcpStream::connect(address).await.unwrap();
        let mut asked = std::pin::pin!(ask(&mut third));
        assert!(timeout(Duration::from_millis(200), &mut asked).await.is_err());
        drop(first);
        assert!(asked.await.ends_with("here"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_does_not_come_to_its_end_ends_its_connection() {
        let mut slow = TcpStream::connect(site(2).await).await.unwrap();
        let begun = Instant::now();
        slow.write_all(b"GET / HTTP/1.1\r\nhost: loc").await.unwrap();
        let mut rest = Vec::new();
        slow.read_to_end(&mut rest).await.unwrap();
        assert!(!String::from_utf8_lossy(&rest).contains("here"));
        let after = begun.elapsed();
        assert!(after >= HEAD && after < HEAD * 2, "{after:?}");
    }
}
