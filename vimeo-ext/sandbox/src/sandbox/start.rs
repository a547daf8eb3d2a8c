//! Starts a sandbox: opens the worlds, binds the ports and spawns the servers.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;
use url::Url;

use crate::app::StartError;
use crate::app::check_tokens;
use crate::app::credential::Credential;
use crate::app::webhooks;
use crate::app::{Addresses, AppState, Playbacks};
use crate::config::ContentStorage;
use crate::config::tokens::can_be_sent;
use crate::faults::Faults;
use crate::hosts;
use crate::persistence::private_files;
use crate::persistence::{OpenError, Snapshot, StateError, Store};
use crate::request_log::RequestLog;
use crate::router::page_threads::PageThreads;
use crate::sandbox::Sandbox;
use crate::sandbox::builder::SandboxBuilder;
#[cfg(feature = "tls")]
use crate::server::authority::Authority;
use crate::server::ports::Ports;
use crate::server::{self, Listener, ListenerKind};
use crate::world::handle::World;
use crate::world::outbox::Outbox;
use crate::world::registry::{WorldHandle, Worlds};
use crate::world::snapshot::{StoredWorld, read_worlds};
use crate::world::spec::WorldSpec;

impl SandboxBuilder {
    /// Starts the sandbox on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// If a port cannot be bound, a folder cannot be used, the stored state cannot be read, or a token or scope is
    /// invalid.
    pub async fn start(self) -> Result<Sandbox, StartError> {
        let (outbox, commands) = tokio::sync::mpsc::unbounded_channel();
        let (worlds, handle, was_restored) = if self.touches_files() {
            let builder = self.clone();
            let opened = tokio::task::spawn_blocking(move || builder.open_worlds(outbox)).await;
            opened.unwrap_or_else(|error| Err(StartError::RuntimeStopped(error.to_string())))?
        } else {
            self.open_worlds(outbox)?
        };
        let world = World::new(handle);

        let (api, url) = listen(self.address, self.port).await?;
        let (upload, upload_url) = match self.one_host {
            true => (None, url.clone()),
            false => {
                let (listener, url) = listen(self.address, self.upload_port).await?;
                (Some(listener), url)
            }
        };
        #[cfg_attr(not(feature = "tls"), expect(unused_mut, reason = "only https modifies it"))]
        let mut upload_base = upload_url.as_str().trim_end_matches('/').to_owned();
        #[cfg_attr(not(feature = "tls"), expect(unused_mut, reason = "only https modifies it"))]
        let mut addresses = Addresses {
            api: url.clone(),
            upload: upload_url.clone(),
            https: None,
            proxy: None,
            ca_file: None,
            unix: self.unix.clone(),
        };
        #[cfg(feature = "tls")]
        let (tls_listeners, authority) = self.bind_tls_listeners(&mut addresses, &mut upload_base).await?;
        let app = Arc::new(AppState {
            worlds,
            request_log: RequestLog::new(self.request_log_size),
            faults: Faults::default(),
            control: self.control_credential(),
            upload_base,
            addresses,
            playbacks: Playbacks::default(),
            ports: Ports::default(),
            listen: self.address,
            one_host: self.one_host,
            runtime: tokio::runtime::Handle::current(),
            page_threads: PageThreads::new(),
            world_router: if self.one_host { hosts::shared_router } else { hosts::api_router },
        });
        if let Err(error) = app.open_ports(false) {
            drop(app.ports.close_all());
            return Err(error);
        }
        let api_router = match self.one_host {
            true => hosts::shared_router(Arc::clone(&app)),
            false => hosts::api_router(Arc::clone(&app)),
        };
        let upload_router = hosts::upload_router(Arc::clone(&app));
        let mut listeners = vec![(Listener::Tcp(api), ListenerKind::Plain(api_router.clone()))];
        listeners
            .extend(upload.map(|upload| (Listener::Tcp(upload), ListenerKind::Plain(upload_router.clone()))));
        #[cfg(unix)]
        if let Some(path) = &self.unix {
            let router = hosts::shared_router(Arc::clone(&app));
            listeners.push((listen_unix(path)?, ListenerKind::Plain(router)));
        }
        #[cfg(feature = "tls")]
        if let Some(tls_listeners) = tls_listeners {
            let own = [(&url, api_router), (&upload_url, upload_router)];
            let own = own.map(|(url, router)| (url.authority().to_owned(), router));
            listeners.extend(tls_listeners.open(hosts::shared_router(Arc::clone(&app)), own.into()));
        }
        let webhook_dispatcher = tokio::spawn(webhooks::run(Arc::clone(&app.worlds), commands));
        let servers = listeners
            .into_iter()
            .map(|(listener, kind)| tokio::spawn(server::serve(listener, kind)))
            .chain([webhook_dispatcher])
            .collect();
        Ok(Sandbox {
            app,
            world,
            seed: self.seed,
            was_restored,
            url,
            upload_url,
            servers,
            #[cfg(feature = "tls")]
            authority,
            _own_thread: None,
        })
    }

    fn control_credential(&self) -> Credential {
        match &self.control_token {
            Some(token) => Credential::token(token.expose_secret()),
            None if self.address.is_loopback() => Credential::SameUser,
            None => Credential::Unavailable,
        }
    }

    /// Returns whether opening the worlds may block on file I/O.
    fn touches_files(&self) -> bool {
        self.state.is_some() || matches!(self.config.content, ContentStorage::Folder(_))
    }

    /// Opens the worlds: those in the state folder, or a new first world. May block on file I/O.
    fn open_worlds(&self, outbox: Outbox) -> Result<(Arc<Worlds>, Arc<WorldHandle>, bool), StartError> {
        check_tokens(&self.tokens)?;
        if self.control_token.as_ref().is_some_and(|token| !can_be_sent(token.expose_secret())) {
            return Err(StartError::InvalidControlToken);
        }
        if let ContentStorage::Folder(folder) = &self.config.content {
            private_files::create_folder(folder)
                .map_err(|source| StartError::UploadFolder { folder: folder.clone(), source })?;
        }
        let folder = |folder: &PathBuf, source: OpenError| match source {
            OpenError::Io(source) => StartError::StateFolder { folder: folder.clone(), source },
            OpenError::State(source) => StartError::InvalidState(source),
        };
        let opened = match &self.state {
            Some(path) => Some(Store::open(path, read_worlds).map_err(|source| folder(path, source))?),
            None => None,
        };
        let (store, kept) = opened.map_or((None, Vec::new()), |opened| (Some(opened.store), opened.worlds));
        let mut config = self.config.clone();
        config.webhooks.only_receivers = !self.address.is_loopback();
        let worlds = Arc::new(Worlds::new(config, store.clone(), outbox));
        for StoredWorld { id, clock, spec, state } in kept {
            worlds
                .restore(id, clock, spec, state)
                .map_err(|token| StateError::TokenTaken(token.fingerprint()))?;
        }
        let first = worlds.all().into_iter().next();
        let was_restored = first.is_some();
        let handle = match first {
            Some(handle) => handle,
            None => worlds
                .add(WorldSpec::new(self.seed, self.clock.mode(), self.tokens.clone()))
                .map_err(StartError::DuplicateToken)?,
        };
        if let Some(store) = store {
            let worlds: Arc<dyn Snapshot> = Arc::clone(&worlds) as _;
            store.watch(Arc::downgrade(&worlds));
        }
        Ok((worlds, handle, was_restored))
    }
}

#[cfg(feature = "tls")]
struct TlsListeners {
    acceptor: tokio_rustls::TlsAcceptor,
    https: TcpListener,
    proxy: Option<TcpListener>,
}

#[cfg(feature = "tls")]
impl TlsListeners {
    fn open(self, router: axum::Router, own: Arc<[(String, axum::Router)]>) -> Vec<(Listener, ListenerKind)> {
        let Self { acceptor, https, proxy } = self;
        let mut tls_listeners =
            vec![(Listener::Tcp(https), ListenerKind::Tls(acceptor.clone(), router.clone()))];
        tls_listeners.extend(proxy.map(|listener| {
            (
                Listener::Tcp(listener),
                ListenerKind::Proxy(crate::server::proxy::Proxy { acceptor, router, own }),
            )
        }));
        tls_listeners
    }
}

#[cfg(feature = "tls")]
impl SandboxBuilder {
    /// Binds the ports of https and of the proxy, and records their URLs.
    async fn bind_tls_listeners(
        &self,
        addresses: &mut Addresses,
        upload_base: &mut String,
    ) -> Result<(Option<TlsListeners>, Option<Authority>), StartError> {
        let Some(port) = self.https_port else { return Ok((None, None)) };
        let (https, mut url) = listen(self.address, port).await?;
        // Setting the scheme of a URL that was just built cannot fail.
        let _ = url.set_scheme("https");
        addresses.https = Some(url);
        let proxy = match self.proxy_port {
            Some(port) => {
                let (listener, url) = listen(self.address, port).await?;
                addresses.proxy = Some(url);
                Some(listener)
            }
            None => None,
        };
        // Key generation takes CPU time.
        let folder = self.ca_folder.clone();
        let made = tokio::task::spawn_blocking(move || crate::server::tls::create(folder.as_deref())).await;
        let made = made.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        let (authority, acceptor) = made.map_err(|source| match &self.ca_folder {
            Some(folder) => StartError::AuthorityFolder { folder: folder.clone(), source },
            None => StartError::Certificate(source),
        })?;
        addresses.ca_file = Some(authority.path().to_owned());
        if self.tls_uploads {
            *upload_base = crate::protocol::names::UPLOAD_LINKS.to_owned();
        }
        Ok((Some(TlsListeners { acceptor, https, proxy }), Some(authority)))
    }
}

/// Binds a Unix socket. Replaces a stale socket of an earlier sandbox.
#[cfg(unix)]
fn listen_unix(path: &std::path::Path) -> Result<Listener, StartError> {
    use std::os::unix::fs::FileTypeExt as _;

    let failed = |source| StartError::UnixSocket { path: path.to_owned(), source };
    let is_stale = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket())
        && std::os::unix::net::UnixStream::connect(path).is_err();
    if is_stale {
        std::fs::remove_file(path).map_err(failed)?;
    }
    let listener = tokio::net::UnixListener::bind(path).map_err(failed)?;
    // Anyone who can open the socket can use the control API.
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).map_err(failed)?;
    Ok(Listener::Unix(listener))
}

async fn listen(address: IpAddr, port: u16) -> Result<(TcpListener, Url), StartError> {
    let wanted = SocketAddr::new(address, port);
    let failed = |source| StartError::Listen { address: wanted.to_string(), source };
    let listener = TcpListener::bind(wanted).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let url = Url::parse(&format!("http://{bound}/"))
        .map_err(|error| failed(std::io::Error::new(std::io::ErrorKind::AddrNotAvailable, error)))?;
    Ok((listener, url))
}
