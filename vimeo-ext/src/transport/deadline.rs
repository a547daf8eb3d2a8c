//! The time for a call as a whole.

use std::time::Duration;

use tokio::time::timeout;
use vimeo_api::{Error, RawResponse, Request, Sent};

use super::Step;

/// Ends a call that takes too long with all its attempts and waits.
pub(crate) struct Deadline<N> {
    pub(crate) total: Option<Duration>,
    pub(crate) next: N,
}

impl<N: Step> Step for Deadline<N> {
    async fn send(&self, request: &mut Request) -> Result<RawResponse, Error> {
        let Some(total) = self.total else { return self.next.send(request).await };
        match timeout(total, self.next.send(request)).await {
            Ok(result) => result,
            Err(_) => Err(Error::TimedOut { operation: request.name(), after: total, sent: Sent::Maybe }),
        }
    }
}
