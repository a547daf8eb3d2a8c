//! The form in which worlds are written down: one JSON document for all, and lines of changes to it.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::table;
use crate::protocol::ids;

/// What the document calls itself.
const FORMAT: &str = "vimeo-sandbox state";

/// The version that is written. A change that `#[serde(default)]` cannot bridge raises it and adds to [`MIGRATIONS`].
///
/// Version 2: a token stands in a world's state as its SHA-256.
const VERSION: u64 = 2;

/// Brings a world from one version to the next.
type Migration = fn(&mut Map<String, Value>) -> Result<(), String>;

/// The steps from version 1 on, in order: the first leads from 1 to 2.
const MIGRATIONS: [Migration; VERSION as usize - 1] = [hash_tokens];

/// From version 1 to 2.
fn hash_tokens(world: &mut Map<String, Value>) -> Result<(), String> {
    let tokens = world.get_mut("state").and_then(|state| state.get_mut("tokens"));
    // Where there are none, reading the world says so.
    if let Some(tokens) = tokens.and_then(Value::as_object_mut) {
        let hashed = std::mem::take(tokens).into_iter();
        *tokens = hashed.map(|(text, token)| (ids::sha256(&text), token)).collect();
    }
    Ok(())
}

/// The largest number of a world, such that the next ones can be counted on from it.
const MAX_WORLD_ID: u64 = 1 << 53;

/// Why what was written cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// It is no JSON, or not in the form that it should have.
    #[error("{place} cannot be read: {source}")]
    Unreadable {
        /// Where it stands.
        place: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// It is JSON of another kind.
    #[error("{0} holds no state of a sandbox: its member \"format\" is not \"{FORMAT}\"")]
    NotState(String),
    /// It was written by a newer release.
    #[error(
        "{place} is of version {version}, and this release reads up to {VERSION}; use a newer vimeo-sandbox"
    )]
    TooNew {
        /// Where it stands.
        place: String,
        /// The version that it names.
        version: u64,
    },
    /// It could not be brought from an older version to today's.
    #[error("{place} cannot be brought from version {from} to {}: {reason}", from + 1)]
    Migration {
        /// Where it stands.
        place: String,
        /// The version that it had.
        from: u64,
        /// What was in the way.
        reason: String,
    },
    /// The worlds are there, but one of them could not be given its port.
    #[error("the worlds were read, but not all of them can be reached: {0}")]
    NoPort(String),
    /// A token of it belongs to a world that is not replaced.
    #[error("a token in it (fingerprint {0}) belongs to another world already")]
    TokenTaken(String),
}

/// One line of changes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) world: u64,
    /// What of the world is new: its members as in the document, tables by rows. `None` where the world ended.
    pub(crate) set: Option<Map<String, Value>>,
}

/// Worlds as they are in the document, before they are understood.
pub(crate) type Raw = BTreeMap<u64, Map<String, Value>>;

/// Writes a document of these worlds.
pub(crate) fn document(worlds: &[impl Serialize]) -> serde_json::Result<Vec<u8>> {
    #[derive(Serialize)]
    struct Document<'a, W> {
        format: &'static str,
        version: u64,
        worlds: &'a [W],
    }
    serde_json::to_vec(&Document { format: FORMAT, version: VERSION, worlds })
}

/// Writes worlds that were read and not understood yet.
pub(crate) fn raw_document(worlds: &Raw) -> serde_json::Result<Vec<u8>> {
    document(&worlds.values().collect::<Vec<_>>())
}

/// A document that was read and is still as it was written.
pub(super) struct Document {
    place: String,
    version: u64,
    pub(super) worlds: Raw,
}

impl Document {
    /// The worlds in the form of today.
    pub(super) fn migrated(self) -> Result<Raw, StateError> {
        let Self { place, version, mut worlds } = self;
        for (migrate, from) in MIGRATIONS.iter().zip(1..).skip_while(|(_, from)| *from < version) {
            for world in worlds.values_mut() {
                migrate(world).map_err(|reason| StateError::Migration {
                    place: place.clone(),
                    from,
                    reason,
                })?;
            }
        }
        Ok(worlds)
    }
}

/// Reads a document of any version up to today's.
pub(crate) fn read(bytes: &[u8], place: &str) -> Result<Raw, StateError> {
    parse(bytes, place)?.migrated()
}

/// Reads a document as it was written.
pub(super) fn parse(bytes: &[u8], place: &str) -> Result<Document, StateError> {
    let unreadable = |source| StateError::Unreadable { place: place.to_owned(), source };
    let mut document: Map<String, Value> = serde_json::from_slice(bytes).map_err(unreadable)?;
    if document.get("format").and_then(Value::as_str) != Some(FORMAT) {
        return Err(StateError::NotState(place.to_owned()));
    }
    let version = document.get("version").and_then(Value::as_u64).unwrap_or(0);
    if version > VERSION {
        return Err(StateError::TooNew { place: place.to_owned(), version });
    }
    if version == 0 {
        return Err(StateError::NotState(place.to_owned()));
    }
    let worlds = document.remove("worlds").unwrap_or_default();
    let worlds: Vec<Map<String, Value>> = serde_json::from_value(worlds).map_err(unreadable)?;
    let worlds = worlds.into_iter().map(|world| {
        let id = world.get("id").and_then(Value::as_u64).filter(|id| (1..=MAX_WORLD_ID).contains(id));
        let id = id.ok_or_else(|| {
            unreadable(serde_json::Error::custom(format!(
                "a world's id is no number from 1 to {MAX_WORLD_ID}"
            )))
        })?;
        Ok((id, world))
    });
    Ok(Document { place: place.to_owned(), version, worlds: worlds.collect::<Result<_, StateError>>()? })
}

impl Change {
    /// Lays the change over the worlds that it concerns.
    pub(crate) fn apply(self, worlds: &mut Raw) {
        let Some(mut set) = self.set else {
            worlds.remove(&self.world);
            return;
        };
        let world = worlds.entry(self.world).or_default();
        if let Some(state) = world.get_mut("state").and_then(Value::as_object_mut)
            && let Some(Value::Object(changes)) = set.remove("state")
        {
            table::apply(state, changes);
        }
        world.extend(set);
    }
}
