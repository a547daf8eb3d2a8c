//! Messages on a pair of streams, a line each.
//!
//! The protocol's library passes over lines that it cannot read, and their senders wait for ever. Here every line gets an
//! answer that names the request, as far as that can be read off it.

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

/// The longest line that is read.
pub(crate) const LONGEST_LINE: usize = 16 << 20;

/// A transport of lines.
pub(crate) struct LineTransport<R, W: AsyncWrite> {
    reader: BufReader<R>,
    line: Vec<u8>,
    /// What is read off a line that is too long, until it ends.
    too_long: Option<Head>,
    longest: usize,
    /// Writes, and reads nothing.
    writer: AsyncRwTransport<RoleServer, Empty, W>,
    /// A refusal on its way. It goes on where it was when the reading is cancelled.
    refusing: Option<Pin<Box<dyn Future<Output = io::Result<()>> + Send>>>,
}

/// What a line is.
#[derive(Debug)]
enum Read {
    Message(Box<RxJsonRpcMessage<RoleServer>>),
    Refused(Option<RequestId>, ErrorData),
    /// Nothing that anybody waits for an answer to.
    Nothing,
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
            longest: LONGEST_LINE,
            writer: AsyncRwTransport::new_server(tokio::io::empty(), writer),
            refusing: None,
        }
    }

    /// The next line, also one that the end of the input ends; `None` after it. What was read is kept when this is
    /// cancelled.
    async fn next(&mut self) -> Option<Read> {
        loop {
            let read = match self.reader.fill_buf().await {
                Ok(read) => read,
                Err(error) => {
                    tracing::warn!(%error, "the input cannot be read");
                    return None;
                }
            };
            let end = read.iter().position(|byte| *byte == b'\n');
            let part = end.and_then(|end| read.get(..end)).unwrap_or(read);
            let is_over = end.is_some() || read.is_empty();
            if is_over && read.is_empty() && self.line.is_empty() && self.too_long.is_none() {
                return None;
            }
            let fits = self.line.len().saturating_add(part.len()) <= self.longest;
            match &mut self.too_long {
                Some(head) => head.read(part),
                None if fits => self.line.extend_from_slice(part),
                None => {
                    let mut head = Head::default();
                    head.read(&std::mem::take(&mut self.line));
                    head.read(part);
                    self.too_long = Some(head);
                }
            }
            let used = end.map_or(read.len(), |end| end + 1);
            self.reader.consume(used);
            if !is_over {
                continue;
            }
            if let Some(head) = self.too_long.take() {
                let text = format!("the message is longer than {} MiB", self.longest >> 20);
                return Some(head.refused(ErrorData::invalid_request(text, None)));
            }
            return Some(read_message(&std::mem::take(&mut self.line)));
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
            if let Some(refusing) = &mut self.refusing {
                let refused = refusing.as_mut().await;
                self.refusing = None;
                // Nobody reads any more.
                refused.ok()?;
            }
            match self.next().await? {
                Read::Message(message) => return Some(*message),
                Read::Nothing => {}
                Read::Refused(id, error) => {
                    tracing::debug!(?id, "a message cannot be read");
                    let refusal = TxJsonRpcMessage::<RoleServer>::error(error, id);
                    self.refusing = Some(Box::pin(self.writer.send(refusal)));
                }
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.writer.close().await
    }
}

fn read_message(line: &[u8]) -> Read {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line).trim_ascii();
    if line.is_empty() {
        return Read::Nothing;
    }
    let error = match serde_json::from_slice::<RxJsonRpcMessage<RoleServer>>(line) {
        Ok(message) => return Read::Message(Box::new(repaired(line, &message).unwrap_or(message))),
        Err(error) => error,
    };
    let mut head = Head::default();
    head.read(line);
    // Which also bounds how deep it is nested.
    if serde_json::from_slice::<Value>(line).is_ok() {
        return head.refused(ErrorData::invalid_request("this is no message of the protocol", None));
    }
    match line.first() {
        Some(b'{' | b'[') => {
            head.refused(ErrorData::parse_error(format!("this cannot be read as JSON: {error}"), None))
        }
        // What is not even meant as a message is left alone: whoever echoes an answer would be answered again.
        _ => Read::Nothing,
    }
}

/// A call that the protocol's library takes for a method that it does not know, because its arguments are text.
fn repaired(line: &[u8], message: &RxJsonRpcMessage<RoleServer>) -> Option<RxJsonRpcMessage<RoleServer>> {
    let RxJsonRpcMessage::<RoleServer>::Request(request) = message else { return None };
    let ClientRequest::CustomRequest(_) = request.request else { return None };
    let mut message: Value = serde_json::from_slice(line).ok()?;
    if repair(&mut message) { serde_json::from_value(message).ok() } else { None }
}

/// What is read off the first level of a message, however long or deep it is.
#[derive(Debug, Default)]
struct Head {
    depth: usize,
    in_text: bool,
    after_backslash: bool,
    token: Vec<u8>,
    at_id: bool,
    id: Option<RequestId>,
    has_method: bool,
    has_result: bool,
}

/// As long as a key or an id is that is looked at.
const LONGEST_TOKEN: usize = 1024;

impl Head {
    fn read(&mut self, part: &[u8]) {
        for byte in part {
            self.step(*byte);
        }
    }

    fn step(&mut self, byte: u8) {
        if self.in_text {
            self.keep(byte);
            self.in_text = self.after_backslash || byte != b'"';
            self.after_backslash = !self.after_backslash && byte == b'\\';
            return;
        }
        match byte {
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => {
                self.member();
                self.depth = self.depth.saturating_sub(1);
            }
            b':' if self.depth == 1 => self.named(),
            b',' => self.member(),
            byte => {
                self.in_text = byte == b'"';
                self.keep(byte);
            }
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.depth == 1 && self.token.len() < LONGEST_TOKEN {
            self.token.push(byte);
        }
    }

    /// A member of the first level has its name.
    fn named(&mut self) {
        match std::mem::take(&mut self.token).trim_ascii() {
            b"\"id\"" => self.at_id = true,
            b"\"method\"" => self.has_method = true,
            b"\"result\"" | b"\"error\"" => self.has_result = true,
            _ => {}
        }
    }

    /// A member of the first level is at its end.
    fn member(&mut self) {
        if self.depth != 1 {
            return;
        }
        let value = std::mem::take(&mut self.token);
        if std::mem::take(&mut self.at_id) {
            self.id = serde_json::from_slice(&value).ok();
        }
    }

    /// The refusal of such a message, unless nobody waits for one: notifications and answers get none.
    fn refused(self, error: ErrorData) -> Read {
        let is_notification = self.has_method && self.id.is_none();
        match is_notification || self.has_result {
            true => Read::Nothing,
            false => Read::Refused(self.id, error),
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
    fn every_line_is_a_message_or_a_refusal_that_names_its_request() {
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
            let read = read_message(line.as_bytes());
            let Read::Refused(refused, error) = read else { panic!("{line:.100}: {read:?}") };
            assert_eq!((refused, error.code), (id, code), "{line:.100}");
        }
        for line in [
            "",
            " \r",
            "rubbish",
            r#"{"jsonrpc":"2.0","method":"notifications/x","params":}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{"a":}}"#,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"echo"}"#,
        ] {
            let read = read_message(line.as_bytes());
            assert!(matches!(read, Read::Nothing), "{line}: {read:?}");
        }
        for (line, is_call) in [
            (call("1", "{}"), true),
            (call("1", r#""{\"video_id\": 1}""#), true),
            (format!("\u{feff}{}\r", call("1", "{}")), true),
            (call("1", "[1]"), false),
            (r#"{"jsonrpc":"2.0","id":1,"method":"of/tomorrow"}"#.to_owned(), false),
        ] {
            let read = read_message(line.as_bytes());
            let Read::Message(message) = read else { panic!("{line}: {read:?}") };
            let RxJsonRpcMessage::<RoleServer>::Request(request) = *message else { panic!("{line}") };
            assert_eq!(matches!(request.request, ClientRequest::CallToolRequest(_)), is_call, "{line}");
        }
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_refused_and_the_last_needs_no_end() {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (reader, writer) = tokio::io::split(theirs);
        let mut transport = LineTransport { longest: 100, ..LineTransport::new(reader, writer) };
        let (mut answers, mut requests) = tokio::io::split(ours);
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
        let mut answer = String::new();
        answers.read_to_string(&mut answer).await.unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&51.into(), &(-32600).into()));
    }
}
