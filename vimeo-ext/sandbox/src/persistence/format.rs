//! The format of stored worlds: one JSON document for all worlds, and lines of changes to it.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::table;
use crate::protocol::ids;

/// The name of the format.
const FORMAT: &str = "vimeo-sandbox state";

/// The version that is written. A change that `#[serde(default)]` cannot bridge increments it and adds to
/// [`MIGRATIONS`].
///
/// Version 2: tokens are stored as their SHA-256.
const VERSION: u64 = 2;

/// Migrates a world from one version to the next.
type Migration = fn(&mut Map<String, Value>) -> Result<(), String>;

/// The migrations in order, starting with version 1 to 2.
const MIGRATIONS: [Migration; VERSION as usize - 1] = [hash_tokens];

/// Migrates from version 1 to 2.
fn hash_tokens(world: &mut Map<String, Value>) -> Result<(), String> {
    let tokens = world.get_mut("state").and_then(|state| state.get_mut("tokens"));
    // Parsing the world reports missing tokens.
    if let Some(tokens) = tokens.and_then(Value::as_object_mut) {
        let hashed = std::mem::take(tokens).into_iter();
        *tokens = hashed.map(|(text, token)| (ids::sha256(&text), token)).collect();
    }
    Ok(())
}

/// The highest number of a world, which leaves room to count on.
const MAX_WORLD_ID: u64 = 1 << 53;

/// Why a stored state cannot be read or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// It is not valid JSON, or does not have the expected form.
    #[error("cannot read {location}: {source}")]
    Unreadable {
        /// The file or folder, and the line.
        location: String,
        /// The parse error.
        source: serde_json::Error,
    },
    /// It is JSON of another kind.
    #[error("{0} is not a state of a sandbox: its `format` is not \"{FORMAT}\"")]
    NotState(String),
    /// It was written by a newer release.
    #[error(
        "{location} has version {version}, but this release reads up to version {VERSION}; use a newer vimeo-sandbox"
    )]
    TooNew {
        /// The file or folder.
        location: String,
        /// The version of the state.
        version: u64,
    },
    /// It could not be migrated to the current version.
    #[error("cannot migrate {location} from version {from} to {}: {reason}", from + 1)]
    Migration {
        /// The file or folder.
        location: String,
        /// The version of the state.
        from: u64,
        /// Why the migration failed.
        reason: String,
    },
    /// The worlds were restored, but a port of one of them could not be bound.
    #[error("the worlds were restored, but not all of them can be reached: {0}")]
    NoPort(String),
    /// One of its tokens belongs to a world that is not replaced.
    #[error("the state contains a token (fingerprint {0}) of another world")]
    TokenTaken(String),
}

/// One line of changes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) world: u64,
    /// The changed members of the world, as in the document; tables by rows. `None` if the world was removed.
    pub(crate) set: Option<Map<String, Value>>,
}

/// Worlds as in the document, before they are parsed further.
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

/// Writes worlds that are not parsed further.
pub(crate) fn raw_document(worlds: &Raw) -> serde_json::Result<Vec<u8>> {
    document(&worlds.values().collect::<Vec<_>>())
}

/// A parsed document, before migration.
pub(super) struct Document {
    location: String,
    version: u64,
    pub(super) worlds: Raw,
}

impl Document {
    /// Returns the worlds in the current version.
    pub(super) fn migrated(self) -> Result<Raw, StateError> {
        let Self { location, version, mut worlds } = self;
        for (migrate, from) in MIGRATIONS.iter().zip(1..).skip_while(|(_, from)| *from < version) {
            for world in worlds.values_mut() {
                migrate(world).map_err(|reason| StateError::Migration {
                    location: location.clone(),
                    from,
                    reason,
                })?;
            }
        }
        Ok(worlds)
    }
}

/// Reads a document of any version up to the current one.
pub(crate) fn read(bytes: &[u8], location: &str) -> Result<Raw, StateError> {
    parse(bytes, location)?.migrated()
}

/// Parses a document without migrating it.
pub(super) fn parse(bytes: &[u8], location: &str) -> Result<Document, StateError> {
    let unreadable = |source| StateError::Unreadable { location: location.to_owned(), source };
    let mut document: Map<String, Value> = serde_json::from_slice(bytes).map_err(unreadable)?;
    if document.get("format").and_then(Value::as_str) != Some(FORMAT) {
        return Err(StateError::NotState(location.to_owned()));
    }
    let version = document.get("version").and_then(Value::as_u64).unwrap_or(0);
    if version > VERSION {
        return Err(StateError::TooNew { location: location.to_owned(), version });
    }
    if version == 0 {
        return Err(StateError::NotState(location.to_owned()));
    }
    let worlds = document.remove("worlds").unwrap_or_default();
    let worlds: Vec<Map<String, Value>> = serde_json::from_value(worlds).map_err(unreadable)?;
    let worlds = worlds.into_iter().map(|world| {
        let id = world.get("id").and_then(Value::as_u64).filter(|id| (1..=MAX_WORLD_ID).contains(id));
        let id = id.ok_or_else(|| {
            unreadable(serde_json::Error::custom(format!(
                "the ID of a world must be a number from 1 to {MAX_WORLD_ID}"
            )))
        })?;
        Ok((id, world))
    });
    Ok(Document {
        location: location.to_owned(),
        version,
        worlds: worlds.collect::<Result<_, StateError>>()?,
    })
}

impl Change {
    /// Applies the change to its world.
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
