//! Which world a token, a client id or a link belongs to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use chrono::{DateTime, Utc};

use super::State;
use crate::clock::Clock;
use crate::config::Config;
use crate::errors::ApiError;

/// One world: its clock and its state.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) id: u64,
    pub(crate) clock: Clock,
    state: Mutex<State>,
}

impl Cell {
    /// The state as of now, with all that fell due done.
    pub(crate) fn enter(&self) -> (MutexGuard<'_, State>, DateTime<Utc>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        state.settle(now);
        (state, now)
    }
}

/// Names that decide a world: tokens and client ids.
#[derive(Debug, Default)]
pub(crate) struct TokenIndex {
    names: RwLock<HashMap<String, u64>>,
}

impl TokenIndex {
    /// Gives `name` to `world`; `false` when it is taken.
    pub(crate) fn claim(&self, name: &str, world: u64) -> bool {
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        if names.contains_key(name) {
            return false;
        }
        names.insert(name.to_owned(), world);
        true
    }

    pub(crate) fn release(&self, name: &str) {
        self.names.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    fn of(&self, name: &str) -> Option<u64> {
        self.names.read().unwrap_or_else(PoisonError::into_inner).get(name).copied()
    }
}

/// All worlds of a sandbox.
#[derive(Debug)]
pub(crate) struct Worlds {
    pub(crate) config: Arc<Config>,
    index: Arc<TokenIndex>,
    cells: RwLock<Vec<Arc<Cell>>>,
}

impl Worlds {
    pub(crate) fn new(config: Config) -> Self {
        Self { config: Arc::new(config), index: Arc::default(), cells: RwLock::default() }
    }

    pub(crate) fn add(&self, seed: u64, clock: Clock) -> Arc<Cell> {
        let mut cells = self.cells.write().unwrap_or_else(PoisonError::into_inner);
        let id = cells.len() as u64 + 1;
        let state = State::new(id, seed, Arc::clone(&self.config), Arc::clone(&self.index), clock.now());
        let cell = Arc::new(Cell { id, clock, state: Mutex::new(state) });
        cells.push(Arc::clone(&cell));
        cell
    }

    pub(crate) fn get(&self, id: u64) -> Option<Arc<Cell>> {
        let place = usize::try_from(id.checked_sub(1)?).ok()?;
        self.cells.read().unwrap_or_else(PoisonError::into_inner).get(place).cloned()
    }

    /// The world that a sandbox begins with.
    pub(crate) fn first(&self) -> Result<Arc<Cell>, ApiError> {
        self.get(1).ok_or_else(|| ApiError::not_found("world"))
    }

    /// The world that a token or a client id belongs to.
    pub(crate) fn of(&self, name: &str) -> Option<Arc<Cell>> {
        self.get(self.index.of(name)?)
    }
}
