//! The state that all parts of a sandbox share: its worlds, request log, faults and addresses. Created at start.

pub(crate) mod credential;
mod error;
mod fixture;
mod playback;
mod ports;
pub(crate) mod webhooks;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use url::Url;

use crate::call::access_token;
use crate::config::mutation::Mutation;
use crate::config::scopes::Scopes;
use crate::config::tokens::{can_be_sent, looks_real};
use crate::faults::Faults;
use crate::persistence::{Snapshot as _, StateError};
use crate::protocol::links::LinkTarget;
use crate::protocol::query::Query;
use crate::request_log::{Host, RequestLog, fingerprint};
use crate::router::page_threads::PageThreads;
use crate::server::Connection;
use crate::server::ports::Ports;
use crate::world::fixture::{FillError, Fixture, LARGE_VIDEO_COUNT, MAX_VIDEOS};
use crate::world::handle::World;
use crate::world::registry::{WorldHandle, Worlds};
use crate::world::resolver::WorldResolver;
use crate::world::snapshot::{self, StoredWorld};
use crate::world::spec::WorldSpec;
use credential::Credential;

pub use error::StartError;
pub(crate) use playback::{Playbacks, upload_target};

/// The shared state of both hosts and the control API.
#[derive(Debug)]
pub(crate) struct AppState {
    pub(crate) worlds: Arc<Worlds>,
    pub(crate) request_log: RequestLog,
    pub(crate) faults: Faults,
    /// What the control API requires.
    pub(crate) control: Credential,
    /// The base of signed links, without a trailing slash.
    pub(crate) upload_base: String,
    pub(crate) addresses: Addresses,
    /// The recordings that are played.
    pub(crate) playbacks: Playbacks,
    /// The open ports of single worlds.
    pub(crate) ports: Ports,
    /// The address on which those ports are opened.
    pub(crate) listen: IpAddr,
    pub(crate) one_host: bool,
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) page_threads: PageThreads,
    /// Builds the router for the port of a single world.
    pub(crate) world_router: fn(Arc<AppState>) -> axum::Router,
}

/// The addresses of the sandbox.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    pub(crate) api: Url,
    pub(crate) upload: Url,
    pub(crate) https: Option<Url>,
    pub(crate) proxy: Option<Url>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) unix: Option<PathBuf>,
}

impl AppState {
    /// Creates a world. Rejects tokens that look real or cannot be sent, and unknown scopes.
    pub(crate) fn new_world(self: &Arc<Self>, mut spec: WorldSpec) -> Result<Arc<WorldHandle>, StartError> {
        check_tokens(&spec.tokens)?;
        let port = spec.port;
        if port.is_some() && spec.tokens.is_empty() {
            // Clients of a port use the first world's tokens.
            spec.tokens = self.worlds.first().map(|first| first.spec().tokens).unwrap_or_default();
        }
        let handle = self.worlds.add(spec).map_err(StartError::DuplicateToken)?;
        if let Some(port) = port
            && let Err(error) = self.open_port(handle.id, port)
        {
            self.remove_world(handle.id);
            return Err(error);
        }
        Ok(handle)
    }

    /// Removes a world with its log entries and faults; returns `false` if it was removed before.
    pub(crate) fn remove_world(&self, world: u64) -> bool {
        let removed = self.worlds.remove(world).is_some();
        self.ports.close(world);
        self.playbacks.remove(world);
        self.clear_logs(world);
        removed
    }

    /// The base URL of a world's API.
    pub(crate) fn url_of(&self, world: u64) -> Url {
        self.ports.url(world).unwrap_or_else(|| self.addresses.api.clone())
    }

    /// The worlds that a connection can reach.
    pub(crate) fn resolver(&self, connection: &Connection) -> WorldResolver<'_> {
        match connection.world_port() {
            Some(own) => WorldResolver::only(&self.worlds, self.worlds.get(own.world)),
            None => WorldResolver::all(&self.worlds),
        }
    }

    /// Fills a world; returns the number of videos added.
    pub(crate) fn fill(&self, handle: &Arc<WorldHandle>, seed: &Fixture) -> Result<usize, FillError> {
        let count = || handle.read().0.videos.len();
        let before = count();
        let world = World::new(Arc::clone(handle));
        match seed {
            Fixture::Empty => {}
            Fixture::Small => fixture::run(&self.worlds, &self.upload_base, handle, fixture::SMALL)?,
            Fixture::Mutated => {
                fixture::run(&self.worlds, &self.upload_base, handle, fixture::SMALL)?;
                world.set_mutation(Some(Mutation::Fuzz));
            }
            Fixture::Large => drop(world.add_videos(LARGE_VIDEO_COUNT)),
            Fixture::Videos(videos) if *videos > MAX_VIDEOS => return Err(FillError::TooManyVideos(*videos)),
            Fixture::Videos(videos) => drop(world.add_videos(*videos)),
            Fixture::Toml(text) => fixture::run(&self.worlds, &self.upload_base, handle, text)?,
            Fixture::Recording(text) => self.playbacks.add(handle.id, text)?,
        }
        Ok(count().saturating_sub(before))
    }

    /// Removes a world's log entries and pending faults.
    pub(crate) fn clear_logs(&self, world: u64) {
        self.request_log.remove_world(world);
        self.faults.clear_world(world);
    }

    /// The world that a request belongs to by its port, its token or its link.
    pub(crate) fn world_of(
        &self,
        host: Host,
        parts: &http::request::Parts,
        connection: &Connection,
    ) -> Option<u64> {
        match host {
            Host::Api if connection.world_port().is_some() => connection.world_port().map(|own| own.world),
            Host::Api => {
                let query = Query::parse(parts.uri.query().unwrap_or_default());
                let token = access_token(&parts.headers, &query, &self.worlds.config)?;
                self.worlds.of(token).map(|handle| handle.id)
            }
            Host::Upload => LinkTarget::parse(parts.uri.path()).map(|target| target.world),
        }
    }

    pub(crate) fn export_state(&self) -> Result<Vec<u8>, StateError> {
        for handle in self.worlds.all() {
            let uploads = handle.read().0.uploads();
            uploads.iter().for_each(|upload| upload.flush());
        }
        let written = self.worlds.snapshot(&mut || ());
        written.map_err(|source| StateError::Unreadable { location: "the state".to_owned(), source })
    }

    pub(crate) fn import_state(self: &Arc<Self>, document: &[u8]) -> Result<usize, StateError> {
        let place = "the document";
        let worlds = snapshot::read_document(document, place)?;
        let count = worlds.len();
        for StoredWorld { id, clock, spec, state } in worlds {
            let restored = self.worlds.restore(id, clock, spec, state);
            restored.map_err(|token| StateError::TokenTaken(token.fingerprint()))?;
        }
        // The sandbox that exported the document may still use its ports.
        self.open_ports(true).map_err(|error| StateError::NoPort(error.to_string()))?;
        Ok(count)
    }
}

/// Validates tokens and their scopes.
pub(crate) fn check_tokens(tokens: &[(String, Scopes)]) -> Result<(), StartError> {
    for (text, scopes) in tokens {
        // A token read from a file can end with a line break.
        if looks_real(text.trim()) {
            return Err(StartError::RealLookingToken);
        }
        if !can_be_sent(text) {
            return Err(StartError::InvalidToken(fingerprint(text)));
        }
        if let Some(unknown) = scopes.unknown().next() {
            return Err(StartError::UnknownScope(unknown.to_owned()));
        }
    }
    Ok(())
}
