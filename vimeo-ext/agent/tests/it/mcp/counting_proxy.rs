//! A proxy to Vimeo that counts connections, so that tests see whether a cancelled request closes its socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::time::timeout;
use vimeo_ext::VimeoBuilder;
use vimeo_ext::upload::UploadClient;

use super::raw_client::TEST_TIMEOUT;

/// A proxy for plain HTTP. It can hold a connection after a number of uploaded bytes: it reads nothing more until the test
/// releases the connection, and discards what it reads then.
#[derive(Clone)]
pub(crate) struct CountingProxy {
    url: String,
    open: watch::Sender<usize>,
    hold_after: Arc<AtomicU64>,
    holding: mpsc::UnboundedSender<HeldConnection>,
    held: Arc<Mutex<mpsc::UnboundedReceiver<HeldConnection>>>,
}

/// A held connection.
pub(crate) struct HeldConnection {
    let_go: oneshot::Sender<()>,
    closed: oneshot::Receiver<()>,
}

impl HeldConnection {
    /// Discards what the client still sends until it closes the connection; returns how long that took.
    pub(crate) async fn closes(self) -> Duration {
        let start = Instant::now();
        self.let_go.send(()).unwrap();
        let waited = timeout(TEST_TIMEOUT, self.closed).await;
        waited.expect("the socket is closed in time").unwrap();
        start.elapsed()
    }
}

impl CountingProxy {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (holding, held) = mpsc::unbounded_channel();
        let proxy = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            open: watch::channel(0).0,
            hold_after: Arc::new(AtomicU64::new(u64::MAX)),
            holding,
            held: Arc::new(Mutex::new(held)),
        };
        let listening = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let proxy = listening.clone();
                proxy.open.send_modify(|open| *open += 1);
                tokio::spawn(async move {
                    proxy.pass(client).await;
                    proxy.open.send_modify(|open| *open -= 1);
                });
            }
        });
        proxy
    }

    /// Sends all requests of the client through this proxy.
    pub(crate) fn route(&self, builder: VimeoBuilder) -> VimeoBuilder {
        let proxied = || crate::http::builder().proxy(reqwest::Proxy::http(&self.url).unwrap());
        builder.http_builder(proxied()).upload_client(UploadClient::from_builder(proxied()).unwrap())
    }

    /// Holds the next connection that has uploaded this many bytes.
    pub(crate) fn hold_after(&self, bytes: u64) {
        self.hold_after.store(bytes, Ordering::SeqCst);
    }

    /// Waits until a connection is held.
    pub(crate) async fn held(&self) -> HeldConnection {
        let mut held = self.held.lock().await;
        timeout(TEST_TIMEOUT, held.recv()).await.expect("a connection is held in time").unwrap()
    }

    /// Waits until at most this many connections are open; returns how long that took.
    pub(crate) async fn at_most(&self, connections: usize) -> Duration {
        let start = Instant::now();
        let mut open = self.open.subscribe();
        let waited = timeout(TEST_TIMEOUT, open.wait_for(|open| *open <= connections)).await;
        waited.expect("the socket is closed in time").unwrap();
        start.elapsed()
    }

    /// Returns how many connections are open.
    pub(crate) fn open(&self) -> usize {
        *self.open.borrow()
    }

    /// Forwards a connection until one side closes it.
    async fn pass(&self, mut client: TcpStream) {
        let mut first = vec![0; 64 * 1024];
        let Ok(read) = client.read(&mut first).await else { return };
        let head = String::from_utf8_lossy(&first[..read]).into_owned();
        // Requests to a proxy contain the absolute URL. All requests of a connection have the same host.
        let Some(target) = head.split("http://").nth(1).and_then(|rest| rest.split('/').next()) else {
            return;
        };
        let mut server = TcpStream::connect(target).await.unwrap();
        server.write_all(&first[..read]).await.unwrap();
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = server.split();
        let mut up = read as u64;
        let upwards = async {
            loop {
                let after = self.hold_after.load(Ordering::SeqCst);
                // Only one connection is held.
                let free = u64::MAX;
                if up >= after
                    && self
                        .hold_after
                        .compare_exchange(after, free, Ordering::SeqCst, Ordering::SeqCst)
                        .is_ok()
                {
                    return true;
                }
                match from_client.read(&mut first).await {
                    Ok(0) | Err(_) => return false,
                    Ok(read) => {
                        up += read as u64;
                        if to_server.write_all(&first[..read]).await.is_err() {
                            return false;
                        }
                    }
                }
            }
        };
        let holds = tokio::select! {
            holds = upwards => holds,
            _ = tokio::io::copy(&mut from_server, &mut to_client) => false,
        };
        if holds {
            let (let_go, free) = oneshot::channel();
            let (close, closed) = oneshot::channel();
            self.holding.send(HeldConnection { let_go, closed }).ok();
            // The test may have ended.
            let _ = free.await;
            while matches!(client.read(&mut first).await, Ok(1..)) {}
            let _ = close.send(());
        }
    }
}
