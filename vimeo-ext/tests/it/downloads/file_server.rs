//! A server of one file, with scripted faults. Plain sockets, so that it can close a connection after any byte.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What happens to one request.
#[derive(Clone)]
pub(super) enum Fault {
    /// Nothing.
    Serve,
    /// This status.
    Status(u16),
    /// The connection ends after this many bytes of the body.
    DropAfter(usize),
    /// The whole file, whatever range was requested.
    IgnoreRange,
    /// A web page with status 200.
    WebPage,
    /// A redirect.
    Redirect(String),
    /// From now on the file is another one; then the request is served.
    Replace(Vec<u8>),
}

#[derive(Default)]
struct State {
    file: Vec<u8>,
    script: VecDeque<Fault>,
    targets: Vec<String>,
    ranges: Vec<Option<u64>>,
    tokens: usize,
}

pub(super) struct FileServer {
    link: String,
    state: Arc<Mutex<State>>,
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    vimeo_ext::hex::hex(&Sha256::digest(bytes))
}

impl FileServer {
    /// Serves a file. Requests after the script have no fault.
    pub(super) async fn start(file: Vec<u8>, script: impl IntoIterator<Item = Fault>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let link = format!("http://{}", listener.local_addr().unwrap());
        let state =
            Arc::new(Mutex::new(State { file, script: script.into_iter().collect(), ..State::default() }));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, Arc::clone(&shared)));
            }
        });
        Self { link, state }
    }

    pub(super) fn link(&self) -> String {
        self.link.clone()
    }

    /// The paths and queries of the requests.
    pub(super) fn targets(&self) -> Vec<String> {
        self.state.lock().unwrap().targets.clone()
    }

    /// Where the requested ranges began.
    pub(super) fn ranges(&self) -> Vec<Option<u64>> {
        self.state.lock().unwrap().ranges.clone()
    }

    /// How many requests had an access token.
    pub(super) fn tokens(&self) -> usize {
        self.state.lock().unwrap().tokens
    }
}

/// Serves one request, and closes the connection.
async fn serve(mut socket: TcpStream, state: Arc<Mutex<State>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = socket.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let start = header("range").map(|range| range["bytes=".len()..range.len() - 1].parse::<u64>().unwrap());
    let (fault, file) = {
        let mut state = state.lock().unwrap();
        state.targets.push(head.split(' ').nth(1).unwrap().to_owned());
        state.ranges.push(start);
        state.tokens += usize::from(header("authorization").is_some());
        let fault = state.script.pop_front().unwrap_or(Fault::Serve);
        if let Fault::Replace(file) = &fault {
            state.file = file.clone();
        }
        (fault, state.file.clone())
    };
    let tag = format!("\"{}\"", sha256(&file));
    let (status, headers, body) = match &fault {
        Fault::Status(status) => (*status, String::new(), Vec::new()),
        Fault::WebPage => (200, "content-type: text/html\r\n".to_owned(), b"<html>".to_vec()),
        Fault::Redirect(to) => (302, format!("location: {to}\r\n"), Vec::new()),
        Fault::Serve | Fault::DropAfter(_) | Fault::IgnoreRange | Fault::Replace(_) => {
            let same = header("if-range").is_none_or(|validator| validator == tag);
            let start = start.filter(|_| same && !matches!(fault, Fault::IgnoreRange));
            match start.map(|start| usize::try_from(start).unwrap()) {
                Some(start) if start >= file.len() => {
                    (416, format!("content-range: bytes */{}\r\n", file.len()), Vec::new())
                }
                Some(start) => {
                    let range = format!("bytes {start}-{}/{}", file.len() - 1, file.len());
                    (206, format!("etag: {tag}\r\ncontent-range: {range}\r\n"), file[start..].to_vec())
                }
                None => (200, format!("etag: {tag}\r\n"), file),
            }
        }
    };
    let sent = match fault {
        Fault::DropAfter(bytes) => bytes.min(body.len()),
        _ => body.len(),
    };
    let head = format!(
        "HTTP/1.1 {status} x\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = socket.write_all(head.as_bytes()).await;
    let _ = socket.write_all(&body[..sent]).await;
    let _ = socket.shutdown().await;
}
