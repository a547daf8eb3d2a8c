//! A client that writes JSON-RPC itself, in both protocol versions and over both transports.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf, split};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use vimeo_agent::mcp::{HttpOptions, HttpServer, Server, ServerError};

pub(crate) const OLD: &str = "2025-11-25";
pub(crate) const NEW: &str = "2026-07-28";

/// How long a test waits before it fails.
pub(crate) const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// A protocol version and a transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    OldPipe,
    NewPipe,
    OldHttp,
    NewHttp,
}

impl Transport {
    pub(crate) const ALL: [Self; 4] = [Self::OldPipe, Self::NewPipe, Self::OldHttp, Self::NewHttp];

    pub(crate) fn is_new(self) -> bool {
        matches!(self, Self::NewPipe | Self::NewHttp)
    }
}

/// A connected client.
pub(crate) enum Client {
    Pipe(Box<Pipe>),
    Http(Box<Http>),
}

impl Client {
    /// Connects and initializes the session. `elicits`: the client can ask the person.
    pub(crate) async fn connect(server: &Server, transport: Transport, elicits: bool) -> Self {
        let capabilities = if elicits { json!({"elicitation": {"form": {}}}) } else { json!({}) };
        let mut client = match transport {
            Transport::OldPipe | Transport::NewPipe => {
                Self::Pipe(Box::new(Pipe::new(server, transport.is_new(), capabilities)))
            }
            Transport::OldHttp | Transport::NewHttp => {
                let running = server
                    .serve_http(HttpOptions::new(([127, 0, 0, 1], 0).into()).allow_unauthenticated_loopback())
                    .await
                    .unwrap();
                let url = running.url();
                Self::Http(Box::new(Http::new(url, Some(running), transport.is_new(), capabilities)))
            }
        };
        if !transport.is_new() {
            client.initialize().await;
        }
        client
    }

    pub(crate) async fn initialize(&mut self) -> Value {
        match self {
            Self::Pipe(pipe) => pipe.initialize().await,
            Self::Http(http) => http.initialize().await,
        }
    }

    pub(crate) async fn request(&mut self, method: &str, params: Value) -> Value {
        match self {
            Self::Pipe(pipe) => {
                let id = pipe.send(method, params).await;
                pipe.response(id).await
            }
            Self::Http(http) => http.request(method, params).await,
        }
    }

    /// Sets how the person answers if the server asks during a call.
    pub(crate) fn answers_with(&mut self, action: &'static str) {
        match self {
            Self::Pipe(pipe) => pipe.elicits = Some(action),
            Self::Http(http) => http.elicits = Some(action),
        }
    }

    /// Returns the server's messages that were not responses, in order.
    pub(crate) fn unsolicited(&self) -> &[Value] {
        match self {
            Self::Pipe(pipe) => &pipe.unsolicited,
            Self::Http(http) => &http.unsolicited,
        }
    }

    /// Calls a tool; returns the JSON-RPC response.
    pub(crate) async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.request("tools/call", json!({"name": tool, "arguments": arguments})).await
    }
}

/// The parameters of `initialize` in the older protocol.
fn opening(capabilities: &Value) -> Value {
    let client = json!({"name": "by hand", "version": "1"});
    json!({"protocolVersion": OLD, "capabilities": capabilities, "clientInfo": client})
}

fn with_meta(mut params: Value, capabilities: &Value) -> Value {
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!(NEW);
    params["_meta"]["io.modelcontextprotocol/clientInfo"] = json!({"name": "by hand", "version": "1"});
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities.clone();
    params
}

/// A client on a pair of streams.
pub(crate) struct Pipe {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    writer: Option<WriteHalf<DuplexStream>>,
    new: bool,
    capabilities: Value,
    next: u64,
    waiting: BTreeMap<u64, Value>,
    /// The server's messages that were not responses.
    pub(crate) unsolicited: Vec<Value>,
    /// How the person answers elicitations.
    pub(crate) elicits: Option<&'static str>,
    pub(crate) running: JoinHandle<Result<(), ServerError>>,
}

impl Pipe {
    pub(crate) fn new(server: &Server, new: bool, capabilities: Value) -> Self {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let (reader, writer) = split(theirs);
        let server = server.clone();
        let running = tokio::spawn(async move { server.serve(reader, writer).await });
        let (reader, writer) = split(ours);
        Self {
            lines: BufReader::new(reader).lines(),
            writer: Some(writer),
            new,
            capabilities,
            next: 1,
            waiting: BTreeMap::new(),
            unsolicited: Vec::new(),
            elicits: None,
            running,
        }
    }

    pub(crate) async fn initialize(&mut self) -> Value {
        let id = self.send("initialize", opening(&self.capabilities)).await;
        let response = self.response(id).await;
        self.write(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        response
    }

    pub(crate) async fn write(&mut self, message: &Value) {
        self.write_text(&format!("{message}\n")).await;
    }

    pub(crate) async fn write_text(&mut self, text: &str) {
        self.writer.as_mut().unwrap().write_all(text.as_bytes()).await.unwrap();
    }

    /// Sends a request without waiting; returns its ID.
    pub(crate) async fn send(&mut self, method: &str, params: Value) -> u64 {
        let id = self.next;
        self.next += 1;
        let params = if self.new { with_meta(params, &self.capabilities) } else { params };
        self.write(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
        id
    }

    pub(crate) async fn response(&mut self, id: u64) -> Value {
        loop {
            if let Some(response) = self.waiting.remove(&id) {
                return response;
            }
            let line = timeout(TEST_TIMEOUT, self.lines.next_line()).await;
            let line = line.expect("a response in time").unwrap().expect("the server still runs");
            let message: Value = serde_json::from_str(&line).expect("every line is a message");
            assert_eq!(message["jsonrpc"], "2.0", "{message}");
            if let (None, Some(id)) = (message.get("method"), message["id"].as_u64()) {
                self.waiting.insert(id, message);
            } else if message.get("method").is_none() {
                self.unsolicited.push(message);
            } else {
                if let (Some(action), "elicitation/create") =
                    (self.elicits, message["method"].as_str().unwrap())
                {
                    let response = json!({"jsonrpc": "2.0", "id": message["id"], "result": {"action": action, "content": {}}});
                    self.write(&response).await;
                }
                self.unsolicited.push(message);
            }
        }
    }

    /// Disconnects: the server's input ends.
    pub(crate) async fn close(&mut self) {
        let mut writer = self.writer.take().unwrap();
        writer.shutdown().await.unwrap();
    }

    /// Returns the lines that the server still writes until it ends.
    pub(crate) async fn rest(&mut self) -> Vec<String> {
        let mut rest = Vec::new();
        while let Ok(Some(line)) = self.lines.next_line().await {
            rest.push(line);
        }
        rest
    }
}

/// A client over HTTP.
pub(crate) struct Http {
    client: reqwest::Client,
    pub(crate) url: String,
    new: bool,
    capabilities: Value,
    session: Option<String>,
    pub(crate) bearer: Option<String>,
    next: u64,
    /// The server's messages that were not responses.
    pub(crate) unsolicited: Vec<Value>,
    /// How the person answers elicitations.
    pub(crate) elicits: Option<&'static str>,
    /// Keeps the server running.
    _server: Option<HttpServer>,
}

impl Http {
    pub(crate) fn new(url: String, server: Option<HttpServer>, new: bool, capabilities: Value) -> Self {
        Self {
            client: crate::http::client(),
            url,
            new,
            capabilities,
            session: None,
            bearer: None,
            next: 1,
            unsolicited: Vec::new(),
            elicits: None,
            _server: server,
        }
    }

    pub(crate) fn post(&self, message: &Value, method: &str) -> reqwest::RequestBuilder {
        let mut request = self
            .with_session(self.client.post(&self.url))
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
            .body(message.to_string());
        if self.new {
            request = request.header("mcp-protocol-version", NEW).header("mcp-method", method);
            if let Some(name) = message["params"]["name"].as_str().or(message["params"]["uri"].as_str()) {
                request = request.header("mcp-name", name);
            }
        } else if method != "initialize" {
            request = request.header("mcp-protocol-version", OLD);
        }
        request
    }

    fn with_session(&self, mut request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        if let Some(session) = &self.session {
            request = request.header("mcp-session-id", session);
        }
        match &self.bearer {
            Some(bearer) => request.bearer_auth(bearer),
            None => request,
        }
    }

    /// Opens the stream of the server's own messages.
    pub(crate) fn listen(&self) -> reqwest::RequestBuilder {
        let request = self.client.get(&self.url).header("accept", "text/event-stream");
        self.with_session(request).header("mcp-protocol-version", OLD)
    }

    pub(crate) async fn initialize(&mut self) -> Value {
        let response = self.request("initialize", opening(&self.capabilities)).await;
        self.notify("notifications/initialized", json!({})).await;
        response
    }

    pub(crate) async fn notify(&mut self, method: &str, params: Value) {
        let message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        let accepted = self.post(&message, method).send().await.unwrap();
        assert!(accepted.status().is_success(), "{}", accepted.status());
    }

    /// Ends the session, as clients of the older protocol do when they disconnect.
    pub(crate) async fn end_session(&self) {
        let request = self.client.delete(&self.url).header("mcp-protocol-version", OLD);
        let response = self.with_session(request).send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.status());
    }

    pub(crate) fn message(&mut self, method: &str, params: Value) -> Value {
        let id = self.next;
        self.next += 1;
        let params = if self.new { with_meta(params, &self.capabilities) } else { params };
        json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
    }

    pub(crate) async fn request(&mut self, method: &str, params: Value) -> Value {
        let message = self.message(method, params);
        let mut response = self.post(&message, method).send().await.unwrap();
        let status = response.status();
        if let Some(session) = response.headers().get("mcp-session-id") {
            self.session = Some(session.to_str().unwrap().to_owned());
        }
        let (mut text, mut found, mut parsed) = (Vec::new(), None, 0);
        while let Some(chunk) =
            timeout(TEST_TIMEOUT, response.chunk()).await.expect("a response in time").unwrap()
        {
            text.extend_from_slice(&chunk);
            while let Some(end) = text[parsed..].iter().position(|byte| *byte == b'\n') {
                let line = String::from_utf8(text[parsed..parsed + end].to_vec()).unwrap();
                parsed += end + 1;
                let data = line.strip_prefix("data:").map(str::trim).filter(|data| !data.is_empty());
                let Some(data) = data else { continue };
                let received: Value = serde_json::from_str(data).expect("every event is a message");
                if received["id"] == message["id"] && received.get("method").is_none() {
                    found = Some(received);
                } else {
                    assert!(found.is_none(), "after the response: {received}");
                    self.handle_unsolicited(received).await;
                }
            }
        }
        found.or_else(|| serde_json::from_slice(&text).ok()).unwrap_or_else(|| {
            panic!("{method}: {status} {}", String::from_utf8_lossy(&text));
        })
    }

    /// Handles a message of the server that is not a response.
    async fn handle_unsolicited(&mut self, message: Value) {
        if let (Some(action), Some("elicitation/create")) = (self.elicits, message["method"].as_str()) {
            let response =
                json!({"jsonrpc": "2.0", "id": message["id"], "result": {"action": action, "content": {}}});
            let accepted = self.post(&response, "").send().await.unwrap();
            assert!(accepted.status().is_success(), "{}", accepted.status());
        }
        self.unsolicited.push(message);
    }
}
