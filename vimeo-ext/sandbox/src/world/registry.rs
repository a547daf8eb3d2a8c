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
    /// How often the world was reset.
    resets: AtomicU64,
    /// The index of its tokens and client ID: shared by all worlds, or its own if the world has its own port.
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

/// A locked world. Dropping it writes the changes to the store, if there is one.
pub(crate) struct WorldGuard<'a> {
    handle: &'a WorldHandle,
    state: MutexGuard<'a, State>,
    /// Whether the caller changes nothing; what fell due can still change the state.
    read_only: bool,
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
            && (!self.read_only
                || self.state.has_changed()
                || self.state.has_clock_moved(self.handle.clock.mode()))
        {
            snapshot::append_changes(store, self.handle.clock.mode(), &mut self.state);
        }
        // Sending under the lock preserves the order of events. The receiver is gone once the sandbox has stopped.
        let (events, schedule_changed) = self.state.take_outbox();
        if !events.is_empty() {
            let _ = self.handle.outbox.send(DispatcherCommand::Events { world: self.handle.id, events });
        }
        if schedule_changed {
            let _ = self.handle.outbox.send(DispatcherCommand::ScheduleChanged);
        }
    }
}

impl WorldHandle {
    /// Locks the state for writing, with everything due up to now done.
    pub(crate) fn write(&self) -> (WorldGuard<'_>, DateTime<Utc>) {
        self.open(false)
    }

    /// Locks the state like [`write`](Self::write), for a caller that changes nothing.
    pub(crate) fn read(&self) -> (WorldGuard<'_>, DateTime<Utc>) {
        self.open(true)
    }

    fn open(&self, read_only: bool) -> (WorldGuard<'_>, DateTime<Utc>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        state.run_due(now);
        (WorldGuard { handle: self, state, read_only }, now)
    }

    /// Whether a name is a token or the client id of this world.
    pub(crate) fn owns_token(&self, name: &str) -> bool {
        self.names.of(name) == Some(self.id)
    }

    /// Locks the state as it is, for a snapshot.
    pub(crate) fn lock_state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn spec(&self) -> WorldSpec {
        self.spec.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn append_whole(&self, store: &Store) {
        let mut state = self.lock_state();
        snapshot::append_whole(store, self.clock.mode(), self.spec(), &mut state);
    }

    /// Returns how often the world was reset.
    pub(crate) fn resets(&self) -> u64 {
        self.resets.load(Ordering::Acquire)
    }

    /// Resets the world.
    pub(crate) fn reset(&self, scope: ResetScope) {
        let (mut state, now) = self.write();
        self.resets.fetch_add(1, Ordering::AcqRel);
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

    /// Adds a world; the error is a token that another world has.
    pub(crate) fn add(&self, mut spec: WorldSpec) -> Result<Arc<WorldHandle>, String> {
        let id = self.last.fetch_add(1, Ordering::AcqRel) + 1;
        if spec.tokens.is_empty() {
            spec.tokens.push((format!("sandbox-user-token-{id}"), Scopes::all()));
        }
        let clock = Clock::of(spec.clock);
        let names = self.names_for(&spec);
        let mut state = State::new(id, spec.seed, Arc::clone(&self.config), Arc::clone(&names), clock.now());
        if let Err(token) = state.add_first_user_tokens(&spec.tokens) {
            names.release_all(id);
            return Err(token);
        }
        Ok(self.insert(id, clock, spec, state, names))
    }

    /// Returns the token index for a world. A world with its own port can share tokens with others.
    fn names_for(&self, spec: &WorldSpec) -> Arc<TokenIndex> {
        match spec.port {
            Some(_) => Arc::default(),
            None => Arc::clone(&self.index),
        }
    }

    /// Restores a stored world, replacing one with the same number. The error is a token that another world has;
    /// nothing has changed then.
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
            state.attach(Arc::clone(&self.config), Arc::clone(&names));
            self.last.fetch_max(id, Ordering::AcqRel);
            let handle = self.insert(id, Clock::of(clock), spec, state, names);
            // Dropping the guard sends undelivered events.
            drop(handle.read());
            return Ok(handle);
        };
        let mut locked = handle.lock_state();
        let names = &handle.names;
        names.release_all(id);
        if let Err(token) = state.register_tokens(id, names) {
            // This world had them until now.
            let _ = locked.register_tokens(id, names);
            return Err(token);
        }
        state.attach(Arc::clone(&self.config), Arc::clone(names));
        *locked = state;
        handle.clock.restore(clock);
        let mut current_spec = handle.spec.lock().unwrap_or_else(PoisonError::into_inner);
        // The port stays, so that its clients still reach the world.
        *current_spec = WorldSpec { port: current_spec.port, ..spec };
        drop(current_spec);
        drop(locked);
        if let Some(store) = &self.store {
            handle.append_whole(store);
        }
        drop(handle.read());
        Ok(handle)
    }

    fn insert(
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
            resets: AtomicU64::new(0),
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

    /// Removes a world; its tokens and links become invalid.
    pub(crate) fn remove(&self, id: u64) -> Option<Arc<WorldHandle>> {
        let removed = self.handles.write().unwrap_or_else(PoisonError::into_inner).remove(&id)?;
        self.index.release_all(id);
        if let Some(store) = &self.store {
            store.append_end(id);
        }
        Some(removed)
    }

    /// Locks all worlds at once; meanwhile none can be added or removed.
    pub(crate) fn lock_all<R>(&self, work: impl FnOnce(&[(&WorldHandle, MutexGuard<'_, State>)]) -> R) -> R {
        let handles = self.handles.read().unwrap_or_else(PoisonError::into_inner);
        let locked: Vec<_> = handles.values().map(|handle| (&**handle, handle.lock_state())).collect();
        work(&locked)
    }

    pub(crate) fn all(&self) -> Vec<Arc<WorldHandle>> {
        self.handles.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(crate) fn get(&self, id: u64) -> Option<Arc<WorldHandle>> {
        self.handles.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Returns the first world.
    pub(crate) fn first(&self) -> Result<Arc<WorldHandle>, ApiError> {
        self.get(1).ok_or_else(|| ApiError::not_found("world"))
    }

    /// Returns the world of a token or a client ID.
    pub(crate) fn of(&self, name: &str) -> Option<Arc<WorldHandle>> {
        self.get(self.index.of(name)?)
    }

    /// Returns the time until the next event is due on a running clock.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        let moving = self.all().into_iter().filter(|handle| !handle.clock.is_frozen());
        let due = moving.filter_map(|handle| Some(handle.lock_state().next_due()? - handle.clock.now()));
        // Overdue events are due now.
        due.min().map(|left| left.to_std().unwrap_or_default())
    }

    /// Waits until all events so far are delivered, or their delivery has failed.
    pub(crate) async fn flush_deliveries(&self) {
        outbox::flush_deliveries(&self.outbox).await;
    }

    /// Returns whether worlds are stored on disk.
    pub(crate) fn are_durable(&self) -> bool {
        self.store.is_some()
    }

    /// Closes the store.
    pub(crate) fn close(&self) {
        if let Some(store) = &self.store {
            store.close();
        }
    }

    /// Waits until the store is closed.
    pub(crate) async fn closed(&self) {
        if let Some(store) = &self.store {
            store.closed().await;
        }
    }

    /// Waits until all changes so far are on disk, if worlds are stored.
    pub(crate) async fn durable(&self) -> Result<(), String> {
        match &self.store {
            Some(store) => store.durable().await,
            None => Ok(()),
        }
    }
}

impl Snapshot for Worlds {
    fn snapshot(&self, meanwhile: &mut dyn FnMut()) -> serde_json::Result<Vec<u8>> {
        self.lock_all(|locked| {
            let records: Vec<_> = locked
                .iter()
                .map(|(handle, state)| WorldRecord::of(handle.clock.mode(), handle.spec(), state))
                .collect();
            let document = persistence::document(&records)?;
            meanwhile();
            Ok(document)
        })
    }
}
