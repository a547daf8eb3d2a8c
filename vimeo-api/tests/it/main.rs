//! The low-level crate as its users see it, with a transport that answers from memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod answers;
mod operations;
mod requests;
mod schemas;

use std::sync::{Arc, Mutex};

use http::{HeaderMap, StatusCode};
use vimeo_api::{Client, DecodeMode, RawResponse, Request, Transport, TransportFuture};

/// Keeps what is sent, and answers every call alike.
#[derive(Clone)]
struct Memory {
    status: StatusCode,
    body: &'static str,
    sent: Arc<Mutex<Vec<Request>>>,
}

impl Memory {
    fn answering(status: u16, body: &'static str) -> Self {
        Self { status: StatusCode::from_u16(status).unwrap(), body, sent: Arc::default() }
    }

    fn client(&self) -> Client {
        Client::builder().transport(self.clone()).build().unwrap()
    }

    fn strict_client(&self) -> Client {
        Client::builder().transport(self.clone()).decode_mode(DecodeMode::Strict).build().unwrap()
    }

    fn sent(&self) -> Request {
        self.sent.lock().unwrap().pop().expect("a request was sent")
    }

    fn count(&self) -> usize {
        self.sent.lock().unwrap().len()
    }
}

impl Transport for Memory {
    fn send(&self, request: Request) -> TransportFuture<'_> {
        self.sent.lock().unwrap().push(request);
        let answer = RawResponse::new(self.status, HeaderMap::new(), self.body.into());
        Box::pin(async move { Ok(answer) })
    }
}

/// Runs a future of this crate; with the transport above it never waits.
fn now<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("a call over a transport from memory waits for nothing"),
    }
}
