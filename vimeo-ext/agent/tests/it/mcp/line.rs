//! The line to Vimeo, as a proxy that counts connections: that a request is given up is seen at its socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::time::timeout;
use vimeo_ext::VimeoBuilder;
use vimeo_ext::upload::UploadClient;

use super::wire::PATIENCE;

/// A proxy for plain HTTP. A connection on which so many bytes went up is held: nothing is read from it until it is let go,
/// and what comes then goes nowhere.
#[derive(Clone)]
pub(crate) struct Line {
    url: String,
    open: watch::Sender<usize>,
    hold_after: Arc<AtomicU64>,
    holding: mpsc::UnboundedSender<Held>,
    held: Arc<Mutex<mpsc::UnboundedReceiver<Held>>>,
}

/// A connection that is held.
pub(crate) struct Held {
    let_go: oneshot::Sender<()>,
    closed: oneshot::Receiver<()>,
}

impl Held {
    /// Reads what the client still sends until it has closed; says how long that took.
    pub(crate) async fn closes(self) -> Duration {
        let begun = Instant::now();
        self.let_go.send(()).unwrap();
        let waited = timeout(PATIENCE, self.closed).await;
        waited.expect("the socket is closed in time").unwrap();
        begun.elapsed()
    }
}

impl Line {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (holding, held) = mpsc::unbounded_channel();
        let line = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            open: watch::channel(0).0,
            hold_after: Arc::new(AtomicU64::new(u64::MAX)),
            holding,
            held: Arc::new(Mutex::new(held)),
        };
        let listening = line.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let line = listening.clone();
                line.open.send_modify(|open| *open += 1);
                tokio::spawn(async move {
                    line.pass(client).await;
                    line.open.send_modify(|open| *open -= 1);
                });
            }
        });
        line
    }

    /// All that the client sends goes over this line.
    pub(crate) fn under(&self, builder: VimeoBuilder) -> VimeoBuilder {
        let through = || crate::http::builder().proxy(reqwest::Proxy::http(&self.url).unwrap());
        builder.http_builder(through()).upload_client(UploadClient::from_builder(through()).unwrap())
    }

    /// Holds the next connection on which so many bytes went up.
    pub(crate) fn hold_after(&self, bytes: u64) {
        self.hold_after.store(bytes, Ordering::SeqCst);
    }

    /// Waits until that connection is held.
    pub(crate) async fn held(&self) -> Held {
        let mut held = self.held.lock().await;
        timeout(PATIENCE, held.recv()).await.expect("a connection is held in time").unwrap()
    }

    /// Waits until there are no more than so many connections; says how long that took.
    pub(crate) async fn at_most(&self, connections: usize) -> Duration {
        let begun = Instant::now();
        let mut open = self.open.subscribe();
        let waited = timeout(PATIENCE, open.wait_for(|open| *open <= connections)).await;
        waited.expect("the socket is closed in time").unwrap();
        begun.elapsed()
    }

    /// How many connections there are.
    pub(crate) fn open(&self) -> usize {
        *self.open.borrow()
    }

    /// One connection, until an end of it closes.
    async fn pass(&self, mut client: TcpStream) {
        let mut first = vec![0; 64 * 1024];
        let Ok(read) = client.read(&mut first).await else { return };
        let head = String::from_utf8_lossy(&first[..read]).into_owned();
        // The client speaks to a proxy, so it names the whole address; all requests of a connection go to the same.
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
                // One connection alone is held.
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
            self.holding.send(Held { let_go, closed }).ok();
            // Whoever holds it may be gone with the test.
            let _ = free.await;
            while matches!(client.read(&mut first).await, Ok(1..)) {}
            let _ = close.send(());
        }
    }
}
