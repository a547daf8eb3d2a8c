//! Entities without rules of their own, stored by the path of their collection, in order of creation.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An item of a collection.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entity {
    /// The last segment of its URI: a number or a name.
    pub(crate) id: String,
    /// The user who created it.
    pub(crate) owner: u64,
    /// The members that were set. All others are synthesized from the description.
    pub(crate) set: Map<String, Value>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) modified: DateTime<Utc>,
}

/// All collections of a world, by path. Clones share the entities until one changes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Collections(
    #[serde(with = "super::serde_helpers::shared")] Arc<BTreeMap<String, Vec<Entity>>>,
);

impl Collections {
    pub(crate) fn list(&self, key: &str) -> &[Entity] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn count(&self, key: &str) -> usize {
        self.list(key).len()
    }

    pub(crate) fn get(&self, key: &str, id: &str) -> Option<&Entity> {
        self.list(key).iter().find(|entity| entity.id == id)
    }

    pub(crate) fn get_mut(&mut self, key: &str, id: &str) -> Option<&mut Entity> {
        Arc::make_mut(&mut self.0).get_mut(key)?.iter_mut().find(|entity| entity.id == id)
    }

    /// Returns every collection with its path.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &[Entity])> {
        self.0.iter().map(|(key, entities)| (key.as_str(), entities.as_slice()))
    }

    /// Adds an entity, replacing one with the same ID.
    pub(crate) fn put(&mut self, key: &str, entity: Entity) {
        let entities = Arc::make_mut(&mut self.0).entry(key.to_owned()).or_default();
        match entities.iter_mut().find(|existing| existing.id == entity.id) {
            Some(existing) => *existing = entity,
            None => entities.push(entity),
        }
    }

    /// Removes an entity and all collections below it.
    pub(crate) fn remove(&mut self, key: &str, id: &str) -> bool {
        let Some(entities) = Arc::make_mut(&mut self.0).get_mut(key) else { return false };
        let before = entities.len();
        entities.retain(|entity| entity.id != id);
        let removed = entities.len() < before;
        if removed {
            self.remove_below(&format!("{key}/{id}/"));
        }
        removed
    }

    /// Returns whether any collection contains this ID.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.0.values().flatten().any(|entity| entity.id == id)
    }

    pub(crate) fn clear(&mut self, key: &str) {
        Arc::make_mut(&mut self.0).remove(key);
    }

    /// Removes all collections below a path, which ends in a slash.
    pub(crate) fn remove_below(&mut self, path: &str) {
        if self.0.keys().any(|key| key.starts_with(path)) {
            Arc::make_mut(&mut self.0).retain(|key, _| !key.starts_with(path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removing_an_entity_removes_collections_below_it() {
        let entity = |id: &str, owner: u64| Entity {
            id: id.to_owned(),
            owner,
            set: Map::new(),
            created: DateTime::UNIX_EPOCH,
            modified: DateTime::UNIX_EPOCH,
        };
        let mut collections = Collections::default();
        collections.put("/a", entity("1", 5));
        collections.put("/a", entity("2", 5));
        collections.put("/a", entity("1", 6));
        collections.put("/a/1/b", entity("9", 5));
        collections.put("/a/12/b", entity("9", 5));
        assert_eq!(collections.count("/a"), 2);
        assert_eq!(collections.get("/a", "1").map(|entity| entity.owner), Some(6));
        assert!(collections.remove("/a", "1") && !collections.remove("/a", "1"));
        assert_eq!((collections.count("/a/1/b"), collections.count("/a/12/b")), (0, 1));
    }
}
