//! The network, or what stands in for it.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode, header};
use tokio::time::{Instant, timeout};
use url::Url;
use vimeo_api::{ConnectionError, Delivery, Error, MAX_REDIRECTS, RawResponse, Request, Transport};

use super::Stage;
use super::authenticate::same_origin;
use super::before_send::BeforeSend;
use super::deadline::SentFlag;
use super::idle_watch::{BodyReadError, IdleBody, IdleWatch, Stalled};
use super::timer_keep_alive::TimerKeepAlive;

/// Where requests leave the chain.
pub(crate) enum HttpBackend {
    /// Over HTTP. The client follows no redirect; this does, within one host.
    Http(reqwest::Client),
    /// Over HTTP with a client of the user's, which does with redirects as it was set up.
    Client(reqwest::Client),
    /// Over something of the user's.
    Own(Arc<dyn Transport>),
}

/// Sends one attempt and reads the whole answer, within the times for an attempt.
pub(crate) struct HttpSend {
    pub(crate) backend: HttpBackend,
    pub(crate) keep_alive: TimerKeepAlive,
    pub(crate) stall: Duration,
    pub(crate) attempt: Option<Duration>,
    /// The most bytes of an answer that are held in memory.
    pub(crate) max_response_size: u64,
}

impl Stage for HttpSend {
    async fn send(&self, request: &mut Request) -> Result<RawResponse, Error> {
        if let Some(before) = request.extensions.get::<BeforeSend>() {
            before.run(request).await?;
        }
        SentFlag::set(request);
        let Some(limit) = self.attempt else { return self.exchange(request).await };
        match Box::pin(timeout(limit, self.exchange(request))).await {
            Ok(result) => result,
            Err(_) => {
                Err(Error::TimedOut { operation: request.name(), after: limit, delivery: Delivery::Unknown })
            }
        }
    }
}

impl HttpSend {
    async fn exchange(&self, request: &Request) -> Result<RawResponse, Error> {
        match &self.backend {
            HttpBackend::Own(transport) => transport.send(request.clone()).await,
            // Two small futures are cheaper to have than a large one: allocators keep small places at hand.
            HttpBackend::Client(client) => Box::pin(self.over_http(client, request, &request.url)).await,
            HttpBackend::Http(client) => {
                let answer = Box::pin(self.over_http(client, request, &request.url)).await?;
                if !answer.status.is_redirection() {
                    return Ok(answer);
                }
                Box::pin(self.follow(client, request, answer)).await
            }
        }
    }

    /// Goes where a redirect leads, again and again, and gives back what comes at the end: a redirect, where it leads to
    /// another host, or too many came, or the call changes something and would not be the same call there.
    async fn follow(
        &self,
        client: &reqwest::Client,
        request: &Request,
        mut answer: RawResponse,
    ) -> Result<RawResponse, Error> {
        let mut at = request.url.clone();
        let mut redirects: u32 = 0;
        while redirects < MAX_REDIRECTS
            && let Some(next) = next_place(&request.method, &at, &answer)
        {
            at = next;
            redirects = redirects.saturating_add(1);
            answer = self.over_http(client, request, &at).await?;
        }
        answer.redirects = redirects;
        Ok(answer)
    }

    async fn over_http(
        &self,
        client: &reqwest::Client,
        request: &Request,
        url: &Url,
    ) -> Result<RawResponse, Error> {
        let stalled = |_: Stalled| Error::TimedOut {
            operation: request.name(),
            after: self.stall,
            delivery: Delivery::Unknown,
        };
        let broken = |error| Error::from(ConnectionError::new(&request.name(), error));
        let mut outgoing = reqwest::Request::new(request.method.clone(), url.clone());
        *outgoing.headers_mut() = request.headers.clone();
        let mut moved = None;
        // Only a large body takes long enough to be watched.
        if let Some((body, notes)) = IdleBody::new(&request.body) {
            *outgoing.body_mut() = Some(reqwest::Body::wrap(body));
            moved = Some(notes);
        } else if !request.body.is_empty() {
            *outgoing.body_mut() = Some(request.body.clone().into());
        }
        let now = Instant::now();
        self.keep_alive.keep(now, self.stall);
        let timer = pin!(IdleWatch::timer(now, self.stall));
        let mut watch = IdleWatch::new(timer, now, self.stall, moved);
        let mut answer = watch.part(client.execute(outgoing)).await.map_err(stalled)?.map_err(broken)?;
        let status = answer.status();
        let headers = std::mem::take(answer.headers_mut());
        let limit = self.max_response_size;
        let body = watch.collect(answer.bytes_stream(), limit).await.map_err(|unread| match unread {
            BodyReadError::Stalled => stalled(Stalled),
            BodyReadError::Broken(error) => broken(error),
            BodyReadError::TooLong => Error::ResponseTooLarge { operation: request.name(), status, limit },
        })?;
        Ok(RawResponse::new(status, headers, body))
    }
}

/// Where a redirect leads that may be followed: to the same scheme, host and port, with the same method and body.
///
/// `301`, `302` and `303` make another call of one that changes something, whose success would say nothing of the first:
/// they are followed for reading calls alone.
fn next_place(method: &Method, at: &Url, answer: &RawResponse) -> Option<Url> {
    let may_follow = match answer.status {
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => {
            matches!(*method, Method::GET | Method::HEAD)
        }
        _ => false,
    };
    let location = answer.headers.get(header::LOCATION).filter(|_| may_follow)?;
    let next = at.join(location.to_str().ok()?).ok()?;
    same_origin(&next, at).then_some(next)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_redirect_is_followed_within_one_host_and_never_to_another_call() {
        let at = Url::parse("https://api.vimeo.com/me?fields=uri").unwrap();
        let here = "https://api.vimeo.com/users/1";
        // (method, status, location, where it leads)
        let table = [
            (Method::GET, 302, here, Some(here)),
            (Method::GET, 302, "/users/1", Some(here)),
            (Method::HEAD, 301, here, Some(here)),
            (Method::GET, 303, here, Some(here)),
            (Method::GET, 307, here, Some(here)),
            (Method::POST, 307, here, Some(here)),
            (Method::PATCH, 308, here, Some(here)),
            (Method::PATCH, 302, here, None),
            (Method::POST, 302, here, None),
            (Method::POST, 303, here, None),
            (Method::DELETE, 301, here, None),
            (Method::PUT, 302, here, None),
            (Method::GET, 300, here, None),
            (Method::GET, 304, here, None),
            (Method::GET, 302, "", Some("https://api.vimeo.com/me?fields=uri")),
            (Method::GET, 302, "http://api.vimeo.com/users/1", None),
            (Method::GET, 302, "https://api.vimeo.com:8443/users/1", None),
            (Method::GET, 302, "https://user@api.vimeo.com/users/1", None),
            (Method::GET, 302, "//portal.example/", None),
            (Method::GET, 302, "file:///etc/passwd", None),
            (Method::GET, 302, "https://[", None),
        ];
        for (method, status, location, next) in table {
            let headers = [(header::LOCATION, location.parse().unwrap())].into_iter().collect();
            let answer = RawResponse::new(StatusCode::from_u16(status).unwrap(), headers, Bytes::new());
            let found = next_place(&method, &at, &answer);
            assert_eq!(found.as_ref().map(Url::as_str), next, "{method} {status} {location}");
        }
    }
}
