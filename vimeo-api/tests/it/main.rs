//! Tests of the public API, with an in-memory transport.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod operations;
mod requests;
mod responses;
mod schemas;

use std::sync::{Arc, Mutex};

use http::{HeaderMap, StatusCode};
use vimeo_api::{Client, DecodeMode, RawResponse, Request, Transport, TransportFuture};

/// Records requests and sends the same response to each.
#[derive(Clone)]
struct FakeTransport {
    status: StatusCode,
    body: &'static str,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl FakeTransport {
    fn responding(status: u16, body: &'static str) -> Self {
        Self { status: StatusCode::from_u16(status).unwrap(), body, requests: Arc::default() }
    }

    fn client(&self) -> Client {
        Client::builder().transport(self.clone()).build().unwrap()
    }

    fn strict_client(&self) -> Client {
        Client::builder().transport(self.clone()).decode_mode(DecodeMode::Strict).build().unwrap()
    }

    fn take_request(&self) -> Request {
        self.requests.lock().unwrap().pop().expect("a request was sent")
    }

    fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

impl Transport for FakeTransport {
    fn send(&self, request: Request) -> TransportFuture<'_> {
        self.requests.lock().unwrap().push(request);
        let response = RawResponse::new(self.status, HeaderMap::new(), self.body.into());
        Box::pin(async move { Ok(response) })
    }
}

/// Polls a future that never waits.
fn run<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("a call over the in-memory transport never waits"),
    }
}
