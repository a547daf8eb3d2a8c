//! A proxy that disrupts one exchange at one exact byte.
//!
//! Delays take no time: the clock is paused during a disruption, so the runtime advances to the next timer of the
//! proxy or the client.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// What happens to the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disruption {
    /// Both connections are closed.
    Cut,
    /// No more bytes pass.
    Stall,
    /// No bytes pass for this long.
    Delay(Duration),
    /// This many bytes pass one at a time, at this interval.
    SlowBytes(u64, Duration),
}

/// The position in an exchange: before this byte of the request's head, its body, or the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    Head(u64),
    Body(u64),
    Response(u64),
}

/// A disruption of the `nth` request with this method, counted from 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InjectedFault {
    pub(crate) method: &'static str,
    pub(crate) nth: usize,
    pub(crate) position: Position,
    pub(crate) disruption: Disruption,
}

/// A running proxy. It ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct FaultProxy {
    address: String,
    state: Arc<Mutex<State>>,
    /// The number of body bytes that the server has.
    arrived: Arc<dyn Fn() -> u64 + Send + Sync>,
}

#[derive(Default)]
struct State {
    fault: Option<InjectedFault>,
    /// `HEAD`, or `PATCH` and its offset, as they reached the proxy.
    requests: Vec<String>,
    clock_is_paused: bool,
}

impl FaultProxy {
    /// Starts a proxy to `target`, a host and port; `arrived` returns the number of body bytes that it has.
    pub(crate) async fn start(
        target: String,
        arrived: impl Fn() -> u64 + Send + Sync + 'static,
        fault: InjectedFault,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = State { fault: Some(fault), ..State::default() };
        let proxy = Self {
            address: listener.local_addr().unwrap().to_string(),
            state: Arc::new(Mutex::new(state)),
            arrived: Arc::new(arrived),
        };
        let acceptor = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // The client has abandoned the previous connection.
                acceptor.resume_clock();
                let server = TcpStream::connect(&target).await.unwrap();
                acceptor.join(client, server);
            }
        });
        proxy
    }

    /// The host and port to connect to.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The requests so far, in order.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    /// Whether the fault has happened.
    pub(crate) fn has_fired(&self) -> bool {
        self.state().fault.is_none()
    }

    fn is_in_body(&self) -> bool {
        let fault = self.state().fault;
        fault.is_some_and(|fault| matches!(fault.position, Position::Body(_)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn join(&self, client: TcpStream, server: TcpStream) {
        let exchange = Arc::new(Mutex::new(Exchange::default()));
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let up =
            Pump { proxy: self.clone(), exchange: Arc::clone(&exchange), from: from_client, to: to_server };
        let down = Pump { proxy: self.clone(), exchange, from: from_server, to: to_client };
        tokio::spawn(async move {
            // If one direction ends, both connections end.
            tokio::select! {
                _ = up.requests() => {}
                _ = down.responses() => {}
            }
        });
    }

    fn pause_clock(&self) {
        if !std::mem::replace(&mut self.state().clock_is_paused, true) {
            tokio::time::pause();
        }
    }

    fn resume_clock(&self) {
        if std::mem::replace(&mut self.state().clock_is_paused, false) {
            tokio::time::resume();
        }
    }

    /// Returns the fault of this request, if it is the one.
    fn match_request(&self, head: &str) -> Option<InjectedFault> {
        let mut state = self.state();
        let method = head.split(' ').next().unwrap();
        let offset = header(head, "upload-offset").map_or(String::new(), |offset| format!(" {offset}"));
        let earlier = state.requests.iter().filter(|request| request.starts_with(method)).count();
        state.requests.push(format!("{method}{offset}"));
        state.fault.filter(|fault| fault.method == method && fault.nth == earlier)
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().filter_map(|proxy| proxy.split_once(": "));
    lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
}

/// The state that both directions share.
#[derive(Default)]
struct Exchange {
    /// The disruption of the response, and its position.
    answer: Option<(u64, Disruption)>,
    /// Bytes of the response that passed.
    passed: u64,
}

/// The connection is closed.
struct Closed;

/// One direction of a connection.
struct Pump {
    proxy: FaultProxy,
    exchange: Arc<Mutex<Exchange>>,
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
}

impl Pump {
    async fn requests(mut self) -> Result<(), Closed> {
        let mut waiting = Vec::new();
        loop {
            let end = loop {
                match waiting.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                    Some(end) => break end + 4,
                    None => waiting.extend(self.read().await?),
                }
            };
            let rest = waiting.split_off(end);
            let head = String::from_utf8(std::mem::replace(&mut waiting, rest)).unwrap();
            let fault = self.proxy.match_request(&head);
            let (mut in_head, mut in_body) = (None, None);
            *self.exchange.lock().unwrap() = Exchange::default();
            match fault.map(|fault| (fault.position, fault.disruption)) {
                Some((Position::Head(at), what)) => in_head = Some((at, what)),
                Some((Position::Body(at), what)) => in_body = Some((at, what)),
                Some((Position::Response(at), what)) => {
                    self.exchange.lock().unwrap().answer = Some((at, what))
                }
                None => {}
            }
            self.pass(head.as_bytes(), 0, &mut in_head).await?;
            let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
            let mut passed = 0;
            while passed < length {
                if waiting.is_empty() {
                    waiting = self.read().await?;
                }
                let most = waiting.len().min((length - passed) as usize);
                let rest = waiting.split_off(most);
                let piece = std::mem::replace(&mut waiting, rest);
                self.pass(&piece, passed, &mut in_body).await?;
                passed += piece.len() as u64;
            }
        }
    }

    async fn responses(mut self) -> Result<(), Closed> {
        loop {
            let piece = self.read().await?;
            let (passed, mut fault) = {
                let exchange = self.exchange.lock().unwrap();
                (exchange.passed, exchange.answer)
            };
            self.pass(&piece, passed, &mut fault).await?;
            let mut exchange = self.exchange.lock().unwrap();
            exchange.passed += piece.len() as u64;
            exchange.answer = fault;
        }
    }

    async fn read(&mut self) -> Result<Vec<u8>, Closed> {
        let mut piece = vec![0; 64 * 1024];
        match self.from.read(&mut piece).await {
            Ok(read) if read > 0 => {
                piece.truncate(read);
                Ok(piece)
            }
            _ => Err(Closed),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Closed> {
        self.to.write_all(bytes).await.map_err(|_| Closed)
    }

    /// Passes on a piece that starts at byte `start` of its part, up to the disruption and beyond.
    async fn pass(
        &mut self,
        piece: &[u8],
        start: u64,
        waiting: &mut Option<(u64, Disruption)>,
    ) -> Result<(), Closed> {
        let Some((at, what)) = *waiting else { return self.write(piece).await };
        if at >= start + piece.len() as u64 {
            return self.write(piece).await;
        }
        *waiting = None;
        let (before, mut after) = piece.split_at((at - start) as usize);
        self.write(before).await?;
        if self.proxy.is_in_body() {
            // Waits until the bytes have arrived: with a paused clock nothing else waits for the other end.
            while (self.proxy.arrived)() < at {
                tokio::task::yield_now().await;
            }
        }
        self.proxy.state().fault = None;
        match what {
            Disruption::Cut => return Err(Closed),
            Disruption::Stall => {
                self.proxy.pause_clock();
                std::future::pending::<()>().await;
            }
            Disruption::Delay(time) => {
                self.proxy.pause_clock();
                sleep(time).await;
                self.proxy.resume_clock();
            }
            Disruption::SlowBytes(bytes, interval) => {
                self.proxy.pause_clock();
                let (slow, rest) = after.split_at(after.len().min(bytes as usize));
                for byte in slow.chunks(1) {
                    sleep(interval).await;
                    self.write(byte).await?;
                }
                after = rest;
                self.proxy.resume_clock();
            }
        }
        self.write(after).await
    }
}
