//! The few requests that the sandbox sends itself: to programs on this machine, and nowhere else.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::{Host, Url};

/// What an answer may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// How many bytes of it are read.
    pub(crate) max_bytes: usize,
    /// How long it may take.
    pub(crate) timeout: Duration,
}

impl Bounds {
    /// For a program that is told of something, and a sandbox that is asked for little.
    pub(crate) const CALLBACK: Self = Self { max_bytes: 64 << 20, timeout: Duration::from_secs(10) };
}

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error(
        "only http to this machine is sent to: {0} is neither localhost nor a loopback address, or not http"
    )]
    Elsewhere(Url),
    #[error("no answer within {} seconds", .0.as_secs())]
    TooSlow(Duration),
    #[error("the answer broke off, or was too long: {0}")]
    Answer(Box<dyn std::error::Error + Send + Sync>),
    #[error("cannot connect: {0}")]
    Connect(std::io::Error),
    #[error("the exchange failed: {0}")]
    Http(#[from] hyper::Error),
    #[error("the request cannot be written: {0}")]
    Request(#[from] http::Error),
}

/// The address of this machine that a URL means; `None` for any other machine, and for anything but http.
pub(crate) fn local(url: &Url) -> Option<Vec<SocketAddr>> {
    let port = url.port_or_known_default()?;
    if url.scheme() != "http" {
        return None;
    }
    match url.host()? {
        Host::Ipv4(ip) if ip.is_loopback() => Some(vec![SocketAddr::new(ip.into(), port)]),
        Host::Ipv6(ip) if ip.is_loopback() => Some(vec![SocketAddr::new(ip.into(), port)]),
        // Not resolved: the name means this machine whatever a resolver says.
        Host::Domain(name) if name.eq_ignore_ascii_case("localhost") => Some(vec![
            SocketAddr::from(([127, 0, 0, 1], port)),
            SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, port)),
        ]),
        _ => None,
    }
}

/// Sends one request and reads the answer.
pub(crate) async fn send(
    method: Method,
    url: &Url,
    headers: HeaderMap,
    body: Bytes,
    Bounds { max_bytes, timeout }: Bounds,
) -> Result<(u16, Bytes), SendError> {
    match tokio::time::timeout(timeout, exchange(method, url, headers, body, max_bytes)).await {
        Ok(exchanged) => exchanged,
        Err(_) => Err(SendError::TooSlow(timeout)),
    }
}

async fn exchange(
    method: Method,
    url: &Url,
    headers: HeaderMap,
    body: Bytes,
    max_bytes: usize,
) -> Result<(u16, Bytes), SendError> {
    let addresses = local(url).ok_or_else(|| SendError::Elsewhere(url.clone()))?;
    let stream = TcpStream::connect(&*addresses).await.map_err(SendError::Connect)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut request =
        Request::builder().method(method).uri(format!("{}{query}", url.path())).body(Full::new(body))?;
    *request.headers_mut() = headers;
    let host = HeaderValue::from_str(url.authority()).map_err(http::Error::from)?;
    request.headers_mut().insert(header::HOST, host);
    let answered = async move {
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), max_bytes).collect().await;
        Ok::<_, SendError>((status, body.map_err(SendError::Answer)?.to_bytes()))
    };
    // The connection is driven beside the exchange, and ends with it.
    tokio::select! {
        answered = answered => answered,
        Err(error) = connection => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_this_machine() {
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
            assert_eq!(local(&Url::parse(url).unwrap()).is_some(), allowed, "{url}");
        }
    }
}
