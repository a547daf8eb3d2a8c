//! The network, or what stands in for it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use vimeo_api::{ConnectionError, Error, RawResponse, Request, Sent, Transport};

use super::Step;
use super::announcement::Announcement;
use super::stall::{Stalled, Unread, Watch, Watched};
use super::standing::Standing;

/// Where requests leave the chain.
pub(crate) enum End {
    /// Over HTTP.
    Http(reqwest::Client),
    /// Over something of the user's.
    Own(Arc<dyn Transport>),
}

/// Sends one attempt and reads the whole answer, within the times for an attempt.
pub(crate) struct Send {
    pub(crate) end: End,
    pub(crate) standing: Standing,
    pub(crate) stall: Duration,
    pub(crate) attempt: Option<Duration>,
    /// The most bytes of an answer that are held in memory.
    pub(crate) answer_limit: u64,
}

impl Step for Send {
    async fn send(&self, request: &mut Request) -> Result<RawResponse, Error> {
        if let Some(announcement) = request.extensions.get::<Announcement>() {
            announcement.make(request).await?;
        }
        let Some(limit) = self.attempt else { return self.exchange(request).await };
        match Box::pin(timeout(limit, self.exchange(request))).await {
            Ok(result) => result,
            Err(_) => Err(Error::TimedOut { operation: request.name(), after: limit, sent: Sent::Maybe }),
        }
    }
}

impl Send {
    async fn exchange(&self, request: &Request) -> Result<RawResponse, Error> {
        match &self.end {
            End::Own(transport) => transport.send(request.clone()).await,
            // Two small futures are cheaper to have than a large one: allocators keep small places at hand.
            End::Http(client) => Box::pin(self.over_http(client, request)).await,
        }
    }

    async fn over_http(&self, client: &reqwest::Client, request: &Request) -> Result<RawResponse, Error> {
        let stalled =
            |_: Stalled| Error::TimedOut { operation: request.name(), after: self.stall, sent: Sent::Maybe };
        let broken = |error| Error::from(ConnectionError::new(&request.name(), error));
        let mut outgoing = reqwest::Request::new(request.method.clone(), request.url.clone());
        *outgoing.headers_mut() = request.headers.clone();
        let mut moved = None;
        // Only a large body takes long enough to be watched.
        if let Some((body, notes)) = Watched::new(&request.body) {
            *outgoing.body_mut() = Some(reqwest::Body::wrap(body));
            moved = Some(notes);
        } else if !request.body.is_empty() {
            *outgoing.body_mut() = Some(request.body.clone().into());
        }
        let now = Instant::now();
        self.standing.keep(now, self.stall);
        let timer = pin!(Watch::timer(now, self.stall));
        let mut watch = Watch::new(timer, now, self.stall, moved);
        let mut answer = watch.part(client.execute(outgoing)).await.map_err(stalled)?.map_err(broken)?;
        let status = answer.status();
        let headers = std::mem::take(answer.headers_mut());
        let limit = self.answer_limit;
        let body = watch.collect(answer.bytes_stream(), limit).await.map_err(|unread| match unread {
            Unread::Stalled => stalled(Stalled),
            Unread::Broken(error) => broken(error),
            Unread::TooLong => Error::TooLong { operation: request.name(), status, limit },
        })?;
        Ok(RawResponse::new(status, headers, body))
    }
}
