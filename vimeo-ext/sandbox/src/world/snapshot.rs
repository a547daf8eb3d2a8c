//! A world as it is written down, whole or by what changed in it.

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

/// Reads worlds from what a document holds.
pub(crate) fn read_worlds(worlds: Raw, place: &str) -> Result<Vec<StoredWorld>, StateError> {
    let read = |world| serde_json::from_value(Value::Object(world));
    let unreadable = |source| StateError::Unreadable { place: place.to_owned(), source };
    worlds.into_values().map(|world| read(world).map_err(unreadable)).collect()
}

/// Reads a document of any version up to today's.
pub(crate) fn read_document(document: &[u8], place: &str) -> Result<Vec<StoredWorld>, StateError> {
    read_worlds(persistence::read(document, place)?, place)
}

impl<'a> WorldRecord<'a> {
    pub(super) fn of(clock: Mode, spec: WorldSpec, state: &'a State) -> Self {
        Self { id: state.id, clock, origin: spec, state }
    }
}

/// Writes what changed in a world.
pub(super) fn append_changes(store: &Store, clock: Mode, state: &mut State) {
    let turned = state.clock_moved(clock);
    match state.take_changes() {
        Ok(changes) if changes.is_empty() && !turned => {}
        Ok(changes) => {
            append(store, state.id, clock, Map::from_iter([("state".to_owned(), Value::Object(changes))]));
        }
        Err(error) => tracing::error!(%error, world = state.id, "what changed cannot be written down"),
    }
}

/// Writes all of a world.
pub(super) fn append_whole(store: &Store, clock: Mode, spec: WorldSpec, state: &mut State) {
    let whole = serde_json::to_value(WorldRecord::of(clock, spec, state));
    // What is in the whole is no change any more.
    let settled = state.take_changes();
    match whole.and_then(|whole| settled.map(|_| whole)) {
        Ok(Value::Object(whole)) => append(store, state.id, clock, whole),
        Ok(_) => {}
        Err(error) => tracing::error!(%error, world = state.id, "a world cannot be written down"),
    }
}

fn append(store: &Store, world: u64, clock: Mode, mut set: Map<String, Value>) {
    match serde_json::to_value(clock) {
        Ok(clock) => drop(set.insert("clock".to_owned(), clock)),
        Err(error) => tracing::error!(%error, "a clock cannot be written down"),
    }
    store.append(world, set);
}
