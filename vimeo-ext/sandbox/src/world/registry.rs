//! All worlds of a sandbox, each with its clock and its state.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::State;
use super::outbox::{self, DispatcherCommand, Outbox};
use super::snapshot::{self, WorldRecord};
use super::spec::WorldSpec;
use super::token_index::TokenIndex;
use super::user::TokenKey;
use crate::clock::{Clock, Mode};
use crate::config::Config;
use crate::config::scopes::Scopes;
use crate::persistence::{self, Snapshot, Store};
use crate::protocol::error::ApiError;

/// One world: its clock and its state.
#[derive(Debug)]
pub(crate) struct WorldHandle {
    pub(crate) id: u64,
    pub(crate) clock: Clock,
    spec: Mutex<WorldSpec>,
    state: Mutex<State>,
    /// Its tokens and client id stand here: with those of all worlds, or alone where it has a port of its own.
    names: Arc<TokenIndex>,
    store: Option<Arc<Store>>,
    outbox: Outbox,
}

/// What [`World::reset`](crate::World::reset) resets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResetScope {
    /// The whole world, including its clock: it becomes as it was when it was created.
    #[default]
    #[serde(rename = "nothing")]
    All,
    /// Everything except the app, the users and their tokens.
    #[serde(rename = "accounts")]
    Content,
}

/// An open world. What changed in it is written down, where worlds are kept, when it closes.
pub(crate) struct WorldGuard<'a> {
    handle: &'a WorldHandle,
    state: MutexGuard<'a, State>,
    /// Whether the visit is to change nothing by itself; what fell due meanwhile still counts.
    looking: bool,
}

impl Deref for WorldGuard<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for WorldGuard<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Drop for WorldGuard<'_> {
    fn drop(&mut self) {
        if let Some(store) = &self.handle.store
            && (!self.looking
                || self.state.has_changed()
                || self.state.has_clock_moved(self.handle.clock.mode()))
        {
            snapshot::append_changes(store, self.handle.clock.mode(), &mut self.state);
        }
        // The order in which worlds are left is the order in which their events are told. Nobody listens after the end.
        let (events, planned) = self.state.take_outbox();
        if !events.is_empty() {
            let _ = self.handle.outbox.send(DispatcherCommand::Events { world: self.handle.id, events });
        }
        if planned {
            let _ = self.handle.outbox.send(DispatcherCommand::Planned);
        }
    }
}

impl WorldHandle {
    /// The state as of now, with all that fell due done.
    pub(crate) fn write(&self) -> (WorldGuard<'_>, DateTime<Utc>) {
        self.open(false)
    }

    /// As [`write`](Self::write), for a request that only reads.
    pub(crate) fn read(&self) -> (WorldGuard<'_>, DateTime<Utc>) {
        self.open(true)
    }

    fn open(&self, looking: bool) -> (WorldGuard<'_>, DateTime<Utc>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        state.run_due(now);
        (WorldGuard { handle: self, state, looking }, now)
    }

    /// Whether a name is a token or the client id of this world.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.names.of(name) == Some(self.id)
    }

    /// The state as it stands, to write all of it down.
    pub(crate) fn hold(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn spec(&self) -> WorldSpec {
        self.spec.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn append_whole(&self, store: &Store) {
        let mut state = self.hold();
        snapshot::append_whole(store, self.clock.mode(), self.spec(), &mut state);
    }

    /// Puts the world back to where it began, or to that with its accounts in place.
    pub(crate) fn reset(&self, scope: ResetScope) {
        let (mut state, now) = self.write();
        match scope {
            ResetScope::Content => state.clear_content(now),
            ResetScope::All => {
                let spec = self.spec();
                self.clock.restore(spec.clock);
                state.reset(&spec, self.clock.now());
            }
        }
    }
}

/// All worlds of a sandbox.
#[derive(Debug)]
pub(crate) struct Worlds {
    pub(crate) config: Arc<Config>,
    index: Arc<TokenIndex>,
    handles: RwLock<BTreeMap<u64, Arc<WorldHandle>>>,
    last: AtomicU64,
    store: Option<Arc<Store>>,
    outbox: Outbox,
}

impl Worlds {
    pub(crate) fn new(config: Config, store: Option<Arc<Store>>, outbox: Outbox) -> Self {
        Self {
            config: Arc::new(config),
            index: Arc::default(),
            handles: RwLock::default(),
            last: AtomicU64::new(0),
            store,
            outbox,
        }
    }

    /// Makes a world; the error is a token that another has already.
    pub(crate) fn add(&self, mut spec: WorldSpec) -> Result<Arc<WorldHandle>, String> {
        let id = self.last.fetch_add(1, Ordering::AcqRel) + 1;
        if spec.tokens.is_empty() {
            spec.tokens.push((format!("sandbox-user-token-{id}"), Scopes::all()));
        }
        let clock = Clock::of(spec.clock);
        let names = self.names_for(&spec);
        let mut state = State::new(id, spec.seed, Arc::clone(&self.config), Arc::clone(&names), clock.now());
        if let Err(token) = state.admit_first_user(&spec.tokens) {
            names.release_all(id);
            return Err(token);
        }
        Ok(self.put(id, clock, spec, state, names))
    }

    /// Where the names of a world stand: what has a port of its own may be called as another is.
    fn names_for(&self, spec: &WorldSpec) -> Arc<TokenIndex> {
        match spec.port {
            Some(_) => Arc::default(),
            None => Arc::clone(&self.index),
        }
    }

    /// Puts back a world that was written down. One of the same number becomes it; the error is a token that another
    /// has, and then nothing has changed.
    pub(crate) fn restore(
        &self,
        id: u64,
        clock: Mode,
        spec: WorldSpec,
        mut state: State,
    ) -> Result<Arc<WorldHandle>, TokenKey> {
        let Some(handle) = self.get(id) else {
            let names = self.names_for(&spec);
            state.register_tokens(id, &names)?;
            state.rejoin(Arc::clone(&self.config), Arc::clone(&names));
            self.last.fetch_max(id, Ordering::AcqRel);
            let handle = self.put(id, Clock::of(clock), spec, state, names);
            // Leaving it sends what was on its way.
            drop(handle.read());
            return Ok(handle);
        };
        let mut held = handle.hold();
        let names = &handle.names;
        names.release_all(id);
        if let Err(token) = state.register_tokens(id, names) {
            // These were all its own a moment ago.
            let _ = held.register_tokens(id, names);
            return Err(token);
        }
        state.rejoin(Arc::clone(&self.config), Arc::clone(names));
        *held = state;
        handle.clock.restore(clock);
        let mut beginning = handle.spec.lock().unwrap_or_else(PoisonError::into_inner);
        // How it is reached stays as it is here: whoever knows its port, or its token, goes on.
        *beginning = WorldSpec { port: beginning.port, ..spec };
        drop(beginning);
        drop(held);
        if let Some(store) = &self.store {
            handle.append_whole(store);
        }
        drop(handle.read());
        Ok(handle)
    }

    fn put(
        &self,
        id: u64,
        clock: Clock,
        spec: WorldSpec,
        mut state: State,
        names: Arc<TokenIndex>,
    ) -> Arc<WorldHandle> {
        if self.store.is_some() {
            state.watch();
        }
        let handle = Arc::new(WorldHandle {
            id,
            clock,
            spec: Mutex::new(spec),
            state: Mutex::new(state),
            names,
            store: self.store.clone(),
            outbox: self.outbox.clone(),
        });
        self.handles.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&handle));
        if let Some(store) = &self.store {
            handle.append_whole(store);
        }
        handle
    }

    /// Ends a world; its tokens and links lead nowhere from now on.
    pub(crate) fn remove(&self, id: u64) -> Option<Arc<WorldHandle>> {
        let removed = self.handles.write().unwrap_or_else(PoisonError::into_inner).remove(&id)?;
        self.index.release_all(id);
        if let Some(store) = &self.store {
            store.append_end(id);
        }
        Some(removed)
    }

    /// Holds every world still at once, and lets none come or go meanwhile.
    pub(crate) fn hold_all<R>(&self, work: impl FnOnce(&[(&WorldHandle, MutexGuard<'_, State>)]) -> R) -> R {
        let handles = self.handles.read().unwrap_or_else(PoisonError::into_inner);
        let held: Vec<_> = handles.values().map(|handle| (&**handle, handle.hold())).collect();
        work(&held)
    }

    pub(crate) fn all(&self) -> Vec<Arc<WorldHandle>> {
        self.handles.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(crate) fn get(&self, id: u64) -> Option<Arc<WorldHandle>> {
        self.handles.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// The world that a sandbox begins with.
    pub(crate) fn first(&self) -> Result<Arc<WorldHandle>, ApiError> {
        self.get(1).ok_or_else(|| ApiError::not_found("world"))
    }

    /// The world that a token or a client id belongs to.
    pub(crate) fn of(&self, name: &str) -> Option<Arc<WorldHandle>> {
        self.get(self.index.of(name)?)
    }

    /// How long until the next thing falls due on a clock that goes by itself.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        let moving = self.all().into_iter().filter(|handle| !handle.clock.is_frozen());
        let due = moving.filter_map(|handle| Some(handle.hold().next_due()? - handle.clock.now()));
        // What is due already has no time left.
        due.min().map(|left| left.to_std().unwrap_or_default())
    }

    /// Waits until all that happened so far has been told.
    pub(crate) async fn flush_deliveries(&self) {
        outbox::flush_deliveries(&self.outbox).await;
    }

    /// Whether worlds are written down.
    pub(crate) fn are_durable(&self) -> bool {
        self.store.is_some()
    }

    /// Ends the writing.
    pub(crate) fn close(&self) {
        if let Some(store) = &self.store {
            store.close();
        }
    }

    /// Waits until the writing has ended.
    pub(crate) async fn closed(&self) {
        if let Some(store) = &self.store {
            store.closed().await;
        }
    }

    /// Waits until all that was done so far is on the disk, where worlds are kept there.
    pub(crate) async fn durable(&self) -> Result<(), String> {
        match &self.store {
            Some(store) => store.durable().await,
            None => Ok(()),
        }
    }
}

impl Snapshot for Worlds {
    fn snapshot(&self, meanwhile: &mut dyn FnMut()) -> serde_json::Result<Vec<u8>> {
        self.hold_all(|held| {
            let records: Vec<_> = held
                .iter()
                .map(|(handle, state)| WorldRecord::of(handle.clock.mode(), handle.spec(), state))
                .collect();
            let document = persistence::document(&records)?;
            meanwhile();
            Ok(document)
        })
    }
}
