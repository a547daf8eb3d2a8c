//! Listeners and connections: accepting, serving and resetting them, and outgoing requests.

#[cfg(feature = "tls")]
pub(crate) mod authority;
#[cfg(feature = "tls")]
mod certificate;
pub(crate) mod outbound;
pub(crate) mod ports;
#[cfg(feature = "tls")]
pub(crate) mod proxy;
mod socket_owner;
#[cfg(feature = "tls")]
pub(crate) mod tls;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

use socket_owner::Ends;

/// The connection of a request; lets a handler reset it.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    is_reset: Arc<AtomicBool>,
    peer: Arc<Peer>,
    world_port: Option<Arc<WorldPort>>,
}

/// The other end of a connection.
#[derive(Debug)]
enum Peer {
    /// A process that can open the socket's file.
    #[cfg(unix)]
    Unix,
    Tcp(Ends, OnceCell<Option<bool>>),
}

/// A port that serves a single world.
#[derive(Debug)]
pub(crate) struct WorldPort {
    pub(crate) world: u64,
    /// The base of signed links, if it is not the upload host.
    pub(crate) upload_base: Option<String>,
}

impl Connection {
    fn new(peer: Peer, world_port: Option<Arc<WorldPort>>) -> Self {
        Self { is_reset: Arc::default(), peer: Arc::new(peer), world_port }
    }

    /// The port of a single world through which this connection came, if any; then only that world is visible.
    pub(crate) fn world_port(&self) -> Option<&WorldPort> {
        self.world_port.as_deref()
    }

    /// Whether the peer is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        match &*self.peer {
            #[cfg(unix)]
            Peer::Unix => true,
            Peer::Tcp(ends, _) => ends.peer.ip().to_canonical().is_loopback(),
        }
    }

    /// Whether the peer runs as the user who started the sandbox; `None` if the system cannot tell. Determined once per
    /// connection.
    pub(crate) async fn is_same_user(&self) -> Option<bool> {
        match &*self.peer {
            #[cfg(unix)]
            Peer::Unix => None,
            Peer::Tcp(ends, result) => {
                let ends = *ends;
                let determine = async || {
                    let determined =
                        tokio::task::spawn_blocking(move || socket_owner::is_same_user(ends)).await;
                    determined.unwrap_or(Some(false))
                };
                *result.get_or_init(determine).await
            }
        }
    }

    /// Stops reading and writing: the client sees a connection reset.
    pub(crate) fn reset(&self) {
        self.is_reset.store(true, Ordering::Release);
    }

    fn check(&self, stream: &impl Stream) -> io::Result<()> {
        if !self.is_reset.load(Ordering::Acquire) {
            return Ok(());
        }
        stream.discard_unsent();
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

/// A stream that can be served.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Makes closing reset the connection, even if the client is not reading.
    fn discard_unsent(&self) {}
}

impl Stream for TcpStream {
    fn discard_unsent(&self) {
        let _ = self.set_zero_linger();
    }
}

#[cfg(unix)]
impl Stream for tokio::net::UnixStream {}

/// A stream that its [`Connection`] can reset.
struct AbortableStream<S> {
    stream: S,
    connection: Connection,
}

impl<S: Stream> AsyncRead for AbortableStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.connection.check(&self.stream)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: Stream> AsyncWrite for AbortableStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.connection.check(&self.stream)?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.connection.check(&self.stream)?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.check(&self.stream)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.check(&self.stream)?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// How long to wait after a failure to accept, such as when the system has no more sockets.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(10);

/// A bound socket.
pub(crate) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(tokio::net::UnixListener),
}

/// The protocol of a listener.
#[derive(Clone)]
pub(crate) enum ListenerKind {
    Plain(Router),
    /// Plain HTTP for a single world.
    World(Arc<WorldPort>, Router),
    #[cfg(feature = "tls")]
    Tls(tokio_rustls::TlsAcceptor, Router),
    #[cfg(feature = "tls")]
    Proxy(crate::server::proxy::Proxy),
}

/// Stops tasks that a connection spawned when the server stops.
#[derive(Clone)]
pub(crate) struct ShutdownSignal(
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "only the proxy spawns anything"))]
    tokio::sync::watch::Receiver<()>,
);

impl ShutdownSignal {
    /// Runs `work` until it completes or the server stops.
    #[cfg(feature = "tls")]
    pub(crate) async fn until(mut self, work: impl Future<Output = ()>) {
        tokio::select! {
            () = work => {}
            _ = self.0.changed() => {}
        }
    }
}

/// How many connections one listener serves at a time; others wait to be accepted.
const MAX_CONNECTIONS: usize = 4_096;

/// Serves until the task is aborted, which closes all connections.
pub(crate) async fn serve(listener: Listener, kind: ListenerKind) {
    serve_with_limit(MAX_CONNECTIONS, listener, kind).await;
}

async fn serve_with_limit(max_connections: usize, listener: Listener, kind: ListenerKind) {
    let mut connections = JoinSet::new();
    let (_running, stop) = tokio::sync::watch::channel(());
    let stop = ShutdownSignal(stop);
    loop {
        tokio::select! {
            accepted = accept(&listener, &kind, &stop), if connections.len() < max_connections => match accepted {
                Ok(connection) => drop(connections.spawn(connection)),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_BACKOFF).await;
                }
            },
            // Reap finished connections.
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

type ConnectionFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

async fn accept(
    listener: &Listener,
    kind: &ListenerKind,
    stop: &ShutdownSignal,
) -> io::Result<ConnectionFuture> {
    match listener {
        Listener::Tcp(listener) => {
            let (stream, peer) = listener.accept().await?;
            // Small responses must not wait for the acknowledgement of the previous one.
            let _ = stream.set_nodelay(true);
            let own = stream.local_addr()?;
            let peer = Peer::Tcp(Ends { peer, own }, OnceCell::new());
            Ok(serve_connection(stream, peer, kind.clone(), stop.clone()))
        }
        #[cfg(unix)]
        Listener::Unix(listener) => {
            let (stream, _) = listener.accept().await?;
            Ok(serve_connection(stream, Peer::Unix, kind.clone(), stop.clone()))
        }
    }
}

#[cfg_attr(not(feature = "tls"), allow(unused_variables, reason = "only the proxy uses the signal"))]
fn serve_connection(
    stream: impl Stream,
    peer: Peer,
    kind: ListenerKind,
    stop: ShutdownSignal,
) -> ConnectionFuture {
    let world_port = match &kind {
        ListenerKind::World(port, _) => Some(Arc::clone(port)),
        _ => None,
    };
    let connection = Connection::new(peer, world_port);
    let stream = AbortableStream { stream, connection: connection.clone() };
    match kind {
        ListenerKind::Plain(router) | ListenerKind::World(_, router) => {
            Box::pin(serve_http(stream, connection, router))
        }
        #[cfg(feature = "tls")]
        ListenerKind::Tls(acceptor, router) => Box::pin(serve_tls(stream, connection, acceptor, router)),
        #[cfg(feature = "tls")]
        ListenerKind::Proxy(proxy) => Box::pin(crate::server::proxy::serve(stream, connection, proxy, stop)),
    }
}

/// Serves HTTP over TLS.
#[cfg(feature = "tls")]
pub(crate) async fn serve_tls<S>(
    stream: S,
    connection: Connection,
    acceptor: tokio_rustls::TlsAcceptor,
    router: Router,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    match acceptor.accept(stream).await {
        Ok(stream) => serve_http(stream, connection, router).await,
        Err(error) => tracing::warn!(%error, "TLS handshake failed; does the client trust the sandbox's CA?"),
    }
}

async fn serve_http<S>(stream: S, connection: Connection, router: Router)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(connection.clone());
        router.call(request)
    });
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "connection closed early");
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn get(stream: &mut TcpStream) -> usize {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        stream.read(&mut [0; 1024]).await.unwrap()
    }

    #[tokio::test]
    async fn connection_over_limit_waits() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let kind = ListenerKind::Plain(Router::new());
        let server = tokio::spawn(serve_with_limit(1, Listener::Tcp(listener), kind));
        let mut first = TcpStream::connect(address).await.unwrap();
        assert!(get(&mut first).await > 0);
        let mut second = TcpStream::connect(address).await.unwrap();
        let mut response = Box::pin(get(&mut second));
        let is_pending = tokio::time::timeout(Duration::from_millis(50), &mut response).await.is_err();
        assert!(is_pending);
        drop(first);
        assert!(response.await > 0);
        server.abort();
    }
}
