//! Records exchanges with a real API as a fixture: a proxy on localhost that forwards requests and stores the exchanges,
//! without what is private in them. The module `recording` explains the format and what is stored.
//!
//! # Design
//!
//! - Two listeners on 127.0.0.1, as a sandbox has them: requests to the first go to the API, and requests to the second go
//!   to the upload hosts. Upload links in responses lead to the second listener. Its paths begin with the number of the
//!   upload host, `/0/files/…`, in the order in which responses named the hosts. Links to files, pictures and pages stay as they are: reading
//!   them is not recorded. With https and the proxy, requests to Vimeo's own host names arrive here as well.
//! - `Authorization` and cookies go to the API only, never to an upload host. The recorder has no credentials of its own.
//! - A response goes to the client with its status, its headers and its bytes, except for upload links, for links to the
//!   API in `paging` and for `Location`. Redirects are not followed.
//! - Bodies of the API and responses of upload hosts are limited to 16 MiB; the bytes of an upload pass through
//!   without a limit and are not stored. A response must be complete within the timeout. An upload may take as long as it
//!   likes, but not stop for longer than the timeout.
//! - An exchange is stored before its response goes to the client, so a recording is complete when the client has ended.
//!   A recording has at most 16 MiB, the size that the sandbox reads; later exchanges are counted and left out.
//! - If the API does not respond, the client gets 502 or 504 with a JSON error. These are not recorded.

mod forward;
mod links;
mod storage;
mod target;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use crate::app::StartError;
use crate::server::authority::Authority;
use crate::server::proxy::Proxy;
use crate::server::{self, Listener, ListenerKind, tls};
use forward::Shared;
use target::Target;

/// How long a response may take, and an upload may stop, unless set otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// Configures and starts a [`Recorder`].
#[derive(Debug, Clone)]
#[must_use]
pub struct RecorderBuilder {
    base_url: Url,
    timeout: Duration,
    https_port: Option<u16>,
    proxy_port: Option<u16>,
}

impl RecorderBuilder {
    /// Sets how long a response of the API may take, and how long an upload may stop. Default: 60 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Listens for https as well, on this port (0 for a free one), under Vimeo's host names.
    pub fn https(mut self, port: u16) -> Self {
        self.https_port = Some(port);
        self
    }

    /// Listens as an HTTP proxy as well, on this port (0 for a free one), for clients whose host cannot be changed.
    /// Enables https.
    pub fn proxy(mut self, port: u16) -> Self {
        self.proxy_port = Some(port);
        self.https_port.get_or_insert(0);
        self
    }

    /// Starts the recorder on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// If the base URL is neither https nor http to this machine, the system's certificates cannot be read, or a port
    /// cannot be bound.
    pub async fn start(self) -> Result<Recorder, StartError> {
        let target = Target::new(self.base_url)?;
        let http = tokio::task::spawn_blocking({
            let target = target.clone();
            move || target.http_client()
        });
        let http = http.await.unwrap_or_else(|error| Err(StartError::RuntimeStopped(error.to_string())))?;
        let (api, url) = listen(0).await?;
        let (upload, upload_url) = listen(0).await?;
        let shared = Arc::new(Shared::new(http, target, &url, &upload_url, self.timeout));
        let (api_router, upload_router) = (forward::api_router(&shared), forward::upload_router(&shared));
        let mut listeners = vec![
            (Listener::Tcp(api), ListenerKind::Plain(api_router.clone())),
            (Listener::Tcp(upload), ListenerKind::Plain(upload_router.clone())),
        ];
        let (mut https_url, mut proxy_url, mut authority) = (None, None, None);
        if let Some(port) = self.https_port {
            let (https, mut address) = listen(port).await?;
            // Setting the scheme of a URL that was just built cannot fail.
            let _ = address.set_scheme("https");
            https_url = Some(address);
            let created = tokio::task::spawn_blocking(|| tls::create(None)).await;
            let created = created.unwrap_or_else(|error| Err(std::io::Error::other(error)));
            let (created, acceptor) = created.map_err(StartError::Certificate)?;
            authority = Some(created);
            let router = forward::named_host_router(&shared);
            listeners.push((Listener::Tcp(https), ListenerKind::Tls(acceptor.clone(), router.clone())));
            if let Some(port) = self.proxy_port {
                let (listener, address) = listen(port).await?;
                proxy_url = Some(address);
                let own = [(&url, api_router), (&upload_url, upload_router)];
                let own = own.map(|(url, router)| (url.authority().to_owned(), router)).into();
                listeners
                    .push((Listener::Tcp(listener), ListenerKind::Proxy(Proxy { acceptor, router, own })));
            }
        }
        let servers = listeners
            .into_iter()
            .map(|(listener, kind)| tokio::spawn(server::serve(listener, kind)))
            .collect();
        Ok(Recorder { shared, url, upload_url, https_url, proxy_url, authority, servers })
    }
}

/// A proxy that records the exchanges with a real API as a fixture. Dropping it stops it and discards the recording.
///
/// ```
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use vimeo_sandbox::{Fixture, Recorder, Sandbox};
///
/// # let target = Sandbox::start().await?;
/// // For the real API: `Url::parse("https://api.vimeo.com")?`.
/// let recorder = Recorder::builder(target.url().clone()).start().await?;
/// println!("VIMEO_BASE_URL={}", recorder.url());
/// let recording = recorder.stop().await;
///
/// let sandbox = Sandbox::start().await?;
/// sandbox.fill(sandbox.world(), &Fixture::Recording(recording.fixture))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Recorder {
    shared: Arc<Shared>,
    url: Url,
    upload_url: Url,
    https_url: Option<Url>,
    proxy_url: Option<Url>,
    authority: Option<Authority>,
    servers: Vec<JoinHandle<()>>,
}

/// A finished recording.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recording {
    /// The text of the fixture, for [`Fixture::Recording`](crate::Fixture::Recording) or a file.
    pub fixture: String,
    /// How many exchanges the recording contains.
    pub exchanges: usize,
    /// How many exchanges were left out because the recording was full.
    pub left_out: usize,
    /// How many requests got no complete response from the API.
    pub failed: usize,
}

impl Recorder {
    /// Returns a builder for a recorder of the API at this URL: https, or http to this machine.
    pub fn builder(base_url: Url) -> RecorderBuilder {
        RecorderBuilder { base_url, timeout: DEFAULT_TIMEOUT, https_port: None, proxy_port: None }
    }

    /// Returns the base URL for the client.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the base URL of upload links in responses.
    #[must_use]
    pub fn upload_url(&self) -> &Url {
        &self.upload_url
    }

    /// Returns the https base URL, if https was requested.
    #[must_use]
    pub fn https_url(&self) -> Option<&Url> {
        self.https_url.as_ref()
    }

    /// Returns the proxy's URL, if a proxy was requested.
    #[must_use]
    pub fn proxy_url(&self) -> Option<&Url> {
        self.proxy_url.as_ref()
    }

    /// Returns the path of the certificate authority in PEM format. The file is deleted with the recorder.
    #[must_use]
    pub fn ca_file(&self) -> Option<&std::path::Path> {
        self.authority.as_ref().map(Authority::path)
    }

    /// Stops the recorder and returns the recording. Requests in progress are cut off and not recorded.
    pub async fn stop(mut self) -> Recording {
        for server in &mut self.servers {
            server.abort();
            let _ = server.await;
        }
        self.shared.finish()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.servers.iter().for_each(JoinHandle::abort);
    }
}

async fn listen(port: u16) -> Result<(TcpListener, Url), StartError> {
    let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let failed = |source| StartError::Listen { address: wanted.to_string(), source };
    let listener = TcpListener::bind(wanted).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let url = Url::parse(&format!("http://{bound}/"))
        .map_err(|error| failed(std::io::Error::new(std::io::ErrorKind::AddrNotAvailable, error)))?;
    Ok((listener, url))
}
