//! Sends requests over HTTP or over a transport of the program's own.
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
use super::idle_watch::{BodyReadError, IdleWatch, Stalled, WatchedBody};

/// The HTTP client or transport below the pipeline.
pub(crate) enum HttpBackend {
    /// An HTTP client that follows no redirects; this stage follows them within one host.
    Http(reqwest::Client),
    /// An HTTP client of the program's own, which handles redirects as it is configured.
    Client(reqwest::Client),
    /// A transport of the program's own.
    Custom(Arc<dyn Transport>),
}

/// Sends one attempt and reads the whole response, within the timeouts of an attempt.
pub(crate) struct HttpSend {
    pub(crate) backend: HttpBackend,
    pub(crate) stall: Duration,
    pub(crate) attempt: Option<Duration>,
    /// The largest response body, in bytes, that is read into memory.
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
            HttpBackend::Custom(transport) => transport.send(request.clone()).await,
            // Two small futures are cheaper to allocate than a large one, because allocators cache small blocks.
            HttpBackend::Client(client) => Box::pin(self.over_http(client, request, &request.url)).await,
            HttpBackend::Http(client) => {
                let response = Box::pin(self.over_http(client, request, &request.url)).await?;
                if !response.status.is_redirection() {
                    return Ok(response);
                }
                Box::pin(self.follow_redirects(client, request, response)).await
            }
        }
    }

    /// Follows redirects and returns the last response. That is a redirect itself if it leads to another host, if there were too
    /// many, or if following it would change the method of a call that writes.
    async fn follow_redirects(
        &self,
        client: &reqwest::Client,
        request: &Request,
        mut response: RawResponse,
    ) -> Result<RawResponse, Error> {
        let mut at = request.url.clone();
        let mut redirects: u32 = 0;
        while redirects < MAX_REDIRECTS
            && let Some(next) = redirect_target(&request.method, &at, &response)
        {
            at = next;
            redirects = redirects.saturating_add(1);
            response = self.over_http(client, request, &at).await?;
        }
        response.redirects = redirects;
        Ok(response)
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
        let mut progress = None;
        // Only a large body takes long enough to be worth watching.
        if let Some((body, body_progress)) = WatchedBody::new(&request.body) {
            *outgoing.body_mut() = Some(reqwest::Body::wrap(body));
            progress = Some(body_progress);
        } else if !request.body.is_empty() {
            *outgoing.body_mut() = Some(request.body.clone().into());
        }
        let now = Instant::now();
        let timer = pin!(IdleWatch::timer(now, self.stall));
        let mut watch = IdleWatch::new(timer, now, self.stall, progress);
        let mut response = watch.part(client.execute(outgoing)).await.map_err(stalled)?.map_err(broken)?;
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        let limit = self.max_response_size;
        let body = watch.collect(response.bytes_stream(), limit).await.map_err(|error| match error {
            BodyReadError::Stalled => stalled(Stalled),
            BodyReadError::Broken(error) => broken(error),
            BodyReadError::TooLong => Error::ResponseTooLarge { operation: request.name(), status, limit },
        })?;
        Ok(RawResponse::new(status, headers, body))
    }
}

/// Returns the target of a redirect if it can be followed: with the same scheme, host and port, and the same method and body.
///
/// `301`, `302` and `303` turn a call that writes into another call, whose success would say nothing about the first. They are
/// followed for reads only.
fn redirect_target(method: &Method, at: &Url, response: &RawResponse) -> Option<Url> {
    let can_follow = match response.status {
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => {
            matches!(*method, Method::GET | Method::HEAD)
        }
        _ => false,
    };
    let location = response.headers.get(header::LOCATION).filter(|_| can_follow)?;
    let next = at.join(location.to_str().ok()?).ok()?;
    same_origin(&next, at).then_some(next)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn follows_redirects_within_one_host_with_the_same_method() {
        let at = Url::parse("https://api.vimeo.com/me?fields=uri").unwrap();
        let here = "https://api.vimeo.com/users/1";
        // (method, status, location, target)
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
            let response = RawResponse::new(StatusCode::from_u16(status).unwrap(), headers, Bytes::new());
            let found = redirect_target(&method, &at, &response);
            assert_eq!(found.as_ref().map(Url::as_str), next, "{method} {status} {location}");
        }
    }
}
