//! The time for a call as a whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::timeout;
use vimeo_api::{CallTimeout, Delivery, Error, RawResponse, Request};

use super::Stage;

/// Ends a call that takes too long with all its attempts and waits.
pub(crate) struct Deadline<N> {
    /// The client's limit, if it has one; a call can bring its own.
    pub(crate) total: Option<Duration>,
    pub(crate) next: N,
}

impl<N: Stage> Stage for Deadline<N> {
    async fn send(&self, request: &mut Request) -> Result<RawResponse, Error> {
        let own = request.extensions.get::<CallTimeout>().map(|timeout| timeout.0);
        let Some(total) = own.or(self.total) else { return self.next.send(request).await };
        let flag = SentFlag::default();
        request.extensions.insert(flag.clone());
        // On the heap, so that calls without a time of their own make no room for its timer.
        let ended = Box::pin(timeout(total, self.next.send(request))).await;
        match ended {
            Ok(result) => result,
            Err(_) => {
                Err(Error::TimedOut { operation: request.name(), after: total, delivery: flag.delivery() })
            }
        }
    }
}

/// Whether any attempt of a call has left. A call that only waited for the rate limit or a new token has not.
#[derive(Debug, Clone, Default)]
pub(super) struct SentFlag(Arc<AtomicBool>);

impl SentFlag {
    /// Sets it, as an attempt of the call leaves now.
    pub(super) fn set(request: &Request) {
        if let Some(flag) = request.extensions.get::<Self>() {
            flag.0.store(true, Ordering::Relaxed);
        }
    }

    fn delivery(&self) -> Delivery {
        if self.0.load(Ordering::Relaxed) { Delivery::Unknown } else { Delivery::NotSent }
    }
}
