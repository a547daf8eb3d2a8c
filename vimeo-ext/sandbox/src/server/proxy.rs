//! A proxy for clients whose hosts cannot be changed: what is meant for Vimeo ends here, and nothing else is let through.

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

use super::{Connection, Stop};
use crate::protocol::names;

/// What the proxy leads to.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) acceptor: TlsAcceptor,
    /// Where what was meant for Vimeo is answered, by name.
    pub(crate) router: Router,
    /// The sandbox's own addresses, as `host:port`, with who answers there.
    pub(crate) own: Arc<[(String, Router)]>,
}

/// Serves one client of the proxy.
pub(crate) async fn serve<S>(stream: S, connection: Connection, proxy: Proxy, stop: Stop)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(move |request| {
        let (connection, proxy, stop) = (connection.clone(), proxy.clone(), stop.clone());
        async move { Ok::<_, Infallible>(answer(request, connection, proxy, stop).await) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = served.await {
        tracing::debug!(%error, "a client of the proxy left early");
    }
}

async fn answer(
    mut request: Request<Incoming>,
    connection: Connection,
    proxy: Proxy,
    stop: Stop,
) -> Response<Body> {
    let authority = request.uri().authority().map(ToString::to_string).unwrap_or_default();
    if request.method() == Method::CONNECT {
        let is_meant = authority.strip_suffix(":443").is_some_and(names::is_vimeo);
        if !is_meant {
            return refused(&authority);
        }
        tokio::spawn(stop.until(async move {
            match hyper::upgrade::on(&mut request).await {
                Ok(upgraded) => {
                    super::converse_tls(TokioIo::new(upgraded), connection, proxy.acceptor, proxy.router)
                        .await;
                }
                Err(error) => tracing::debug!(%error, "a client of the proxy did not go on"),
            }
        }));
        return Response::new(Body::empty());
    }
    // Signed links are plain http, and lead here too where a client sends everything through the proxy. Some clients ask for
    // https without a tunnel, with the whole address in the first line.
    let own = proxy.own.iter().find(|(own, _)| *own == authority).map(|(_, router)| router);
    let router = own.or_else(|| is_vimeo(request.uri()).then_some(&proxy.router));
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
        None => refused(&authority),
    }
}

/// Whether a whole address is one of Vimeo's.
fn is_vimeo(uri: &http::Uri) -> bool {
    uri.host().is_some_and(names::is_vimeo) && matches!(uri.port_u16(), None | Some(80 | 443))
}

fn refused(authority: &str) -> Response<Body> {
    let text = format!(
        "vimeo-sandbox is a proxy for {} and the upload hosts alone; \"{authority}\" is not let through.\n",
        names::API
    );
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}
