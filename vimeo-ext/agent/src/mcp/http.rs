//! Clients over HTTP.

mod caller_limits;
mod front;
mod origins;
mod refusals;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use self::caller_limits::MAX_CONNECTIONS;
use self::front::Front;
use self::origins::Origins;
use super::access::Bearers;
use super::accounts::Source;
use super::handler::Handler;
use super::{ServerError, Settings};

/// The largest request that is read.
pub(crate) const LARGEST: usize = 1024 * 1024;

/// How long a client may take to send the head of a request.
const HEAD: Duration = Duration::from_secs(10);

/// How a server listens over HTTP.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HttpOptions {
    /// The address. Port 0 lets the system pick one.
    pub listen: SocketAddr,
    /// The bearer tokens that are taken.
    pub bearers: Bearers,
    /// Whether calls without a bearer token are taken where there are no bearer tokens: from every program and user of this
    /// machine. The address has to be this machine's own then. Default: no.
    pub open_to_this_machine: bool,
    /// Host names, beside those of this machine, under which clients may reach the server.
    pub hosts: Vec<String>,
    /// Origins of web pages that may call, such as `https://app.example.com`, beside the server's own. Default: none, not
    /// even pages that other servers on this machine serve.
    pub origins: Vec<String>,
    /// The address as clients see it, when a proxy stands before the server: `https://mcp.example.com`.
    pub public_url: Option<String>,
    /// Servers that give out the bearer tokens, for clients that can log in there.
    pub authorization_servers: Vec<String>,
}

impl HttpOptions {
    /// Listening on this address.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            bearers: Bearers::default(),
            open_to_this_machine: false,
            hosts: Vec::new(),
            origins: Vec::new(),
            public_url: None,
            authorization_servers: Vec::new(),
        }
    }

    /// Takes these bearer tokens.
    #[must_use]
    pub fn bearers(mut self, bearers: impl Into<Bearers>) -> Self {
        self.bearers = bearers.into();
        self
    }

    /// Takes calls without a bearer token, from every program and user of this machine.
    #[must_use]
    pub fn open_to_this_machine(mut self) -> Self {
        self.open_to_this_machine = true;
        self
    }

    /// Takes calls under these host names too.
    #[must_use]
    pub fn hosts(mut self, hosts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.hosts = hosts.into_iter().map(Into::into).collect();
        self
    }

    /// Takes calls of web pages from these origins, such as an inspector's `http://localhost:6274`, and lets them read the
    /// answers.
    #[must_use]
    pub fn origins(mut self, origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.origins = origins.into_iter().map(Into::into).collect();
        self
    }
}

/// A server that listens. It stops when it is dropped.
pub struct HttpServer {
    address: SocketAddr,
    stop: watch::Sender<bool>,
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

    /// Waits until it stops.
    pub async fn wait(mut self) {
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }

    /// Stops it: no new calls, and those under way are cut off, which an audit log notes.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        // A server that is waited for goes on.
        if self.task.is_some() {
            self.stop.send_replace(true);
        }
    }
}

impl fmt::Debug for HttpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpServer").field("address", &self.address).finish_non_exhaustive()
    }
}

pub(super) async fn serve(settings: Arc<Settings>, options: HttpOptions) -> Result<HttpServer, ServerError> {
    if options.bearers.is_empty() {
        if !options.listen.ip().is_loopback() {
            return Err(ServerError::NeedsBearers(options.listen));
        }
        if matches!(settings.source, Source::Many(_)) {
            return Err(ServerError::WhichAccount);
        }
        if !options.open_to_this_machine {
            return Err(ServerError::NoBearers);
        }
    }
    if options.bearers.has_short() {
        return Err(ServerError::ShortBearer);
    }
    let failed = |source| ServerError::Listen { address: options.listen, source };
    let listener = TcpListener::bind(options.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;

    let own = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let origins = Origins::new(&options, address).map_err(ServerError::NoOrigin)?;
    let config = StreamableHttpServerConfig::default()
        .with_allowed_hosts(own.into_iter().chain(options.hosts.iter().cloned()))
        .with_allowed_origins(origins.with_ports())
        .enforce_origin_validation()
        .with_max_request_body_bytes(LARGEST);
    let all = config.cancellation_token.clone();
    let handler = Handler::over_http(Arc::clone(&settings));
    let sessions = Arc::new(LocalSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(handler.clone()), Arc::clone(&sessions), config);
    let audit = settings.audit.clone();
    let front = Arc::new(Front::new(settings, options, address, origins, service, sessions));

    let ending = Arc::clone(&front);
    let (stop, mut stopped) = watch::channel(false);
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let task = tokio::spawn(async move {
        loop {
            // Beyond the most, clients wait until another has gone.
            let place = tokio::select! {
                place = Arc::clone(&connections).acquire_owned() => place,
                _ = stopped.wait_for(|stopped| *stopped) => break,
            };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stopped.wait_for(|stopped| *stopped) => break,
            };
            let (stream, _) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let front = Arc::clone(&front);
            let mut stopped = stopped.clone();
            tokio::spawn(async move {
                let _permit = place;
                let answer = service_fn(move |request| {
                    let front = Arc::clone(&front);
                    async move { Ok::<_, std::convert::Infallible>(front.answer(request).await) }
                });
                let mut server = http1::Builder::new();
                server.timer(TokioTimer::new()).header_read_timeout(HEAD);
                let connection = server.serve_connection(TokioIo::new(stream), answer);
                tokio::select! {
                    ended = connection => if let Err(error) = ended {
                        tracing::debug!(%error, "a connection ended early");
                    },
                    _ = stopped.wait_for(|stopped| *stopped) => {}
                }
            });
        }
        all.cancel();
        ending.end_all();
        if let Some(audit) = audit {
            audit.settled().await;
        }
    });
    Ok(HttpServer { address, stop, task: Some(task) })
}
