//! A transport for messages on a pair of streams, one per line.
//!
//! rmcp skips lines that it cannot read, and their senders wait forever. This transport responds to every such line with an
//! error that contains the request's ID, if the line has a readable one.

use std::io;
use std::pin::Pin;

use rmcp::ErrorData;
use rmcp::model::{ClientRequest, RequestId};
use rmcp::service::{RoleServer, RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::transport::async_rw::AsyncRwTransport;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, BufReader, Empty};

use super::repair::repair;

/// The maximum length of a line in bytes.
const MAX_LINE_BYTES: usize = 16 << 20;

/// A transport that reads and writes lines.
pub(crate) struct LineTransport<R, W: AsyncWrite> {
    reader: BufReader<R>,
    line: Vec<u8>,
    /// Scans the rest of a line that is too long.
    too_long: Option<MessageScanner>,
    max_line_bytes: usize,
    /// Only writes.
    writer: AsyncRwTransport<RoleServer, Empty, W>,
    /// An error response that is being sent. Sending resumes if `receive` was cancelled.
    sending_error: Option<Pin<Box<dyn Future<Output = io::Result<()>> + Send>>>,
}

/// The content of a line.
#[derive(Debug)]
enum ParsedLine {
    Message(Box<RxJsonRpcMessage<RoleServer>>),
    Invalid(Option<RequestId>, ErrorData),
    /// Anything that expects no response.
    Ignored,
}

impl<R, W> LineTransport<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    pub(crate) fn new(reader: R, writer: W) -> Self {
        Self {
            reader: BufReader::new(reader),
            line: Vec::new(),
            too_long: None,
            max_line_bytes: MAX_LINE_BYTES,
            writer: AsyncRwTransport::new_server(tokio::io::empty(), writer),
            sending_error: None,
        }
    }

    /// Returns the next line; `None` at the end of the input. The last line needs no line break. Cancellation loses nothing.
    async fn next_line(&mut self) -> Option<ParsedLine> {
        loop {
            let read = match self.reader.fill_buf().await {
                Ok(read) => read,
                Err(error) => {
                    tracing::warn!(%error, "cannot read the input");
                    return None;
                }
            };
            let end = read.iter().position(|byte| *byte == b'\n');
            let part = end.and_then(|end| read.get(..end)).unwrap_or(read);
            let is_complete = end.is_some() || read.is_empty();
            if is_complete && read.is_empty() && self.line.is_empty() && self.too_long.is_none() {
                return None;
            }
            let fits = self.line.len().saturating_add(part.len()) <= self.max_line_bytes;
            match &mut self.too_long {
                Some(scanner) => scanner.scan(part),
                None if fits => self.line.extend_from_slice(part),
                None => {
                    let mut scanner = MessageScanner::default();
                    scanner.scan(&std::mem::take(&mut self.line));
                    scanner.scan(part);
                    self.too_long = Some(scanner);
                }
            }
            let used = end.map_or(read.len(), |end| end + 1);
            self.reader.consume(used);
            if !is_complete {
                continue;
            }
            if let Some(scanner) = self.too_long.take() {
                let text = format!("the message is longer than {} MiB", self.max_line_bytes >> 20);
                return Some(scanner.into_error(ErrorData::invalid_request(text, None)));
            }
            return Some(parse_line(&std::mem::take(&mut self.line)));
        }
    }
}

impl<R, W> Transport<RoleServer> for LineTransport<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.writer.send(message)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            if let Some(sending) = &mut self.sending_error {
                let sent = sending.as_mut().await;
                self.sending_error = None;
                // If it cannot be sent, the client is gone.
                sent.ok()?;
            }
            match self.next_line().await? {
                ParsedLine::Message(message) => return Some(*message),
                ParsedLine::Ignored => {}
                ParsedLine::Invalid(id, error) => {
                    tracing::debug!(?id, "cannot read a message");
                    let response = TxJsonRpcMessage::<RoleServer>::error(error, id);
                    self.sending_error = Some(Box::pin(self.writer.send(response)));
                }
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.writer.close().await
    }
}

fn parse_line(line: &[u8]) -> ParsedLine {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line).trim_ascii();
    if line.is_empty() {
        return ParsedLine::Ignored;
    }
    let error = match serde_json::from_slice::<RxJsonRpcMessage<RoleServer>>(line) {
        Ok(message) => return ParsedLine::Message(Box::new(repaired(line, &message).unwrap_or(message))),
        Err(error) => error,
    };
    let mut scanner = MessageScanner::default();
    scanner.scan(line);
    // This also limits the nesting depth.
    if serde_json::from_slice::<Value>(line).is_ok() {
        return scanner.into_error(ErrorData::invalid_request("not a message of the protocol", None));
    }
    match line.first() {
        Some(b'{' | b'[') => {
            scanner.into_error(ErrorData::parse_error(format!("invalid JSON: {error}"), None))
        }
        // Text that is not meant as a message is ignored: a client that echoes responses would get another response.
        _ => ParsedLine::Ignored,
    }
}

/// Repairs a call that rmcp takes for an unknown method because its arguments are text.
fn repaired(line: &[u8], message: &RxJsonRpcMessage<RoleServer>) -> Option<RxJsonRpcMessage<RoleServer>> {
    let RxJsonRpcMessage::<RoleServer>::Request(request) = message else { return None };
    let ClientRequest::CustomRequest(_) = request.request else { return None };
    let mut message: Value = serde_json::from_slice(line).ok()?;
    if repair(&mut message) { serde_json::from_value(message).ok() } else { None }
}

/// Scans the first level of a message, however long or deep it is.
#[derive(Debug, Default)]
struct MessageScanner {
    depth: usize,
    in_text: bool,
    after_backslash: bool,
    token: Vec<u8>,
    at_id: bool,
    id: Option<RequestId>,
    has_method: bool,
    has_result: bool,
}

/// The maximum length of a scanned key or ID.
const MAX_TOKEN_BYTES: usize = 1024;

impl MessageScanner {
    fn scan(&mut self, part: &[u8]) {
        for byte in part {
            self.step(*byte);
        }
    }

    fn step(&mut self, byte: u8) {
        if self.in_text {
            self.push(byte);
            self.in_text = self.after_backslash || byte != b'"';
            self.after_backslash = !self.after_backslash && byte == b'\\';
            return;
        }
        match byte {
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => {
                self.end_member();
                self.depth = self.depth.saturating_sub(1);
            }
            b':' if self.depth == 1 => self.end_key(),
            b',' => self.end_member(),
            byte => {
                self.in_text = byte == b'"';
                self.push(byte);
            }
        }
    }

    fn push(&mut self, byte: u8) {
        if self.depth == 1 && self.token.len() < MAX_TOKEN_BYTES {
            self.token.push(byte);
        }
    }

    /// Handles the end of a key of the first level.
    fn end_key(&mut self) {
        match std::mem::take(&mut self.token).trim_ascii() {
            b"\"id\"" => self.at_id = true,
            b"\"method\"" => self.has_method = true,
            b"\"result\"" | b"\"error\"" => self.has_result = true,
            _ => {}
        }
    }

    /// Handles the end of a member of the first level.
    fn end_member(&mut self) {
        if self.depth != 1 {
            return;
        }
        let value = std::mem::take(&mut self.token);
        if std::mem::take(&mut self.at_id) {
            self.id = serde_json::from_slice(&value).ok();
        }
    }

    /// Returns the error for an invalid message. Notifications and responses get none.
    fn into_error(self, error: ErrorData) -> ParsedLine {
        let is_notification = self.has_method && self.id.is_none();
        match is_notification || self.has_result {
            true => ParsedLine::Ignored,
            false => ParsedLine::Invalid(self.id, error),
        }
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::ErrorCode;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn deep(depth: usize) -> String {
        format!("{}{}", "[".repeat(depth), "]".repeat(depth))
    }

    #[test]
    fn each_line_is_a_message_or_an_error() {
        let number = |number| Some(RequestId::Number(number));
        let call = |id: &str, arguments: &str| {
            format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"t","arguments":{arguments}}}}}"#
            )
        };
        for (line, id, code) in [
            (call("50", &format!("{{\"a\":{}}}", deep(10_000))), number(50), ErrorCode::PARSE_ERROR),
            (call("\"a\\\"b\"", &deep(200)), Some(RequestId::String("a\"b".into())), ErrorCode::PARSE_ERROR),
            (r#"{"jsonrpc":"2.0","id":7,"method":"ping""#.to_owned(), number(7), ErrorCode::PARSE_ERROR),
            (
                r#"{"params":{"id":1,"x":[{"id":2}]},"id":3,"method":"m",}"#.to_owned(),
                number(3),
                ErrorCode::PARSE_ERROR,
            ),
            (r#"{"broken"#.to_owned(), None, ErrorCode::PARSE_ERROR),
            (r#"{"id":4,"no":"message"}"#.to_owned(), number(4), ErrorCode::INVALID_REQUEST),
            (r#"[{"jsonrpc":"2.0","id":5,"method":"ping"}]"#.to_owned(), None, ErrorCode::INVALID_REQUEST),
        ] {
            let parsed = parse_line(line.as_bytes());
            let ParsedLine::Invalid(found, error) = parsed else { panic!("{line:.100}: {parsed:?}") };
            assert_eq!((found, error.code), (id, code), "{line:.100}");
        }
        for line in [
            "",
            " \r",
            "garbage",
            r#"{"jsonrpc":"2.0","method":"notifications/x","params":}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{"a":}}"#,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"echo"}"#,
        ] {
            let parsed = parse_line(line.as_bytes());
            assert!(matches!(parsed, ParsedLine::Ignored), "{line}: {parsed:?}");
        }
        for (line, is_call) in [
            (call("1", "{}"), true),
            (call("1", r#""{\"video_id\": 1}""#), true),
            (format!("\u{feff}{}\r", call("1", "{}")), true),
            (call("1", "[1]"), false),
            (r#"{"jsonrpc":"2.0","id":1,"method":"of/tomorrow"}"#.to_owned(), false),
        ] {
            let parsed = parse_line(line.as_bytes());
            let ParsedLine::Message(message) = parsed else { panic!("{line}: {parsed:?}") };
            let RxJsonRpcMessage::<RoleServer>::Request(request) = *message else { panic!("{line}") };
            assert_eq!(matches!(request.request, ClientRequest::CallToolRequest(_)), is_call, "{line}");
        }
    }

    #[tokio::test]
    async fn rejects_long_lines_and_accepts_an_unterminated_last_one() {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (reader, writer) = tokio::io::split(theirs);
        let mut transport = LineTransport { max_line_bytes: 100, ..LineTransport::new(reader, writer) };
        let (mut responses, mut requests) = tokio::io::split(ours);
        let long =
            format!(r#"{{"jsonrpc":"2.0","method":"ping","params":{{"x":"{}"}},"id":51}}"#, "a".repeat(500));
        let last = r#"{"jsonrpc":"2.0","id":52,"method":"ping"}"#;
        let sent = tokio::spawn(async move {
            requests.write_all(format!("{long}\n{last}").as_bytes()).await.unwrap();
            requests.shutdown().await.unwrap();
        });
        let message = transport.receive().await;
        assert!(
            matches!(message, Some(RxJsonRpcMessage::<RoleServer>::Request(request)) if request.id == RequestId::Number(52))
        );
        assert!(transport.receive().await.is_none());
        sent.await.unwrap();
        drop(transport);
        let mut response = String::new();
        responses.read_to_string(&mut response).await.unwrap();
        let response: Value = serde_json::from_str(&response).unwrap();
        assert_eq!((&response["id"], &response["error"]["code"]), (&51.into(), &(-32600).into()));
    }
}
