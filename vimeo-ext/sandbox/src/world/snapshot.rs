//! The stored form of a world, as a whole or as changes.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::State;
use super::spec::WorldSpec;
use crate::clock::Mode;
use crate::persistence::{self, Raw, StateError, Store};

/// A world as it is written.
#[derive(Serialize)]
pub(super) struct WorldRecord<'a> {
    id: u64,
    clock: Mode,
    origin: WorldSpec,
    state: &'a State,
}

/// A world as it was read.
#[derive(Debug, Deserialize)]
pub(crate) struct StoredWorld {
    pub(crate) id: u64,
    pub(crate) clock: Mode,
    #[serde(rename = "origin")]
    pub(crate) spec: WorldSpec,
    pub(crate) state: State,
}

/// Parses the worlds of a document.
pub(crate) fn read_worlds(worlds: Raw, location: &str) -> Result<Vec<StoredWorld>, StateError> {
    let read = |world| serde_json::from_value(Value::Object(world));
    let unreadable = |source| StateError::Unreadable { location: location.to_owned(), source };
    worlds.into_values().map(|world| read(world).map_err(unreadable)).collect()
}

/// Parses a document of any version up to the current one.
pub(crate) fn read_document(document: &[u8], location: &str) -> Result<Vec<StoredWorld>, StateError> {
    read_worlds(persistence::read(document, location)?, location)
}

impl<'a> WorldRecord<'a> {
    pub(super) fn of(clock: Mode, spec: WorldSpec, state: &'a State) -> Self {
        Self { id: state.id, clock, origin: spec, state }
    }
}

/// Writes what changed in a world.
pub(super) fn append_changes(store: &Store, clock: Mode, state: &mut State) {
    let clock_changed = state.clock_moved(clock);
    match state.take_changes() {
        Ok(changes) if changes.is_empty() && !clock_changed => {}
        Ok(changes) => {
            append(store, state.id, clock, Map::from_iter([("state".to_owned(), Value::Object(changes))]));
        }
        Err(error) => tracing::error!(%error, world = state.id, "cannot write the changes of a world"),
    }
}

/// Writes a whole world.
pub(super) fn append_whole(store: &Store, clock: Mode, spec: WorldSpec, state: &mut State) {
    let whole = serde_json::to_value(WorldRecord::of(clock, spec, state));
    // The whole world includes all pending changes.
    let committed = state.take_changes();
    match whole.and_then(|whole| committed.map(|_| whole)) {
        Ok(Value::Object(whole)) => append(store, state.id, clock, whole),
        Ok(_) => {}
        Err(error) => tracing::error!(%error, world = state.id, "cannot write a world"),
    }
}

fn append(store: &Store, world: u64, clock: Mode, mut set: Map<String, Value>) {
    match serde_json::to_value(clock) {
        Ok(clock) => drop(set.insert("clock".to_owned(), clock)),
        Err(error) => tracing::error!(%error, "cannot write a clock"),
    }
    store.append(world, set);
}
