//! A running sandbox and how to start one.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use crate::clock::Clock;
use crate::config::{Config, Keep, MissingPrivate, Plan, Pull, Quota, Transcode};
#[cfg(feature = "tls")]
use crate::doors::tls::Authority;
use crate::drift::Drift;
use crate::errors::StartError;
use crate::events::{self, Outbox, Signature};
use crate::faults::{Fault, Faults, Fired};
use crate::hosts::{self, Addresses, Shared};
use crate::journal::verify::{self, Expectation, Unmet};
use crate::journal::{Journal, JournalEntry, fingerprint};
use crate::limits::RateLimit;
use crate::persistence::{OpenError, Read, StateError, Store};
use crate::scopes::Scopes;
use crate::server::{self, Door, Listener};
use crate::world::handle::{Account, World};
use crate::world::registry::{Cell, Origin, Worlds};
use crate::world::seed::{Seed, SeedError};
use crate::world::upload::StoredUpload;

/// A Vimeo on localhost. It stops when it is dropped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), vimeo_sandbox::StartError> {
/// let sandbox = vimeo_sandbox::Sandbox::start().await?;
/// println!("VIMEO_BASE_URL={} VIMEO_ACCESS_TOKEN={}", sandbox.url(), sandbox.token());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Sandbox {
    shared: Arc<Shared>,
    world: World,
    seed: u64,
    was_kept: bool,
    url: Url,
    upload_url: Url,
    servers: Vec<JoinHandle<()>>,
    #[cfg(feature = "tls")]
    authority: Option<Authority>,
}

/// What a sandbox is to be, before it starts.
#[derive(Debug, Clone)]
#[must_use]
pub struct SandboxBuilder {
    config: Config,
    tokens: Vec<(String, Scopes)>,
    seed: u64,
    clock: Clock,
    address: IpAddr,
    port: u16,
    upload_port: u16,
    journal: usize,
    state: Option<PathBuf>,
    one_host: bool,
    unix: Option<PathBuf>,
    #[cfg(feature = "tls")]
    https_port: Option<u16>,
    #[cfg(feature = "tls")]
    proxy_port: Option<u16>,
    #[cfg(feature = "tls")]
    tls_uploads: bool,
}

impl Default for SandboxBuilder {
    fn default() -> Self {
        Self {
            config: Config::default(),
            tokens: Vec::new(),
            seed: 0,
            clock: Clock::real(),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            upload_port: 0,
            journal: 100_000,
            state: None,
            one_host: false,
            unix: None,
            #[cfg(feature = "tls")]
            https_port: None,
            #[cfg(feature = "tls")]
            proxy_port: None,
            #[cfg(feature = "tls")]
            tls_uploads: false,
        }
    }
}

impl SandboxBuilder {
    /// Lets the first user have this token, with these scopes. The first one given is what [`Sandbox::token`] answers;
    /// without any, a fake one with all scopes is made.
    ///
    /// 32 hexadecimal digits are refused at the start: that is what a real token looks like.
    pub fn token(mut self, text: impl Into<String>, scopes: impl Into<Scopes>) -> Self {
        self.tokens.push((text.into(), scopes.into()));
        self
    }

    /// What ids, keys and made-up data follow from. Default: 0. The same seed and the same requests give the same answers.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The clock of the first world. Default: [`Clock::real`].
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The plan of users. Default: [`Plan::Standard`].
    pub fn plan(mut self, plan: Plan) -> Self {
        self.config.plan = plan;
        self
    }

    /// How much users may store. Default: 5 TB, 1 TB in a period.
    pub fn quota(mut self, quota: Quota) -> Self {
        self.config.quota = quota;
        self
    }

    /// The rate limit of every token. Default: so high that nothing meets it by accident.
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.config.rate_limit = limit;
        self
    }

    /// How an uploaded video becomes playable. Default: after two seconds of the world's clock.
    pub fn transcode(mut self, rule: Transcode) -> Self {
        self.config.transcode = rule;
        self
    }

    /// What becomes of videos that Vimeo is to fetch itself. Default: [`Pull::Succeeds`].
    pub fn pull(mut self, outcome: Pull) -> Self {
        self.config.pull = outcome;
        self
    }

    /// Whether uploaded bytes are kept in memory, for [`World::bytes`]. Default: no; size and SHA-256 are always known.
    pub fn keep_bytes(mut self, keep: bool) -> Self {
        self.config.keep = if keep { Keep::Memory } else { Keep::Nothing };
        self
    }

    /// Keeps uploaded bytes in this folder, a file for each upload. The folder is made when it is not there.
    pub fn keep_bytes_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.config.keep = Keep::Folder(folder.into());
        self
    }

    /// What a list answers to a token without the scope `private`. Default: 403.
    pub fn missing_private(mut self, rule: MissingPrivate) -> Self {
        self.config.missing_private = rule;
        self
    }

    /// Whether the upload host answers 403 to a request that carries an `Authorization` header. Default: no; the journal
    /// tells of it either way.
    pub fn refuse_foreign_tokens(mut self, refuse: bool) -> Self {
        self.config.refuse_foreign_tokens = refuse;
        self
    }

    /// Lets every token in that is not known, as another of the first user's, with all scopes. Default: no; an unknown
    /// token is refused, and so is one that looks real, with a word about it.
    pub fn allow_any_token(mut self, yes: bool) -> Self {
        self.config.allow_any_token = yes;
        self
    }

    /// Whether creating a video answers 200 when `fields` is given, as the official libraries expect, rather than the
    /// documented 201. Both have been seen. Default: no.
    pub fn create_answers_200(mut self, yes: bool) -> Self {
        self.config.create_answers_200 = yes;
        self
    }

    /// How long signed links open, by the world's clock. Default: 24 hours; what Vimeo grants is not known.
    pub fn link_lifetime(mut self, lifetime: Duration) -> Self {
        self.config.link_lifetime = lifetime;
        self
    }

    /// Lets tokens that are granted by code or device end after this time of the world's clock. They then come with
    /// `expires_on` and a `refresh_token`, which `POST /oauth/access_token` takes with `grant_type=refresh_token`. Vimeo
    /// documents no such refresh; this is OAuth's own. Default: tokens never end.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.config.token_lifetime = Some(lifetime);
        self
    }

    /// Registers an address that users may be sent back to after they have let an app in. Without any, every address will
    /// do.
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.config.redirect_uris.push(uri.into());
        self
    }

    /// The status that a device gets while its user has not decided. Default: 400; Vimeo's is not known.
    pub fn device_pending_status(mut self, status: u16) -> Self {
        self.config.device_pending = status;
        self
    }

    /// The API's port. Default: 0, one that the system picks.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The upload host's port. Default: 0, one that the system picks.
    pub fn upload_port(mut self, port: u16) -> Self {
        self.upload_port = port;
        self
    }

    /// The address to listen on. Default: 127.0.0.1; anything else lets others in.
    pub fn listen(mut self, address: IpAddr) -> Self {
        self.address = address;
        self
    }

    /// Lets answers take other shapes than described. Default: no.
    pub fn drift(mut self, drift: Drift) -> Self {
        self.config.drift = Some(drift);
        self
    }

    /// Signs what webhooks with a secret are sent. Default: nothing is signed; how Vimeo signs is not known.
    pub fn webhook_signature(mut self, signature: Signature) -> Self {
        self.config.telling.signature = Some(signature);
        self
    }

    /// How many more times an event is sent that its receiver did not take, at once each time. Default: 0; what Vimeo
    /// does is not known.
    pub fn webhook_retries(mut self, retries: u32) -> Self {
        self.config.telling.retries = retries;
        self
    }

    /// Sends every event of every world to this address of this machine too, whether there are webhooks or not.
    pub fn forward_to(mut self, url: Url) -> Self {
        self.config.telling.forward_to.push(url);
        self
    }

    /// Lets signed links lead to the API's own address, for clients that refuse any other host. Default: no.
    pub fn one_host(mut self, yes: bool) -> Self {
        self.one_host = yes;
        self
    }

    /// Serves both hosts on this Unix socket too. A file of that name that is no socket is left alone, and the start fails.
    #[cfg(unix)]
    pub fn unix(mut self, path: impl Into<PathBuf>) -> Self {
        self.unix = Some(path.into());
        self
    }

    /// Opens https too, on this port (0 for one that the system picks), under Vimeo's own names: both hosts answer there,
    /// told apart by name. Certificates are of an authority that is made at each start, [`Sandbox::ca_file`].
    #[cfg(feature = "tls")]
    pub fn https(mut self, port: u16) -> Self {
        self.https_port = Some(port);
        self
    }

    /// Opens an HTTP proxy too, on this port (0 for one that the system picks), for clients whose host cannot be changed:
    /// what they send to Vimeo's names ends here, and anything else is refused. Opens https as well.
    #[cfg(feature = "tls")]
    pub fn proxy(mut self, port: u16) -> Self {
        self.proxy_port = Some(port);
        self.https_port.get_or_insert(0);
        self
    }

    /// Lets signed links be https, under the name of one of Vimeo's upload hosts. Only a client whose connections are led
    /// here by name or by the proxy can follow them. Opens https as well. Default: no; links are plain http.
    #[cfg(feature = "tls")]
    pub fn tls_uploads(mut self, yes: bool) -> Self {
        self.tls_uploads = yes;
        if yes {
            self.https_port.get_or_insert(0);
        }
        self
    }

    /// How many of the newest requests the journal keeps. Default: 100,000.
    pub fn journal_size(mut self, entries: usize) -> Self {
        self.journal = entries;
        self
    }

    /// Keeps all worlds in this folder, so that a later start finds them as they were: every request that changed
    /// something is answered only when the change is on the disk. What is kept wins over the seed, clock and tokens given
    /// here. Uploads go on where they were, whether their bytes are kept or not. Default: nothing is kept.
    pub fn state(mut self, folder: impl Into<PathBuf>) -> Self {
        self.state = Some(folder.into());
        self
    }

    /// Starts the sandbox on the runtime that this is called on.
    ///
    /// # Errors
    ///
    /// When a port cannot be had, the folder for uploads cannot be used, or a token or scope will not do.
    pub async fn start(self) -> Result<Sandbox, StartError> {
        if let Keep::Folder(folder) = &self.config.keep {
            std::fs::create_dir_all(folder)
                .map_err(|source| StartError::Folder { folder: folder.clone(), source })?;
        }
        let (outbox, notices) = tokio::sync::mpsc::unbounded_channel();
        let (worlds, cell, was_kept) = self.open_worlds(outbox)?;
        let world = World::new(cell);

        let (api, url) = listen(self.address, self.port).await?;
        let (upload, upload_url) = match self.one_host {
            true => (None, url.clone()),
            false => {
                let (listener, url) = listen(self.address, self.upload_port).await?;
                (Some(listener), url)
            }
        };
        #[cfg_attr(not(feature = "tls"), expect(unused_mut, reason = "only https changes it"))]
        let mut upload_base = upload_url.as_str().trim_end_matches('/').to_owned();
        #[cfg_attr(not(feature = "tls"), expect(unused_mut, reason = "only https changes it"))]
        let mut addresses = Addresses {
            api: url.clone(),
            upload: upload_url.clone(),
            https: None,
            proxy: None,
            ca_file: None,
            unix: self.unix.clone(),
        };
        #[cfg(feature = "tls")]
        let (doors, authority) = self.tls_doors(&mut addresses, &mut upload_base).await?;
        let shared = Arc::new(Shared {
            worlds,
            journal: Journal::new(self.journal),
            faults: Faults::default(),
            upload_base,
            addresses,
        });
        let api_router = match self.one_host {
            true => hosts::shared_router(Arc::clone(&shared)),
            false => hosts::api_router(Arc::clone(&shared)),
        };
        let upload_router = hosts::upload_router(Arc::clone(&shared));
        let mut listeners = vec![(Listener::Tcp(api), Door::Plain(api_router.clone()))];
        listeners.extend(upload.map(|upload| (Listener::Tcp(upload), Door::Plain(upload_router.clone()))));
        #[cfg(unix)]
        if let Some(path) = &self.unix {
            let router = hosts::shared_router(Arc::clone(&shared));
            listeners.push((listen_unix(path)?, Door::Plain(router)));
        }
        #[cfg(feature = "tls")]
        if let Some(doors) = doors {
            let own = [(&url, api_router), (&upload_url, upload_router)];
            let own = own.map(|(url, router)| (url.authority().to_owned(), router));
            listeners.extend(doors.open(hosts::shared_router(Arc::clone(&shared)), own.into()));
        }
        let telling = tokio::spawn(events::run(Arc::clone(&shared.worlds), notices));
        let servers = listeners
            .into_iter()
            .map(|(listener, door)| tokio::spawn(server::serve(listener, door)))
            .chain([telling])
            .collect();
        Ok(Sandbox {
            shared,
            world,
            seed: self.seed,
            was_kept,
            url,
            upload_url,
            servers,
            #[cfg(feature = "tls")]
            authority,
        })
    }
}

impl SandboxBuilder {
    /// The worlds: those that were kept, or a first one.
    fn open_worlds(&self, outbox: Outbox) -> Result<(Arc<Worlds>, Arc<Cell>, bool), StartError> {
        let tokens = checked(&self.tokens)?;
        let folder = |folder: &PathBuf, source: OpenError| match source {
            OpenError::Io(source) => StartError::State { folder: folder.clone(), source },
            OpenError::State(source) => StartError::StateContent(source),
        };
        let opened = match &self.state {
            Some(path) => Some(Store::open(path).map_err(|source| folder(path, source))?),
            None => None,
        };
        let (store, kept) = opened.map_or((None, Vec::new()), |opened| (Some(opened.store), opened.worlds));
        let worlds = Arc::new(Worlds::new(self.config.clone(), store.clone(), outbox));
        for Read { id, clock, origin, state } in kept {
            worlds
                .restore(id, clock, origin, state)
                .map_err(|token| StateError::TokenTaken(fingerprint(&token)))?;
        }
        let first = worlds.all().into_iter().next();
        let was_kept = first.is_some();
        let cell = match first {
            Some(cell) => cell,
            None => worlds
                .add(Origin::new(self.seed, self.clock.mode(), tokens))
                .map_err(StartError::TokenTwice)?,
        };
        if let Some(store) = store {
            store.watch(&worlds);
        }
        Ok((worlds, cell, was_kept))
    }
}

/// The tokens that were given, if they will do.
fn checked(tokens: &[(String, Scopes)]) -> Result<Vec<(String, Scopes)>, StartError> {
    for (text, scopes) in tokens {
        if looks_real(text) {
            return Err(StartError::RealLookingToken);
        }
        if let Some(unknown) = scopes.unknown().next() {
            return Err(StartError::UnknownScope(unknown.to_owned()));
        }
    }
    Ok(tokens.to_vec())
}

/// Whether a token could be a true one of Vimeo's.
pub(crate) fn looks_real(token: &str) -> bool {
    token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(feature = "tls")]
struct TlsDoors {
    acceptor: tokio_rustls::TlsAcceptor,
    https: TcpListener,
    proxy: Option<TcpListener>,
}

#[cfg(feature = "tls")]
impl TlsDoors {
    fn open(self, router: axum::Router, own: Arc<[(String, axum::Router)]>) -> Vec<(Listener, Door)> {
        let Self { acceptor, https, proxy } = self;
        let mut doors = vec![(Listener::Tcp(https), Door::Tls(acceptor.clone(), router.clone()))];
        doors.extend(proxy.map(|listener| {
            (Listener::Tcp(listener), Door::Proxy(crate::doors::proxy::Proxy { acceptor, router, own }))
        }));
        doors
    }
}

#[cfg(feature = "tls")]
impl SandboxBuilder {
    /// Binds the ports of https and the proxy, and says where they are.
    async fn tls_doors(
        &self,
        addresses: &mut Addresses,
        upload_base: &mut String,
    ) -> Result<(Option<TlsDoors>, Option<Authority>), StartError> {
        let Some(port) = self.https_port else { return Ok((None, None)) };
        let (https, mut url) = listen(self.address, port).await?;
        // The scheme of an address that was just made can be set.
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
        // Keys take their time, if not much.
        let made = tokio::task::spawn_blocking(crate::doors::tls::make).await;
        let made = made.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        let (authority, acceptor) = made.map_err(StartError::Certificate)?;
        addresses.ca_file = Some(authority.path().to_owned());
        if self.tls_uploads {
            *upload_base = crate::doors::UPLOAD_LINKS.to_owned();
        }
        Ok((Some(TlsDoors { acceptor, https, proxy }), Some(authority)))
    }
}

/// Binds a Unix socket; one that a sandbox left behind is replaced.
#[cfg(unix)]
fn listen_unix(path: &std::path::Path) -> Result<Listener, StartError> {
    use std::os::unix::fs::FileTypeExt as _;

    let failed = |source| StartError::Listen { address: path.display().to_string(), source };
    let left_behind = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket())
        && std::os::unix::net::UnixStream::connect(path).is_err();
    if left_behind {
        std::fs::remove_file(path).map_err(failed)?;
    }
    Ok(Listener::Unix(tokio::net::UnixListener::bind(path).map_err(failed)?))
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

impl Sandbox {
    /// A sandbox of other than the usual making.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }

    /// A sandbox with one user, one token that may do everything, and no videos, on ports that the system picks.
    ///
    /// # Errors
    ///
    /// As [`SandboxBuilder::start`].
    pub async fn start() -> Result<Self, StartError> {
        Self::builder().start().await
    }

    /// The API's base address, such as `http://127.0.0.1:40123/`.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The upload host's base address. To a client it is another host: no token belongs there.
    #[must_use]
    pub fn upload_url(&self) -> &Url {
        &self.upload_url
    }

    /// The base address of https, where it was asked for. Its certificate also names `api.vimeo.com` and the upload hosts.
    #[must_use]
    pub fn https_url(&self) -> Option<&Url> {
        self.shared.addresses.https.as_ref()
    }

    /// The proxy's address, where it was asked for.
    #[must_use]
    pub fn proxy_url(&self) -> Option<&Url> {
        self.shared.addresses.proxy.as_ref()
    }

    /// The file with the certificate authority of this run, in PEM; it goes with the sandbox.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn ca_file(&self) -> Option<&std::path::Path> {
        self.authority.as_ref().map(Authority::path)
    }

    /// The certificate authority of this run, in PEM.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.authority.as_ref().map(|authority| authority.pem.as_str())
    }

    /// The world that the sandbox began with.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Another world, with a user, a token, an app and a clock of its own, which starts at the first world's time.
    #[must_use]
    pub fn add_world(&self, seed: u64) -> World {
        let origin = Origin::new(seed, self.clock().mode(), Vec::new());
        // The token of a new world has its number in it; only a token given by hand could be the same.
        let cell = self.shared.worlds.add(origin).or_else(|taken| {
            let own = format!("{taken}-{seed:016x}");
            let origin = Origin::new(seed, self.clock().mode(), vec![(own, Scopes::all())]);
            self.shared.worlds.add(origin)
        });
        World::new(cell.unwrap_or_else(|_| Arc::clone(&self.world.cell)))
    }

    /// Fills a world; answers how many videos came. It goes through the API, and leaves no trace in the journal.
    ///
    /// # Errors
    ///
    /// When a fixture cannot be read or one of its steps fails; the error names the line.
    pub fn fill(&self, world: &World, seed: &Seed) -> Result<usize, SeedError> {
        self.shared.fill(&world.cell, seed)
    }

    /// Waits until all that happened so far was told to webhooks, well or in vain.
    pub async fn events_told(&self) {
        for world in self.worlds() {
            // Looking brings about what is due.
            let _ = world.events();
        }
        self.shared.worlds.told().await;
    }

    /// Whether the worlds were kept by an earlier start.
    #[must_use]
    pub fn was_kept(&self) -> bool {
        self.was_kept
    }

    /// What a client in another language needs: the world's number, tokens and ids, and every address of the sandbox, as
    /// the command prints them.
    #[must_use]
    pub fn describe(&self, world: &World) -> serde_json::Value {
        crate::control::description(&self.shared, &world.cell)
    }

    /// All worlds, in the order in which they were made.
    #[must_use]
    pub fn worlds(&self) -> Vec<World> {
        self.shared.worlds.all().into_iter().map(World::new).collect()
    }

    /// Ends a world: its tokens and links lead nowhere from now on. The first world stays; `false` for it and for one
    /// that has ended already.
    pub fn remove_world(&self, world: &World) -> bool {
        world.id() != self.world.id() && self.shared.worlds.remove(world.id()).is_some()
    }

    /// All worlds as one JSON document, for [`import_state`](Self::import_state) here or in a later release. It holds
    /// tokens and secrets of the sandbox, all of them fake; the bytes of uploads are not in it.
    ///
    /// # Errors
    ///
    /// When the state cannot be put into JSON, which would be a fault of this crate.
    pub fn export_state(&self) -> Result<Vec<u8>, StateError> {
        self.shared.export_state()
    }

    /// Puts worlds into the place of those of the same number, and beside the others.
    ///
    /// # Errors
    ///
    /// When the document cannot be read, is of a newer release, or holds a token that another world has. Nothing is
    /// changed then, but for worlds that came before the one with the token.
    pub fn import_state(&self, document: &[u8]) -> Result<usize, StateError> {
        self.shared.import_state(document)
    }

    /// The seed that the sandbox was started with.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Every request so far, on both hosts and in all worlds, in the order of arrival.
    #[must_use]
    pub fn journal(&self) -> Vec<JournalEntry> {
        self.shared.journal.entries()
    }

    /// Empties the journal; the numbering goes on.
    pub fn clear_journal(&self) {
        self.shared.journal.clear();
    }

    /// The expectations that the journal does not meet, each with what came close.
    #[must_use]
    pub fn verify(&self, expected: &[Expectation]) -> Vec<Unmet> {
        verify::unmet(&self.journal(), expected)
    }

    /// Sets a fault; answers its number, as [`Fired::fault`] tells it.
    pub fn fault(&self, fault: Fault) -> u64 {
        self.shared.faults.add(fault)
    }

    /// Takes back every fault that still waits.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// The faults that fired, in their order.
    #[must_use]
    pub fn fired(&self) -> Vec<Fired> {
        self.shared.faults.fired()
    }

    /// How many faults still wait for a request.
    #[must_use]
    pub fn faults_waiting(&self) -> usize {
        self.shared.faults.waiting()
    }

    /// Stops and waits until the ports are free again, and the folder of the state where there is one. Dropping stops too, but does not wait.
    pub async fn stop(mut self) {
        for server in &mut self.servers {
            server.abort();
            let _ = server.await;
        }
        self.shared.worlds.close();
        self.shared.worlds.closed().await;
    }
}

/// The first world's own, for the usual case of one world.
impl Sandbox {
    /// [`World::token`] of the first world.
    #[must_use]
    pub fn token(&self) -> &str {
        self.world.token()
    }

    /// [`World::user_id`] of the first world.
    #[must_use]
    pub fn user_id(&self) -> u64 {
        self.world.user_id()
    }

    /// [`World::client_id`] of the first world.
    #[must_use]
    pub fn client_id(&self) -> String {
        self.world.client_id()
    }

    /// [`World::client_secret`] of the first world.
    #[must_use]
    pub fn client_secret(&self) -> String {
        self.world.client_secret()
    }

    /// [`World::clock`] of the first world.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        self.world.clock()
    }

    /// [`World::stored`] of the first world.
    #[must_use]
    pub fn stored(&self, video_id: u64) -> Option<StoredUpload> {
        self.world.stored(video_id)
    }

    /// [`World::bytes`] of the first world.
    #[must_use]
    pub fn bytes(&self, video_id: u64) -> Option<Bytes> {
        self.world.bytes(video_id)
    }

    /// [`World::add_user`] of the first world.
    #[must_use]
    pub fn add_user(&self, name: &str) -> Account {
        self.world.add_user(name)
    }

    /// [`World::issue_token`] of the first world.
    #[must_use]
    pub fn issue_token(&self, scopes: impl Into<Scopes>) -> String {
        self.world.issue_token(scopes)
    }

    /// [`World::seed_videos`] of the first world.
    pub fn seed_videos(&self, count: usize) -> Vec<u64> {
        self.world.seed_videos(count)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        for server in &self.servers {
            server.abort();
        }
        self.shared.worlds.close();
        if let Some(path) = &self.shared.addresses.unix {
            let _ = std::fs::remove_file(path);
        }
    }
}
