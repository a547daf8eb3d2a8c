//! A running sandbox.

pub(crate) mod builder;
mod start;

use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinHandle;
use url::Url;

use crate::app::AppState;
use crate::app::StartError;
use crate::clock::Clock;
use crate::config::scopes::Scopes;
use crate::faults::{Fault, FaultHit};
use crate::persistence::StateError;
use crate::request_log::RequestLogEntry;
use crate::request_log::verify::{self, Expectation, UnmetExpectation};
#[cfg(feature = "tls")]
use crate::server::tls::Authority;
use crate::world::handle::{Account, World};
use crate::world::seed::{Seed, SeedError};
use crate::world::spec::WorldSpec;
use crate::world::upload::StoredUpload;
use builder::SandboxBuilder;

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
    pub(crate) app: Arc<AppState>,
    pub(crate) world: World,
    pub(crate) seed: u64,
    pub(crate) was_kept: bool,
    pub(crate) url: Url,
    pub(crate) upload_url: Url,
    pub(crate) servers: Vec<JoinHandle<()>>,
    #[cfg(feature = "tls")]
    pub(crate) authority: Option<Authority>,
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
        self.app.addresses.https.as_ref()
    }

    /// The proxy's address, where it was asked for.
    #[must_use]
    pub fn proxy_url(&self) -> Option<&Url> {
        self.app.addresses.proxy.as_ref()
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
        let spec = WorldSpec::new(seed, self.clock().mode(), Vec::new());
        // The token of a new world has its number in it; only a token given by hand could be the same.
        let handle = self.app.worlds.add(spec).or_else(|taken| {
            let own = format!("{taken}-{seed:016x}");
            let spec = WorldSpec::new(seed, self.clock().mode(), vec![(own, Scopes::all())]);
            self.app.worlds.add(spec)
        });
        World::new(handle.unwrap_or_else(|_| Arc::clone(&self.world.handle)))
    }

    /// Another world that one port of the API's address leads to, and nothing else does: for clients that cannot be given
    /// a token or an app of their own. 0 lets the system pick the port; [`world_url`](Self::world_url) tells it. The
    /// world has the first one's tokens and clock, and a user and an app of its own.
    ///
    /// # Errors
    ///
    /// When the port cannot be had.
    pub async fn add_world_on_port(&self, seed: u64, port: u16) -> Result<World, StartError> {
        let spec = WorldSpec::new(seed, self.clock().mode(), Vec::new()).on_port(port);
        self.app.new_world(spec).map(World::new)
    }

    /// The base address under which a world is met: [`url`](Self::url), or that of its own port.
    #[must_use]
    pub fn world_url(&self, world: &World) -> Url {
        self.app.url_of(world.id())
    }

    /// Fills a world; answers how many videos came. It goes through the API, and leaves no trace in the journal.
    ///
    /// # Errors
    ///
    /// When a fixture cannot be read or one of its steps fails; the error names the line.
    pub fn fill(&self, world: &World, seed: &Seed) -> Result<usize, SeedError> {
        self.app.fill(&world.handle, seed)
    }

    /// Waits until all that happened so far was told to webhooks, well or in vain.
    pub async fn events_told(&self) {
        for world in self.worlds() {
            // Looking brings about what is due.
            let _ = world.events();
        }
        self.app.worlds.flush_deliveries().await;
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
        crate::control::description(&self.app, &world.handle)
    }

    /// All worlds, in the order in which they were made.
    #[must_use]
    pub fn worlds(&self) -> Vec<World> {
        self.app.worlds.all().into_iter().map(World::new).collect()
    }

    /// Ends a world: its tokens and links lead nowhere from now on, and the journal forgets it. The first world stays;
    /// `false` for it and for one that has ended already.
    pub fn remove_world(&self, world: &World) -> bool {
        world.id() != self.world.id() && self.app.remove_world(world.id())
    }

    /// All worlds as one JSON document, for [`import_state`](Self::import_state) here or in a later release. It holds
    /// tokens and secrets of the sandbox, all of them fake; the bytes of uploads are not in it.
    ///
    /// # Errors
    ///
    /// When the state cannot be put into JSON, which would be a fault of this crate.
    pub fn export_state(&self) -> Result<Vec<u8>, StateError> {
        self.app.export_state()
    }

    /// Puts worlds into the place of those of the same number, and beside the others.
    ///
    /// # Errors
    ///
    /// When the document cannot be read, is of a newer release, or holds a token that another world has. Nothing is
    /// changed then, but for worlds that came before the one with the token.
    pub fn import_state(&self, document: &[u8]) -> Result<usize, StateError> {
        self.app.import_state(document)
    }

    /// The seed that the sandbox was started with.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Every request so far, on both hosts and in all worlds, in the order of arrival.
    #[must_use]
    pub fn request_log(&self) -> Vec<RequestLogEntry> {
        self.app.request_log.entries()
    }

    /// Empties the journal; the numbering goes on.
    pub fn clear_request_log(&self) {
        self.app.request_log.clear();
    }

    /// The expectations that the journal does not meet, each with what came close.
    #[must_use]
    pub fn verify(&self, expected: &[Expectation]) -> Vec<UnmetExpectation> {
        verify::unmet(&self.request_log(), expected)
    }

    /// Sets a fault; answers its number, as [`FaultHit::fault`] tells it.
    pub fn fault(&self, fault: Fault) -> u64 {
        self.app.faults.add(fault)
    }

    /// Takes back every fault that still waits.
    pub fn clear_faults(&self) {
        self.app.faults.clear();
    }

    /// The faults that fired, in their order; the newest 10,000 of them.
    #[must_use]
    pub fn fired(&self) -> Vec<FaultHit> {
        self.app.faults.hits()
    }

    /// How many faults still wait for a request.
    #[must_use]
    pub fn faults_waiting(&self) -> usize {
        self.app.faults.pending()
    }

    /// Stops and waits until the ports are free again, and the folder of the state where there is one. Dropping stops too, but
    /// does not wait.
    pub async fn stop(mut self) {
        self.servers.extend(self.app.ports.close_all());
        for server in &mut self.servers {
            server.abort();
            let _ = server.await;
        }
        self.app.worlds.close();
        self.app.worlds.closed().await;
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
        for server in self.servers.iter().chain(&self.app.ports.close_all()) {
            server.abort();
        }
        self.app.worlds.close();
        if let Some(path) = &self.app.addresses.unix {
            let _ = std::fs::remove_file(path);
        }
    }
}
