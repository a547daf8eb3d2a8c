//! Reads the stream of events from one process, and continues after it was killed.

use std::sync::Arc;

use futures_util::StreamExt;
use serde_json::Value;
use tokio::task::JoinHandle;

use super::LAST_ACCOUNT;
use super::processes::Processes;

/// Reads events until that of the last account.
pub(super) struct EventReader(JoinHandle<Vec<Value>>);

impl EventReader {
    pub(super) fn spawn(processes: Arc<Processes>, process: usize) -> Self {
        Self(tokio::spawn(read(processes, process)))
    }

    /// Returns the events in the order in which they came.
    pub(super) async fn join(self) -> Vec<Value> {
        self.0.await.unwrap()
    }
}

async fn read(processes: Arc<Processes>, process: usize) -> Vec<Value> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let (mut events, mut last) = (Vec::new(), "0".to_owned());
    loop {
        let request = client.get(format!("{}/v1/events", processes.url(process)));
        let request = request.bearer_auth(&processes.key).header("last-event-id", &last);
        let Ok(response) = request.send().await else {
            // The process was killed: its successor listens under another address.
            tokio::task::yield_now().await;
            continue;
        };
        assert_eq!(response.status(), 200);
        let mut stream = response.bytes_stream();
        let mut buffer = Vec::new();
        while let Some(Ok(bytes)) = stream.next().await {
            buffer.extend_from_slice(&bytes);
            // An event ends with an empty line; the rest came only in part.
            while let Some(end) = buffer.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = buffer.drain(..end + 2).collect();
                let block = String::from_utf8(block).unwrap();
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
                let (Some(id), Some(data)) = (field("id: "), field("data: ")) else { continue };
                last = id.to_owned();
                let event: Value = serde_json::from_str(data).unwrap();
                let is_last = event["identifier"] == LAST_ACCOUNT;
                events.push(event);
                if is_last {
                    return events;
                }
            }
        }
    }
}
