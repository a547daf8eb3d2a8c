//! A tus server for one upload, with scripted faults.
//!
//! It is written on plain sockets, so that it can close a connection after any byte. It rejects what a Vimeo upload
//! host rejects: other methods than HEAD and PATCH, a missing `Tus-Resumable`, a wrong offset, and a token.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// The secret part of each link.
pub(crate) const SECRET: &str = "sig=s3cret";

/// The fault of one request.
#[derive(Clone)]
pub(crate) enum Fault {
    /// No fault.
    Serve,
    /// The body is discarded, then this status is returned.
    Status(u16),
    /// As `Status`, with a body that repeats the target of the request.
    Echo(u16),
    /// This status and a `Location`.
    Redirect(u16, String),
    /// The connection ends after this many bytes of the body were stored.
    DropAfter(usize),
    /// The whole body is stored, and the connection ends before a response.
    LoseResponse,
    /// This many bytes of the body are stored, then nothing happens.
    StallAfter(usize),
    /// The server drops everything after this byte, then returns 409.
    TruncateTo(usize),
    /// A success with this offset.
    ClaimOffset(u64),
    /// A success without an offset.
    OmitOffset,
    /// Calls this after the first byte of the body, then serves the request.
    During(Arc<dyn Fn() + Send + Sync>),
}

/// A recorded request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordedRequest {
    pub(crate) method: String,
    /// The `Upload-Offset` of a PATCH.
    pub(crate) offset: Option<u64>,
    /// The `Content-Length`.
    pub(crate) length: u64,
    /// The server's offset before the request.
    pub(crate) server_offset: u64,
}

struct State {
    size: u64,
    /// The received bytes; empty if the server only counts.
    data: Vec<u8>,
    stores_data: bool,
    offset: u64,
    faults: VecDeque<Fault>,
    requests: Vec<RecordedRequest>,
    /// The size limit of a proxy, and what it does with larger requests.
    proxy: Option<(u64, LargeRequest)>,
    /// Violations of the protocol by the client.
    violations: Vec<String>,
}

/// What a proxy does with a request that is too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LargeRequest {
    /// Reads up to the limit, then closes the connection; the server never sees the request.
    Withheld,
    /// Returns this status.
    Refused(u16),
}

/// A running server. It ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct TusServer {
    state: Arc<Mutex<State>>,
    stalled: Arc<Notify>,
    address: String,
}

impl TusServer {
    /// Starts a server for an upload of `size` bytes.
    pub(crate) async fn start(size: u64, faults: impl IntoIterator<Item = Fault>) -> Self {
        Self::with(size, faults, true).await
    }

    /// Starts a server that counts bytes without storing them.
    pub(crate) async fn discarding(size: u64) -> Self {
        Self::with(size, [], false).await
    }

    async fn with(size: u64, faults: impl IntoIterator<Item = Fault>, stores_data: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = State {
            size,
            data: Vec::new(),
            stores_data,
            offset: 0,
            faults: faults.into_iter().collect(),
            requests: Vec::new(),
            proxy: None,
            violations: Vec::new(),
        };
        let server = Self { state: Arc::new(Mutex::new(state)), stalled: Arc::new(Notify::new()), address };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let server = serving.clone();
                // Broken connections are the purpose of this server.
                tokio::spawn(async move { drop(server.serve(socket).await) });
            }
        });
        server
    }

    /// Adds a proxy that rejects requests with more than `most` bytes.
    pub(crate) fn behind_proxy(self, most: u64, large: LargeRequest) -> Self {
        self.state().proxy = Some((most, large));
        self
    }

    /// Removes the proxy.
    pub(crate) fn without_proxy(&self) {
        self.state().proxy = None;
    }

    /// The signed link to the upload.
    pub(crate) fn link(&self) -> String {
        format!("http://{}/files/1?expires=1&{SECRET}", self.address)
    }

    /// The requests so far, as `HEAD` and `PATCH 17`.
    pub(crate) fn log(&self) -> Vec<String> {
        let line = |seen: &RecordedRequest| match seen.offset {
            Some(offset) => format!("{} {offset}", seen.method),
            None => seen.method.clone(),
        };
        self.state().requests.iter().map(line).collect()
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<RecordedRequest> {
        self.state().requests.clone()
    }

    /// What was received.
    pub(crate) fn data(&self) -> Vec<u8> {
        self.state().data.clone()
    }

    /// How many bytes were received.
    pub(crate) fn offset(&self) -> u64 {
        self.state().offset
    }

    /// Stores bytes, as an earlier client would have.
    pub(crate) fn preload(&self, bytes: &[u8]) {
        let mut state = self.state();
        state.data = bytes.to_vec();
        state.offset = bytes.len() as u64;
    }

    fn truncate_to(&self, kept: usize) {
        let mut state = self.state();
        state.data.truncate(kept);
        state.offset = kept as u64;
    }

    /// Waits until a `StallAfter` has stalled.
    pub(crate) async fn stalled(&self) {
        self.stalled.notified().await;
    }

    /// Asserts that the client followed the protocol.
    pub(crate) fn assert_well_behaved(&self) {
        let state = self.state();
        assert!(state.violations.is_empty(), "{:?}", state.violations);
        for seen in &state.requests {
            assert!(matches!(seen.method.as_str(), "HEAD" | "PATCH"), "{seen:?}");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn serve(&self, socket: TcpStream) -> io::Result<()> {
        let mut socket = BufReader::with_capacity(64 * 1024, socket);
        while let Some(request) = Request::read(&mut socket).await? {
            let fault = {
                let mut state = self.state();
                let server_offset = state.offset;
                let offset = request.number("upload-offset");
                let length = request.number("content-length").unwrap_or(0);
                state.requests.push(RecordedRequest {
                    method: request.method.clone(),
                    offset,
                    length,
                    server_offset,
                });
                if request.header("authorization").is_some() {
                    state.violations.push(format!("{} with a token", request.method));
                }
                state.faults.pop_front().unwrap_or(Fault::Serve)
            };
            if !self.respond(&mut socket, &request, fault).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Responds to one request. Returns `false` to close the connection.
    async fn respond(
        &self,
        socket: &mut BufReader<TcpStream>,
        request: &Request,
        fault: Fault,
    ) -> io::Result<bool> {
        let length = request.number("content-length").unwrap_or(0);
        let proxy = self.state().proxy.filter(|(most, _)| length > *most);
        match proxy {
            None => {}
            Some((most, LargeRequest::Withheld)) => {
                self.read_body(socket, most, false).await?;
                return Ok(false);
            }
            Some((_, LargeRequest::Refused(status))) => {
                self.read_body(socket, length, false).await?;
                reply(socket, status, &[], "too large").await?;
                return Ok(true);
            }
        }
        let rejection = self.rejection(request);
        match fault {
            Fault::Status(status) => {
                self.read_body(socket, length, false).await?;
                reply(socket, status, &[], "").await?;
            }
            Fault::Echo(status) => {
                self.read_body(socket, length, false).await?;
                reply(socket, status, &[], &format!("no such thing as {}", request.target)).await?;
            }
            Fault::Redirect(status, to) => {
                self.read_body(socket, length, false).await?;
                reply(socket, status, &[("Location", to)], "").await?;
            }
            Fault::ClaimOffset(offset) => {
                self.read_body(socket, length, false).await?;
                reply(socket, 204, &[("Upload-Offset", offset.to_string())], "").await?;
            }
            Fault::OmitOffset => {
                self.read_body(socket, length, false).await?;
                reply(socket, 204, &[], "").await?;
            }
            Fault::TruncateTo(kept) => {
                self.read_body(socket, length, false).await?;
                self.truncate_to(kept);
                reply(socket, 409, &[], "").await?;
            }
            _ if rejection.is_some() => {
                self.read_body(socket, length, false).await?;
                let (status, body) = rejection.unwrap_or_default();
                reply(socket, status, &[], body).await?;
            }
            Fault::DropAfter(bytes) => {
                self.read_body(socket, length.min(bytes as u64), true).await?;
                return Ok(false);
            }
            Fault::LoseResponse => {
                self.read_body(socket, length, true).await?;
                return Ok(false);
            }
            Fault::StallAfter(bytes) => {
                self.read_body(socket, length.min(bytes as u64), true).await?;
                self.stalled.notify_one();
                std::future::pending::<()>().await;
            }
            Fault::During(happens) => {
                self.read_body(socket, length.min(1), true).await?;
                happens();
                self.read_body(socket, length.saturating_sub(1), true).await?;
                self.reply_offset(socket, 204).await?;
            }
            Fault::Serve if request.method == "HEAD" => self.reply_offset(socket, 200).await?,
            Fault::Serve => {
                self.read_body(socket, length, true).await?;
                self.reply_offset(socket, 204).await?;
            }
        }
        Ok(true)
    }

    /// Returns the status and body with which an upload host would reject the request.
    fn rejection(&self, request: &Request) -> Option<(u16, &'static str)> {
        if !matches!(request.method.as_str(), "HEAD" | "PATCH") {
            return Some((400, "Invalid bucket"));
        }
        if request.header("tus-resumable") != Some("1.0.0") {
            return Some((412, "unsupported version"));
        }
        if request.method == "HEAD" {
            return None;
        }
        if request.header("content-type") != Some("application/offset+octet-stream") {
            return Some((415, ""));
        }
        (request.number("upload-offset") != Some(self.offset())).then_some((409, ""))
    }

    async fn reply_offset(&self, socket: &mut BufReader<TcpStream>, status: u16) -> io::Result<()> {
        let (offset, size) = {
            let state = self.state();
            (state.offset, state.size)
        };
        let headers = [
            ("Tus-Resumable", "1.0.0".to_owned()),
            ("Upload-Offset", offset.to_string()),
            ("Upload-Length", size.to_string()),
        ];
        reply(socket, status, &headers, "").await
    }

    async fn read_body(&self, socket: &mut BufReader<TcpStream>, length: u64, store: bool) -> io::Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        let mut rest = length;
        while rest > 0 {
            let wanted = rest.min(buffer.len() as u64) as usize;
            let read = socket.read(&mut buffer[..wanted]).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            rest -= read as u64;
            if store {
                let mut state = self.state();
                state.offset += read as u64;
                if state.stores_data {
                    state.data.extend_from_slice(&buffer[..read]);
                }
            }
        }
        Ok(())
    }
}

struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

impl Request {
    async fn read(socket: &mut BufReader<TcpStream>) -> io::Result<Option<Self>> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match socket.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.split("\r\n");
        let mut words = lines.next().unwrap().split(' ');
        let method = words.next().unwrap().to_owned();
        let target = words.next().unwrap().to_owned();
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        Ok(Some(Self { method, target, headers }))
    }

    fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(header, _)| header == name)?;
        Some(value)
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.header(name)?.parse().ok()
    }
}

async fn reply(
    socket: &mut BufReader<TcpStream>,
    status: u16,
    headers: &[(&str, String)],
    body: &str,
) -> io::Result<()> {
    let mut text = format!("HTTP/1.1 {status} Scripted\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if status != 204 {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    text.push_str(body);
    socket.get_mut().write_all(text.as_bytes()).await
}
