//! The request log as server-sent events.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Response, StatusCode, header};

use super::{ControlError, ControlRequest, Outcome, Reply};
use crate::request_log::{ChangeReceiver, Changes, MAX_SUBSCRIBERS, RequestLog};

/// Changes are sent in batches: an upload changes its entry with every piece.
const BATCH_INTERVAL: Duration = Duration::from_millis(100);

/// A comment keeps connections through proxies open.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

struct Subscription {
    log: RequestLog,
    changes: ChangeReceiver,
    world: u64,
    seen: Option<Changes>,
}

/// Sends the newest entries of a world, and then every entry that is new or has changed, as the event `entry`. When entries
/// were removed: `cleared`, and then the newest of those that are left.
pub(super) fn follow(request: &ControlRequest<'_>) -> Outcome {
    let world = request.world()?.id;
    let log = request.app.request_log.clone();
    let changes = log.subscribe().ok_or_else(|| {
        let message = format!(
            "{MAX_SUBSCRIBERS} clients follow the request log already; close one, or read GET /_sandbox/requests."
        );
        ControlError::new(StatusCode::SERVICE_UNAVAILABLE, message)
    })?;
    let subscription = Subscription { log, changes, world, seen: None };
    let events = stream::unfold(subscription, |mut subscription| async move {
        let text = subscription.next().await;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(text)), subscription))
    });
    let mut response = Response::new(Body::from_stream(events));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(Reply::Response(response))
}

impl Subscription {
    /// The next events as text.
    async fn next(&mut self) -> String {
        // The first batch comes at once, even if it is empty: the client sees that it is connected.
        if self.seen.is_some() {
            // The log sends as long as this has it; the connection ends with the sandbox.
            if tokio::time::timeout(KEEP_ALIVE_INTERVAL, self.changes.changed()).await.is_err() {
                return ": keep-alive\n\n".to_owned();
            }
            tokio::time::sleep(BATCH_INTERVAL).await;
        }
        self.changes.mark_seen();
        let (entries, now) = self.log.changed_since(self.seen, self.world);
        let mut text = ": connected\n\n".to_owned();
        if self.seen.is_some_and(|seen| seen.removals != now.removals) {
            text.push_str("event: cleared\ndata: {}\n\n");
        }
        self.seen = Some(now);
        for entry in &entries {
            text.push_str("event: entry\ndata: ");
            text.push_str(&entry.to_detailed_json());
            text.push_str("\n\n");
        }
        text
    }
}
