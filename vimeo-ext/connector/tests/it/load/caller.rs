//! Calls to either process, and whether they were acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use tokio::sync::watch;

use super::processes::Processes;

/// Bounds the attempts of a call that must succeed.
const MAX_ATTEMPTS: usize = 200;

/// A response.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

/// Makes calls to both processes in turn. Cheap to clone.
#[derive(Clone)]
pub(super) struct Caller {
    client: Client,
    processes: Arc<Processes>,
    turn: Arc<AtomicUsize>,
    acknowledged: Arc<watch::Sender<usize>>,
    unknown: Arc<AtomicUsize>,
}

impl Caller {
    pub(super) fn new(processes: Arc<Processes>) -> Self {
        Self {
            client: Client::builder().no_proxy().build().unwrap(),
            processes,
            turn: Arc::default(),
            acknowledged: Arc::new(watch::Sender::new(0)),
            unknown: Arc::default(),
        }
    }

    pub(super) fn acknowledged(&self) -> usize {
        *self.acknowledged.borrow()
    }

    pub(super) fn unknown(&self) -> usize {
        self.unknown.load(Ordering::Relaxed)
    }

    pub(super) async fn wait_for_acknowledged(&self, count: usize) {
        self.acknowledged.subscribe().wait_for(|acknowledged| *acknowledged >= count).await.unwrap();
    }

    /// Sends a request once; `None` if its outcome is unknown: it may have reached a process that was killed.
    pub(super) async fn once(&self, method: Method, path: &str, body: Option<&Value>) -> Option<Answer> {
        self.send(|client, url| {
            let request = client.request(method.clone(), format!("{url}{path}"));
            match body {
                Some(body) => request.header("content-type", "application/json").body(body.to_string()),
                None => request,
            }
        })
        .await
    }

    /// Sends the request that `build` makes for the address of a process. A request that nobody received is sent to the other
    /// process.
    pub(super) async fn send(&self, build: impl Fn(&Client, &str) -> RequestBuilder) -> Option<Answer> {
        for _ in 0..MAX_ATTEMPTS {
            let url = self.processes.url(self.turn.fetch_add(1, Ordering::Relaxed) % 2);
            match build(&self.client, &url).bearer_auth(&self.processes.key).send().await {
                Ok(response) => {
                    let (status, headers) = (response.status().as_u16(), response.headers().clone());
                    let Ok(bytes) = response.bytes().await else { break };
                    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
                    if status < 300 {
                        self.acknowledged.send_modify(|count| *count += 1);
                    }
                    return Some(Answer { status, headers, body });
                }
                Err(error) if error.is_connect() => {}
                Err(_) => break,
            }
        }
        self.unknown.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// Repeats an idempotent request until it is acknowledged; returns the answer and the number of unknown outcomes before.
    pub(super) async fn until_acknowledged(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (Answer, usize) {
        let mut unknown = 0;
        for _ in 0..MAX_ATTEMPTS {
            match self.once(method.clone(), path, body.as_ref()).await {
                Some(answer) if is_final(&method, &answer, unknown) => return (answer, unknown),
                // Both processes change the same record, or a process of the sandbox's account is gone: try again.
                Some(answer) if answer.status == 503 || answer.body["code"] == "temporary" => {}
                Some(answer) => panic!("{method} {path}: {answer:?}"),
                None => unknown += 1,
            }
        }
        panic!("{method} {path} was never acknowledged");
    }
}

/// Whether the caller knows now that the request took effect. A repeated deletion finds nothing.
fn is_final(method: &Method, answer: &Answer, unknown: usize) -> bool {
    answer.status < 300 || (*method == Method::DELETE && unknown > 0 && answer.status == 404)
}
