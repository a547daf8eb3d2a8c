//! The line to Vimeo, as a proxy that counts connections: that a request is given up is seen at its socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use vimeo_ext::VimeoBuilder;
use vimeo_ext::upload::LinkClient;

use super::wire::PATIENCE;

/// A proxy for plain HTTP. A connection on which so many bytes went up is held: nothing is read from it until it is let go,
/// and what comes then goes nowhere.
#[derive(Clone)]
pub(crate) struct Line {
    url: String,
    open: watch::Sender<usize>,
    held: watch::Sender<usize>,
    let_go: watch::Sender<bool>,
    hold_after: Arc<AtomicU64>,
}

impl Line {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let line = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            open: watch::channel(0).0,
            held: watch::channel(0).0,
            let_go: watch::channel(false).0,
            hold_after: Arc::new(AtomicU64::new(u64::MAX)),
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
        let through = || reqwest::Client::builder().proxy(reqwest::Proxy::http(&self.url).unwrap());
        builder.http_builder(through()).upload_client(LinkClient::from_builder(through()).unwrap())
    }

    /// Holds every connection on which so many bytes went up.
    pub(crate) fn hold_after(&self, bytes: u64) {
        self.let_go.send_replace(false);
        self.hold_after.store(bytes, Ordering::Relaxed);
    }

    /// Waits until a connection is held.
    pub(crate) async fn held(&self) {
        let mut held = self.held.subscribe();
        let waited = timeout(PATIENCE, held.wait_for(|held| *held > 0)).await;
        waited.expect("a connection is held in time").unwrap();
    }

    /// Lets the held connections go, and holds no more.
    pub(crate) fn let_go(&self) {
        self.hold_after.store(u64::MAX, Ordering::Relaxed);
        self.let_go.send_replace(true);
    }

    /// Waits until there are no more than so many connections; says how long that took.
    pub(crate) async fn at_most(&self, connections: usize) -> Duration {
        let begun = std::time::Instant::now();
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
                if up >= self.hold_after.load(Ordering::Relaxed) {
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
            self.held.send_modify(|held| *held += 1);
            let mut let_go = self.let_go.subscribe();
            let _ = let_go.wait_for(|let_go| *let_go).await;
            while matches!(client.read(&mut first).await, Ok(1..)) {}
            self.held.send_modify(|held| *held -= 1);
        }
    }
}
