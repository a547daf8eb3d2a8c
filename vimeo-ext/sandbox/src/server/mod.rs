//! Connections: accepted, served, and cut on demand; and the few that the sandbox makes itself.

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

/// Lets a handler cut the connection that its request came over.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    cut: Arc<AtomicBool>,
    peer: Arc<Peer>,
    own: Option<Arc<WorldPort>>,
}

/// Who is at the other end of a connection.
#[derive(Debug)]
enum Peer {
    /// Whoever may open the socket's file.
    #[cfg(unix)]
    Unix,
    Tcp(Ends, OnceCell<Option<bool>>),
}

/// The one world that a port leads to.
#[derive(Debug)]
pub(crate) struct WorldPort {
    pub(crate) world: u64,
    /// Where signed links lead, where that is not the upload host.
    pub(crate) upload_base: Option<String>,
}

impl Connection {
    fn new(peer: Peer, own: Option<Arc<WorldPort>>) -> Self {
        Self { cut: Arc::default(), peer: Arc::new(peer), own }
    }

    /// The only world that is to be seen through this connection, where it came by that world's port.
    pub(crate) fn own(&self) -> Option<&WorldPort> {
        self.own.as_deref()
    }

    /// Whether who is at the other end is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        match &*self.peer {
            #[cfg(unix)]
            Peer::Unix => true,
            Peer::Tcp(ends, _) => ends.peer.ip().to_canonical().is_loopback(),
        }
    }

    /// Whether they are the user who started the sandbox; `None` where the system does not tell. Asked once a connection.
    pub(crate) async fn is_same_user(&self) -> Option<bool> {
        match &*self.peer {
            #[cfg(unix)]
            Peer::Unix => None,
            Peer::Tcp(ends, known) => {
                let ends = *ends;
                let look = async || {
                    let looked = tokio::task::spawn_blocking(move || socket_owner::is_same_user(ends)).await;
                    looked.unwrap_or(Some(false))
                };
                *known.get_or_init(look).await
            }
        }
    }

    /// Nothing more is read or written: the client sees a reset.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
    }

    fn check(&self, stream: &impl Stream) -> io::Result<()> {
        if !self.cut.load(Ordering::Acquire) {
            return Ok(());
        }
        stream.forget_the_rest();
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

/// What a connection is made of.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Sees to it that closing resets the connection, also when the client is not listening right now.
    fn forget_the_rest(&self) {}
}

impl Stream for TcpStream {
    fn forget_the_rest(&self) {
        let _ = self.set_zero_linger();
    }
}

#[cfg(unix)]
impl Stream for tokio::net::UnixStream {}

/// A stream that its [`Connection`] can cut.
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

/// How long to wait when the system has no more sockets to give.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(10);

/// What is listened on.
pub(crate) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(tokio::net::UnixListener),
}

/// What is spoken on a listener.
#[derive(Clone)]
pub(crate) enum ListenerKind {
    Plain(Router),
    /// Plain too, into one world.
    World(Arc<WorldPort>, Router),
    #[cfg(feature = "tls")]
    Tls(tokio_rustls::TlsAcceptor, Router),
    #[cfg(feature = "tls")]
    Proxy(crate::server::proxy::Proxy),
}

/// Ends what was spawned beside a connection, when all of them end.
#[derive(Clone)]
pub(crate) struct Stop(
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "only the proxy spawns anything"))]
    tokio::sync::watch::Receiver<()>,
);

impl Stop {
    /// Runs until it is done, or the server is.
    #[cfg(feature = "tls")]
    pub(crate) async fn until(mut self, work: impl Future<Output = ()>) {
        tokio::select! {
            () = work => {}
            _ = self.0.changed() => {}
        }
    }
}

/// How many connections of one listener are served at a time; those beyond wait to be accepted.
const MAX_CONNECTIONS: usize = 4_096;

/// Serves until the task is aborted; every connection ends with it, since this owns them all.
pub(crate) async fn serve(listener: Listener, kind: ListenerKind) {
    serve_at_most(MAX_CONNECTIONS, listener, kind).await;
}

async fn serve_at_most(max_connections: usize, listener: Listener, kind: ListenerKind) {
    let mut connections = JoinSet::new();
    let (_running, stop) = tokio::sync::watch::channel(());
    let stop = Stop(stop);
    loop {
        tokio::select! {
            accepted = accept(&listener, &kind, &stop), if connections.len() < max_connections => match accepted {
                Ok(connection) => drop(connections.spawn(connection)),
                Err(error) => {
                    tracing::warn!(%error, "no connection accepted");
                    tokio::time::sleep(ACCEPT_BACKOFF).await;
                }
            },
            // Finished connections are let go, or they would pile up.
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

type ConnectionFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

async fn accept(listener: &Listener, kind: &ListenerKind, stop: &Stop) -> io::Result<ConnectionFuture> {
    match listener {
        Listener::Tcp(listener) => {
            let (stream, peer) = listener.accept().await?;
            // Small answers must not wait for the client's acknowledgement of the one before.
            let _ = stream.set_nodelay(true);
            let own = stream.local_addr()?;
            let peer = Peer::Tcp(Ends { peer, own }, OnceCell::new());
            Ok(enter(stream, peer, kind.clone(), stop.clone()))
        }
        #[cfg(unix)]
        Listener::Unix(listener) => {
            let (stream, _) = listener.accept().await?;
            Ok(enter(stream, Peer::Unix, kind.clone(), stop.clone()))
        }
    }
}

#[cfg_attr(not(feature = "tls"), allow(unused_variables, reason = "only the proxy is stopped from inside"))]
fn enter(stream: impl Stream, peer: Peer, kind: ListenerKind, stop: Stop) -> ConnectionFuture {
    let own = match &kind {
        ListenerKind::World(own, _) => Some(Arc::clone(own)),
        _ => None,
    };
    let connection = Connection::new(peer, own);
    let wire = AbortableStream { stream, connection: connection.clone() };
    match kind {
        ListenerKind::Plain(router) | ListenerKind::World(_, router) => {
            Box::pin(converse(wire, connection, router))
        }
        #[cfg(feature = "tls")]
        ListenerKind::Tls(acceptor, router) => Box::pin(converse_tls(wire, connection, acceptor, router)),
        #[cfg(feature = "tls")]
        ListenerKind::Proxy(proxy) => Box::pin(crate::server::proxy::serve(wire, connection, proxy, stop)),
    }
}

/// Speaks HTTP through TLS.
#[cfg(feature = "tls")]
pub(crate) async fn converse_tls<S>(
    stream: S,
    connection: Connection,
    acceptor: tokio_rustls::TlsAcceptor,
    router: Router,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    match acceptor.accept(stream).await {
        Ok(stream) => converse(stream, connection, router).await,
        Err(error) => tracing::warn!(%error, "a client does not take the sandbox's certificate"),
    }
}

async fn converse<S>(stream: S, connection: Connection, router: Router)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(connection.clone());
        router.call(request)
    });
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection ended early");
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
    async fn a_connection_beyond_the_most_waits_until_another_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let kind = ListenerKind::Plain(Router::new());
        let server = tokio::spawn(serve_at_most(1, Listener::Tcp(listener), kind));
        let mut first = TcpStream::connect(address).await.unwrap();
        assert!(get(&mut first).await > 0);
        let mut second = TcpStream::connect(address).await.unwrap();
        let mut waits = Box::pin(get(&mut second));
        let unanswered = tokio::time::timeout(Duration::from_millis(50), &mut waits).await.is_err();
        assert!(unanswered);
        drop(first);
        assert!(waits.await > 0);
        server.abort();
    }
}
