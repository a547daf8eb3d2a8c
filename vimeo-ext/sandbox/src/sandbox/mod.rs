//! A running sandbox.

pub(crate) mod builder;
mod own_thread;
mod start;
pub(crate) mod test_world;

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
use crate::server::authority::Authority;
use crate::world::fixture::{FillError, Fixture};
use crate::world::handle::{Account, World};
use crate::world::spec::WorldSpec;
use crate::world::upload::StoredUpload;
use builder::SandboxBuilder;

/// A running Vimeo API server on localhost. Dropping it stops it.
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
    pub(crate) was_restored: bool,
    pub(crate) url: Url,
    pub(crate) upload_url: Url,
    pub(crate) servers: Vec<JoinHandle<()>>,
    #[cfg(feature = "tls")]
    pub(crate) authority: Option<Authority>,
    /// Keeps the sandbox's own thread running, if it has one.
    _own_thread: Option<own_thread::ThreadGuard>,
}

impl Sandbox {
    /// Returns a builder for a sandbox with other than the default settings.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }

    /// Starts a sandbox with one user, one token with all scopes and no videos, on free ports.
    ///
    /// # Errors
    ///
    /// See [`SandboxBuilder::start`].
    pub async fn start() -> Result<Self, StartError> {
        Self::builder().start().await
    }

    /// Returns the API's base URL, such as `http://127.0.0.1:40123/`.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the upload host's base URL. To clients it is another host, which must not receive access tokens.
    #[must_use]
    pub fn upload_url(&self) -> &Url {
        &self.upload_url
    }

    /// Returns the https base URL, if https was requested. Its certificate also covers `api.vimeo.com` and the upload
    /// hosts.
    #[must_use]
    pub fn https_url(&self) -> Option<&Url> {
        self.app.addresses.https.as_ref()
    }

    /// Returns the proxy's URL, if a proxy was requested.
    #[must_use]
    pub fn proxy_url(&self) -> Option<&Url> {
        self.app.addresses.proxy.as_ref()
    }

    /// Returns the path of the certificate authority in PEM format. The file is deleted with the sandbox, unless the
    /// authority is [kept](SandboxBuilder::ca_folder). The same folder contains a `php.ini` that names the file, for
    /// `PHP_INI_SCAN_DIR`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn ca_file(&self) -> Option<&std::path::Path> {
        self.authority.as_ref().map(Authority::path)
    }

    /// Returns the certificate authority in PEM format.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.authority.as_ref().map(|authority| authority.pem.as_str())
    }

    /// Returns the first world.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Adds a world with its own user, token, app and clock. The clock starts at the first world's time.
    #[must_use]
    pub fn add_world(&self, seed: u64) -> World {
        let spec = WorldSpec::new(seed, self.clock().mode(), Vec::new());
        // A new world's token contains its number, so only a configured token can be the same.
        let handle = self.app.worlds.add(spec).or_else(|duplicate| {
            let token = format!("{duplicate}-{seed:016x}");
            let spec = WorldSpec::new(seed, self.clock().mode(), vec![(token, Scopes::all())]);
            self.app.worlds.add(spec)
        });
        World::new(handle.unwrap_or_else(|_| Arc::clone(&self.world.handle)))
    }

    /// Adds a world that is reached through a port of its own and through nothing else, for clients whose token or
    /// app cannot be changed. Port 0 selects a free port; [`world_url`](Self::world_url) returns it. The world has
    /// the first world's tokens and clock, and its own user and app.
    ///
    /// # Errors
    ///
    /// If the port cannot be bound.
    pub async fn add_world_on_port(&self, seed: u64, port: u16) -> Result<World, StartError> {
        let spec = WorldSpec::new(seed, self.clock().mode(), Vec::new()).on_port(port);
        self.app.new_world(spec).map(World::new)
    }

    /// Returns a world's base URL: [`url`](Self::url), or the URL of its own port.
    #[must_use]
    pub fn world_url(&self, world: &World) -> Url {
        self.app.url_of(world.id())
    }

    /// Fills a world with a fixture and returns the number of videos added. The fixture's requests go through the API
    /// and are not recorded in the request log.
    ///
    /// # Errors
    ///
    /// If a fixture cannot be parsed or one of its steps fails; the error names the line.
    pub fn fill(&self, world: &World, fixture: &Fixture) -> Result<usize, FillError> {
        self.app.fill(&world.handle, fixture)
    }

    /// Waits until all events so far have been delivered to webhooks, or their delivery has failed.
    pub async fn flush_webhooks(&self) {
        for world in self.worlds() {
            // Reading a world runs what is due.
            let _ = world.events();
        }
        self.app.worlds.flush_deliveries().await;
    }

    /// Returns whether the worlds were restored from an earlier start.
    #[must_use]
    pub fn was_restored(&self) -> bool {
        self.was_restored
    }

    /// Returns what clients in other languages need, as the command prints it: the world's number, tokens and IDs,
    /// and every URL of the sandbox.
    #[must_use]
    pub fn describe(&self, world: &World) -> serde_json::Value {
        crate::control::description(&self.app, &world.handle)
    }

    /// Returns all worlds, in order of creation.
    #[must_use]
    pub fn worlds(&self) -> Vec<World> {
        self.app.worlds.all().into_iter().map(World::new).collect()
    }

    /// Removes a world: its tokens and links become invalid, and its entries leave the request log. Returns `false`
    /// for the first world, which cannot be removed, and for a world that was already removed.
    pub fn remove_world(&self, world: &World) -> bool {
        world.id() != self.world.id() && self.app.remove_world(world.id())
    }

    /// Exports all worlds as one JSON document, for [`import_state`](Self::import_state) in this or a later release.
    /// The document contains the sandbox's tokens and secrets, all of them fake, but not the bytes of uploads.
    ///
    /// # Errors
    ///
    /// If the state cannot be serialized, which would be a bug in this crate.
    pub fn export_state(&self) -> Result<Vec<u8>, StateError> {
        self.app.export_state()
    }

    /// Imports worlds and returns how many. They replace worlds with the same number and leave the others as they
    /// are.
    ///
    /// # Errors
    ///
    /// If the document cannot be read, was written by a newer release, or contains a token of another world. Worlds
    /// before the one with that token have been imported by then; otherwise nothing has changed.
    pub fn import_state(&self, document: &[u8]) -> Result<usize, StateError> {
        self.app.import_state(document)
    }

    /// Returns the seed that the sandbox was started with.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns every request so far, on both hosts and in all worlds, in order of arrival.
    #[must_use]
    pub fn request_log(&self) -> Vec<RequestLogEntry> {
        self.app.request_log.entries()
    }

    /// Clears the request log. Sequence numbers continue.
    pub fn clear_request_log(&self) {
        self.app.request_log.clear();
    }

    /// Returns the expectations that the request log does not meet, each with the closest entries.
    #[must_use]
    pub fn verify(&self, expected: &[Expectation]) -> Vec<UnmetExpectation> {
        verify::unmet(&self.request_log(), expected)
    }

    /// Adds a fault and returns its number, as reported in [`FaultHit::fault`].
    pub fn add_fault(&self, fault: Fault) -> u64 {
        self.app.faults.add(fault)
    }

    /// Removes all pending faults.
    pub fn clear_faults(&self) {
        self.app.faults.clear();
    }

    /// Returns the faults that were applied, in order; at most the newest 10,000.
    #[must_use]
    pub fn fault_hits(&self) -> Vec<FaultHit> {
        self.app.faults.hits()
    }

    /// Returns how many faults are still waiting for a request.
    #[must_use]
    pub fn pending_faults(&self) -> usize {
        self.app.faults.pending()
    }

    /// Stops the sandbox and waits until its ports and state folder are free again. Dropping the sandbox stops it
    /// without waiting.
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

/// Shortcuts for the first world, the usual case.
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

    /// [`World::stored_upload`] of the first world.
    #[must_use]
    pub fn stored_upload(&self, video_id: u64) -> Option<StoredUpload> {
        self.world.stored_upload(video_id)
    }

    /// [`World::upload_bytes`] of the first world.
    #[must_use]
    pub fn upload_bytes(&self, video_id: u64) -> Option<Bytes> {
        self.world.upload_bytes(video_id)
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

    /// [`World::add_videos`] of the first world.
    pub fn add_videos(&self, count: usize) -> Vec<u64> {
        self.world.add_videos(count)
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
