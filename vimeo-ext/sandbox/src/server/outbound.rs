//! Outgoing requests, which go only to programs on this machine.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::{Host, Url};

/// Limits of a response.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResponseLimits {
    /// How many bytes of its body are read.
    pub(crate) max_bytes: usize,
    /// How long the exchange may take.
    pub(crate) timeout: Duration,
}

impl ResponseLimits {
    /// For webhook deliveries and small requests to another sandbox.
    pub(crate) const CALLBACK: Self = Self { max_bytes: 64 << 20, timeout: Duration::from_secs(10) };
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error(
        "only http to this machine is allowed: {0} is not http, or neither localhost nor a loopback address"
    )]
    NotLocal(Url),
    #[error("timed out after {} seconds", .0.as_secs())]
    Timeout(Duration),
    #[error("the response is incomplete or too large: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
    #[error("cannot connect: {0}")]
    Connect(std::io::Error),
    #[error("HTTP error: {0}")]
    Http(#[from] hyper::Error),
    #[error("invalid request: {0}")]
    Request(#[from] http::Error),
}

/// The loopback addresses of a URL; `None` for other machines and for schemes other than http.
pub(crate) fn local_addresses(url: &Url) -> Option<Vec<SocketAddr>> {
    let port = url.port_or_known_default()?;
    if url.scheme() != "http" {
        return None;
    }
    match url.host()? {
        Host::Ipv4(ip) if ip.is_loopback() => Some(vec![SocketAddr::new(ip.into(), port)]),
        Host::Ipv6(ip) if ip.is_loopback() => Some(vec![SocketAddr::new(ip.into(), port)]),
        // Not resolved: the name must mean this machine, whatever a resolver returns.
        Host::Domain(name) if name.eq_ignore_ascii_case("localhost") => Some(vec![
            SocketAddr::from(([127, 0, 0, 1], port)),
            SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, port)),
        ]),
        _ => None,
    }
}

/// Sends one request and reads the response.
pub(crate) async fn send(
    method: Method,
    url: &Url,
    headers: HeaderMap,
    body: Bytes,
    ResponseLimits { max_bytes, timeout }: ResponseLimits,
) -> Result<(u16, Bytes), SendError> {
    match tokio::time::timeout(timeout, exchange(method, url, headers, body, max_bytes)).await {
        Ok(exchanged) => exchanged,
        Err(_) => Err(SendError::Timeout(timeout)),
    }
}

async fn exchange(
    method: Method,
    url: &Url,
    headers: HeaderMap,
    body: Bytes,
    max_bytes: usize,
) -> Result<(u16, Bytes), SendError> {
    let addresses = local_addresses(url).ok_or_else(|| SendError::NotLocal(url.clone()))?;
    let stream = TcpStream::connect(&*addresses).await.map_err(SendError::Connect)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut request =
        Request::builder().method(method).uri(format!("{}{query}", url.path())).body(Full::new(body))?;
    *request.headers_mut() = headers;
    let host = HeaderValue::from_str(url.authority()).map_err(http::Error::from)?;
    request.headers_mut().insert(header::HOST, host);
    let response = async move {
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), max_bytes).collect().await;
        Ok::<_, SendError>((status, body.map_err(SendError::Body)?.to_bytes()))
    };
    // Drives the connection during the exchange.
    tokio::select! {
        response = response => response,
        Err(error) = connection => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allows_only_loopback_http() {
        for (url, allowed) in [
            ("http://127.0.0.1:80/hook", true),
            ("http://127.9.9.9/", true),
            ("http://[::1]:3000/", true),
            ("http://localhost:3000/a?b=c", true),
            ("https://127.0.0.1/", false),
            ("http://192.168.0.1/", false),
            ("http://example.com/", false),
            ("http://localhost.example.com/", false),
            ("http://0.0.0.0/", false),
            ("ftp://127.0.0.1/", false),
        ] {
            assert_eq!(local_addresses(&Url::parse(url).unwrap()).is_some(), allowed, "{url}");
        }
    }
}
