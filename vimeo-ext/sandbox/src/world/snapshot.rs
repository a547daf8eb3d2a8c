//! A world as it is written down, whole or by what changed in it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::State;
use super::registry::{WorldHandle, WorldSpec, Worlds};
use crate::clock::Mode;
use crate::persistence::{self, Raw, Snapshot, StateError, Store};

/// A world as it is written.
#[derive(Serialize)]
struct WorldRecord<'a> {
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

fn record<'a>(handle: &'a WorldHandle, state: &'a State) -> WorldRecord<'a> {
    WorldRecord { id: handle.id, clock: handle.clock.mode(), origin: handle.spec(), state }
}

impl Snapshot for Worlds {
    fn snapshot(&self, meanwhile: &mut dyn FnMut()) -> serde_json::Result<Vec<u8>> {
        self.hold_all(|held| {
            let records: Vec<_> = held.iter().map(|(handle, state)| record(handle, state)).collect();
            let document = persistence::document(&records)?;
            meanwhile();
            Ok(document)
        })
    }
}

/// Writes what changed in an open world.
pub(super) fn append_changes(store: &Store, handle: &WorldHandle, state: &mut State) {
    let turned = state.clock_moved(handle.clock.mode());
    match state.take_changes() {
        Ok(changes) if changes.is_empty() && !turned => {}
        Ok(changes) => {
            append(store, handle, Map::from_iter([("state".to_owned(), Value::Object(changes))]));
        }
        Err(error) => tracing::error!(%error, world = handle.id, "what changed cannot be written down"),
    }
}

/// Writes all of a world.
pub(super) fn append_whole(store: &Store, handle: &WorldHandle) {
    let mut state = handle.hold();
    let whole = serde_json::to_value(record(handle, &state));
    // What is in the whole is no change any more.
    let settled = state.take_changes();
    match whole.and_then(|whole| settled.map(|_| whole)) {
        Ok(Value::Object(whole)) => append(store, handle, whole),
        Ok(_) => {}
        Err(error) => tracing::error!(%error, world = handle.id, "a world cannot be written down"),
    }
}

fn append(store: &Store, handle: &WorldHandle, mut set: Map<String, Value>) {
    match serde_json::to_value(handle.clock.mode()) {
        Ok(clock) => drop(set.insert("clock".to_owned(), clock)),
        Err(error) => tracing::error!(%error, "a clock cannot be written down"),
    }
    store.append(handle.id, set);
}
