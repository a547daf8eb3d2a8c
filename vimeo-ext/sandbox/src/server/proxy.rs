//! An HTTP proxy for clients whose base URL cannot be changed: requests to Vimeo go to the sandbox, all others are rejected.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio_rustls::TlsAcceptor;

use super::{Connection, ShutdownSignal};
use crate::protocol::names;

/// The targets of the proxy.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) acceptor: TlsAcceptor,
    /// Handles requests to Vimeo's hosts.
    pub(crate) router: Router,
    /// The sandbox's own addresses, as `host:port`, with their routers.
    pub(crate) own: Arc<[(String, Router)]>,
}

/// Serves a proxy connection.
pub(crate) async fn serve<S>(stream: S, connection: Connection, proxy: Proxy, stop: ShutdownSignal)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(move |request| {
        let (connection, proxy, stop) = (connection.clone(), proxy.clone(), stop.clone());
        async move { Ok::<_, Infallible>(handle(request, connection, proxy, stop).await) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = served.await {
        tracing::debug!(%error, "proxy connection closed early");
    }
}

async fn handle(
    mut request: Request<Incoming>,
    connection: Connection,
    proxy: Proxy,
    stop: ShutdownSignal,
) -> Response<Body> {
    let authority = request.uri().authority().map(ToString::to_string).unwrap_or_default();
    if request.method() == Method::CONNECT {
        if !is_vimeo(request.uri(), &[443]) {
            return reject(request.uri(), "443");
        }
        tokio::spawn(stop.until(async move {
            match hyper::upgrade::on(&mut request).await {
                Ok(upgraded) => {
                    super::serve_tls(TokioIo::new(upgraded), connection, proxy.acceptor, proxy.router).await;
                }
                Err(error) => tracing::debug!(%error, "CONNECT upgrade failed"),
            }
        }));
        return Response::new(Body::empty());
    }
    // Signed links are plain http, and clients that proxy everything send them here. Some clients request https URLs in
    // absolute form, without a tunnel.
    let own = proxy.own.iter().find(|(own, _)| *own == authority).map(|(_, router)| router);
    let router = own.or_else(|| is_vimeo(request.uri(), &[80, 443]).then_some(&proxy.router));
    match router {
        Some(router) => {
            if !request.headers().contains_key(header::HOST)
                && let Ok(host) = HeaderValue::try_from(&authority)
            {
                request.headers_mut().insert(header::HOST, host);
            }
            let path = request.uri().path_and_query().cloned();
            *request.uri_mut() = path.map(http::Uri::from).unwrap_or_default();
            request.extensions_mut().insert(connection);
            let Ok(response) = TowerToHyperService::new(router.clone()).call(request).await;
            response
        }
        None => reject(request.uri(), "80 or 443"),
    }
}

/// Whether a URI names one of Vimeo's hosts with one of these ports, or without a port.
fn is_vimeo(uri: &http::Uri, ports: &[u16]) -> bool {
    uri.host().is_some_and(names::is_vimeo) && uri.port_u16().is_none_or(|port| ports.contains(&port))
}

fn reject(uri: &http::Uri, ports: &str) -> Response<Body> {
    let requested = uri.authority().map_or("", |authority| authority.as_str());
    let text = match uri.host() {
        Some(host) if names::is_vimeo(host) => {
            format!("The sandbox's proxy serves {host} on port {ports}, but \"{requested}\" was requested.\n")
        }
        Some(_) => format!(
            "The sandbox's proxy serves only {} and the upload hosts, but \"{requested}\" was requested.\n",
            names::API
        ),
        None => {
            "A request to the sandbox's proxy must have an absolute URL or the method CONNECT.\n".to_owned()
        }
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}
