//! The total timeout of a call.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::timeout;
use vimeo_api::{CallTimeout, Delivery, Error, RawResponse, Request};

use super::Stage;

/// Ends a call that takes too long, including all its attempts and waits.
pub(crate) struct Deadline<N> {
    /// The client's timeout, if it has one; a call can set its own.
    pub(crate) total: Option<Duration>,
    pub(crate) next: N,
}

impl<N: Stage> Stage for Deadline<N> {
    async fn send(&self, request: &mut Request) -> Result<RawResponse, Error> {
        let own = request.extensions.get::<CallTimeout>().map(|timeout| timeout.0);
        let Some(total) = own.or(self.total) else { return self.next.send(request).await };
        let flag = SentFlag::default();
        request.extensions.insert(flag.clone());
        // On the heap, so that the futures of calls without a timeout stay small.
        let result = Box::pin(timeout(total, self.next.send(request))).await;
        match result {
            Ok(result) => result,
            Err(_) => {
                Err(Error::TimedOut { operation: request.name(), after: total, delivery: flag.delivery() })
            }
        }
    }
}

/// Whether any attempt of a call was sent. A call that only waited for the rate limit or a new token has sent none.
#[derive(Debug, Clone, Default)]
pub(super) struct SentFlag(Arc<AtomicBool>);

impl SentFlag {
    /// Sets the flag, because an attempt of the call is sent now.
    pub(super) fn set(request: &Request) {
        if let Some(flag) = request.extensions.get::<Self>() {
            flag.0.store(true, Ordering::Relaxed);
        }
    }

    fn delivery(&self) -> Delivery {
        if self.0.load(Ordering::Relaxed) { Delivery::Unknown } else { Delivery::NotSent }
    }
}
