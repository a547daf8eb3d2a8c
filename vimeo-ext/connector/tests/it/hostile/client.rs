//! A client that sends bytes as they are, and checks what every response has to keep.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::routes::{OTHER, Route, Samples};
use crate::harness::Service;

/// A service with an account for the requests, and another account that they must not reach.
pub(super) struct Target {
    pub(super) service: Service,
    pub(super) samples: Samples,
}

/// A response.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// Returns the status and the code of the error, as `401 unauthorized`.
    pub(super) fn outcome(&self) -> String {
        match self.json()["code"].as_str() {
            Some(code) => format!("{} {code}", self.status),
            None => self.status.to_string(),
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// Checks that an error is a problem with a stable code.
    #[track_caller]
    pub(super) fn assert_problem(&self) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{self:?}");
        let code = problem["code"].as_str().unwrap();
        assert!(code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{code}");
        assert!(problem["detail"].as_str().unwrap().len() < 2_000, "{self:?}");
    }
}

impl Target {
    pub(super) async fn start() -> Self {
        let service = Service::start().await;
        let samples = Samples::create(&service).await;
        Self { service, samples }
    }

    /// Sends the bytes of a request. Reads the whole response, or its head only if it is a stream of events.
    pub(super) async fn send(&self, bytes: &[u8]) -> Answer {
        let mut connection = TcpStream::connect(self.service.address).await.unwrap();
        // The service can answer and close before it has read everything.
        let (mut reading, mut writing) = connection.split();
        let mut received = Vec::new();
        let read = async {
            let mut buffer = [0; 16 * 1024];
            loop {
                let count = reading.read(&mut buffer).await.unwrap_or(0);
                received.extend_from_slice(&buffer[..count]);
                let text = String::from_utf8_lossy(&received).to_ascii_lowercase();
                let is_stream =
                    text.contains("\r\ncontent-type: text/event-stream") && text.contains("\r\n\r\n");
                if count == 0 || is_stream {
                    break;
                }
            }
        };
        let write = async {
            let _ = writing.write_all(bytes).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = read => {}
            () = write => {}
        }
        let text = String::from_utf8(received).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no response to {:?}", String::from_utf8_lossy(bytes)));
        let answer = Answer { status, head: head.to_owned(), body: body.to_owned() };
        self.check(&answer);
        answer
    }

    /// Sends a request with these headers and this body.
    pub(super) async fn request(&self, method: &str, target: &str, headers: &[&str], body: &[u8]) -> Answer {
        let mut bytes = format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
        for header in headers {
            bytes.push_str(header);
            bytes.push_str("\r\n");
        }
        let mut bytes = bytes.into_bytes();
        if !body.is_empty() {
            bytes.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body);
        self.send(&bytes).await
    }

    /// Sends the sample of a route, with these authorization headers.
    pub(super) async fn sample(&self, route: &Route, authorization: &[&str]) -> Answer {
        let mut headers = route.headers.to_vec();
        headers.extend_from_slice(authorization);
        let body = self.samples.fill(route.body);
        self.request(route.method, &self.samples.fill(route.path), &headers, body.as_bytes()).await
    }

    /// The header with the key that may do everything.
    pub(super) fn authorization(&self) -> String {
        bearer(&self.service.key)
    }

    /// Checks what every response has to keep: no secret of anybody, and no page for a browser to guess the type of.
    fn check(&self, answer: &Answer) {
        let text = format!("{}\n{}", answer.head, answer.body);
        for secret in
            [&*self.service.key, self.service.sandbox.token(), &self.service.sandbox.client_secret(), "hush"]
        {
            assert!(!text.contains(secret), "the response contains a secret: {text}");
        }
        // hyper itself answers what is not HTTP.
        if answer.header("cache-control").is_some() {
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{text}");
        }
    }
}

/// Returns the header for a bearer token.
pub(super) fn bearer(key: &str) -> String {
    format!("authorization: Bearer {key}")
}

/// Checks that a response does not show the other account.
#[track_caller]
pub(super) fn assert_hides_other(answer: &Answer) {
    assert!(!answer.body.contains(OTHER), "{answer:?}");
}
