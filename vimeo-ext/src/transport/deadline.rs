//! The time for a call as a whole.

use std::time::Duration;

use tokio::time::timeout;
use vimeo_api::{CallTimeout, Error, RawResponse, Request, Sent};

use super::Step;

/// Ends a call that takes too long with all its attempts and waits.
pub(crate) struct Deadline<N> {
    /// The client's limit, if it has one; a call can bring its own.
    pub(crate) total: Option<Duration>,
    pub(crate) next: N,
}

impl<N: Step> Step for Deadline<N> {
    async fn send(&self, request: &mut Request) -> Result<RawResponse, Error> {
        let own = request.extensions.get::<CallTimeout>().map(|timeout| timeout.0);
        let Some(total) = own.or(self.total) else { return self.next.send(request).await };
        // On the heap, so that calls without a time of their own make no room for its timer.
        let ended = Box::pin(timeout(total, self.next.send(request))).await;
        match ended {
            Ok(result) => result,
            Err(_) => Err(Error::TimedOut { operation: request.name(), after: total, sent: Sent::Maybe }),
        }
    }
}
